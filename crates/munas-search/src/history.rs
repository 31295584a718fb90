//! Candidates, trials and the history that an algorithm learns from.

use std::collections::HashMap;

use munas_cost::Resources;
use munas_ir::Shape;
use munas_space::Architecture;

use crate::objective::ObjectiveValues;

/// A point that is worth training: an architecture at a fidelity, with what is known about it before training.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// The architecture, as it was proposed (its canonical form is what duplicates are recognised by).
    pub architecture: Architecture,
    /// Its exact resources.
    pub resources: Resources,
    /// Milliseconds on the experiment's board, where the problem has a latency model.
    pub latency_ms: Option<f64>,
    /// The fidelity: epochs of training.
    pub epochs: u32,
}

impl Candidate {
    /// The values of all objectives, with `error` as the one that only training can tell.
    pub fn objectives(&self, error: Option<f64>) -> ObjectiveValues {
        let resources = &self.resources;
        let sizes = [resources.peak_memory, resources.model_size, resources.macs];
        let [peak_memory, model_size, macs] = sizes.map(|size| Some(size as f64));
        [error, peak_memory, model_size, macs, self.latency_ms]
    }
}

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
/// that was trained for at least as many epochs, whatever came of it: what failed once is not tried again.
#[derive(Clone, Debug)]
pub struct History {
    input: Shape,
    trials: Vec<Observed>,
    /// Canonical architecture → most epochs it was trained for.
    trained: HashMap<Architecture, u32>,
}

impl History {
    /// An empty history; `input` is the shape of the network's input, on which the canonical form depends.
    pub fn new(input: Shape) -> Self {
        Self { input, trials: Vec::new(), trained: HashMap::new() }
    }

    /// Appends a trial that has ended. An error that is not finite counts as a failed trial.
    pub fn push(&mut self, mut trial: Observed) {
        trial.error = trial.error.filter(|error| error.is_finite());
        insert(&mut self.trained, self.input, &trial.candidate);
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

    /// Most epochs for which this canonical architecture was trained; `None` if it never was.
    fn trained_epochs(&self, canonical: &Architecture) -> Option<u32> {
        self.trained.get(canonical).copied()
    }
}

/// Recognises candidates that were trained, or are being trained.
#[derive(Clone, Debug)]
pub(crate) struct Duplicates<'a> {
    history: &'a History,
    pending: HashMap<Architecture, u32>,
}

impl<'a> Duplicates<'a> {
    pub(crate) fn new(history: &'a History, pending: &[Candidate]) -> Self {
        let mut running = HashMap::new();
        for candidate in pending {
            insert(&mut running, history.input, candidate);
        }
        Self { history, pending: running }
    }

    /// Whether the architecture was or is trained for at least so many epochs.
    pub(crate) fn contains(&self, architecture: &Architecture, epochs: u32) -> bool {
        let canonical = architecture.canonical(self.history.input);
        let trained = self.history.trained_epochs(&canonical);
        let running = self.pending.get(&canonical).copied();
        trained.max(running).is_some_and(|most| most >= epochs)
    }
}

fn insert(trained: &mut HashMap<Architecture, u32>, input: Shape, candidate: &Candidate) {
    let most = trained.entry(candidate.architecture.canonical(input)).or_default();
    *most = candidate.epochs.max(*most);
}

#[cfg(test)]
mod tests;
