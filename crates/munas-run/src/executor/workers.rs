//! Threads that train.

use std::any::Any;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{Builder, Scope};
use std::time::{Duration, Instant};

use munas_train::{EpochReport, Progress};

use crate::error::RunError;
use crate::evaluate::{Assignment, Evaluated, EvaluationError, Evaluator};

/// What a worker reports.
pub(super) enum Message {
    /// One more epoch is trained.
    Epoch { trial: u64, report: EpochReport },
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
    halt: &'env AtomicBool,
    sender: Sender<Message>,
    receiver: Receiver<Message>,
}

impl<'scope, 'env> Workers<'scope, 'env> {
    pub fn new(
        scope: &'scope Scope<'scope, 'env>,
        evaluator: &'env dyn Evaluator,
        halt: &'env AtomicBool,
    ) -> Self {
        let (sender, receiver) = mpsc::channel();
        Self { scope, evaluator, halt, sender, receiver }
    }

    /// Trains on a new thread.
    pub fn start(&self, assignment: Assignment) -> Result<(), RunError> {
        let (evaluator, halt, sender) = (self.evaluator, self.halt, self.sender.clone());
        let name = format!("trial {}", assignment.trial);
        let work = move || evaluate(evaluator, &assignment, halt, &sender);
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

fn evaluate(evaluator: &dyn Evaluator, assignment: &Assignment, halt: &AtomicBool, sender: &Sender<Message>) {
    let trial = assignment.trial;
    let started = Instant::now();
    // Messages that cannot be sent have no receiver any more: the search has ended with an error.
    let mut observer = |progress: Progress<'_>| {
        let heard = match progress {
            Progress::Batch => true,
            Progress::Epoch(report) => sender.send(Message::Epoch { trial, report: *report }).is_ok(),
        };
        if !heard || halt.load(Ordering::Relaxed) {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    // What an evaluation leaves behind when it panics is dropped with it; the evaluator itself is immutable.
    let result = catch_unwind(AssertUnwindSafe(|| evaluator.evaluate(assignment, &mut observer)))
        .unwrap_or_else(|panic| Err(EvaluationError::Failed(format!("panic: {}", panic_message(&*panic)))));
    let _ = sender.send(Message::Ended(Box::new(Ended { trial, result, elapsed: started.elapsed() })));
}

fn panic_message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without a message")
}
