//! What a search tells of while it goes on.

use munas_train::EpochReport;

use super::backend::WorkerNews;
use super::limits::EndReason;
use crate::store::files::FileError;
use crate::trial::TrialRecord;

/// What happens during a search. Whatever an event tells of is in the journal already.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// A trial begins.
    TrialStarted {
        /// The trial, with the draws that were refused before it.
        record: &'a TrialRecord,
        /// Whether an earlier session began it and did not end it.
        restarted: bool,
    },
    /// A trial has trained one more epoch.
    Epoch {
        /// The trial.
        trial: u64,
        /// Its curve's latest entry.
        report: &'a EpochReport,
    },
    /// Where a training has come to could not be kept; it goes on all the same.
    CheckpointLost {
        /// The trial.
        trial: u64,
        /// Why.
        error: &'a FileError,
    },
    /// A trial has ended, in whatever state, or rests at the end of a rung.
    TrialFinished {
        /// The trial.
        record: &'a TrialRecord,
        /// Whether this result puts it on the Pareto front of the trials so far.
        on_front: bool,
        /// Epochs at the end of the rung that it was trained to, or of its training.
        epochs: u32,
        /// Whether it had no result before; a trial in rungs has one at the end of each.
        is_first: bool,
    },
    /// Something about those that train, of a backend whose workers come and go.
    Worker(&'a WorkerNews),
    /// The search ends; running trials are being stopped.
    Ending {
        /// Why.
        reason: EndReason,
        /// Trials that still run.
        running: usize,
    },
}
