//! The memory of one operator order: the one place where a step is priced.
//!
//! The runtime executes one operator at a time and in full. The memory in use at a step is the sum of the
//! activation tensors that are alive: the operator's inputs and output, and every tensor that a later
//! operator still needs. Weights are not counted.

use munas_ir::{Graph, Op, OpId, TensorId};

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

    /// Bytes of a tensor at one byte per element; 0 for an input that is not counted.
    pub(crate) fn bytes(self, graph: &Graph, tensor: TensorId) -> u64 {
        match self.input {
            InputMemory::NotCounted if tensor == TensorId::INPUT => 0,
            _ => graph.shape(tensor).elements() as u64,
        }
    }

    /// Whether every reader of the tensor has a copy of it.
    pub(crate) fn is_copied(self, tensor: TensorId) -> bool {
        tensor == TensorId::INPUT && self.input == InputMemory::PerReader
    }

    /// Whether the operator may write over this input, were it the last to need it.
    pub(crate) fn may_overwrite(self, graph: &Graph, op: OpId, input: TensorId) -> bool {
        self.in_place_add
            && matches!(graph.node(op).op, Op::Add)
            && (input != TensorId::INPUT || self.input == InputMemory::Once)
            && graph.shape(input) == graph.output_shape(op)
    }
}

/// The memory in use at every step of an operator order, in bytes at one byte per element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeline {
    /// One step per operator, in the order of execution.
    pub steps: Vec<Step>,
    /// The largest `bytes` of a step.
    pub peak: u64,
}

/// The memory in use while one operator runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The operator.
    pub op: OpId,
    /// The tensors alive, by [`TensorId`]; an input that is not counted is left out.
    pub live: Vec<LiveTensor>,
    /// The input that the operator accumulates into; its output then takes no memory of its own.
    pub in_place: Option<TensorId>,
    /// Sum of the live tensors' bytes.
    pub bytes: u64,
}

/// A tensor that takes memory at a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LiveTensor {
    /// The tensor.
    pub tensor: TensorId,
    /// Its bytes; 0 for an output that lies in an input's memory.
    pub bytes: u64,
}

/// Prices an operator order, step by step.
///
/// # Panics
/// If `order` is not a topological order of all the graph's operators.
pub fn price(graph: &Graph, order: &[OpId], rules: MemoryRules) -> Timeline {
    assert_eq!(order.len(), graph.nodes().len(), "an order runs every operator once");
    let mut walk = MemoryWalk::new(graph, rules);
    let mut alive = vec![false; graph.shapes().len()];
    alive[TensorId::INPUT.index()] = true;
    let mut steps = Vec::with_capacity(order.len());
    for &op in order {
        let inputs = &graph.node(op).inputs;
        assert!(
            inputs.iter().all(|input| alive[input.index()]),
            "an operator runs after those it reads from"
        );
        alive[op.output().index()] = true;
        let tensors = (0..alive.len()).map(TensorId::new).filter(|tensor| alive[tensor.index()]);
        let mut live: Vec<LiveTensor> =
            tensors.map(|tensor| LiveTensor { tensor, bytes: walk.bytes(tensor) }).collect();
        let StepCost { bytes, in_place } = walk.run(op);
        if in_place.is_some()
            && let Some(output) = live.iter_mut().find(|entry| entry.tensor == op.output())
        {
            output.bytes = 0;
        }
        live.retain(|entry| entry.tensor != TensorId::INPUT || rules.input != InputMemory::NotCounted);
        steps.push(Step { op, live, in_place, bytes });
        for input in inputs {
            alive[input.index()] &= walk.is_needed(*input);
        }
    }
    let peak = steps.iter().map(|step| step.bytes).max().unwrap_or(0);
    Timeline { steps, peak }
}

/// What one step takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StepCost {
    /// Bytes alive during the step.
    pub bytes: u64,
    /// The input that the operator accumulates into.
    pub in_place: Option<TensorId>,
}

/// Executes operators one by one and keeps account of the memory.
pub(crate) struct MemoryWalk<'g> {
    graph: &'g Graph,
    rules: MemoryRules,
    /// For each tensor, the number of its reads still to come.
    reads_left: Vec<u32>,
    /// Bytes alive between two steps.
    live: u64,
}

impl<'g> MemoryWalk<'g> {
    pub(crate) fn new(graph: &'g Graph, rules: MemoryRules) -> Self {
        let mut reads_left = vec![0; graph.shapes().len()];
        for node in graph.nodes() {
            for input in &node.inputs {
                reads_left[input.index()] += 1;
            }
        }
        let mut walk = Self { graph, rules, reads_left, live: 0 };
        walk.live = walk.bytes(TensorId::INPUT);
        walk
    }

    /// Bytes alive between two steps.
    pub(crate) const fn live(&self) -> u64 {
        self.live
    }

    /// Whether an operator still to run reads the tensor.
    pub(crate) fn is_needed(&self, tensor: TensorId) -> bool {
        self.reads_left[tensor.index()] > 0
    }

    /// Bytes that a tensor takes while it is alive, all copies of it together.
    fn bytes(&self, tensor: TensorId) -> u64 {
        let copies = if self.rules.is_copied(tensor) { self.reads_left[tensor.index()] } else { 1 };
        self.rules.bytes(self.graph, tensor) * u64::from(copies)
    }

    /// Executes an operator whose inputs are there.
    pub(crate) fn run(&mut self, op: OpId) -> StepCost {
        let inputs = &self.graph.node(op).inputs;
        let mut released = 0;
        for &input in inputs {
            let left = &mut self.reads_left[input.index()];
            *left = left.checked_sub(1).expect("an order runs every operator once");
            if *left == 0 || self.rules.is_copied(input) {
                released += self.rules.bytes(self.graph, input);
            }
        }
        let overwritten =
            |&&input: &&TensorId| !self.is_needed(input) && self.rules.may_overwrite(self.graph, op, input);
        let in_place = inputs.iter().find(overwritten).copied();
        let output = self.rules.bytes(self.graph, op.output());
        let bytes = if in_place.is_some() { self.live } else { self.live + output };
        self.live = self.live + output - released;
        StepCost { bytes, in_place }
    }
}

#[cfg(test)]
mod tests;
