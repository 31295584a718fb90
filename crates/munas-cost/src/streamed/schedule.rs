//! Which parts of a graph run in rows, and what memory that takes.

use std::ops::Range;

use munas_ir::{Graph, OpId, Shape, TensorId};

use super::rings::{NeededRows, Rings, TensorRing, rings};
use crate::MemoryRules;
use crate::flow::{Dataflow, FlowTensor, Read};
use crate::order::ChosenOrder;

/// Where the input of a network is while it is executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum InputRows {
    /// In memory that is not counted, whole.
    External,
    /// In memory that is counted, whole.
    Buffer,
    /// It comes row by row, as a sensor gives it, if the first part runs in rows; else as with `Buffer`.
    Rows,
}

/// How a part of a graph is executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Runtime {
    /// One operator after the other, each in full.
    Layers,
    /// Row by row through all its operators.
    Rows,
}

/// Consecutive operators with one tensor in and one out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchedulePart {
    /// How they are executed.
    pub runtime: Runtime,
    /// The operators in the order of execution; of a part in rows, that of the graph.
    pub ops: Vec<OpId>,
}

/// How a graph is executed, part after part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// The parts; each begins with the tensor that the one before it ends with.
    pub parts: Vec<SchedulePart>,
    /// Where the input is.
    pub input: InputRows,
}

/// The memory of a schedule, in bytes at one byte per element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduleMemory {
    /// The memory of each part.
    pub parts: Vec<PartMemory>,
    /// That of the part that takes the most.
    pub peak: u64,
}

/// The memory of a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartMemory {
    /// All that is alive at once.
    pub bytes: u64,
    /// Of a part in rows, the tensors that it keeps rows of.
    pub rings: Vec<TensorRing>,
    /// Of a part in rows, bytes of 32-bit sums.
    pub sums: u64,
}

/// The best that is known of the parts up to a cut.
#[derive(Clone, Copy)]
struct Best {
    /// The smallest peak, then the fewest operators in rows.
    cost: (u64, usize),
    /// The block that the last part begins with, and how that part runs; `None` before the first.
    last: Option<(usize, Runtime)>,
}

/// The schedule with the smallest memory, among those whose parts begin and end where the whole graph passes through one tensor; of
/// several, one with few operators in rows.
pub fn choose_schedule(graph: &Graph, input: InputRows) -> Schedule {
    let blocks = Blocks::new(graph, input);
    let mut best = vec![Best { cost: (0, 0), last: None }];
    for end in 1..=blocks.blocks.len() {
        let found = blocks.best_part(&best, end);
        best.push(found);
    }
    let mut parts = Vec::new();
    let mut end = blocks.blocks.len();
    while let Some((start, runtime)) = best[end].last {
        parts.push(blocks.part(start..end, runtime));
        end = start;
    }
    parts.reverse();
    Schedule { parts, input }
}

/// The memory of a schedule.
///
/// # Panics
/// If its parts are not those of the graph: each operator once, and each part with one tensor in and one out.
pub fn price_schedule(graph: &Graph, schedule: &Schedule) -> ScheduleMemory {
    let needed = NeededRows::of(graph);
    let (mut first, mut tensor) = (0, TensorId::INPUT);
    let parts: Vec<PartMemory> = schedule
        .parts
        .iter()
        .map(|part| {
            let ops = first..first + part.ops.len();
            assert!(is_part(graph, tensor, &ops), "a part has one tensor in and one out");
            let input = if tensor == TensorId::INPUT { schedule.input } else { InputRows::Buffer };
            let memory = match part.runtime {
                Runtime::Layers => PartMemory {
                    bytes: layers(graph, &ops, tensor, input).price(&local(&part.ops, first)).peak,
                    rings: Vec::new(),
                    sums: 0,
                },
                Runtime::Rows => {
                    let rings = rings(graph, &needed, tensor, ops.clone());
                    let output = bytes_of(graph.output_shape(OpId::new(ops.end - 1)));
                    let bytes = bytes_in(graph, tensor, input, &rings) + rings.bytes() + output;
                    PartMemory { bytes, sums: rings.sums, rings: rings.inner }
                }
            };
            (first, tensor) = (ops.end, OpId::new(ops.end - 1).output());
            memory
        })
        .collect();
    assert_eq!(first, graph.nodes().len(), "a schedule runs every operator once");
    let peak = parts.iter().map(|part| part.bytes).max().unwrap_or(0);
    ScheduleMemory { parts, peak }
}

/// The parts of a graph that cannot be divided, between the tensors that the whole graph passes through.
struct Blocks<'g> {
    graph: &'g Graph,
    input: InputRows,
    blocks: Vec<Block>,
}

struct Block {
    ops: Range<usize>,
    tensor_in: TensorId,
    rings: Rings,
    layers: ChosenOrder,
}

impl<'g> Blocks<'g> {
    fn new(graph: &'g Graph, input: InputRows) -> Self {
        let needed = NeededRows::of(graph);
        let (mut first, mut tensor_in) = (0, TensorId::INPUT);
        let blocks = cuts(graph).into_iter().map(|last| {
            let ops = first..last + 1;
            let rings = rings(graph, &needed, tensor_in, ops.clone());
            let place = if tensor_in == TensorId::INPUT { input } else { InputRows::Buffer };
            let mut layers = layers(graph, &ops, tensor_in, place).choose_order();
            layers.order.iter_mut().for_each(|op| *op = OpId::new(op.index() + ops.start));
            let block = Block { ops, tensor_in, rings, layers };
            (first, tensor_in) = (last + 1, OpId::new(last).output());
            block
        });
        Self { graph, input, blocks: blocks.collect() }
    }

    /// The best last part that ends before block `end`, from the best up to every cut before it.
    fn best_part(&self, best: &[Best], end: usize) -> Best {
        let (peak, in_rows) = best[end - 1].cost;
        let layers = peak.max(self.blocks[end - 1].layers.peak);
        let mut found = Best { cost: (layers, in_rows), last: Some((end - 1, Runtime::Layers)) };
        let (mut inside, mut ops) = (self.whole(end), 0);
        for start in (0..end).rev() {
            let block = &self.blocks[start];
            inside += block.rings.bytes();
            ops += block.ops.len();
            let (peak, in_rows) = best[start].cost;
            let cost = (peak.max(self.tensor_in(start) + inside), in_rows + ops);
            if cost < found.cost {
                found = Best { cost, last: Some((start, Runtime::Rows)) };
            }
            inside += block.rings.input;
        }
        found
    }

    /// A part of these blocks; of one that runs layer by layer there is one.
    fn part(&self, blocks: Range<usize>, runtime: Runtime) -> SchedulePart {
        let blocks = &self.blocks[blocks];
        let ops = match runtime {
            Runtime::Layers => blocks[0].layers.order.clone(),
            Runtime::Rows => blocks.iter().flat_map(|block| block.ops.clone()).map(OpId::new).collect(),
        };
        SchedulePart { runtime, ops }
    }

    /// Bytes of the tensor in of a part in rows that begins with this block.
    fn tensor_in(&self, start: usize) -> u64 {
        let Block { tensor_in, rings, .. } = &self.blocks[start];
        let input = if *tensor_in == TensorId::INPUT { self.input } else { InputRows::Buffer };
        bytes_in(self.graph, *tensor_in, input, rings)
    }

    /// Bytes of the tensor out of a part that ends before this block.
    fn whole(&self, end: usize) -> u64 {
        bytes_of(self.graph.output_shape(OpId::new(self.blocks[end - 1].ops.end - 1)))
    }
}

fn bytes_of(shape: Shape) -> u64 {
    shape.elements() as u64
}

fn bytes_in(graph: &Graph, tensor: TensorId, input: InputRows, rings: &Rings) -> u64 {
    match input {
        InputRows::External => 0,
        InputRows::Buffer => bytes_of(graph.shape(tensor)),
        InputRows::Rows => rings.input,
    }
}

/// The operators, in the order of the graph, whose tensor all later ones depend on by way of it alone.
fn cuts(graph: &Graph) -> Vec<usize> {
    let count = graph.nodes().len();
    let mut last_reader = vec![0; count + 1];
    for (op, node) in graph.nodes().iter().enumerate() {
        node.inputs.iter().for_each(|input| last_reader[input.index()] = op);
    }
    let mut latest = last_reader[TensorId::INPUT.index()];
    let mut cuts = Vec::new();
    for op in 0..count {
        if latest <= op {
            cuts.push(op);
        }
        latest = latest.max(last_reader[OpId::new(op).output().index()]);
    }
    cuts
}

/// Whether these operators read nothing but `tensor` and one another, and nothing but the last one is read by later ones.
fn is_part(graph: &Graph, tensor: TensorId, ops: &Range<usize>) -> bool {
    let is_inside = |input: &TensorId| *input == tensor || input.index() > ops.start;
    let reads_inside = ops.clone().all(|op| graph.nodes()[op].inputs.iter().all(is_inside));
    reads_inside && cuts(graph).contains(&(ops.end - 1))
}

/// Operators of a part as positions in it.
fn local(ops: &[OpId], first: usize) -> Vec<OpId> {
    ops.iter().map(|op| OpId::new(op.index() - first)).collect()
}

/// A part that is executed layer by layer.
fn layers(graph: &Graph, ops: &Range<usize>, tensor_in: TensorId, input: InputRows) -> Dataflow {
    let bytes = if input == InputRows::External { 0 } else { bytes_of(graph.shape(tensor_in)) };
    let mut flow = Dataflow::new([bytes]);
    let mut output = FlowTensor::new(0);
    for op in ops.clone().map(OpId::new) {
        let reads = graph.node(op).inputs.iter().map(|&tensor| {
            let index = if tensor == tensor_in { 0 } else { tensor.index() - ops.start };
            let may_overwrite = MemoryRules::WITHOUT_INPUT.may_overwrite(graph, op, tensor);
            Read { tensor: FlowTensor::new(index), may_overwrite }
        });
        let reads: Vec<Read> = reads.collect();
        output = flow.push(reads, [bytes_of(graph.output_shape(op))]);
    }
    flow.keep(output);
    flow
}
