//! A trial: one proposal, trained or being trained.

use munas_cost::{MemoryModel, NetworkInput, Runtime, peak_memory};
use munas_ir::Graph;
use munas_search::{Bounds, Candidate, Objective, Refusals};
use munas_train::Confusion;

use crate::driving::{Driving, DrivingError, Terms};
use crate::judge::Metric;
use crate::task::Task;

/// A trial as the journal has it.
#[derive(Clone, Debug, PartialEq)]
pub struct TrialRecord {
    /// Its number: 1, 2, … in the order of the proposals.
    pub trial: u64,
    /// What is trained: architecture, resources, epochs, target sparsity. Once the trial is done, the resources are those of
    /// the trained network, which pruning has made smaller.
    pub candidate: Candidate,
    /// How it was proposed.
    pub proposal: ProposalRecord,
    /// Seed of the training.
    pub seed: u64,
    /// Which of the errors drives the search.
    pub driving: Driving,
    /// What the peak memory that the search bounds counts.
    pub memory: MemoryModel,
    /// How far it came.
    pub state: TrialState,
    /// What is known of it: the result of its whole training, or the one with the lowest error that drives the search of those at the ends of
    /// its rungs. A trial that is trained on has one, whatever its state.
    pub outcome: Option<Outcome>,
    /// What pruning has left, if the trial has a result and was pruned.
    pub pruned: Option<PrunedNetwork>,
    /// Position of its latest result among all results, from 1; `None` while it has none.
    pub arrival: Option<u64>,
    /// How often in a row a process ended without a word while it was trained, before an epoch was recorded.
    pub deaths: u64,
    /// When its training last began, in milliseconds of Unix time.
    pub started_ms: u64,
    /// When it ended, in milliseconds of Unix time.
    pub finished_ms: Option<u64>,
}

/// A network after pruning.
#[derive(Clone, Debug, PartialEq)]
pub struct PrunedNetwork {
    /// Share of the channels or weights within reach of pruning that are gone.
    pub sparsity: f64,
    /// What is left; after unstructured pruning the network as it was.
    pub graph: Graph,
}

/// Which classes a network takes for which.
#[derive(Clone, Debug, PartialEq)]
pub struct Confusions {
    /// In the validation part.
    pub validation: Confusion,
    /// In the test part.
    pub test: Confusion,
}

/// What was known when it was decided what a worker shall do: all that it takes to decide it again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecisionRecord {
    /// Its number: 1, 2, … in the order of the decisions. Where trials have no rungs, that of the trial.
    pub number: u64,
    /// Number of results that were known: those with an arrival up to this.
    pub history_length: u64,
    /// The trials that were running, by number.
    pub pending: Vec<u64>,
}

/// The decision that a resting trial is trained on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PromotionRecord {
    /// What was known.
    pub decision: DecisionRecord,
    /// The trial.
    pub trial: u64,
    /// Epochs at the end of the rung that it is trained to.
    pub epochs: u32,
}

/// What a trial came to at the end of a rung, or at its own end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RungResult {
    /// The trial.
    pub trial: u64,
    /// Epochs at the end of the rung.
    pub epochs: u32,
    /// Position among all results, from 1.
    pub arrival: u64,
    /// The error that drives the search; `None` if the trial failed.
    pub error: Option<f64>,
    /// Whether the trial failed because those who trained it were lost, so that nothing is known of its network.
    pub lost: bool,
}

/// A process that trains, one trial at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerInfo {
    /// Its machine.
    pub node: String,
    /// Number of the process there.
    pub process: u32,
    /// Version of munas.
    pub version: String,
    /// What its kernels use. Workers of one instruction set come to the same bits.
    pub instruction_set: String,
}

/// What a worker in another process was given to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptRecord {
    /// The session, from 1.
    pub session: u64,
    /// Its number among the session's attempts, from 1.
    pub number: u64,
    /// Who made it.
    pub worker: WorkerInfo,
    /// When it began, in milliseconds of Unix time.
    pub began_ms: u64,
    /// When it ended; `None` while it runs, or where its end was never heard of.
    pub ended_ms: Option<u64>,
    /// Why it was given up, if it was.
    pub given_up: Option<String>,
    /// Results that came of it after it was given up, and did not count.
    pub refused: u64,
}

/// How a trial came about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProposalRecord {
    /// Name of the search algorithm.
    pub algorithm: String,
    /// What was known when the trial was begun.
    pub decision: DecisionRecord,
    /// Draws that were refused before this one.
    pub refused: Refusals,
}

/// The state of a trial. `Done` and `Failed` are its end. A resumed run goes on with stopped trials, and with those that a killed process
/// left running; and `Paused` ones may be trained on at any time.
#[derive(Clone, Debug, PartialEq)]
pub enum TrialState {
    /// Being trained, or interrupted without a chance to say so.
    Running,
    /// Trained to the end of a rung, where it rests.
    Paused,
    /// Trained to its end.
    Done,
    /// Interrupted by the end of the search.
    Stopped,
    /// Ended without a result, for this reason.
    Failed(String),
}

impl TrialState {
    /// The name in the journal and in JSON output.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Done => "done",
            Self::Stopped => "stopped",
            Self::Failed(_) => "failed",
        }
    }
}

/// The result of a training. Errors are shares of misclassified samples, in [0, 1].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outcome {
    /// Epochs that the network was trained for.
    pub epochs: u32,
    /// Validation error of the epoch that is kept.
    pub validation_error: f64,
    /// Test error of its weights.
    pub test_error: f64,
    /// Test error after the last epoch.
    pub last_test_error: f64,
    /// Validation error of the network quantised to int8, where it was measured.
    pub int8_error: Option<f64>,
    /// Validation error of the kept epoch where each class counts alike, where it was measured.
    pub balanced_error: Option<f64>,
    /// The same of the test part.
    pub balanced_test_error: Option<f64>,
    /// 1 less the macro-F1 of the validation part, where it was measured.
    pub macro_f1_error: Option<f64>,
    /// The same of the test part.
    pub macro_f1_test_error: Option<f64>,
    /// Validation error in int8 where each class counts alike, where it was measured.
    pub int8_balanced_error: Option<f64>,
    /// 1 less the macro-F1 of the validation part in int8, where it was measured.
    pub int8_macro_f1_error: Option<f64>,
    /// Folds that the validation errors are the means of; test errors, curve and weights are those of the first.
    pub folds: u32,
    /// Standard error of the validation error by the metric that drives the search; runs of earlier versions have none.
    pub validation_stderr: Option<f64>,
    /// The epoch that is kept, from 1: the one with the lowest validation error, or the last one.
    pub best_epoch: u32,
    /// Time that the training worked on its core, in seconds.
    pub train_seconds: f64,
}

/// The objectives that every trained network has a value of, those of muNAS.
pub const COMMON_OBJECTIVES: [Objective; 4] =
    [Objective::Error, Objective::PeakMemory, Objective::ModelSize, Objective::Macs];

/// The objectives that a front is over: the [`COMMON_OBJECTIVES`], latency and energy where they are bounded, and bounded flash in
/// place of the model size, which it follows.
pub fn front_objectives(bounds: &Bounds) -> Vec<Objective> {
    let flash = bounds.get(Objective::Flash).map(|_| Objective::Flash);
    let common = COMMON_OBJECTIVES.map(|objective| match objective {
        Objective::ModelSize => flash.unwrap_or(objective),
        other => other,
    });
    let bounded = [Objective::Latency, Objective::Energy];
    common
        .into_iter()
        .chain(bounded.into_iter().filter(|objective| bounds.get(*objective).is_some()))
        .collect()
}

impl Outcome {
    /// The validation error that drives a search, where it was measured.
    pub const fn driving(&self, Driving { error, metric }: Driving) -> Option<f64> {
        match error {
            DrivingError::Float => self.validation(metric),
            DrivingError::Int8 => self.in_int8(metric),
        }
    }

    /// The validation error by a metric, where it was measured.
    pub const fn validation(&self, metric: Metric) -> Option<f64> {
        match metric {
            Metric::Error => Some(self.validation_error),
            Metric::Balanced => self.balanced_error,
            Metric::MacroF1 => self.macro_f1_error,
        }
    }

    /// The test error by a metric, where it was measured.
    pub const fn test(&self, metric: Metric) -> Option<f64> {
        match metric {
            Metric::Error => Some(self.test_error),
            Metric::Balanced => self.balanced_test_error,
            Metric::MacroF1 => self.macro_f1_test_error,
        }
    }

    /// The validation error in int8 by a metric, where it was measured.
    pub const fn in_int8(&self, metric: Metric) -> Option<f64> {
        match metric {
            Metric::Error => self.int8_error,
            Metric::Balanced => self.int8_balanced_error,
            Metric::MacroF1 => self.int8_macro_f1_error,
        }
    }
}

impl TrialRecord {
    /// What the words of its figures stand for.
    pub const fn terms(&self) -> Terms {
        Terms { driving: self.driving, memory: self.memory }
    }

    /// The best that is known of it, if anything is.
    pub fn outcome(&self) -> Option<&Outcome> {
        self.outcome.as_ref()
    }

    /// Whether nothing more will come of it.
    pub const fn has_ended(&self) -> bool {
        matches!(self.state, TrialState::Done | TrialState::Failed(_))
    }

    /// Whether its best result is that of a whole training.
    pub fn is_whole(&self) -> bool {
        self.outcome.is_some_and(|outcome| outcome.epochs >= self.candidate.epochs)
    }

    /// The network: what pruning has left, else that of the architecture.
    pub fn graph(&self, task: &Task) -> Graph {
        match &self.pruned {
            Some(pruned) => pruned.graph.clone(),
            None => self.candidate.architecture.lower(task.input, task.classes()),
        }
    }

    /// Peak memory in rows, in bytes, with the input there; `None` for a network that is still to be pruned.
    pub fn peak_memory_streamed(&self, task: &Task, input: NetworkInput) -> Option<u64> {
        let memory = MemoryModel { runtime: Runtime::Streamed, input };
        if memory == self.memory {
            return self.candidate.resources.peak_memory_of_model;
        }
        let is_left = self.candidate.sparsity.is_none() || self.pruned.is_some();
        is_left.then(|| peak_memory(&self.graph(task), memory))
    }

    /// The validation error that drives the search, by its metric, of the float network or of the one in int8; `None` if the
    /// trial has no result, or it was not measured.
    pub fn error(&self) -> Option<f64> {
        self.outcome()?.driving(self.driving)
    }

    /// Standard error of [`error`](Self::error), where it was measured.
    pub fn stderr(&self) -> Option<f64> {
        self.outcome().and_then(|outcome| outcome.validation_stderr)
    }

    /// Whether the trial has a result and meets all bounds, the error's included.
    pub fn in_bounds(&self, bounds: &Bounds) -> bool {
        self.outcome().is_some() && bounds.are_met(&self.candidate.objectives(self.error()))
    }

    /// The trial as a point of these objectives, if it has a result.
    pub fn point(&self, objectives: &[Objective]) -> Option<Vec<f64>> {
        let error = self.error()?;
        let values = self.candidate.objectives(Some(error));
        Some(objectives.iter().map(|&objective| values[objective].unwrap_or(f64::INFINITY)).collect())
    }
}
