//! Why a run cannot go on.

use std::io;
use std::path::{Path, PathBuf};

use munas_data::DataError;
use munas_search::{ProblemError, SearchError};

use crate::experiment::{Changes, ExperimentError, FREE_KEYS};
use crate::journal::JournalError;
use crate::models::ModelError;

/// Why a run cannot be made, opened, or gone on with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// A file or folder could not be read or written.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another process works on the run.
    #[error("{}: another process is working on this run", dir.display())]
    Locked {
        /// The run's directory.
        dir: PathBuf,
    },
    /// There is a run already.
    #[error("{}: there is a run already", dir.display())]
    Exists {
        /// The run's directory.
        dir: PathBuf,
    },
    /// A run was to be made in a folder that holds something else.
    #[error("{}: the folder is in use: it has {found}", dir.display())]
    InUse {
        /// The folder.
        dir: PathBuf,
        /// Some of the names in it, and how many there are besides.
        found: String,
    },
    /// A run was to be made where there is a file.
    #[error("{}: not a folder", path.display())]
    NotAFolder {
        /// The file.
        path: PathBuf,
    },
    /// The directory is not that of a run.
    #[error("{}: not a run: there is no {missing}", dir.display())]
    NotARun {
        /// The directory.
        dir: PathBuf,
        /// The file that a run has.
        missing: &'static str,
    },
    /// The experiment cannot be run.
    #[error(transparent)]
    Experiment(#[from] ExperimentError),
    /// The experiment of a run cannot be read.
    #[error("{}: {source}", path.display())]
    ExperimentFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: ExperimentError,
    },
    /// The experiment of a run is not that with which it was made.
    #[error("{}: not what the run was made with: {changes}", path.display())]
    ExperimentChanged {
        /// The file.
        path: PathBuf,
        /// What differs.
        changes: Changes,
    },
    /// The journal cannot be read or written.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The data are not those that the run began with.
    #[error("the data have changed: the run began with {recorded}, now there is {found}")]
    DataChanged {
        /// Name and fingerprint in the journal.
        recorded: String,
        /// Name and fingerprint now.
        found: String,
    },
    /// The data cannot be loaded.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The bounds cannot be searched under.
    #[error("[bounds]: {0}")]
    Problem(#[from] ProblemError),
    /// There is nothing more to propose.
    #[error(transparent)]
    Search(#[from] SearchError),
    /// A model file cannot be read or written.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The run has no such trial.
    #[error("{}: there is no trial {trial}", dir.display())]
    NoTrial {
        /// The run's directory.
        dir: PathBuf,
        /// The number asked for.
        trial: u64,
    },
}

impl RunError {
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, path: path.to_owned(), source }
    }

    /// A way out, where there is one.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::ExperimentChanged { .. } => Some(format!(
                "put the recorded values back, or begin a new run with `munas search FILE`; in a run that has begun these may \
                 change: {}",
                FREE_KEYS.join(", ")
            )),
            Self::InUse { .. } | Self::NotAFolder { .. } => Some(
                "a run is made in a new or an empty folder: give --out another name, or leave it out"
                    .to_owned(),
            ),
            Self::Locked { .. } => Some("wait for it to end, or choose another directory".to_owned()),
            Self::DataChanged { .. } => {
                let hint = "--data and --data-dir say where the same data are now; other data need a new run";
                Some(hint.to_owned())
            }
            Self::Experiment(error) | Self::ExperimentFile { source: error, .. } => error.hint(),
            Self::Journal(error) => error.hint().map(str::to_owned),
            // A run reads no model but its own.
            Self::Model(error) if !error.writing => {
                Some("restore the file from a copy of the run, or export another trial".to_owned())
            }
            _ => None,
        }
    }
}
