//! What decisions need of the results of a history, kept while more of them arrive: a decision costs the same after ten trials and after
//! a hundred thousand.
//!
//! All of it is a function of the results. Whether it was made from those that a history begins with, its digest tells; of another
//! history it is made anew.

use std::collections::{BTreeSet, HashSet, VecDeque};

use munas_ir::Shape;

use super::ranks::FirstRanks;
use super::surrogate::LogErrors;
use super::taken::Taken;
use super::trials::Trials;
use crate::{Bounds, History, Observed, Problem};

/// Results of a rung that are compared; what is older rests for ever.
pub(super) const WINDOW: usize = 256;
/// Trials with a result before there is a model.
const FIRST_FIT: usize = 20;
/// New results between two fits: so many at least, and that share.
const LEAST_NEW: usize = 8;
const NEW_SHARE: f64 = 0.05;

/// See the module.
#[derive(Debug)]
pub(super) struct Seen {
    of: Of,
    digest: u64,
    has_zeros: bool,
    errors: LogErrors,
    pub trials: Trials,
    pub taken: Taken,
    /// Of the trials with a full training, by error and resources.
    whole: FirstRanks,
    /// The places of trials with an error whose latest result is a failure at the last rung, or is not at the last rung although they
    /// have an error there: what is said of the others with a full training is not true of them.
    odd: BTreeSet<usize>,
    /// For each rung but the last, the latest results with an error.
    windows: Vec<VecDeque<Arrival>>,
    starts: Starts,
}

/// What of a problem the rest depends on.
#[derive(Debug)]
struct Of {
    input: Shape,
    classes: usize,
    rungs: Vec<u32>,
    bounds: Bounds,
}

/// A result in a window.
#[derive(Clone, Copy, Debug)]
struct Arrival {
    /// The place of its trial.
    place: usize,
    /// Its own place among all results.
    result: usize,
}

/// The results with an error, as far as fits depend on how many there are.
#[derive(Debug, Default)]
struct Starts {
    count: usize,
    /// Trials among them, until there is a fit.
    trials: HashSet<u64>,
    /// How many there were when there were trials enough for the first fit.
    first_fit: Option<usize>,
}

impl Of {
    fn new(problem: &Problem) -> Self {
        let Problem { input, classes, rungs, bounds, .. } = problem;
        Self { input: *input, classes: *classes, rungs: rungs.clone(), bounds: bounds.clone() }
    }

    fn is(&self, problem: &Problem) -> bool {
        let Self { input, classes, rungs, bounds } = self;
        (*input, *classes) == (problem.input, problem.classes)
            && *rungs == problem.rungs
            && *bounds == problem.bounds
    }
}

impl Seen {
    /// Of no result yet; the logarithms of errors will be these.
    fn new(problem: &Problem, errors: LogErrors) -> Self {
        let trials = Trials::without_results(&problem.rungs, errors);
        Self {
            of: Of::new(problem),
            digest: 0,
            has_zeros: false,
            errors,
            windows: vec![VecDeque::new(); trials.last_rung()],
            trials,
            taken: Taken::new(&problem.bounds),
            whole: FirstRanks::default(),
            odd: BTreeSet::new(),
            starts: Starts::default(),
        }
    }

    /// Of all results of a history.
    pub fn all(problem: &Problem, history: &History) -> Self {
        let errors = LogErrors::new(history.results().iter().filter_map(|result| result.error));
        let mut seen = Self::new(problem, errors);
        seen.add(history);
        seen
    }

    /// Whether these are the first results of a history.
    pub fn begins(&self, problem: &Problem, history: &History) -> bool {
        let count = self.trials.results();
        self.of.is(problem) && count <= history.results().len() && history.digest(count) == self.digest
    }

    /// Adds what has arrived since to the first results of a history.
    pub fn catch_up(&mut self, problem: &Problem, history: &History) {
        let new = &history.results()[self.trials.results()..];
        let errors = self.errors.with(new.iter().filter_map(|result| result.error));
        if errors == self.errors {
            self.add(history);
        } else if self.has_zeros {
            // What an error of 0 counts as has changed.
            *self = Self::all(problem, history);
        } else {
            self.errors = errors;
            self.trials.set_log_errors(errors);
            self.add(history);
        }
    }

    fn add(&mut self, history: &History) {
        for result in &history.results()[self.trials.results()..] {
            self.push(result);
        }
        self.trials.settle();
        self.digest = history.digest(history.results().len());
    }

    fn push(&mut self, result: &Observed) {
        let arrival = self.trials.results();
        let place = self.trials.push(result);
        self.taken.set(place, &result.candidate);
        self.has_zeros |= result.error.is_some_and(|error| error <= 0.0);
        if result.error.is_some() {
            self.starts.push(result.trial);
            if let Some(window) = self.windows.get_mut(self.trials.all[place].rung) {
                if window.len() == WINDOW {
                    window.pop_front();
                }
                window.push_back(Arrival { place, result: arrival });
            }
        }
        self.rank(place);
    }

    /// Takes account of what the trial at a place has come to.
    fn rank(&mut self, place: usize) {
        let is_at_end = self.trials.all[place].rung == self.trials.last_rung();
        let has_estimate = self.trials.estimate(place).is_some();
        if has_estimate && self.trials.final_error(place).is_some() != is_at_end {
            self.odd.insert(place);
        } else {
            self.odd.remove(&place);
        }
        if self.whole.contains(place) {
            // What it has kept off both ranks may be on them now.
            self.whole = FirstRanks::default();
            (0..self.trials.all.len()).for_each(|place| self.rank_whole(place));
        } else {
            self.rank_whole(place);
        }
    }

    fn rank_whole(&mut self, place: usize) {
        if let Some(error) = self.trials.final_error(place)
            && !self.odd.contains(&place)
        {
            self.whole.insert(place, self.point(place, error));
        }
    }

    /// The point of a trial with this error, of which the logarithm is given.
    pub fn point(&self, place: usize, error: f64) -> Vec<f64> {
        [&[error], self.taken.of(place)].concat()
    }

    /// The logarithm of the least error after a full training; `None` while there is none.
    pub fn least_final_error(&self) -> Option<f64> {
        let odd = self.odd.iter().filter_map(|&place| self.trials.final_error(place));
        odd.chain(self.whole.least_first()).min_by(f64::total_cmp)
    }

    /// The places of all trials with a full training that are of the first two ranks of them, ascending, and perhaps of some others.
    pub fn best_whole(&self) -> BTreeSet<usize> {
        let odd = self.odd.iter().copied().filter(|&place| self.trials.final_error(place).is_some());
        self.whole.places().chain(odd).collect()
    }

    /// The same of trials whose latest result is at the last rung, by what is estimated of them.
    pub fn best_at_end(&self) -> BTreeSet<usize> {
        let last = self.trials.last_rung();
        let odd = self.odd.iter().copied().filter(|&place| self.trials.all[place].rung == last);
        self.whole.places().chain(odd).collect()
    }

    /// For each rung but the last, the places of the trials of its window, latest first.
    pub fn windows(&self) -> impl Iterator<Item = impl ExactSizeIterator<Item = usize>> {
        self.windows.iter().map(|window| window.iter().rev().map(|arrival| arrival.place))
    }

    /// Whether a trial's latest result is in its window.
    pub fn is_in_window(&self, trial: u64) -> bool {
        let Some(place) = self.trials.place(trial) else { return false };
        let trial = self.trials.all[place];
        let window = self.windows.get(trial.rung);
        window.is_some_and(|window| window.binary_search_by_key(&trial.latest, |one| one.result).is_ok())
    }

    /// The number of results with an error that the model is fitted to, the first ones; `None` as long as there are too few.
    pub fn fitted(&self) -> Option<usize> {
        self.starts.fitted()
    }
}

impl Starts {
    fn push(&mut self, trial: u64) {
        self.count += 1;
        if self.first_fit.is_none() {
            self.trials.insert(trial);
            self.first_fit = (self.trials.len() == FIRST_FIT).then_some(self.count);
        }
    }

    fn fitted(&self) -> Option<usize> {
        let mut count = self.first_fit?;
        loop {
            let next = count + LEAST_NEW.max((NEW_SHARE * count as f64).ceil() as usize);
            if next > self.count {
                return Some(count);
            }
            count = next;
        }
    }
}

#[cfg(test)]
mod tests;
