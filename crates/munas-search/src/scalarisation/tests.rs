use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::{NATURAL_BYTES, NATURAL_ERROR, NATURAL_MACS, Scalarisation, scales};
use crate::objective::Bounds;

fn scalarisation(bounds: &Bounds, weights: [f64; 5]) -> Scalarisation {
    Scalarisation { scales: scales(bounds), weights }
}

#[test]
fn fitness_is_the_published_formula() {
    let bounds = Bounds {
        error: Some(0.1),
        peak_memory: Some(1000),
        model_size: Some(2000),
        macs: Some(100),
        ..Bounds::default()
    };
    let values = [Some(0.05), Some(3000.0), Some(1000.0), Some(50.0), None];
    // Ratios to the bounds: 0.5, 3, 0.5, 0.5.
    assert_eq!(scalarisation(&bounds, [1.0; 5]).fitness(&values), -3.0);
    assert_eq!(scalarisation(&bounds, [0.125, 1.0, 1.0, 1.0, 1.0]).fitness(&values), -4.0);
    assert_eq!(scalarisation(&bounds, [1.0, 1.0, 0.25, 0.1, 1.0]).fitness(&values), -5.0);
}

#[test]
fn excess_counts_at_most_tenfold() {
    let bounds = Bounds { error: Some(0.1), macs: Some(100), ..Bounds::default() };
    let values = [Some(0.1), None, None, Some(1e6), None];
    assert_eq!(scalarisation(&bounds, [1.0, 1.0, 1.0, 0.5, 1.0]).fitness(&values), -20.0);
}

#[test]
fn objectives_without_a_bound_do_not_take_part() {
    let bounds = Bounds { error: Some(0.5), latency_ms: Some(2.0), ..Bounds::default() };
    let values = [Some(0.5), Some(1e9), Some(1e9), Some(1e9), Some(3.0)];
    assert_eq!(scalarisation(&bounds, [1.0; 5]).fitness(&values), -1.5);
}

#[test]
fn the_error_always_takes_part() {
    let bounds = Bounds { peak_memory: Some(1000), ..Bounds::default() };
    assert_eq!(scales(&bounds), [Some(NATURAL_ERROR), Some(1000.0), None, None, None]);
}

#[test]
fn without_bounds_the_natural_scales_apply() {
    let expected = [Some(NATURAL_ERROR), Some(NATURAL_BYTES), Some(NATURAL_BYTES), Some(NATURAL_MACS), None];
    assert_eq!(scales(&Bounds::default()), expected);
}

#[test]
fn weights_are_uniform_and_independent() {
    const DRAWS: usize = 20_000;
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let draws: Vec<_> =
        (0..DRAWS).map(|_| Scalarisation::draw(&Bounds::default(), &mut rng).weights).collect();
    let mean = |f: &dyn Fn(&[f64; 5]) -> f64| draws.iter().map(f).sum::<f64>() / DRAWS as f64;
    for i in 0..5 {
        assert!(draws.iter().all(|weights| 0.0 < weights[i] && weights[i] <= 1.0));
        // Six standard deviations of a mean of so many uniform numbers.
        assert!((mean(&|weights| weights[i]) - 0.5).abs() < 6.0 * (1.0 / 12.0 / DRAWS as f64).sqrt());
        for j in 0..i {
            let covariance = mean(&|weights| (weights[i] - 0.5) * (weights[j] - 0.5));
            assert!(covariance.abs() < 6.0 / 12.0 / (DRAWS as f64).sqrt());
        }
    }
}
