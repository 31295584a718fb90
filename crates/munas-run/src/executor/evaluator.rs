//! What turns a network into a result.

use std::ops::ControlFlow;

use munas_cost::Resources;
use munas_ir::{Graph, Weights};
use munas_quant::QuantisedNetwork;
use munas_train::{Checkpoint, Progress};

use crate::driving::Driving;
use crate::judge::{Scores, standard_error_of_mean};
use crate::store::models::DataFacts;
use crate::task::Task;
use crate::trial::{Confusions, PrunedNetwork};

/// What a worker is told to train.
#[derive(Clone, Debug, PartialEq)]
pub struct Assignment {
    /// The trial's number.
    pub trial: u64,
    /// The network, batch norm apart.
    pub graph: Graph,
    /// Epochs of a whole training.
    pub epochs: u32,
    /// Epochs at the ends of the rungs to train through, ascending: the training rests at the last of them, if that is not its end.
    pub rungs: Vec<u32>,
    /// Seed of every random draw of the training.
    pub seed: u64,
    /// Target of the pruning, where the experiment has pruning.
    pub sparsity: Option<f64>,
    /// Where an earlier session's training of this trial had come to. It changes nothing of the result.
    pub checkpoint: Option<Checkpoint>,
}

impl Assignment {
    /// Epochs after which the training rests, or ends.
    pub fn end(&self) -> u32 {
        self.rungs.last().copied().unwrap_or(self.epochs)
    }

    /// Whether a training that has come to the end of its last rung may be gone on with.
    pub fn rests(&self) -> bool {
        self.end() < self.epochs
    }
}

/// What came of it. Errors are shares of misclassified samples, in [0, 1].
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluated {
    /// Validation errors of the epoch that is kept.
    pub validation: Scores,
    /// Standard error of the validation error that drives the search, where it was measured.
    pub validation_stderr: Option<f64>,
    /// Test errors of its weights.
    pub test: Scores,
    /// Test error after the last epoch.
    pub last_test_error: f64,
    /// Validation errors after quantisation to int8, where they were measured.
    pub in_int8: Option<Scores>,
    /// Test errors after quantisation to int8, where they were measured: of finalists.
    pub test_in_int8: Option<Scores>,
    /// Folds that validation errors are the mean of; all else is of the first.
    pub folds: u32,
    /// The epoch that is kept, from 1: the one with the lowest validation error, or the last one.
    pub best_epoch: u32,
    /// The trained weights; an evaluator that trains nothing has none.
    pub weights: Option<Weights>,
    /// The network in int8, which `in_int8` is of.
    pub int8: Option<QuantisedNetwork>,
    /// What pruning has left, which `weights` then belong to; `None` without pruning.
    pub pruned: Option<Pruned>,
    /// Which classes the kept epoch's weights take for which, where it was counted.
    pub confusion: Option<Confusions>,
}

impl Evaluated {
    /// The same with the means of the validation errors over folds, those in floats and in int8, and the standard error of the mean of
    /// those that drive the search.
    pub fn with_folds(self, scores: &[(Scores, Option<Scores>)], driving: Driving) -> Self {
        let validation: Vec<Scores> = scores.iter().map(|(scores, _)| *scores).collect();
        let in_int8: Option<Vec<Scores>> = scores.iter().map(|(_, in_int8)| *in_int8).collect();
        let errors: Vec<f64> =
            scores.iter().filter_map(|(float, int8)| driving.of(float, int8.as_ref())).collect();
        Self {
            validation: Scores::mean(&validation),
            validation_stderr: standard_error_of_mean(&errors).or(self.validation_stderr),
            in_int8: in_int8.map(|scores| Scores::mean(&scores)),
            folds: scores.len() as u32,
            ..self
        }
    }
}

/// A pruned network and what it costs.
#[derive(Clone, Debug, PartialEq)]
pub struct Pruned {
    /// The network.
    pub network: PrunedNetwork,
    /// Its resources; the model size of an unstructured-sparse one counts non-zero weights only.
    pub resources: Resources,
}

/// Why an evaluation has no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvaluationError {
    /// The network cannot be trained; the search goes on without it.
    #[error("{0}")]
    Failed(String),
    /// Whoever trained it was lost, again and again; which says nothing about the network.
    #[error("{0}")]
    Lost(String),
    /// The observer asked to stop.
    #[error("stopped")]
    Stopped,
}

/// Turns assignments into results. One evaluator serves all workers at once.
pub trait Evaluator: Sync {
    /// The task whose networks it evaluates.
    fn task(&self) -> &Task;

    /// What the networks are trained on; an evaluator that trains nothing has none.
    fn data(&self) -> Option<&DataFacts> {
        None
    }

    /// Bytes that the evaluation of one network takes, besides what all of them share.
    fn memory(&self, assignment: &Assignment) -> u64;

    /// Bytes that this machine has for evaluations side by side.
    fn memory_limit(&self) -> u64 {
        u64::MAX
    }

    /// Evaluates one network as it is at the end of the assignment's last rung, telling `observer` of every batch and epoch and ending once it answers `Break`. The result
    /// depends on nothing but the assignment, and not on its checkpoint.
    ///
    /// # Errors
    /// [`EvaluationError`]. A panic is as good as [`EvaluationError::Failed`].
    fn evaluate(
        &self,
        assignment: &Assignment,
        observer: &mut dyn FnMut(Progress<'_>) -> ControlFlow<()>,
    ) -> Result<Evaluated, EvaluationError>;

    /// Number of folds that networks of the front are judged on; 1: they are judged once.
    fn folds(&self) -> u32 {
        1
    }

    /// Judges a network on the other folds too, of which `first` is the result on the first one: its validation errors become the means
    /// over all folds. `observer` hears of batches only. The result depends on nothing but the assignment.
    ///
    /// # Errors
    /// As with [`Evaluator::evaluate`].
    fn evaluate_folds(
        &self,
        assignment: &Assignment,
        first: Evaluated,
        observer: &mut dyn FnMut(Progress<'_>) -> ControlFlow<()>,
    ) -> Result<Evaluated, EvaluationError> {
        let _ = (assignment, observer);
        Ok(first)
    }
}
