//! What a run needs to know about its data without having it in memory.

use munas_data::Dataset;
use munas_ir::Shape;

/// The data are not those that a run began with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the data have changed: the run began with {recorded}, now there is {found}")]
pub struct DataChanged {
    /// Name and fingerprint in the journal.
    pub recorded: String,
    /// Name and fingerprint now.
    pub found: String,
}

/// The learning task of a run: what the journal keeps of a dataset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// Name of the dataset.
    pub dataset: String,
    /// Hash of samples, labels and split; a run goes on only with the same.
    pub fingerprint: String,
    /// Shape of one sample: the network's input.
    pub input: Shape,
    /// Names of the classes.
    pub class_names: Vec<String>,
}

impl Task {
    /// The task of a dataset.
    pub fn of(dataset: &Dataset) -> Self {
        let [height, width, channels] = dataset.input;
        Self {
            dataset: dataset.name.clone(),
            fingerprint: dataset.fingerprint.clone(),
            input: Shape::new(height, width, channels),
            class_names: dataset.class_names.clone(),
        }
    }

    /// Number of classes.
    pub fn classes(&self) -> usize {
        self.class_names.len()
    }

    /// Checks that data that were loaded for the run are those of this task. The name is left out: they may have moved.
    ///
    /// # Errors
    /// [`DataChanged`].
    pub fn require_same(&self, found: &Self) -> Result<(), DataChanged> {
        let identity = |task: &Self| (task.fingerprint.clone(), task.input, task.class_names.clone());
        if identity(self) == identity(found) {
            return Ok(());
        }
        Err(DataChanged { recorded: self.description(), found: found.description() })
    }

    fn description(&self) -> String {
        let Self { dataset, fingerprint, input, .. } = self;
        format!("{dataset} ({input}, {} classes, fingerprint {fingerprint})", self.classes())
    }
}
