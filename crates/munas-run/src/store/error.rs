//! Why the files of a run cannot be made, read or written.

use std::path::PathBuf;

use munas_search::ProblemError;

use crate::experiment::{Changes, ExperimentError, FREE_KEYS};
use crate::store::files::FileError;
use crate::store::journal::JournalError;
use crate::store::models::ModelError;

/// Why a run cannot be made, opened, read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// A file or folder could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
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
    /// The bounds cannot be searched under.
    #[error("[bounds]: {0}")]
    Problem(#[from] ProblemError),
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

impl StoreError {
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
            Self::ExperimentFile { source: error, .. } => error.hint(),
            Self::Journal(error) => error.hint().map(str::to_owned),
            // A run reads no model but its own.
            Self::Model(error) if !error.writing => {
                Some("restore the file from a copy of the run, or export another trial".to_owned())
            }
            _ => None,
        }
    }
}
