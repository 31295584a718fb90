//! What is known of every trial, by rungs, and what follows from all of them together.

use std::collections::HashMap;

use super::fidelity::{Offset, Offsets};
use super::surrogate::LogErrors;
use crate::{Candidate, Objective, Observed, Pending, Problem};

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
/// What a soft bound is exceeded by in the reference, so that a network with just as much counts.
const ROUNDING: f64 = 1.0 + 1e-6;
/// Less than any value of a resource.
const LEAST_VALUE: f64 = 1e-9;

/// A trial with a result.
#[derive(Clone, Copy, Debug)]
pub(in crate::algorithms) struct Trial<'a> {
    pub number: u64,
    /// As its latest result has it.
    pub candidate: &'a Candidate,
    /// The rung of its latest result, from 0.
    pub rung: usize,
    /// Whether it can go on: it has not failed.
    pub is_sound: bool,
}

/// All trials of some results.
pub(in crate::algorithms) struct Trials<'a> {
    /// In the order of their first results.
    pub all: Vec<Trial<'a>>,
    /// The logarithm of the error of each trial at each rung, one trial after the other.
    curves: Vec<Option<f64>>,
    places: HashMap<u64, usize>,
    rungs: &'a [u32],
    pub offsets: Offsets,
}

impl<'a> Trials<'a> {
    /// From results in arrival order.
    pub fn new(problem: &'a Problem, results: &[&'a Observed]) -> Self {
        let rungs = problem.rungs.as_slice();
        let errors = LogErrors::new(results.iter().filter_map(|result| result.error));
        let (mut all, mut curves) = (Vec::<Trial<'_>>::new(), Vec::new());
        let mut places = HashMap::new();
        for Observed { trial, candidate, epochs, error } in results {
            let rung = rung_at(rungs, *epochs);
            let place = *places.entry(*trial).or_insert(all.len());
            let state = Trial { number: *trial, candidate, rung, is_sound: error.is_some() };
            if place == all.len() {
                all.push(state);
                curves.resize(curves.len() + rungs.len(), None);
            } else {
                all[place] = state;
            }
            curves[place * rungs.len() + rung] = error.map(|error| errors.of(error));
        }
        let offsets = Offsets::new(&curves.chunks_exact(rungs.len()).collect::<Vec<_>>(), rungs.len());
        Self { all, curves, places, rungs, offsets }
    }

    /// The logarithm of a trial's error at each rung.
    pub fn curve(&self, place: usize) -> &[Option<f64>] {
        &self.curves[place * self.rungs.len()..][..self.rungs.len()]
    }

    /// The rung of full trainings.
    pub fn last_rung(&self) -> usize {
        self.rungs.len() - 1
    }

    /// The logarithm of the least error after a full training; `None` while there is none.
    pub fn least_error(&self) -> Option<f64> {
        let last = self.last_rung();
        let finals = self.curves.chunks_exact(self.rungs.len()).filter_map(|curve| curve[last]);
        finals.min_by(f64::total_cmp)
    }

    /// The place of a trial; `None` if it has no result yet.
    pub fn place(&self, trial: u64) -> Option<usize> {
        self.places.get(&trial).copied()
    }

    /// What the trial's result at a rung says of its final error; `None` if it has none there.
    pub fn estimate_at(&self, place: usize, rung: usize) -> Option<Offset> {
        let seen = self.curve(place)[rung]?;
        let Offset { median, deviation } = self.offsets.of(rung);
        Some(Offset { median: seen + median, deviation })
    }

    /// What its latest result says of its final error; `None` if it has failed from the start.
    pub fn estimate(&self, place: usize) -> Option<Offset> {
        self.offsets.estimate(self.curve(place))
    }
}

/// The rung at whose end so many epochs were trained.
pub(super) fn rung_at(rungs: &[u32], epochs: u32) -> usize {
    rungs.iter().position(|end| *end >= epochs).unwrap_or(rungs.len() - 1)
}

/// What counts as better: the resources that the search trades off, and up to where.
#[derive(Clone, Debug)]
pub(super) struct Goals {
    objectives: Vec<Objective>,
    /// The logarithms of the largest error, and of the largest resources, that count.
    pub reference: Vec<f64>,
    /// The logarithm of the error that shall be met.
    pub error: Option<f64>,
}

impl Goals {
    /// From the bounds of a problem and what trials came to: those with a result, and those that are running.
    pub fn new(problem: &Problem, trials: &Trials<'_>, pending: &[Pending]) -> Self {
        let bounds = &problem.bounds;
        let bounded = bounds.values.iter().map(|(objective, _)| objective);
        let mut objectives: Vec<Objective> = bounded.filter(|one| *one != Objective::Error).collect();
        let is_free = objectives.is_empty();
        if is_free {
            objectives = vec![Objective::ModelSize, Objective::Macs, Objective::PeakMemory];
        }
        let bound = bounds.get(Objective::Error);
        let constant = constant_error(problem);
        let most = match bound {
            Some(bound) => BEYOND_ERROR * bound,
            None => trials.least_error().map_or(constant, |least| BEYOND_LEAST * least.exp()),
        };
        let candidates =
            || trials.all.iter().map(|trial| trial.candidate).chain(pending.iter().map(|one| &one.candidate));
        let limit = |objective: &Objective| {
            let mut values: Vec<f64> = candidates().map(|one| log_value(one, *objective)).collect();
            let Some(bound) = bounds.get(*objective) else {
                return values.into_iter().fold(0.0, f64::max) + BEYOND_LARGEST.ln();
            };
            if bounds.is_hard(*objective) {
                return bound.ln() + BEYOND_HARD_BOUND.ln();
            }
            let bound = bound.ln() + ROUNDING.ln();
            if values.is_empty() || values.iter().any(|value| *value < bound) {
                return bound;
            }
            // None of them meets the bound yet: half of them are better than the others.
            let middle = values.len() / 2;
            *values.select_nth_unstable_by(middle, f64::total_cmp).1
        };
        let reference =
            std::iter::once(constant.min(most).ln()).chain(objectives.iter().map(limit)).collect();
        Self { objectives, reference, error: bound.map(f64::ln) }
    }

    /// The logarithms of a candidate's resources; infinite where it has no value.
    pub fn resources(&self, candidate: &Candidate) -> Vec<f64> {
        self.objectives.iter().map(|objective| log_value(candidate, *objective)).collect()
    }

    /// A point to compare: the logarithms of an error and of the resources.
    pub fn point(&self, log_error: f64, candidate: &Candidate) -> Vec<f64> {
        [vec![log_error], self.resources(candidate)].concat()
    }
}

/// The error of always giving the same answer, where classes are equally frequent.
pub(super) fn constant_error(problem: &Problem) -> f64 {
    1.0 - 1.0 / problem.classes.max(2) as f64
}

fn log_value(candidate: &Candidate, objective: Objective) -> f64 {
    candidate.objectives(None)[objective].map_or(f64::INFINITY, |value| value.max(LEAST_VALUE).ln())
}
