use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::{NATURAL_BYTES, NATURAL_ERROR, NATURAL_MACS, Scalarisation, scales};
use crate::objective::{Bounds, Objective, ObjectiveValues};

/// Values of the first objectives, in their order; the others have none.
fn values<const N: usize>(first: [Option<f64>; N]) -> ObjectiveValues {
    let mut values = ObjectiveValues::default();
    for (objective, value) in Objective::ALL.into_iter().zip(first) {
        values[objective] = value;
    }
    values
}

fn scalarisation(bounds: &Bounds, weights: [f64; 5]) -> Scalarisation {
    Scalarisation { scales: scales(bounds), weights: values(weights.map(Some)) }
}

#[test]
fn fitness_is_the_published_formula() {
    let bounds = Bounds::soft([
        (Objective::Error, 0.1),
        (Objective::PeakMemory, 1000.0),
        (Objective::ModelSize, 2000.0),
        (Objective::Macs, 100.0),
    ]);
    let values = values([Some(0.05), Some(3000.0), Some(1000.0), Some(50.0)]);
    // Ratios to the bounds: 0.5, 3, 0.5, 0.5.
    assert_eq!(scalarisation(&bounds, [1.0; 5]).fitness(&values), -3.0);
    assert_eq!(scalarisation(&bounds, [0.125, 1.0, 1.0, 1.0, 1.0]).fitness(&values), -4.0);
    assert_eq!(scalarisation(&bounds, [1.0, 1.0, 0.25, 0.1, 1.0]).fitness(&values), -5.0);
}

#[test]
fn excess_counts_at_most_tenfold() {
    let bounds = Bounds::soft([(Objective::Error, 0.1), (Objective::Macs, 100.0)]);
    let values = values([Some(0.1), None, None, Some(1e6)]);
    assert_eq!(scalarisation(&bounds, [1.0, 1.0, 1.0, 0.5, 1.0]).fitness(&values), -20.0);
}

#[test]
fn objectives_without_a_bound_do_not_take_part() {
    let bounds = Bounds::soft([(Objective::Error, 0.5), (Objective::Latency, 2.0)]);
    let values = values([Some(0.5), Some(1e9), Some(1e9), Some(1e9), Some(3.0)]);
    assert_eq!(scalarisation(&bounds, [1.0; 5]).fitness(&values), -1.5);
}

#[test]
fn the_error_always_takes_part() {
    let bounds = Bounds::soft([(Objective::PeakMemory, 1000.0)]);
    assert_eq!(scales(&bounds), values([Some(NATURAL_ERROR), Some(1000.0)]));
}

#[test]
fn without_bounds_the_natural_scales_apply() {
    let expected = [NATURAL_ERROR, NATURAL_BYTES, NATURAL_BYTES, NATURAL_MACS].map(Some);
    assert_eq!(scales(&Bounds::default()), values(expected));
}

#[test]
fn weights_are_uniform_and_independent() {
    const DRAWS: usize = 20_000;
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let bounds = Bounds::soft([(Objective::Flash, 1e6)]);
    let draws: Vec<Vec<f64>> = (0..DRAWS)
        .map(|_| Scalarisation::draw(&bounds, &mut rng).weights.iter().map(|(_, weight)| weight).collect())
        .collect();
    let mean = |f: &dyn Fn(&Vec<f64>) -> f64| draws.iter().map(f).sum::<f64>() / DRAWS as f64;
    // Five, and that of the flash, which is bounded.
    for i in 0..6 {
        assert!(draws.iter().all(|weights| 0.0 < weights[i] && weights[i] <= 1.0));
        // Six standard deviations of a mean of so many uniform numbers.
        assert!((mean(&|weights| weights[i]) - 0.5).abs() < 6.0 * (1.0 / 12.0 / DRAWS as f64).sqrt());
        for j in 0..i {
            let covariance = mean(&|weights| (weights[i] - 0.5) * (weights[j] - 0.5));
            assert!(covariance.abs() < 6.0 / 12.0 / (DRAWS as f64).sqrt());
        }
    }
}

#[test]
fn objectives_that_do_not_take_part_leave_the_draws_as_they_are() {
    let draw = |bounds: &Bounds| Scalarisation::draw(bounds, &mut ChaCha8Rng::seed_from_u64(3)).weights;
    let (without, with) = (draw(&Bounds::default()), draw(&Bounds::soft([(Objective::Energy, 1.0)])));
    assert_eq!(without.iter().count(), 5);
    assert!(without.iter().all(|(objective, weight)| with[objective] == Some(weight)));
}
