//! From a proposal to a result.

use std::ops::ControlFlow;
use std::sync::Arc;

use munas_cost::{Resources, resources, sparse_model_size};
use munas_data::Dataset;
use munas_ir::{Graph, Weights, fold_batch_norm};
use munas_quant::QuantisedNetwork;
use munas_train::{
    Checkpoint, Confusion, Progress, PruningGoal, PruningMode, TrainError, TrainSettings, TrainedModel,
    Trainer,
};

use crate::experiment::{DrivingError, Experiment, PruningSettings};
use crate::int8::{Int8Settings, int8_predictions, quantise};
use crate::judge::{Scores, standard_error, standard_error_of_mean};
use crate::machine;
use crate::models::{DataFacts, ModelError};
use crate::proposals::problem;
use crate::pruning_goal;
use crate::task::Task;
use crate::trial::{Driving, PrunedNetwork};

/// What a worker is told to train.
#[derive(Clone, Debug, PartialEq)]
pub struct Assignment {
    /// The trial's number.
    pub trial: u64,
    /// The network, batch norm apart.
    pub graph: Graph,
    /// Epochs of training.
    pub epochs: u32,
    /// Seed of every random draw of the training.
    pub seed: u64,
    /// Target of the pruning, where the experiment has pruning.
    pub sparsity: Option<f64>,
    /// Where an earlier session's training of this trial had come to. It changes nothing of the result.
    pub checkpoint: Option<Checkpoint>,
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

/// The seed of a training on a fold: 63 bits, as those of trials are.
fn fold_seed(seed: u64, number: usize) -> u64 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"fold");
    hasher.update(&seed.to_le_bytes());
    hasher.update(&(number as u64).to_le_bytes());
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
    u64::from_le_bytes(bytes) >> 1
}

/// Which classes a network takes for which.
#[derive(Clone, Debug, PartialEq)]
pub struct Confusions {
    /// In the validation part.
    pub validation: Confusion,
    /// In the test part.
    pub test: Confusion,
}

/// A pruned network and what it costs.
#[derive(Clone, Debug, PartialEq)]
pub struct Pruned {
    /// The network.
    pub network: PrunedNetwork,
    /// Its resources; the model size of an unstructured-sparse one counts non-zero weights only.
    pub resources: Resources,
}

impl Pruned {
    fn of(model: &TrainedModel, mode: PruningMode) -> Option<Self> {
        let network = PrunedNetwork { sparsity: model.sparsity?, graph: model.graph.clone() };
        let resources = resources(&network.graph);
        let resources = match mode {
            PruningMode::Structured => resources,
            PruningMode::Unstructured => {
                let (_, folded) = fold_batch_norm(&model.graph, &model.weights);
                Resources { model_size: sparse_model_size(&folded), ..resources }
            }
        };
        Some(Self { network, resources })
    }
}

/// Why an evaluation has no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvaluationError {
    /// The network cannot be trained; the search goes on without it.
    #[error("{0}")]
    Failed(String),
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

    /// Evaluates one network, telling `observer` of every batch and epoch and ending once it answers `Break`. The result
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

/// Trains each network on a dataset that all workers share.
#[derive(Clone, Debug)]
pub struct TrainingEvaluator {
    dataset: Arc<Dataset>,
    settings: TrainSettings,
    pruning: Option<PruningSettings>,
    /// What pruned networks must fit.
    goal: Option<PruningGoal>,
    int8: Int8Settings,
    driving: Driving,
    task: Task,
    memory_limit: u64,
    data: DataFacts,
}

impl TrainingEvaluator {
    /// An evaluator that trains as the experiment says.
    ///
    /// # Errors
    /// [`ModelError`] if the teacher to learn from cannot be read, or is one of another task.
    pub fn new(experiment: &Experiment, dataset: Arc<Dataset>) -> Result<Self, ModelError> {
        let (task, settings) = (Task::of(&dataset), experiment.train_settings(&dataset)?);
        let memory_limit = machine::memory_for_trainings(&dataset);
        let data = DataFacts::of(&dataset, settings.normalise);
        let (pruning, int8, driving) = (experiment.pruning, experiment.int8, experiment.search.driving());
        let goal = pruning_goal::of(&problem(experiment, &task));
        Ok(Self { dataset, settings, pruning, goal, int8, driving, task, memory_limit, data })
    }

    fn train_settings(&self, assignment: &Assignment) -> TrainSettings {
        let pruning = self.pruning.zip(assignment.sparsity).map(|(pruning, sparsity)| {
            pruning.at(sparsity).stretched(self.settings.epochs, assignment.epochs)
        });
        let pruning_goal = self.goal.clone().filter(|_| pruning.is_some());
        TrainSettings { epochs: assignment.epochs, pruning, pruning_goal, ..self.settings.clone() }
    }

    /// Trains a network from scratch on a fold; its validation errors there, and those in int8.
    fn judge_fold(
        &self,
        number: usize,
        assignment: &Assignment,
        observer: &mut dyn FnMut(Progress<'_>) -> ControlFlow<()>,
    ) -> Result<(Scores, Option<Scores>), EvaluationError> {
        let fold = self.dataset.fold(number);
        let settings = self.train_settings(assignment);
        let seed = fold_seed(assignment.seed, number);
        let trainer = Trainer::new(&assignment.graph, &fold, &settings, seed);
        // The curve and the checkpoints are those of the first fold.
        let model = trainer.and_then(|trainer| trainer.run(&mut |_| observer(Progress::Batch)));
        let model = model.map_err(|error| match error {
            TrainError::Stopped { .. } => EvaluationError::Stopped,
            other => EvaluationError::Failed(format!("fold {number}: {other}")),
        })?;
        let normalisation = fold.normalisation(self.settings.normalise);
        let int8 = quantise(&model, &fold, &normalisation, &self.int8);
        let predicted =
            int8_predictions(&int8, &fold.validation, &normalisation, || observer(Progress::Batch));
        let predicted = predicted.ok_or(EvaluationError::Stopped)?;
        let in_int8 = Scores::of_predictions(fold.validation.labels(), &predicted, fold.classes());
        Ok((Scores::of(&model.validation_confusion), Some(in_int8)))
    }

    /// A training that goes on from the checkpoint, or begins anew if there is none that fits.
    fn trainer<'a>(
        &'a self,
        assignment: &'a Assignment,
        settings: &'a TrainSettings,
    ) -> Result<Trainer<'a>, TrainError> {
        let Assignment { graph, seed, checkpoint, .. } = assignment;
        let resumed = checkpoint
            .as_ref()
            .and_then(|checkpoint| Trainer::resume(graph, &self.dataset, settings, *seed, checkpoint).ok());
        resumed.map_or_else(|| Trainer::new(graph, &self.dataset, settings, *seed), Ok)
    }
}

impl Evaluator for TrainingEvaluator {
    fn task(&self) -> &Task {
        &self.task
    }

    fn data(&self) -> Option<&DataFacts> {
        Some(&self.data)
    }

    fn memory(&self, assignment: &Assignment) -> u64 {
        self.train_settings(assignment).memory(&assignment.graph)
    }

    fn memory_limit(&self) -> u64 {
        self.memory_limit
    }

    fn folds(&self) -> u32 {
        self.dataset.folds() as u32
    }

    fn evaluate_folds(
        &self,
        assignment: &Assignment,
        first: Evaluated,
        observer: &mut dyn FnMut(Progress<'_>) -> ControlFlow<()>,
    ) -> Result<Evaluated, EvaluationError> {
        let mut scores = vec![(first.validation, first.in_int8)];
        for number in 1..self.dataset.folds() {
            scores.push(self.judge_fold(number, assignment, observer)?);
        }
        Ok(first.with_folds(&scores, self.driving))
    }

    fn evaluate(
        &self,
        assignment: &Assignment,
        observer: &mut dyn FnMut(Progress<'_>) -> ControlFlow<()>,
    ) -> Result<Evaluated, EvaluationError> {
        let settings = self.train_settings(assignment);
        let model = self.trainer(assignment, &settings).and_then(|trainer| trainer.run(observer));
        let model = model.map_err(|error| match error {
            TrainError::Stopped { .. } => EvaluationError::Stopped,
            other => EvaluationError::Failed(other.to_string()),
        })?;
        let normalisation = &self.data.normalisation;
        let int8 = quantise(&model, &self.dataset, normalisation, &self.int8);
        let proceed = || observer(Progress::Batch);
        let (validation, classes) = (&self.dataset.validation, self.dataset.classes());
        let in_int8 = int8_predictions(&int8, validation, normalisation, proceed);
        let in_int8 = in_int8.ok_or(EvaluationError::Stopped)?;
        let judged = match self.driving.error {
            DrivingError::Float => &model.validation_predicted,
            DrivingError::Int8 => &in_int8,
        };
        let stderr = standard_error(self.driving.metric, validation, classes, judged);
        Ok(Evaluated {
            validation: Scores::of(&model.validation_confusion),
            validation_stderr: Some(stderr),
            test: Scores::of(&model.test_confusion),
            last_test_error: model.last_test_error,
            folds: 1,
            in_int8: Some(Scores::of_predictions(validation.labels(), &in_int8, classes)),
            best_epoch: model.best_epoch,
            pruned: settings.pruning.and_then(|pruning| Pruned::of(&model, pruning.mode)),
            confusion: Some(Confusions {
                validation: model.validation_confusion,
                test: model.test_confusion,
            }),
            weights: Some(model.weights),
            int8: Some(int8),
        })
    }
}
