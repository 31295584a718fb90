use tempfile::tempdir;

use munas_search::pareto;

use super::*;
use crate::store::run::RunReader;
use crate::testing::{Synthetic, experiment, search};
use crate::trial::COMMON_OBJECTIVES;

#[test]
fn taking_one_trial_after_the_other_gives_the_front_of_all() {
    let dir = tempdir().unwrap();
    search(dir.path(), &experiment(&["search.trials=60"]), &Synthetic { failures: true, ..Synthetic::new() });
    let records = RunReader::open(dir.path()).unwrap().trials().unwrap();
    let mut front = Front::new(&Bounds::default());
    for (index, record) in records.iter().enumerate() {
        if front.accepts(record) {
            front.insert(record);
        }
        let seen: Vec<_> = records[..=index].iter().filter(|record| record.outcome().is_some()).collect();
        let points: Vec<Vec<f64>> =
            seen.iter().filter_map(|record| record.point(&COMMON_OBJECTIVES)).collect();
        let expected: Vec<u64> = pareto::front(&points).into_iter().map(|index| seen[index].trial).collect();
        let found: Vec<u64> =
            seen.iter().map(|record| record.trial).filter(|&trial| front.contains(trial)).collect();
        assert_eq!(found, expected, "after trial {}", record.trial);
    }
}

#[test]
fn what_rests_is_on_the_front_only_as_long_as_nothing_was_trained_in_full() {
    let dir = tempdir().unwrap();
    search(dir.path(), &experiment(&["search.trials=6"]), &Synthetic::new());
    let mut records = RunReader::open(dir.path()).unwrap().trials().unwrap();
    for (record, epochs) in records.iter_mut().zip([1, 1, 1, 3, 1, 3]) {
        record.outcome.as_mut().unwrap().epochs = epochs;
    }
    let mut front = Front::of(&records[..3], &Bounds::default());
    let resting: Vec<u64> = (1..=3).filter(|&trial| front.contains(trial)).collect();
    assert!(!resting.is_empty());
    assert!(front.accepts(&records[3]), "whatever its error");
    assert_eq!(front.insert(&records[3]), resting);
    assert!(!front.accepts(&records[4]) && front.contains(4));
    // A better result of a trial takes the place of its own.
    let mut front = Front::of(&records[..1], &Bounds::default());
    records[0].outcome.as_mut().unwrap().validation_error = 0.0;
    assert!(front.accepts(&records[0]) && front.insert(&records[0]).is_empty() && front.contains(1));
}

#[test]
fn the_best_trials_by_each_objective_and_within_the_bounds_are_on_it() {
    let dir = tempdir().unwrap();
    let experiment = experiment(&["search.trials=60"]);
    search(dir.path(), &experiment, &Synthetic::new());
    let records = RunReader::open(dir.path()).unwrap().trials().unwrap();
    let front = Front::of(&records, &experiment.bounds);
    let on_front = || records.iter().filter(|record| front.contains(record.trial));
    let least = |records: &mut dyn Iterator<Item = &TrialRecord>, objective| {
        let values = records.filter_map(|record| record.candidate.objectives(record.error())[objective]);
        values.min_by(f64::total_cmp).unwrap()
    };
    for objective in COMMON_OBJECTIVES {
        assert_eq!(least(&mut on_front(), objective), least(&mut records.iter(), objective));
    }
    let within = |record: &&TrialRecord| record.in_bounds(&experiment.bounds);
    let all = least(&mut records.iter().filter(within), Objective::Error);
    assert_eq!(least(&mut on_front().filter(within), Objective::Error), all);
}

#[test]
fn a_trial_stays_on_the_front_up_to_the_error_of_those_that_take_no_more() {
    let dir = tempdir().unwrap();
    search(dir.path(), &experiment(&["search.trials=60"]), &Synthetic::new());
    let records = RunReader::open(dir.path()).unwrap().trials().unwrap();
    let front = Front::of(&records, &Bounds::default());
    for record in &records {
        let limit = front.largest_error(record);
        let with_error = |error: f64| {
            let mut record = record.clone();
            record.outcome.as_mut().unwrap().validation_error = error;
            front.accepts(&record)
        };
        assert!(with_error(limit - 1e-9) && !with_error(limit + 1e-9), "trial {}: {limit}", record.trial);
    }
    assert_eq!(Front::new(&Bounds::default()).largest_error(&records[0]), f64::INFINITY);
}
