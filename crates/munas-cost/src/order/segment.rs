//! The operators between two cuts, and the memory as they run.
//!
//! A state is the set of operators that have run; the bytes alive follow from it. A tensor is alive from its
//! producer until all its readers have run, which makes the bytes alive a submodular function of the set;
//! that is why some moves are *safe* (see [`Segment::safe_move`]).

use std::{cmp::Reverse, ops::Range};

use munas_ir::OpId;
use rustc_hash::FxHashMap;

use super::OpSet;
use crate::flow::{Dataflow, FlowTensor};

/// The operators of a segment. An operator is its position within the segment.
pub(super) struct Segment<const W: usize> {
    ops: Vec<SegmentOp<W>>,
    reads: Vec<Read>,
    /// The outputs of the segment's operators; the tensors from before the segment follow.
    tensors: Vec<SegmentTensor<W>>,
    /// Number of the former.
    outputs: usize,
    /// For each operator, the bytes it cannot run without, tensors of [`State::kept`] left aside; the largest
    /// first.
    needs: Vec<(u64, usize)>,
    /// The state before the first operator.
    pub start: State<W>,
    pub all: OpSet<W>,
}

/// How far the execution of a segment is.
#[derive(Clone, Copy)]
pub(super) struct State<const W: usize> {
    /// The operators that have run.
    pub done: OpSet<W>,
    /// The operators that could run next.
    pub ready: OpSet<W>,
    /// Bytes alive when the operators of `done` have run.
    pub live: u64,
    /// Those of them that operators of the segment produced and that stay alive to its end.
    kept: u64,
}

/// One step of a row of operators.
pub(super) struct RowStep<const W: usize> {
    pub op: usize,
    /// Bytes alive during the step.
    pub bytes: u64,
    /// The state after it.
    pub state: State<W>,
}

/// The first steps of a row (see [`Segment::row`]), run one after the other.
#[derive(Clone, Copy)]
pub(super) struct Move<const W: usize> {
    /// The first operator.
    pub op: usize,
    /// The number of operators.
    pub steps: usize,
    /// Bytes alive at the worst of the steps.
    pub peak: u64,
    /// The state after them.
    pub state: State<W>,
}

struct SegmentOp<const W: usize> {
    /// The operators of the segment that it reads from.
    before: OpSet<W>,
    /// The operators of the segment that read from it.
    readers: OpSet<W>,
    /// Its entries of `Segment::reads`, one per tensor.
    reads: Range<usize>,
    /// Bytes of its outputs: all of them, those that nothing needs later, and those that outlive the segment.
    written: u64,
    dead: u64,
    kept: u64,
}

struct Read {
    /// Index into `Segment::tensors`.
    tensor: usize,
    may_overwrite: bool,
}

struct SegmentTensor<const W: usize> {
    bytes: u64,
    /// The operators of the segment that read it.
    readers: OpSet<W>,
    /// Whether it stays alive to the end of the segment.
    outlives: bool,
}

impl<const W: usize> SegmentTensor<W> {
    /// Whether nothing needs it once it has been written.
    fn is_dead(&self) -> bool {
        !self.outlives && self.readers == OpSet::EMPTY
    }
}

impl<const W: usize> SegmentOp<W> {
    /// Counts the bytes of its outputs that outlive the segment, and of those that nothing reads.
    fn count_outputs(&mut self, outputs: &[SegmentTensor<W>]) {
        for output in outputs {
            self.kept += if output.outlives { output.bytes } else { 0 };
            self.dead += if output.is_dead() { output.bytes } else { 0 };
        }
    }
}

impl<const W: usize> Segment<W> {
    /// The segment of the operators at these positions of the dataflow, with `live` bytes alive before it.
    /// `last_reader` holds the position of the last operator that reads a tensor.
    pub(super) fn new(flow: &Dataflow, range: Range<usize>, live: u64, last_reader: &[usize]) -> Self {
        let tensor = |id: FlowTensor| SegmentTensor {
            bytes: flow.bytes(id),
            readers: OpSet::EMPTY,
            outlives: last_reader[id.index()] >= range.end,
        };
        let ids = range.clone().map(OpId::new);
        let mut tensors: Vec<SegmentTensor<W>> = ids
            .clone()
            .flat_map(|op| flow.outputs(op))
            .map(|output| tensor(FlowTensor::new(output)))
            .collect();
        let (outputs, first_output) = (tensors.len(), flow.outputs(OpId::new(range.start)).start);
        let mut earlier: FxHashMap<FlowTensor, usize> = FxHashMap::default();
        let mut ops: Vec<SegmentOp<W>> = Vec::with_capacity(range.len());
        let mut reads = Vec::new();
        let mut start = State { done: OpSet::EMPTY, ready: OpSet::EMPTY, live, kept: 0 };
        for (local, op) in ids.enumerate() {
            let first_read = reads.len();
            let mut before = OpSet::EMPTY;
            for read in flow.reads(op) {
                let producer =
                    flow.producer(read.tensor).and_then(|producer| producer.checked_sub(range.start));
                let index = if let Some(producer) = producer {
                    before.insert(producer);
                    ops[producer].readers.insert(local);
                    read.tensor.index() - first_output
                } else {
                    *earlier.entry(read.tensor).or_insert_with(|| {
                        tensors.push(tensor(read.tensor));
                        tensors.len() - 1
                    })
                };
                if !tensors[index].readers.contains(local) {
                    tensors[index].readers.insert(local);
                    reads.push(Read { tensor: index, may_overwrite: read.may_overwrite });
                }
            }
            if before == OpSet::EMPTY {
                start.ready.insert(local);
            }
            let (readers, written) = (OpSet::EMPTY, flow.output_bytes(op));
            let reads = first_read..reads.len();
            ops.push(SegmentOp { before, readers, reads, written, dead: 0, kept: 0 });
        }
        for (local, op) in ops.iter_mut().enumerate() {
            let own = flow.outputs(OpId::new(range.start + local));
            op.count_outputs(&tensors[own.start - first_output..own.end - first_output]);
        }
        let all = OpSet::first(range.len());
        let mut segment = Self { ops, reads, tensors, outputs, needs: Vec::new(), start, all };
        segment.needs = (0..range.len()).map(|op| (segment.need(op), op)).collect();
        segment.needs.sort_unstable_by_key(|&need| Reverse(need));
        segment
    }

    fn need(&self, op: usize) -> u64 {
        let reads = &self.reads[self.ops[op].reads.clone()];
        let inputs = reads.iter().map(|read| match &self.tensors[read.tensor] {
            tensor if tensor.outlives && read.tensor < self.outputs => 0,
            tensor => tensor.bytes,
        });
        let in_place = reads.iter().any(|read| read.may_overwrite);
        inputs.sum::<u64>() + if in_place { 0 } else { self.ops[op].written }
    }

    /// Runs a ready operator: the bytes alive during that step, and the state after it.
    pub(super) fn run(&self, state: &State<W>, op: usize) -> (u64, State<W>) {
        let mut next = *state;
        next.done.insert(op);
        next.ready.remove(op);
        let mut in_place = false;
        let mut released = 0;
        for read in &self.reads[self.ops[op].reads.clone()] {
            let tensor = &self.tensors[read.tensor];
            if !tensor.outlives && tensor.readers.is_subset(&next.done) {
                released += tensor.bytes;
                in_place |= read.may_overwrite;
            }
        }
        let SegmentOp { written, dead, kept, readers, .. } = &self.ops[op];
        let bytes = if in_place { state.live } else { state.live + written };
        next.live = state.live + written - dead - released;
        next.kept += kept;
        for reader in readers.iter() {
            if self.ops[reader].before.is_subset(&next.done) {
                next.ready.insert(reader);
            }
        }
        (bytes, next)
    }

    /// A ready operator, and after it, as long as there is exactly one, the operator that could not run
    /// before. Each depends on the one before it.
    pub(super) fn row(&self, state: &State<W>, op: usize) -> impl Iterator<Item = RowStep<W>> {
        let mut state = *state;
        let mut next_op = Some(op);
        std::iter::from_fn(move || {
            let op = next_op?;
            let (bytes, next) = self.run(&state, op);
            let mut enabled = self.ops[op].readers.iter().filter(|&reader| next.ready.contains(reader));
            next_op = enabled.next().filter(|_| enabled.next().is_none());
            state = next;
            Some(RowStep { op, bytes, state })
        })
    }

    /// The steps of a row up to the fewest bytes alive (the last such place), among those before the first
    /// step above `limit`.
    pub(super) fn follow(&self, state: &State<W>, op: usize, limit: u64) -> Option<Move<W>> {
        let mut best: Option<Move<W>> = None;
        let mut peak = 0;
        for (before, step) in self.row(state, op).take_while(|step| step.bytes <= limit).enumerate() {
            peak = peak.max(step.bytes);
            if best.is_none_or(|best| step.state.live <= best.state.live) {
                best = Some(Move { op, steps: before + 1, peak, state: step.state });
            }
        }
        best
    }

    /// Units of [`Budget`](super::Budget) that it takes to follow every row from a state.
    pub(super) fn effort(&self, state: &State<W>) -> usize {
        W * state.ready.len()
    }

    /// The operators of a move from this state.
    pub(super) fn operators(&self, state: &State<W>, row: &Move<W>) -> impl Iterator<Item = usize> {
        self.row(state, row.op).take(row.steps).map(|step| step.op)
    }

    /// A move that loses nothing: if any order from here stays within `limit`, one that starts with this move
    /// does.
    ///
    /// The move's operators T depend on each other in a row, and the bytes alive after them are no more than
    /// after any part of them, and than now. For the operators U that have run at any point of another order,
    /// submodularity gives live(U ∪ T) ≤ live(U) + live(T) − live(U ∩ T) ≤ live(U), counted from here.
    /// So the order that runs T first and then the rest as before has no more alive at any step, and its Adds
    /// can still accumulate in place.
    pub(super) fn safe_move(&self, state: &State<W>, limit: u64) -> Option<Move<W>> {
        let mut moves = state.ready.iter().filter_map(|op| self.follow(state, op, limit));
        moves.find(|found| found.state.live <= state.live)
    }

    /// A bound from below on the peak of all orders from a state: some step is still to come that needs the
    /// most, beside the finished tensors that stay alive to the end.
    pub(super) fn peak_to_come(&self, state: &State<W>) -> u64 {
        let largest = self.needs.iter().find(|(_, op)| !state.done.contains(*op));
        largest.map_or(0, |(bytes, _)| bytes + state.kept)
    }
}
