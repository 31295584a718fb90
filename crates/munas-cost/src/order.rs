//! The operator order with the smallest peak memory.
//!
//! The graph is split at its *cuts*: operators that every other operator comes before or after in all
//! topological orders. What is alive at a cut does not depend on the order chosen, so each *segment* between
//! two cuts is a problem of its own, and the peak of the graph is the largest over its cuts and segments.
//! Most segments need no search: a bound from below on the peak of the whole graph is already met by the
//! graph's own order, or by a heuristic one. The rest are searched exactly ([`search`]), within a budget;
//! where that runs out, the best order known stands.
//!
//! | term | meaning |
//! |---|---|
//! | threshold | a peak that the graph cannot or need not go below: nothing within it is worth a search |
//! | limit | the peak of a known order: nothing at or above it is worth a search |

mod budget;
mod heuristic;
mod op_set;
mod search;
mod segment;

use std::ops::Range;

use munas_ir::{Graph, OpId};

use self::{
    budget::{Budget, OutOfBudget},
    op_set::OpSet,
    segment::Segment,
};
use crate::{
    MemoryRules,
    flow::{Dataflow, FlowTensor, MemoryWalk, Read},
};

/// The longest segment that is reordered; a longer one keeps the graph's own order.
const LONGEST_SEGMENT: usize = 1024;

/// An operator order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChosenOrder {
    /// Every operator once, after those it reads from.
    pub order: Vec<OpId>,
    /// Peak memory of this order in bytes; of a graph, at one byte per element.
    pub peak: u64,
    /// Whether no order has a smaller peak.
    pub exact: bool,
}

/// The operator order with the smallest peak memory; a good one where finding it would take too long.
pub fn choose_order(graph: &Graph, rules: MemoryRules) -> ChosenOrder {
    rules.dataflow(graph).choose_order()
}

impl Dataflow {
    /// The operator order with the smallest peak memory; a good one where finding it would take too long.
    pub fn choose_order(&self) -> ChosenOrder {
        self.choose_order_within(0)
    }

    /// As [`choose_order`](Self::choose_order), but one with a peak of no more than `threshold` is good enough: the peak is then given as
    /// the threshold.
    pub(crate) fn choose_order_within(&self, threshold: u64) -> ChosenOrder {
        let Solution { peak, exact, reordered } = PeakSolver::new(self).solve_above(threshold);
        let mut order: Vec<OpId> = self.ops().collect();
        for segment in reordered {
            order[segment.start..segment.start + segment.order.len()].copy_from_slice(&segment.order);
        }
        ChosenOrder { order, peak, exact }
    }
}

/// The smallest peak, and how its order differs from the graph's own.
pub(crate) struct Solution {
    pub peak: u64,
    pub exact: bool,
    pub reordered: Vec<Reordered>,
}

/// A segment that runs in another order than the graph's own.
pub(crate) struct Reordered {
    /// Position of the segment's first operator.
    start: usize,
    order: Vec<OpId>,
}

/// The own order of a dataflow, priced, with its cuts.
pub(crate) struct PeakSolver<'f> {
    flow: &'f Dataflow,
    /// For each operator, the bytes alive while it runs.
    bytes: Vec<u64>,
    /// For each operator, the bytes alive before it runs.
    live_before: Vec<u64>,
    readers: Readers,
    /// For each operator, whether all others come before or after it in every order.
    is_cut: Vec<bool>,
    budget: Budget,
}

impl<'f> PeakSolver<'f> {
    pub(crate) fn new(flow: &'f Dataflow) -> Self {
        let mut walk = MemoryWalk::new(flow);
        let mut bytes = Vec::with_capacity(flow.operator_count());
        let mut live_before = Vec::with_capacity(flow.operator_count());
        for op in flow.ops() {
            live_before.push(walk.live());
            bytes.push(walk.run(op).bytes);
        }
        let readers = Readers::new(flow);
        let is_cut = cuts(flow, &readers);
        Self { flow, bytes, live_before, readers, is_cut, budget: Budget::PER_GRAPH }
    }

    pub(crate) fn solve(self) -> Solution {
        self.solve_above(0)
    }

    fn solve_above(mut self, threshold: u64) -> Solution {
        let own_peak = self.own_peak();
        let mut peak = self.smallest_conceivable_peak().max(threshold);
        let mut reordered = Vec::new();
        if own_peak <= peak {
            return Solution { peak, exact: true, reordered };
        }
        // The part of the peak that no order can go below.
        let mut proven = peak;
        for segment in self.segments() {
            let own_peak = self.peak_of(&segment);
            if own_peak <= peak {
                continue;
            }
            let start = segment.start;
            let best = match segment.len() {
                1..=64 => self.reorder::<1>(segment, peak),
                65..=128 => self.reorder::<2>(segment, peak),
                129..=LONGEST_SEGMENT => self.reorder::<{ LONGEST_SEGMENT / 64 }>(segment, peak),
                _ => SegmentOrder { peak: own_peak, exact: false, order: None },
            };
            if best.exact && best.peak > peak {
                proven = best.peak;
            }
            peak = peak.max(best.peak);
            let ids = |order: Vec<usize>| order.into_iter().map(|local| OpId::new(start + local)).collect();
            reordered.extend(best.order.map(|order| Reordered { start, order: ids(order) }));
        }
        Solution { peak, exact: proven == peak, reordered }
    }

    /// The peak of the own order.
    pub(crate) fn own_peak(&self) -> u64 {
        self.bytes.iter().copied().max().unwrap_or(0)
    }

    /// A bound from below: at a cut the bytes do not depend on the order, and every operator with one input
    /// needs it and its output.
    pub(crate) fn smallest_conceivable_peak(&self) -> u64 {
        let smallest = self.flow.ops().map(|op| match self.flow.reads(op) {
            _ if self.is_cut[op.index()] => self.bytes[op.index()],
            &[Read { tensor, may_overwrite: false }] => self.flow.bytes(tensor) + self.flow.output_bytes(op),
            _ => 0,
        });
        smallest.max().unwrap_or(0)
    }

    /// The runs of operators between two cuts, the first operator and the end.
    fn segments(&self) -> Vec<Range<usize>> {
        let mut segments = Vec::new();
        let mut start = 0;
        for (position, is_cut) in self.is_cut.iter().copied().chain([true]).enumerate() {
            if is_cut {
                if start < position {
                    segments.push(start..position);
                }
                start = position + 1;
            }
        }
        segments
    }

    fn peak_of(&self, segment: &Range<usize>) -> u64 {
        self.bytes[segment.clone()].iter().copied().max().unwrap_or(0)
    }

    /// The best order of a segment: the graph's own, a heuristic one, or one that the search finds.
    fn reorder<const W: usize>(&mut self, range: Range<usize>, threshold: u64) -> SegmentOrder {
        let mut best = SegmentOrder { peak: self.peak_of(&range), exact: true, order: None };
        let live = self.live_before[range.start];
        let segment = Segment::<W>::new(self.flow, range, live, &self.readers.last);
        best.exact = best.improve(&segment, threshold, &mut self.budget).is_ok();
        best
    }
}

/// How a segment is to be run.
struct SegmentOrder {
    peak: u64,
    /// Whether no order has a peak that is smaller and above the threshold.
    exact: bool,
    /// `None` for the graph's own order.
    order: Option<Vec<usize>>,
}

/// Operators of a segment, as positions in it, with the peak of running them in this order.
struct LocalOrder {
    order: Vec<usize>,
    peak: u64,
}

impl SegmentOrder {
    fn improve<const W: usize>(
        &mut self,
        segment: &Segment<W>,
        threshold: u64,
        budget: &mut Budget,
    ) -> Result<(), OutOfBudget> {
        self.keep_better(heuristic::greedy(segment, budget)?);
        if self.peak > threshold
            && let Some(found) = search::search(segment, threshold..self.peak, budget)?
        {
            self.keep_better(found);
        }
        Ok(())
    }

    fn keep_better(&mut self, found: LocalOrder) {
        if found.peak < self.peak {
            self.peak = found.peak;
            self.order = Some(found.order);
        }
    }
}

/// Which operators read each tensor, as positions in the own order of the dataflow.
struct Readers {
    first: Vec<usize>,
    last: Vec<usize>,
}

impl Readers {
    /// A tensor that nothing reads is first read after all operators, and last before them; a kept one is last read
    /// after all operators.
    fn new(flow: &Dataflow) -> Self {
        let (operators, tensors) = (flow.operator_count(), flow.tensor_count());
        let mut readers = Self { first: vec![operators; tensors], last: vec![0; tensors] };
        for op in flow.ops() {
            for read in flow.reads(op) {
                let first = &mut readers.first[read.tensor.index()];
                *first = op.index().min(*first);
                readers.last[read.tensor.index()] = op.index();
            }
        }
        for (tensor, last) in readers.last.iter_mut().enumerate() {
            if flow.is_kept(FlowTensor::new(tensor)) {
                *last = operators;
            }
        }
        readers
    }
}

/// For each operator, whether all others come before or after it in every topological order.
///
/// That is so if every earlier operator is read no later than by it, and every later one reads from it or a
/// later one: then ways lead from all earlier operators to it, and from it to all later ones.
fn cuts(flow: &Dataflow, readers: &Readers) -> Vec<bool> {
    let mut latest_first_reader = 0;
    let mut is_cut: Vec<bool> = Vec::with_capacity(flow.operator_count());
    for op in flow.ops() {
        is_cut.push(latest_first_reader <= op.index());
        let first_readers = &readers.first[flow.outputs(op)];
        latest_first_reader =
            latest_first_reader.max(first_readers.iter().min().copied().unwrap_or(usize::MAX));
    }
    let mut earliest_last_input = Some(flow.operator_count());
    for op in flow.ops().rev() {
        is_cut[op.index()] &= earliest_last_input >= Some(op.index());
        let last_input = flow.reads(op).iter().map(|read| flow.producer(read.tensor)).max().flatten();
        earliest_last_input = earliest_last_input.min(last_input);
    }
    is_cut
}

#[cfg(test)]
mod tests;
