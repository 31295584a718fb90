//! Workers and their pool, with workers that are threads of the test and speak over pipes.

mod losses;
mod messages;

use std::io::{PipeReader, PipeWriter, pipe};
use std::ops::ControlFlow;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::Scope;
use std::time::Duration;

use munas_train::Progress;

use super::children::{Children, Process, Started, Starter};
use super::message::Opening;
use super::pool::Pool;
use super::serve::serve;
use crate::executor::backend::{Backend, conformance};
use crate::executor::evaluator::{Assignment, Evaluated, EvaluationError, Evaluator};
use crate::store::models::DataFacts;
use crate::task::Task;

/// An evaluator that somebody else owns.
struct Borrowed<'a>(&'a dyn Evaluator);

impl Evaluator for Borrowed<'_> {
    fn task(&self) -> &Task {
        self.0.task()
    }

    fn data(&self, fold: u32) -> Option<&DataFacts> {
        self.0.data(fold)
    }

    fn memory(&self, assignment: &Assignment) -> u64 {
        self.0.memory(assignment)
    }

    fn evaluate(
        &self,
        assignment: &Assignment,
        observer: &mut dyn FnMut(Progress<'_>) -> ControlFlow<()>,
    ) -> Result<Evaluated, EvaluationError> {
        self.0.evaluate(assignment, observer)
    }

    fn folds(&self) -> u32 {
        self.0.folds()
    }

    fn evaluate_folds(
        &self,
        assignment: &Assignment,
        first: Evaluated,
        up_to: Option<f64>,
        observer: &mut dyn FnMut(Progress<'_>) -> ControlFlow<()>,
    ) -> Result<Evaluated, EvaluationError> {
        self.0.evaluate_folds(assignment, first, up_to, observer)
    }
}

/// A worker that is a thread: what it says and hears can be cut off, it cannot.
struct Thread(Receiver<()>);

impl Process for Thread {
    fn kill(&mut self) {}

    fn wait(&mut self) -> String {
        let _ = self.0.recv();
        "its thread ended".to_owned()
    }
}

/// What a search is, for a worker of the evaluator.
fn opening(evaluator: &dyn Evaluator) -> Opening {
    let fingerprint = evaluator.task().fingerprint.clone();
    Opening { experiment: String::new(), fingerprint, data: None, finalists: false, teacher: None }
}

/// A worker of this evaluator on a thread.
fn start_thread<'scope, 'env: 'scope>(
    scope: &'scope Scope<'scope, 'env>,
    evaluator: &'env dyn Evaluator,
) -> std::io::Result<Started> {
    let (hears, input): (PipeReader, PipeWriter) = pipe()?;
    let (output, says) = pipe()?;
    let (done, ended): (Sender<()>, _) = mpsc::channel();
    scope.spawn(move || {
        let open = |_: &Opening| Ok(Box::new(Borrowed(evaluator)) as Box<dyn Evaluator + '_>);
        let _ = serve(hears, says, &open, || {});
        drop(done);
    });
    Ok(Started { input: Box::new(input), output: Box::new(output), process: Box::new(Thread(ended)) })
}

#[test]
fn a_pool_of_workers_is_a_backend() {
    conformance::check(&|evaluator, test| {
        std::thread::scope(|scope| {
            let start: Starter<'_> = Box::new(|| start_thread(scope, evaluator));
            let link = Box::new(Children::new(3, start));
            let mut pool = Pool::new(link, evaluator, opening(evaluator), Duration::ZERO);
            test(&mut pool as &mut dyn Backend);
        });
    });
}
