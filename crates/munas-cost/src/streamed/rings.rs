//! How many rows of each tensor are alive at once when a part of a graph runs in rows.
//!
//! Rows are pushed: as soon as a row of a tensor is there, each of its readers makes every row that it can make with it, and each of those
//! is pushed at once in its turn.

use std::ops::Range;

use munas_ir::{Graph, Op, OpId, PoolKind, Shape, TensorId};

/// The rows of one tensor that are kept in a part that runs in rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TensorRing {
    /// The tensor.
    pub tensor: TensorId,
    /// Rows that are kept, the one that is being made included.
    pub rows: usize,
    /// Their bytes, at one byte per element.
    pub bytes: u64,
}

/// What a part that runs in rows keeps, besides its tensors in and out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Rings {
    /// Rows of the tensor in, where it comes in rows.
    pub input: u64,
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

/// For each tensor, the input first, whether a row is read by anyone.
pub(super) struct NeededRows(Vec<Vec<bool>>);

impl NeededRows {
    /// The rows that lead to the output of the graph.
    pub fn of(graph: &Graph) -> Self {
        let shapes = graph.shapes();
        let mut needed: Vec<Vec<bool>> = shapes.iter().map(|shape| vec![false; shape.height]).collect();
        needed[graph.output().index()].fill(true);
        for (op, node) in graph.nodes().iter().enumerate().rev() {
            let output = OpId::new(op).output().index();
            for row in 0..shapes[output].height {
                if !needed[output][row] {
                    continue;
                }
                for input in &node.inputs {
                    let rows = rows_read(node.op, shapes[input.index()], row);
                    needed[input.index()][rows].fill(true);
                }
            }
        }
        Self(needed)
    }
}

/// The rows of an input that an operator reads for a row of its output.
pub(super) fn rows_read(op: Op, input: Shape, row: usize) -> Range<usize> {
    match op {
        Op::Conv2d { attributes, .. } | Op::DepthwiseConv2d(attributes) => {
            let (height, stride) = (attributes.kernel.height, attributes.stride.height);
            let (_, before) = attributes.padding.along(input.height, height, stride).unwrap_or((0, 0));
            let first = row * stride;
            first.saturating_sub(before)..(first + height).saturating_sub(before).min(input.height)
        }
        Op::Pool { window, .. } => row * window.height..((row + 1) * window.height).min(input.height),
        Op::Add => row.min(input.height)..(row + 1).min(input.height),
        Op::Dense { .. } => 0..input.height,
    }
}

/// Whether an operator takes up each row as it comes and needs it no more: what it keeps are sums or maxima.
fn takes_up_rows(op: Op, input: Shape) -> bool {
    match op {
        Op::Pool { .. } => true,
        Op::Dense { units, .. } => dense_keeps_sums(units, input),
        Op::Conv2d { .. } | Op::DepthwiseConv2d(_) | Op::Add => false,
    }
}

/// Whether the sums of a dense layer and a row of its input take less than the input.
fn dense_keeps_sums(units: usize, input: Shape) -> bool {
    4 * units + input.width * input.channels < input.elements()
}

/// Bytes of the 32-bit sums that an operator keeps.
fn sum_bytes(op: Op, input: Shape, output: Shape) -> u64 {
    let bytes = match op {
        Op::Pool { kind: PoolKind::Avg, window } if window.height > 1 => 4 * output.width * output.channels,
        Op::Dense { units, .. } if dense_keeps_sums(units, input) => 4 * units,
        Op::Pool { .. } | Op::Dense { .. } | Op::Conv2d { .. } | Op::DepthwiseConv2d(_) | Op::Add => 0,
    };
    bytes as u64
}

/// Bytes of a row of a tensor, at one byte per element.
pub(super) fn row_bytes(shape: Shape) -> u64 {
    (shape.width * shape.channels) as u64
}

/// What the part of these operators keeps, whose only tensor in is `input` and whose only tensor out is that of the last one.
pub(super) fn rings(graph: &Graph, needed: &NeededRows, input: TensorId, ops: Range<usize>) -> Rings {
    let mut push = Push::new(graph, needed, input, ops.clone());
    for row in 0..graph.shape(input).height {
        if needed.0[input.index()][row] {
            push.row(input, row);
        }
    }
    let ring = |tensor: TensorId| {
        let rows = push.most[push.local(tensor)];
        TensorRing { tensor, rows, bytes: rows as u64 * row_bytes(graph.shape(tensor)) }
    };
    let sums = ops.clone().map(|op| {
        let node = &graph.nodes()[op];
        sum_bytes(node.op, graph.shape(node.inputs[0]), graph.output_shape(OpId::new(op)))
    });
    Rings {
        input: ring(input).bytes,
        inner: (ops.start..ops.end - 1).map(|op| ring(OpId::new(op).output())).collect(),
        sums: sums.sum(),
    }
}

/// A part of a graph into which rows are pushed.
struct Push<'a> {
    graph: &'a Graph,
    needed: &'a NeededRows,
    input: TensorId,
    ops: Range<usize>,
    /// Operators of the part that read each tensor of it.
    readers: Vec<Vec<usize>>,
    /// For each tensor, its rows that are there: all before this one that anyone needs.
    arrived: Vec<usize>,
    /// For each operator, the next row that it makes.
    next: Vec<usize>,
    /// For each tensor, the most rows alive so far.
    most: Vec<usize>,
}

impl<'a> Push<'a> {
    fn new(graph: &'a Graph, needed: &'a NeededRows, input: TensorId, ops: Range<usize>) -> Self {
        let tensors = ops.len() + 1;
        let mut push = Self {
            graph,
            needed,
            input,
            ops: ops.clone(),
            readers: vec![Vec::new(); tensors],
            arrived: vec![0; tensors],
            next: vec![0; ops.len()],
            most: vec![0; tensors],
        };
        for op in ops.clone() {
            for &read in &graph.nodes()[op].inputs {
                let local = push.local(read);
                if !push.readers[local].contains(&op) {
                    push.readers[local].push(op);
                }
            }
            push.next[op - ops.start] = push.needed_from(OpId::new(op).output(), 0);
        }
        push
    }

    /// Position of a tensor of the part: the one in first, then those that its operators make.
    fn local(&self, tensor: TensorId) -> usize {
        if tensor == self.input { 0 } else { tensor.index() - self.ops.start }
    }

    /// The first row from `row` on that anyone needs; the height if there is none.
    fn needed_from(&self, tensor: TensorId, row: usize) -> usize {
        let rows = &self.needed.0[tensor.index()];
        (row..rows.len()).find(|&row| rows[row]).unwrap_or(rows.len())
    }

    /// A row of a tensor is there.
    fn row(&mut self, tensor: TensorId, row: usize) {
        self.count(tensor, row);
        let local = self.local(tensor);
        self.arrived[local] = row + 1;
        for reader in self.readers[local].clone() {
            self.advance(reader);
        }
    }

    /// An operator makes every row that it can make.
    fn advance(&mut self, op: usize) {
        let (node, output) = (&self.graph.nodes()[op], OpId::new(op).output());
        let height = self.graph.shape(output).height;
        loop {
            let row = self.next[op - self.ops.start];
            if row >= height {
                return;
            }
            let mut is_ready = true;
            let mut is_begun = false;
            for &input in &node.inputs {
                let rows = rows_read(node.op, self.graph.shape(input), row);
                let arrived = self.arrived[self.local(input)];
                is_ready &= self.needed_from(input, arrived) >= rows.end;
                is_begun |= arrived > rows.start;
            }
            if is_begun && matches!(node.op, Op::Pool { kind: PoolKind::Max, .. }) {
                self.count(output, row);
            }
            if !is_ready {
                return;
            }
            self.next[op - self.ops.start] = self.needed_from(output, row + 1);
            self.row(output, row);
        }
    }

    /// Counts the rows of a tensor that are alive while `newest` is there or being made.
    fn count(&mut self, tensor: TensorId, newest: usize) {
        let (local, shape) = (self.local(tensor), self.graph.shape(tensor));
        let oldest = self.readers[local].iter().map(|&reader| {
            let op = self.graph.nodes()[reader].op;
            let row = self.next[reader - self.ops.start];
            let is_done = row >= self.graph.output_shape(OpId::new(reader)).height;
            if is_done || takes_up_rows(op, shape) { newest } else { rows_read(op, shape, row).start }
        });
        let oldest = oldest.min().unwrap_or(newest).min(newest);
        let needed = &self.needed.0[tensor.index()][oldest..=newest];
        let alive = needed.iter().filter(|is_needed| **is_needed).count();
        self.most[local] = self.most[local].max(alive);
    }
}
