//! Whether the files that a journal is being written to are still those of the run.
//!
//! A file that is deleted or replaced lives on for the process that has it open: the search would go on, and what it finds
//! would be gone with it. So every write looks first, and what the connection still holds is saved where it can be.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use rusqlite::config::DbConfig;

use super::with_suffix;

/// Which file a name leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct FileId {
    device: u64,
    number: u64,
}

impl FileId {
    #[cfg(unix)]
    fn of(path: &Path) -> io::Result<Self> {
        use std::os::unix::fs::MetadataExt;

        fs::metadata(path).map(|metadata| Self { device: metadata.dev(), number: metadata.ino() })
    }

    /// Elsewhere a file that is open cannot be replaced, only that there is one is looked at.
    #[cfg(not(unix))]
    fn of(path: &Path) -> io::Result<Self> {
        fs::metadata(path).map(|_| Self { device: 0, number: 0 })
    }
}

/// The files of an open journal.
#[derive(Debug)]
pub(super) struct Place {
    database: PathBuf,
    database_id: FileId,
    /// Where the file system has no write-ahead logs there is none.
    log_id: Option<FileId>,
}

/// What has become of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Displacement {
    /// The log is gone, or another.
    Log,
    /// The database is gone.
    Removed,
    /// Another file has the database's name.
    Replaced,
}

/// Where a journal goes whose name another file has taken.
const RESCUED_FILE: &str = "journal-rescued.db";

impl Place {
    /// Notes where the journal is; it has been opened and read.
    pub fn of(database: &Path) -> io::Result<Self> {
        Ok(Self {
            database: database.to_owned(),
            database_id: FileId::of(database)?,
            log_id: FileId::of(&with_suffix(database, "-wal")).ok(),
        })
    }

    /// What has become of the files; `None`: they are where they were.
    pub fn displacement(&self) -> Option<Displacement> {
        match FileId::of(&self.database) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Some(Displacement::Removed),
            Ok(id) if id != self.database_id => return Some(Displacement::Replaced),
            // Whatever else is wrong, the write that comes next finds out.
            _ => {}
        }
        let log_id = self.log_id?;
        match FileId::of(&with_suffix(&self.database, "-wal")) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Some(Displacement::Log),
            Ok(id) if id != log_id => Some(Displacement::Log),
            _ => None,
        }
    }

    /// Saves what the connection holds, and says what has happened. The connection is of no use any more.
    pub fn rescue(&self, connection: &Connection, displacement: Displacement) -> String {
        let (happened, saved) = match displacement {
            Displacement::Log => ("journal.db-wal was removed", self.merge_log(connection)),
            Displacement::Removed => ("journal.db was removed", self.write_again(connection, &self.database)),
            Displacement::Replaced => {
                let target = self.database.with_file_name(RESCUED_FILE);
                ("another file was put in the place of journal.db", self.write_again(connection, &target))
            }
        };
        let saved =
            saved.unwrap_or_else(|error| format!("what the search had found could not be saved: {error}"));
        format!("{happened} while the search was going on; {saved}")
    }

    fn merge_log(&self, connection: &Connection) -> Result<String, rusqlite::Error> {
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        Ok("what it held is in journal.db now".to_owned())
    }

    fn write_again(&self, connection: &Connection, target: &Path) -> Result<String, rusqlite::Error> {
        let io = |error: io::Error| rusqlite::Error::ToSqlConversionFailure(Box::new(error));
        // Closing must not touch what is at these names from now on.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        let unfinished = with_suffix(target, ".new");
        drop(fs::remove_file(&unfinished));
        let name = unfinished.to_str().ok_or_else(|| io(io::ErrorKind::InvalidFilename.into()))?;
        connection.execute("VACUUM INTO ?1", [name])?;
        if target == self.database {
            // The log and index of the file that is gone would be taken for those of the new one.
            for ending in ["-wal", "-shm"] {
                drop(fs::remove_file(with_suffix(target, ending)));
            }
        }
        fs::rename(&unfinished, target).map_err(io)?;
        let name = target.file_name().unwrap_or_default().to_string_lossy();
        Ok(format!("what the search had found is in {name}"))
    }
}
