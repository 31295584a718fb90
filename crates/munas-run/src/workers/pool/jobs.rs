//! Jobs that have begun and not ended.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use munas_ir::Graph;
use munas_train::Checkpoint;

use crate::executor::backend::Job;
use crate::executor::evaluator::Assignment;
use crate::workers::link::WorkerId;

/// What a job was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Order {
    Pause,
    Stop,
}

/// A job that a worker is given.
pub(super) struct Running {
    pub attempt: u64,
    pub job: Job,
    pub order: Option<Order>,
}

struct State {
    /// The job, as it was asked for.
    job: Job,
    /// What has come of it since that it can go on from.
    checkpoint: Option<Checkpoint>,
    /// The worker that has it, and the attempt.
    at: Option<(WorkerId, u64)>,
    /// Workers that were lost with it.
    losses: u32,
    /// What it was told, and when.
    order: Option<(Order, Instant)>,
    /// When its last epoch ended, or the attempt began.
    epoch_since: Instant,
}

/// Jobs by trial, and which of them wait for a worker.
#[derive(Default)]
pub(super) struct Jobs {
    states: BTreeMap<u64, State>,
    waiting: VecDeque<u64>,
    attempts: u64,
}

impl Jobs {
    pub fn add(&mut self, job: Job) {
        let trial = job.trial();
        let state =
            State { job, checkpoint: None, at: None, losses: 0, order: None, epoch_since: Instant::now() };
        self.states.insert(trial, state);
        self.waiting.push_back(trial);
    }

    pub fn contains(&self, trial: u64) -> bool {
        self.states.contains_key(&trial)
    }

    /// The graph that a trial's job is for.
    pub fn graph(&self, trial: u64) -> Option<&Graph> {
        let (Job::Train(assignment) | Job::JudgeFolds { assignment, .. }) = &self.states.get(&trial)?.job;
        Some(&assignment.graph)
    }

    /// Gives the first job that waits to a worker.
    pub fn begin(&mut self, worker: WorkerId) -> Option<Running> {
        let trial = self.waiting.pop_front()?;
        let state = self.states.get_mut(&trial)?;
        self.attempts += 1;
        let attempt = self.attempts;
        state.at = Some((worker, attempt));
        state.epoch_since = Instant::now();
        let mut job = state.job.clone();
        if let (Job::Train(assignment), Some(checkpoint)) = (&mut job, &state.checkpoint) {
            assignment.checkpoint = Some(checkpoint.clone());
        }
        Some(Running { attempt, job, order: state.order.map(|(order, _)| order) })
    }

    /// Whether this attempt at a trial's job is the worker's.
    pub fn is_at(&self, trial: u64, attempt: u64, worker: WorkerId) -> bool {
        self.states.get(&trial).is_some_and(|state| state.at == Some((worker, attempt)))
    }

    /// Notes the end of an epoch; how long it took.
    pub fn epoch(&mut self, trial: u64) -> Duration {
        let Some(state) = self.states.get_mut(&trial) else { return Duration::ZERO };
        let now = Instant::now();
        now.duration_since(std::mem::replace(&mut state.epoch_since, now))
    }

    /// Keeps what a training can go on from.
    pub fn keep(&mut self, trial: u64, checkpoint: &Checkpoint) {
        if let Some(state) = self.states.get_mut(&trial) {
            state.checkpoint = Some(checkpoint.clone());
        }
    }

    /// Takes a job out; what was to be trained.
    pub fn end(&mut self, trial: u64) -> Option<Assignment> {
        self.waiting.retain(|&waiting| waiting != trial);
        let (Job::Train(assignment) | Job::JudgeFolds { assignment, .. }) = self.states.remove(&trial)?.job;
        Some(assignment)
    }

    /// Notes that a job's worker was lost, and that it waits for another; how many it has lost.
    pub fn lose(&mut self, trial: u64) -> Option<u32> {
        let state = self.states.get_mut(&trial)?;
        state.at = None;
        state.losses += 1;
        self.waiting.push_front(trial);
        Some(state.losses)
    }

    pub fn order(&self, trial: u64) -> Option<Order> {
        self.states.get(&trial)?.order.map(|(order, _)| order)
    }

    /// Notes what a job is told; a stop is not taken back. The worker that has it, and the attempt.
    pub fn give_order(&mut self, trial: u64, order: Order) -> Option<(WorkerId, u64)> {
        let state = self.states.get_mut(&trial)?;
        if state.order.is_none_or(|(given, _)| given < order) {
            state.order = Some((order, Instant::now()));
        }
        state.at
    }

    /// Workers that were told to stop so long ago.
    pub fn stubborn(&self, longest: Duration) -> Vec<WorkerId> {
        let told = |state: &State| matches!(state.order, Some((Order::Stop, at)) if at.elapsed() >= longest);
        self.states.values().filter(|state| told(state)).filter_map(|state| Some(state.at?.0)).collect()
    }
}
