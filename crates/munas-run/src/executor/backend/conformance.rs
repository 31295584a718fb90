//! What every backend must do, in whatever process it trains.

use std::time::{Duration, Instant};

use munas_space::Space;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::{Backend, Ended, Job, Report};
use crate::executor::evaluator::{Assignment, EvaluationError, Evaluator};
use crate::executor::training::TrainingEvaluator;
use crate::experiment::Experiment;
use crate::task::Task;
use crate::testing::{FAIL, PANIC, Synthetic, quiet_panics};

/// What a test does with a backend.
pub(crate) type Use<'a> = &'a mut dyn FnMut(&mut dyn Backend);

/// Makes a backend over an evaluator, which keeps every checkpoint that it can, and drops it after its use.
pub(crate) type With<'a> = &'a dyn Fn(&dyn Evaluator, Use<'_>);

/// A training that does not end by itself is given up after so long.
const PATIENCE: Duration = Duration::from_secs(60);
const EPOCHS: u32 = 4;
/// Epochs of a training that is paused: more than pass until the pause is heard of.
const LONG: u32 = 300;

/// Checks all of it.
pub(crate) fn check(with: With<'_>) {
    every_job_ends_once_with_its_result(with);
    a_failure_is_that_of_its_trial_alone(with);
    a_stop_ends_one_job_within_a_batch(with);
    nothing_runs_on_after_the_backend_is_dropped(with);
    folds_are_judged_beside_trainings(with);
    a_paused_training_goes_on_to_the_same_result(with);
    a_training_rests_at_the_end_of_a_rung(with);
}

fn assignment(task: &Task, trial: u64) -> Assignment {
    let mut rng = ChaCha8Rng::seed_from_u64(trial);
    let architecture = Space::named("mlp", "wide").unwrap().sample(&mut rng);
    Assignment {
        trial,
        graph: architecture.lower(task.input, task.classes()),
        epochs: EPOCHS,
        rungs: vec![EPOCHS],
        seed: 100 + trial,
        fold: (trial % 3) as u32,
        sparsity: None,
        checkpoint: None,
    }
}

fn train(backend: &mut dyn Backend, trials: impl IntoIterator<Item = u64>) {
    for trial in trials {
        let assignment = assignment(backend.task(), trial);
        backend.start(Job::Train(assignment)).unwrap();
    }
}

/// The next report of a job, within so long.
fn next(backend: &mut dyn Backend, timeout: Duration) -> Option<Report> {
    let deadline = Instant::now() + timeout;
    loop {
        match backend.poll(deadline.saturating_duration_since(Instant::now())) {
            Some(Report::Worker(_)) => {}
            Some(Report::Broken { problem, .. }) => panic!("{problem}"),
            other => return other,
        }
    }
}

/// All reports up to the end of so many jobs.
fn reports_until(backend: &mut dyn Backend, ends: usize) -> Vec<Report> {
    let (begin, mut reports, mut ended) = (Instant::now(), Vec::new(), 0);
    while ended < ends {
        assert!(begin.elapsed() < PATIENCE, "{ended} of {ends} jobs ended: {reports:?}");
        if let Some(report) = next(backend, Duration::from_millis(50)) {
            ended += usize::from(matches!(report, Report::Ended(_)));
            reports.push(report);
        }
    }
    reports
}

/// The ends among the reports, by trial.
fn ends(reports: Vec<Report>) -> Vec<Ended> {
    let mut ends: Vec<Ended> = reports
        .into_iter()
        .filter_map(|report| match report {
            Report::Ended(ended) => Some(*ended),
            _ => None,
        })
        .collect();
    ends.sort_by_key(|ended| ended.trial);
    ends
}

fn every_job_ends_once_with_its_result(with: With<'_>) {
    let evaluator = Synthetic { uneven: true, ..Synthetic::new() };
    with(&evaluator, &mut |backend| {
        assert_eq!(backend.task(), &evaluator.task);
        train(backend, 1..=5);
        let reports = reports_until(backend, 5);
        assert_eq!(next(backend, Duration::from_millis(20)), None, "nothing comes after the ends");
        for trial in 1..=5 {
            let epochs: Vec<u32> = reports
                .iter()
                .filter_map(|report| match report {
                    Report::Epoch { trial: of, report } if *of == trial => Some(report.epoch),
                    _ => None,
                })
                .collect();
            assert_eq!(epochs, Vec::from_iter(1..=EPOCHS), "trial {trial}");
        }
        for (trial, ended) in (1..).zip(ends(reports)) {
            let expected = evaluator
                .evaluate(&assignment(&evaluator.task, trial), &mut |_| std::ops::ControlFlow::Continue(()));
            assert_eq!((ended.trial, ended.result), (trial, expected));
            assert_eq!(ended.assignment, Some(assignment(&evaluator.task, trial)));
        }
    });
}

fn a_failure_is_that_of_its_trial_alone(with: With<'_>) {
    quiet_panics();
    let evaluator = Synthetic { failures: true, ..Synthetic::new() };
    with(&evaluator, &mut |backend| {
        train(backend, [PANIC, FAIL, 1]);
        let ends = ends(reports_until(backend, 3));
        let reason = |ended: &Ended| match &ended.result {
            Err(EvaluationError::Failed(reason)) => reason.clone(),
            other => format!("{:?}", other.is_ok()),
        };
        let [one, panicked, failed] = [0, 1, 2].map(|index| reason(&ends[index]));
        assert_eq!(one, "true");
        assert!(panicked.contains("index out of bounds"), "{panicked}");
        assert_eq!(failed, "training diverged");
    });
}

fn a_stop_ends_one_job_within_a_batch(with: With<'_>) {
    let evaluator = Synthetic { endless: true, ..Synthetic::new() };
    with(&evaluator, &mut |backend| {
        train(backend, [1, 2]);
        backend.stop(3);
        backend.stop(2);
        let stopped = ends(reports_until(backend, 1));
        assert_eq!((stopped[0].trial, &stopped[0].result), (2, &Err(EvaluationError::Stopped)));
        let goes_on = |report: &Report| matches!(report, Report::Epoch { trial: 1, .. });
        let begin = Instant::now();
        while !next(backend, Duration::from_millis(50)).as_ref().is_some_and(goes_on) {
            assert!(begin.elapsed() < PATIENCE, "the other one goes on");
        }
        backend.pause(1);
        backend.stop(1);
        let stopped = ends(reports_until(backend, 1));
        assert_eq!((stopped[0].trial, &stopped[0].result), (1, &Err(EvaluationError::Stopped)));
    });
}

fn nothing_runs_on_after_the_backend_is_dropped(with: With<'_>) {
    let evaluator = Synthetic { endless: true, ..Synthetic::new() };
    let begin = Instant::now();
    with(&evaluator, &mut |backend| train(backend, [1, 2]));
    assert!(begin.elapsed() < PATIENCE, "an endless training was stopped");
}

fn folds_are_judged_beside_trainings(with: With<'_>) {
    let evaluator = Synthetic { folds: 3, ..Synthetic::new() };
    with(&evaluator, &mut |backend| {
        assert_eq!(backend.folds(), 3);
        train(backend, [1]);
        let ended = ends(reports_until(backend, 1)).remove(0);
        let (assignment, elapsed) = (ended.assignment.unwrap(), Duration::from_secs(7));
        let first = Box::new(ended.result.unwrap());
        backend.start(Job::JudgeFolds { assignment, first: first.clone(), elapsed, up_to: None }).unwrap();
        train(backend, [2]);
        let ends = ends(reports_until(backend, 2));
        let judged = ends[0].result.as_ref().unwrap();
        assert_eq!((judged.folds, judged.test), (3, first.test));
        assert!(ends[0].elapsed >= elapsed, "the time of the first fold counts");
        assert_eq!(ends[1].result.as_ref().unwrap().folds, 1);
    });
}

/// Trains small networks on some glyphs.
fn training(settings: &[String]) -> TrainingEvaluator {
    let text = "data = { source = \"glyphs\", subset = 300 }\nspace.kind = \"mlp\"";
    let experiment = Experiment::from_toml(text, settings).unwrap();
    TrainingEvaluator::new(&experiment, experiment.load_data().unwrap().into()).unwrap()
}

/// A trial is promoted from the checkpoint that was reported with the end of its rung, or trained through all rungs at once.
fn a_training_rests_at_the_end_of_a_rung(with: With<'_>) {
    let evaluator = training(&[
        "train.epochs=9".to_owned(),
        "train.schedule=one-cycle".to_owned(),
        "train.keep=last".to_owned(),
    ]);
    let to = |rungs: &[u32], checkpoint| Assignment {
        epochs: 9,
        rungs: rungs.to_vec(),
        checkpoint,
        ..assignment(evaluator.task(), 1)
    };
    let train = |assignment: Assignment| {
        let mut reports = Vec::new();
        with(&evaluator, &mut |backend| {
            backend.start(Job::Train(assignment.clone())).unwrap();
            reports = reports_until(backend, 1);
        });
        let latest = reports.iter().rev().find_map(|report| match report {
            Report::Checkpoint { checkpoint, .. } => Some((**checkpoint).clone()),
            _ => None,
        });
        let ended = ends(reports).pop().unwrap();
        (ended.result.unwrap(), ended.elapsed, latest)
    };
    let (through, _, _) = train(to(&[1, 3, 9], None));
    let (first, before, rested) = train(to(&[1], None));
    let (second, elapsed, rested) = train(to(&[1, 3], Some(rested.expect("it goes on from something"))));
    let (promoted, _, _) = train(to(&[1, 3, 9], Some(rested.expect("it goes on from something"))));
    assert_eq!(promoted, through);
    assert_eq!((first.best_epoch, second.best_epoch), (1, 3), "a rung is judged by the weights at its end");
    assert!(elapsed >= before, "the time of earlier rungs counts");
}

fn a_paused_training_goes_on_to_the_same_result(with: With<'_>) {
    let evaluator = training(&[]);
    let long = |checkpoint| Assignment {
        epochs: LONG,
        rungs: vec![LONG],
        checkpoint,
        ..assignment(evaluator.task(), 1)
    };
    let mut whole = None;
    with(&evaluator, &mut |backend| {
        backend.start(Job::Train(long(None))).unwrap();
        whole = ends(reports_until(backend, 1)).pop();
    });
    let (mut checkpoint, mut paused_after) = (None, 0);
    with(&evaluator, &mut |backend| {
        backend.start(Job::Train(long(None))).unwrap();
        let first = next(backend, PATIENCE);
        assert!(matches!(first, Some(Report::Epoch { report, .. }) if report.epoch == 1), "{first:?}");
        backend.pause(1);
        let reports = reports_until(backend, 1);
        for report in &reports {
            match report {
                Report::Epoch { .. } => {}
                Report::Checkpoint { checkpoint: latest, .. } => {
                    checkpoint = Some((**latest).clone());
                    paused_after += 1;
                }
                Report::Ended(ended) => assert_eq!(ended.result, Err(EvaluationError::Stopped)),
                other => panic!("{other:?}"),
            }
        }
    });
    assert!((1..LONG).contains(&paused_after), "paused after {paused_after} epochs");
    let mut resumed = None;
    with(&evaluator, &mut |backend| {
        backend.start(Job::Train(long(checkpoint.clone()))).unwrap();
        let reports = reports_until(backend, 1);
        let is_trained = |report: &&Report| matches!(report, Report::Checkpoint { .. });
        let trained = reports.iter().filter(is_trained).count() as u32;
        assert!(trained + paused_after == LONG, "{trained} epochs after a pause at {paused_after}");
        resumed = ends(reports).pop();
    });
    let (whole, resumed) = (whole.unwrap(), resumed.unwrap());
    assert!(whole.result.is_ok());
    assert_eq!(whole.result, resumed.result);
}
