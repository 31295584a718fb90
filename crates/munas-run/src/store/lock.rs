//! The lock of a run: one process writes, any number reads.
//!
//! It is the operating system's lock on the file `lock`, which ends with the process, however that ends: there are no
//! stale locks.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Seek, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use crate::store::error::StoreError;
use crate::store::files::FileError;

/// The name of the lock file in a run's directory.
pub(crate) const LOCK_FILE: &str = "lock";

/// How often a process that wants to write tries again: [`is_locked`] of a reader holds the lock for an instant.
const ATTEMPTS: u32 = 5;
const PAUSE: Duration = Duration::from_millis(20);

/// The right to write a run, for as long as the value lives.
#[derive(Debug)]
pub(crate) struct RunLock {
    file: File,
    path: PathBuf,
}

impl RunLock {
    /// Takes the lock of the run in `dir`.
    ///
    /// # Errors
    /// [`StoreError::Locked`] if another process has it.
    pub fn acquire(dir: &Path) -> Result<Self, StoreError> {
        let path = dir.join(LOCK_FILE);
        let options = OpenOptions::new().create(true).truncate(false).write(true).to_owned();
        let file = options.open(&path).map_err(FileError::of("open", &path))?;
        for attempt in 1.. {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if attempt < ATTEMPTS => thread::sleep(PAUSE),
                Err(TryLockError::WouldBlock) => return Err(StoreError::Locked { dir: dir.to_owned() }),
                Err(TryLockError::Error(source)) => return Err(FileError::of("lock", &path)(source).into()),
            }
        }
        Ok(Self { file, path })
    }

    /// Gives the lock file this content.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn write(&self, content: &str) -> Result<(), FileError> {
        let mut file = &self.file;
        let mut write = || -> io::Result<()> {
            file.rewind()?;
            file.write_all(content.as_bytes())?;
            file.set_len(content.len() as u64)
        };
        write().map_err(FileError::of("write", &self.path))
    }
}

/// Whether some process has the lock of the run in `dir`.
pub(crate) fn is_locked(dir: &Path) -> bool {
    let Ok(file) = File::open(dir.join(LOCK_FILE)) else { return false };
    matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
}
