//! What counts as activation memory, and the memory of one operator order of a graph.
//!
//! The runtime executes one operator at a time and in full. The memory in use at a step is the sum of the
//! activation tensors that are alive: the operator's inputs and output, and every tensor that a later
//! operator still needs. Weights are not counted. The account itself is kept by [`Dataflow`].

use munas_ir::{Graph, Op, OpId, TensorId};

use crate::flow::{Dataflow, FlowTensor, Read};
use crate::timeline::{LiveTensor, Step, Timeline};

/// What counts as activation memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MemoryRules {
    /// How the network's input is counted.
    pub input: InputMemory,
    /// Whether an Add may accumulate into an input of the output's shape that nothing needs any more.
    pub in_place_add: bool,
}

/// How the network's input is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum InputMemory {
    /// It lies in a buffer of its own (the sensor's), which is not written to.
    NotCounted,
    /// As every other tensor: once, until its last reader has run.
    Once,
    /// Once for every operator that is still to read it, as if each had a copy. Not written to.
    PerReader,
}

impl MemoryRules {
    /// The figure `peak_memory`.
    pub const WITHOUT_INPUT: Self = Self { input: InputMemory::NotCounted, in_place_add: true };
    /// The figure `peak_memory_with_input`. The published figures count the input once per reader (which
    /// matters only for networks that fork at their input), and this one is compared with them.
    pub const WITH_INPUT: Self = Self { input: InputMemory::PerReader, in_place_add: true };
    /// TensorFlow Lite Micro: the input lies in the arena and every operator writes a tensor of its own.
    pub const TFLM: Self = Self { input: InputMemory::Once, in_place_add: false };

    /// The graph as these rules see it: an input that is not counted has no bytes, one that is counted per reader is
    /// a source for each of its reads.
    pub(crate) fn dataflow(self, graph: &Graph) -> Dataflow {
        let input_bytes = match self.input {
            InputMemory::NotCounted => 0,
            InputMemory::Once | InputMemory::PerReader => graph.input_shape().elements() as u64,
        };
        let sources = self.source_count(graph);
        let mut flow = Dataflow::with_room(std::iter::repeat_n(input_bytes, sources), graph.nodes().len());
        let mut input_copies = (0..sources).cycle();
        for (op, node) in graph.ops() {
            let reads = node.inputs.iter().map(|&input| Read {
                tensor: match input.producer() {
                    None => FlowTensor::new(input_copies.next().expect("there is a source for every read")),
                    Some(producer) => FlowTensor::new(sources + producer.index()),
                },
                may_overwrite: self.may_overwrite(graph, op, input),
            });
            let output = flow.push(reads, [graph.output_shape(op).elements() as u64]);
            if op.output() == graph.output() {
                flow.keep(output);
            }
        }
        flow
    }

    /// Number of sources that stand for the network's input.
    fn source_count(self, graph: &Graph) -> usize {
        let reads = || graph.nodes().iter().flat_map(|node| &node.inputs);
        match self.input {
            InputMemory::PerReader => reads().filter(|input| **input == TensorId::INPUT).count(),
            InputMemory::NotCounted | InputMemory::Once => 1,
        }
    }

    /// Whether the operator may write over this input, were it the last to need it.
    pub(crate) fn may_overwrite(self, graph: &Graph, op: OpId, input: TensorId) -> bool {
        self.in_place_add
            && matches!(graph.node(op).op, Op::Add)
            && (input != TensorId::INPUT || self.input == InputMemory::Once)
            && graph.shape(input) == graph.output_shape(op)
    }
}

/// Prices an operator order, step by step, in bytes at one byte per element.
///
/// # Panics
/// If `order` is not a topological order of all the graph's operators.
pub fn price(graph: &Graph, order: &[OpId], rules: MemoryRules) -> Timeline {
    let sources = rules.source_count(graph);
    let Timeline { steps, peak } = rules.dataflow(graph).price(order);
    let in_graph = |tensor: FlowTensor| match tensor.index().checked_sub(sources) {
        None => TensorId::INPUT,
        Some(producer) => OpId::new(producer).output(),
    };
    let steps = steps.into_iter().map(|Step { op, live, in_place, bytes }| {
        let mut named: Vec<LiveTensor> = Vec::with_capacity(live.len());
        for LiveTensor { tensor, bytes } in live {
            let tensor = in_graph(tensor);
            match named.last_mut() {
                _ if tensor == TensorId::INPUT && rules.input == InputMemory::NotCounted => {}
                Some(copies) if copies.tensor == tensor => copies.bytes += bytes,
                _ => named.push(LiveTensor { tensor, bytes }),
            }
        }
        Step { op, live: named, in_place: in_place.map(in_graph), bytes }
    });
    Timeline { steps: steps.collect(), peak }
}

#[cfg(test)]
mod tests;
