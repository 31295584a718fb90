//! Makes a run whose trials are all on its Pareto front, to see how what reads runs copes with many of them:
//!
//! ```text
//! cargo run --release -p munas-run --example large_front -- DIR TRIALS
//! munas report DIR
//! ```
//!
//! Nothing is trained: the error of a network falls with each of its resources, so that none dominates another.

use std::error::Error;
use std::ops::ControlFlow;
use std::path::Path;

use munas_ir::Shape;
use munas_run::{
    Assignment, Evaluated, EvaluationError, Evaluator, Experiment, Limits, Run, Scores, StopFlag, Task,
    execute,
};
use munas_train::{EpochReport, Progress};

struct Tradeoff {
    task: Task,
}

impl Evaluator for Tradeoff {
    fn task(&self) -> &Task {
        &self.task
    }

    fn memory(&self, _: &Assignment) -> u64 {
        0
    }

    fn evaluate(
        &self,
        assignment: &Assignment,
        observer: &mut dyn FnMut(Progress<'_>) -> ControlFlow<()>,
    ) -> Result<Evaluated, EvaluationError> {
        let resources = munas_cost::resources(&assignment.graph);
        let sizes = [resources.peak_memory, resources.model_size, resources.macs]
            .map(|size| (1.0 + size as f64).ln());
        let error = 1.0 / (1.0 + sizes.iter().sum::<f64>() / 10.0);
        for epoch in 1..=assignment.end() {
            let report = EpochReport {
                epoch,
                learning_rate: 0.01,
                train_loss: 2.0 * error,
                train_error: error * 0.9,
                validation_loss: 2.0 * error,
                validation_error: error + 0.3 / f64::from(epoch),
            };
            if observer(Progress::Epoch(&report)).is_break() {
                return Err(EvaluationError::Stopped);
            }
        }
        Ok(Evaluated {
            validation: alike(error),
            validation_stderr: None,
            test: alike(error),
            last_test_error: error,
            in_int8: Some(alike(error)),
            test_in_int8: None,
            folds: 1,
            best_epoch: assignment.epochs,
            weights: None,
            int8: None,
            pruned: None,
            confusion: None,
        })
    }
}

/// The same by every metric.
fn alike(error: f64) -> Scores {
    Scores { error, balanced: error, macro_f1: error }
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, dir, trials] = &arguments[..] else { return Err("usage: large_front DIR TRIALS".into()) };
    let text = format!(
        "name = 'large front'\ndata.source = 'glyphs'\ntrain.epochs = 20\n\
         bounds = {{ error = 0.5, peak_memory = 20000, model_size = 40000 }}\n\
         search = {{ algorithm = 'random', trials = {trials}, workers = 1, feasibility = 'off' }}"
    );
    let experiment = Experiment::from_toml(&text, &[])?;
    let class_names = (0..10).map(|class| class.to_string()).collect();
    let task = Task {
        dataset: "none".to_owned(),
        fingerprint: "none".to_owned(),
        input: Shape::new(28, 28, 1),
        class_names,
    };
    let mut run = Run::create(Path::new(dir), experiment, &task)?;
    let limits = Limits::of(run.experiment());
    execute(&mut run, &Tradeoff { task }, &limits, &StopFlag::default(), &mut |_| {})?;
    Ok(())
}
