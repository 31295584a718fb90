//! Which candidates may be trained, and how near the refused ones came.
//!
//! Each bounded objective that is known before training has a limit: its bound if that is hard, ten times the bound if
//! it is soft ([`Bounds::limit`](crate::Bounds::limit)). A candidate is feasible if no value is above its limit; its excess is the largest
//! value / limit.

use std::fmt;

use munas_cost::{MemoryModel, NetworkInput, Resources, Runtime};
use munas_ir::{Graph, TensorId};

use crate::objective::{ObjectiveValues, SOFT_BOUND_FACTOR};
use crate::problem::Foreseen;
use crate::{Candidate, Objective, Problem, Proposal};

/// The refused draw that came nearest to the bounds, and the bound that it broke most.
#[derive(Clone, Debug, PartialEq)]
pub struct NearestMiss {
    /// The objective that is furthest above its limit.
    pub objective: Objective,
    /// The user's bound on it.
    pub bound: f64,
    /// Whether the bound is hard; a soft one refuses only what is above ten times its value.
    pub hard: bool,
    /// The draw's value of the objective.
    pub value: f64,
    /// The smallest value of the objective among all draws, whatever else they broke.
    pub smallest: f64,
    /// The draw.
    pub candidate: Candidate,
}

impl fmt::Display for NearestMiss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { objective, bound, value, smallest, .. } = self;
        write!(f, "the nearest has {objective} {value}, ")?;
        if self.hard {
            write!(f, "above the hard bound of {bound}")?;
        } else {
            write!(f, "above {SOFT_BOUND_FACTOR} times the bound of {bound}")?;
        }
        write!(f, " (smallest {objective} seen: {smallest})")
    }
}

/// A bound that a candidate breaks so far that it is not trained; the first that applies is the reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Broken {
    /// A hard bound, whatever else is broken.
    Hard,
    /// A soft bound, more than tenfold.
    Soft,
}

/// Judges draws, and remembers the nearest miss.
///
/// The peak memory takes most of the time of a draw, and most draws are refused. A lower bound of it
/// ([`peak_memory_floor`]) therefore stands in for it wherever the exact value could change nothing: neither the reason
/// of the refusal, nor the nearest miss, nor the smallest values.
#[derive(Debug)]
pub(crate) struct Gate<'a> {
    problem: &'a Problem,
    limits: ObjectiveValues,
    smallest: ObjectiveValues,
    nearest: Option<(Excess, Candidate)>,
}

/// How far values are above their limits.
#[derive(Clone, Copy, Debug)]
struct Excess {
    broken: Broken,
    /// The largest value / limit, above 1.
    factor: f64,
    /// The objective that has it.
    objective: Objective,
}

impl<'a> Gate<'a> {
    pub(crate) fn new(problem: &'a Problem) -> Self {
        let limits = ObjectiveValues::from_fn(|objective| problem.bounds.limit(objective));
        Self { problem, limits, smallest: ObjectiveValues::default(), nearest: None }
    }

    /// The proposal as a candidate, or what forbids training it.
    pub(crate) fn admit(&mut self, proposal: Proposal) -> Result<Candidate, Broken> {
        let foreseen = self.problem.foresee(&proposal);
        if let Some(broken) = self.refuse_unpriced(&foreseen) {
            return Err(broken);
        }
        self.judge(self.problem.price(proposal, &foreseen))
    }

    /// Refuses by the floor of the peak memory, if the exact value could change nothing.
    fn refuse_unpriced(&mut self, foreseen: &Foreseen) -> Option<Broken> {
        let Foreseen { graph, model_size } = foreseen;
        let floor = peak_memory_floor(graph, self.problem.memory);
        let resources = Resources {
            peak_memory: floor,
            peak_memory_with_input: floor,
            peak_memory_of_model: Some(floor),
            model_size: *model_size,
            macs: munas_cost::macs(graph),
            exact: false,
        };
        let values = ObjectiveValues::of_network(None, &resources, &self.problem.on_board(graph));
        let excess = self.excess(&values)?;
        let other_reason =
            excess.broken == Broken::Soft && self.problem.bounds.is_hard(Objective::PeakMemory);
        let nearer = self.nearest.as_ref().is_none_or(|(nearest, _)| excess.factor < nearest.factor);
        let smaller = self.limits[Objective::PeakMemory].is_some()
            && self.smallest[Objective::PeakMemory].is_none_or(|smallest| (floor as f64) < smallest);
        if other_reason || nearer || smaller {
            return None;
        }
        self.note(&values);
        Some(excess.broken)
    }

    /// The candidate itself if it is feasible.
    fn judge(&mut self, candidate: Candidate) -> Result<Candidate, Broken> {
        let values = candidate.objectives(None);
        self.note(&values);
        let Some(excess) = self.excess(&values) else { return Ok(candidate) };
        if self.nearest.as_ref().is_none_or(|(nearest, _)| excess.factor < nearest.factor) {
            self.nearest = Some((excess, candidate));
        }
        Err(excess.broken)
    }

    fn note(&mut self, values: &ObjectiveValues) {
        for (objective, value) in values.iter() {
            let smallest = self.smallest[objective].map_or(value, |smallest| smallest.min(value));
            self.smallest[objective] = Some(smallest);
        }
    }

    /// `None` if no value is above its limit.
    fn excess(&self, values: &ObjectiveValues) -> Option<Excess> {
        let mut worst: Option<Excess> = None;
        for (objective, limit) in self.limits.iter() {
            let Some(factor) = values[objective].map(|value| value / limit) else { continue };
            if factor <= 1.0 {
                continue;
            }
            let is_hard = self.problem.bounds.is_hard(objective);
            let broken = if is_hard { Broken::Hard } else { Broken::Soft };
            worst = Some(match worst {
                Some(before) if before.factor >= factor => {
                    Excess { broken: broken.min(before.broken), ..before }
                }
                Some(before) => Excess { broken: broken.min(before.broken), factor, objective },
                None => Excess { broken, factor, objective },
            });
        }
        worst
    }

    /// The nearest of the draws that were refused; `None` if none was.
    pub(crate) fn nearest_miss(self) -> Option<NearestMiss> {
        let (Excess { objective, .. }, candidate) = self.nearest?;
        let bounds = &self.problem.bounds;
        Some(NearestMiss {
            objective,
            bound: bounds.get(objective)?,
            hard: bounds.is_hard(objective),
            value: candidate.objectives(None)[objective]?,
            smallest: self.smallest[objective]?,
            candidate,
        })
    }
}

/// A lower bound of the peak memory, in bytes: layer by layer, whatever has one input holds it and its output; in rows, what is certain
/// to be there whole is the network's output, and an input in a buffer.
fn peak_memory_floor(graph: &Graph, memory: MemoryModel) -> u64 {
    let is_counted = match memory.input {
        NetworkInput::External => false,
        NetworkInput::Buffer => true,
        NetworkInput::Rows => memory.runtime == Runtime::Layers,
    };
    let bytes = |tensor: TensorId| {
        if tensor == TensorId::INPUT && !is_counted { 0 } else { graph.shape(tensor).elements() }
    };
    if memory.runtime == Runtime::Streamed {
        return bytes(TensorId::INPUT).max(bytes(graph.output())) as u64;
    }
    let held = graph.ops().map(|(op, node)| match node.inputs[..] {
        [input] => bytes(input) + bytes(op.output()),
        _ => bytes(op.output()),
    });
    held.max().unwrap_or(0) as u64
}

#[cfg(test)]
mod tests;
