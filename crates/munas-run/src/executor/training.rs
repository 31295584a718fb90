//! The evaluator that trains.

use std::ops::ControlFlow;
use std::sync::Arc;

use munas_cost::MemoryModel;
use munas_data::Dataset;
use munas_train::{
    Keep, Progress, PruningGoal, PruningMode, TrainError, TrainSettings, TrainedModel, Trainer,
};

use super::evaluator::{Assignment, Evaluated, EvaluationError, Evaluator, FoldScores, Pruned};
use super::pruning_goal;
use super::trained::TrainedNetwork;
use crate::driving::Driving;
use crate::experiment::{Experiment, PruningSettings};
use crate::int8::Int8Settings;
use crate::machine;
use crate::store::models::{DataFacts, ModelError, SavedModel};
use crate::task::Task;
use crate::trial::{Confusions, PrunedNetwork};

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
    memory: MemoryModel,
    task: Task,
    memory_limit: u64,
    /// By fold.
    data: Vec<DataFacts>,
}

impl TrainingEvaluator {
    /// An evaluator that trains as the experiment says.
    ///
    /// # Errors
    /// [`ModelError`] if the teacher to learn from cannot be read, or is one of another task.
    pub fn new(experiment: &Experiment, dataset: Arc<Dataset>) -> Result<Self, ModelError> {
        Self::with_teacher(experiment, dataset, None)
    }

    /// The same, with the teacher at hand if it is, wherever its file may be.
    pub(crate) fn with_teacher(
        experiment: &Experiment,
        dataset: Arc<Dataset>,
        teacher: Option<SavedModel>,
    ) -> Result<Self, ModelError> {
        let (task, settings) = (Task::of(&dataset), experiment.train_settings_with(&dataset, teacher)?);
        let memory_limit = machine::memory_for_trainings(&dataset);
        let data = (0..dataset.folds()).map(|fold| DataFacts::of(&dataset.fold(fold), settings.normalise));
        let data = data.collect();
        let (pruning, int8, driving) = (experiment.pruning, experiment.int8, experiment.search.driving());
        let goal = pruning_goal::of(&experiment.problem(&task));
        let memory = experiment.memory;
        Ok(Self { dataset, settings, pruning, goal, int8, driving, memory, task, memory_limit, data })
    }

    /// The settings of a training. Their epochs are those of a full training, so that what they say of epochs is stretched over
    /// the fewer ones of a briefer one.
    fn train_settings(&self, assignment: &Assignment) -> TrainSettings {
        let epochs = assignment.epochs.max(self.settings.epochs);
        let pruning = self
            .pruning
            .zip(assignment.sparsity)
            .map(|(pruning, sparsity)| pruning.at(sparsity).stretched(self.settings.epochs, epochs));
        let pruning_goal = self.goal.clone().filter(|_| pruning.is_some());
        // A rung is judged by the weights at its end.
        let keep =
            if assignment.rungs.len() > 1 || assignment.rests() { Keep::Last } else { self.settings.keep };
        TrainSettings { epochs, pruning, pruning_goal, keep, ..self.settings.clone() }
    }

    /// Trains a network from scratch on another fold.
    fn judge_fold(
        &self,
        fold: u32,
        assignment: &Assignment,
        observer: &mut dyn FnMut(Progress<'_>) -> ControlFlow<()>,
    ) -> Result<Evaluated, EvaluationError> {
        let seed = fold_seed(assignment.seed, fold);
        let on_fold = Assignment { seed, fold, checkpoint: None, ..assignment.clone() };
        // The curve and the checkpoints are those of the first fold.
        let mut quietly = |_: Progress<'_>| observer(Progress::Batch);
        self.evaluate(&on_fold, &mut quietly).map_err(|error| match error {
            EvaluationError::Failed(reason) => EvaluationError::Failed(format!("fold {fold}: {reason}")),
            other => other,
        })
    }

    /// What came of a training, after pruning in this mode if there was any.
    fn evaluated(&self, trained: TrainedNetwork<'_>, pruning: Option<PruningMode>) -> Evaluated {
        let (validation, test) = (trained.validation(), trained.test());
        let (in_int8, stderr) = (trained.validation_in_int8(), trained.standard_error(self.driving));
        let pruned = pruning.zip(trained.model.sparsity).map(|(mode, sparsity)| Pruned {
            network: PrunedNetwork { sparsity, graph: trained.model.graph.clone() },
            resources: trained.resources(Some(mode), self.memory),
        });
        let TrainedNetwork { model, int8, .. } = trained;
        Evaluated {
            validation,
            validation_stderr: Some(stderr),
            test,
            last_test_error: model.last_test_error,
            folds: 1,
            in_int8: Some(in_int8),
            test_in_int8: None,
            best_epoch: model.best_epoch,
            pruned,
            confusion: Some(Confusions {
                validation: model.validation_confusion,
                test: model.test_confusion,
            }),
            weights: Some(model.weights),
            int8: Some(int8),
        }
    }

    /// A training on these data that goes on from the checkpoint, or begins anew if there is none that fits.
    fn trainer<'a>(
        dataset: &'a Dataset,
        assignment: &'a Assignment,
        settings: &'a TrainSettings,
    ) -> Result<Trainer<'a>, TrainError> {
        let Assignment { graph, seed, checkpoint, .. } = assignment;
        let resumed = checkpoint
            .as_ref()
            .and_then(|checkpoint| Trainer::resume(graph, dataset, settings, *seed, checkpoint).ok());
        resumed.map_or_else(|| Trainer::new(graph, dataset, settings, *seed), Ok)
    }
}

impl Evaluator for TrainingEvaluator {
    fn task(&self) -> &Task {
        &self.task
    }

    fn data(&self, fold: u32) -> Option<&DataFacts> {
        self.data.get(fold as usize)
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
        up_to: Option<f64>,
        observer: &mut dyn FnMut(Progress<'_>) -> ControlFlow<()>,
    ) -> Result<Evaluated, EvaluationError> {
        let mut judged = FoldScores::of_first(&first, self.driving);
        for fold in 1..self.folds() {
            let found = self.judge_fold(fold, assignment, observer)?;
            judged.push(found.validation, found.in_int8);
            if judged.is_above(up_to, self.dataset.folds()) {
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
        let settings = self.train_settings(assignment);
        let number = assignment.fold as usize;
        let fold = self.dataset.fold(number);
        let trainer = Self::trainer(&fold, assignment, &settings);
        let model = trainer.and_then(|trainer| run(trainer, assignment, &settings, observer));
        let model = model.map_err(|error| match error {
            TrainError::Stopped { .. } => EvaluationError::Stopped,
            other => EvaluationError::Failed(other.to_string()),
        })?;
        let proceed = || observer(Progress::Batch);
        let normalisation = &self.data[number].normalisation;
        let trained = TrainedNetwork::quantised(model, &fold, normalisation, &self.int8, proceed)
            .ok_or(EvaluationError::Stopped)?;
        Ok(self.evaluated(trained, settings.pruning.map(|pruning| pruning.mode)))
    }
}

/// Trains to the end of the assignment's last rung.
fn run(
    trainer: Trainer<'_>,
    assignment: &Assignment,
    settings: &TrainSettings,
    observer: &mut dyn FnMut(Progress<'_>) -> ControlFlow<()>,
) -> Result<TrainedModel, TrainError> {
    match assignment.rungs[..] {
        [end] if end == settings.epochs => trainer.run(observer),
        ref rungs => trainer.run_in_rungs(rungs, observer),
    }
}

/// The seed of a training on a fold: 63 bits, as those of trials are.
pub(super) fn fold_seed(seed: u64, fold: u32) -> u64 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"fold");
    hasher.update(&seed.to_le_bytes());
    hasher.update(&u64::from(fold).to_le_bytes());
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
    u64::from_le_bytes(bytes) >> 1
}
