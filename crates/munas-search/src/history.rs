//! Results of trainings: the history that an algorithm learns from.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use munas_cost::BoardFigures;
use munas_ir::Shape;
use munas_space::Architecture;

use crate::Candidate;

/// What the training of a trial has come to: its end, or the end of a rung, after which it rests.
#[derive(Clone, Debug, PartialEq)]
pub struct Observed {
    /// The trial's number in the run.
    pub trial: u64,
    /// What was trained.
    pub candidate: Candidate,
    /// Epochs after which the error was measured: those of the candidate, or fewer at the end of a rung.
    pub epochs: u32,
    /// Validation error in [0, 1]; `None` for a trial that failed.
    pub error: Option<f64>,
}

/// A trial that is running.
#[derive(Clone, Debug, PartialEq)]
pub struct Pending {
    /// The trial's number in the run.
    pub trial: u64,
    /// What is trained.
    pub candidate: Candidate,
    /// Epochs after which it rests or ends.
    pub epochs: u32,
}

/// The results of trials, in the order in which they arrived; a trial has one for each rung that it has come to the end of.
///
/// It also knows which canonical architectures they trained. A duplicate is an architecture of the same canonical form
/// that was trained for at least as many epochs, or is resting on its way there, whatever came of it: what failed once is not tried again. With pruning,
/// target sparsities that differ by more than 0.01 make two candidates of one architecture.
#[derive(Clone, Debug)]
pub struct History {
    input: Shape,
    results: Vec<Observed>,
    /// The trials with a result, and the place of the first one of each.
    trials: HashSet<u64>,
    first_results: Vec<usize>,
    trained: Trainings,
    /// Number of results that say nothing.
    lost: usize,
    least_error: Option<f64>,
    /// Of no result, of the first, of the first two, and so on.
    digests: Vec<u64>,
}

impl History {
    /// An empty history; `input` is the shape of the network's input, on which the canonical form depends.
    pub fn new(input: Shape) -> Self {
        Self {
            input,
            results: Vec::new(),
            trials: HashSet::new(),
            first_results: Vec::new(),
            trained: Trainings::default(),
            lost: 0,
            least_error: None,
            digests: vec![0],
        }
    }

    /// Appends a result. An error that is not finite counts as that of a failed trial.
    pub fn push(&mut self, mut result: Observed) {
        result.error = result.error.filter(|error| error.is_finite());
        if self.trials.insert(result.trial) {
            self.first_results.push(self.results.len());
            self.trained.insert(self.input, &result.candidate);
        }
        self.least_error = self.least_error.into_iter().chain(result.error).reduce(f64::min);
        let before = self.digests[self.results.len()];
        self.digests.push(digest_after(before, &result));
        self.results.push(result);
    }

    /// Appends the result of a trial that was lost through no fault of its network: it counts, and that is all.
    pub fn push_lost(&mut self) {
        self.lost += 1;
    }

    /// All results but those of lost trials, in arrival order.
    pub fn results(&self) -> &[Observed] {
        &self.results
    }

    /// The results that have an error, in arrival order.
    pub fn finished(&self) -> impl DoubleEndedIterator<Item = &Observed> {
        self.results.iter().filter(|result| result.error.is_some())
    }

    /// The first result of each trial, in arrival order.
    pub fn trials(&self) -> impl Iterator<Item = &Observed> {
        self.first_results.iter().map(|&place| &self.results[place])
    }

    /// The first results of at most so many trials, in arrival order: of every second trial, every third and so on, where there are more.
    pub(crate) fn thinned_trials(&self, most: usize) -> impl Iterator<Item = &Observed> {
        let step = self.first_results.len().div_ceil(most).max(1);
        self.first_results.iter().step_by(step).map(|&place| &self.results[place])
    }

    /// The least error of all results; `None` while there is none.
    pub fn least_error(&self) -> Option<f64> {
        self.least_error
    }

    /// A digest of the first `count` results, by which what was derived from them can tell that they are the same.
    ///
    /// # Panics
    /// If there are fewer.
    pub(crate) fn digest(&self, count: usize) -> u64 {
        self.digests[count]
    }

    /// Number of results, those of failed and lost trials included.
    pub fn len(&self) -> usize {
        self.results.len() + self.lost
    }

    /// Whether there is no result yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The shape of the network's input.
    pub fn input(&self) -> Shape {
        self.input
    }
}

/// Of a result and those before it.
fn digest_after(before: u64, Observed { trial, candidate, epochs, error }: &Observed) -> u64 {
    let Candidate { architecture, resources, on_board, epochs: whole, sparsity } = candidate;
    let BoardFigures { latency_ms, energy_mj, flash } = on_board;
    let mut hasher = DefaultHasher::new();
    (before, trial, epochs, error.map(f64::to_bits)).hash(&mut hasher);
    (architecture, resources, whole, sparsity.map(f64::to_bits)).hash(&mut hasher);
    (latency_ms.map(f64::to_bits), energy_mj.map(f64::to_bits), flash).hash(&mut hasher);
    hasher.finish()
}

/// Recognises candidates that were trained, or are being trained.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Duplicates<'a> {
    history: &'a History,
    pending: &'a [Pending],
}

impl<'a> Duplicates<'a> {
    pub(crate) const fn new(history: &'a History, pending: &'a [Pending]) -> Self {
        Self { history, pending }
    }

    /// Whether the same was or is trained for at least as many epochs.
    pub(crate) fn contains(&self, candidate: &Candidate) -> bool {
        let input = self.history.input;
        let canonical = candidate.architecture.canonical(input);
        self.history.trained.contains(&canonical, candidate)
            || self.pending.iter().map(|pending| &pending.candidate).any(|pending| {
                may_be_alike(pending, candidate)
                    && Training::of(pending).covers(Training::of(candidate))
                    && pending.architecture.canonical(input) == canonical
            })
    }
}

/// `false` of candidates whose canonical forms differ for sure: one form takes the same resources, unless pruning has made them differ.
/// With a thousand trials side by side, few others need be brought to that form.
fn may_be_alike(one: &Candidate, other: &Candidate) -> bool {
    let sums = |candidate: &Candidate| (candidate.resources.macs, candidate.resources.model_size);
    one.sparsity.or(other.sparsity).is_some() || sums(one) == sums(other)
}

/// How far apart the target sparsities of the same training may lie.
const SAME_SPARSITY: f64 = 0.01;

/// What was trained, by canonical architecture.
#[derive(Clone, Debug, Default)]
struct Trainings(HashMap<Architecture, Vec<Training>>);

#[derive(Clone, Copy, Debug)]
struct Training {
    epochs: u32,
    /// 0 without pruning.
    sparsity: f64,
}

impl Training {
    fn of(candidate: &Candidate) -> Self {
        Self { epochs: candidate.epochs, sparsity: candidate.sparsity.unwrap_or(0.0) }
    }

    /// Whether it makes another one needless.
    fn covers(self, other: Self) -> bool {
        self.epochs >= other.epochs && (self.sparsity - other.sparsity).abs() <= SAME_SPARSITY
    }
}

impl Trainings {
    fn insert(&mut self, input: Shape, candidate: &Candidate) {
        let canonical = candidate.architecture.canonical(input);
        self.0.entry(canonical).or_default().push(Training::of(candidate));
    }

    fn contains(&self, canonical: &Architecture, candidate: &Candidate) -> bool {
        let wanted = Training::of(candidate);
        self.0.get(canonical).is_some_and(|trainings| trainings.iter().any(|done| done.covers(wanted)))
    }
}

#[cfg(test)]
mod tests;
