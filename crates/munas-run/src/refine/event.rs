//! What the training of finalists tells of while it goes on.

use munas_train::EpochReport;

use super::end::RefineEnd;
use crate::executor::backend::WorkerNews;
use crate::finalist::FinalistRecord;
use crate::store::files::FileError;

/// What happens while finalists are trained. Results that an event tells of are in the journal already.
#[derive(Clone, Copy, Debug)]
pub enum FinalistEvent<'a> {
    /// A training begins, or goes on.
    Started {
        /// The trial whose network it is.
        trial: u64,
        /// The number of the training.
        number: u32,
        /// Its epochs.
        epochs: u32,
    },
    /// A training has come one epoch further.
    Epoch {
        /// The trial.
        trial: u64,
        /// The number of the training.
        number: u32,
        /// The entry of its curve.
        report: &'a EpochReport,
    },
    /// Where a training has come to could not be kept; it goes on all the same.
    CheckpointLost {
        /// Why.
        error: &'a FileError,
    },
    /// A training has ended and is recorded.
    Ended {
        /// What came of it.
        record: &'a FinalistRecord,
    },
    /// A training was stopped; the next session goes on with it.
    Stopped {
        /// The trial.
        trial: u64,
        /// The number of the training.
        number: u32,
    },
    /// Something about those that train, of a backend whose workers come and go.
    Worker(&'a WorkerNews),
    /// It ends; running trainings are being stopped.
    Ending {
        /// Why.
        reason: RefineEnd,
        /// Trainings that still run.
        running: usize,
    },
}
