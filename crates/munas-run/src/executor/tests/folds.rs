//! Which trials are judged on several folds.

use std::ops::ControlFlow;
use std::sync::Arc;

use munas_space::Space;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use tempfile::tempdir;

use crate::executor::evaluator::{Assignment, Evaluated, Evaluator};
use crate::executor::event::Event;
use crate::executor::execute;
use crate::executor::limits::{EndReason, Limits, StopFlag};
use crate::executor::replay::replay;
use crate::executor::training::{TrainingEvaluator, fold_seed};
use crate::store::front::Front;
use crate::store::query::front;
use crate::store::run::{Run, RunReader};
use crate::task::Task;
use crate::testing::{Synthetic, drive, essence, experiment, search};
use crate::trial::TrialState;

#[test]
fn trials_with_low_errors_on_the_front_are_judged_on_all_folds_and_no_others() {
    let (dir, again) = (tempdir().unwrap(), tempdir().unwrap());
    let evaluator = Synthetic { folds: 3, failures: true, ..Synthetic::new() };
    let experiment = experiment(&["search.trials=40"]);
    search(dir.path(), &experiment, &evaluator);
    let reader = RunReader::open(dir.path()).unwrap();
    let records = reader.trials().unwrap();
    let mut kept = Front::new(&experiment.bounds);
    let (mut folded, mut given_up, mut least) = (0, 0, f64::INFINITY);
    for result in reader.results().unwrap() {
        let record = &records[result.trial as usize - 1];
        let Some(outcome) = record.outcome() else { continue };
        if outcome.folds == 1 {
            let is_high = outcome.validation_error > 0.05_f64.max(3.0 * least);
            assert!(is_high || !kept.accepts(record), "trial {} would be on the front", record.trial);
            assert_eq!(outcome.validation_stderr, Some(0.01));
        } else {
            folded += 1;
            assert!(outcome.folds == 3 || !kept.accepts(record), "trial {} was given up", record.trial);
            given_up += u32::from(outcome.folds < 3);
            assert!(outcome.validation_stderr.unwrap() > 0.01, "hashes differ more than that");
        }
        least = least.min(outcome.validation_error);
        if kept.accepts(record) {
            kept.insert(record);
        }
    }
    let front = front(&reader).unwrap();
    assert!(front.iter().any(|record| record.outcome().unwrap().folds == 3));
    assert!(folded > 3 && folded < records.len() / 2, "{folded} of {}", records.len());
    assert!(given_up > 0 && front.iter().all(|record| record.outcome().unwrap().folds != 2), "{given_up}");
    assert!(replay(&reader).unwrap().difference.is_none());
    search(again.path(), &experiment, &evaluator);
    assert_eq!(essence(dir.path()), essence(again.path()));
}

#[test]
fn a_trial_that_is_stopped_before_its_folds_has_no_result_yet() {
    let (whole, stopped) = (tempdir().unwrap(), tempdir().unwrap());
    let evaluator = Synthetic { folds: 3, ..Synthetic::new() };
    search(whole.path(), &experiment(&[]), &evaluator);
    let mut run = Run::create(stopped.path(), experiment(&[]), &evaluator.task).unwrap();
    let flag = StopFlag::default();
    let limits = Limits::of(run.experiment());
    let summary = execute(&mut run, &evaluator, &limits, &flag, &mut |event| {
        if let Event::Epoch { trial: 1, report } = event
            && report.epoch == 3
        {
            flag.request();
        }
    })
    .unwrap();
    assert_eq!((summary.reason, summary.done), (EndReason::Interrupted, 0));
    drop(run);
    assert_eq!(RunReader::open(stopped.path()).unwrap().trials().unwrap()[0].state, TrialState::Stopped);
    drive(&mut Run::open(stopped.path()).unwrap(), &evaluator, &mut |_| {}).unwrap();
    assert_eq!(essence(whole.path()), essence(stopped.path()));
}

/// Small trainings on real data.
const THREE_FOLDS: [&str; 8] = [
    "search.trials=3",
    "search.folds=3",
    "data.subset=200",
    "train.epochs=1",
    "space.kind=mlp",
    "space.bounds=",
    "bounds.hard=[]",
    "bounds.model_size=",
];

#[test]
fn a_training_on_a_fold_is_one_of_those_that_the_mean_is_of() {
    let experiment = experiment(&[&THREE_FOLDS[..], &["data.normalise=mean-std"]].concat());
    let evaluator = TrainingEvaluator::new(&experiment, experiment.load_data().unwrap().into()).unwrap();
    let task = evaluator.task();
    let architecture = Space::named("mlp", "wide").unwrap().sample(&mut ChaCha8Rng::seed_from_u64(3));
    let on_fold = |fold: u32, seed| {
        let assignment = Assignment {
            trial: 1,
            graph: architecture.lower(task.input, task.classes()),
            epochs: 1,
            rungs: vec![1],
            seed,
            fold,
            sparsity: None,
            checkpoint: None,
        };
        (evaluator.evaluate(&assignment, &mut |_| ControlFlow::Continue(())).unwrap(), assignment)
    };
    let errors = |found: &Evaluated| [found.validation.error, found.in_int8.unwrap().error];
    let (first, assignment) = on_fold(0, 7);
    let others = [1, 2].map(|fold| on_fold(fold, fold_seed(7, fold)).0);
    let mean =
        |which: usize| (errors(&first)[which] + errors(&others[0])[which] + errors(&others[1])[which]) / 3.0;
    let judged =
        evaluator.evaluate_folds(&assignment, first.clone(), None, &mut |_| ControlFlow::Continue(()));
    for (error, mean) in errors(&judged.unwrap()).into_iter().zip([mean(0), mean(1)]) {
        assert!((error - mean).abs() < 1e-12, "{error} {mean}");
    }
    let same_draws = on_fold(1, 7).0;
    assert_ne!(same_draws.weights, first.weights, "the samples are others");
    let normalisation = |fold| evaluator.data(fold).unwrap().normalisation.clone();
    assert_ne!(normalisation(0), normalisation(1), "of other training samples");
    assert_eq!(evaluator.data(3), None);
}

#[test]
fn real_trainings_on_folds_are_reproducible() {
    let experiment = experiment(&THREE_FOLDS);
    let dataset = Arc::new(experiment.load_data().unwrap());
    assert_eq!(dataset.folds(), 3);
    let evaluator = TrainingEvaluator::new(&experiment, Arc::clone(&dataset)).unwrap();
    let [first, second] = [tempdir().unwrap(), tempdir().unwrap()].map(|dir| {
        let mut run = Run::create(dir.path(), experiment.clone(), &Task::of(&dataset)).unwrap();
        execute(&mut run, &evaluator, &Limits::of(&experiment), &StopFlag::default(), &mut |_| {}).unwrap();
        essence(dir.path())
    });
    assert_eq!(first, second);
    let outcome = first[0].0.outcome().unwrap();
    assert_eq!(outcome.folds, 3, "the first is on the front");
    let of_first_fold = first[0].1.iter().map(|epoch| epoch.validation_error).fold(1.0, f64::min);
    assert!((outcome.validation_error - of_first_fold).abs() > 1e-9, "the mean of three parts");
}
