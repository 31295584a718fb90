//! The backend of one process: a thread for each trial.

use std::any::Any;
use std::collections::BTreeMap;
use std::io;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{Builder, Scope};
use std::time::{Duration, Instant};

use munas_train::Progress;

use super::backend::{Backend, Ended, Job, Report};
use super::evaluator::{Assignment, Evaluated, EvaluationError, Evaluator};
use crate::clock::ThreadClock;
use crate::store::models::DataFacts;
use crate::task::Task;

/// The fact of a checkpoint that says how many seconds the training took up to it.
const SECONDS: &str = "seconds";

/// One thread per running trial; what it holds is freed when the trial ends.
pub struct Threads<'scope, 'env> {
    scope: &'scope Scope<'scope, 'env>,
    evaluator: &'env dyn Evaluator,
    checkpoint_every: Duration,
    orders: BTreeMap<u64, Order>,
    sender: Sender<Report>,
    receiver: Receiver<Report>,
}

impl<'scope, 'env> Threads<'scope, 'env> {
    /// Threads in this scope that share an evaluator, with at least so much time between two checkpoints of a training.
    pub fn new(
        scope: &'scope Scope<'scope, 'env>,
        evaluator: &'env dyn Evaluator,
        checkpoint_every: Duration,
    ) -> Self {
        let (sender, receiver) = mpsc::channel();
        Self { scope, evaluator, checkpoint_every, orders: BTreeMap::new(), sender, receiver }
    }

    fn order(&self, trial: u64, order: u8) {
        if let Some(given) = self.orders.get(&trial) {
            given.give(order);
        }
    }
}

impl Backend for Threads<'_, '_> {
    fn task(&self) -> &Task {
        self.evaluator.task()
    }

    fn data(&self, fold: u32) -> Option<&DataFacts> {
        self.evaluator.data(fold)
    }

    fn memory(&self, assignment: &Assignment) -> u64 {
        self.evaluator.memory(assignment)
    }

    fn memory_limit(&self) -> u64 {
        self.evaluator.memory_limit()
    }

    fn folds(&self) -> u32 {
        self.evaluator.folds()
    }

    fn start(&mut self, job: Job) -> io::Result<()> {
        let (trial, order) = (job.trial(), Order::default());
        let worker = Worker {
            evaluator: self.evaluator,
            order: order.clone(),
            checkpoint_every: self.checkpoint_every,
            sender: self.sender.clone(),
        };
        let thread = Builder::new().name(format!("trial {trial}"));
        thread.spawn_scoped(self.scope, move || worker.work(job))?;
        self.orders.insert(trial, order);
        Ok(())
    }

    fn poll(&mut self, timeout: Duration) -> Option<Report> {
        let report = self.receiver.recv_timeout(timeout).ok()?;
        if let Report::Ended(ended) = &report {
            self.orders.remove(&ended.trial);
        }
        Some(report)
    }

    fn stop(&mut self, trial: u64) {
        self.order(trial, Order::STOP);
    }

    fn pause(&mut self, trial: u64) {
        self.order(trial, Order::PAUSE);
    }
}

impl Drop for Threads<'_, '_> {
    fn drop(&mut self) {
        self.orders.values().for_each(|order| order.give(Order::STOP));
    }
}

/// What a thread was last told. A stop is not taken back by a pause.
#[derive(Clone, Debug, Default)]
struct Order(Arc<AtomicU8>);

impl Order {
    const PAUSE: u8 = 1;
    const STOP: u8 = 2;

    fn give(&self, order: u8) {
        self.0.fetch_max(order, Ordering::Relaxed);
    }

    fn is(&self, order: u8) -> bool {
        self.0.load(Ordering::Relaxed) == order
    }
}

/// What a thread does.
struct Worker<'env> {
    evaluator: &'env dyn Evaluator,
    order: Order,
    checkpoint_every: Duration,
    sender: Sender<Report>,
}

impl Worker<'_> {
    /// Does a job, and reports what came of it.
    fn work(&self, job: Job) {
        let before = match &job {
            Job::Train(assignment) => time_before(assignment),
            Job::JudgeFolds { elapsed, .. } => *elapsed,
        };
        let clock = ThreadClock::start();
        let elapsed = || before + clock.elapsed();
        let (assignment, first) = match job {
            Job::Train(assignment) => (assignment, None),
            Job::JudgeFolds { assignment, first, up_to, .. } => (assignment, Some((first, up_to))),
        };
        // What an evaluation leaves behind when it panics is dropped with it; the evaluator itself is immutable.
        let result = catch_unwind(AssertUnwindSafe(|| match first {
            None => self.train(&assignment, &elapsed),
            Some((first, up_to)) => {
                self.evaluator.evaluate_folds(&assignment, *first, up_to, &mut |_| self.proceed())
            }
        }));
        let result = result.unwrap_or_else(|panic| {
            Err(EvaluationError::Failed(format!("panic: {}", panic_message(&*panic))))
        });
        let ended = Ended {
            trial: assignment.trial,
            result,
            elapsed: elapsed(),
            assignment: Some(assignment),
            attempt: None,
        };
        // A report that cannot be sent has no receiver any more: the search has ended with an error.
        let _ = self.sender.send(Report::Ended(Box::new(ended)));
    }

    fn train(
        &self,
        assignment: &Assignment,
        elapsed: &dyn Fn() -> Duration,
    ) -> Result<Evaluated, EvaluationError> {
        let trial = assignment.trial;
        let (mut kept, mut trained) = (Instant::now(), 0);
        self.evaluator.evaluate(assignment, &mut |progress| {
            let pauses = self.order.is(Order::PAUSE);
            let report = match progress {
                Progress::Batch => None,
                Progress::Epoch(report) => {
                    trained = report.epoch;
                    Some(Report::Epoch { trial, report: *report })
                }
                // What a trial rests with is what it goes on from.
                Progress::Resting(_)
                    if !pauses
                        && (!assignment.rests() || trained < assignment.end())
                        && kept.elapsed() < self.checkpoint_every =>
                {
                    None
                }
                Progress::Resting(checkpoint) => {
                    kept = Instant::now();
                    let mut checkpoint = Box::new(checkpoint());
                    checkpoint.facts.insert(SECONDS.to_owned(), elapsed().as_secs_f64().to_string());
                    Some(Report::Checkpoint { trial, checkpoint })
                }
            };
            let rests = pauses && matches!(report, Some(Report::Checkpoint { .. }));
            let is_heard = report.is_none_or(|report| self.sender.send(report).is_ok());
            if is_heard && !rests { self.proceed() } else { ControlFlow::Break(()) }
        })
    }

    /// Whether the job goes on.
    fn proceed(&self) -> ControlFlow<()> {
        if self.order.is(Order::STOP) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

/// What the training took before the checkpoint that it goes on from.
fn time_before(assignment: &Assignment) -> Duration {
    let seconds = assignment.checkpoint.as_ref().and_then(|checkpoint| checkpoint.facts.get(SECONDS));
    let seconds = seconds.and_then(|text| text.parse().ok()).unwrap_or(0.0);
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

fn panic_message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without a message")
}

#[cfg(test)]
mod tests;
