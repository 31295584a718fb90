use tempfile::tempdir;

use munas_search::Bounds;

use super::*;
use crate::store::run::RunReader;
use crate::testing::{Synthetic, experiment, search};

/// Trials of one search with errors, standard errors and model sizes in place of their own.
fn trials(figures: &[(f64, f64, u64)]) -> Vec<TrialRecord> {
    let dir = tempdir().unwrap();
    search(dir.path(), &experiment(&["search.trials=1"]), &Synthetic::new());
    let model = RunReader::open(dir.path()).unwrap().trials().unwrap().remove(0);
    let with = |(trial, &(error, stderr, size)): (u64, &(f64, f64, u64))| {
        let mut record = TrialRecord { trial, ..model.clone() };
        record.candidate.resources.model_size = size;
        let outcome = record.outcome.as_mut().expect("it is done");
        outcome.validation_error = error;
        outcome.validation_stderr = Some(stderr);
        record
    };
    (1..).zip(figures).map(with).collect()
}

fn chosen(figures: &[(f64, f64, u64)], bounds: &Bounds, count: usize) -> Vec<u64> {
    choose(&trials(figures), bounds, count)
}

#[test]
fn the_least_error_comes_first_then_what_dominates_most() {
    let bounds = Bounds::hard([(Objective::ModelSize, 1000.0)]);
    // The first is next to the bound; the third adds more to the second than the fourth does.
    let front = [(0.010, 0.0, 990), (0.011, 0.0, 500), (0.016, 0.0, 100), (0.0158, 0.0, 120)];
    assert_eq!(chosen(&front, &bounds, 9), [1, 2, 3, 4]);
    assert_eq!(chosen(&front, &bounds, 2), [1, 2]);
    assert_eq!(chosen(&[], &bounds, 2), Vec::<u64>::new());
}

#[test]
fn neighbours_within_a_standard_error_come_with_it() {
    let bounds = Bounds::hard([(Objective::ModelSize, 1000.0)]);
    let front =
        [(0.010, 0.003, 990), (0.0135, 0.0, 100), (0.012, 0.0, 700), (0.011, 0.0, 800), (0.0129, 0.0, 600)];
    assert_eq!(chosen(&front, &bounds, 9)[..3], [1, 4, 3], "the two nearest, however little they add");
}

#[test]
fn what_nobody_wants_is_no_finalist() {
    let bounds = Bounds::hard([(Objective::ModelSize, 1000.0)]);
    assert_eq!(
        chosen(&[(0.9, 0.0, 2), (0.02, 0.0, 500)], &bounds, 9),
        [2],
        "a midget that is nearly always wrong"
    );
    assert_eq!(chosen(&[(0.01, 0.0, 2000), (0.5, 0.0, 900)], &bounds, 9), [2], "beyond a bound");
    let soft = Bounds::soft([(Objective::Error, 0.1), (Objective::ModelSize, 1000.0)]);
    assert_eq!(chosen(&[(0.01, 0.0, 2000), (0.2, 0.0, 1500)], &soft, 9), [2], "none is within: the nearest");
    assert_eq!(
        chosen(&[(0.2, 0.0, 900), (0.3, 0.0, 100)], &soft, 9),
        [1, 2],
        "the bound on the error is met by none"
    );
    assert_eq!(chosen(&[(0.2, 0.0, 900), (0.09, 0.0, 950)], &soft, 9), [2]);
}

#[test]
fn without_bounds_all_resources_count() {
    let front = [(0.01, 0.0, 900), (0.02, 0.0, 100), (0.9, 0.0, 2)];
    assert_eq!(chosen(&front, &Bounds::default(), 9), [1, 2]);
}

/// Against the definition: what the whole front dominates, less what the others do.
#[test]
fn exclusive_volumes_are_what_is_lost_with_a_point() {
    let points =
        [vec![-3.0, -1.0, -2.0], vec![-1.0, -3.0, -1.0], vec![-2.0, -2.0, -0.5], vec![-0.5, -0.5, -0.5]];
    let whole = pareto::hypervolume(&points, &[0.0; 3]);
    for (index, volume) in exclusive_volumes(&points).into_iter().enumerate() {
        let others: Vec<_> =
            (0..points.len()).filter(|other| *other != index).map(|other| &points[other]).collect();
        let expected = whole - pareto::hypervolume(&others, &[0.0; 3]);
        assert!((volume - expected).abs() < 1e-9, "{index}: {volume} {expected}");
    }
}

#[test]
fn time_buys_the_first_of_them_and_at_least_one() {
    assert_eq!(affordable(&[10.0, 5.0, 5.0], 15.0), 2);
    assert_eq!(affordable(&[10.0, 5.0], 1.0), 1);
    assert_eq!(affordable(&[0.0, 0.0, 1.0], 0.5), 2);
}
