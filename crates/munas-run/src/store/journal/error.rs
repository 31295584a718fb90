//! What can go wrong with a journal.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

use super::rows::RowError;
use super::{OLDEST_SCHEMA, SCHEMA_VERSION};

/// A journal could not be read or written. What it holds is what the last transaction left.
#[derive(Debug, thiserror::Error)]
#[error("{}: {problem}", path.display())]
pub struct JournalError {
    /// The file.
    pub path: PathBuf,
    /// What happened.
    pub problem: JournalProblem,
}

/// What happened to a journal.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalProblem {
    /// Written by a version of munas with another schema.
    #[error(
        "the journal has schema version {found}, this version of munas reads {OLDEST_SCHEMA} to {SCHEMA_VERSION}"
    )]
    SchemaVersion {
        /// The version of the file.
        found: i32,
    },
    /// The file is no journal, or not whole.
    #[error("the journal is damaged: {0}")]
    Corrupted(String),
    /// The disk is full.
    #[error("the disk is full")]
    DiskFull,
    /// The file or its folder cannot be written.
    #[error("the journal cannot be written: {0}")]
    NotWritable(String),
    /// Another program keeps the file locked.
    #[error("another program keeps the journal locked")]
    Locked,
    /// Another file is in its place, or none, since a search began to write it; with what was saved.
    #[error("{0}")]
    Displaced(String),
    /// Other files of the run know more than it does.
    #[error("the journal is not whole, or of another run: {0}")]
    Lost(String),
    /// There is a run, but no journal in it.
    #[error("the run has lost its journal")]
    Gone,
    /// The file cannot be read.
    #[error("the journal cannot be read: {0}")]
    NotReadable(io::Error),
    /// Reading or writing the file failed.
    #[error("{0}")]
    Io(io::Error),
    /// Anything else that SQLite reports.
    #[error("{0}")]
    Sqlite(rusqlite::Error),
}

impl JournalError {
    pub(crate) fn new(path: &Path, problem: JournalProblem) -> Self {
        Self { path: path.to_owned(), problem }
    }

    pub(super) fn from_sqlite(path: &Path, error: rusqlite::Error) -> Self {
        let problem = match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
                JournalProblem::Corrupted(error.to_string())
            }
            Some(ErrorCode::DiskFull) => JournalProblem::DiskFull,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => JournalProblem::Locked,
            Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
                JournalProblem::NotWritable(error.to_string())
            }
            Some(_) => JournalProblem::Sqlite(error),
            // Not SQLite's own: a missing row, a column of another type.
            None => JournalProblem::Corrupted(error.to_string()),
        };
        Self::new(path, problem)
    }

    /// Whether all that is wrong is that another program keeps the journal locked.
    pub fn is_locked(&self) -> bool {
        matches!(self.problem, JournalProblem::Locked)
    }

    /// Whether the file may be whole, and only cannot be opened where it is.
    pub(super) fn is_of_access(&self) -> bool {
        match &self.problem {
            JournalProblem::NotWritable(_) => true,
            JournalProblem::Sqlite(error) => error.sqlite_error_code() == Some(ErrorCode::SystemIoFailure),
            _ => false,
        }
    }

    /// A way out, where there is one.
    pub fn hint(&self) -> Option<&'static str> {
        match self.problem {
            JournalProblem::SchemaVersion { .. } => {
                Some("go on with the version of munas that began the run")
            }
            JournalProblem::Locked => Some("end the program that has it open, an SQLite tool perhaps"),
            JournalProblem::Displaced(_) => Some("`munas resume` goes on with what is in journal.db"),
            JournalProblem::Lost(_) => Some(
                "bring back journal.db together with its journal.db-wal; to go on with what this journal knows, move \
                 progress, models and checkpoints out of the run",
            ),
            JournalProblem::Gone => {
                Some("bring back journal.db, and journal.db-wal if there was one: all results are there")
            }
            JournalProblem::DiskFull => Some("make room and resume: everything up to here is in the journal"),
            _ => None,
        }
    }
}

impl fmt::Display for RowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "trial {}, column {}: {}", self.trial, self.column, self.problem)
    }
}
