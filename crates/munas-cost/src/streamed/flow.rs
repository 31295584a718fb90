//! A network as execution in rows sees it: which rows an operator reads for a row of its output, and which rows anyone reads.

use std::ops::Range;

use munas_ir::{Graph, Op, OpId, PoolKind, Shape, TensorId};

/// Tensors that consist of rows, and the operators that make them: of a graph, or of any other network with one input.
///
/// Tensor 0 is the input; each operator has one output, tensor `index + 1` ([`OpId::output`]). Rows are those of the height of a picture,
/// the time steps of a series.
#[derive(Clone, Debug)]
pub struct RowFlow {
    tensors: Vec<RowTensor>,
    operators: Vec<RowOperator>,
}

/// The rows of a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowTensor {
    /// How many there are.
    pub rows: usize,
    /// Bytes of one.
    pub row_bytes: u64,
}

/// What an operator reads, and how it makes a row.
#[derive(Clone, Debug)]
pub struct RowOperator {
    /// The tensors that it reads.
    pub inputs: Vec<TensorId>,
    /// The rows of each of them that it reads for a row of its output.
    pub window: RowWindow,
    /// How it makes one.
    pub work: RowWork,
    /// Layer by layer, whether it may write its output over an input of the same bytes that nothing else needs.
    pub may_overwrite: bool,
}

/// Rows `position · stride − before` and the `kernel − 1` after it, as far as they exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowWindow {
    /// Number of rows.
    pub kernel: usize,
    /// Rows from one position to the next.
    pub stride: usize,
    /// Rows of padding above the tensor.
    pub before: usize,
}

impl RowWindow {
    /// One row, for each row.
    pub const ROW: Self = Self { kernel: 1, stride: 1, before: 0 };

    /// The rows of a tensor of so many that a row of the output is made from.
    fn rows(self, row: usize, rows: usize) -> Range<usize> {
        let first = row * self.stride;
        let end = (first + self.kernel).saturating_sub(self.before).min(rows);
        first.saturating_sub(self.before).min(end)..end
    }
}

/// How an operator makes a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowWork {
    /// From the rows of its window, which have to be there together.
    Window,
    /// It takes up each row as it comes, in sums of so many bytes.
    Sums(u64),
    /// It takes up each row as it comes, in the row of its output.
    Maxima,
    /// It does not work in rows: only layer by layer.
    Whole,
}

impl RowWork {
    /// Whether a row is needed no more once it has come.
    pub(super) const fn takes_up_rows(self) -> bool {
        matches!(self, Self::Sums(_) | Self::Maxima)
    }
}

impl RowFlow {
    /// A network with this input and no operators.
    pub fn new(input: RowTensor) -> Self {
        Self { tensors: vec![input], operators: Vec::new() }
    }

    /// A graph, at one byte per element.
    pub fn of(graph: &Graph) -> Self {
        let mut flow = Self::new(row_tensor(graph.input_shape()));
        for (op, node) in graph.ops() {
            let (input, output) = (graph.first_input_shape(op), graph.output_shape(op));
            let window = graph.windows(op).map_or(RowWindow::ROW, |windows| RowWindow {
                kernel: windows.kernel.height,
                stride: windows.stride.height,
                before: windows.before.height,
            });
            flow.push(
                RowOperator {
                    inputs: node.inputs.clone(),
                    window,
                    work: row_work(node.op, input, output),
                    may_overwrite: matches!(node.op, Op::Add),
                },
                row_tensor(output),
            );
        }
        flow
    }

    /// Appends an operator with its output, which is returned.
    ///
    /// # Panics
    /// If it reads a tensor that is not there.
    pub fn push(&mut self, operator: RowOperator, output: RowTensor) -> TensorId {
        let are_there = operator.inputs.iter().all(|input| input.index() < self.tensors.len());
        assert!(are_there, "an operator reads what is there before it");
        self.operators.push(operator);
        self.tensors.push(output);
        OpId::new(self.operators.len() - 1).output()
    }

    /// The operators, in the order in which they were added.
    pub fn operators(&self) -> &[RowOperator] {
        &self.operators
    }

    /// The rows of a tensor.
    pub fn tensor(&self, tensor: TensorId) -> RowTensor {
        self.tensors[tensor.index()]
    }

    pub(super) fn bytes(&self, tensor: TensorId) -> u64 {
        let RowTensor { rows, row_bytes } = self.tensor(tensor);
        rows as u64 * row_bytes
    }
}

fn row_tensor(shape: Shape) -> RowTensor {
    RowTensor { rows: shape.height, row_bytes: (shape.width * shape.channels) as u64 }
}

fn row_work(op: Op, input: Shape, output: Shape) -> RowWork {
    match op {
        Op::Pool { kind: PoolKind::Max, .. } => RowWork::Maxima,
        Op::Pool { kind: PoolKind::Avg, window } if window.height > 1 => {
            RowWork::Sums((4 * output.width * output.channels) as u64)
        }
        Op::Pool { kind: PoolKind::Avg, .. } => RowWork::Sums(0),
        // The sums of a dense layer and a row of its input, if they take less than the input.
        Op::Dense { units, .. } if 4 * units + input.width * input.channels < input.elements() => {
            RowWork::Sums(4 * units as u64)
        }
        Op::Dense { .. } | Op::Conv2d { .. } | Op::DepthwiseConv2d(_) | Op::Add => RowWork::Window,
    }
}

/// The rows of each tensor that lead to the output, numbered from 0. Others (a stride passes over them, a pooling drops them) are not made.
#[derive(Clone, Debug)]
pub struct NeededRows {
    /// For each tensor, where it begins in `before` and in `rows`.
    starts: Vec<usize>,
    /// For each row of a tensor, and for its end, how many needed ones are before it.
    before: Vec<u32>,
    /// The rows that are needed, `count` of each tensor from its start on.
    rows: Vec<u32>,
}

impl NeededRows {
    /// Those that lead to the output of the last operator.
    pub fn of(flow: &RowFlow) -> Self {
        let mut starts = Vec::with_capacity(flow.tensors.len() + 1);
        let mut all = 0;
        for tensor in &flow.tensors {
            starts.push(all);
            all += tensor.rows + 1;
        }
        starts.push(all);
        // While they are found: 1 for a row that is needed.
        let mut before = vec![0_u32; all];
        let last = starts[flow.tensors.len() - 1];
        before[last..all - 1].fill(1);
        for (op, operator) in flow.operators.iter().enumerate().rev() {
            for row in 0..flow.tensors[op + 1].rows {
                if before[starts[op + 1] + row] == 0 {
                    continue;
                }
                for input in operator.inputs.iter().map(|input| input.index()) {
                    let read = operator.window.rows(row, flow.tensors[input].rows);
                    before[starts[input] + read.start..starts[input] + read.end].fill(1);
                }
            }
        }
        let mut rows = vec![0; all];
        for (tensor, start) in flow.tensors.iter().zip(&starts) {
            let mut count = 0;
            for row in 0..=tensor.rows {
                let is_needed = std::mem::replace(&mut before[start + row], count) == 1;
                if is_needed && row < tensor.rows {
                    rows[start + count as usize] = row as u32;
                    count += 1;
                }
            }
        }
        Self { starts, before, rows }
    }

    /// How many rows of a tensor are needed.
    pub fn count(&self, tensor: TensorId) -> usize {
        self.before[self.starts[tensor.index() + 1] - 1] as usize
    }

    /// The rows of a tensor that are needed, from the top.
    pub fn rows(&self, tensor: TensorId) -> impl ExactSizeIterator<Item = usize> + '_ {
        let start = self.starts[tensor.index()];
        self.rows[start..start + self.count(tensor)].iter().map(|&row| row as usize)
    }

    /// Which of the needed rows of an input the needed row `position` of an operator's output is made from.
    pub fn window(&self, flow: &RowFlow, op: OpId, input: TensorId, position: usize) -> Range<usize> {
        let row = self.rows[self.starts[op.output().index()] + position] as usize;
        let start = self.starts[input.index()];
        let read = flow.operators[op.index()].window.rows(row, flow.tensors[input.index()].rows);
        self.before[start + read.start] as usize..self.before[start + read.end] as usize
    }
}
