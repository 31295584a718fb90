//! How many rows of each tensor are alive at once when a part of a network runs in rows.
//!
//! Rows are pushed into the part one by one. Then, as long as any operator can make a row, the last of those that can makes one: what is
//! there is used up before more is made.

use std::ops::Range;

use munas_ir::{OpId, TensorId};

use super::flow::{NeededRows, RowFlow, RowWork};

/// The rows of one tensor that are kept in a part that runs in rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TensorRing {
    /// The tensor.
    pub tensor: TensorId,
    /// Rows that are kept, the one that is being made included.
    pub rows: usize,
    /// Their bytes.
    pub bytes: u64,
}

/// What a part that runs in rows keeps, besides its tensors in and out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rings {
    /// Rows of the tensor in, where it comes in rows.
    pub input: TensorRing,
    /// The tensors between its operators.
    pub inner: Vec<TensorRing>,
    /// Bytes of 32-bit sums.
    pub sums: u64,
}

impl Rings {
    /// Bytes of the tensors between its operators, and of the sums.
    pub fn bytes(&self) -> u64 {
        self.sums + self.inner.iter().map(|ring| ring.bytes).sum::<u64>()
    }
}

/// What the part of these operators keeps, whose only tensor in is `input` and whose only tensor out is that of the last one.
pub(super) fn rings(flow: &RowFlow, needed: &NeededRows, input: TensorId, ops: Range<usize>) -> Rings {
    let most = if ops.len() == 1 {
        vec![rows_of_one(flow, needed, input, OpId::new(ops.start))]
    } else {
        Push::new(flow, needed, input, ops.clone()).run()
    };
    let ring = |tensor: TensorId, rows: usize| {
        let bytes = rows as u64 * flow.tensor(tensor).row_bytes;
        TensorRing { tensor, rows, bytes }
    };
    let inner = (ops.start..ops.end - 1).map(|op| ring(OpId::new(op).output(), most[op - ops.start + 1]));
    let sums = flow.operators()[ops.clone()].iter().map(|operator| match operator.work {
        RowWork::Sums(bytes) => bytes,
        RowWork::Window | RowWork::Maxima | RowWork::Whole => 0,
    });
    Rings { inner: inner.collect(), sums: sums.sum(), input: ring(input, most[0]) }
}

/// The rows of its input that an operator by itself keeps: those of its largest window.
fn rows_of_one(flow: &RowFlow, needed: &NeededRows, input: TensorId, op: OpId) -> usize {
    if flow.operators()[op.index()].work.takes_up_rows() {
        return 1;
    }
    let windows = (0..needed.count(op.output())).map(|row| needed.window(flow, op, input, row).len());
    windows.max().unwrap_or(0)
}

/// A part of a network into which rows are pushed.
struct Push<'a> {
    flow: &'a RowFlow,
    needed: &'a NeededRows,
    input: TensorId,
    ops: Range<usize>,
    /// For each tensor of the part, how many of its rows are there: the one in first, then those that its operators make.
    made: Vec<usize>,
    /// For each tensor, the most rows alive so far.
    most: Vec<usize>,
    /// For each tensor, the operators of the part that read it.
    readers: Vec<Vec<OpId>>,
}

impl<'a> Push<'a> {
    fn new(flow: &'a RowFlow, needed: &'a NeededRows, input: TensorId, ops: Range<usize>) -> Self {
        let tensors = ops.len() + 1;
        let mut push = Self {
            flow,
            needed,
            input,
            ops: ops.clone(),
            made: vec![0; tensors],
            most: vec![0; tensors],
            readers: vec![Vec::new(); tensors],
        };
        for op in ops {
            for &read in &flow.operators()[op].inputs {
                let local = push.local(read);
                push.readers[local].push(OpId::new(op));
            }
        }
        push
    }

    /// The most rows alive of each tensor.
    fn run(mut self) -> Vec<usize> {
        for row in 0..self.needed.count(self.input) {
            self.make(self.input, row);
            let mut op = self.readers[0].last().map_or(self.ops.start, |reader| reader.index() + 1);
            while op > self.ops.start {
                let output = OpId::new(op - 1).output();
                match self.next_row(op - 1) {
                    Some(row) => {
                        self.make(output, row);
                        let last_reader = self.readers[self.local(output)].last();
                        op = last_reader.map_or(op, |reader| reader.index() + 1);
                    }
                    None => op -= 1,
                }
            }
        }
        self.most
    }

    /// Position of a tensor of the part.
    fn local(&self, tensor: TensorId) -> usize {
        if tensor == self.input { 0 } else { tensor.index() - self.ops.start }
    }

    fn make(&mut self, tensor: TensorId, row: usize) {
        self.count(tensor, row);
        let local = self.local(tensor);
        self.made[local] = row + 1;
    }

    /// The row that an operator can make now. Of a maximum, what has come is taken up.
    fn next_row(&mut self, op: usize) -> Option<usize> {
        let (operator, output) = (&self.flow.operators()[op], OpId::new(op).output());
        let row = self.made[self.local(output)];
        if row == self.needed.count(output) {
            return None;
        }
        let (mut is_ready, mut is_begun) = (true, false);
        for &input in &operator.inputs {
            let window = self.needed.window(self.flow, OpId::new(op), input, row);
            let made = self.made[self.local(input)];
            is_ready &= made >= window.end;
            is_begun |= made > window.start;
        }
        if is_begun && operator.work == RowWork::Maxima {
            self.count(output, row);
        }
        is_ready.then_some(row)
    }

    /// Counts the rows of a tensor that are alive while row `newest` is there or being made.
    fn count(&mut self, tensor: TensorId, newest: usize) {
        let local = self.local(tensor);
        let oldest = self.readers[local].iter().map(|&reader| {
            let row = self.made[self.local(reader.output())];
            let is_done = row == self.needed.count(reader.output());
            if is_done || self.flow.operators()[reader.index()].work.takes_up_rows() {
                newest
            } else {
                self.needed.window(self.flow, reader, tensor, row).start
            }
        });
        let oldest = oldest.min().unwrap_or(newest).min(newest);
        self.most[local] = self.most[local].max(newest - oldest + 1);
    }
}
