//! Ranges of activations, measured on samples in f32.
//!
//! The range of a sum of more than two tensors counts the partial sums in, which have the same parameters: they would be cut
//! off where a later summand outweighs them.
//!
//! | method | cost | what it is good for |
//! |---|---|---|
//! | min/max | one pass over the samples | nothing is cut off; an outlier makes every step coarse |
//! | moving average | one pass | outliers of single batches count less |
//! | percentile | one pass | a fixed share of the values is cut off at each end |
//! | mean squared error | one pass and a search | weighs what is cut off against what is rounded |

mod histogram;
mod text;

use munas_ir::{Graph, Weights};

use crate::FloatExecutor;
use histogram::Histogram;

pub use text::UnknownCalibration;

/// How ranges are chosen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Calibration {
    /// From the smallest to the largest value of all samples.
    MinMax,
    /// Moving averages of the smallest and largest value of batches of samples.
    MovingAverage {
        /// What an average keeps of itself when it sees another batch, in [0, 1).
        momentum: f32,
        /// Samples of a batch, at least 1.
        batch: usize,
    },
    /// From the (100 − p)th to the pth percentile of all values; p in (50, 100].
    Percentile(f32),
    /// The range with the least mean squared error of the quantised values.
    Mse,
}

/// The range of values of each tensor of `graph`, indexed by `TensorId::index`, on inputs in (h, w, c) order; that of
/// nothing but zeros without samples.
///
/// # Panics
/// If `weights` do not belong to `graph`, a sample is not of the length of the network's input, or a number of the method is
/// out of its range.
pub fn calibrate<'a>(
    graph: &Graph,
    weights: &Weights,
    samples: impl Iterator<Item = &'a [f32]>,
    calibration: &Calibration,
) -> Vec<[f32; 2]> {
    let mut executor = FloatExecutor::new(graph, weights);
    match *calibration {
        Calibration::MinMax => extremes(&mut executor, samples),
        Calibration::MovingAverage { momentum, batch } => {
            assert!((0.0..1.0).contains(&momentum), "a momentum lies in [0, 1), unlike {momentum}");
            moving_average(&mut executor, samples, momentum, batch)
        }
        Calibration::Percentile(percentile) => {
            assert!(
                percentile > 50.0 && percentile <= 100.0,
                "a percentile lies in (50, 100], unlike {percentile}"
            );
            let share = f64::from(percentile) / 100.0;
            let of = |histogram: &Histogram| [histogram.quantile(1.0 - share), histogram.quantile(share)];
            histograms(&mut executor, samples).iter().map(of).collect()
        }
        Calibration::Mse => {
            histograms(&mut executor, samples).iter().map(Histogram::least_squares_range).collect()
        }
    }
}

/// The smallest and largest value of each tensor.
fn extremes<'a>(executor: &mut FloatExecutor, samples: impl Iterator<Item = &'a [f32]>) -> Vec<[f32; 2]> {
    let mut extremes = vec![NO_EXTREMES; executor.graph().shapes().len()];
    for sample in samples {
        executor.observe(sample, |tensor, values| {
            let of_tensor = &mut extremes[tensor.index()];
            *of_tensor = extremes_with(*of_tensor, values);
        });
    }
    extremes.into_iter().map(|range| if range == NO_EXTREMES { [0.0, 0.0] } else { range }).collect()
}

/// The extremes of nothing.
const NO_EXTREMES: [f32; 2] = [f32::INFINITY, f32::NEG_INFINITY];
/// Extremes that are found side by side, so that compilers can vectorise it.
const LANES: usize = 16;

/// The extremes of these values and of those whose extremes these are.
fn extremes_with([low, high]: [f32; 2], values: &[f32]) -> [f32; 2] {
    let (blocks, rest) = values.as_chunks::<LANES>();
    let (mut lows, mut highs) = ([low; LANES], [high; LANES]);
    for block in blocks {
        for lane in 0..LANES {
            lows[lane] = lows[lane].min(block[lane]);
            highs[lane] = highs[lane].max(block[lane]);
        }
    }
    let low = lows.iter().chain(rest).copied().fold(low, f32::min);
    [low, highs.iter().chain(rest).copied().fold(high, f32::max)]
}

/// Moving averages of the extremes of batches; those of the first one are taken over.
fn moving_average<'a>(
    executor: &mut FloatExecutor,
    mut samples: impl Iterator<Item = &'a [f32]>,
    momentum: f32,
    batch: usize,
) -> Vec<[f32; 2]> {
    let mut averages = extremes(executor, samples.by_ref().take(batch));
    let mut samples = samples.peekable();
    while samples.peek().is_some() {
        let observed = extremes(executor, samples.by_ref().take(batch));
        for (average, observed) in averages.iter_mut().flatten().zip(observed.iter().flatten()) {
            *average = momentum * *average + (1.0 - momentum) * observed;
        }
    }
    averages
}

/// How the values of each tensor are distributed.
fn histograms<'a>(executor: &mut FloatExecutor, samples: impl Iterator<Item = &'a [f32]>) -> Vec<Histogram> {
    let mut histograms = vec![Histogram::new(); executor.graph().shapes().len()];
    for sample in samples {
        executor.observe(sample, |tensor, values| histograms[tensor.index()].add(values));
    }
    histograms
}

#[cfg(test)]
mod tests;
