//! A private copy of a journal, for reading where SQLite could not read the journal itself.
//!
//! SQLite keeps an index of the write-ahead log beside the database, and cannot open the database in a folder in which
//! it may not make that file: on read-only media, or in another user's run. A journal of an earlier schema cannot be read
//! as it is either, and is not changed by who only reads it. Both are copied, the log with the database: what a killed
//! process left there belongs to the run.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

use super::with_suffix;

/// The ending of the write-ahead log.
const LOG: &str = "-wal";

/// Bytes of the log's header. It has numbers that change whenever the log begins anew.
const LOG_HEADER: u64 = 32;

/// How often a journal that changes meanwhile is copied.
const ATTEMPTS: u32 = 20;
const PAUSE: Duration = Duration::from_millis(50);

/// A copy, removed when dropped.
#[derive(Debug)]
pub(super) struct Copy {
    dir: TempDir,
}

impl Copy {
    /// Copies a journal with its log.
    ///
    /// # Errors
    /// If a file cannot be read, there is no room, or the journal changed each time that it was copied.
    pub fn of(journal: &Path) -> io::Result<Self> {
        for _ in 0..ATTEMPTS {
            let copy = Self { dir: TempDir::with_prefix("munas-")? };
            let before = State::of(journal)?;
            // First the database: whatever is added to the log meanwhile comes on top of it.
            copy_content(journal, &copy.path())?;
            match copy_content(&with_suffix(journal, LOG), &with_suffix(&copy.path(), LOG)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            if State::of(journal)? == before {
                return Ok(copy);
            }
            thread::sleep(PAUSE);
        }
        Err(io::Error::new(io::ErrorKind::ResourceBusy, "it changes while it is being read"))
    }

    /// The file of the copy.
    pub fn path(&self) -> PathBuf {
        self.dir.path().join("journal.db")
    }
}

/// Copies what is in a file, but not that it may not be written.
fn copy_content(from: &Path, to: &Path) -> io::Result<()> {
    let mut from = File::open(from)?;
    io::copy(&mut from, &mut File::create_new(to)?).map(drop)
}

/// What stays the same while transactions are only added to the log.
#[derive(PartialEq)]
struct State {
    length: u64,
    modified: Option<SystemTime>,
    /// Empty: no log.
    log_header: Vec<u8>,
}

impl State {
    fn of(journal: &Path) -> io::Result<Self> {
        let metadata = fs::metadata(journal)?;
        let mut log_header = Vec::new();
        match File::open(with_suffix(journal, LOG)) {
            Ok(log) => drop(log.take(LOG_HEADER).read_to_end(&mut log_header)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        Ok(Self { length: metadata.len(), modified: metadata.modified().ok(), log_header })
    }
}
