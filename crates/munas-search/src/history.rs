//! Trials that have ended: the history that an algorithm learns from.

use std::collections::HashMap;

use munas_ir::Shape;
use munas_space::Architecture;

use crate::Candidate;

/// A trial that has ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Observed {
    /// The trial's number in the run.
    pub trial: u64,
    /// What was trained.
    pub candidate: Candidate,
    /// Validation error in [0, 1]; `None` for a trial that failed or was stopped before it had one.
    pub error: Option<f64>,
}

/// The trials that have ended, in the order in which their results arrived.
///
/// It also knows which canonical architectures they trained. A duplicate is an architecture of the same canonical form
/// that was trained for at least as many epochs, whatever came of it: what failed once is not tried again. With pruning,
/// target sparsities that differ by more than 0.01 make two candidates of one architecture.
#[derive(Clone, Debug)]
pub struct History {
    input: Shape,
    trials: Vec<Observed>,
    trained: Trainings,
}

impl History {
    /// An empty history; `input` is the shape of the network's input, on which the canonical form depends.
    pub fn new(input: Shape) -> Self {
        Self { input, trials: Vec::new(), trained: Trainings::default() }
    }

    /// Appends a trial that has ended. An error that is not finite counts as a failed trial.
    pub fn push(&mut self, mut trial: Observed) {
        trial.error = trial.error.filter(|error| error.is_finite());
        self.trained.insert(self.input, &trial.candidate);
        self.trials.push(trial);
    }

    /// All trials, in arrival order.
    pub fn trials(&self) -> &[Observed] {
        &self.trials
    }

    /// The trials that have an error, in arrival order.
    pub fn finished(&self) -> impl DoubleEndedIterator<Item = &Observed> {
        self.trials.iter().filter(|trial| trial.error.is_some())
    }

    /// Number of trials, failed ones included.
    pub fn len(&self) -> usize {
        self.trials.len()
    }

    /// Whether no trial has ended yet.
    pub fn is_empty(&self) -> bool {
        self.trials.is_empty()
    }

    /// The shape of the network's input.
    pub fn input(&self) -> Shape {
        self.input
    }
}

/// Recognises candidates that were trained, or are being trained.
#[derive(Clone, Debug)]
pub(crate) struct Duplicates<'a> {
    history: &'a History,
    pending: Trainings,
}

impl<'a> Duplicates<'a> {
    pub(crate) fn new(history: &'a History, pending: &[Candidate]) -> Self {
        let mut running = Trainings::default();
        for candidate in pending {
            running.insert(history.input, candidate);
        }
        Self { history, pending: running }
    }

    /// Whether the same was or is trained for at least as many epochs.
    pub(crate) fn contains(&self, candidate: &Candidate) -> bool {
        let canonical = candidate.architecture.canonical(self.history.input);
        [&self.history.trained, &self.pending].iter().any(|trained| trained.contains(&canonical, candidate))
    }
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
}

impl Trainings {
    fn insert(&mut self, input: Shape, candidate: &Candidate) {
        let canonical = candidate.architecture.canonical(input);
        self.0.entry(canonical).or_default().push(Training::of(candidate));
    }

    fn contains(&self, canonical: &Architecture, candidate: &Candidate) -> bool {
        let Training { epochs, sparsity } = Training::of(candidate);
        self.0.get(canonical).is_some_and(|trainings| {
            trainings
                .iter()
                .any(|done| done.epochs >= epochs && (done.sparsity - sparsity).abs() <= SAME_SPARSITY)
        })
    }
}

#[cfg(test)]
mod tests;
