//! When a search ends, and what ends a trial.

use std::collections::BTreeSet;
use std::time::Duration;

use tempfile::tempdir;

use munas_search::{Objective, SearchError};

use crate::executor::error::ExecutionError;
use crate::executor::event::Event;
use crate::executor::execute;
use crate::executor::limits::{EndReason, Limits, StopFlag, Summary};
use crate::store::run::{Run, RunReader};
use crate::testing::{EPOCHS, Synthetic, drive, essence, experiment, resume, search};
use crate::trial::TrialState;

fn states(dir: &std::path::Path) -> Vec<TrialState> {
    essence(dir).into_iter().map(|(record, _)| record.state).collect()
}

#[test]
fn the_number_of_trials_counts_all_sessions() {
    let dir = tempdir().unwrap();
    let evaluator = Synthetic::new();
    let summary = search(dir.path(), &experiment(&[]), &evaluator);
    assert_eq!(
        (summary.reason, summary.done, summary.failed, summary.stopped),
        (EndReason::Trials, 14, 0, 0)
    );
    let summary = resume(dir.path(), &evaluator);
    assert_eq!((summary.reason, summary.done), (EndReason::Trials, 0), "there is nothing left to do");
    let mut run = Run::open(dir.path()).unwrap();
    let limits = Limits { trials: 17, ..Limits::of(run.experiment()) };
    let summary = execute(&mut run, &evaluator, &limits, &StopFlag::default(), &mut |_| {}).unwrap();
    assert_eq!((summary.reason, summary.done), (EndReason::Trials, 3));
}

#[test]
fn a_longer_search_begins_with_the_trials_of_a_shorter_one() {
    let (short, long) = (tempdir().unwrap(), tempdir().unwrap());
    let evaluator = Synthetic::new();
    search(short.path(), &experiment(&["search.trials=9"]), &evaluator);
    search(long.path(), &experiment(&[]), &evaluator);
    assert_eq!(essence(short.path()), essence(long.path())[..9]);
}

#[test]
fn a_training_for_which_there_is_no_memory_waits() {
    let trained = |worker_memory: u64, waiting: usize| {
        let dir = tempdir().unwrap();
        let evaluator = Synthetic { endless: true, memory: 100, ..Synthetic::new() };
        let overrides = [
            "search.trials=100",
            "search.time=300ms",
            "search.workers=3",
            &format!("search.worker_memory={worker_memory}"),
        ];
        let experiment = experiment(&overrides);
        let limits = Limits::of(&experiment);
        let mut run = Run::create(dir.path(), experiment, &evaluator.task).unwrap();
        let mut trained = BTreeSet::new();
        let mut note = |event: Event<'_>| {
            if let Event::Epoch { trial, .. } = event {
                trained.insert(trial);
            }
        };
        execute(&mut run, &evaluator, &limits, &StopFlag::default(), &mut note).unwrap();
        let stopped = vec![TrialState::Stopped; trained.len() + waiting];
        assert_eq!(states(dir.path()), stopped, "those that wait are not lost");
        trained.len()
    };
    assert_eq!(trained(100, 0), 3);
    assert_eq!(trained(67, 24), 2);
    assert_eq!(trained(10, 24), 1, "a training that needs more than there is runs alone");
}

#[test]
fn what_this_machine_has_no_memory_for_fails_and_the_search_goes_on() {
    let dir = tempdir().unwrap();
    let evaluator = Synthetic { memory: 3_000_001, memory_limit: 3_000_000, ..Synthetic::new() };
    let summary = search(dir.path(), &experiment(&["search.trials=3"]), &evaluator);
    assert_eq!((summary.reason, summary.done, summary.failed), (EndReason::Trials, 0, 3));
    let reason = "its training takes 4 MB of memory, this machine has 3 MB for trainings";
    assert_eq!(states(dir.path()), vec![TrialState::Failed(reason.to_owned()); 3]);
}

/// Makes it look as if the process had died while it trained this trial, for the so-many-plus-first time.
fn die(dir: &std::path::Path, trial: u64, deaths_before: u64, memory_kills: Option<i64>) {
    let journal = rusqlite::Connection::open(dir.join("journal.db")).unwrap();
    let sql = "UPDATE trial SET state = 'running', deaths = ?2 WHERE id = ?1";
    assert_eq!(journal.execute(sql, [trial as i64, deaths_before as i64]).unwrap(), 1);
    let killed = "UPDATE session SET ended_ms = NULL, memory_kills = ?1";
    journal.execute(killed, [memory_kills]).unwrap();
}

fn resume_without_limit(dir: &std::path::Path) -> Summary {
    let mut run = Run::open(dir).unwrap();
    let limits = Limits { time: None, ..Limits::of(run.experiment()) };
    execute(&mut run, &Synthetic::new(), &limits, &StopFlag::default(), &mut |_| {}).unwrap()
}

#[test]
fn a_trial_that_two_processes_died_under_is_left() {
    let dir = tempdir().unwrap();
    let stopped = ["search.time=50ms", "search.trials=4"];
    search(dir.path(), &experiment(&stopped), &Synthetic { endless: true, ..Synthetic::new() });
    assert_eq!(states(dir.path()), [TrialState::Stopped]);
    die(dir.path(), 1, 1, None);
    let summary = resume_without_limit(dir.path());
    assert_eq!((summary.done, summary.failed), (3, 1));
    let TrialState::Failed(reason) = &states(dir.path())[0] else { panic!("trial 1 went on") };
    assert!(reason.starts_with("2 processes in a row were killed"), "{reason}");
}

/// Whoever kills the process, again and again, does not hurt the trial.
#[cfg(target_os = "linux")]
#[test]
fn a_trial_that_processes_died_under_with_memory_to_spare_goes_on() {
    let dir = tempdir().unwrap();
    let stopped = ["search.time=50ms", "search.trials=2"];
    search(dir.path(), &experiment(&stopped), &Synthetic { endless: true, ..Synthetic::new() });
    die(dir.path(), 1, 1, Some(i64::MAX));
    let summary = resume_without_limit(dir.path());
    assert_eq!((summary.done, summary.failed), (2, 0));
}

#[test]
fn a_trial_that_one_process_died_under_is_trained_again() {
    let (dir, whole) = (tempdir().unwrap(), tempdir().unwrap());
    let stopped = ["search.time=50ms", "search.trials=4"];
    search(dir.path(), &experiment(&stopped), &Synthetic { endless: true, ..Synthetic::new() });
    die(dir.path(), 1, 0, None);
    assert_eq!(resume_without_limit(dir.path()).done, 4);
    search(whole.path(), &experiment(&["search.trials=4"]), &Synthetic::new());
    assert_eq!(essence(dir.path()), essence(whole.path()));
}

#[test]
fn when_the_time_is_up_running_trials_are_stopped() {
    let dir = tempdir().unwrap();
    let evaluator = Synthetic { endless: true, ..Synthetic::new() };
    let summary = search(dir.path(), &experiment(&["search.time=50ms", "search.workers=3"]), &evaluator);
    assert_eq!((summary.reason, summary.done, summary.stopped), (EndReason::Time, 0, 3));
    assert_eq!(states(dir.path()), vec![TrialState::Stopped; 3]);
    // The trials are the same when there is time for them, and their curves begin anew.
    let mut run = Run::open(dir.path()).unwrap();
    let limits = Limits { time: None, ..Limits::of(run.experiment()) };
    execute(&mut run, &Synthetic::new(), &limits, &StopFlag::default(), &mut |_| {}).unwrap();
    assert!(essence(dir.path()).iter().all(|(record, curve)| {
        record.outcome().is_some() && curve.iter().map(|report| report.epoch).eq(1..=EPOCHS)
    }));
}

#[test]
fn the_last_trials_are_stopped_too() {
    let dir = tempdir().unwrap();
    let evaluator = Synthetic { endless: true, ..Synthetic::new() };
    let overrides = ["search.time=50ms", "search.workers=3", "search.trials=2"];
    let summary = search(dir.path(), &experiment(&overrides), &evaluator);
    assert_eq!((summary.reason, summary.stopped), (EndReason::Time, 2));
}

#[test]
fn the_first_trial_on_target_ends_the_search() {
    let dir = tempdir().unwrap();
    let summary = search(
        dir.path(),
        &experiment(&["search.target_error=0.25", "search.trials=500"]),
        &Synthetic::new(),
    );
    let EndReason::Target { trial } = summary.reason else { panic!("{summary:?}") };
    let reader = RunReader::open(dir.path()).unwrap();
    let bounds = &reader.experiment().bounds;
    for record in reader.trials().unwrap() {
        let on_target = record.in_bounds(bounds) && record.error().unwrap() <= 0.25;
        assert_eq!(on_target, record.trial == trial, "trial {}", record.trial);
    }
}

#[test]
fn a_trial_that_fails_fails_alone() {
    let dir = tempdir().unwrap();
    let summary = search(dir.path(), &experiment(&[]), &Synthetic { failures: true, ..Synthetic::new() });
    assert_eq!((summary.done, summary.failed), (11, 3));
    let states = states(dir.path());
    let failed = |trial: usize| match &states[trial - 1] {
        TrialState::Failed(reason) => reason.as_str(),
        other => other.name(),
    };
    assert_eq!(failed(4), "panic: index out of bounds");
    assert_eq!(failed(6), "training diverged");
    assert_eq!(failed(9), "the error is not a number");
    assert_eq!(failed(5), "done");
}

#[test]
fn a_space_that_is_used_up_ends_the_search() {
    let dir = tempdir().unwrap();
    let overrides = [
        "space.kind=mlp",
        "space.bounds={ dense = [1, 1], units = [10, 12] }",
        "bounds={ macs = 1000000 }",
        "search.max_draws=500",
        "search.workers=2",
    ];
    let summary = search(dir.path(), &experiment(&overrides), &Synthetic::new());
    assert_eq!((summary.reason, summary.done), (EndReason::Exhausted, 3));
}

#[test]
fn bounds_that_nothing_meets_end_the_search_with_the_nearest_miss() {
    let dir = tempdir().unwrap();
    let overrides = ["bounds={ peak_memory = 1, hard = ['peak_memory'] }", "search.max_draws=50"];
    let evaluator = Synthetic::new();
    let mut run = Run::create(dir.path(), experiment(&overrides), &evaluator.task).unwrap();
    match drive(&mut run, &evaluator, &mut |_| {}).unwrap_err() {
        ExecutionError::Search(SearchError::NothingFeasible { nearest, .. }) => {
            assert_eq!(nearest.objective, Objective::PeakMemory);
        }
        other => panic!("{other}"),
    }
    assert_eq!(states(dir.path()), []);
}

#[test]
fn a_session_is_in_the_journal() {
    let dir = tempdir().unwrap();
    search(dir.path(), &experiment(&["search.time=10m"]), &Synthetic::new());
    let reader = RunReader::open(dir.path()).unwrap();
    let session = reader.journal.last_session().unwrap().unwrap();
    assert_eq!((session.workers, session.trials_limit), (1, 14));
    assert_eq!(
        (session.time_limit, session.end_reason.as_deref()),
        (Some(Duration::from_secs(600)), Some("trials"))
    );
    assert!(session.ended_ms.unwrap() >= session.started_ms);
}
