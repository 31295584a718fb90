//! Batch normalisation (Ioffe and Szegedy, 2015), with an optional ReLU behind it.
//!
//! Per channel, over the n = batch · pixels values of the valid samples:
//! mean μ = Σx / n, biased variance σ² = Σ(x − μ)² / n, x̂ = (x − μ) / √(σ² + ε), y = γ·x̂ + β.
//! Tensors are `[block][channel][pixel][LANES]`; lanes without a sample are left out of the statistics and are
//! zero in every output.
//!
//! The gradients, with d the gradient by y where the ReLU let it pass:
//! d_β = Σd, d_γ = Σ d·x̂, d_x = γ / √(σ² + ε) · (d − (d_β + x̂·d_γ) / n).
//!
//! Sums run per lane, so that lanes without a sample are simply left out when a channel's lanes are added up.

#[cfg(test)]
mod tests;

use crate::Kernels;
use crate::geometry::BatchNormGeometry;
use crate::layout::{LANES, blocks_for, valid_lanes};
use crate::simd::{Kernel, Simd};

/// Learned parameters and settings.
#[derive(Clone, Copy, Debug)]
pub struct BatchNormParameters<'a> {
    /// γ, one per channel.
    pub gamma: &'a [f32],
    /// β, one per channel.
    pub beta: &'a [f32],
    /// ε.
    pub epsilon: f32,
    /// Whether a ReLU follows.
    pub relu: bool,
}

/// Statistics of one batch, written by the forward pass, read by the backward pass.
#[derive(Clone, Debug)]
pub struct BatchStatistics {
    /// μ, one per channel.
    pub mean: Vec<f32>,
    /// Biased variance σ², one per channel.
    pub variance: Vec<f32>,
}

impl BatchStatistics {
    /// Room for `channels` channels.
    pub fn new(channels: usize) -> Self {
        Self { mean: vec![0.0; channels], variance: vec![0.0; channels] }
    }
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
    /// Statistics that the forward pass wrote.
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
}

/// Two sums over all blocks of a channel, per lane.
struct Totals {
    first: [f32; LANES],
    second: [f32; LANES],
}

impl Totals {
    const ZERO: Self = Self { first: [0.0; LANES], second: [0.0; LANES] };

    /// Adds the sums over a block of which `lanes` lanes hold samples.
    #[inline(always)]
    fn add(&mut self, sums: &LaneSums, lanes: usize) {
        for lane in 0..LANES {
            let (first, second) =
                (sums.first[lane] + sums.first[LANES + lane], sums.second[lane] + sums.second[LANES + lane]);
            self.first[lane] += if lane < lanes { first } else { 0.0 };
            self.second[lane] += if lane < lanes { second } else { 0.0 };
        }
    }

    fn sum(&self) -> (f32, f32) {
        (self.first.iter().sum(), self.second.iter().sum())
    }
}

/// The plane of channel `channel` of block `block`.
#[inline(always)]
fn plane<'a>(g: &BatchNormGeometry, block: usize, channel: usize, values: &'a [f32]) -> &'a [f32] {
    &values[(block * g.channels + channel) * g.pixels * LANES..][..g.pixels * LANES]
}

/// As [`plane`], for writing.
#[inline(always)]
fn plane_mut<'a>(
    g: &BatchNormGeometry,
    block: usize,
    channel: usize,
    values: &'a mut [f32],
) -> &'a mut [f32] {
    &mut values[(block * g.channels + channel) * g.pixels * LANES..][..g.pixels * LANES]
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

impl Kernels {
    /// Normalises `input` by its own statistics, which go to `statistics`. `batch` counts valid samples.
    pub fn batch_norm_forward(
        &self,
        g: &BatchNormGeometry,
        batch: usize,
        parameters: &BatchNormParameters<'_>,
        input: &[f32],
        output: &mut [f32],
        statistics: &mut BatchStatistics,
    ) {
        self.dispatch(Forward { g, batch, parameters, input, output, statistics });
    }

    /// Gradients of [`Kernels::batch_norm_forward`] (and of its ReLU): `d_input` and those of γ and β.
    pub fn batch_norm_backward(
        &self,
        g: &BatchNormGeometry,
        batch: usize,
        operands: &BatchNormOperands<'_>,
        d_input: &mut [f32],
        gradients: &mut BatchNormGradients<'_>,
    ) {
        self.dispatch(Backward { g, batch, operands, d_input, gradients });
    }
}

/// y = x·`scale` + `shift`, cut off at zero when `RELU`.
#[inline(always)]
fn affine<const RELU: bool>(value: f32, scale: f32, shift: f32) -> f32 {
    let affine = value * scale + shift;
    if RELU && affine <= 0.0 { 0.0 } else { affine }
}

struct Forward<'a> {
    g: &'a BatchNormGeometry,
    batch: usize,
    parameters: &'a BatchNormParameters<'a>,
    input: &'a [f32],
    output: &'a mut [f32],
    statistics: &'a mut BatchStatistics,
}

impl Kernel for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, _: S) {
        for channel in 0..self.g.channels {
            let (mean, variance) = self.statistics_of(channel);
            self.statistics.mean[channel] = mean;
            self.statistics.variance[channel] = variance;
            let scale = self.parameters.gamma[channel] / (variance + self.parameters.epsilon).sqrt();
            let shift = self.parameters.beta[channel] - mean * scale;
            if self.parameters.relu {
                self.normalise::<true>(channel, scale, shift);
            } else {
                self.normalise::<false>(channel, scale, shift);
            }
        }
    }
}

impl Forward<'_> {
    /// Mean and biased variance of a channel in one pass: with K near the mean and d = x − K,
    /// μ = K + Σd / n and σ² = (Σd² − (Σd)² / n) / n lose nothing to cancellation.
    #[inline(always)]
    fn statistics_of(&self, channel: usize) -> (f32, f32) {
        let count = (self.batch * self.g.pixels) as f32;
        let lanes = valid_lanes(self.batch, 0);
        let near_mean =
            self.input[channel * self.g.pixels * LANES..][..lanes].iter().sum::<f32>() / lanes as f32;
        let mut totals = Totals::ZERO;
        for block in 0..blocks_for(self.batch) {
            let mut sums = LaneSums::ZERO;
            let (pairs, last) = plane(self.g, block, channel, self.input).as_chunks::<{ 2 * LANES }>();
            for pair in pairs {
                for (lane, &value) in pair.iter().enumerate() {
                    let difference = value - near_mean;
                    sums.first[lane] += difference;
                    sums.second[lane] += difference * difference;
                }
            }
            for (lane, &value) in last.iter().enumerate() {
                let difference = value - near_mean;
                sums.first[lane] += difference;
                sums.second[lane] += difference * difference;
            }
            totals.add(&sums, valid_lanes(self.batch, block));
        }
        let (sum, squares) = totals.sum();
        (near_mean + sum / count, ((squares - sum * sum / count) / count).max(0.0))
    }

    #[inline(always)]
    fn normalise<const RELU: bool>(&mut self, channel: usize, scale: f32, shift: f32) {
        for block in 0..blocks_for(self.batch) {
            let input = plane(self.g, block, channel, self.input);
            let output = plane_mut(self.g, block, channel, self.output);
            for (output, &value) in output.iter_mut().zip(input) {
                *output = affine::<RELU>(value, scale, shift);
            }
            clear_empty_lanes(output, valid_lanes(self.batch, block));
        }
    }
}

struct Backward<'a, 'g> {
    g: &'a BatchNormGeometry,
    batch: usize,
    operands: &'a BatchNormOperands<'a>,
    d_input: &'a mut [f32],
    gradients: &'a mut BatchNormGradients<'g>,
}

/// A channel of the backward pass.
#[derive(Clone, Copy)]
struct Channel {
    index: usize,
    mean: f32,
    inv_std: f32,
    scale: f32,
    shift: f32,
}

impl Channel {
    /// The gradient behind the ReLU, whose input is computed as in the forward pass.
    #[inline(always)]
    fn passed<const RELU: bool>(&self, value: f32, gradient: f32) -> f32 {
        if RELU && value * self.scale + self.shift <= 0.0 { 0.0 } else { gradient }
    }
}

impl Kernel for Backward<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, _: S) {
        let BatchNormOperands { parameters, statistics, .. } = *self.operands;
        for index in 0..self.g.channels {
            let mean = statistics.mean[index];
            let deviation = (statistics.variance[index] + parameters.epsilon).sqrt();
            let scale = parameters.gamma[index] / deviation;
            let shift = parameters.beta[index] - mean * scale;
            let channel = Channel { index, mean, inv_std: 1.0 / deviation, scale, shift };
            if parameters.relu {
                self.channel::<true>(&channel);
            } else {
                self.channel::<false>(&channel);
            }
        }
    }
}

impl Backward<'_, '_> {
    #[inline(always)]
    fn channel<const RELU: bool>(&mut self, channel: &Channel) {
        let count = (self.batch * self.g.pixels) as f32;
        let (d_beta, d_centred) = self.sums::<RELU>(channel);
        let d_gamma = d_centred * channel.inv_std;
        self.gradients.beta[channel.index] = d_beta;
        self.gradients.gamma[channel.index] = d_gamma;
        let mean_gradient = d_beta / count;
        let slope = d_gamma * channel.inv_std / count;
        for block in 0..blocks_for(self.batch) {
            let input = plane(self.g, block, channel.index, self.operands.input);
            let d_output = plane(self.g, block, channel.index, self.operands.d_output);
            let d_input = plane_mut(self.g, block, channel.index, self.d_input);
            for ((d_input, &value), &gradient) in d_input.iter_mut().zip(input).zip(d_output) {
                let passed = channel.passed::<RELU>(value, gradient);
                *d_input = channel.scale * (passed - mean_gradient - (value - channel.mean) * slope);
            }
            clear_empty_lanes(d_input, valid_lanes(self.batch, block));
        }
    }

    /// Σd and Σ d·(x − μ) of a channel.
    #[inline(always)]
    fn sums<const RELU: bool>(&self, channel: &Channel) -> (f32, f32) {
        let mut totals = Totals::ZERO;
        for block in 0..blocks_for(self.batch) {
            let mut sums = LaneSums::ZERO;
            let input = plane(self.g, block, channel.index, self.operands.input).as_chunks::<{ 2 * LANES }>();
            let d_output =
                plane(self.g, block, channel.index, self.operands.d_output).as_chunks::<{ 2 * LANES }>();
            for (values, gradients) in input.0.iter().zip(d_output.0) {
                for lane in 0..2 * LANES {
                    let passed = channel.passed::<RELU>(values[lane], gradients[lane]);
                    sums.first[lane] += passed;
                    sums.second[lane] += passed * (values[lane] - channel.mean);
                }
            }
            for (lane, (&value, &gradient)) in input.1.iter().zip(d_output.1).enumerate() {
                let passed = channel.passed::<RELU>(value, gradient);
                sums.first[lane] += passed;
                sums.second[lane] += passed * (value - channel.mean);
            }
            totals.add(&sums, valid_lanes(self.batch, block));
        }
        totals.sum()
    }
}
