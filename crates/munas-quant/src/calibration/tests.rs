use munas_ir::{Graph, GraphBuilder, Op, PoolKind, Shape, TensorId, TensorQuantisation, Weights, Window};
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{Calibration, calibrate, histogram::Histogram};
use crate::FloatExecutor;
use crate::testing::Case;

const METHODS: [Calibration; 4] = [
    Calibration::MinMax,
    Calibration::MovingAverage { momentum: 0.9, batch: 2 },
    Calibration::Percentile(99.0),
    Calibration::Mse,
];

/// A network that hands its input of two elements on.
fn identity() -> (Graph, Weights) {
    let mut builder = GraphBuilder::new(Shape::flat(2)).unwrap();
    let pool = Op::Pool { kind: PoolKind::Max, window: Window::square(1) };
    builder.push(pool, &[TensorId::INPUT]).unwrap();
    let graph = builder.finish().unwrap();
    let weights = Weights::new(&graph, vec![None]).unwrap();
    (graph, weights)
}

fn ranges_of(samples: &[[f32; 2]], calibration: &Calibration) -> [f32; 2] {
    let (graph, weights) = identity();
    let ranges = calibrate(&graph, &weights, samples.iter().map(<[f32; 2]>::as_slice), calibration);
    assert_eq!(ranges[0], ranges[1]);
    ranges[0]
}

#[test]
fn extremes_are_those_of_all_samples() {
    let samples = [[1.0, 2.0], [-3.0, 0.5], [4.0, 0.0]];
    assert_eq!(ranges_of(&samples, &Calibration::MinMax), [-3.0, 4.0]);
    assert_eq!(ranges_of(&samples[..1], &Calibration::MinMax), [1.0, 2.0]);
}

#[test]
fn averages_move_from_batch_to_batch() {
    let samples = [[1.0, 2.0], [0.0, 3.0], [-1.0, 7.0], [0.0, 0.0], [-8.0, 8.0]];
    let calibration = Calibration::MovingAverage { momentum: 0.75, batch: 2 };
    // Batches: [0, 3], [−1, 7] and [−8, 8].
    assert_eq!(ranges_of(&samples, &calibration), [0.75 * -0.25 - 2.0, 0.75 * 4.0 + 2.0]);
}

#[test]
fn percentiles_cut_off_a_share() {
    let samples: Vec<[f32; 2]> =
        (0..500).map(|index| [index as f32 / 500.0, -(index as f32) / 500.0]).chain([[80.0, 0.0]]).collect();
    let [low, high] = ranges_of(&samples, &Calibration::Percentile(99.0));
    // To within a bin of 81/2048.
    assert!((low + 0.98).abs() < 0.05 && (high - 0.98).abs() < 0.05, "{low} to {high}");
    let [low, high] = ranges_of(&samples, &Calibration::Percentile(100.0));
    assert!((low + 0.998).abs() < 1e-4 && (high - 80.0).abs() < 1e-4, "{low} to {high}");
}

#[test]
fn the_least_squares_weigh_outliers_against_rounding() {
    const VALUES: u32 = 400_000;
    const OUTLIER: f64 = 6.0;
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    let mut samples: Vec<[f32; 2]> =
        (0..VALUES / 2).map(|_| [rng.random_range(-1.0..2.0), rng.random_range(-1.0..2.0)]).collect();
    let [low, high] = ranges_of(&samples, &Calibration::Mse);
    assert!((low + 1.0).abs() < 0.02 && (high - 2.0).abs() < 0.02, "{low} to {high}");
    samples.push([OUTLIER as f32, 0.0]);
    let [low, high] = ranges_of(&samples, &Calibration::Mse);
    // (6 − h)² for what is cut off, n·s²/12 for rounding in steps of s = (1 + h)/255.
    let weight = f64::from(VALUES) / (12.0 * 255.0 * 255.0);
    let cost = |high: f64| (OUTLIER - high).powi(2) + weight * (1.0 + high).powi(2);
    let least = cost((OUTLIER - weight) / (1.0 + weight));
    assert!((low + 1.0).abs() < 0.05, "{low} to {high}");
    assert!(
        cost(f64::from(high)) < 1.02 * least && 1.1 * least < cost(2.0).min(cost(6.0)),
        "{low} to {high}"
    );
}

#[test]
fn partial_sums_are_counted_in() {
    let mut builder = GraphBuilder::new(Shape::new(2, 1, 1)).unwrap();
    let pool = |kind| Op::Pool { kind, window: Window::new(2, 1) };
    let most = builder.push(pool(PoolKind::Max), &[TensorId::INPUT]).unwrap();
    let mean = builder.push(pool(PoolKind::Avg), &[TensorId::INPUT]).unwrap();
    let sum = builder.push(Op::Add, &[most, most, mean]).unwrap();
    let graph = builder.finish().unwrap();
    let weights = Weights::new(&graph, vec![None; 3]).unwrap();
    // Of 1 and −9 the largest is 1, the mean −4: the sum is −2, but 2 on the way.
    let sample: &[f32] = &[1.0, -9.0];
    let ranges = calibrate(&graph, &weights, std::iter::once(sample), &Calibration::MinMax);
    assert_eq!(ranges[sum.index()], [-2.0, 2.0]);
    assert_eq!(ranges[mean.index()], [-4.0, -4.0]);
}

#[test]
fn without_samples_all_is_zero() {
    let case = Case::random(5, 0);
    for calibration in METHODS {
        let ranges = calibrate(&case.graph, &case.weights, case.samples(), &calibration);
        assert_eq!(ranges, vec![[0.0, 0.0]; case.graph.shapes().len()], "{calibration:?}");
    }
}

#[test]
#[should_panic(expected = "a percentile lies in (50, 100]")]
fn percentiles_of_the_wrong_end_are_refused() {
    ranges_of(&[], &Calibration::Percentile(1.0));
}

/// The mean squared error of values quantised to a range.
fn error(values: &[f32], [low, high]: [f32; 2]) -> f64 {
    let quantisation = TensorQuantisation::from_range(low, high);
    let errors =
        values.iter().map(|&value| f64::from(quantisation.dequantise(quantisation.quantise(value)) - value));
    errors.map(|error| error * error).sum::<f64>() / values.len() as f64
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn ranges_lie_within_the_extremes(seed: u64) {
        let case = Case::random(seed, 6);
        let widest = calibrate(&case.graph, &case.weights, case.samples(), &Calibration::MinMax);
        let mut executor = FloatExecutor::new(&case.graph, &case.weights);
        for calibration in METHODS {
            let ranges = calibrate(&case.graph, &case.weights, case.samples(), &calibration);
            for ([low, high], [least, most]) in ranges.into_iter().zip(&widest) {
                // An average of equal numbers is rounded too.
                let slack = 1e-5 * (most - least) + 1e-6 * most.abs().max(least.abs());
                prop_assert!(low <= high && low >= least.min(0.0) - slack && high <= most.max(0.0) + slack);
            }
        }
        for sample in case.samples() {
            for (values, [least, most]) in executor.run(sample).iter().zip(&widest) {
                prop_assert!(values.iter().all(|value| (least..=most).contains(&value)));
            }
        }
    }

    #[test]
    fn quantiles_are_exact_to_a_bin_however_far_the_values_grow(
        seed: u64,
        exponent in 1..6_i32,
        chunk in 1..200_usize,
        share in 0.0..=1.0_f64,
    ) {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let growing = |step: usize| rng.random_range(-1.0_f32..1.5).powi(exponent) * (1.0 + step as f32);
        let mut values: Vec<f32> = (0..2000).map(growing).collect();
        let mut histogram = Histogram::new();
        values.chunks(chunk).for_each(|values| histogram.add(values));
        values.sort_by(f32::total_cmp);
        let width = values[values.len() - 1] - values[0];
        let found = histogram.quantile(share);
        let rank = (share * values.len() as f64) as usize;
        let below = values[rank.saturating_sub(1)];
        let above = values[rank.min(values.len() - 1)];
        // A bin covers up to GROWTH / BINS of them, and what was moved lies one further at most.
        let slack = width / 500.0;
        prop_assert!((below - slack..=above + slack).contains(&found), "{found} is not near {below} to {above}");
    }

    #[test]
    fn the_least_squares_are_not_above_those_of_all_values(
        seed: u64,
        exponent in 1..6_i32,
        count in 100..2000_usize,
    ) {
        // Higher powers have heavier tails.
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let values: Vec<f32> = (0..count).map(|_| rng.random_range(-1.0_f32..1.5).powi(exponent)).collect();
        let low = values.iter().copied().fold(f32::INFINITY, f32::min);
        let high = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let mut histogram = Histogram::new();
        histogram.add(&values);
        let (found, widest) = (error(&values, histogram.least_squares_range()), error(&values, [low, high]));
        prop_assert!(found <= 1.05 * widest, "{} against {}", found, widest);
    }
}
