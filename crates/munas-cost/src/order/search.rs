//! Exact search for the order of a segment with the smallest peak.
//!
//! A best-first search over states (sets of operators that have run): the threshold starts at a bound from
//! below and rises only when every state that can be reached within it has been visited, to the smallest step
//! that was too large. The first time all operators have run, the threshold is the smallest peak. Each set is
//! visited once, and safe moves are made at once instead of branching, so a fork-join costs a few states per
//! subset of its branches.

use std::{cmp::Reverse, collections::BinaryHeap, ops::Range};

use rustc_hash::FxHashSet;

use super::{
    LocalOrder, OpSet,
    budget::{Budget, OutOfBudget},
    segment::{Segment, State},
};

/// Searches for the order with the smallest peak below `peaks.end`, if there is one; any peak of at most
/// `peaks.start` is as good.
pub(super) fn search<const W: usize>(
    segment: &Segment<W>,
    peaks: Range<u64>,
    budget: &mut Budget,
) -> Result<Option<LocalOrder>, OutOfBudget> {
    let mut search = Search {
        segment,
        threshold: peaks.start,
        limit: peaks.end,
        trail: Vec::new(),
        states: Vec::new(),
        seen: FxHashSet::default(),
        open: Vec::new(),
        goal: None,
        deferred: BinaryHeap::new(),
    };
    search.visit(segment.start, NO_STEP, budget)?;
    loop {
        if let Some(last) = search.goal {
            return Ok(Some(LocalOrder { order: search.order_to(last), peak: search.threshold }));
        }
        if let Some(id) = search.open.pop() {
            search.expand(id, budget)?;
        } else if let Some(Reverse((peak, id, op))) = search.deferred.pop() {
            search.threshold = peak;
            search.step(id, op, budget)?;
        } else {
            return Ok(None);
        }
    }
}

/// Index of a visited state.
type StateId = u32;
/// Index into the trail.
type StepId = u32;
/// The trail of the start.
const NO_STEP: StepId = StepId::MAX;

struct Search<'s, const W: usize> {
    segment: &'s Segment<W>,
    threshold: u64,
    limit: u64,
    /// Every step on the way to a visited state: the operator and the step before it.
    trail: Vec<(u32, StepId)>,
    /// The visited states, with their last step.
    states: Vec<(State<W>, StepId)>,
    /// The sets of operators of visited states, and of those that safe moves led on from.
    seen: FxHashSet<OpSet<W>>,
    /// States to go on from.
    open: Vec<StateId>,
    /// The last step, once all operators have run.
    goal: Option<StepId>,
    /// Steps that lead to a peak above the threshold: that peak, state, operator.
    deferred: BinaryHeap<Reverse<(u64, StateId, u32)>>,
}

impl<const W: usize> Search<'_, W> {
    /// Takes every step from a state.
    fn expand(&mut self, id: StateId, budget: &mut Budget) -> Result<(), OutOfBudget> {
        let (state, _) = self.states[id as usize];
        budget.spend(self.segment.effort(&state))?;
        state.ready.iter().try_for_each(|op| self.step(id, op as u32, budget))
    }

    /// Runs one operator, or puts that off if it leads to a peak above the threshold.
    fn step(&mut self, id: StateId, op: u32, budget: &mut Budget) -> Result<(), OutOfBudget> {
        let (state, last) = self.states[id as usize];
        let (bytes, next) = self.segment.run(&state, op as usize);
        let peak = bytes.max(self.segment.peak_to_come(&next));
        if peak <= self.threshold {
            if self.seen.insert(next.done) {
                self.trail.push((op, last));
                return self.visit(next, self.trail.len() as StepId - 1, budget);
            }
        } else if peak < self.limit {
            self.deferred.push(Reverse((peak, id, op)));
        }
        Ok(())
    }

    /// Makes the safe moves from a new state and opens the one they lead to, if that is new.
    fn visit(
        &mut self,
        mut state: State<W>,
        mut last: StepId,
        budget: &mut Budget,
    ) -> Result<(), OutOfBudget> {
        let mut is_new = true;
        while is_new {
            budget.spend(self.segment.effort(&state))?;
            let Some(row) = self.segment.safe_move(&state, self.threshold) else { break };
            for op in self.segment.operators(&state, &row) {
                self.trail.push((op as u32, last));
                last = self.trail.len() as StepId - 1;
            }
            state = row.state;
            is_new = self.seen.insert(state.done);
        }
        if state.done == self.segment.all {
            self.goal = Some(last);
        } else if is_new {
            self.open.push(self.states.len() as StateId);
            self.states.push((state, last));
        }
        Ok(())
    }

    fn order_to(&self, last: StepId) -> Vec<usize> {
        let step = |id: StepId| self.trail.get(id as usize);
        let backwards = std::iter::successors(step(last), |(_, before)| step(*before));
        let mut order: Vec<usize> = backwards.map(|(op, _)| *op as usize).collect();
        order.reverse();
        order
    }
}
