//! What the tests of this crate share: small experiments, and an evaluator whose results come from a hash.

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Once;
use std::thread;
use std::time::Duration;

use munas_data::{ElementType, Normalisation};
use munas_ir::{BatchNorm, Graph, LayerWeights, Shape, Weights};
use munas_train::{EpochReport, Progress};

use crate::ExecutionError;
use crate::driving::Driving;
use crate::executor::evaluator::{Assignment, Evaluated, EvaluationError, Evaluator, FoldScores};
use crate::executor::event::Event;
use crate::executor::execute;
use crate::executor::limits::{Limits, StopFlag, Summary};
use crate::experiment::Experiment;
use crate::judge::Scores;
use crate::store::models::DataFacts;
use crate::store::run::{Run, RunReader};
use crate::task::Task;
use crate::trial::TrialRecord;

/// Epochs of every synthetic training.
pub(crate) const EPOCHS: u32 = 3;

/// A small search by aging evolution with tight bounds, so that draws are refused, and a population that evolves soon.
pub(crate) fn experiment(overrides: &[&str]) -> Experiment {
    let text = r#"
        seed = 11
        data.source = "glyphs"
        space.bounds = { blocks = [1, 3], layers = [1, 2], filters = [1, 16], dense = [0, 1], units = [4, 16] }
        train.epochs = 3
        bounds = { error = 0.3, peak_memory = 1500, model_size = 2000, macs = "100k", hard = ["model_size"] }
        search = { trials = 14, population = 5, sample = 3, workers = 1, sampling = "uniform" }
    "#;
    let overrides: Vec<String> = overrides.iter().map(ToString::to_string).collect();
    Experiment::from_toml(text, &overrides).unwrap()
}

/// Results from a hash of network and seed: the same for the same assignment, and different for any other.
#[derive(Clone, Debug)]
pub(crate) struct Synthetic {
    pub task: Task,
    pub data: DataFacts,
    /// Whether some trials fail, in every way there is.
    pub failures: bool,
    /// Whether evaluations take differently long, so that results arrive in another order than they were proposed in.
    pub uneven: bool,
    /// Whether evaluations last until they are stopped.
    pub endless: bool,
    /// Folds that networks of the front are judged on.
    pub folds: u32,
    /// Bytes that each evaluation says it takes.
    pub memory: u64,
    /// Bytes that the machine says it has.
    pub memory_limit: u64,
}

impl Synthetic {
    pub fn new() -> Self {
        let task = Task {
            dataset: "synthetic".to_owned(),
            fingerprint: "f00d".to_owned(),
            input: Shape::new(16, 16, 1),
            class_names: (0..4).map(|class| format!("class {class}")).collect(),
        };
        let data = DataFacts {
            fingerprint: task.fingerprint.clone(),
            class_names: task.class_names.clone(),
            element: ElementType::U8,
            normalisation: Normalisation::unit(1, 255.0),
        };
        Self {
            task,
            data,
            failures: false,
            uneven: false,
            endless: false,
            folds: 1,
            memory: 0,
            memory_limit: u64::MAX,
        }
    }
}

/// Which of the trials with failures panic, fail, and have no number as their error.
pub(crate) const PANIC: u64 = 4;
pub(crate) const FAIL: u64 = 6;
const NAN: u64 = 9;

impl Evaluator for Synthetic {
    fn task(&self) -> &Task {
        &self.task
    }

    fn data(&self, _: u32) -> Option<&DataFacts> {
        Some(&self.data)
    }

    fn memory(&self, _: &Assignment) -> u64 {
        self.memory
    }

    fn memory_limit(&self) -> u64 {
        self.memory_limit
    }

    fn folds(&self) -> u32 {
        self.folds
    }

    fn evaluate_folds(
        &self,
        assignment: &Assignment,
        first: Evaluated,
        up_to: Option<f64>,
        observer: &mut dyn FnMut(Progress<'_>) -> ControlFlow<()>,
    ) -> Result<Evaluated, EvaluationError> {
        let mut judged = FoldScores::of_first(&first, Driving::default());
        for fold in 1..self.folds {
            if observer(Progress::Batch).is_break() {
                return Err(EvaluationError::Stopped);
            }
            let hash = blake3::hash(format!("{} {fold}", assignment.seed).as_bytes());
            let error = f64::from(hash.as_bytes()[0]) / 256.0;
            judged.push(scores(error), Some(scores(error)));
            if judged.is_above(up_to, self.folds as usize) {
                break;
            }
        }
        Ok(first.with_folds(&judged))
    }

    fn evaluate(
        &self,
        assignment: &Assignment,
        observer: &mut dyn FnMut(Progress<'_>) -> ControlFlow<()>,
    ) -> Result<Evaluated, EvaluationError> {
        let Assignment { seed, fold, graph, .. } = assignment;
        let hash = blake3::hash(format!("{} {graph}", seed + u64::from(*fold)).as_bytes());
        let share = |byte: usize| f64::from(hash.as_bytes()[byte]) / 256.0;
        // Some are better at the end of an early rung than later.
        let at_rung = |error: f64| match assignment.rungs.len() {
            1 if !assignment.rests() => error,
            rungs => (error + share(10 + rungs) / f64::from(assignment.end())).min(1.0),
        };
        let mut epoch = 0;
        while self.endless || epoch < assignment.end() {
            epoch += 1;
            if self.endless || self.uneven {
                thread::sleep(Duration::from_micros(u64::from(hash.as_bytes()[9]) * 20));
            }
            let rate = 0.1 / f64::from(epoch);
            let report = EpochReport {
                epoch,
                learning_rate: rate,
                train_loss: rate + share(1),
                train_error: share(2),
                validation_loss: share(3),
                validation_error: share(0),
            };
            if observer(Progress::Epoch(&report)).is_break() {
                return Err(EvaluationError::Stopped);
            }
        }
        let failing = if self.failures { assignment.trial } else { 0 };
        match failing {
            PANIC => panic!("index out of bounds"),
            FAIL => return Err(EvaluationError::Failed("training diverged".to_owned())),
            _ => {}
        }
        Ok(Evaluated {
            validation: scores(if failing == NAN { f64::NAN } else { at_rung(share(0)) }),
            validation_stderr: Some(0.01),
            test: scores(share(4)),
            last_test_error: share(5),
            in_int8: Some(scores(share(7))),
            test_in_int8: Some(scores(share(8))),
            folds: 1,
            best_epoch: 1 + u32::from(hash.as_bytes()[6]) % assignment.epochs,
            weights: Some(weights(&assignment.graph)),
            int8: None,
            pruned: None,
            confusion: None,
        })
    }
}

/// Errors by all metrics, each another.
fn scores(error: f64) -> Scores {
    Scores { error, balanced: 1.0 - error, macro_f1: (error * 7.3).fract() }
}

/// Weights of the right sizes, all different.
pub(crate) fn weights(graph: &Graph) -> Weights {
    let mut next = 0.0;
    let mut values = |count: usize| -> Vec<f32> {
        (0..count)
            .map(|_| {
                next += 0.37;
                next
            })
            .collect()
    };
    let layers = graph.ops().map(|(op, _)| {
        graph.weight_dims(op).map(|dims| LayerWeights {
            kernel: values(dims.kernel_len()),
            bias: values(dims.outputs),
            batch_norm: dims.batch_norm.then(|| BatchNorm {
                gamma: values(dims.outputs),
                beta: values(dims.outputs),
                mean: values(dims.outputs),
                variance: values(dims.outputs),
            }),
        })
    });
    Weights::new(graph, layers.collect()).unwrap()
}

/// A whole search in a new directory.
pub(crate) fn search(dir: &Path, experiment: &Experiment, evaluator: &Synthetic) -> Summary {
    let mut run = Run::create(dir, experiment.clone(), &evaluator.task).unwrap();
    drive(&mut run, evaluator, &mut |_| {}).unwrap()
}

/// The rest of a search.
pub(crate) fn resume(dir: &Path, evaluator: &Synthetic) -> Summary {
    drive(&mut Run::open(dir).unwrap(), evaluator, &mut |_| {}).unwrap()
}

/// One session with the limits of the experiment.
pub(crate) fn drive(
    run: &mut Run,
    evaluator: &Synthetic,
    events: &mut dyn FnMut(Event<'_>),
) -> Result<Summary, ExecutionError> {
    quiet_panics();
    let limits = Limits::of(run.experiment());
    execute(run, evaluator, &limits, &StopFlag::default(), events)
}

/// What two runs of the same search have in common: everything but times.
pub(crate) fn essence(dir: &Path) -> Vec<(TrialRecord, Vec<EpochReport>)> {
    let reader = RunReader::open(dir).unwrap();
    let timeless = |mut record: TrialRecord| {
        (record.started_ms, record.finished_ms) = (0, None);
        if let Some(outcome) = &mut record.outcome {
            outcome.train_seconds = 0.0;
        }
        record
    };
    let trials = reader.trials().unwrap().into_iter().map(timeless);
    trials.map(|record| (record.clone(), reader.journal.curve(record.trial).unwrap())).collect()
}

/// The names of the files in a run's folder of models.
pub(crate) fn model_files(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir.join("models")).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Panics of trials are part of some tests and not worth a line each.
pub(crate) fn quiet_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !thread::current().name().is_some_and(|name| name.starts_with("trial ")) {
                hook(info);
            }
        }));
    });
}
