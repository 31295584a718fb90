use tempfile::tempdir;

use super::*;
use crate::executor::event::Event;
use crate::judge::Metric;
use crate::store::run::Run;
use crate::testing::{EPOCHS, Synthetic, drive, experiment, search};

#[test]
fn a_finished_run_is_counted() {
    let dir = tempdir().unwrap();
    search(dir.path(), &experiment(&[]), &Synthetic { failures: true, ..Synthetic::new() });
    let reader = RunReader::open(dir.path()).unwrap();
    let status = status(&reader).unwrap();
    let records = reader.trials().unwrap();
    assert_eq!((status.done, status.failed, status.stopped, status.running), (11, 3, 0, 0));
    assert_eq!((status.trials_limit, status.ended(), status.active), (14, 14, false));
    assert_eq!(status.remaining, None, "nobody is working on it");
    let bounds = &reader.experiment().bounds;
    let within = |bounds: &Bounds| -> Vec<&TrialRecord> {
        let are_met = |record: &&TrialRecord| bounds.are_met(&record.candidate.objectives(record.error()));
        records.iter().filter(are_met).collect()
    };
    assert_eq!(status.in_bounds, within(bounds).len() as u64);
    assert_eq!(status.in_bounds_share(), Some(within(bounds).len() as f64 / 11.0));
    let refused: u64 = records.iter().map(|record| record.proposal.refused.total()).sum();
    assert!(refused > 0, "the bounds of the test refuse draws");
    assert_eq!(status.refused.total(), refused);
    assert_eq!(status.only_failures, None);
    let least =
        |records: &[&TrialRecord]| records.iter().filter_map(|record| record.error()).min_by(f64::total_cmp);
    assert_eq!(status.best.unwrap().error(), least(&records.iter().collect::<Vec<_>>()));
    let mut resources_only = bounds.clone();
    resources_only.values[Objective::Error] = None;
    assert_eq!(status.best_in_bounds.unwrap().error(), least(&within(&resources_only)));
}

#[test]
fn the_best_is_on_the_front() {
    let dir = tempdir().unwrap();
    search(dir.path(), &experiment(&["search.trials=40"]), &Synthetic::new());
    let reader = RunReader::open(dir.path()).unwrap();
    let front = front(&reader).unwrap();
    let mut records = reader.trials().unwrap();
    // An earlier trial has the error of the best, and needs more memory.
    let best = front[0].clone();
    let mut dominated = best.clone();
    dominated.trial = 0;
    dominated.candidate.resources.peak_memory += 1;
    records.insert(0, dominated);
    assert_eq!(front_of(&records, &reader.experiment().bounds), front);
    assert_eq!(status(&reader).unwrap().best.map(|record| record.trial), Some(best.trial));
    let fitting = status(&reader).unwrap().best_in_bounds.unwrap();
    assert!(front.contains(&fitting) && reader.model_path(fitting.trial).is_some());
}

#[test]
fn where_everything_failed_the_first_reason_is_told() {
    let dir = tempdir().unwrap();
    search(dir.path(), &experiment(&[]), &Synthetic { failures: true, ..Synthetic::new() });
    let records = RunReader::open(dir.path()).unwrap().trials().unwrap();
    assert_eq!(only_failures(&records), None, "some trials have a result");
    let without: Vec<_> = records.into_iter().filter(|record| record.outcome().is_none()).collect();
    let first = Failure { trial: 4, reason: "panic: index out of bounds".to_owned() };
    assert_eq!(only_failures(&without), Some(first));
    assert_eq!(only_failures(&[]), None);
}

#[test]
fn a_running_search_is_read_beside_it() {
    let dir = tempdir().unwrap();
    let evaluator = Synthetic { uneven: true, ..Synthetic::new() };
    let mut run = Run::create(dir.path(), experiment(&["search.workers=2"]), &evaluator.task).unwrap();
    let before = status(&RunReader::open(dir.path()).unwrap()).unwrap();
    assert_eq!((before.ended(), before.trials_limit, before.session), (0, 14, None));
    let mut ended = 0;
    drive(&mut run, &evaluator, &mut |event| {
        let reader = RunReader::open(dir.path()).unwrap();
        let status = status(&reader).unwrap();
        ended += u64::from(matches!(event, Event::TrialFinished { .. }));
        assert!(status.active);
        assert_eq!(status.ended(), ended);
        assert!(status.running <= 2);
        assert_eq!(status.remaining.is_some(), status.trials_per_hour.is_some());
        assert_eq!(front(&reader).unwrap().is_empty(), ended == 0);
    })
    .unwrap();
    assert_eq!(ended, 14);
}

#[test]
fn the_rate_is_that_of_the_clock() {
    let side_by_side = [(2_000, 3_000), (1_000, 2_500), (1_000, 2_000)];
    assert_eq!(seconds_per_trial(&side_by_side), Some(2.0 / 3.0));
    // The first one rested, and went on long after the others.
    assert_eq!(seconds_per_trial(&[(1_500, 2_000), (1_000, 9_000)]), Some(4.0));
    assert_eq!((seconds_per_trial(&[]), seconds_per_trial(&[(5, 5)])), (None, None));
}

#[test]
fn the_front_is_sorted_by_error() {
    let dir = tempdir().unwrap();
    search(dir.path(), &experiment(&["search.trials=40"]), &Synthetic::new());
    let front = front(&RunReader::open(dir.path()).unwrap()).unwrap();
    let errors: Vec<f64> = front.iter().filter_map(TrialRecord::error).collect();
    assert!(errors.len() > 2 && errors.is_sorted());
}

#[test]
fn the_error_in_int8_drives_where_it_is_asked_to() {
    let dir = tempdir().unwrap();
    let [float, int8] = ["float", "int8"].map(|driving| {
        let dir = dir.path().join(driving);
        let experiment = experiment(&["search.trials=40", &format!("search.error={driving}")]);
        search(&dir, &experiment, &Synthetic::new());
        RunReader::open(&dir).unwrap()
    });
    let front = front(&int8).unwrap();
    let errors: Vec<f64> = front.iter().filter_map(|trial| trial.outcome()?.int8_error).collect();
    assert!(errors.len() > 2 && errors.is_sorted());
    assert_eq!(status(&int8).unwrap().best.unwrap().error(), Some(errors[0]));
    // Once the population is full, what is drawn depends on the error.
    let drawn = |reader: &RunReader| -> Vec<_> {
        reader.trials().unwrap().into_iter().map(|record| record.candidate.architecture).collect()
    };
    let (by_float, by_int8) = (drawn(&float), drawn(&int8));
    assert!(by_float[0] == by_int8[0] && by_float != by_int8);
}

#[test]
fn the_metric_drives_where_it_is_asked_to() {
    let dir = tempdir().unwrap();
    let of = |metric: Metric| {
        let dir = dir.path().join(metric.name());
        let experiment = experiment(&["search.trials=40", &format!("search.metric={metric}")]);
        search(&dir, &experiment, &Synthetic::new());
        RunReader::open(&dir).unwrap()
    };
    let readers = Metric::ALL.map(of);
    let drawn = readers.each_ref().map(|reader| -> Vec<_> {
        reader.trials().unwrap().into_iter().map(|record| record.candidate.architecture).collect()
    });
    // Once the population is full, what is drawn depends on the error.
    assert!(drawn[0][0] == drawn[1][0] && drawn[0] != drawn[1] && drawn[0] != drawn[2]);
    for (metric, reader) in Metric::ALL.into_iter().zip(&readers) {
        let front = front(reader).unwrap();
        let errors: Vec<f64> = front.iter().filter_map(|trial| trial.outcome()?.validation(metric)).collect();
        assert!(errors.len() > 2 && errors.is_sorted(), "{metric}");
        assert_eq!(status(reader).unwrap().best.unwrap().error(), Some(errors[0]));
        assert_eq!(front[0].stderr(), Some(0.01));
        // A bound on the error is one on this error.
        let bound = Bounds::soft([(Objective::Error, errors[0])]);
        let within = reader.trials().unwrap().iter().filter(|trial| trial.in_bounds(&bound)).count();
        assert_eq!(within, 1, "{metric}");
        assert!(crate::replay(reader).unwrap().difference.is_none());
    }
    let both = experiment(&["search.trials=20", "search.error=int8", "search.metric=balanced"]);
    search(&dir.path().join("both"), &both, &Synthetic::new());
    for record in RunReader::open(&dir.path().join("both")).unwrap().trials().unwrap() {
        assert_eq!(record.error(), record.outcome().unwrap().int8_balanced_error);
        assert_eq!(record.stderr(), Some(0.01));
    }
}

#[test]
fn one_trial_comes_with_its_curve() {
    let dir = tempdir().unwrap();
    search(dir.path(), &experiment(&[]), &Synthetic::new());
    let reader = RunReader::open(dir.path()).unwrap();
    let details = trial(&reader, 5).unwrap();
    assert_eq!(details.record, reader.trials().unwrap()[4]);
    assert!(details.curve.iter().map(|report| report.epoch).eq(1..=EPOCHS));
    for missing in [0, 15, u64::MAX] {
        assert!(matches!(trial(&reader, missing), Err(StoreError::NoTrial { .. })), "{missing}");
    }
}
