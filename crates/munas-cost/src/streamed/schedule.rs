//! Which parts of a network run in rows, and what memory that takes.

use std::ops::Range;

use munas_ir::{OpId, TensorId};

use super::flow::{NeededRows, RowFlow, RowWork};
use super::rings::{Rings, TensorRing, rings};
use crate::flow::{Dataflow, FlowTensor, Read};
use crate::order::{ChosenOrder, PeakSolver};
use crate::timeline::{LiveTensor, Step};

/// Where the input of a network is while it is executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NetworkInput {
    /// In memory that is not counted, whole.
    External,
    /// In memory that is counted, whole.
    Buffer,
    /// It comes row by row, as a sensor gives it, if the first part runs in rows; else as with `Buffer`.
    Rows,
}

/// How a part of a graph is executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Execution {
    /// One operator after the other, each in full.
    Layers,
    /// Row by row through all its operators.
    Rows,
}

/// Consecutive operators with one tensor in and one out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchedulePart {
    /// How they are executed.
    pub execution: Execution,
    /// The operators in the order of execution; of a part in rows, that of the graph.
    pub ops: Vec<OpId>,
}

/// How a graph is executed, part after part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// The parts; each begins with the tensor that the one before it ends with.
    pub parts: Vec<SchedulePart>,
    /// Where the input is.
    pub input: NetworkInput,
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
    /// Of a part in rows, the tensors that it keeps rows of; the input among them, where it comes in rows.
    pub rings: Vec<TensorRing>,
    /// Of a part in rows, bytes of 32-bit sums.
    pub sums: u64,
    /// Of a part that is executed layer by layer, the memory at every step.
    pub steps: Vec<Step>,
}

/// The best that is known of the parts up to a cut.
#[derive(Clone, Copy)]
struct Best {
    /// The smallest peak, then the fewest operators in rows.
    cost: (u64, usize),
    /// The block that the last part begins with, and how that part is executed; `None` before the first.
    last: Option<(usize, Execution)>,
}

/// The schedule with the smallest memory, among those whose parts begin and end where the whole network passes through one tensor; of
/// several, one with the fewest operators in rows.
pub fn choose_schedule(flow: &RowFlow, input: NetworkInput) -> Schedule {
    let mut blocks = Blocks::new(flow, input);
    blocks.order();
    let (peak, _) =
        blocks.divide(0, |block| block.layers.peak).last().expect("the end of the network is a cut").cost;
    let best = blocks.divide(peak, |block| block.layers.peak);
    let mut parts = Vec::new();
    let mut end = blocks.blocks.len();
    while let Some((start, execution)) = best[end].last {
        parts.push(blocks.part(start..end, execution));
        end = start;
    }
    parts.reverse();
    parts.dedup_by(|part, before| {
        let is_one = part.execution == Execution::Layers && before.execution == Execution::Layers;
        if is_one {
            before.ops.append(&mut part.ops);
        }
        is_one
    });
    Schedule { parts, input }
}

/// The memory of a schedule.
///
/// # Panics
/// If its parts are not those of the graph: each operator once, and each part with one tensor in and one out.
pub fn price_schedule(flow: &RowFlow, schedule: &Schedule) -> ScheduleMemory {
    let needed = NeededRows::of(flow);
    let (mut first, mut tensor) = (0, TensorId::INPUT);
    let parts: Vec<PartMemory> = schedule
        .parts
        .iter()
        .map(|part| {
            let ops = first..first + part.ops.len();
            assert!(is_part(flow, tensor, &ops), "a part has one tensor in and one out");
            let input = input_of(tensor, schedule.input);
            let memory = match part.execution {
                Execution::Layers => {
                    let order: Vec<OpId> = part.ops.iter().map(|op| OpId::new(op.index() - first)).collect();
                    let timeline = layers(flow, &ops, tensor, input).price(&order);
                    let steps = timeline.steps.into_iter().map(|step| step_of(step, tensor, first));
                    PartMemory { bytes: timeline.peak, rings: Vec::new(), sums: 0, steps: steps.collect() }
                }
                Execution::Rows => {
                    let rings = rings(flow, &needed, tensor, ops.clone());
                    let output = flow.bytes(OpId::new(ops.end - 1).output());
                    let bytes = bytes_in(flow, tensor, input, &rings) + rings.bytes() + output;
                    let sums = rings.sums;
                    let of_input = (input == NetworkInput::Rows).then_some(rings.input);
                    let rings = of_input.into_iter().chain(rings.inner).collect();
                    PartMemory { bytes, rings, sums, steps: Vec::new() }
                }
            };
            (first, tensor) = (ops.end, OpId::new(ops.end - 1).output());
            memory
        })
        .collect();
    assert_eq!(first, flow.operators().len(), "a schedule runs every operator once");
    let peak = parts.iter().map(|part| part.bytes).max().unwrap_or(0);
    ScheduleMemory { parts, peak }
}

/// The parts of a network that cannot be divided, between the tensors that all of it passes through.
struct Blocks<'f> {
    flow: &'f RowFlow,
    input: NetworkInput,
    blocks: Vec<Block>,
}

struct Block {
    ops: Range<usize>,
    tensor_in: TensorId,
    works_in_rows: bool,
    rings: Rings,
    /// Its best order layer by layer; at first its own.
    layers: ChosenOrder,
    /// No order has a smaller peak.
    smallest_peak: u64,
}

impl<'f> Blocks<'f> {
    fn new(flow: &'f RowFlow, input: NetworkInput) -> Self {
        let needed = NeededRows::of(flow);
        let (mut first, mut tensor_in) = (0, TensorId::INPUT);
        let blocks = cuts(flow).into_iter().map(|last| {
            let ops = first..last + 1;
            let rings = rings(flow, &needed, tensor_in, ops.clone());
            let place = input_of(tensor_in, input);
            let [own, smallest_peak] = layer_peaks(flow, &ops, tensor_in, place);
            let block = Block {
                layers: ChosenOrder { order: ops.clone().map(OpId::new).collect(), peak: own, exact: true },
                works_in_rows: flow.operators()[ops.clone()].iter().all(|op| op.work != RowWork::Whole),
                ops,
                tensor_in,
                rings,
                smallest_peak,
            };
            (first, tensor_in) = (last + 1, OpId::new(last).output());
            block
        });
        Self { flow, input, blocks: blocks.collect() }
    }

    /// Looks for the best order of those blocks whose order may matter for the peak of all.
    fn order(&mut self) {
        let peak = |best: &[Best]| best.last().expect("the end of the network is a cut").cost.0;
        let least = peak(&self.divide(0, |block| block.smallest_peak));
        let most = peak(&self.divide(0, |block| block.layers.peak));
        for block in &mut self.blocks {
            if block.layers.peak > least.max(block.smallest_peak) && block.smallest_peak < most {
                let place = input_of(block.tensor_in, self.input);
                let layers = layers(self.flow, &block.ops, block.tensor_in, place);
                block.layers = layers.choose_order_within(least);
                block.layers.order.iter_mut().for_each(|op| *op = OpId::new(op.index() + block.ops.start));
            }
        }
    }

    /// For each cut, the best parts before it; peaks below `floor` are all the same.
    fn divide(&self, floor: u64, layers: impl Fn(&Block) -> u64) -> Vec<Best> {
        let mut best = vec![Best { cost: (floor, 0), last: None }];
        for end in 1..=self.blocks.len() {
            let (peak, in_rows) = best[end - 1].cost;
            let alone = (peak.max(layers(&self.blocks[end - 1])), in_rows);
            best.push(self.best_part(&best, end, alone));
        }
        best
    }

    /// The best last part that ends before block `end`, from the best up to every cut before it. Executed layer by layer, the last block
    /// costs `alone`.
    fn best_part(&self, best: &[Best], end: usize, alone: (u64, usize)) -> Best {
        let mut found = Best { cost: alone, last: Some((end - 1, Execution::Layers)) };
        let (mut inside, mut ops) = (self.whole(end), 0);
        for start in (0..end).rev() {
            let block = &self.blocks[start];
            if !block.works_in_rows {
                break;
            }
            inside += block.rings.bytes();
            ops += block.ops.len();
            let (peak, in_rows) = best[start].cost;
            let cost = (peak.max(self.tensor_in(start) + inside), in_rows + ops);
            if cost < found.cost {
                found = Best { cost, last: Some((start, Execution::Rows)) };
            }
            inside += block.rings.input.bytes;
        }
        found
    }

    /// A part of these blocks; of one that runs layer by layer there is one.
    fn part(&self, blocks: Range<usize>, execution: Execution) -> SchedulePart {
        let blocks = &self.blocks[blocks];
        let ops = match execution {
            Execution::Layers => blocks[0].layers.order.clone(),
            Execution::Rows => blocks.iter().flat_map(|block| block.ops.clone()).map(OpId::new).collect(),
        };
        SchedulePart { execution, ops }
    }

    /// Bytes of the tensor in of a part in rows that begins with this block.
    fn tensor_in(&self, start: usize) -> u64 {
        let Block { tensor_in, rings, .. } = &self.blocks[start];
        bytes_in(self.flow, *tensor_in, input_of(*tensor_in, self.input), rings)
    }

    /// Bytes of the tensor out of a part that ends before this block.
    fn whole(&self, end: usize) -> u64 {
        self.flow.bytes(OpId::new(self.blocks[end - 1].ops.end - 1).output())
    }
}

fn bytes_in(flow: &RowFlow, tensor: TensorId, input: NetworkInput, rings: &Rings) -> u64 {
    match input {
        NetworkInput::External => 0,
        NetworkInput::Buffer => flow.bytes(tensor),
        NetworkInput::Rows => rings.input.bytes,
    }
}

/// The operators, in the order of the network, whose tensor all later ones depend on by way of it alone.
fn cuts(flow: &RowFlow) -> Vec<usize> {
    let count = flow.operators().len();
    let mut last_reader = vec![0; count + 1];
    for (op, operator) in flow.operators().iter().enumerate() {
        operator.inputs.iter().for_each(|input| last_reader[input.index()] = op);
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
fn is_part(flow: &RowFlow, tensor: TensorId, ops: &Range<usize>) -> bool {
    let is_inside = |input: &TensorId| *input == tensor || input.index() > ops.start;
    let reads_inside = flow.operators()[ops.clone()].iter().all(|op| op.inputs.iter().all(is_inside));
    reads_inside && cuts(flow).contains(&(ops.end - 1))
}

/// A step of a part that is executed layer by layer, in terms of the whole network.
fn step_of(step: Step<FlowTensor>, tensor_in: TensorId, first: usize) -> Step {
    let name = |tensor: FlowTensor| match tensor.index().checked_sub(1) {
        None => tensor_in,
        Some(op) => OpId::new(first + op).output(),
    };
    let live =
        step.live.into_iter().map(|LiveTensor { tensor, bytes }| LiveTensor { tensor: name(tensor), bytes });
    Step {
        op: OpId::new(step.op.index() + first),
        live: live.collect(),
        in_place: step.in_place.map(name),
        bytes: step.bytes,
    }
}

/// A part that is executed layer by layer.
fn layers(flow: &RowFlow, ops: &Range<usize>, tensor_in: TensorId, input: NetworkInput) -> Dataflow {
    let bytes = if input == NetworkInput::External { 0 } else { flow.bytes(tensor_in) };
    let mut layers = Dataflow::with_room([bytes], ops.len());
    let mut output = FlowTensor::new(0);
    for op in ops.clone().map(OpId::new) {
        let operator = &flow.operators()[op.index()];
        let reads = operator.inputs.iter().map(|&tensor| {
            let index = if tensor == tensor_in { 0 } else { tensor.index() - ops.start };
            let is_shaped_so = flow.tensor(tensor) == flow.tensor(op.output());
            let may_overwrite = operator.may_overwrite && tensor != TensorId::INPUT && is_shaped_so;
            Read { tensor: FlowTensor::new(index), may_overwrite }
        });
        output = layers.push(reads, [flow.bytes(op.output())]);
    }
    layers.keep(output);
    layers
}

/// Peaks of a part that is executed layer by layer: of the network's own order, and a bound that no order goes below.
fn layer_peaks(flow: &RowFlow, ops: &Range<usize>, tensor_in: TensorId, input: NetworkInput) -> [u64; 2] {
    if ops.len() == 1 && !flow.operators()[ops.start].may_overwrite {
        let bytes = if input == NetworkInput::External { 0 } else { flow.bytes(tensor_in) };
        return [bytes + flow.bytes(OpId::new(ops.start).output()); 2];
    }
    let layers = layers(flow, ops, tensor_in, input);
    let solver = PeakSolver::new(&layers);
    [solver.own_peak(), solver.smallest_conceivable_peak()]
}

/// Where the tensor that a part begins with is.
fn input_of(tensor_in: TensorId, input: NetworkInput) -> NetworkInput {
    if tensor_in == TensorId::INPUT { input } else { NetworkInput::Buffer }
}
