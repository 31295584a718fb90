//! Trials that rest at the ends of rungs, and are promoted.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use tempfile::tempdir;

use super::interruption::snapshot;
use crate::executor::evaluator::Evaluator;
use crate::executor::execute;
use crate::executor::limits::{EndReason, Limits, StopFlag};
use crate::executor::replay::replay;
use crate::executor::training::TrainingEvaluator;
use crate::experiment::Experiment;
use crate::store::query::{front, status};
use crate::store::run::{Run, RunReader};
use crate::testing::{Synthetic, drive, essence, experiment, model_files, resume, search};
use crate::trial::{PromotionRecord, RungResult, TrialRecord, TrialState};

/// A search with rungs of 1, 3 and 9 epochs.
fn in_rungs(overrides: &[&str]) -> Experiment {
    experiment(&[&["search.algorithm=niche", "train.epochs=9", "search.sampling=target"], overrides].concat())
}

fn history(dir: &Path) -> (Vec<PromotionRecord>, Vec<RungResult>) {
    let reader = RunReader::open(dir).unwrap();
    (reader.promotions().unwrap(), reader.results().unwrap())
}

fn check_replay(dir: &Path) {
    let reader = RunReader::open(dir).unwrap();
    let decisions = reader.trials().unwrap().len() + reader.promotions().unwrap().len();
    let replay = replay(&reader).unwrap();
    assert_eq!((replay.agreeing, replay.difference), (decisions as u64, None));
}

#[test]
fn trials_are_promoted_until_none_is_due() {
    let dir = tempdir().unwrap();
    let summary = search(dir.path(), &in_rungs(&["search.trials=40"]), &Synthetic::new());
    assert_eq!(summary.reason, EndReason::Trials);
    let trials = RunReader::open(dir.path()).unwrap().trials().unwrap();
    assert_eq!(trials.len(), 40);
    let (promotions, results) = history(dir.path());
    let mut ends: BTreeMap<u64, Vec<u32>> = BTreeMap::new();
    for (place, result) in results.iter().enumerate() {
        assert_eq!(result.arrival, place as u64 + 1);
        ends.entry(result.trial).or_default().push(result.epochs);
    }
    for trial in &trials {
        let ends = &ends[&trial.trial];
        assert_eq!(ends[..], [1, 3, 9][..ends.len()], "trial {}", trial.trial);
        let state = if ends.len() == 3 { TrialState::Done } else { TrialState::Paused };
        assert_eq!(trial.state, state);
        let of_trial = results.iter().filter(|result| result.trial == trial.trial);
        let known = of_trial.filter(|one| ends.len() < 3 || one.epochs == 9).filter_map(|one| one.error);
        assert_eq!(trial.error(), known.min_by(f64::total_cmp), "its end, or the best before it");
    }
    let done = trials.iter().filter(|trial| trial.state == TrialState::Done).count();
    assert!((1..=25).contains(&done), "{done} of 40 were trained to their end");
    assert_eq!(promotions.len(), results.len() - 40);
    let front = front(&RunReader::open(dir.path()).unwrap()).unwrap();
    assert!(front.iter().all(TrialRecord::is_whole), "what rests is not on the front");
    assert_eq!(model_files(dir.path()).len(), front.len());
    assert_eq!((summary.done, summary.paused), (done as u64, (results.len() - done) as u64));
    check_replay(dir.path());
}

#[test]
fn killed_after_any_step_it_resumes_to_the_same_promotions() {
    let dir = tempdir().unwrap();
    let evaluator = Synthetic { failures: true, ..Synthetic::new() };
    let whole = dir.path().join("whole");
    let experiment = in_rungs(&["search.trials=12"]);
    let mut run = Run::create(&whole, experiment, &evaluator.task).unwrap();
    let killed = |step: usize| dir.path().join(format!("killed-{step}"));
    let mut steps = 0;
    drive(&mut run, &evaluator, &mut |_| {
        snapshot(&whole, &killed(steps));
        steps += 1;
    })
    .unwrap();
    drop(run);
    assert!(history(&whole).0.len() > 2, "some were promoted");
    for step in 0..steps {
        resume(&killed(step), &evaluator);
        assert_eq!(essence(&killed(step)), essence(&whole), "killed after step {step}");
        assert_eq!(history(&killed(step)), history(&whole), "killed after step {step}");
        assert_eq!(model_files(&killed(step)), model_files(&whole), "killed after step {step}");
        check_replay(&killed(step));
    }
}

#[test]
fn with_three_workers_the_journal_leads_to_every_decision() {
    let dir = tempdir().unwrap();
    let evaluator = Synthetic { uneven: true, failures: true, ..Synthetic::new() };
    search(dir.path(), &in_rungs(&["search.trials=60", "search.workers=3"]), &evaluator);
    let (promotions, _) = history(dir.path());
    assert!(promotions.iter().any(|promotion| !promotion.decision.pending.is_empty()));
    check_replay(dir.path());
}

#[test]
fn what_rests_ends_no_search_and_counts_in_no_share() {
    let dir = tempdir().unwrap();
    // Every error meets the target, after one epoch already.
    let experiment = in_rungs(&["search.target_error=1.0", "search.trials=40", "bounds.error=1.0"]);
    let summary = search(dir.path(), &experiment, &Synthetic::new());
    let EndReason::Target { trial } = summary.reason else { panic!("{:?}", summary.reason) };
    let reader = RunReader::open(dir.path()).unwrap();
    let trials = reader.trials().unwrap();
    assert!(trials[trial as usize - 1].is_whole());
    let status = status(&reader).unwrap();
    assert_eq!((status.done, status.results), (1, 1));
    assert!(status.paused > 4 && status.in_bounds <= 1, "{status:?}");
}

#[test]
fn more_trials_are_begun_where_there_were_enough() {
    let (once, twice) = (tempdir().unwrap(), tempdir().unwrap());
    search(once.path(), &in_rungs(&["search.trials=30"]), &Synthetic::new());
    search(twice.path(), &in_rungs(&["search.trials=15"]), &Synthetic::new());
    let mut run = Run::open(twice.path()).unwrap();
    let limits = Limits { trials: 30, ..Limits::of(run.experiment()) };
    execute(&mut run, &Synthetic::new(), &limits, &StopFlag::default(), &mut |_| {}).unwrap();
    drop(run);
    assert_eq!(essence(twice.path()).len(), 30);
    check_replay(twice.path());
}

#[test]
fn a_promoted_trial_without_its_checkpoint_comes_to_the_same_bits() {
    let dir = tempdir().unwrap();
    let settings = [
        "search.trials=10",
        "data.subset=300",
        "train.epochs=9",
        "train.batch=32",
        "train.schedule=one-cycle",
    ];
    let experiment = in_rungs(&settings);
    let dataset = Arc::new(experiment.load_data().unwrap());
    let evaluator = TrainingEvaluator::new(&experiment, dataset).unwrap();
    let limits = Limits::of(&experiment);
    let run = |name: &str, loses_checkpoints: bool| {
        let folder = dir.path().join(name);
        let mut run = Run::create(&folder, experiment.clone(), evaluator.task()).unwrap();
        execute(&mut run, &evaluator, &limits, &StopFlag::default(), &mut |_| {
            if loses_checkpoints {
                let _ = fs::remove_dir_all(folder.join("checkpoints"));
            }
        })
        .unwrap();
        drop(run);
        (essence(&folder), history(&folder))
    };
    let (kept, lost) = (run("kept", false), run("lost", true));
    assert!(!kept.1.0.is_empty(), "some were promoted");
    assert_eq!(kept, lost);
    check_replay(&dir.path().join("kept"));
}
