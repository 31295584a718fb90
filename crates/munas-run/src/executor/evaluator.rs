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
    /// The fold whose parts it is trained and judged on, from 0.
    pub fold: u32,
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
    pub fn with_folds(self, judged: &FoldScores) -> Self {
        let validation: Vec<Scores> = judged.scores.iter().map(|(scores, _)| *scores).collect();
        let in_int8: Option<Vec<Scores>> = judged.scores.iter().map(|(_, in_int8)| *in_int8).collect();
        Self {
            validation: Scores::mean(&validation),
            validation_stderr: standard_error_of_mean(&judged.errors()).or(self.validation_stderr),
            in_int8: in_int8.map(|scores| Scores::mean(&scores)),
            folds: judged.scores.len() as u32,
            ..self
        }
    }
}

/// The validation errors of a network on the folds that it has been judged on.
#[derive(Clone, Debug)]
pub struct FoldScores {
    driving: Driving,
    /// In floats, and in int8 where that was measured.
    scores: Vec<(Scores, Option<Scores>)>,
}

impl FoldScores {
    /// Those on the first fold.
    pub fn of_first(first: &Evaluated, driving: Driving) -> Self {
        Self { driving, scores: vec![(first.validation, first.in_int8)] }
    }

    /// Adds those on another fold.
    pub fn push(&mut self, float: Scores, in_int8: Option<Scores>) {
        self.scores.push((float, in_int8));
    }

    /// Whether the mean over `folds` would be above `up_to` even if the network did as well on all that are left as on the best so far.
    pub fn is_above(&self, up_to: Option<f64>, folds: usize) -> bool {
        let errors = self.errors();
        let (Some(up_to), Some(least)) = (up_to, errors.iter().copied().reduce(f64::min)) else {
            return false;
        };
        let left = folds.saturating_sub(errors.len());
        errors.iter().sum::<f64>() + left as f64 * least > folds as f64 * up_to
    }

    /// Those that drive the search.
    fn errors(&self) -> Vec<f64> {
        self.scores.iter().filter_map(|(float, int8)| self.driving.of(float, int8.as_ref())).collect()
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

    /// What the networks of a fold, from 0, are trained on; an evaluator that trains nothing has none.
    fn data(&self, fold: u32) -> Option<&DataFacts> {
        let _ = fold;
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
    /// over all folds, or over the first few from which on it [is above](FoldScores::is_above) `up_to`. `observer` hears of batches only. The result
    /// depends on nothing but the assignment and `up_to`.
    ///
    /// # Errors
    /// As with [`Evaluator::evaluate`].
    fn evaluate_folds(
        &self,
        assignment: &Assignment,
        first: Evaluated,
        up_to: Option<f64>,
        observer: &mut dyn FnMut(Progress<'_>) -> ControlFlow<()>,
    ) -> Result<Evaluated, EvaluationError> {
        let _ = (assignment, up_to, observer);
        Ok(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folds_are_enough_once_the_mean_cannot_come_below() {
        let scores = |error: f64| Scores { error, balanced: 0.0, macro_f1: 0.0 };
        let mut judged = FoldScores { driving: Driving::default(), scores: vec![(scores(0.05), None)] };
        assert!(!judged.is_above(Some(0.06), 5));
        // 0.05, 0.07 and three times 0.05 are 0.054 on average.
        judged.push(scores(0.07), None);
        assert!(!judged.is_above(Some(0.06), 5) && judged.is_above(Some(0.053), 5));
        judged.push(scores(0.11), None);
        assert!(
            judged.is_above(Some(0.06), 5) && !judged.is_above(Some(0.067), 5) && !judged.is_above(None, 5)
        );
        judged.push(scores(0.04), None);
        judged.push(scores(0.04), None);
        assert!(judged.is_above(Some(0.061), 5) && !judged.is_above(Some(0.063), 5), "the mean of all");
    }
}
