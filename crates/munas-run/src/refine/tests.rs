use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use tempfile::{TempDir, tempdir};

use super::end::{RefineEnd, RefineSummary};
use super::event::FinalistEvent;
use super::length::Length;
use super::plan::{NetworkCount, RefineError, RefinePlan, RefineWishes, plan_finalists};
use super::session::refine;
use super::training::final_epochs;
use crate::executor::evaluator::{Assignment, Evaluator};
use crate::executor::limits::{Limits, StopFlag};
use crate::finalist::{Finalist, FinalistRecord, FinalistState};
use crate::store::finalists::{finalist, finalists, refined_model, refined_path};
use crate::store::run::{Run, RunReader};
use crate::testing::{FAIL, PANIC, Synthetic, experiment, quiet_panics, search};

const SEEDS: u32 = 3;

/// A finished search.
fn searched(overrides: &[&str]) -> TempDir {
    let dir = tempdir().unwrap();
    let settings = ["search.trials=30", "final.seeds=3", "final.networks=4"];
    search(dir.path(), &experiment(&[&settings, overrides].concat()), &Synthetic::new());
    dir
}

fn plan(dir: &Path, trials: &[u64]) -> Result<RefinePlan, RefineError> {
    let reader = RunReader::open(dir).unwrap();
    let limits = Limits { time: None, ..Limits::of(reader.experiment()) };
    let wishes = RefineWishes::of(reader.experiment(), limits);
    plan_finalists(&reader, &RefineWishes { trials: trials.to_vec(), ..wishes })
}

/// A session that raises the stop flag with the given number of trainings recorded.
fn drive(dir: &Path, plan: &RefinePlan, evaluator: &Synthetic, most: usize) -> RefineSummary {
    quiet_panics();
    let (stop, mut recorded) = (StopFlag::default(), 0);
    let mut run = Run::open(dir).unwrap();
    let flag = stop.clone();
    let events = &mut |event: FinalistEvent<'_>| {
        recorded += usize::from(matches!(event, FinalistEvent::Ended { .. }));
        if recorded >= most {
            flag.request();
        }
    };
    refine(&mut run, evaluator, plan, &stop, events).unwrap()
}

fn found(dir: &Path) -> Vec<Finalist> {
    finalists(&RunReader::open(dir).unwrap()).unwrap()
}

/// All that does not depend on the clock.
fn timeless(dir: &Path) -> Vec<FinalistRecord> {
    let records = found(dir).into_iter().flat_map(|finalist| finalist.trainings);
    records
        .map(|mut record| {
            record.finished_ms = 0;
            if let FinalistState::Done(outcome) = &mut record.state {
                outcome.train_seconds = 0.0;
            }
            record
        })
        .collect()
}

fn files(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir.join("finalists")).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn every_finalist_is_trained_with_every_seed_and_its_best_network_is_kept() {
    let dir = searched(&[]);
    let plan = plan(dir.path(), &[]).unwrap();
    assert!(plan.trials.len() > 1 && plan.epochs == 9, "{plan:?}");
    assert_eq!(plan.trainings, plan.trials.len() * SEEDS as usize);
    let summary = drive(dir.path(), &plan, &Synthetic::new(), usize::MAX);
    assert_eq!((summary.reason, summary.done as usize, summary.left), (RefineEnd::Done, plan.trainings, 0));
    let reader = RunReader::open(dir.path()).unwrap();
    let finalists = found(dir.path());
    let means: Vec<f64> = finalists.iter().map(|finalist| finalist.error().unwrap().mean).collect();
    assert!(means.is_sorted(), "{means:?}");
    let mut seeds = Vec::new();
    for finalist in &finalists {
        assert!(plan.trials.contains(&finalist.trial));
        let errors: Vec<f64> = finalist.trainings.iter().filter_map(FinalistRecord::error).collect();
        assert_eq!(errors.len(), SEEDS as usize);
        let best = finalist.best().unwrap();
        assert!(errors.iter().all(|error| *error >= best.error().unwrap()));
        let model = refined_model(&reader, best).unwrap();
        assert_eq!(model.trial, finalist.trial);
        assert!(refined_path(&reader, finalist).is_some());
        seeds.extend(finalist.trainings.iter().map(|record| record.seed));
    }
    assert_eq!(files(dir.path()).len(), finalists.len(), "one network each, no checkpoints");
    let trial_seeds = reader.trials().unwrap().into_iter().map(|record| record.seed);
    seeds.extend(trial_seeds);
    let all = seeds.len();
    seeds.sort_unstable();
    seeds.dedup();
    assert_eq!(seeds.len(), all, "no seed is that of another training");
    let session = reader.journal.last_session().unwrap().unwrap();
    assert_eq!(session.end_reason.as_deref(), Some("finalists"));
}

#[test]
fn however_often_it_is_interrupted_the_results_are_the_same() {
    let (whole, parts) = (searched(&[]), searched(&[]));
    let intact = plan(whole.path(), &[]).unwrap();
    drive(whole.path(), &intact, &Synthetic::new(), usize::MAX);
    let mut sessions = 0;
    loop {
        let plan = plan(parts.path(), &[]).unwrap();
        if plan.trainings == 0 {
            break;
        }
        assert_eq!(plan.trials, intact.trials, "the same finalists");
        let workers = Limits { workers: 1 + sessions % 2, ..plan.limits.clone() };
        let summary = drive(parts.path(), &RefinePlan { limits: workers, ..plan }, &Synthetic::new(), 2);
        assert!(
            summary.done >= 2 || summary.left == 0,
            "what was recorded is not trained again: {summary:?}"
        );
        sessions += 1;
    }
    assert!(sessions > 2);
    assert_eq!(timeless(parts.path()), timeless(whole.path()));
    assert_eq!(files(parts.path()), files(whole.path()));
    for name in files(whole.path()) {
        let read = |dir: &TempDir| fs::read(dir.path().join("finalists").join(&name)).unwrap();
        assert_eq!(read(&parts), read(&whole), "{name}");
    }
}

#[test]
fn longer_trainings_take_the_place_of_shorter_ones() {
    let dir = searched(&[]);
    let short = plan(dir.path(), &[]).unwrap();
    drive(dir.path(), &short, &Synthetic::new(), usize::MAX);
    let reader = RunReader::open(dir.path()).unwrap();
    let limits = Limits { time: None, ..Limits::of(reader.experiment()) };
    let wishes = RefineWishes::of(reader.experiment(), limits);
    let asked = RefineWishes { length: Length::times(5.0).unwrap(), ..wishes.clone() };
    let long = plan_finalists(&reader, &asked).unwrap();
    assert_eq!((long.epochs, &long.trials, long.trainings), (15, &short.trials, short.trainings));
    drive(dir.path(), &long, &Synthetic::new(), SEEDS as usize + 1);
    let begun = found(dir.path());
    let of_first = begun.iter().find(|finalist| finalist.trial == long.trials[0]).unwrap();
    let numbers: Vec<u32> = of_first.trainings.iter().map(|record| record.number).collect();
    assert_eq!(numbers, [4, 5, 6], "the shorter ones keep their numbers");
    refined_model(&reader, of_first.best().unwrap()).unwrap();
    let rest = plan(dir.path(), &[]).unwrap();
    assert_eq!(rest.epochs, 15, "what was begun goes on");
    drive(dir.path(), &rest, &Synthetic::new(), usize::MAX);
    assert!(found(dir.path()).iter().all(|finalist| {
        finalist.trainings.len() == SEEDS as usize
            && finalist.trainings.iter().all(|record| record.epochs == 15)
    }));
    assert_eq!(files(dir.path()).len(), long.trials.len(), "the networks of shorter ones are gone");
    let shorter = RefineWishes { length: Length::times(2.0).unwrap(), ..wishes };
    let shorter = plan_finalists(&reader, &shorter).unwrap();
    assert_eq!(shorter.trainings, 0, "longer ones are there");
    drive(dir.path(), &shorter, &Synthetic::new(), usize::MAX);
    assert_eq!(plan(dir.path(), &[]).unwrap().epochs, 15, "and nothing shorter was begun");
}

#[test]
fn a_plan_is_trained_for_as_long_as_it_says() {
    let dir = searched(&["train.epochs=7"]);
    let reader = RunReader::open(dir.path()).unwrap();
    let limits = Limits::of(reader.experiment());
    let wishes =
        RefineWishes { length: Length::times(4.9).unwrap(), ..RefineWishes::of(reader.experiment(), limits) };
    let plan = plan_finalists(&reader, &wishes).unwrap();
    assert_eq!((plan.epochs, final_epochs(&plan.experiment(reader.experiment()))), (34, 34));
}

#[test]
fn a_network_that_the_journal_does_not_know_is_taken_for_none() {
    let dir = searched(&[]);
    let whole = plan(dir.path(), &[]).unwrap();
    let one = RefinePlan { seeds: 1, ..whole.clone() };
    drive(dir.path(), &one, &Synthetic::new(), usize::MAX);
    let trial = whole.trials[0];
    let before = finalist(&RunReader::open(dir.path()).unwrap(), trial).unwrap().unwrap();
    // As a process leaves it that was killed between the file and the journal.
    let stray = dir.path().join(format!("finalists/trial-{trial}-training-2.safetensors"));
    fs::write(&stray, "another network").unwrap();
    let reader = RunReader::open(dir.path()).unwrap();
    assert_eq!(
        refined_path(&reader, &before),
        refined_path(&reader, &finalist(&reader, trial).unwrap().unwrap())
    );
    refined_model(&reader, before.best().unwrap()).unwrap();
    drive(dir.path(), &whole, &Synthetic::new(), usize::MAX);
    let after = finalist(&reader, trial).unwrap().unwrap();
    refined_model(&reader, after.best().unwrap()).unwrap();
}

#[test]
fn networks_that_are_named_are_trained_and_no_others() {
    let dir = searched(&[]);
    let named = plan(dir.path(), &[7, 3, 7]).unwrap();
    assert_eq!(named.trials, [7, 3]);
    drive(dir.path(), &named, &Synthetic::new(), usize::MAX);
    assert_eq!(plan(dir.path(), &[3, 7]).unwrap().trainings, 0);
    let error = plan(dir.path(), &[3, 99]).unwrap_err();
    assert!(error.to_string().contains("no trial 99"), "{error}");
    let empty = tempdir().unwrap();
    drop(Run::create(empty.path(), experiment(&[]), &Synthetic::new().task).unwrap());
    assert!(matches!(plan(empty.path(), &[]), Err(RefineError::Nothing)));
}

#[test]
fn trainings_that_fail_are_recorded_and_leave_the_others_alone() {
    let dir = searched(&[]);
    let plan = plan(dir.path(), &[]).unwrap();
    let summary = drive(dir.path(), &plan, &Synthetic { failures: true, ..Synthetic::new() }, usize::MAX);
    // The evaluator lets jobs of some numbers fail: a panic, a failure, and an error that is no number.
    assert_eq!((summary.failed, summary.left), (3, 0), "{summary:?}");
    let failed: Vec<FinalistRecord> =
        timeless(dir.path()).into_iter().filter(|record| record.outcome().is_none()).collect();
    let position =
        |position: u64| (plan.trials[(position - 1) as usize / 3], ((position - 1) % 3 + 1) as u32);
    for (job, reason) in [(PANIC, "panic"), (FAIL, "diverged"), (9, "not a number")] {
        let (trial, number) = position(job);
        let record = failed.iter().find(|record| (record.trial, record.number) == (trial, number)).unwrap();
        assert!(matches!(&record.state, FinalistState::Failed(why) if why.contains(reason)), "{record:?}");
    }
    let again = drive(dir.path(), &plan, &Synthetic::new(), usize::MAX);
    assert_eq!((again.done, again.failed), (0, 0), "what failed fails again");
}

#[test]
fn time_ends_it_and_buys_fewer_networks() {
    let dir = searched(&[]);
    let endless = plan(dir.path(), &[]).unwrap();
    let limits = Limits { time: Some(Duration::from_millis(150)), ..endless.limits.clone() };
    let plan_in_time = RefinePlan { limits: limits.clone(), ..endless.clone() };
    let evaluator = Synthetic { endless: true, ..Synthetic::new() };
    let summary = drive(dir.path(), &plan_in_time, &evaluator, usize::MAX);
    assert_eq!(
        (summary.reason, summary.done, summary.left as usize),
        (RefineEnd::Time, 0, endless.trainings)
    );
    assert!(found(dir.path()).is_empty());
    let reader = RunReader::open(dir.path()).unwrap();
    let few = Limits { time: Some(Duration::ZERO), ..limits };
    let wishes = RefineWishes::of(reader.experiment(), few);
    assert_eq!(plan_finalists(&reader, &wishes).unwrap().trials, endless.trials[..1], "at least one");
}

#[test]
fn time_that_is_left_buys_more_networks() {
    let dir = searched(&["final.networks=2", "train.epochs=10"]);
    let reader = RunReader::open(dir.path()).unwrap();
    let limits = Limits { time: Some(Duration::from_secs(3600)), ..Limits::of(reader.experiment()) };
    let wishes = RefineWishes::of(reader.experiment(), limits);
    let planned = |wishes: &RefineWishes| plan_finalists(&reader, wishes).unwrap();
    let more = planned(&wishes);
    assert_eq!((wishes.networks, more.epochs), (NetworkCount::OrMore(2), 100));
    assert!(more.trials.len() > 2, "{:?}", more.trials);
    let two = planned(&RefineWishes { networks: NetworkCount::AtMost(2), ..wishes.clone() });
    assert_eq!((&two.trials[..], two.epochs), (&more.trials[..2], 100), "no more than the user says");
    let short = planned(&RefineWishes { length: Length::times(3.0).unwrap(), ..wishes });
    assert_eq!((short.trials, short.epochs), (two.trials, 30), "longer trainings come first");
}

#[test]
fn each_training_is_on_the_next_fold() {
    let dir = searched(&[]);
    let plan = plan(dir.path(), &[]).unwrap();
    let evaluator = Synthetic { folds: 2, ..Synthetic::new() };
    drive(dir.path(), &plan, &evaluator, usize::MAX);
    let records = RunReader::open(dir.path()).unwrap().trials().unwrap();
    for training in timeless(dir.path()) {
        let trial = records.iter().find(|record| record.trial == training.trial).unwrap();
        let assignment = Assignment {
            trial: 0,
            graph: training.graph(trial, &evaluator.task),
            epochs: plan.epochs,
            rungs: vec![plan.epochs],
            seed: training.seed,
            fold: (training.number - 1) % 2,
            sparsity: None,
            checkpoint: None,
        };
        let found = evaluator.evaluate(&assignment, &mut |_| ControlFlow::Continue(())).unwrap();
        let outcome = training.outcome().unwrap();
        assert_eq!((outcome.validation_error, outcome.folds), (found.validation.error, 1));
    }
}

#[test]
fn what_there_is_no_memory_for_fails_with_its_reason() {
    let dir = searched(&[]);
    let plan = plan(dir.path(), &[]).unwrap();
    let evaluator = Synthetic { memory: 10, memory_limit: 9, ..Synthetic::new() };
    let summary = drive(dir.path(), &plan, &evaluator, usize::MAX);
    assert_eq!((summary.done, summary.failed as usize), (0, plan.trainings));
    assert!(finalist(&RunReader::open(dir.path()).unwrap(), plan.trials[0]).unwrap().is_none());
}

#[test]
fn the_teacher_is_the_largest_of_the_best() {
    let dir = searched(&["final.distillation=true"]);
    let plan = plan(dir.path(), &[]).unwrap();
    let reader = RunReader::open(dir.path()).unwrap();
    let front = crate::store::query::front(&reader).unwrap();
    let reach = front[0].error().unwrap() + front[0].stderr().unwrap();
    let able = front.iter().filter(|record| record.error().unwrap() <= reach);
    let largest = able.map(|record| record.candidate.resources.model_size).max().unwrap();
    let teacher = plan.teacher.clone().unwrap();
    let size = front.iter().find(|record| record.trial == teacher.trial).unwrap();
    assert_eq!(size.candidate.resources.model_size, largest);
    assert!(teacher.path.exists());
    drive(dir.path(), &plan, &Synthetic::new(), usize::MAX);
    assert!(timeless(dir.path()).iter().all(|record| record.teacher == Some(teacher.trial)));
}
