//! How far a journal has come, in a file of its own.
//!
//! The newest trials of a killed search are in the write-ahead log. When that is deleted, or a journal is put in the place
//! of another, the database is in order as it stands, and nothing in it tells of what is missing. The file `progress` does:
//! it names the journal and the last trial that began.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek, Write};
use std::path::Path;

/// What the file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Progress {
    /// The journal, as it names itself.
    pub journal: String,
    /// The number of the last trial that began.
    pub trial: u64,
}

/// The name of the file in a run's directory.
pub(crate) const PROGRESS_FILE: &str = "progress";

impl Progress {
    /// What the file in `dir` says; `None` if there is none, as in the runs of the first version, or it makes no sense, as
    /// after a loss of power.
    pub fn read(dir: &Path) -> Option<Self> {
        let text = std::fs::read_to_string(dir.join(PROGRESS_FILE)).ok()?;
        let (journal, trial) = text.strip_suffix('\n')?.split_once(' ')?;
        Some(Self { journal: journal.to_owned(), trial: trial.parse().ok()? })
    }
}

/// The file, open for writing.
#[derive(Debug)]
pub(super) struct ProgressFile {
    file: File,
    journal: String,
}

impl ProgressFile {
    /// Opens the file in `dir`, or makes it.
    pub fn open(dir: &Path, journal: &str) -> io::Result<Self> {
        let file =
            OpenOptions::new().create(true).truncate(false).write(true).open(dir.join(PROGRESS_FILE))?;
        Ok(Self { file, journal: journal.to_owned() })
    }

    /// Writes that this trial has begun. The journal must have it already.
    pub fn set(&mut self, trial: u64) -> io::Result<()> {
        self.file.rewind()?;
        // The same length each time: the file is never half a new one and half an old one.
        self.file.write_all(format!("{} {trial:020}\n", self.journal).as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use tempfile::tempdir;

    use super::*;

    #[test]
    fn the_last_number_reads_back_and_damage_is_nothing() {
        let dir = tempdir().unwrap();
        assert_eq!(Progress::read(dir.path()), None);
        let mut file = ProgressFile::open(dir.path(), "abc").unwrap();
        assert_eq!(Progress::read(dir.path()), None);
        for trial in [0, 1, 12, u64::MAX, 3] {
            file.set(trial).unwrap();
            assert_eq!(Progress::read(dir.path()), Some(Progress { journal: "abc".to_owned(), trial }));
        }
        for damage in ["", "abc", "abc 00000000000000000012", "abc x\n", "\0\0\0\0"] {
            std::fs::write(dir.path().join(PROGRESS_FILE), damage).unwrap();
            assert_eq!(Progress::read(dir.path()), None);
        }
    }
}
