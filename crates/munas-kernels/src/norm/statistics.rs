//! Mean and biased variance of a batch.
//!
//! One pass: with K near the mean and d = x − K, μ = K + Σd / n and σ² = (Σd² − (Σd)² / n) / n lose nothing to
//! cancellation. Blocks are added group by group, so that whoever computes the values can have them added while they are
//! in the cache.

use std::ops::Range;

use super::{LaneSums, Totals, plane};
use crate::Kernels;
use crate::geometry::BatchNormGeometry;
use crate::layout::{LANES, blocks_for, valid_lanes};
use crate::simd::{Kernel, Simd, multiply_add};

/// Statistics of one batch, read by both passes.
#[derive(Clone, Debug)]
pub struct BatchStatistics {
    /// μ, one per channel.
    pub mean: Vec<f32>,
    /// Biased variance σ², one per channel.
    pub variance: Vec<f32>,
    sums: Vec<ChannelSums>,
}

/// Σd and Σd² of a channel over the blocks so far, per lane.
#[derive(Clone, Debug)]
struct ChannelSums {
    /// K, the mean of the first pixel of the first block.
    near_mean: f32,
    totals: Totals,
}

impl BatchStatistics {
    /// Room for `channels` channels.
    pub fn new(channels: usize) -> Self {
        let sums = ChannelSums { near_mean: 0.0, totals: Totals::ZERO };
        Self { mean: vec![0.0; channels], variance: vec![0.0; channels], sums: vec![sums; channels] }
    }
}

/// A tensor whose statistics are wanted of whoever computes it.
#[derive(Debug)]
pub struct StatisticsOf<'a> {
    /// Shape of the tensor.
    pub geometry: BatchNormGeometry,
    /// Samples that count; lanes behind them do not.
    pub batch: usize,
    /// Where the statistics are written.
    pub statistics: &'a mut BatchStatistics,
}

impl StatisticsOf<'_> {
    /// Adds blocks `range`, whose values are `values`. Blocks come in order, each once; the statistics are there after
    /// the last.
    pub(crate) fn add(&mut self, kernels: &Kernels, range: Range<usize>, values: &[f32]) {
        let Self { geometry: g, batch, ref mut statistics } = *self;
        let is_last = range.end == blocks_for(batch);
        kernels.dispatch(AddBlocks { g: &g, batch, range, values, sums: &mut statistics.sums });
        if is_last {
            let count = (batch * g.pixels) as f32;
            for (channel, sums) in statistics.sums.iter().enumerate() {
                let (sum, squares) = sums.totals.sum();
                statistics.mean[channel] = sums.near_mean + sum / count;
                statistics.variance[channel] = ((squares - sum * sum / count) / count).max(0.0);
            }
        }
    }
}

impl Kernels {
    /// Mean and variance of each channel of `input`. `batch` counts valid samples.
    pub fn batch_statistics(
        &self,
        g: &BatchNormGeometry,
        batch: usize,
        input: &[f32],
        statistics: &mut BatchStatistics,
    ) {
        StatisticsOf { geometry: *g, batch, statistics }.add(self, 0..blocks_for(batch), input);
    }
}

struct AddBlocks<'a> {
    g: &'a BatchNormGeometry,
    batch: usize,
    range: Range<usize>,
    values: &'a [f32],
    sums: &'a mut [ChannelSums],
}

impl Kernel for AddBlocks<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let (len, channels) = (self.g.pixels * LANES, self.g.channels);
        if self.range.start == 0 {
            let lanes = valid_lanes(self.batch, 0);
            for (channel, sums) in self.sums.iter_mut().enumerate() {
                let first_pixel = &plane(self.values, len, channel)[..lanes];
                sums.near_mean = first_pixel.iter().sum::<f32>() / lanes as f32;
                sums.totals = Totals::ZERO;
            }
        }
        for (position, block) in self.range.enumerate() {
            for (channel, sums) in self.sums.iter_mut().enumerate() {
                let values = plane(self.values, len, position * channels + channel);
                let lanes = valid_lanes(self.batch, block);
                lane_sums::<S>(values, sums.near_mean).add_to(&mut sums.totals, lanes);
            }
        }
    }
}

/// Σd and Σd² of a plane.
#[inline(always)]
fn lane_sums<S: Simd>(values: &[f32], near_mean: f32) -> LaneSums {
    let mut sums = LaneSums::ZERO;
    let (pairs, last) = values.as_chunks::<{ 2 * LANES }>();
    for pair in pairs {
        for (lane, &value) in pair.iter().enumerate() {
            let difference = value - near_mean;
            sums.first[lane] += difference;
            sums.second[lane] = multiply_add::<S>(difference, difference, sums.second[lane]);
        }
    }
    for (lane, &value) in last.iter().enumerate() {
        let difference = value - near_mean;
        sums.first[lane] += difference;
        sums.second[lane] = multiply_add::<S>(difference, difference, sums.second[lane]);
    }
    sums
}
