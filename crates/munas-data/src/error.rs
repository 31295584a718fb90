//! What can go wrong between a source's name and a dataset in memory.

use std::io;
use std::path::{Path, PathBuf};

use crate::byte_size::in_words;

/// How many refused files (or rows) an error message lists.
pub(crate) const LISTED: usize = 5;

/// A dataset could not be loaded or fetched. The message names the file and what is wrong with it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// Reading or writing failed.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The content of a file is not what its format demands.
    #[error("{}: {problem}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What was expected and what was found.
        problem: String,
    },
    /// The name is none of the known sources.
    #[error("unknown data source `{name}`; there are: {}", known.join(", "))]
    UnknownSource {
        /// The text as it was given.
        name: String,
        /// Everything that would have been understood.
        known: Vec<String>,
        /// The known name that comes closest, if any does.
        nearest: Option<String>,
    },
    /// None of the places where a named dataset may lie has it.
    #[error("dataset `{name}` not found; looked for {}", list_paths(looked_for))]
    NotFound {
        /// The dataset.
        name: String,
        /// The files or folders that would have been read.
        looked_for: Vec<PathBuf>,
        /// Whether `fetch` knows where to get it.
        fetchable: bool,
    },
    /// Some files (or rows) of the user's own data cannot be read.
    #[error("{}: {count} of {total} refused: {}", root.display(), list_reasons(reasons, *count))]
    Refused {
        /// The folder or file that was being read.
        root: PathBuf,
        /// How many were refused.
        count: usize,
        /// How many there are.
        total: usize,
        /// The first few, each with its file (or line) and reason.
        reasons: Vec<String>,
    },
    /// The samples would take more memory than they may.
    #[error(
        "{}: {what} take {} of memory, more than the {} that data may take",
        path.display(), in_words(*bytes), in_words(*budget)
    )]
    TooLarge {
        /// The folder or file.
        path: PathBuf,
        /// What would take it: number and shape of the samples.
        what: String,
        /// Bytes that it would take.
        bytes: u64,
        /// Bytes that it may take.
        budget: u64,
    },
    /// The data cannot be used as they are, and there is something that the user can do about it.
    #[error("{place}: {problem}")]
    Advised {
        /// The file, folder or source.
        place: String,
        /// What was expected and what was found.
        problem: String,
        /// What the user may do.
        hint: String,
    },
    /// An option does not fit the source.
    #[error("{0}")]
    Option(String),
    /// A download failed.
    #[error("{url}: {problem}")]
    Download {
        /// The address that was asked.
        url: String,
        /// What went wrong, in words.
        problem: String,
    },
    /// A downloaded file is not the published one; nothing was kept of it.
    #[error("{url}: SHA-256 is {found}, expected {expected}")]
    Checksum {
        /// The address that was asked.
        url: String,
        /// Published digest, hexadecimal.
        expected: String,
        /// Digest of what arrived, hexadecimal.
        found: String,
    },
}

impl DataError {
    pub(crate) fn io(path: &Path, source: io::Error) -> Self {
        Self::Io { path: path.to_path_buf(), source }
    }

    pub(crate) fn malformed(path: &Path, problem: impl Into<String>) -> Self {
        Self::Malformed { path: path.to_path_buf(), problem: problem.into() }
    }

    pub(crate) fn advised(path: &Path, problem: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Advised { place: path.display().to_string(), problem: problem.into(), hint: hint.into() }
    }

    /// What the user may do about it, where there is something.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::UnknownSource { nearest: Some(nearest), .. } => Some(format!("did you mean `{nearest}`?")),
            Self::NotFound { name, fetchable: true, .. } => Some(format!(
                "`munas data fetch {name}` downloads it; `--data-dir` or MUNAS_DATA name its folder"
            )),
            Self::NotFound { fetchable: false, .. } => {
                Some("`--data-dir` or MUNAS_DATA name the folder that holds it".to_owned())
            }
            Self::TooLarge { .. } => {
                Some("use fewer or smaller samples, or allow more: `--set data.memory=16GB`".to_owned())
            }
            Self::Refused { count, total, .. } if count < total => {
                Some("`--skip-bad` leaves them out".to_owned())
            }
            Self::Advised { hint, .. } => Some(hint.clone()),
            Self::Checksum { .. } => Some(
                "the download was damaged or the mirror holds another file; try again or another `--from`"
                    .to_owned(),
            ),
            _ => None,
        }
    }
}

fn list_paths(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}

fn list_reasons(reasons: &[String], count: usize) -> String {
    let mut text = reasons.iter().take(LISTED).cloned().collect::<Vec<_>>().join("; ");
    if count > LISTED {
        text.push_str("; …");
    }
    text
}
