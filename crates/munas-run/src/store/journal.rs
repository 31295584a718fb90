//! The journal of a run: an SQLite database that any SQLite tool can read while the search goes on.
//!
//! | table | one row per |
//! |---|---|
//! | `meta` | fact about the run: schema version, dataset, the experiment with which it was made |
//! | `session` | process that worked on the run |
//! | `trial` | proposal, with its resources and, once it has one, its result |
//! | `epoch` | epoch of a trial's training curve |
//! | `confusion` | part of the data, for each trial of the front |
//! | `finalist` | training of a finalist that has ended |
//!
//! Every change is one transaction of a write-ahead log: a process that is killed at any instant leaves the journal as
//! it was after some transaction, and a reader sees such a state too. A loss of power may undo the last epochs, never half a
//! transaction and never a trial: those are on the disk before anyone hears of them. The schema's version is in `PRAGMA user_version`, and in `meta`
//! for those who look there.
//!
//! Deliberately absent: what the rows mean for the search (see `executor`), and anything that can be derived from them,
//! such as the front.

mod attempts;
mod columns;
mod confusions;
mod copy;
mod error;
mod finalists;
mod meta;
mod migrations;
mod place;
pub(crate) mod progress;
mod rows;
mod trials;
mod writing;

use std::ffi::OsString;
use std::path::{self, Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, OptionalExtension, params};

use crate::driving::Terms;
use crate::experiment::Experiment;
use crate::store::session::Session;
use crate::task::Task;

use copy::Copy;
pub use error::{JournalError, JournalProblem};
pub use migrations::{OLDEST_SCHEMA, SCHEMA_VERSION};
use place::Place;
use progress::ProgressFile;
use rows::integer;
pub(crate) use writing::Hook;
use writing::{ATTEMPT, Patience};

/// How long a reader and the writer wait for one another.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// An open journal.
#[derive(Debug)]
pub(crate) struct Journal {
    connection: Connection,
    path: PathBuf,
    task: Task,
    /// What the words of its trials' figures stand for.
    terms: Terms,
    /// The experiment with which the run was made, in TOML.
    recorded: String,
    /// The name that the journal gave itself.
    id: String,
    /// The files that are written; `None` for a reader.
    place: Option<Place>,
    progress: Option<ProgressFile>,
    patience: Patience,
    /// Where the connection leads, if not to the run itself; removed after the connection is closed.
    _copy: Option<Copy>,
}

impl Journal {
    /// Makes a new journal. It appears under `path` complete or not at all.
    pub fn create(path: &Path, experiment: &Experiment, task: &Task) -> Result<(), JournalError> {
        let unfinished = with_suffix(path, ".new");
        let io = |source| JournalError::new(path, JournalProblem::Io(source));
        match std::fs::remove_file(&unfinished) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(io(error)),
            _ => {}
        }
        let file = path::absolute(&unfinished).map_err(io)?;
        let fill = || -> rusqlite::Result<()> {
            let mut connection = Connection::open(&file)?;
            let transaction = connection.transaction()?;
            transaction.execute_batch(include_str!("journal/schema.sql"))?;
            meta::write_task(&transaction, task)?;
            meta::set_fact(&transaction, meta::EXPERIMENT, &experiment.to_toml())?;
            meta::set_fact(&transaction, meta::ID, &meta::new_id())?;
            migrations::mark(&transaction)?;
            transaction.commit()?;
            connection.close().map_err(|(_, error)| error)
        };
        fill().map_err(|error| JournalError::from_sqlite(&unfinished, error))?;
        std::fs::rename(&unfinished, path).map_err(io)
    }

    /// Opens a journal to go on with it; one of an earlier schema becomes one of this schema. The caller holds the lock
    /// of the run.
    pub fn open(path: &Path, experiment: &Experiment) -> Result<Self, JournalError> {
        let io = |error| JournalError::new(path, JournalProblem::Io(error));
        let mut journal = Self::open_file(path, path, experiment)?;
        journal.sqlite(|connection| connection.busy_timeout(ATTEMPT))?;
        journal.place = Some(path::absolute(path).and_then(|path| Place::of(&path)).map_err(io)?);
        Ok(journal)
    }

    /// From now on `progress` in the run's directory says how far the journal has come.
    pub fn track_progress(&mut self) -> Result<(), JournalError> {
        let last = self.last_trial()?;
        let dir = self.path.parent().unwrap_or(Path::new(""));
        let file = ProgressFile::open(dir, &self.id).and_then(|mut file| file.set(last).map(|()| file));
        self.progress = Some(file.map_err(|error| self.error(JournalProblem::Io(error)))?);
        Ok(())
    }

    /// While another program keeps the journal locked, `hook` is asked whether to wait on. Without one, a write fails after
    /// ten seconds.
    pub fn when_locked(&mut self, hook: Hook) {
        self.patience = Patience::new(hook);
    }

    /// Opens `file`, which is the journal at `path` or a copy of it.
    fn open_file(file: &Path, path: &Path, experiment: &Experiment) -> Result<Self, JournalError> {
        let error = |error| JournalError::from_sqlite(path, error);
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let (mut connection, version) = connect(file, path, flags)?;
        let prepare = |connection: &Connection| -> rusqlite::Result<String> {
            // A transaction of the log is complete or absent, whatever happens to the process.
            connection.pragma_update(None, "journal_mode", "WAL")?;
            connection.pragma_update(None, "synchronous", "NORMAL")?;
            connection.pragma_update(None, "foreign_keys", true)?;
            connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
        };
        let check = prepare(&connection).map_err(error)?;
        if check != "ok" {
            return Err(JournalError::new(path, JournalProblem::Corrupted(check)));
        }
        if version < SCHEMA_VERSION {
            migrations::migrate(&mut connection, version, experiment).map_err(error)?;
        }
        Self::of(connection, path, experiment)
    }

    /// Opens a journal for reading only, also while another process writes; also one that SQLite cannot open where it is.
    pub fn open_read_only(path: &Path, experiment: &Experiment) -> Result<Self, JournalError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        match connect(path, path, flags) {
            Ok((connection, SCHEMA_VERSION)) => Self::of(connection, path, experiment),
            Ok(_) => Self::open_copy(path, experiment),
            Err(error) if error.is_of_access() => Self::open_copy(path, experiment),
            Err(error) => Err(error),
        }
    }

    /// Opens a private copy of a journal.
    fn open_copy(path: &Path, experiment: &Experiment) -> Result<Self, JournalError> {
        let copy =
            Copy::of(path).map_err(|error| JournalError::new(path, JournalProblem::NotReadable(error)))?;
        let journal = Self::open_file(&copy.path(), path, experiment)?;
        Ok(Self { _copy: Some(copy), ..journal })
    }

    fn of(connection: Connection, path: &Path, experiment: &Experiment) -> Result<Self, JournalError> {
        let corrupted = |problem| JournalError::new(path, JournalProblem::Corrupted(problem));
        let missing = |key: &str| corrupted(format!("table meta: no {key}"));
        let fact = |key: &str| {
            let fact =
                meta::fact(&connection, key).map_err(|error| JournalError::from_sqlite(path, error))?;
            fact.ok_or_else(|| missing(key))
        };
        let task = meta::read_task(&connection).map_err(|error| JournalError::from_sqlite(path, error))?;
        Ok(Self {
            task: task.map_err(corrupted)?,
            recorded: fact(meta::EXPERIMENT)?,
            id: fact(meta::ID)?,
            connection,
            path: path.to_owned(),
            terms: experiment.terms(),
            place: None,
            progress: None,
            patience: Patience::default(),
            _copy: None,
        })
    }

    /// The name that the journal gave itself when it was made; no other journal has it.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The experiment with which the run was made, in TOML.
    pub fn recorded_experiment(&self) -> &str {
        &self.recorded
    }

    /// The task of the run.
    pub fn task(&self) -> &Task {
        &self.task
    }

    /// Records that a process begins to work on the run.
    pub fn begin_session(&mut self, session: &Session) -> Result<i64, JournalError> {
        self.write(|connection| {
            connection.execute(
                "INSERT INTO session (version, workers, trials_limit, time_limit_s, started_ms, memory_kills)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                params![
                    session.version,
                    integer(session.workers),
                    integer(session.trials_limit),
                    session.time_limit.map(|limit| limit.as_secs_f64()),
                    integer(session.started_ms),
                    session.memory_kills.map(integer),
                ],
            )?;
            Ok(connection.last_insert_rowid())
        })
    }

    /// Records the orderly end of a session, and merges the log into the database.
    pub fn end_session(&mut self, id: i64, ended_ms: u64, reason: &str) -> Result<(), JournalError> {
        self.write(|connection| {
            let sql = "UPDATE session SET ended_ms = ?2, end_reason = ?3 WHERE id = ?1";
            connection.execute(sql, params![id, integer(ended_ms), reason])
        })?;
        // A reader may keep the log from being merged; what is in the log is safe there too.
        drop(self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())));
        Ok(())
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

    fn error(&self, problem: JournalProblem) -> JournalError {
        JournalError::new(&self.path, problem)
    }
}

/// Opens the database `file` of the journal at `path`; with the version of its schema.
fn connect(file: &Path, path: &Path, flags: OpenFlags) -> Result<(Connection, i32), JournalError> {
    // A name such as `file:a` is an address to SQLite; an absolute path is none.
    let file = path::absolute(file).map_err(|error| JournalError::new(path, JournalProblem::Io(error)))?;
    let open = || -> rusqlite::Result<(Connection, i32)> {
        let connection = Connection::open_with_flags(file, flags)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        let version = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
        Ok((connection, version))
    };
    let (connection, version) = open().map_err(|error| JournalError::from_sqlite(path, error))?;
    if !(OLDEST_SCHEMA..=SCHEMA_VERSION).contains(&version) {
        return Err(JournalError::new(path, JournalProblem::SchemaVersion { found: version }));
    }
    Ok((connection, version))
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests;
