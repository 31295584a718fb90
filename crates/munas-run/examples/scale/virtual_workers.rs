//! A backend of workers that are not there, whose clock goes from one event to the next.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::io;
use std::time::Duration;

use munas_cost::Resources;
use munas_run::{
    Assignment, Backend, DataFacts, Ended, EvaluationError, Job, Report, Task, WorkerInfo, WorkerNews,
};
use munas_train::Checkpoint;

use crate::curves::Curves;
use crate::made_up;

/// Multiply-accumulate operations of one inference for which an epoch takes a virtual second.
const MACS_PER_SECOND: f64 = 10_000.0;
/// The fact of a checkpoint that says how many epochs it has.
const EPOCH: &str = "epoch";

/// Virtual workers and what they train.
pub struct VirtualWorkers {
    task: Task,
    count: usize,
    curves: Curves,
    /// Virtual time.
    now: Duration,
    /// When which trial has trained its next epoch.
    epochs: BinaryHeap<Reverse<(Duration, u64)>>,
    running: BTreeMap<u64, Training>,
    attempts: u64,
    reports: VecDeque<Report>,
}

struct Training {
    assignment: Assignment,
    attempt: u64,
    resources: Resources,
    began: Duration,
    done: u32,
}

impl Training {
    fn epoch_time(&self) -> Duration {
        Duration::from_secs_f64(0.1 + self.resources.macs as f64 / MACS_PER_SECOND)
    }
}

impl VirtualWorkers {
    /// So many, for which nothing has happened.
    pub fn new(count: usize, curves: Curves) -> Self {
        Self {
            task: made_up::task(),
            count,
            curves,
            now: Duration::ZERO,
            epochs: BinaryHeap::new(),
            running: BTreeMap::new(),
            attempts: 0,
            reports: VecDeque::new(),
        }
    }

    /// The virtual time.
    pub fn now(&self) -> Duration {
        self.now
    }

    fn end(&mut self, training: Training, result: Result<f64, EvaluationError>) {
        let Training { assignment, attempt, began, done, .. } = training;
        let result = result.and_then(|error| {
            made_up::evaluated(&assignment.graph, error, done)
                .map_err(|error| EvaluationError::Failed(error.to_string()))
        });
        let (trial, elapsed, attempt) = (assignment.trial, self.now.saturating_sub(began), Some(attempt));
        let ended = Ended { trial, result, elapsed, assignment: Some(assignment), attempt };
        self.reports.push_back(Report::Ended(Box::new(ended)));
    }

    /// The next epoch of the trial that has it first.
    fn advance(&mut self) {
        let Some(Reverse((time, trial))) = self.epochs.pop() else { return };
        let Some(mut training) = self.running.remove(&trial) else { return };
        self.now = time;
        training.done += 1;
        let (done, end) = (training.done, training.assignment.end());
        let error = self.curves.error(&training.resources, done, training.assignment.seed);
        let report = made_up::epoch_report(done, error);
        self.reports.push_back(Report::Epoch { trial, report });
        if done < end {
            self.epochs.push(Reverse((time + training.epoch_time(), trial)));
            self.running.insert(trial, training);
            return;
        }
        if training.assignment.rests() {
            let checkpoint = Box::new(checkpoint(&training));
            self.reports.push_back(Report::Checkpoint { trial, checkpoint });
        }
        self.end(training, Ok(error));
    }
}

/// As large as that of a training: weights, and two moments of each.
fn checkpoint(training: &Training) -> Checkpoint {
    let dims = training.assignment.graph.ops();
    let dims = dims.filter_map(|(op, _)| training.assignment.graph.weight_dims(op));
    let weights: usize = dims.map(|dims| dims.inference_parameters()).sum();
    Checkpoint {
        facts: [(EPOCH.to_owned(), training.done.to_string())].into(),
        tensors: [("training".to_owned(), vec![0.5; 3 * weights])].into(),
    }
}

impl Backend for VirtualWorkers {
    fn task(&self) -> &Task {
        &self.task
    }

    fn data(&self, _: u32) -> Option<&DataFacts> {
        None
    }

    fn memory(&self, _: &Assignment) -> u64 {
        0
    }

    fn memory_limit(&self) -> u64 {
        u64::MAX
    }

    fn workers(&self) -> Option<usize> {
        Some(self.count)
    }

    fn folds(&self) -> u32 {
        1
    }

    fn start(&mut self, job: Job) -> io::Result<()> {
        let Job::Train(assignment) = job else { return Err(io::Error::other("there are no folds")) };
        let trial = assignment.trial;
        self.attempts += 1;
        let worker = WorkerInfo {
            node: format!("node {}", trial % (self.count as u64).div_ceil(32)),
            process: 1 + (trial % self.count as u64) as u32,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            instruction_set: "virtual".to_owned(),
        };
        self.reports.push_back(Report::Worker(WorkerNews::Began { trial, attempt: self.attempts, worker }));
        let facts = assignment.checkpoint.as_ref().map(|checkpoint| &checkpoint.facts);
        let done = facts.and_then(|facts| facts.get(EPOCH)?.parse().ok()).unwrap_or(0);
        let resources = munas_cost::resources(&assignment.graph);
        let training = Training { assignment, attempt: self.attempts, resources, began: self.now, done };
        self.epochs.push(Reverse((self.now + training.epoch_time(), trial)));
        self.running.insert(trial, training);
        Ok(())
    }

    fn poll(&mut self, _: Duration) -> Option<Report> {
        while self.reports.is_empty() && !self.epochs.is_empty() {
            self.advance();
        }
        self.reports.pop_front()
    }

    fn stop(&mut self, trial: u64) {
        if let Some(training) = self.running.remove(&trial) {
            self.end(training, Err(EvaluationError::Stopped));
        }
    }

    fn pause(&mut self, trial: u64) {
        // What is not there can rest anywhere.
        if let Some(training) = self.running.get(&trial) {
            let checkpoint = Box::new(checkpoint(training));
            self.reports.push_back(Report::Checkpoint { trial, checkpoint });
        }
        self.stop(trial);
    }
}
