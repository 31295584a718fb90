//! How candidates are trained: the settings of the experiment, with the teacher read from its file.

use std::sync::Arc;

use munas_data::Dataset;
use munas_ir::Shape;
use munas_train::{Distillation, Teacher, TrainSettings};

use crate::experiment::{DistillationSettings, Experiment};
use crate::store::models::{ModelError, SavedModel};

impl Experiment {
    /// How each candidate is trained on `dataset`, with the teacher read from its file.
    ///
    /// # Errors
    /// [`ModelError`] with the teacher's path, if it cannot be read, or was trained for samples of another shape or
    /// another number of classes.
    pub fn train_settings(&self, dataset: &Dataset) -> Result<TrainSettings, ModelError> {
        self.train_settings_with(dataset, None)
    }

    /// The same, with the teacher at hand if it is, wherever its file may be.
    pub(crate) fn train_settings_with(
        &self,
        dataset: &Dataset,
        at_hand: Option<SavedModel>,
    ) -> Result<TrainSettings, ModelError> {
        // The section `[data]` says it; in `train` is a copy.
        let settings = TrainSettings { normalise: self.data.normalise, ..self.train.clone() };
        let Some(DistillationSettings { teacher: path, alpha, temperature }) = &self.distillation else {
            return Ok(settings);
        };
        let model = at_hand.map_or_else(|| SavedModel::load(path), Ok)?;
        let SavedModel { architecture, graph, weights, .. } = model;
        let [height, width, channels] = dataset.input;
        let task = architecture.lower(Shape::new(height, width, channels), dataset.classes());
        let teacher = Teacher::new(graph, weights);
        teacher.check(&task).map_err(|error| ModelError::reading(path, error.to_string()))?;
        let distillation =
            Distillation { teacher: Arc::new(teacher), alpha: *alpha, temperature: *temperature };
        Ok(TrainSettings { distillation: Some(distillation), ..settings })
    }
}
