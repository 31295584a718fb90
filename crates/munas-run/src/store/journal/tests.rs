use std::fs;

use tempfile::{TempDir, tempdir};

use munas_train::EpochReport;

use super::*;
use crate::executor::error::ExecutionError;
use crate::store::error::StoreError;
use crate::store::run::{Run, RunReader};
use crate::testing::{Synthetic, drive, essence, experiment, resume, search};

fn finished() -> TempDir {
    let dir = tempdir().unwrap();
    search(dir.path(), &experiment(&[]), &Synthetic::new());
    dir
}

fn execute_sql(dir: &TempDir, sql: &str) {
    Connection::open(dir.path().join("journal.db")).unwrap().execute_batch(sql).unwrap();
}

fn problem(result: Result<impl Sized, StoreError>) -> JournalProblem {
    match result.err().expect("the journal is not as it should be") {
        StoreError::Journal(error) => error.problem,
        other => panic!("{other}"),
    }
}

#[test]
fn another_schema_is_refused() {
    let dir = finished();
    execute_sql(&dir, "PRAGMA user_version = 99");
    for problem in [problem(Run::open(dir.path())), problem(RunReader::open(dir.path()))] {
        assert!(matches!(problem, JournalProblem::SchemaVersion { found: 99 }), "{problem}");
        assert_eq!(
            problem.to_string(),
            "the journal has schema version 99, this version of munas reads 2 to 10"
        );
    }
}

/// The statements that made the tables, without what differs in blanks and comments.
fn schema(connection: &Connection) -> Vec<String> {
    let mut statement = connection.prepare("SELECT sql FROM sqlite_schema ORDER BY name").unwrap();
    let rows = statement.query_map([], |row| row.get::<_, Option<String>>(0)).unwrap();
    let plain = |sql: String| {
        let code = sql.lines().map(|line| line.split("--").next().unwrap_or_default());
        let words: Vec<&str> = code.flat_map(str::split_whitespace).collect();
        // A column that was added stands right behind the comma and before the bracket.
        // So does one that was renamed within quotes.
        words.join(" ").replace(" ,", ",").replace(" )", ")").replace("\"trial\"", "trial")
    };
    rows.filter_map(Result::unwrap).map(plain).collect()
}

#[test]
fn migrated_journals_are_as_new_ones() {
    let new = finished();
    let new = Connection::open(new.path().join("journal.db")).unwrap();
    for version in OLDEST_SCHEMA..SCHEMA_VERSION {
        let mut old = Connection::open_in_memory().unwrap();
        old.execute_batch(match version {
            // Version 3 has other facts in the same tables.
            2 | 3 => include_str!("../../../tests/first_version/schema.sql"),
            4 => include_str!("../../../tests/schema_of_version_4.sql"),
            5 => include_str!("../../../tests/schema_of_version_5.sql"),
            6 => include_str!("../../../tests/schema_of_version_6.sql"),
            7 => include_str!("../../../tests/schema_of_version_7.sql"),
            8 => include_str!("../../../tests/schema_of_version_8.sql"),
            9 => include_str!("../../../tests/schema_of_version_9.sql"),
            other => panic!("the schema of version {other} is wanted here"),
        })
        .unwrap();
        migrations::migrate(&mut old, version, &experiment(&[])).unwrap();
        assert_eq!(schema(&old), schema(&new), "from version {version}");
        let found: i32 = old.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
        assert_eq!(found, SCHEMA_VERSION);
        let recorded = (version < 3).then(|| experiment(&[]).to_toml());
        assert_eq!(meta::fact(&old, "experiment").unwrap(), recorded);
    }
}

#[test]
fn a_migration_that_fails_changes_nothing() {
    let mut old = Connection::open_in_memory().unwrap();
    old.execute_batch("CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT CHECK (key <> 'schema_version'))")
        .unwrap();
    migrations::migrate(&mut old, 2, &experiment(&[])).unwrap_err();
    assert_eq!(meta::fact(&old, "experiment").unwrap(), None);
}

#[test]
fn a_copy_has_what_is_in_the_log_alone() {
    let dir = finished();
    let (path, experiment) = (dir.path().join("journal.db"), experiment(&[]));
    // As a killed process leaves it: a log that nobody has merged into the database.
    let killed = tempdir().unwrap();
    let run = Run::open(dir.path()).unwrap();
    run.journal
        .sqlite(|connection| connection.execute("UPDATE trial SET macs = 7 WHERE id = 5", []))
        .unwrap();
    for ending in ["", "-wal"] {
        fs::copy(with_suffix(&path, ending), killed.path().join(format!("journal.db{ending}"))).unwrap();
    }
    drop(run);
    let path = killed.path().join("journal.db");
    let before = [fs::read(&path).unwrap(), fs::read(with_suffix(&path, "-wal")).unwrap()];
    let journal = Journal::open_copy(&path, &experiment).unwrap();
    assert_eq!(journal.trial(5).unwrap().unwrap().candidate.resources.macs, 7);
    assert_eq!(journal.trials().unwrap().len(), 14);
    assert_eq!([fs::read(&path).unwrap(), fs::read(with_suffix(&path, "-wal")).unwrap()], before);
    assert_eq!(fs::read_dir(killed.path()).unwrap().count(), 2, "nothing was put beside them");
    drop(journal);
    fs::remove_file(with_suffix(&path, "-wal")).unwrap();
    let stale = Journal::open_copy(&path, &experiment).unwrap();
    assert_ne!(stale.trial(5).unwrap().unwrap().candidate.resources.macs, 7, "the log was needed");
}

#[cfg(unix)]
#[test]
fn a_run_is_read_where_sqlite_can_put_no_file_beside_it() {
    let dir = finished();
    let index = dir.path().join("journal.db-shm");
    let _ = fs::remove_file(&index);
    // Not even root, who may write anything, makes a file in a folder that is not there.
    std::os::unix::fs::symlink(dir.path().join("missing/file"), &index).unwrap();
    let path = dir.path().join("journal.db");
    let read_only = OpenFlags::SQLITE_OPEN_READ_ONLY;
    connect(&path, &path, read_only).unwrap_err();
    assert_eq!(RunReader::open(dir.path()).unwrap().trials().unwrap().len(), 14);
    assert_eq!(essence(dir.path()).len(), 14);
}

#[test]
fn a_journal_that_is_missing_cannot_be_copied() {
    let dir = tempdir().unwrap();
    let error = Journal::open_copy(&dir.path().join("journal.db"), &experiment(&[])).unwrap_err();
    assert!(matches!(error.problem, JournalProblem::NotReadable(_)), "{error}");
}

#[test]
fn a_file_that_is_no_journal_is_refused() {
    let dir = finished();
    let path = dir.path().join("journal.db");
    for content in [b"not a database, but long enough for a header".as_slice(), &[0; 4096]] {
        fs::write(&path, content).unwrap();
        let problem = problem(Run::open(dir.path()));
        assert!(matches!(problem, JournalProblem::Corrupted(_)), "{problem}");
    }
}

#[test]
fn damaged_pages_are_found_on_opening() {
    let dir = finished();
    let path = dir.path().join("journal.db");
    let mut bytes = fs::read(&path).unwrap();
    // Everything after the first page, which holds the schema.
    for byte in bytes.iter_mut().skip(4096).step_by(7) {
        *byte ^= 0x55;
    }
    fs::write(&path, bytes).unwrap();
    let problem = problem(Run::open(dir.path()));
    assert!(matches!(problem, JournalProblem::Corrupted(_)), "{problem}");
}

#[test]
fn rows_that_make_no_sense_are_named() {
    let check = |sql: &str, expected: &str| {
        let dir = finished();
        execute_sql(
            &dir,
            &format!("PRAGMA ignore_check_constraints = ON; UPDATE trial SET {sql} WHERE id = 5"),
        );
        let message = problem(RunReader::open(dir.path()).unwrap().trials()).to_string();
        assert!(message.contains("trial 5") && message.contains(expected), "{message}");
    };
    check("state = 'lost'", "column state: is `lost`");
    check("validation_error = NULL", "column validation_error: is empty");
    check("architecture = '{'", "column architecture");
    check("architecture = (SELECT architecture FROM trial WHERE id = 6)", "column canonical_key");
    check("peak_memory = -1", "column peak_memory: is -1");
    check("peak_memory_of_model = -2", "column peak_memory_of_model: is -2");
    check("pending = 'x'", "column pending");
    check("space = 'rnn'", "column space");
    check("best_epoch = 5000000000", "column best_epoch");
}

#[test]
fn the_schema_itself_refuses_contradictions() {
    let dir = finished();
    let connection = Connection::open(dir.path().join("journal.db")).unwrap();
    for sql in
        ["state = 'lost'", "state = 'failed'", "validation_error = NULL", "arrival = NULL", "arrival = 1"]
    {
        assert!(connection.execute(&format!("UPDATE trial SET {sql} WHERE id = 5"), []).is_err(), "{sql}");
    }
}

#[test]
fn a_full_disk_ends_the_search_and_corrupts_nothing() {
    let whole = finished();
    let dir = tempdir().unwrap();
    let evaluator = Synthetic::new();
    let mut run = Run::create(dir.path(), experiment(&[]), &evaluator.task).unwrap();
    // The pages that there are take the first trials, and no more.
    let pages: i64 = run.journal.connection.query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
    run.journal.connection.pragma_update(None, "max_page_count", pages).unwrap();
    let Err(ExecutionError::Store(error)) = drive(&mut run, &evaluator, &mut |_| {}) else {
        panic!("it went on")
    };
    let problem = problem(Err::<(), _>(error));
    assert!(matches!(problem, JournalProblem::DiskFull), "{problem}");
    drop(run);
    assert!((1..14).contains(&essence(dir.path()).len()), "some trials were recorded");
    resume(dir.path(), &evaluator);
    assert_eq!(essence(dir.path()), essence(whole.path()));
}

#[test]
fn any_sqlite_tool_can_read_it() {
    let dir = finished();
    let connection = Connection::open(dir.path().join("journal.db")).unwrap();
    let count = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(count("SELECT count(*) FROM trial WHERE state = 'done'"), 14);
    assert_eq!(count("SELECT count(*) FROM epoch"), 14 * 3);
    assert_eq!(
        count("SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'schema_version'"),
        i64::from(SCHEMA_VERSION)
    );
    assert_eq!(count("PRAGMA user_version"), i64::from(SCHEMA_VERSION));
}

#[test]
fn losses_that_are_no_numbers_read_back() {
    let dir = finished();
    let mut run = Run::open(dir.path()).unwrap();
    let report = EpochReport {
        epoch: 9,
        learning_rate: 0.1,
        train_loss: f64::NAN,
        train_error: 1.0,
        validation_loss: f64::INFINITY,
        validation_error: 1.0,
    };
    run.journal.insert_epoch(3, &report).unwrap();
    let last = *run.journal.curve(3).unwrap().last().unwrap();
    assert!(last.train_loss.is_nan());
    assert_eq!(last.validation_loss, f64::INFINITY);
}
