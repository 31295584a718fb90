//! Why a search cannot begin or go on.

use std::io;

use munas_search::{ProblemError, SearchError};

use crate::store::error::StoreError;
use crate::store::files::FileError;
use crate::store::journal::JournalError;
use crate::store::models::ModelError;
use crate::task::DataChanged;

/// Why a search cannot begin, or go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExecutionError {
    /// The run cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The data are not those that the run began with.
    #[error(transparent)]
    DataChanged(#[from] DataChanged),
    /// The bounds cannot be searched under.
    #[error("[bounds]: {0}")]
    Problem(#[from] ProblemError),
    /// There is nothing more to propose.
    #[error(transparent)]
    Search(#[from] SearchError),
    /// A training could not be begun.
    #[error("cannot start the training of trial {trial}: {source}")]
    Start {
        /// The trial.
        trial: u64,
        /// What the system said.
        source: io::Error,
    },
    /// Nothing can be trained any more.
    #[error("{problem}")]
    Backend {
        /// Why.
        problem: String,
        /// A way out, where there is one.
        hint: Option<String>,
    },
}

impl ExecutionError {
    /// A way out, where there is one.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Store(error) => error.hint(),
            Self::DataChanged(_) => {
                let hint = "--data and --data-dir say where the same data are now; other data need a new run";
                Some(hint.to_owned())
            }
            Self::Backend { hint, .. } => hint.clone(),
            Self::Problem(_) | Self::Search(_) | Self::Start { .. } => None,
        }
    }
}

impl From<JournalError> for ExecutionError {
    fn from(error: JournalError) -> Self {
        Self::Store(error.into())
    }
}

impl From<ModelError> for ExecutionError {
    fn from(error: ModelError) -> Self {
        Self::Store(error.into())
    }
}

impl From<FileError> for ExecutionError {
    fn from(error: FileError) -> Self {
        Self::Store(error.into())
    }
}
