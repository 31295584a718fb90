//! Trials in their JSON form, the same in every command. Field names are stable.

use std::path::PathBuf;

use munas_cost::NetworkInput;
use munas_run::{
    AttemptRecord, Failure, Finalist, FinalistOutcome, RunReader, Spread, Status, StoreError, TrialRecord,
    TrialState, WorkerInfo, finalists, refined_path,
};
use munas_train::EpochReport;
use serde::Serialize;
use serde_json::Value;

/// A trial. Errors are shares in [0, 1], of misclassified samples where nothing else is said; fields without a value are null.
#[derive(Debug, Serialize)]
pub struct TrialJson {
    trial: u64,
    state: &'static str,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    val_error: Option<f64>,
    test_error: Option<f64>,
    /// Test error after the last epoch, as muNAS reports it.
    last_test_error: Option<f64>,
    int8_error: Option<f64>,
    /// Validation error where each class counts alike.
    balanced_error: Option<f64>,
    balanced_test_error: Option<f64>,
    /// 1 - macro-F1 of the validation part.
    macro_f1_error: Option<f64>,
    macro_f1_test_error: Option<f64>,
    /// What drives the search (`search.metric`): error, balanced or macro-f1.
    metric: &'static str,
    /// The validation error by that metric, of the network that `search.error` names.
    objective_error: Option<f64>,
    /// Standard error of `objective_error`; null in runs of earlier versions.
    val_stderr: Option<f64>,
    /// Folds that the validation errors are the means of.
    folds: Option<u32>,
    /// Layer by layer.
    peak_memory: u64,
    peak_memory_with_input: u64,
    /// In rows; null while a network is still to be pruned.
    peak_memory_streamed: Option<u64>,
    /// The same with the rows of the input that are kept.
    peak_memory_streamed_with_input: Option<u64>,
    /// The one that the search bounds (`memory.runtime`, `memory.input`).
    objective_peak_memory: u64,
    model_size: u64,
    macs: u64,
    exact: bool,
    /// Milliseconds on the experiment's board, an estimate; null without a board.
    latency_ms: Option<f64>,
    /// Millijoules of an inference on it; null where its power is not known.
    energy_mj: Option<f64>,
    /// Bytes of its program memory: weights, tables and code.
    flash: Option<u64>,
    in_bounds: bool,
    /// Epochs of a whole training.
    epochs: u32,
    /// Epochs that the errors are of: fewer where a trial rests at the end of a rung, or was better there than later.
    trained_epochs: Option<u32>,
    best_epoch: Option<u32>,
    train_seconds: Option<f64>,
    /// What the search asked of the pruning; null without pruning.
    target_sparsity: Option<f64>,
    /// Share of the channels or weights within reach of pruning that are gone. Resources are those of what is left.
    sparsity: Option<f64>,
    space: String,
    arch: Value,
    /// What came of training its network anew; null where it was not.
    refined: Option<FinalistJson>,
}

impl TrialJson {
    /// The JSON form of a trial of a run with these finalists.
    pub fn new(record: &TrialRecord, run: &RunReader, finalists: &[Finalist]) -> Self {
        let streamed = |input| record.peak_memory_streamed(run.task(), input);
        let outcome = record.outcome();
        let resources = &record.candidate.resources;
        let architecture = &record.candidate.architecture;
        Self {
            trial: record.trial,
            state: record.state.name(),
            reason: match &record.state {
                TrialState::Failed(reason) => Some(reason.clone()),
                _ => None,
            },
            val_error: outcome.map(|outcome| outcome.validation_error),
            test_error: outcome.map(|outcome| outcome.test_error),
            last_test_error: outcome.map(|outcome| outcome.last_test_error),
            int8_error: outcome.and_then(|outcome| outcome.int8_error),
            balanced_error: outcome.and_then(|outcome| outcome.balanced_error),
            balanced_test_error: outcome.and_then(|outcome| outcome.balanced_test_error),
            macro_f1_error: outcome.and_then(|outcome| outcome.macro_f1_error),
            macro_f1_test_error: outcome.and_then(|outcome| outcome.macro_f1_test_error),
            metric: record.driving.metric.name(),
            objective_error: record.error(),
            folds: outcome.map(|outcome| outcome.folds),
            val_stderr: record.stderr(),
            peak_memory: resources.peak_memory,
            peak_memory_with_input: resources.peak_memory_with_input,
            peak_memory_streamed: streamed(NetworkInput::External),
            peak_memory_streamed_with_input: streamed(NetworkInput::Rows),
            objective_peak_memory: resources.bounded_peak(),
            model_size: resources.model_size,
            macs: resources.macs,
            exact: resources.exact,
            latency_ms: record.candidate.on_board.latency_ms,
            energy_mj: record.candidate.on_board.energy_mj,
            flash: record.candidate.on_board.flash,
            in_bounds: record.in_bounds(&run.experiment().bounds),
            epochs: record.candidate.epochs,
            trained_epochs: outcome.map(|outcome| outcome.epochs),
            best_epoch: outcome.map(|outcome| outcome.best_epoch),
            train_seconds: outcome.map(|outcome| outcome.train_seconds),
            target_sparsity: record.candidate.sparsity,
            sparsity: record.pruned.as_ref().map(|pruned| pruned.sparsity),
            space: architecture.kind().to_string(),
            arch: architecture.to_json(),
            refined: finalists
                .iter()
                .find(|finalist| finalist.trial == record.trial)
                .map(|finalist| FinalistJson::new(finalist, run)),
        }
    }

    /// The JSON forms of several.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub fn list(records: &[TrialRecord], run: &RunReader) -> Result<Vec<Self>, StoreError> {
        let finalists = finalists(run)?;
        Ok(records.iter().map(|record| Self::new(record, run, &finalists)).collect())
    }
}

/// A network that was trained anew. Errors are those by the metric that drives the search, over its trainings.
#[derive(Debug, Serialize)]
pub struct FinalistJson {
    trial: u64,
    /// Trainings with a result, and those that failed.
    seeds: usize,
    failed: usize,
    epochs: Option<u32>,
    /// The trial whose network it learned from besides the labels.
    teacher: Option<u64>,
    /// The validation error that drives the search.
    objective_error: Option<SpreadJson>,
    val_error: Option<SpreadJson>,
    int8_error: Option<SpreadJson>,
    test_error: Option<SpreadJson>,
    int8_test_error: Option<SpreadJson>,
    in_bounds: bool,
    /// What the kept network takes.
    objective_peak_memory: Option<u64>,
    model_size: Option<u64>,
    macs: Option<u64>,
    /// The training whose network is kept and exported, and its file.
    kept: Option<u32>,
    model: Option<PathBuf>,
    trainings: Vec<FinalTrainingJson>,
}

/// Over the trainings of a finalist.
#[derive(Debug, Serialize)]
struct SpreadJson {
    mean: f64,
    /// Standard deviation of one training; null of a single one.
    deviation: Option<f64>,
}

impl From<Spread> for SpreadJson {
    fn from(Spread { mean, deviation }: Spread) -> Self {
        Self { mean, deviation }
    }
}

/// One training of a finalist.
#[derive(Debug, Serialize)]
struct FinalTrainingJson {
    number: u32,
    state: &'static str,
    seed: u64,
    val_error: Option<f64>,
    int8_error: Option<f64>,
    test_error: Option<f64>,
    int8_test_error: Option<f64>,
    val_stderr: Option<f64>,
    best_epoch: Option<u32>,
    train_seconds: Option<f64>,
}

impl FinalistJson {
    /// The JSON form of a finalist of a run.
    pub fn new(finalist: &Finalist, run: &RunReader) -> Self {
        let spread =
            |figure: &dyn Fn(&FinalistOutcome) -> Option<f64>| finalist.spread(figure).map(Into::into);
        let (best, first) = (finalist.best(), finalist.trainings.first());
        let trainings = finalist.trainings.iter().map(|training| {
            let outcome = training.outcome();
            FinalTrainingJson {
                number: training.number,
                state: training.state.name(),
                seed: training.seed,
                val_error: outcome.map(|outcome| outcome.validation_error),
                int8_error: outcome.and_then(|outcome| outcome.int8_error),
                test_error: outcome.map(|outcome| outcome.test_error),
                int8_test_error: outcome.and_then(|outcome| outcome.int8_test_error),
                val_stderr: outcome.and_then(|outcome| outcome.validation_stderr),
                best_epoch: outcome.map(|outcome| outcome.best_epoch),
                train_seconds: outcome.map(|outcome| outcome.train_seconds),
            }
        });
        Self {
            trial: finalist.trial,
            seeds: finalist.done().count(),
            failed: finalist.trainings.len() - finalist.done().count(),
            epochs: first.map(|training| training.epochs),
            teacher: first.and_then(|training| training.teacher),
            objective_error: finalist.error().map(Into::into),
            val_error: spread(&|outcome| Some(outcome.validation_error)),
            int8_error: spread(&|outcome| outcome.int8_error),
            test_error: spread(&|outcome| Some(outcome.test_error)),
            int8_test_error: spread(&|outcome| outcome.int8_test_error),
            in_bounds: finalist.in_bounds(&run.experiment().bounds),
            objective_peak_memory: best.map(|best| best.resources.bounded_peak()),
            model_size: best.map(|best| best.resources.model_size),
            macs: best.map(|best| best.resources.macs),
            kept: best.map(|best| best.number),
            model: refined_path(run, finalist),
            trainings: trainings.collect(),
        }
    }
}

/// How far a run is.
#[derive(Debug, Serialize)]
pub struct StatusJson<'a> {
    name: &'a str,
    /// Whether a process is working on the run.
    active: bool,
    trials_limit: u64,
    done: u64,
    /// Those that rest at the end of a rung.
    paused: u64,
    failed: u64,
    stopped: u64,
    /// Those that wait for memory included.
    running: u64,
    in_bounds: u64,
    in_bounds_share: Option<f64>,
    refused: RefusedJson,
    trials_per_hour: Option<f64>,
    remaining_seconds: Option<f64>,
    workers: Option<u64>,
    end_reason: Option<&'a str>,
    best: Option<TrialJson>,
    best_in_bounds: Option<TrialJson>,
    /// Networks that were trained anew, the best first.
    finalists: Vec<FinalistJson>,
    /// Why the first trial failed, if every trial that ended did.
    first_failure: Option<FailureJson<'a>>,
}

/// A trial that failed.
#[derive(Debug, Serialize)]
struct FailureJson<'a> {
    trial: u64,
    reason: &'a str,
}

/// Draws that were never trained, by reason.
#[derive(Debug, Serialize)]
struct RefusedJson {
    hard: u64,
    soft: u64,
    duplicates: u64,
    /// Their training would have taken more than `search.training_memory` or `search.max_training_cost`.
    training: u64,
}

impl<'a> StatusJson<'a> {
    /// Of a run with these finalists.
    pub fn new(status: &'a Status, found: &[Finalist], reader: &RunReader) -> Self {
        let trial = |record: &TrialRecord| TrialJson::new(record, reader, found);
        Self {
            name: &status.name,
            active: status.active,
            trials_limit: status.trials_limit,
            done: status.done,
            paused: status.paused,
            failed: status.failed,
            stopped: status.stopped,
            running: status.running,
            in_bounds: status.in_bounds,
            in_bounds_share: status.in_bounds_share(),
            refused: RefusedJson {
                hard: status.refused.hard,
                soft: status.refused.soft,
                duplicates: status.refused.duplicates,
                training: status.refused.training,
            },
            trials_per_hour: status.trials_per_hour,
            remaining_seconds: status.remaining.map(|time| time.as_secs_f64()),
            workers: status.session.as_ref().map(|session| session.workers),
            end_reason: status.session.as_ref().and_then(|session| session.end_reason.as_deref()),
            best: status.best.as_ref().map(trial),
            best_in_bounds: status.best_in_bounds.as_ref().map(trial),
            finalists: found.iter().map(|finalist| FinalistJson::new(finalist, reader)).collect(),
            first_failure: status
                .only_failures
                .as_ref()
                .map(|Failure { trial, reason }| FailureJson { trial: *trial, reason }),
        }
    }
}

/// One epoch of a training curve. Losses are means per sample in nats.
#[derive(Debug, Serialize)]
pub struct EpochJson {
    epoch: u32,
    learning_rate: f64,
    train_loss: f64,
    train_error: f64,
    val_loss: f64,
    val_error: f64,
}

impl From<&EpochReport> for EpochJson {
    fn from(report: &EpochReport) -> Self {
        Self {
            epoch: report.epoch,
            learning_rate: report.learning_rate,
            train_loss: report.train_loss,
            train_error: report.train_error,
            val_loss: report.validation_loss,
            val_error: report.validation_error,
        }
    }
}

/// What a worker in another process was given of a trial.
#[derive(Debug, Serialize)]
pub struct AttemptJson {
    /// The session of the run, and the attempt's number in it.
    session: u64,
    attempt: u64,
    /// The worker's machine, and its process there.
    node: String,
    process: u32,
    version: String,
    instruction_set: String,
    /// Unix time.
    began_ms: u64,
    ended_ms: Option<u64>,
    /// Why it was given up; null if it was not.
    given_up: Option<String>,
    /// Results that came of it after that, and did not count.
    refused: u64,
}

impl From<&AttemptRecord> for AttemptJson {
    fn from(record: &AttemptRecord) -> Self {
        let AttemptRecord { session, number, worker, began_ms, ended_ms, given_up, refused } = record.clone();
        let WorkerInfo { node, process, version, instruction_set } = worker;
        Self {
            session,
            attempt: number,
            node,
            process,
            version,
            instruction_set,
            began_ms,
            ended_ms,
            given_up,
            refused,
        }
    }
}
