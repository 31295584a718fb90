//! Searches whose journal is locked, taken away or lost, and whose checkpoints cannot be kept.

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::mpsc::channel;
use std::time::Duration;

use rusqlite::Connection;
use tempfile::{TempDir, tempdir};

use crate::executor::error::ExecutionError;
use crate::executor::event::Event;
use crate::executor::execute;
use crate::executor::limits::{Limits, StopFlag};
use crate::store::error::StoreError;
use crate::store::journal::JournalProblem;
use crate::store::run::{Run, RunReader};
use crate::testing::{Synthetic, drive, essence, experiment, resume, search};
use crate::{Evaluator, TrainingEvaluator};

fn whole() -> TempDir {
    let dir = tempdir().unwrap();
    search(dir.path(), &experiment(&[]), &Synthetic::new());
    dir
}

fn new_run(dir: &Path) -> Run {
    Run::create(dir, experiment(&[]), &Synthetic::new().task).unwrap()
}

/// A search in which something happens at the start of trial 6; with what became of it.
fn disturbed(run: &mut Run, disturb: impl Fn()) -> Result<(), JournalProblem> {
    let disturbed = drive(run, &Synthetic::new(), &mut |event| {
        if matches!(event, Event::TrialStarted { record, .. } if record.trial == 6) {
            disturb();
        }
    });
    match disturbed {
        Ok(_) => Ok(()),
        Err(ExecutionError::Store(StoreError::Journal(error))) => Err(error.problem),
        Err(other) => panic!("{other}"),
    }
}

fn lock(dir: &Path) -> Connection {
    let tool = Connection::open(dir.join("journal.db")).unwrap();
    tool.execute_batch("BEGIN IMMEDIATE").unwrap();
    tool
}

#[test]
fn a_search_waits_for_a_program_that_keeps_the_journal_locked() {
    let (dir, whole) = (tempdir().unwrap(), whole());
    let mut run = new_run(dir.path());
    let (sender, tool) = channel();
    let mut waits = Vec::new();
    run.when_locked(move |waited| {
        waits.push(waited);
        if waits.len() == 2 {
            drop(tool.recv().unwrap());
        }
        ControlFlow::Continue(())
    });
    disturbed(&mut run, || sender.send(lock(dir.path())).unwrap()).unwrap();
    assert_eq!(essence(dir.path()), essence(whole.path()));
}

#[test]
fn a_search_need_not_wait_for_ever() {
    let (dir, whole) = (tempdir().unwrap(), whole());
    let mut run = new_run(dir.path());
    run.when_locked(|waited| {
        assert!(waited >= Duration::from_millis(400), "SQLite waits first");
        ControlFlow::Break(())
    });
    let (sender, tool) = channel();
    let problem = disturbed(&mut run, || sender.send(lock(dir.path())).unwrap()).unwrap_err();
    assert!(matches!(problem, JournalProblem::Locked), "{problem}");
    drop((run, tool));
    resume(dir.path(), &Synthetic::new());
    assert_eq!(essence(dir.path()), essence(whole.path()));
}

/// What is left after a file was removed or replaced in the middle of a search.
fn displaced(disturb: impl Fn(&Path)) -> (TempDir, String) {
    let dir = tempdir().unwrap();
    let mut run = new_run(dir.path());
    let problem = disturbed(&mut run, || disturb(dir.path())).unwrap_err();
    assert!(matches!(problem, JournalProblem::Displaced(_)), "{problem}");
    (dir, problem.to_string())
}

#[cfg(unix)]
#[test]
fn a_log_that_is_removed_ends_the_search_and_loses_nothing() {
    let (dir, problem) = displaced(|dir| fs::remove_file(dir.join("journal.db-wal")).unwrap());
    assert_eq!(
        problem,
        "journal.db-wal was removed while the search was going on; what it held is in journal.db now"
    );
    assert_eq!(RunReader::open(dir.path()).unwrap().trials().unwrap().len(), 6);
    resume(dir.path(), &Synthetic::new());
    assert_eq!(essence(dir.path()), essence(whole().path()));
}

#[cfg(unix)]
#[test]
fn a_journal_that_is_removed_is_written_again() {
    for files in [&["journal.db"][..], &["journal.db", "journal.db-wal", "journal.db-shm"]] {
        let (dir, problem) = displaced(|dir| {
            files.iter().for_each(|file| fs::remove_file(dir.join(file)).unwrap());
        });
        assert_eq!(
            problem,
            "journal.db was removed while the search was going on; what the search had found is in journal.db"
        );
        resume(dir.path(), &Synthetic::new());
        assert_eq!(essence(dir.path()), essence(whole().path()));
    }
}

#[cfg(unix)]
#[test]
fn a_journal_that_is_replaced_is_saved_beside_the_other_file() {
    let (dir, problem) = displaced(|dir| {
        fs::write(dir.join("other"), "mine").unwrap();
        fs::rename(dir.join("other"), dir.join("journal.db")).unwrap();
    });
    assert_eq!(
        problem,
        "another file was put in the place of journal.db while the search was going on; what the search had found is \
         in journal-rescued.db"
    );
    assert_eq!(fs::read_to_string(dir.path().join("journal.db")).unwrap(), "mine");
    fs::rename(dir.path().join("journal-rescued.db"), dir.path().join("journal.db")).unwrap();
    resume(dir.path(), &Synthetic::new());
    assert_eq!(essence(dir.path()), essence(whole().path()));
}

/// A journal as it is when its log is lost: that of a run which had just been made.
fn lose_log(dir: &Path) {
    let mut run = new_run(dir);
    let backup = dir.join("backup");
    let journal = dir.join("journal.db");
    fs::copy(&journal, &backup).unwrap();
    drive(&mut run, &Synthetic::new(), &mut |_| {}).unwrap();
    drop(run);
    fs::rename(backup, journal).unwrap();
}

fn lost(dir: &Path) -> String {
    let errors = [Run::open(dir).map(drop), RunReader::open(dir).map(drop)].map(Result::unwrap_err);
    let [first, second] = errors.map(|error| match error {
        StoreError::Journal(error) if matches!(error.problem, JournalProblem::Lost(_)) => {
            error.problem.to_string()
        }
        other => panic!("{other}"),
    });
    assert_eq!(first, second);
    first
}

#[test]
fn a_lost_log_is_noticed() {
    let dir = tempdir().unwrap();
    lose_log(dir.path());
    let problem = lost(dir.path());
    assert!(problem.ends_with("it has no trial, but trial 14 had begun, says progress"), "{problem}");
    // As in a run of the first version.
    fs::remove_file(dir.path().join("progress")).unwrap();
    let problem = lost(dir.path());
    assert!(problem.contains("it has no trial, but there is models/trial-"), "{problem}");
    fs::rename(dir.path().join("models"), dir.path().join("checkpoints")).unwrap();
    fs::create_dir(dir.path().join("models")).unwrap();
    let problem = lost(dir.path());
    assert!(problem.contains("but there is checkpoints/trial-"), "{problem}");
    // What the hint says.
    fs::remove_dir_all(dir.path().join("checkpoints")).unwrap();
    resume(dir.path(), &Synthetic::new());
    assert_eq!(essence(dir.path()), essence(whole().path()));
}

#[test]
fn a_journal_of_another_run_is_noticed() {
    let (dir, other) = (whole(), whole());
    fs::copy(other.path().join("journal.db"), dir.path().join("journal.db")).unwrap();
    let problem = lost(dir.path());
    assert!(problem.ends_with("progress was written for another one"), "{problem}");
}

#[test]
fn a_run_without_its_journal_is_one_all_the_same() {
    let dir = whole();
    fs::remove_file(dir.path().join("journal.db")).unwrap();
    for error in [Run::open(dir.path()).unwrap_err(), RunReader::open(dir.path()).unwrap_err()] {
        assert!(
            matches!(&error, StoreError::Journal(error) if matches!(error.problem, JournalProblem::Gone)),
            "{error}"
        );
    }
}

#[test]
fn checkpoints_that_cannot_be_kept_do_not_end_the_search() {
    let dir = tempdir().unwrap();
    let experiment = experiment(&["search.trials=3", "data.subset=200", "train.epochs=2"]);
    let evaluator = TrainingEvaluator::new(&experiment, experiment.load_data().unwrap().into()).unwrap();
    let limits = Limits { checkpoint_every: Duration::ZERO, ..Limits::of(&experiment) };
    let mut run = Run::create(dir.path(), experiment, evaluator.task()).unwrap();
    // A file where the folder should be.
    fs::write(dir.path().join("checkpoints"), "").unwrap();
    let mut warnings = 0;
    let summary = execute(&mut run, &evaluator, &limits, &StopFlag::default(), &mut |event| {
        if let Event::CheckpointLost { error, .. } = event {
            assert!(error.to_string().contains("checkpoints"), "{error}");
            warnings += 1;
        }
    });
    assert_eq!(summary.unwrap().done, 3);
    assert!(warnings > 0);
}
