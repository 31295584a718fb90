//! How finalists are trained: as the experiment says, but longer.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use munas_data::Dataset;
use munas_train::{Progress, Schedule, TrainSettings};

use crate::executor::evaluator::{Assignment, Evaluated, EvaluationError, Evaluator};
use crate::executor::training::TrainingEvaluator;
use crate::experiment::{DistillationSettings, Experiment};
use crate::int8::int8_predictions;
use crate::judge::Scores;
use crate::store::models::{DataFacts, ModelError, SavedModel};
use crate::task::Task;

/// The most epochs of a finalist, which no factor leads beyond.
const MOST_EPOCHS: f64 = 100_000.0;

/// Weight and temperature of what finalists learn from a teacher (`experiments/finalists`).
const ALPHA: f64 = 1.0;
const TEMPERATURE: f64 = 3.0;

/// Epochs of each training of a finalist.
pub(super) fn final_epochs(experiment: &Experiment) -> u32 {
    stretched(experiment.train.epochs, experiment.finalists.longer)
}

/// So many epochs in a training that is longer by a factor; at least one.
pub(super) fn stretched(epochs: u32, factor: f64) -> u32 {
    (f64::from(epochs) * factor).round().clamp(1.0, MOST_EPOCHS) as u32
}

/// The experiment with the settings of a finalist's training: what counts epochs keeps its proportion, and the weight decay of a whole
/// training stays what it is. The number of epochs itself is left, since pruning is stretched from it to the epochs of a training.
fn for_finalists(experiment: &Experiment, teacher: Option<&Path>) -> Experiment {
    let (train, settings) = (&experiment.train, &experiment.finalists);
    let epochs = final_epochs(experiment);
    let factor = f64::from(epochs) / f64::from(train.epochs.max(1));
    // A network that is pruned keeps its batch norms, and patience may end a training before its last epochs.
    let can_be_quantised = experiment.pruning.is_none() && train.early_stop.is_none();
    let share = settings.quantised.max(f64::from(train.quantised_epochs) / f64::from(train.epochs.max(1)));
    let quantised_epochs = match can_be_quantised && share > 0.0 {
        true => ((share * f64::from(epochs)).round() as u32).max(1).min(epochs.saturating_sub(1)),
        false => 0,
    };
    let schedule = match &train.schedule {
        Schedule::Piecewise(pieces) => Schedule::Piecewise(
            pieces.iter().map(|&(epoch, rate)| (stretched(epoch, factor), rate)).collect(),
        ),
        other => other.clone(),
    };
    let train = TrainSettings {
        warm_up: train.warm_up * factor,
        weight_decay: if factor > 1.0 { train.weight_decay / factor } else { train.weight_decay },
        early_stop: train.early_stop.map(|patience| stretched(patience, factor)),
        schedule,
        quantised_epochs,
        ..train.clone()
    };
    let learned = teacher.map(|path| DistillationSettings {
        teacher: path.to_owned(),
        alpha: ALPHA,
        temperature: TEMPERATURE,
    });
    let distillation = experiment.distillation.clone().or(learned);
    Experiment { train, distillation, ..experiment.clone() }
}

/// Trains finalists, and measures them in int8 on the test part too.
#[derive(Clone, Debug)]
pub struct FinalistEvaluator {
    training: TrainingEvaluator,
    dataset: Arc<Dataset>,
}

impl FinalistEvaluator {
    /// An evaluator that trains as the experiment says of finalists, which learn from the network in the file of the teacher, if there is
    /// one.
    ///
    /// # Errors
    /// [`ModelError`] if the teacher cannot be read, or is one of another task.
    pub fn new(
        experiment: &Experiment,
        teacher: Option<&Path>,
        dataset: Arc<Dataset>,
    ) -> Result<Self, ModelError> {
        let training = TrainingEvaluator::new(&for_finalists(experiment, teacher), Arc::clone(&dataset))?;
        Ok(Self { training, dataset })
    }

    /// The same, with the teacher at hand if there is one, whatever file the experiment names.
    pub(crate) fn with_teacher(
        experiment: &Experiment,
        teacher: Option<SavedModel>,
        dataset: Arc<Dataset>,
    ) -> Result<Self, ModelError> {
        let experiment = for_finalists(experiment, teacher.as_ref().map(|_| Path::new("")));
        let training = TrainingEvaluator::with_teacher(&experiment, Arc::clone(&dataset), teacher)?;
        Ok(Self { training, dataset })
    }
}

impl Evaluator for FinalistEvaluator {
    fn task(&self) -> &Task {
        self.training.task()
    }

    fn data(&self, fold: u32) -> Option<&DataFacts> {
        self.training.data(fold)
    }

    fn memory(&self, assignment: &Assignment) -> u64 {
        self.training.memory(assignment)
    }

    fn memory_limit(&self) -> u64 {
        self.training.memory_limit()
    }

    fn evaluate(
        &self,
        assignment: &Assignment,
        observer: &mut dyn FnMut(Progress<'_>) -> ControlFlow<()>,
    ) -> Result<Evaluated, EvaluationError> {
        let evaluated = self.training.evaluate(assignment, observer)?;
        let (Some(int8), Some(data)) = (&evaluated.int8, self.data(assignment.fold)) else {
            return Ok(evaluated);
        };
        let proceed = || observer(Progress::Batch);
        let test = &self.dataset.test;
        let predicted = int8_predictions(int8, test, &data.normalisation, proceed);
        let predicted = predicted.ok_or(EvaluationError::Stopped)?;
        let scores = Scores::of_predictions(test.labels(), &predicted, self.dataset.classes());
        Ok(Evaluated { test_in_int8: Some(scores), ..evaluated })
    }

    fn folds(&self) -> u32 {
        self.training.folds()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::experiment;

    #[test]
    fn what_counts_epochs_keeps_its_proportion() {
        let experiment = experiment(&[
            "train.epochs=10",
            "train.schedule=[[4, 0.1], [8, 0.01]]",
            "train.warm_up=0.5",
            "train.optimizer=adamw",
            "train.weight_decay=0.003",
            "final.longer=3",
            "final.quantised=0.1",
        ]);
        assert_eq!(final_epochs(&experiment), 30);
        let found = for_finalists(&experiment, None).train;
        assert_eq!(found.schedule, Schedule::Piecewise(vec![(12, 0.1), (24, 0.01)]));
        assert_eq!((found.quantised_epochs, found.early_stop), (3, None));
        assert!((found.warm_up - 1.5).abs() < 1e-12 && (found.weight_decay - 0.001).abs() < 1e-12);
        TrainSettings { epochs: 30, ..found }.check().unwrap();
    }

    #[test]
    fn patience_and_pruning_leave_no_quantised_epochs() {
        let early = experiment(&["train.early_stop=4", "final.longer=2", "final.quantised=0.5"]);
        let found = for_finalists(&early, None).train;
        assert_eq!((found.quantised_epochs, found.early_stop), (0, Some(8)));
        TrainSettings { epochs: final_epochs(&early), ..found }.check().unwrap();
    }

    #[test]
    fn a_teacher_of_the_users_own_stays() {
        let taught = experiment(&["train.distillation.teacher=mine", "train.distillation.alpha=0.7"]);
        let found = for_finalists(&taught, Some(Path::new("other"))).distillation.unwrap();
        assert_eq!((found.teacher.as_path(), found.alpha), (Path::new("mine"), 0.7));
        let found = for_finalists(&experiment(&[]), Some(Path::new("other"))).distillation.unwrap();
        assert_eq!((found.teacher.as_path(), found.alpha), (Path::new("other"), ALPHA));
    }
}
