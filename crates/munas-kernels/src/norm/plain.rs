//! Normalisation by given statistics, and its gradient.

use super::{
    BatchNormGradients, BatchNormOperands, BatchNormParameters, BatchStatistics, Channel, InputGradient,
    LaneSums, Totals, clear_empty_lanes, plane, plane_mut,
};
use crate::Kernels;
use crate::activation::{Activate, for_activation};
use crate::geometry::BatchNormGeometry;
use crate::layout::{LANES, blocks_for, valid_lanes};
use crate::simd::{Kernel, Simd, multiply_add};

impl Kernels {
    /// Normalises `input` by `statistics`. `batch` counts valid samples.
    pub fn batch_norm_forward(
        &self,
        g: &BatchNormGeometry,
        batch: usize,
        parameters: &BatchNormParameters<'_>,
        statistics: &BatchStatistics,
        input: &[f32],
        output: &mut [f32],
    ) {
        self.dispatch(Forward { g, batch, parameters, statistics, input, output });
    }

    /// Gradients of [`Kernels::batch_norm_forward`] (its activation and the statistics of its input included): `d_input` and
    /// those of γ and β.
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

struct Forward<'a> {
    g: &'a BatchNormGeometry,
    batch: usize,
    parameters: &'a BatchNormParameters<'a>,
    statistics: &'a BatchStatistics,
    input: &'a [f32],
    output: &'a mut [f32],
}

impl Kernel for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, _: S) {
        for block in 0..blocks_for(self.batch) {
            for index in 0..self.g.channels {
                let channel = Channel::new(index, self.parameters, self.statistics);
                for_activation!(self.parameters.activation, A => self.plane::<S, A>(block, &channel));
            }
        }
    }
}

impl Forward<'_> {
    #[inline(always)]
    fn plane<S: Simd, A: Activate>(&mut self, block: usize, channel: &Channel) {
        let (len, index) = (self.g.pixels * LANES, block * self.g.channels + channel.index);
        let (input, output) = (plane(self.input, len, index), plane_mut(self.output, len, index));
        for (output, &value) in output.iter_mut().zip(input) {
            *output = A::of(channel.normalise::<S>(value));
        }
        clear_empty_lanes(output, valid_lanes(self.batch, block));
    }
}

struct Backward<'a, 'g> {
    g: &'a BatchNormGeometry,
    batch: usize,
    operands: &'a BatchNormOperands<'a>,
    d_input: &'a mut [f32],
    gradients: &'a mut BatchNormGradients<'g>,
}

/// The gradient behind the activation, whose input is computed as in the forward pass.
#[inline(always)]
fn passed<S: Simd, A: Activate>(channel: &Channel, value: f32, gradient: f32) -> f32 {
    if A::cuts_off(channel.normalise::<S>(value)) { 0.0 } else { gradient }
}

impl Kernel for Backward<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, _: S) {
        let BatchNormOperands { parameters, statistics, .. } = *self.operands;
        for index in 0..self.g.channels {
            let channel = Channel::new(index, parameters, statistics);
            for_activation!(parameters.activation, A => self.channel::<S, A>(&channel));
        }
    }
}

impl Backward<'_, '_> {
    #[inline(always)]
    fn channel<S: Simd, A: Activate>(&mut self, channel: &Channel) {
        let (blocks, len) = (blocks_for(self.batch), self.g.pixels * LANES);
        let BatchNormOperands { input, d_output, .. } = *self.operands;
        let mut totals = Totals::ZERO;
        for block in 0..blocks {
            let index = block * self.g.channels + channel.index;
            let sums = lane_sums::<S, A>(channel, plane(input, len, index), plane(d_output, len, index));
            sums.add_to(&mut totals, valid_lanes(self.batch, block));
        }
        let count = (self.batch * self.g.pixels) as f32;
        let gradient_of = InputGradient::new(channel, totals.sum(), count, self.gradients);
        for block in 0..blocks {
            let index = block * self.g.channels + channel.index;
            let d_input = plane_mut(self.d_input, len, index);
            let operands = plane(input, len, index).iter().zip(plane(d_output, len, index));
            for (d_input, (&value, &gradient)) in d_input.iter_mut().zip(operands) {
                *d_input = gradient_of.at::<S>(value, passed::<S, A>(channel, value, gradient));
            }
            clear_empty_lanes(d_input, valid_lanes(self.batch, block));
        }
    }
}

/// Σd and Σ d·(x − μ) of a plane.
#[inline(always)]
fn lane_sums<S: Simd, A: Activate>(channel: &Channel, input: &[f32], d_output: &[f32]) -> LaneSums {
    let mut sums = LaneSums::ZERO;
    let (values, last_values) = input.as_chunks::<{ 2 * LANES }>();
    let (gradients, last_gradients) = d_output.as_chunks::<{ 2 * LANES }>();
    for (values, gradients) in values.iter().zip(gradients) {
        for lane in 0..2 * LANES {
            let passed = passed::<S, A>(channel, values[lane], gradients[lane]);
            sums.first[lane] += passed;
            sums.second[lane] = multiply_add::<S>(passed, values[lane] - channel.mean, sums.second[lane]);
        }
    }
    for (lane, (&value, &gradient)) in last_values.iter().zip(last_gradients).enumerate() {
        let passed = passed::<S, A>(channel, value, gradient);
        sums.first[lane] += passed;
        sums.second[lane] = multiply_add::<S>(passed, value - channel.mean, sums.second[lane]);
    }
    sums
}
