//! The journal of a run: an SQLite database that any SQLite tool can read while the search goes on.
//!
//! | table | one row per |
//! |---|---|
//! | `meta` | fact about the run: schema version, dataset |
//! | `session` | process that worked on the run |
//! | `trial` | proposal, with its resources and, once it has one, its result |
//! | `epoch` | epoch of a trial's training curve |
//!
//! Every change is one transaction of a write-ahead log: a process that is killed at any instant leaves the journal as
//! it was after some transaction, and a reader sees such a state too. `synchronous = NORMAL` means that a loss of power
//! may undo the last transactions, never half of one. The schema's version is in `PRAGMA user_version`, and in `meta`
//! for those who look there.
//!
//! Deliberately absent: what the rows mean for the search (see `executor`), and anything that can be derived from them,
//! such as the front.

mod error;
mod rows;
mod trials;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, OptionalExtension, Transaction, params};

use munas_ir::Shape;

use crate::experiment::DrivingError;
use crate::session::Session;
use crate::task::Task;

pub use error::{JournalError, JournalProblem};
use rows::integer;

/// The version of the schema that this version of munas writes and reads.
pub const SCHEMA_VERSION: i32 = 2;

/// How long a reader and the writer wait for one another.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// An open journal.
#[derive(Debug)]
pub(crate) struct Journal {
    connection: Connection,
    path: PathBuf,
    task: Task,
    /// Which error of its trials counts.
    driving_error: DrivingError,
}

impl Journal {
    /// Makes a new journal. It appears under `path` complete or not at all.
    pub fn create(path: &Path, task: &Task) -> Result<(), JournalError> {
        let unfinished = with_suffix(path, ".new");
        let io = |source| JournalError::new(path, JournalProblem::Io(source));
        match std::fs::remove_file(&unfinished) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(io(error)),
            _ => {}
        }
        let fill = || -> rusqlite::Result<()> {
            let mut connection = Connection::open(&unfinished)?;
            let transaction = connection.transaction()?;
            transaction.execute_batch(include_str!("journal/schema.sql"))?;
            write_meta(&transaction, task)?;
            transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
            transaction.commit()?;
            connection.close().map_err(|(_, error)| error)
        };
        fill().map_err(|error| JournalError::from_sqlite(&unfinished, error))?;
        std::fs::rename(&unfinished, path).map_err(io)
    }

    /// Opens a journal to go on with it. The caller holds the lock of the run.
    pub fn open(path: &Path, driving_error: DrivingError) -> Result<Self, JournalError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let journal = Self::connect(path, driving_error, flags)?;
        journal.sqlite(|connection| {
            // A transaction of the log is complete or absent, whatever happens to the process.
            connection.pragma_update(None, "journal_mode", "WAL")?;
            connection.pragma_update(None, "synchronous", "NORMAL")?;
            connection.pragma_update(None, "foreign_keys", true)
        })?;
        let check: String = journal
            .sqlite(|connection| connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)))?;
        if check != "ok" {
            return Err(journal.error(JournalProblem::Corrupted(check)));
        }
        Ok(journal)
    }

    /// Opens a journal for reading only, also while another process writes.
    pub fn open_read_only(path: &Path, driving_error: DrivingError) -> Result<Self, JournalError> {
        Self::connect(path, driving_error, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)
    }

    fn connect(path: &Path, driving_error: DrivingError, flags: OpenFlags) -> Result<Self, JournalError> {
        let open = || -> rusqlite::Result<(Connection, i32)> {
            let connection = Connection::open_with_flags(path, flags)?;
            connection.busy_timeout(BUSY_TIMEOUT)?;
            let version = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
            Ok((connection, version))
        };
        let (connection, version) = open().map_err(|error| JournalError::from_sqlite(path, error))?;
        if version != SCHEMA_VERSION {
            return Err(JournalError::new(path, JournalProblem::SchemaVersion { found: version }));
        }
        let task = read_meta(&connection).map_err(|error| JournalError::from_sqlite(path, error))?;
        let task = task.map_err(|problem| JournalError::new(path, JournalProblem::Corrupted(problem)))?;
        Ok(Self { connection, path: path.to_owned(), task, driving_error })
    }

    /// The task of the run.
    pub fn task(&self) -> &Task {
        &self.task
    }

    /// Records that a process begins to work on the run.
    pub fn begin_session(&mut self, session: &Session) -> Result<i64, JournalError> {
        self.sqlite(|connection| {
            connection.execute(
                "INSERT INTO session (version, workers, trials_limit, time_limit_s, started_ms)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
                params![
                    session.version,
                    integer(session.workers),
                    integer(session.trials_limit),
                    session.time_limit.map(|limit| limit.as_secs_f64()),
                    integer(session.started_ms),
                ],
            )?;
            Ok(connection.last_insert_rowid())
        })
    }

    /// Records the orderly end of a session, and merges the log into the database.
    pub fn end_session(&mut self, id: i64, ended_ms: u64, reason: &str) -> Result<(), JournalError> {
        self.sqlite(|connection| {
            let sql = "UPDATE session SET ended_ms = ?2, end_reason = ?3 WHERE id = ?1";
            connection.execute(sql, params![id, integer(ended_ms), reason])?;
            // A reader may keep the log from being merged; what is in the log is safe there too.
            let _ = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
            Ok(())
        })
    }

    /// The latest session.
    pub fn last_session(&self) -> Result<Option<Session>, JournalError> {
        self.sqlite(|connection| {
            let sql = "SELECT * FROM session ORDER BY id DESC LIMIT 1";
            connection.query_row(sql, [], Session::read).optional()
        })
    }

    fn sqlite<T>(&self, action: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, JournalError> {
        action(&self.connection).map_err(|error| JournalError::from_sqlite(&self.path, error))
    }

    fn transaction(
        &mut self,
        action: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<()>,
    ) -> Result<(), JournalError> {
        let run = |connection: &mut Connection| {
            let transaction = connection.transaction()?;
            action(&transaction)?;
            transaction.commit()
        };
        run(&mut self.connection).map_err(|error| JournalError::from_sqlite(&self.path, error))
    }

    fn error(&self, problem: JournalProblem) -> JournalError {
        JournalError::new(&self.path, problem)
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}

fn write_meta(transaction: &Transaction<'_>, task: &Task) -> rusqlite::Result<()> {
    let Shape { height, width, channels } = task.input;
    let facts = [
        ("schema_version", SCHEMA_VERSION.to_string()),
        ("dataset", task.dataset.clone()),
        ("fingerprint", task.fingerprint.clone()),
        ("input", serde_json::to_string(&[height, width, channels]).expect("numbers have a JSON form")),
        ("class_names", serde_json::to_string(&task.class_names).expect("texts have a JSON form")),
    ];
    facts.iter().try_for_each(|(key, value)| {
        transaction.execute("INSERT INTO meta (key, value) VALUES (?1, ?2)", params![key, value]).map(drop)
    })
}

/// The task of the journal, or what is wrong with it.
fn read_meta(connection: &Connection) -> rusqlite::Result<Result<Task, String>> {
    let value = |key: &str| -> rusqlite::Result<String> {
        connection.query_row("SELECT value FROM meta WHERE key = ?1", [key], |row| row.get(0))
    };
    let (dataset, fingerprint) = (value("dataset")?, value("fingerprint")?);
    let (input, class_names) = (value("input")?, value("class_names")?);
    let parse = || -> Result<Task, serde_json::Error> {
        let [height, width, channels] = serde_json::from_str(&input)?;
        let class_names = serde_json::from_str(&class_names)?;
        Ok(Task { dataset, fingerprint, input: Shape::new(height, width, channels), class_names })
    };
    Ok(parse().map_err(|error| format!("table meta: {error}")))
}

#[cfg(test)]
mod tests;
