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
    pub(super) fn new(path: &Path, problem: JournalProblem) -> Self {
        Self { path: path.to_owned(), problem }
    }

    pub(super) fn from_sqlite(path: &Path, error: rusqlite::Error) -> Self {
        let problem = match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
                JournalProblem::Corrupted(error.to_string())
            }
            Some(ErrorCode::DiskFull) => JournalProblem::DiskFull,
            Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
                JournalProblem::NotWritable(error.to_string())
            }
            Some(_) => JournalProblem::Sqlite(error),
            // Not SQLite's own: a missing row, a column of another type.
            None => JournalProblem::Corrupted(error.to_string()),
        };
        Self::new(path, problem)
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
