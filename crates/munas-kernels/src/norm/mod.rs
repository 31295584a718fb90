//! Batch normalisation (Ioffe and Szegedy, 2015), with an activation behind it.
//!
//! Per channel, over the n = batch · pixels values of the valid samples:
//! mean μ = Σx / n, biased variance σ² = Σ(x − μ)² / n, x̂ = (x − μ) / √(σ² + ε), y = γ·x̂ + β.
//! Tensors are `[block][channel][pixel][LANES]`; lanes without a sample are left out of the statistics and are
//! zero in every output.
//!
//! The gradients, with d the gradient by y where the activation let it pass:
//! d_β = Σd, d_γ = Σ d·x̂, d_x = γ / √(σ² + ε) · (d − (d_β + x̂·d_γ) / n).
//!
//! Sums run per lane, so that lanes without a sample are simply left out when a channel's lanes are added up.
//!
//! | module | holds |
//! |---|---|
//! | `statistics` | μ and σ² of a batch, group of blocks by group of blocks |
//! | `plain` | normalisation and its gradient |
//! | `pooled` | the same with a max pooling behind it, without the tensor between the two |

mod plain;
mod pooled;
mod statistics;
#[cfg(test)]
mod tests;

use munas_ir::Activation;

use crate::layout::LANES;
use crate::simd::{Simd, multiply_add};

pub use statistics::{BatchStatistics, StatisticsOf};

/// Learned parameters and settings.
#[derive(Clone, Copy, Debug)]
pub struct BatchNormParameters<'a> {
    /// γ, one per channel.
    pub gamma: &'a [f32],
    /// β, one per channel.
    pub beta: &'a [f32],
    /// ε.
    pub epsilon: f32,
    /// The activation that follows.
    pub activation: Activation,
}

/// Where the gradients of γ and β are written.
#[derive(Debug)]
pub struct BatchNormGradients<'a> {
    /// Gradient of γ.
    pub gamma: &'a mut [f32],
    /// Gradient of β.
    pub beta: &'a mut [f32],
}

/// What the gradient of batch normalisation reads.
#[derive(Clone, Copy, Debug)]
pub struct BatchNormOperands<'a> {
    /// Parameters of the forward pass.
    pub parameters: &'a BatchNormParameters<'a>,
    /// Statistics of the batch.
    pub statistics: &'a BatchStatistics,
    /// Input of the forward pass.
    pub input: &'a [f32],
    /// Gradient of the loss by the output.
    pub d_output: &'a [f32],
}

/// Two pixels: sums over both are independent, which hides the latency of additions.
type PixelPair = [f32; 2 * LANES];

/// Two sums over one channel, one element per lane of the two pixels of a pair.
#[derive(Clone, Copy)]
struct LaneSums {
    first: PixelPair,
    second: PixelPair,
}

impl LaneSums {
    const ZERO: Self = Self { first: [0.0; 2 * LANES], second: [0.0; 2 * LANES] };

    /// Adds them to `totals`, from a block of which `lanes` lanes hold samples.
    #[inline(always)]
    fn add_to(&self, totals: &mut Totals, lanes: usize) {
        let pair = |sums: &PixelPair| std::array::from_fn(|lane| sums[lane] + sums[LANES + lane]);
        totals.add(&pair(&self.first), &pair(&self.second), lanes);
    }
}

/// Two sums over all blocks of a channel, per lane.
#[derive(Clone, Debug)]
struct Totals {
    first: [f32; LANES],
    second: [f32; LANES],
}

impl Totals {
    const ZERO: Self = Self { first: [0.0; LANES], second: [0.0; LANES] };

    /// Adds the sums over a block of which `lanes` lanes hold samples.
    #[inline(always)]
    fn add(&mut self, first: &[f32; LANES], second: &[f32; LANES], lanes: usize) {
        for lane in 0..LANES {
            self.first[lane] += if lane < lanes { first[lane] } else { 0.0 };
            self.second[lane] += if lane < lanes { second[lane] } else { 0.0 };
        }
    }

    fn sum(&self) -> (f32, f32) {
        (self.first.iter().sum(), self.second.iter().sum())
    }
}

/// Plane number `plane` (block · channels + channel) of a tensor with planes of `len` elements.
#[inline(always)]
fn plane(values: &[f32], len: usize, plane: usize) -> &[f32] {
    &values[plane * len..][..len]
}

/// As [`plane`], for writing.
#[inline(always)]
fn plane_mut(values: &mut [f32], len: usize, plane: usize) -> &mut [f32] {
    &mut values[plane * len..][..len]
}

/// Zeroes the lanes of `plane` from `lanes` on.
#[inline(always)]
fn clear_empty_lanes(plane: &mut [f32], lanes: usize) {
    if lanes < LANES {
        for pixel in plane.as_chunks_mut::<LANES>().0 {
            pixel[lanes..].fill(0.0);
        }
    }
}

/// What of a channel the passes need. With the moments fixed, the forward pass is x·`scale` + `shift`.
#[derive(Clone, Copy)]
struct Channel {
    index: usize,
    mean: f32,
    inv_std: f32,
    scale: f32,
    shift: f32,
}

impl Channel {
    #[inline(always)]
    fn new(index: usize, parameters: &BatchNormParameters<'_>, statistics: &BatchStatistics) -> Self {
        let mean = statistics.mean[index];
        let deviation = (statistics.variance[index] + parameters.epsilon).sqrt();
        let scale = parameters.gamma[index] / deviation;
        Self { index, mean, inv_std: 1.0 / deviation, scale, shift: parameters.beta[index] - mean * scale }
    }

    /// The output before the activation.
    #[inline(always)]
    fn normalise<S: Simd>(&self, value: f32) -> f32 {
        multiply_add::<S>(value, self.scale, self.shift)
    }
}

/// The gradient d_x of a channel, γ / √(σ² + ε) · (d − (d_β + x̂·d_γ) / n), as a function of x and d.
#[derive(Clone, Copy)]
struct InputGradient {
    scale: f32,
    slope: f32,
    shift: f32,
}

impl InputGradient {
    /// From d_β = Σd and Σ d·(x − μ), over `count` values. Writes d_β and d_γ.
    #[inline(always)]
    fn new(
        channel: &Channel,
        (d_beta, d_centred): (f32, f32),
        count: f32,
        gradients: &mut BatchNormGradients<'_>,
    ) -> Self {
        let d_gamma = d_centred * channel.inv_std;
        gradients.beta[channel.index] = d_beta;
        gradients.gamma[channel.index] = d_gamma;
        let slope = -channel.scale * d_gamma * channel.inv_std / count;
        let shift = -channel.scale * d_beta / count - channel.mean * slope;
        Self { scale: channel.scale, slope, shift }
    }

    #[inline(always)]
    fn at<S: Simd>(&self, value: f32, passed: f32) -> f32 {
        multiply_add::<S>(passed, self.scale, multiply_add::<S>(value, self.slope, self.shift))
    }
}
