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

use super::memory::MemoryPool;
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

/// How a trial ended.
pub(super) struct Ended {
    pub trial: u64,
    pub result: Result<Evaluated, EvaluationError>,
    pub elapsed: Duration,
}

/// One thread per running trial; what it holds is freed when the trial ends.
pub(super) struct Workers<'scope, 'env> {
    scope: &'scope Scope<'scope, 'env>,
    evaluator: &'env dyn Evaluator,
    memory: &'env MemoryPool,
    halt: &'env AtomicBool,
    checkpoint_every: Duration,
    sender: Sender<Message>,
    receiver: Receiver<Message>,
}

impl<'scope, 'env> Workers<'scope, 'env> {
    pub fn new(
        scope: &'scope Scope<'scope, 'env>,
        evaluator: &'env dyn Evaluator,
        memory: &'env MemoryPool,
        halt: &'env AtomicBool,
        checkpoint_every: Duration,
    ) -> Self {
        let (sender, receiver) = mpsc::channel();
        Self { scope, evaluator, memory, halt, checkpoint_every, sender, receiver }
    }

    /// Trains on a new thread, as soon as there is memory for it.
    pub fn start(&self, assignment: Assignment) -> Result<(), RunError> {
        let (evaluator, memory, halt) = (self.evaluator, self.memory, self.halt);
        let checkpoint_every = self.checkpoint_every;
        let sender = self.sender.clone();
        let name = format!("trial {}", assignment.trial);
        let work = move || {
            let trial = assignment.trial;
            let claim = memory.claim(evaluator.memory(&assignment), halt);
            let started = Instant::now();
            let result = match &claim {
                Some(_) => evaluate(evaluator, &assignment, (halt, checkpoint_every), &sender),
                None => Err(EvaluationError::Stopped),
            };
            // A message that cannot be sent has no receiver any more: the search has ended with an error.
            let _ =
                sender.send(Message::Ended(Box::new(Ended { trial, result, elapsed: started.elapsed() })));
        };
        let started = Builder::new().name(name).spawn_scoped(self.scope, work);
        started.map(drop).map_err(RunError::io("start a thread for", Path::new("a trial")))
    }

    /// Makes the running trials end after their current batch.
    pub fn halt(&self) {
        self.halt.store(true, Ordering::Relaxed);
    }

    /// The next message, if one comes within `timeout`.
    pub fn receive(&self, timeout: Duration) -> Option<Message> {
        self.receiver.recv_timeout(timeout).ok()
    }
}

fn evaluate(
    evaluator: &dyn Evaluator,
    assignment: &Assignment,
    (halt, checkpoint_every): (&AtomicBool, Duration),
    sender: &Sender<Message>,
) -> Result<Evaluated, EvaluationError> {
    let trial = assignment.trial;
    let mut kept = Instant::now();
    let mut observer = |progress: Progress<'_>| {
        let heard = match progress {
            Progress::Batch => true,
            Progress::Epoch(report) => sender.send(Message::Epoch { trial, report: *report }).is_ok(),
            Progress::Resting(_) if kept.elapsed() < checkpoint_every => true,
            Progress::Resting(checkpoint) => {
                kept = Instant::now();
                let checkpoint = Box::new(checkpoint());
                sender.send(Message::Checkpoint { trial, checkpoint }).is_ok()
            }
        };
        if !heard || halt.load(Ordering::Relaxed) {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    // What an evaluation leaves behind when it panics is dropped with it; the evaluator itself is immutable.
    catch_unwind(AssertUnwindSafe(|| evaluator.evaluate(assignment, &mut observer)))
        .unwrap_or_else(|panic| Err(EvaluationError::Failed(format!("panic: {}", panic_message(&*panic)))))
}

fn panic_message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without a message")
}
