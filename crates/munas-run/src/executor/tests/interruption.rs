//! A search that is interrupted, in whatever way, ends with the trials of one that never was.

use std::fs;
use std::path::Path;

use tempfile::tempdir;

use crate::executor::event::Event;
use crate::executor::execute;
use crate::executor::limits::{EndReason, Limits, StopFlag};
use crate::store::run::{Run, RunReader};
use crate::testing::{Synthetic, drive, essence, experiment, model_files, resume, search};
use crate::trial::TrialState;

/// What a killed process leaves: the files as they are, with the journal's log not yet merged.
pub(super) fn snapshot(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            snapshot(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn killed_after_any_step_it_resumes_to_the_same_trials() {
    resumes_after_any_step(&Synthetic { failures: true, ..Synthetic::new() });
}

#[test]
fn killed_after_any_step_it_resumes_to_the_same_trials_on_folds() {
    resumes_after_any_step(&Synthetic { failures: true, folds: 3, ..Synthetic::new() });
}

fn resumes_after_any_step(evaluator: &Synthetic) {
    let dir = tempdir().unwrap();
    let whole = dir.path().join("whole");
    let mut run = Run::create(&whole, experiment(&[]), &evaluator.task).unwrap();
    let mut steps = 0;
    let killed = |step: usize| dir.path().join(format!("killed-{step}"));
    drive(&mut run, evaluator, &mut |_| {
        snapshot(&whole, &killed(steps));
        steps += 1;
    })
    .unwrap();
    assert!(steps > 14 * 4, "{steps} steps: start, three epochs and end of each trial");
    for step in 0..steps {
        resume(&killed(step), evaluator);
        assert_eq!(essence(&killed(step)), essence(&whole), "killed after step {step}");
        assert_eq!(model_files(&killed(step)), model_files(&whole), "killed after step {step}");
    }
}

#[test]
fn killed_again_and_again_with_two_workers_it_loses_nothing_but_trials_in_flight() {
    let dir = tempdir().unwrap();
    let (whole, copy) = (dir.path().join("whole"), dir.path().join("copy"));
    let evaluator = Synthetic { uneven: true, ..Synthetic::new() };
    let mut run = Run::create(&whole, experiment(&["search.workers=2"]), &evaluator.task).unwrap();
    let mut steps = 0;
    drive(&mut run, &evaluator, &mut |_| {
        steps += 1;
        if steps == 30 {
            snapshot(&whole, &copy);
        }
    })
    .unwrap();
    let before = essence(&copy);
    let ended = before.iter().filter(|(record, _)| record.arrival.is_some()).count();
    assert!((1..14).contains(&ended) && before.len() - ended <= 2, "{ended} of {} ended", before.len());
    resume(&copy, &evaluator);
    let after = essence(&copy);
    assert_eq!(after.len(), 14);
    for ((before, curve), (after, curve_after)) in before.iter().zip(&after) {
        assert_eq!(
            (&before.candidate, &before.proposal, before.seed),
            (&after.candidate, &after.proposal, after.seed)
        );
        if before.arrival.is_some() {
            assert_eq!((before, curve), (after, curve_after));
        }
    }
    let replay = crate::replay(&RunReader::open(&copy).unwrap()).unwrap();
    assert_eq!((replay.agreeing, replay.difference), (14, None));
}

#[test]
fn stopped_in_order_it_says_so_and_resumes_to_the_same_trials() {
    let dir = tempdir().unwrap();
    let (whole, stopped) = (dir.path().join("whole"), dir.path().join("stopped"));
    let evaluator = Synthetic { uneven: true, ..Synthetic::new() };
    search(&whole, &experiment(&[]), &evaluator);
    let mut run = Run::create(&stopped, experiment(&[]), &evaluator.task).unwrap();
    for stop_in in [3, 4, 9] {
        let stop = StopFlag::default();
        let limits = Limits::of(run.experiment());
        let mut ending = None;
        let summary = execute(&mut run, &evaluator, &limits, &stop, &mut |event| match event {
            // Two more epochs follow: the worker is told in time whenever it looks at the flag.
            Event::Epoch { trial, report } if trial == stop_in && report.epoch == 1 => stop.request(),
            Event::Ending { reason, .. } => ending = Some(reason),
            _ => {}
        });
        let summary = summary.unwrap();
        assert_eq!((summary.reason, ending), (EndReason::Interrupted, Some(EndReason::Interrupted)));
        let records = RunReader::open(&stopped).unwrap().trials().unwrap();
        let without_result = records.iter().filter(|record| record.arrival.is_none());
        assert!(
            without_result.clone().all(|record| record.state == TrialState::Stopped),
            "none is left running"
        );
        assert_eq!(without_result.count() as u64, summary.stopped);
        assert!(records.len() as u64 <= stop_in + 1, "{} trials begun", records.len());
    }
    drop(run);
    resume(&stopped, &evaluator);
    assert_eq!(essence(&stopped), essence(&whole));
}

#[test]
fn models_that_a_killed_process_left_over_are_removed_and_other_files_are_not() {
    let dir = tempdir().unwrap();
    let evaluator = Synthetic::new();
    search(dir.path(), &experiment(&[]), &evaluator);
    let kept = model_files(dir.path());
    let folder = dir.path().join("models");
    let superfluous =
        (1..=14).map(|trial| format!("trial-{trial}.safetensors")).find(|name| !kept.contains(name));
    for name in [&superfluous.unwrap(), "trial-3.safetensors.new", "notes.txt"] {
        fs::write(folder.join(name), "x").unwrap();
    }
    resume(dir.path(), &evaluator);
    let mut expected = kept;
    expected.insert(0, "notes.txt".to_owned());
    assert_eq!(model_files(dir.path()), expected);
}
