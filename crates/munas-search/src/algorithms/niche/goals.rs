//! What counts as better: the resources that the search trades off, and up to where.

use super::aim::Aim;
use super::seen::Seen;
use super::taken::{Span, Taken, log_value};
use crate::{Candidate, Objective, Pending, Problem};

/// By what the largest value of the history is exceeded by the reference, where nothing is bounded.
const BEYOND_LARGEST: f64 = 1.1;
/// Multiples of the error's bound up to which an error counts.
const BEYOND_ERROR: f64 = 3.0;
/// Multiples of the least error that is known up to which an error counts, where it has no bound: nobody wants one of several times the
/// size that is possible, however small the network.
const BEYOND_LEAST: f64 = 4.0;
/// What the reference is above a hard bound by, a factor: were it the bound, a network that takes nearly all that there is would add
/// nearly nothing, although the best ones do.
const BEYOND_HARD_BOUND: f64 = 10.0;

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Goals {
    pub aim: Aim,
    objectives: Vec<Objective>,
    /// The logarithms of the largest error, and of the largest resources, that count.
    pub reference: Vec<f64>,
    /// The logarithm of the error that shall be met.
    pub error: Option<f64>,
}

impl Goals {
    /// From the bounds of a problem and what trials came to: those with a result, and those that are running.
    pub fn new(problem: &Problem, seen: &Seen, pending: &[Pending], aim: Aim) -> Self {
        let bound = problem.bounds.get(Objective::Error);
        let constant = constant_error(problem);
        let most = match bound {
            Some(bound) => BEYOND_ERROR * bound,
            None => seen.least_final_error().map_or(constant, |least| BEYOND_LEAST * least.exp()),
        };
        let Taken { objectives, spans, .. } = &seen.taken;
        let limit = |(place, (objective, span)): (usize, (&Objective, &Span))| {
            let running = || pending.iter().map(|one| log_value(&one.candidate, *objective));
            match span {
                Span::Free { largest } => running().fold(*largest, f64::max) + BEYOND_LARGEST.ln(),
                Span::Hard { bound } => bound + BEYOND_HARD_BOUND.ln(),
                Span::Soft { bound, met: 0 } if running().all(|value| value >= *bound) => {
                    let mut values: Vec<f64> = seen.taken.column(place).chain(running()).collect();
                    if values.is_empty() {
                        return *bound;
                    }
                    // None of them meets the bound yet: half of them are better than the others.
                    let middle = values.len() / 2;
                    *values.select_nth_unstable_by(middle, f64::total_cmp).1
                }
                Span::Soft { bound, .. } => *bound,
            }
        };
        let limits = objectives.iter().zip(spans).enumerate().map(limit);
        let reference = aim.of_point(std::iter::once(constant.min(most).ln()).chain(limits).collect());
        let objectives = if aim == Aim::Error { Vec::new() } else { objectives.clone() };
        Self { aim, objectives, reference, error: bound.map(f64::ln) }
    }

    /// The logarithms of a candidate's resources; infinite where it has no value.
    pub fn resources(&self, candidate: &Candidate) -> Vec<f64> {
        self.objectives.iter().map(|objective| log_value(candidate, *objective)).collect()
    }

    /// A point to compare: the logarithms of an error and of the resources.
    pub fn point(&self, log_error: f64, candidate: &Candidate) -> Vec<f64> {
        std::iter::once(log_error).chain(self.resources(candidate)).collect()
    }
}

/// The error of always giving the same answer, where classes are equally frequent.
pub(super) fn constant_error(problem: &Problem) -> f64 {
    1.0 - 1.0 / problem.classes.max(2) as f64
}
