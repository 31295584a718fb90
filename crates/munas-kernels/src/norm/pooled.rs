//! Batch normalisation and activation with a max pooling behind them, without the tensor between the two.
//!
//! x·scale + shift is monotonous and activations never fall, so the maximum of a window of outputs is the output at the largest x of the window (the
//! smallest, where γ is negative). Only that pixel has a gradient: the first of them, where several are equal.

use super::{
    BatchNormGradients, BatchNormOperands, BatchNormParameters, BatchStatistics, Channel, InputGradient,
    Totals, clear_empty_lanes, plane, plane_mut,
};
use crate::Kernels;
use crate::activation::{Activate, for_activation};
use crate::geometry::PoolGeometry;
use crate::layout::{LANES, blocks_for, valid_lanes};
use crate::pool::keep_if;
use crate::simd::{Kernel, Simd, multiply_add};

/// One pixel of one block.
type Pixel = [f32; LANES];

impl Kernels {
    /// As [`Kernels::batch_norm_forward`] and then [`Kernels::max_pool_forward`]: `input` has the pooling's input shape.
    pub fn batch_norm_max_pool_forward(
        &self,
        g: &PoolGeometry,
        batch: usize,
        parameters: &BatchNormParameters<'_>,
        statistics: &BatchStatistics,
        input: &[f32],
        output: &mut [f32],
    ) {
        self.dispatch(Forward { g, batch, parameters, statistics, input, output });
    }

    /// Gradients of [`Kernels::batch_norm_max_pool_forward`], the statistics of its input included.
    pub fn batch_norm_max_pool_backward(
        &self,
        g: &PoolGeometry,
        batch: usize,
        operands: &BatchNormOperands<'_>,
        d_input: &mut [f32],
        gradients: &mut BatchNormGradients<'_>,
    ) {
        self.dispatch(Backward { g, batch, operands, d_input, gradients });
    }
}

/// Elements of an input and of an output plane.
#[inline(always)]
fn plane_lens(g: &PoolGeometry) -> (usize, usize) {
    (g.in_height * g.in_width * LANES, g.out_height * g.out_width * LANES)
}

/// The x whose output is the largest of the window of `rows` × `columns` pixels that starts at `start`.
#[inline(always)]
fn extreme<const LARGEST: bool>(
    input: &[Pixel],
    width: usize,
    start: usize,
    [rows, columns]: [usize; 2],
) -> Pixel {
    let mut extreme = input[start];
    for row in 0..rows {
        for pixel in &input[start + row * width..][..columns] {
            for (extreme, &value) in extreme.iter_mut().zip(pixel) {
                let is_beyond = if LARGEST { value > *extreme } else { value < *extreme };
                *extreme = if is_beyond { value } else { *extreme };
            }
        }
    }
    extreme
}

struct Forward<'a> {
    g: &'a PoolGeometry,
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
                for_activation!(self.parameters.activation, A => match channel.scale >= 0.0 {
                    true => self.plane::<S, A, true>(block, &channel),
                    false => self.plane::<S, A, false>(block, &channel),
                });
            }
        }
    }
}

impl Forward<'_> {
    #[inline(always)]
    fn plane<S: Simd, A: Activate, const LARGEST: bool>(&mut self, block: usize, channel: &Channel) {
        match [self.g.window_height, self.g.window_width] {
            [2, 2] => self.windows::<S, A, LARGEST>(block, channel, [2, 2]),
            window => self.windows::<S, A, LARGEST>(block, channel, window),
        }
    }

    /// A plane; `window` is the geometry's, as constants where it can be.
    #[inline(always)]
    fn windows<S: Simd, A: Activate, const LARGEST: bool>(
        &mut self,
        block: usize,
        channel: &Channel,
        window: [usize; 2],
    ) {
        let (g, index) = (self.g, block * self.g.channels + channel.index);
        let (in_len, out_len) = plane_lens(g);
        let input = plane(self.input, in_len, index).as_chunks::<LANES>().0;
        let output = plane_mut(self.output, out_len, index);
        let rows = output.as_chunks_mut::<LANES>().0.chunks_exact_mut(g.out_width);
        for (y, row) in rows.enumerate() {
            for (x, output) in row.iter_mut().enumerate() {
                let start = y * window[0] * g.in_width + x * window[1];
                *output = extreme::<LARGEST>(input, g.in_width, start, window)
                    .map(|value| A::of(channel.normalise::<S>(value)));
            }
        }
        clear_empty_lanes(output, valid_lanes(self.batch, block));
    }
}

struct Backward<'a, 'g> {
    g: &'a PoolGeometry,
    batch: usize,
    operands: &'a BatchNormOperands<'a>,
    d_input: &'a mut [f32],
    gradients: &'a mut BatchNormGradients<'g>,
}

impl Kernel for Backward<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, _: S) {
        let BatchNormOperands { parameters, statistics, .. } = *self.operands;
        for index in 0..self.g.channels {
            let channel = Channel::new(index, parameters, statistics);
            for_activation!(parameters.activation, A => match channel.scale >= 0.0 {
                true => self.channel::<S, A, true>(&channel),
                false => self.channel::<S, A, false>(&channel),
            });
        }
    }
}

/// Plane number `index` of the input and of the output gradient.
#[inline(always)]
fn planes<'a>(
    g: &PoolGeometry,
    operands: &BatchNormOperands<'a>,
    index: usize,
) -> (&'a [Pixel], &'a [Pixel]) {
    let (in_len, out_len) = plane_lens(g);
    let input = plane(operands.input, in_len, index);
    (input.as_chunks().0, plane(operands.d_output, out_len, index).as_chunks().0)
}

/// The gradient behind the activation of the pixel that a window's maximum comes from.
#[inline(always)]
fn passed<S: Simd, A: Activate>(channel: &Channel, extreme: &Pixel, gradient: &Pixel) -> Pixel {
    let mut passed = [0.0; LANES];
    for lane in 0..LANES {
        let is_cut_off = A::cuts_off(channel.normalise::<S>(extreme[lane]));
        passed[lane] = keep_if(!is_cut_off, gradient[lane]);
    }
    passed
}

impl Backward<'_, '_> {
    #[inline(always)]
    fn channel<S: Simd, A: Activate, const LARGEST: bool>(&mut self, channel: &Channel) {
        match [self.g.window_height, self.g.window_width] {
            [2, 2] => self.windows::<S, A, LARGEST>(channel, [2, 2]),
            window => self.windows::<S, A, LARGEST>(channel, window),
        }
    }

    /// A channel; `window` is the geometry's, as constants where it can be.
    #[inline(always)]
    fn windows<S: Simd, A: Activate, const LARGEST: bool>(&mut self, channel: &Channel, window: [usize; 2]) {
        let g = self.g;
        let mut totals = Totals::ZERO;
        for block in 0..blocks_for(self.batch) {
            let (input, d_output) = planes(g, self.operands, block * g.channels + channel.index);
            let [mut first, mut second] = [[0.0; LANES]; 2];
            for (y, gradients) in d_output.chunks_exact(g.out_width).enumerate() {
                for (x, gradient) in gradients.iter().enumerate() {
                    let start = y * window[0] * g.in_width + x * window[1];
                    let extreme = extreme::<LARGEST>(input, g.in_width, start, window);
                    let passed = passed::<S, A>(channel, &extreme, gradient);
                    for lane in 0..LANES {
                        first[lane] += passed[lane];
                        let centred = extreme[lane] - channel.mean;
                        second[lane] = multiply_add::<S>(passed[lane], centred, second[lane]);
                    }
                }
            }
            totals.add(&first, &second, valid_lanes(self.batch, block));
        }
        let count = (self.batch * g.in_height * g.in_width) as f32;
        let gradient_of = InputGradient::new(channel, totals.sum(), count, self.gradients);
        for block in 0..blocks_for(self.batch) {
            self.d_input_plane::<S, A, LARGEST>(block, channel, &gradient_of, window);
        }
    }

    #[inline(always)]
    fn d_input_plane<S: Simd, A: Activate, const LARGEST: bool>(
        &mut self,
        block: usize,
        channel: &Channel,
        gradient_of: &InputGradient,
        [rows, columns]: [usize; 2],
    ) {
        let (g, index) = (self.g, block * self.g.channels + channel.index);
        let (input, d_output) = planes(g, self.operands, index);
        let plane = plane_mut(self.d_input, plane_lens(g).0, index);
        let d_pixels = plane.as_chunks_mut::<LANES>().0;
        for (y, gradients) in d_output.chunks_exact(g.out_width).enumerate() {
            let row_start = y * rows * g.in_width;
            for (x, gradient) in gradients.iter().enumerate() {
                let start = row_start + x * columns;
                let extreme = extreme::<LARGEST>(input, g.in_width, start, [rows, columns]);
                // What has not yet found its pixel.
                let mut remaining = passed::<S, A>(channel, &extreme, gradient);
                for row in 0..rows {
                    let pixels = start + row * g.in_width..start + row * g.in_width + columns;
                    for (d_pixel, pixel) in d_pixels[pixels.clone()].iter_mut().zip(&input[pixels]) {
                        let mut gradients = [0.0; LANES];
                        for lane in 0..LANES {
                            let is_extreme = pixel[lane] == extreme[lane];
                            let passed = keep_if(is_extreme, remaining[lane]);
                            remaining[lane] = keep_if(!is_extreme, remaining[lane]);
                            gradients[lane] = gradient_of.at::<S>(pixel[lane], passed);
                        }
                        *d_pixel = gradients;
                    }
                }
            }
            // Columns that belong to no window.
            for row in 0..rows {
                let end = row_start + (row + 1) * g.in_width;
                let outside = end - g.in_width + g.out_width * columns..end;
                gradient_of.outside::<S>(&input[outside.clone()], &mut d_pixels[outside]);
            }
        }
        let below = g.out_height * rows * g.in_width;
        gradient_of.outside::<S>(&input[below..], &mut d_pixels[below..]);
        clear_empty_lanes(plane, valid_lanes(self.batch, block));
    }
}

impl InputGradient {
    /// The gradient of pixels that belong to no window: only by way of the statistics.
    #[inline(always)]
    fn outside<S: Simd>(&self, input: &[Pixel], d_input: &mut [Pixel]) {
        for (d_input, &value) in d_input.as_flattened_mut().iter_mut().zip(input.as_flattened()) {
            *d_input = multiply_add::<S>(value, self.slope, self.shift);
        }
    }
}
