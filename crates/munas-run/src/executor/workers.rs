//! Threads that train.

use std::any::Any;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{Builder, Scope};
use std::time::{Duration, Instant};

use munas_train::{Checkpoint, EpochReport, Progress};

use crate::clock::ThreadClock;
use crate::error::RunError;
use crate::evaluate::{Assignment, Evaluated, EvaluationError, Evaluator};

/// What a worker reports.
pub(super) enum Message {
    /// One more epoch is trained.
    Epoch { trial: u64, report: EpochReport },
    /// Where a training has come to.
    Checkpoint { trial: u64, checkpoint: Box<Checkpoint> },
    /// The last message of a trial.
    Ended(Box<Ended>),
}

/// The fact of a checkpoint that says how many seconds the training took up to it.
const SECONDS: &str = "seconds";

/// How a trial ended.
pub(super) struct Ended {
    pub trial: u64,
    pub result: Result<Evaluated, EvaluationError>,
    /// The time that its thread worked, with that of earlier sessions up to the checkpoint.
    pub elapsed: Duration,
    /// What the worker was told to train, if one was.
    pub assignment: Option<Assignment>,
}

impl Ended {
    /// The end of a trial that no worker was given.
    pub fn before_it_began(trial: u64) -> Self {
        Self { trial, result: Err(EvaluationError::Stopped), elapsed: Duration::ZERO, assignment: None }
    }

    /// The end of a trial that no worker shall be given.
    pub fn unfit(trial: u64, reason: String) -> Self {
        Self {
            trial,
            result: Err(EvaluationError::Failed(reason)),
            elapsed: Duration::ZERO,
            assignment: None,
        }
    }
}

/// One thread per running trial; what it holds is freed when the trial ends.
pub(super) struct Workers<'scope, 'env> {
    scope: &'scope Scope<'scope, 'env>,
    evaluator: &'env dyn Evaluator,
    halt: &'env AtomicBool,
    checkpoint_every: Duration,
    sender: Sender<Message>,
    receiver: Receiver<Message>,
}

impl<'scope, 'env> Workers<'scope, 'env> {
    pub fn new(
        scope: &'scope Scope<'scope, 'env>,
        evaluator: &'env dyn Evaluator,
        halt: &'env AtomicBool,
        checkpoint_every: Duration,
    ) -> Self {
        let (sender, receiver) = mpsc::channel();
        Self { scope, evaluator, halt, checkpoint_every, sender, receiver }
    }

    /// Bytes that a training takes.
    pub fn memory(&self, assignment: &Assignment) -> u64 {
        self.evaluator.memory(assignment)
    }

    /// Bytes that this machine has for trainings side by side.
    pub fn memory_limit(&self) -> u64 {
        self.evaluator.memory_limit()
    }

    /// Trains on a new thread.
    pub fn start(&self, assignment: Assignment) -> Result<(), RunError> {
        let worker = Worker {
            evaluator: self.evaluator,
            halt: self.halt,
            checkpoint_every: self.checkpoint_every,
            sender: self.sender.clone(),
        };
        self.spawn(assignment.trial, move || {
            let before = time_before(&assignment);
            worker
                .work(assignment, before, |worker, assignment, elapsed| worker.evaluate(assignment, elapsed));
        })
    }

    /// Number of folds that networks of the front are judged on.
    pub fn folds(&self) -> u32 {
        self.evaluator.folds()
    }

    /// Judges a trial that was evaluated on the first fold on the others too, on a new thread.
    pub fn judge_folds(
        &self,
        assignment: Assignment,
        first: Evaluated,
        before: Duration,
    ) -> Result<(), RunError> {
        let worker = Worker {
            evaluator: self.evaluator,
            halt: self.halt,
            checkpoint_every: self.checkpoint_every,
            sender: self.sender.clone(),
        };
        self.spawn(assignment.trial, move || {
            worker.work(assignment, before, |worker, assignment, _| {
                worker.evaluator.evaluate_folds(assignment, first, &mut |_| worker.proceed())
            });
        })
    }

    fn spawn(&self, trial: u64, work: impl FnOnce() + Send + 'scope) -> Result<(), RunError> {
        let started = Builder::new().name(format!("trial {trial}")).spawn_scoped(self.scope, work);
        started.map(drop).map_err(RunError::io("start a thread for", Path::new("a trial")))
    }

    /// Makes the running trials end after their current batch.
    pub fn halt(&self) {
        self.halt.store(true, Ordering::Relaxed);
    }

    /// Whether they were made to end.
    pub fn are_halted(&self) -> bool {
        self.halt.load(Ordering::Relaxed)
    }

    /// The next message, if one comes within `timeout`.
    pub fn receive(&self, timeout: Duration) -> Option<Message> {
        self.receiver.recv_timeout(timeout).ok()
    }
}

/// A thread that trains.
struct Worker<'env> {
    evaluator: &'env dyn Evaluator,
    halt: &'env AtomicBool,
    checkpoint_every: Duration,
    sender: Sender<Message>,
}

impl Worker<'_> {
    /// Evaluates an assignment that took so much time before, and sends what came of it.
    fn work(
        &self,
        assignment: Assignment,
        before: Duration,
        evaluate: impl FnOnce(&Self, &Assignment, &dyn Fn() -> Duration) -> Result<Evaluated, EvaluationError>,
    ) {
        let clock = ThreadClock::start();
        let elapsed = || before + clock.elapsed();
        // What an evaluation leaves behind when it panics is dropped with it; the evaluator itself is immutable.
        let result = catch_unwind(AssertUnwindSafe(|| evaluate(self, &assignment, &elapsed))).unwrap_or_else(
            |panic| Err(EvaluationError::Failed(format!("panic: {}", panic_message(&*panic)))),
        );
        let ended =
            Ended { trial: assignment.trial, result, elapsed: elapsed(), assignment: Some(assignment) };
        // A message that cannot be sent has no receiver any more: the search has ended with an error.
        let _ = self.sender.send(Message::Ended(Box::new(ended)));
    }

    /// Whether the search goes on.
    fn proceed(&self) -> ControlFlow<()> {
        if self.halt.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn evaluate(
        &self,
        assignment: &Assignment,
        elapsed: &dyn Fn() -> Duration,
    ) -> Result<Evaluated, EvaluationError> {
        let trial = assignment.trial;
        let mut kept = Instant::now();
        self.evaluator.evaluate(assignment, &mut |progress| {
            let message = match progress {
                Progress::Batch => None,
                Progress::Epoch(report) => Some(Message::Epoch { trial, report: *report }),
                Progress::Resting(_) if kept.elapsed() < self.checkpoint_every => None,
                Progress::Resting(checkpoint) => {
                    kept = Instant::now();
                    let mut checkpoint = Box::new(checkpoint());
                    checkpoint.facts.insert(SECONDS.to_owned(), elapsed().as_secs_f64().to_string());
                    Some(Message::Checkpoint { trial, checkpoint })
                }
            };
            let heard = message.is_none_or(|message| self.sender.send(message).is_ok());
            if heard { self.proceed() } else { ControlFlow::Break(()) }
        })
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
