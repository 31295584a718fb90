//! The block of one operator: when it can make a row, how it does, and what it has no more use for.

use munas_cost::RowWork;
use munas_ir::{OpId, TensorId};

use super::super::layer::Kernel;
use super::super::sequence::Tables;
use super::{Place, RowsPart, made};

impl RowsPart<'_> {
    /// The statements of an operator.
    pub(super) fn block(&self, op: OpId, tables: &mut Tables) -> String {
        if self.takes_up_rows(op) { self.taking(op, tables) } else { self.making(op, tables) }
    }

    /// An operator that makes a row of the rows of its windows.
    fn making(&self, op: OpId, tables: &mut Tables) -> String {
        let output = op.output();
        let made_rows = made(self.local(output));
        let mut ready = format!("{made_rows} < {}u", self.count(output));
        for input in self.inputs(op) {
            let end = self.window_end(op, input, &made_rows, tables);
            ready += &format!(" && {} >= {end}", made(self.local(input)));
        }
        let from = self.streamed.flow.operators()[op.index()].inputs.clone();
        let from: Vec<String> =
            from.into_iter().map(|input| self.row_to_read(op, input, "row", tables)).collect();
        let to = self.row_to_write(output, "row", tables);
        let call = self.call(op, &from.join(", "), tables);
        format!(
            "    if ({ready}) {{\n        const munas_size row = {made_rows};\n        int8_t *const to = {to};\n{call}{}{}        \
             goto operator_{};\n    }}\n",
            self.row_is_made(op),
            self.releases(op, tables),
            self.next_after(op).index(),
        )
    }

    /// An operator that takes up rows as they come.
    fn taking(&self, op: OpId, tables: &mut Tables) -> String {
        let (output, input) = (op.output(), self.inputs(op)[0]);
        let taken = made(self.taken[op.index() - self.ops.start].expect("it counts what it takes"));
        let from = self.row_to_read(op, input, "taken", tables);
        let to = self.row_to_write(output, "row", tables);
        let end = self.window_end(op, input, "row", tables);
        let call = self.call(op, &from, tables);
        let windows = self.windows(op, input);
        let covered: usize = windows.iter().map(|window| window.len()).sum();
        let release = self.releases(op, tables);
        let made_one = format!(
            "{}{release}        goto operator_{};\n",
            self.row_is_made(op),
            self.next_after(op).index()
        );
        let mut body = format!(
            "        int8_t *const to = {to};\n{call}        if (taken + 1u == {end}) {{\n{}        }}\n",
            indented(&made_one)
        );
        // Rows that only other readers need are passed over.
        if covered < self.count(input) {
            let start = self.window_start(op, input, "row", tables);
            let is_below = if start == "0u" { String::new() } else { format!(" && taken >= {start}") };
            body = format!(
                "        if (row < {}u{is_below}) {{\n{}        }}\n",
                self.count(output),
                indented(&body)
            );
        }
        format!(
            "    if ({taken} < {there}) {{\n        const munas_size row = {made_rows};\n        \
             const munas_size taken = {taken};\n        {taken} = (munas_count)(taken + 1u);\n{body}{release}    }}\n",
            there = made(self.local(input)),
            made_rows = made(self.local(output)),
        )
    }

    fn row_is_made(&self, op: OpId) -> String {
        let output = op.output();
        format!(
            "        {} = (munas_count)(row + 1u);\n        MUNAS_ROW_MADE({}, to, {}u);\n",
            made(self.local(output)),
            op.index(),
            self.row_len(output)
        )
    }

    /// The call of the kernel, which reads at these places.
    fn call(&self, op: OpId, from: &str, tables: &mut Tables) -> String {
        let (layer, output) = (self.model.layer(op), op.output());
        let input = self.inputs(op)[0];
        let (op, sums) = (op.index(), self.model.plan.sums[op.index()]);
        let sums = sums.map(|offset| format!("(munas_word *)(void *)(munas_arena + {offset})"));
        let is_first = |part: &Self, tables: &mut Tables| {
            format!("taken == {}", part.window_start(OpId::new(op), input, "row", tables))
        };
        let mut text = match layer.kernel {
            Kernel::Add => {
                let rows: Vec<usize> = self.streamed.needed.rows(output).collect();
                let y = tables.element(&format!("rows_{}", self.local(output)), &rows, "row");
                format!("        munas_add_{op}({y}, {from}, to);\n")
            }
            Kernel::Dense => format!("        munas_dense(&munas_layer_{op}, {from}, to);\n"),
            Kernel::DenseRow => {
                let length = self.row_len(input);
                let sums = sums.expect("it keeps sums");
                format!(
                    "        munas_dense_row(&munas_layer_{op}, {from}, {length}u, taken * {length}u, {sums}, to);\n"
                )
            }
            Kernel::PoolMaxRow => {
                let is_first = is_first(self, tables);
                format!("        munas_pool_max_row(&munas_layer_{op}, {from}, {is_first}, to);\n")
            }
            Kernel::PoolAverageRow => {
                let is_first = is_first(self, tables);
                let end = self.window_end(OpId::new(op), input, "row", tables);
                let sums = sums.expect("it keeps sums");
                format!(
                    "        munas_pool_average_row(\n            \
                     &munas_layer_{op}, {from}, {is_first}, taken + 1u == {end},\n            {sums}, to);\n"
                )
            }
            kernel => self.call_by_layer(OpId::new(op), kernel, from, tables),
        };
        if let Some(largest) = layer.limit() {
            let is_whole = if layer.kernel == Kernel::DenseRow {
                let end = self.window_end(OpId::new(op), input, "row", tables);
                format!("if (taken + 1u == {end}) ")
            } else {
                String::new()
            };
            text += &format!("        {is_whole}munas_limit(to, {}u, {largest});\n", self.row_len(output));
        }
        text
    }

    /// The call of a kernel of whole layers, which is told how many rows there are and how much padding above them.
    fn call_by_layer(&self, op: OpId, kernel: Kernel, from: &str, tables: &mut Tables) -> String {
        let (layer, input) = (self.model.layer(op), self.inputs(op)[0]);
        let counts: Vec<usize> = self.windows(op, input).iter().map(|window| window.len()).collect();
        let paddings: Vec<usize> = (self.streamed.needed.rows(op.output()))
            .map(|row| layer.padding.height.saturating_sub(row * layer.stride.height))
            .collect();
        let (function, op) = (kernel.function(), op.index());
        let rows = tables.element(&format!("count_{op}"), &counts, "row");
        let padding = tables.element(&format!("padding_{op}"), &paddings, "row");
        if rows == format!("{}u", layer.window.height) && padding == "0u" {
            return format!("        {function}(&munas_layer_{op}, {from}, to);\n");
        }
        format!(
            "        struct munas_layer storage;\n        \
             {function}(munas_row_of(&munas_layer_{op}, {padding}, {rows}, &storage), {from}, to);\n"
        )
    }

    /// What follows for the rings that an operator reads when it has made row `row`, or taken one.
    fn releases(&self, op: OpId, tables: &mut Tables) -> String {
        self.inputs(op).into_iter().map(|input| self.release(op, input, tables)).collect()
    }

    fn release(&self, op: OpId, input: TensorId, tables: &mut Tables) -> String {
        let local = self.local(input);
        let Place::Ring(rows @ 2..) = self.places[local] else { return String::new() };
        match self.first[local] {
            Some(first) => self.release_of_many(input, first, rows, tables),
            None => {
                let count = self.count(op.output());
                let (start, next) = (
                    self.window_start(op, input, "row", tables),
                    self.window_start(op, input, "(row + 1u)", tables),
                );
                let moved = self.moved(input, &start, rows);
                format!(
                    "        if (row + 1u < {count}u) {{\n            const munas_size first = {next};\n{moved}        }}\n"
                )
            }
        }
    }

    /// A ring with several readers begins with the oldest row that any of them needs.
    fn release_of_many(&self, input: TensorId, counter: usize, rows: usize, tables: &mut Tables) -> String {
        let mut text = format!("        {{\n            munas_size first = {};\n", made(self.local(input)));
        for &reader in &self.readers[self.local(input)] {
            if let Some(taken) = self.taken[reader.index() - self.ops.start] {
                text += &format!("            first = munas_smaller(first, {});\n", made(taken));
                continue;
            }
            let made_rows = made(self.local(reader.output()));
            let start = self.window_start(reader, input, &made_rows, tables);
            text += &format!(
                "            if ({made_rows} < {}u) {{\n                first = munas_smaller(first, {start});\n            }}\n",
                self.count(reader.output())
            );
        }
        text += &self.moved(input, &made(counter), rows);
        text + &format!("            {} = (munas_count)first;\n        }}\n", made(counter))
    }

    /// Moves the rows from `first` on to the start of a ring that begins with row `start`.
    fn moved(&self, input: TensorId, start: &str, rows: usize) -> String {
        let (base, length) = (self.base(input), self.row_len(input));
        let there = made(self.local(input));
        let producer = input.producer().filter(|_| input != self.tensor_in);
        let is_maximum = producer.is_some_and(|op| self.streamed.work(op) == RowWork::Maxima);
        // A row of maxima may be in the making behind those that are there.
        let kept = if is_maximum {
            format!("munas_smaller({there} - first + 1u, {rows}u - (first - {start}))")
        } else {
            format!("({there} - first)")
        };
        format!(
            "            munas_move({base}, {base} + (first - {start}) * {length}u, {kept} * {length}u);\n"
        )
    }
}

/// Statements one level deeper.
fn indented(text: &str) -> String {
    text.lines().map(|line| format!("    {line}\n")).collect()
}
