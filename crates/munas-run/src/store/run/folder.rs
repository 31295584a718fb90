//! The folder of a run that is being made.
//!
//! A run is made only in a folder that is new or empty: it never mixes with files of someone else. While it is being made
//! its lock file holds [`BEING_MADE`], so that what a killed process left of a creation is known as such, and the run can
//! be made there after all. If it does not come about, what was made goes again, and nothing else does.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{EXPERIMENT_FILE, JOURNAL_FILE, OWN_ARRAYS};
use crate::store::checkpoints;
use crate::store::error::StoreError;
use crate::store::files::{FileError, UNFINISHED};
use crate::store::journal::progress::PROGRESS_FILE;
use crate::store::lock::{LOCK_FILE, RunLock};
use crate::store::models;

/// What the lock file holds until the run is whole.
const BEING_MADE: &str = "this run is being made\n";

/// The endings of files that SQLite keeps beside a database.
const OF_SQLITE: [&str; 4] = ["", "-journal", "-wal", "-shm"];

/// Names that are listed when a folder is in use; the others are counted.
const NAMES_SHOWN: usize = 3;

/// Checks that a run can be made in `dir`: that there is no such folder yet, or that it is empty.
///
/// # Errors
/// [`StoreError::Exists`], [`StoreError::InUse`] or [`StoreError::NotAFolder`].
pub(super) fn require_free(dir: &Path) -> Result<(), StoreError> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
            let file = dir.ancestors().find(|path| path.exists()).unwrap_or(dir);
            return Err(StoreError::NotAFolder { path: file.to_owned() });
        }
        entries => entries.and_then(Iterator::collect::<io::Result<Vec<_>>>),
    };
    let entries = entries.map_err(FileError::of("read", dir))?;
    let mut names: Vec<OsString> = entries.into_iter().map(|entry| entry.file_name()).collect();
    names.sort();
    if names.iter().any(|name| name == JOURNAL_FILE) {
        return Err(StoreError::Exists { dir: dir.to_owned() });
    }
    // A process that is killed right after it made the lock file has written nothing into it yet.
    let has_only_begun = names == [LOCK_FILE] && fs::read(dir.join(LOCK_FILE)).is_ok_and(|it| it.is_empty());
    if has_only_begun || is_unfinished(dir) {
        names.retain(|name| !is_of_creation(dir, name));
    }
    if names.is_empty() {
        return Ok(());
    }
    let more = names.len().saturating_sub(NAMES_SHOWN);
    let shown: Vec<_> = names.iter().take(NAMES_SHOWN).map(|name| name.to_string_lossy()).collect();
    let found = match more {
        0 => shown.join(", "),
        _ => format!("{} and {more} more", shown.join(", ")),
    };
    Err(StoreError::InUse { dir: dir.to_owned(), found })
}

/// Whether the folder is that of a run which was made to the end.
pub(super) fn was_whole(dir: &Path) -> bool {
    dir.join(LOCK_FILE).exists() && !is_unfinished(dir)
}

/// Whether a creation in this folder was cut short.
fn is_unfinished(dir: &Path) -> bool {
    fs::read(dir.join(LOCK_FILE)).is_ok_and(|content| content == BEING_MADE.as_bytes())
}

/// Whether a creation writes a file of this name; of folders, only those count in which there is nothing.
fn is_of_creation(dir: &Path, name: &OsString) -> bool {
    let is_empty = |folder: PathBuf| fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none());
    name == models::DIRECTORY && is_empty(dir.join(name)) || files_of_run().any(|file| name == file.as_str())
}

/// The files of a run, but for those in its folders.
fn files_of_run() -> impl Iterator<Item = String> {
    let unfinished = |name: &str| format!("{name}{UNFINISHED}");
    let journals = [JOURNAL_FILE.to_owned(), unfinished(JOURNAL_FILE)];
    let of_journals = journals.into_iter().flat_map(|name| OF_SQLITE.map(|ending| format!("{name}{ending}")));
    let others = [EXPERIMENT_FILE.to_owned(), unfinished(EXPERIMENT_FILE), LOCK_FILE.to_owned()];
    others.into_iter().chain([PROGRESS_FILE, OWN_ARRAYS].map(str::to_owned)).chain(of_journals)
}

/// The folder of a run that this process makes.
#[derive(Debug)]
pub(super) struct NewFolder {
    dir: PathBuf,
    /// The folders that were not there before, innermost first.
    made: Vec<PathBuf>,
}

impl NewFolder {
    /// Makes the folder, with those that it is in, and takes its lock.
    ///
    /// # Errors
    /// Those of [`require_free`], [`StoreError::Locked`] if another process makes a run in it.
    pub fn make(dir: &Path) -> Result<(Self, RunLock), StoreError> {
        require_free(dir)?;
        let is_missing = |path: &&Path| !path.as_os_str().is_empty() && !path.exists();
        let made = dir.ancestors().take_while(is_missing).map(Path::to_owned).collect();
        let folder = Self { dir: dir.to_owned(), made };
        let begin = || {
            fs::create_dir_all(dir).map_err(FileError::of("create", dir))?;
            let lock = RunLock::acquire(dir)?;
            // Another process may have made a run, or put something else here, before the lock was taken.
            require_free(dir)?;
            lock.write(BEING_MADE)?;
            let models = dir.join(models::DIRECTORY);
            fs::create_dir_all(&models).map_err(FileError::of("create", &models))?;
            Ok(lock)
        };
        match begin() {
            Ok(lock) => Ok((folder, lock)),
            Err(error) => {
                if !matches!(
                    error,
                    StoreError::Locked { .. } | StoreError::Exists { .. } | StoreError::InUse { .. }
                ) {
                    folder.remove();
                }
                Err(error)
            }
        }
    }

    /// Removes the run, and the folders that were made for it. What cannot be removed stays: there is an error already that
    /// tells of more.
    pub fn remove(self) {
        for name in files_of_run() {
            let path = self.dir.join(name);
            if path.symlink_metadata().is_ok_and(|metadata| metadata.is_file()) {
                drop(fs::remove_file(path));
            }
        }
        // Only an empty folder can be removed in this way.
        let inner = [models::DIRECTORY, checkpoints::DIRECTORY].map(|name| self.dir.join(name));
        for folder in inner.iter().chain(&self.made) {
            drop(fs::remove_dir(folder));
        }
    }
}
