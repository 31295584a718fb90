//! What is known of every trial, by rungs, and what follows from all of them together.

use std::collections::HashMap;

use super::fidelity::{Offset, Offsets};
use super::surrogate::LogErrors;
use crate::{Observed, Problem};

/// A trial with a result.
#[derive(Clone, Copy, Debug)]
pub(in crate::algorithms) struct Trial {
    pub number: u64,
    /// The place of its latest result, which has its candidate, among all results.
    pub latest: usize,
    /// The rung of that result, from 0.
    pub rung: usize,
    /// Whether it can go on: it has not failed.
    pub is_sound: bool,
}

/// All trials of some results.
#[derive(Clone, Debug)]
pub(in crate::algorithms) struct Trials {
    /// In the order of their first results.
    pub all: Vec<Trial>,
    /// The logarithm of the error of each trial at each rung, one trial after the other.
    curves: Vec<Option<f64>>,
    places: HashMap<u64, usize>,
    rungs: Vec<u32>,
    results: usize,
    errors: LogErrors,
    offsets: Offsets,
}

impl Trials {
    /// From results in arrival order.
    pub fn new(problem: &Problem, results: &[&Observed]) -> Self {
        let errors = LogErrors::new(results.iter().filter_map(|result| result.error));
        let mut trials = Self::without_results(&problem.rungs, errors);
        for result in results {
            trials.push(result);
        }
        trials.settle();
        trials
    }

    /// Those of no result; the logarithms of errors will be these.
    pub fn without_results(rungs: &[u32], errors: LogErrors) -> Self {
        Self {
            all: Vec::new(),
            curves: Vec::new(),
            places: HashMap::new(),
            rungs: rungs.to_vec(),
            results: 0,
            errors,
            offsets: Offsets::new(rungs.len()),
        }
    }

    /// Adds a result, and gives the place of its trial. What follows from all trials together is out of date until it is settled.
    pub fn push(&mut self, result: &Observed) -> usize {
        let Observed { trial, epochs, error, .. } = result;
        let rung = rung_at(&self.rungs, *epochs);
        let place = *self.places.entry(*trial).or_insert(self.all.len());
        let state = Trial { number: *trial, latest: self.results, rung, is_sound: error.is_some() };
        let rungs = self.rungs.len();
        if place == self.all.len() {
            self.all.push(state);
            self.curves.resize(self.curves.len() + rungs, None);
        } else {
            self.all[place] = state;
        }
        let curve = &mut self.curves[place * rungs..][..rungs];
        self.offsets.set(curve, rung, error.map(|error| self.errors.of(error)));
        self.results += 1;
        place
    }

    /// Brings what follows from all trials together up to date.
    pub fn settle(&mut self) {
        self.offsets.settle();
    }

    /// Other logarithms of errors, which differ from those before in none of the errors that were pushed.
    pub fn set_log_errors(&mut self, errors: LogErrors) {
        self.errors = errors;
    }

    /// The number of results.
    pub fn results(&self) -> usize {
        self.results
    }

    /// The logarithm of a trial's error at each rung.
    pub fn curve(&self, place: usize) -> &[Option<f64>] {
        &self.curves[place * self.rungs.len()..][..self.rungs.len()]
    }

    /// The rung of full trainings.
    pub fn last_rung(&self) -> usize {
        self.rungs.len() - 1
    }

    /// The logarithm of a trial's error after a full training; `None` if it has none.
    pub fn final_error(&self, place: usize) -> Option<f64> {
        self.curve(place)[self.last_rung()]
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
fn rung_at(rungs: &[u32], epochs: u32) -> usize {
    rungs.iter().position(|end| *end >= epochs).unwrap_or(rungs.len() - 1)
}
