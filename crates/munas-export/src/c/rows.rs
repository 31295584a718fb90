//! The C function of a part of the network that is executed in rows.
//!
//! The function is called with each new row of the part's input, and makes every row that can be made of it: of the operators that can
//! make one, the last does ([`munas_cost::choose_schedule`] counts on that order). An operator is a block with a label; when it has made a
//! row, control goes on at the last reader of its output, and where it can make none it falls to the operator before it.
//!
//! Rows of a tensor are numbered as [`NeededRows`] numbers them: those that nobody reads have no number. A ring holds the rows that its
//! readers still need, the oldest first; when a reader is done with some, the others are moved to the start.
//!
//! | counter | of | counts |
//! |---|---|---|
//! | made | each tensor | its rows that are there |
//! | taken | a pooling or dense layer that takes up rows as they come | the rows that it has taken |
//! | first | a ring with several readers | the number of the row at its start |

mod block;

use std::fmt::Write;
use std::ops::Range;

use munas_cost::{NeededRows, RowFlow, RowWork, ScheduleMemory};
use munas_ir::{OpId, TensorId};

use super::Model;
use super::sequence::Tables;

/// What is known of a network whose parts run in rows.
#[derive(Clone, Debug)]
pub(super) struct Streamed {
    pub flow: RowFlow,
    pub needed: NeededRows,
    pub memory: ScheduleMemory,
}

impl Streamed {
    /// Whether an operator takes up rows as they come: as [`RowWork`] says.
    pub(super) fn work(&self, op: OpId) -> RowWork {
        self.flow.operators()[op.index()].work
    }

    /// Bytes of the counters: one of each if no tensor has more than 255 rows, else two.
    pub(super) fn counter_bytes(&self) -> usize {
        let rows = (0..=self.flow.operators().len()).map(|tensor| self.needed.count(TensorId::new(tensor)));
        if rows.max().unwrap_or(0) <= usize::from(u8::MAX) { 1 } else { 2 }
    }
}

/// Where the rows of a tensor are while a part runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// In memory that has all of its rows, also those without a number.
    Whole,
    /// In a ring of so many rows.
    Ring(usize),
}

/// A part in rows.
pub(super) struct RowsPart<'m> {
    model: &'m Model<'m>,
    streamed: &'m Streamed,
    number: usize,
    ops: Range<usize>,
    tensor_in: TensorId,
    places: Vec<Place>,
    /// For each tensor of the part, the operators of the part that read it.
    readers: Vec<Vec<OpId>>,
    /// For each operator, its counter of rows taken.
    taken: Vec<Option<usize>>,
    /// For each tensor, the counter of the row at the start of its ring.
    first: Vec<Option<usize>>,
    counters: usize,
}

/// The text of a part.
pub(super) struct RowsText {
    /// Tables and function.
    pub text: String,
    /// How many counters it uses.
    pub counters: usize,
    /// For an input that comes in rows.
    pub intake: Option<Intake>,
}

/// C expressions of what is done with a row of the input that has come.
pub(super) struct Intake {
    /// Whether anyone reads it.
    pub is_needed: String,
    /// Where it is written to.
    pub place: String,
}

impl<'m> RowsPart<'m> {
    /// Part `number` of the schedule, which begins with this tensor.
    pub(super) fn new(
        model: &'m Model<'m>,
        streamed: &'m Streamed,
        number: usize,
        tensor_in: TensorId,
    ) -> Self {
        let schedule = model.plan.schedule.as_ref().expect("a network with parts has a schedule");
        let part = &schedule.parts[number];
        let first = part.ops[0].index();
        let ops = first..first + part.ops.len();
        let mut places = vec![Place::Whole; ops.len() + 1];
        let mut this = Self {
            model,
            streamed,
            number,
            tensor_in,
            places: Vec::new(),
            readers: vec![Vec::new(); ops.len() + 1],
            taken: vec![None; ops.len()],
            first: vec![None; ops.len() + 1],
            counters: ops.len() + 1,
            ops,
        };
        for ring in &streamed.memory.parts[number].rings {
            places[this.local(ring.tensor)] = Place::Ring(ring.rows);
        }
        this.places = places;
        this.find_readers();
        this.number_counters();
        this
    }

    fn find_readers(&mut self) {
        for op in self.ops.clone().map(OpId::new) {
            for tensor in self.inputs(op) {
                let local = self.local(tensor);
                self.readers[local].push(op);
            }
        }
    }

    fn number_counters(&mut self) {
        for op in self.ops.clone().map(OpId::new) {
            if self.takes_up_rows(op) {
                self.taken[op.index() - self.ops.start] = Some(self.counters);
                self.counters += 1;
            }
        }
        for local in 0..self.places.len() {
            if matches!(self.places[local], Place::Ring(2..)) && self.readers[local].len() > 1 {
                self.first[local] = Some(self.counters);
                self.counters += 1;
            }
        }
    }

    /// Tables, the function and what is to be known of them.
    pub(super) fn text(&self) -> RowsText {
        let mut tables = Tables::default();
        let mut body = String::new();
        let mut targets: Vec<OpId> = self.ops.clone().map(|op| self.next_after(OpId::new(op))).collect();
        let entry = self.readers[0].last().copied().expect("a part reads its input");
        if entry.index() + 1 != self.ops.end {
            writeln!(body, "    goto operator_{};", entry.index()).expect("a string takes every write");
            targets.push(entry);
        }
        for op in self.ops.clone().rev().map(OpId::new) {
            if targets.contains(&op) {
                writeln!(body, "operator_{}:", op.index()).expect("a string takes every write");
            }
            body += &self.block(op, &mut tables);
        }
        let intake = matches!(self.places[0], Place::Ring(_)).then(|| self.intake(&mut tables));
        let parameter = if self.is_external(self.tensor_in) { "const int8_t *input" } else { "void" };
        let (first, last) = (self.ops.start, self.ops.end - 1);
        let text = format!(
            "\n{tables}/* Makes what can be made of operators {first} to {last} with the rows that are there. */\n\
             static void munas_part_{number}({parameter}) {{\n{body}}}\n",
            tables = tables.into_text(),
            number = self.number,
        );
        RowsText { text, counters: self.counters, intake }
    }

    fn intake(&self, tables: &mut Tables) -> Intake {
        let mut is_needed = format!("{} < {}u", made(0), self.count(self.tensor_in));
        let rows: Vec<usize> = self.streamed.needed.rows(self.tensor_in).collect();
        if rows.iter().enumerate().any(|(number, row)| number != *row) {
            is_needed += &format!(" && munas_rows_pushed == {}", tables.element("rows_0", &rows, &made(0)));
        }
        Intake { is_needed, place: self.row_to_write(self.tensor_in, &made(0), tables) }
    }

    /// Position of a tensor of the part; also its counter of rows made.
    fn local(&self, tensor: TensorId) -> usize {
        if tensor == self.tensor_in { 0 } else { tensor.index() - self.ops.start }
    }

    fn is_external(&self, tensor: TensorId) -> bool {
        self.model.plan.offsets[tensor.index()].is_none()
    }

    /// The tensors that an operator reads, each once.
    fn inputs(&self, op: OpId) -> Vec<TensorId> {
        let mut inputs = self.streamed.flow.operators()[op.index()].inputs.clone();
        inputs.sort_unstable();
        inputs.dedup();
        inputs
    }

    fn takes_up_rows(&self, op: OpId) -> bool {
        matches!(self.streamed.work(op), RowWork::Sums(_) | RowWork::Maxima)
    }

    /// Where control goes on when an operator has made a row.
    fn next_after(&self, op: OpId) -> OpId {
        self.readers[self.local(op.output())].last().copied().unwrap_or(op)
    }

    /// Elements of a row.
    fn row_len(&self, tensor: TensorId) -> usize {
        self.streamed.flow.tensor(tensor).row_bytes as usize
    }

    fn count(&self, tensor: TensorId) -> usize {
        self.streamed.needed.count(tensor)
    }

    /// For each row of an operator's output, the rows of an input that it is made from.
    fn windows(&self, op: OpId, input: TensorId) -> Vec<Range<usize>> {
        let window = |row| self.streamed.needed.window(&self.streamed.flow, op, input, row);
        (0..self.count(op.output())).map(window).collect()
    }

    /// The expression of the number of the first row that a row of an operator's output is made from.
    fn window_start(&self, op: OpId, input: TensorId, position: &str, tables: &mut Tables) -> String {
        let starts: Vec<usize> = self.windows(op, input).iter().map(|window| window.start).collect();
        tables.element(&format!("start_{}_{}", op.index(), self.local(input)), &starts, position)
    }

    /// The same of the first one behind them.
    fn window_end(&self, op: OpId, input: TensorId, position: &str, tables: &mut Tables) -> String {
        let ends: Vec<usize> = self.windows(op, input).iter().map(|window| window.end).collect();
        tables.element(&format!("end_{}_{}", op.index(), self.local(input)), &ends, position)
    }

    /// The expression of where a tensor begins.
    fn base(&self, tensor: TensorId) -> String {
        self.model.place(tensor)
    }

    /// `base + rows · row length`, for a C expression of the rows.
    fn at(&self, tensor: TensorId, rows: &str) -> String {
        match (rows, self.row_len(tensor)) {
            ("0u", _) => self.base(tensor),
            (rows, 1) => format!("{} + ({rows})", self.base(tensor)),
            (rows, length) => format!("{} + ({rows}) * {length}u", self.base(tensor)),
        }
    }

    /// Where row `position` of a tensor is, if it is the one at the start of what an operator reads.
    fn row_to_read(&self, op: OpId, tensor: TensorId, position: &str, tables: &mut Tables) -> String {
        let local = self.local(tensor);
        match (self.places[local], self.first[local]) {
            (Place::Whole, _) => {
                let rows: Vec<usize> = self.streamed.needed.rows(tensor).collect();
                let start = if self.takes_up_rows(op) {
                    tables.element(&format!("rows_{local}"), &rows, position)
                } else {
                    let last = rows.last().map_or(0, |row| row + 1);
                    let starts: Vec<usize> = self
                        .windows(op, tensor)
                        .iter()
                        .map(|window| rows.get(window.start).copied().unwrap_or(last))
                        .collect();
                    tables.element(&format!("from_{}_{local}", op.index()), &starts, position)
                };
                self.at(tensor, &start)
            }
            (Place::Ring(_), None) => self.base(tensor),
            (Place::Ring(_), Some(first)) => {
                let start = if self.takes_up_rows(op) {
                    position.to_owned()
                } else {
                    self.window_start(op, tensor, position, tables)
                };
                self.at(tensor, &format!("{start} - {}", made(first)))
            }
        }
    }

    /// Where row `position` of a tensor is written to.
    fn row_to_write(&self, tensor: TensorId, position: &str, tables: &mut Tables) -> String {
        let local = self.local(tensor);
        match (self.places[local], self.first[local], &self.readers[local][..]) {
            (Place::Whole, ..) => {
                let rows: Vec<usize> = self.streamed.needed.rows(tensor).collect();
                let row = tables.element(&format!("rows_{local}"), &rows, position);
                self.at(tensor, &row)
            }
            (Place::Ring(_), Some(first), _) => self.at(tensor, &format!("{position} - {}", made(first))),
            (Place::Ring(2..), None, &[reader]) if !self.takes_up_rows(reader) => {
                let start = self.window_start(reader, tensor, &made(self.local(reader.output())), tables);
                self.at(tensor, &format!("{position} - {start}"))
            }
            (Place::Ring(_), None, _) => self.base(tensor),
        }
    }
}

/// The C expression of a counter.
fn made(counter: usize) -> String {
    format!("munas_counts[{counter}]")
}
