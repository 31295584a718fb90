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
use crate::judge::Scores;
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
    data: DataFacts,
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
        let data = DataFacts::of(&dataset, settings.normalise);
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
        let mut quietly = |_: Progress<'_>| observer(Progress::Batch);
        let model = trainer.and_then(|trainer| run(trainer, assignment, &settings, &mut quietly));
        let model = model.map_err(|error| match error {
            TrainError::Stopped { .. } => EvaluationError::Stopped,
            other => EvaluationError::Failed(format!("fold {number}: {other}")),
        })?;
        let normalisation = fold.normalisation(self.settings.normalise);
        let proceed = || observer(Progress::Batch);
        let trained = TrainedNetwork::quantised(model, &fold, &normalisation, &self.int8, proceed)
            .ok_or(EvaluationError::Stopped)?;
        Ok((trained.validation(), Some(trained.validation_in_int8())))
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
        up_to: Option<f64>,
        observer: &mut dyn FnMut(Progress<'_>) -> ControlFlow<()>,
    ) -> Result<Evaluated, EvaluationError> {
        let mut judged = FoldScores::of_first(&first, self.driving);
        for number in 1..self.dataset.folds() {
            let (float, in_int8) = self.judge_fold(number, assignment, observer)?;
            judged.push(float, in_int8);
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
        let trainer = self.trainer(assignment, &settings);
        let model = trainer.and_then(|trainer| run(trainer, assignment, &settings, observer));
        let model = model.map_err(|error| match error {
            TrainError::Stopped { .. } => EvaluationError::Stopped,
            other => EvaluationError::Failed(other.to_string()),
        })?;
        let proceed = || observer(Progress::Batch);
        let trained =
            TrainedNetwork::quantised(model, &self.dataset, &self.data.normalisation, &self.int8, proceed)
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
fn fold_seed(seed: u64, number: usize) -> u64 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"fold");
    hasher.update(&seed.to_le_bytes());
    hasher.update(&(number as u64).to_le_bytes());
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
    u64::from_le_bytes(bytes) >> 1
}
