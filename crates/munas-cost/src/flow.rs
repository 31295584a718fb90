//! What operator order and memory depend on, and nothing else: which tensors an operator reads and writes, and
//! their bytes.
//!
//! A [`Dataflow`] describes a network graph under some [`MemoryRules`](crate::MemoryRules), or any other network,
//! such as one read from a file. Its *sources* are the tensors that are there before the first operator.
//!
//! | tensor | alive |
//! |---|---|
//! | a source | from the start until its last reader has run |
//! | an output of an operator | from that operator until its last reader has run; if nothing reads it, at that operator only |
//! | a *kept* tensor (an output of the network) | to the end |

use std::ops::Range;

use munas_ir::OpId;

use crate::timeline::{LiveTensor, Step, Timeline};

/// A tensor of a [`Dataflow`]: the sources first, then the outputs of the operators in the order they were added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FlowTensor(u32);

impl FlowTensor {
    /// The tensor at `index`.
    pub fn new(index: usize) -> Self {
        Self(u32::try_from(index).expect("a dataflow has fewer than 2^32 tensors"))
    }

    /// Its position among the tensors of the dataflow.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// One read of a tensor by an operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Read {
    /// The tensor that must be alive when the operator runs.
    pub tensor: FlowTensor,
    /// Whether the operator may write its output there, once nothing else needs the tensor: the output then takes
    /// no memory of its own. Has no effect where the output's bytes are not those of the tensor.
    pub may_overwrite: bool,
}

/// Operators in a valid execution order, with what they read and write.
#[derive(Clone, Debug)]
pub struct Dataflow {
    tensors: Vec<Tensor>,
    reads: Vec<Read>,
    operators: Vec<Operator>,
}

#[derive(Clone, Copy, Debug)]
struct Tensor {
    bytes: u64,
    /// Position of the operator that writes it; `None` for a source.
    producer: Option<u32>,
    kept: bool,
}

#[derive(Clone, Debug)]
struct Operator {
    /// Its entries of `Dataflow::reads`.
    reads: Range<u32>,
    /// Its entries of `Dataflow::tensors`.
    outputs: Range<u32>,
}

impl Dataflow {
    /// A dataflow without operators, and the bytes of its sources.
    pub fn new(sources: impl IntoIterator<Item = u64>) -> Self {
        Self::with_room(sources, 0)
    }

    /// The same with room for so many operators of one output each.
    pub(crate) fn with_room(sources: impl IntoIterator<Item = u64>, operators: usize) -> Self {
        let source = |bytes| Tensor { bytes, producer: None, kept: false };
        let sources = sources.into_iter().map(source);
        let mut tensors = Vec::with_capacity(sources.size_hint().0 + operators);
        tensors.extend(sources);
        let reads = Vec::with_capacity(operators + operators / 2);
        Self { tensors, reads, operators: Vec::with_capacity(operators) }
    }

    /// Appends an operator that reads tensors of earlier operators or sources, and writes outputs of so many bytes:
    /// the tensors from the returned one on.
    ///
    /// # Panics
    /// If it reads a tensor that is not there.
    pub fn push(
        &mut self,
        reads: impl IntoIterator<Item = Read>,
        outputs: impl IntoIterator<Item = u64>,
    ) -> FlowTensor {
        let (first_read, first_output) = (self.reads.len(), self.tensors.len());
        let producer = Some(FlowTensor::new(self.operators.len()).0);
        self.reads.extend(reads);
        let are_there = self.reads[first_read..].iter().all(|read| read.tensor.index() < first_output);
        assert!(are_there, "an operator reads what is there before it");
        self.tensors.extend(outputs.into_iter().map(|bytes| Tensor { bytes, producer, kept: false }));
        let written: u64 = self.tensors[first_output..].iter().map(|output| output.bytes).sum();
        for read in &mut self.reads[first_read..] {
            read.may_overwrite &= self.tensors[read.tensor.index()].bytes == written;
        }
        self.operators.push(Operator {
            reads: first_read as u32..self.reads.len() as u32,
            outputs: first_output as u32..self.tensors.len() as u32,
        });
        FlowTensor::new(first_output)
    }

    /// Keeps a tensor alive to the end.
    pub fn keep(&mut self, tensor: FlowTensor) {
        self.tensors[tensor.index()].kept = true;
    }

    /// The operators in the order they were added.
    pub fn ops(&self) -> impl DoubleEndedIterator<Item = OpId> + Clone + use<> {
        (0..self.operators.len()).map(OpId::new)
    }

    /// The memory in use at every step of an operator order.
    ///
    /// # Panics
    /// If `order` is not a topological order of all the operators.
    pub fn price(&self, order: &[OpId]) -> Timeline<FlowTensor> {
        assert_eq!(order.len(), self.operators.len(), "an order runs every operator once");
        let mut walk = MemoryWalk::new(self);
        let mut alive: Vec<bool> = self.tensors.iter().map(|tensor| tensor.producer.is_none()).collect();
        for (tensor, is_alive) in alive.iter_mut().enumerate() {
            *is_alive &= walk.is_needed(FlowTensor::new(tensor));
        }
        let mut steps = Vec::with_capacity(order.len());
        for &op in order {
            assert!(
                self.reads(op).iter().all(|read| alive[read.tensor.index()]),
                "an operator runs after those it reads from"
            );
            self.outputs(op).for_each(|output| alive[output] = true);
            let tensors = (0..alive.len()).filter(|&tensor| alive[tensor]).map(FlowTensor::new);
            let mut live: Vec<LiveTensor<FlowTensor>> =
                tensors.map(|tensor| LiveTensor { tensor, bytes: self.bytes(tensor) }).collect();
            let StepCost { bytes, in_place } = walk.run(op);
            if in_place.is_some() {
                let outputs = live.iter_mut().filter(|entry| self.producer(entry.tensor) == Some(op.index()));
                outputs.for_each(|output| output.bytes = 0);
            }
            steps.push(Step { op, live, in_place, bytes });
            for tensor in self.reads(op).iter().map(|read| read.tensor.index()).chain(self.outputs(op)) {
                alive[tensor] = walk.is_needed(FlowTensor::new(tensor));
            }
        }
        let peak = steps.iter().map(|step| step.bytes).max().unwrap_or(0);
        Timeline { steps, peak }
    }

    pub(crate) fn operator_count(&self) -> usize {
        self.operators.len()
    }

    pub(crate) fn tensor_count(&self) -> usize {
        self.tensors.len()
    }

    pub(crate) fn reads(&self, op: OpId) -> &[Read] {
        let Operator { reads, .. } = &self.operators[op.index()];
        &self.reads[reads.start as usize..reads.end as usize]
    }

    /// Positions of an operator's outputs.
    pub(crate) fn outputs(&self, op: OpId) -> Range<usize> {
        let Operator { outputs, .. } = &self.operators[op.index()];
        outputs.start as usize..outputs.end as usize
    }

    pub(crate) fn bytes(&self, tensor: FlowTensor) -> u64 {
        self.tensors[tensor.index()].bytes
    }

    pub(crate) fn is_kept(&self, tensor: FlowTensor) -> bool {
        self.tensors[tensor.index()].kept
    }

    /// Position of the operator that writes a tensor; `None` for a source.
    pub(crate) fn producer(&self, tensor: FlowTensor) -> Option<usize> {
        self.tensors[tensor.index()].producer.map(|op| op as usize)
    }

    /// Bytes of all outputs of an operator.
    pub(crate) fn output_bytes(&self, op: OpId) -> u64 {
        self.tensors[self.outputs(op)].iter().map(|tensor| tensor.bytes).sum()
    }
}

/// What one step takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StepCost {
    /// Bytes alive during the step.
    pub bytes: u64,
    /// The input that the operator writes over.
    pub in_place: Option<FlowTensor>,
}

/// Executes operators one by one and keeps account of the memory: the one place where a step is priced.
pub(crate) struct MemoryWalk<'f> {
    flow: &'f Dataflow,
    /// For each tensor, the number of its reads still to come; a kept one has one more.
    reads_left: Vec<u32>,
    /// Bytes alive between two steps.
    live: u64,
}

impl<'f> MemoryWalk<'f> {
    pub(crate) fn new(flow: &'f Dataflow) -> Self {
        let mut reads_left: Vec<u32> = flow.tensors.iter().map(|tensor| u32::from(tensor.kept)).collect();
        for read in &flow.reads {
            reads_left[read.tensor.index()] += 1;
        }
        let needed_sources = flow
            .tensors
            .iter()
            .zip(&reads_left)
            .filter(|(tensor, reads)| tensor.producer.is_none() && **reads > 0);
        let live = needed_sources.map(|(tensor, _)| tensor.bytes).sum();
        Self { flow, reads_left, live }
    }

    /// Bytes alive between two steps.
    pub(crate) const fn live(&self) -> u64 {
        self.live
    }

    /// Whether an operator still to run reads the tensor, or it is kept.
    fn is_needed(&self, tensor: FlowTensor) -> bool {
        self.reads_left[tensor.index()] > 0
    }

    /// Executes an operator whose inputs are there.
    pub(crate) fn run(&mut self, op: OpId) -> StepCost {
        let reads = self.flow.reads(op);
        let mut released = 0;
        for &Read { tensor, .. } in reads {
            let left = &mut self.reads_left[tensor.index()];
            *left = left.checked_sub(1).expect("an order runs every operator once");
            if *left == 0 {
                released += self.flow.bytes(tensor);
            }
        }
        let overwritten = |read: &&Read| read.may_overwrite && !self.is_needed(read.tensor);
        let in_place = reads.iter().find(overwritten).map(|read| read.tensor);
        let mut written = 0;
        for output in self.flow.outputs(op).map(FlowTensor::new) {
            written += self.flow.bytes(output);
            released += if self.is_needed(output) { 0 } else { self.flow.bytes(output) };
        }
        let bytes = if in_place.is_some() { self.live } else { self.live + written };
        self.live = self.live + written - released;
        StepCost { bytes, in_place }
    }
}

#[cfg(test)]
mod tests;
