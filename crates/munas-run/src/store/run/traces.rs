//! What the other files of a run say of its journal.
//!
//! They are looked at before the journal is opened: a search that goes on meanwhile adds to the journal first, so that what
//! they know, the journal knows too.

use std::path::{Path, PathBuf};

use super::JOURNAL_FILE;
use crate::store::checkpoints;
use crate::store::error::StoreError;
use crate::store::files::{last_trial_file, trial_file};
use crate::store::journal::progress::{PROGRESS_FILE, Progress};
use crate::store::journal::{Journal, JournalError, JournalProblem};
use crate::store::models;

/// What they say.
#[derive(Debug)]
pub(super) struct Traces {
    dir: PathBuf,
    progress: Option<Progress>,
    /// The latest trial of each folder that has one.
    latest: Vec<(&'static str, u64)>,
}

impl Traces {
    /// Looks at the files of the run in `dir`.
    pub fn of(dir: &Path) -> Self {
        let folders = [models::DIRECTORY, checkpoints::DIRECTORY];
        let latest = folders.into_iter().filter_map(|name| Some((name, last_trial_file(&dir.join(name))?)));
        Self { dir: dir.to_owned(), progress: Progress::read(dir), latest: latest.collect() }
    }

    /// Checks that the journal, which was opened after this, knows all that they know.
    ///
    /// # Errors
    /// [`StoreError::Journal`] with [`JournalProblem::Lost`].
    pub fn require_known(&self, journal: &Journal) -> Result<(), StoreError> {
        let lost = |problem: String| {
            StoreError::Journal(JournalError::new(
                &self.dir.join(JOURNAL_FILE),
                JournalProblem::Lost(problem),
            ))
        };
        let last = journal.last_trial()?;
        let ends = match last {
            0 => "it has no trial".to_owned(),
            _ => format!("its last trial is {last}"),
        };
        if let Some(Progress { journal: name, trial }) = &self.progress {
            if name != journal.id() {
                return Err(lost(format!("{PROGRESS_FILE} was written for another one")));
            }
            if *trial > last {
                return Err(lost(format!("{ends}, but trial {trial} had begun, says {PROGRESS_FILE}")));
            }
        }
        match self.latest.iter().find(|(_, trial)| *trial > last) {
            None => Ok(()),
            Some((folder, trial)) => {
                let file = trial_file(Path::new(folder), *trial);
                Err(lost(format!("{ends}, but there is {}", file.display())))
            }
        }
    }
}
