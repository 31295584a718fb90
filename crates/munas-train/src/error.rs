//! Why a network could not be trained.

use munas_ir::Shape;

use crate::CheckpointError;

/// Why training ended without a model.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum TrainError {
    /// The loss of a batch was not a number, or beyond any use.
    #[error("training diverged in epoch {epoch} (loss {loss})")]
    Diverged {
        /// The epoch, counted from 1.
        epoch: u32,
        /// Mean loss of the batch that showed it.
        loss: f64,
    },
    /// What pruning leaves does not reach its goal.
    #[error("with {:.0} % pruned the network still has {excess}", 100.0 * sparsity)]
    TooLarge {
        /// Share of the channels or weights within reach that may be gone at most.
        sparsity: f64,
        /// What is too much.
        excess: String,
    },
    /// The observer asked to stop.
    #[error("stopped after {epochs} epochs")]
    Stopped {
        /// Epochs that were finished before.
        epochs: u32,
    },
    /// A setting has a value that training cannot use.
    #[error("{key} = {value}: {reason}")]
    Setting {
        /// Name of the setting, as in the experiment file.
        key: &'static str,
        /// The value as it was given.
        value: String,
        /// What the value has to be.
        reason: &'static str,
    },
    /// The network reads another shape than the samples have.
    #[error("the network reads {graph}, the samples are {samples}")]
    InputShape {
        /// Input of the graph.
        graph: Shape,
        /// Shape of the samples.
        samples: Shape,
    },
    /// The network's outputs do not fit the number of classes.
    #[error(
        "the network ends in {outputs} outputs, {classes} classes need {classes} (or 1, if they are two)"
    )]
    Outputs {
        /// Shape of the graph's last tensor.
        outputs: Shape,
        /// Classes of the data.
        classes: usize,
    },
    /// The network to learn from is one of another task.
    #[error("the teacher's {part} is {teacher}, the student's {student}")]
    Teacher {
        /// What differs: input or output.
        part: &'static str,
        /// Shape of the teacher's.
        teacher: Shape,
        /// Shape of the student's.
        student: Shape,
    },
    /// A part of the dataset has no samples.
    #[error("the {part} part of the dataset is empty")]
    EmptySplit {
        /// Name of the part.
        part: &'static str,
    },
    /// There is no going on from a checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
}
