//! Max and average pooling.
//!
//! Layout: `[block][channel][row][column][LANES]` on both sides. Windows do not overlap, and input pixels that
//! belong to no complete window get no gradient.

use std::ops::Range;

use crate::Kernels;
use crate::geometry::PoolGeometry;
use crate::layout::LANES;
use crate::simd::{Kernel, Simd};

/// One pixel of one block.
type Pixel = [f32; LANES];

/// What the gradient of max pooling reads.
#[derive(Clone, Copy, Debug)]
pub struct PoolActivations<'a> {
    /// Input of the forward pass.
    pub input: &'a [f32],
    /// Output of the forward pass.
    pub output: &'a [f32],
    /// Gradient of the loss by the output.
    pub d_output: &'a [f32],
}

impl Kernels {
    /// Maximum of each window.
    pub fn max_pool_forward(&self, g: &PoolGeometry, blocks: usize, input: &[f32], output: &mut [f32]) {
        let (input, output) =
            (pixels(g.input_block(), blocks, input), pixels_mut(g.output_block(), blocks, output));
        self.dispatch(MaxForward { g, input, output });
    }

    /// Gradient of max pooling by its input: each window's gradient goes to its first maximum in row-major order.
    pub fn max_pool_backward(
        &self,
        g: &PoolGeometry,
        blocks: usize,
        activations: &PoolActivations<'_>,
        d_input: &mut [f32],
    ) {
        self.dispatch(MaxBackward {
            g,
            input: pixels(g.input_block(), blocks, activations.input),
            output: pixels(g.output_block(), blocks, activations.output),
            d_output: pixels(g.output_block(), blocks, activations.d_output),
            d_input: pixels_mut(g.input_block(), blocks, d_input),
        });
    }

    /// Mean of each window.
    pub fn avg_pool_forward(&self, g: &PoolGeometry, blocks: usize, input: &[f32], output: &mut [f32]) {
        let (input, output) =
            (pixels(g.input_block(), blocks, input), pixels_mut(g.output_block(), blocks, output));
        self.dispatch(MeanForward { g, input, output });
    }

    /// Gradient of average pooling by its input.
    pub fn avg_pool_backward(&self, g: &PoolGeometry, blocks: usize, d_output: &[f32], d_input: &mut [f32]) {
        let d_output = pixels(g.output_block(), blocks, d_output);
        let d_input = pixels_mut(g.input_block(), blocks, d_input);
        self.dispatch(MeanBackward { g, d_output, d_input });
    }
}

/// The first `blocks` blocks of `block` elements as pixels.
fn pixels(block: usize, blocks: usize, values: &[f32]) -> &[Pixel] {
    values[..blocks * block].as_chunks().0
}

/// As [`pixels`], for writing.
fn pixels_mut(block: usize, blocks: usize, values: &mut [f32]) -> &mut [Pixel] {
    values[..blocks * block].as_chunks_mut().0
}

/// `value` if `condition` holds, else zero: as a mask, because the compiler makes a branch of the choice.
#[inline(always)]
pub(crate) fn keep_if(condition: bool, value: f32) -> f32 {
    f32::from_bits(value.to_bits() & u32::from(condition).wrapping_neg())
}

impl PoolGeometry {
    /// First input pixel of the first window of output row `row`, counted through all blocks and channels.
    #[inline(always)]
    fn row_start(&self, row: usize) -> usize {
        (row / self.out_height * self.in_height + row % self.out_height * self.window_height) * self.in_width
    }

    /// The rows of the window of output column `x`, in the output row whose first window starts at
    /// input pixel `row_start`.
    #[inline(always)]
    fn window_rows(&self, row_start: usize, x: usize) -> impl Iterator<Item = Range<usize>> + use<> {
        let (width, window) = (self.in_width, self.window_width);
        let start = row_start + x * window;
        (0..self.window_height).map(move |row| start + row * width..start + row * width + window)
    }

    /// 1 / pixels of a window.
    fn mean_factor(&self) -> f32 {
        1.0 / (self.window_height * self.window_width) as f32
    }
}

struct MaxForward<'a> {
    g: &'a PoolGeometry,
    input: &'a [Pixel],
    output: &'a mut [Pixel],
}

impl Kernel for MaxForward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        for (row, outputs) in self.output.chunks_exact_mut(self.g.out_width).enumerate() {
            let row_start = self.g.row_start(row);
            for (x, output) in outputs.iter_mut().enumerate() {
                let mut largest = [f32::NEG_INFINITY; LANES];
                for pixels in self.g.window_rows(row_start, x) {
                    for pixel in &self.input[pixels] {
                        for (largest, &value) in largest.iter_mut().zip(pixel) {
                            *largest = if value > *largest { value } else { *largest };
                        }
                    }
                }
                *output = largest;
            }
        }
    }
}

struct MaxBackward<'a> {
    g: &'a PoolGeometry,
    input: &'a [Pixel],
    output: &'a [Pixel],
    d_output: &'a [Pixel],
    d_input: &'a mut [Pixel],
}

impl Kernel for MaxBackward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        self.d_input.fill([0.0; LANES]);
        let outputs = self.output.chunks_exact(self.g.out_width);
        let gradients = self.d_output.chunks_exact(self.g.out_width);
        for (row, (outputs, gradients)) in outputs.zip(gradients).enumerate() {
            let row_start = self.g.row_start(row);
            for (x, (largest, gradient)) in outputs.iter().zip(gradients).enumerate() {
                // What has not yet found its maximum.
                let mut remaining = *gradient;
                for pixels in self.g.window_rows(row_start, x) {
                    for (d_input, input) in self.d_input[pixels.clone()].iter_mut().zip(&self.input[pixels]) {
                        let mut passed = [0.0; LANES];
                        for lane in 0..LANES {
                            let is_largest = input[lane] == largest[lane];
                            passed[lane] = keep_if(is_largest, remaining[lane]);
                            remaining[lane] = keep_if(!is_largest, remaining[lane]);
                        }
                        *d_input = passed;
                    }
                }
            }
        }
    }
}

struct MeanForward<'a> {
    g: &'a PoolGeometry,
    input: &'a [Pixel],
    output: &'a mut [Pixel],
}

impl Kernel for MeanForward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let factor = self.g.mean_factor();
        for (row, outputs) in self.output.chunks_exact_mut(self.g.out_width).enumerate() {
            let row_start = self.g.row_start(row);
            for (x, output) in outputs.iter_mut().enumerate() {
                let mut sum = [0.0; LANES];
                for pixels in self.g.window_rows(row_start, x) {
                    for pixel in &self.input[pixels] {
                        for (sum, value) in sum.iter_mut().zip(pixel) {
                            *sum += value;
                        }
                    }
                }
                *output = sum.map(|sum| sum * factor);
            }
        }
    }
}

struct MeanBackward<'a> {
    g: &'a PoolGeometry,
    d_output: &'a [Pixel],
    d_input: &'a mut [Pixel],
}

impl Kernel for MeanBackward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let factor = self.g.mean_factor();
        self.d_input.fill([0.0; LANES]);
        for (row, gradients) in self.d_output.chunks_exact(self.g.out_width).enumerate() {
            let row_start = self.g.row_start(row);
            for (x, gradient) in gradients.iter().enumerate() {
                let share = gradient.map(|gradient| gradient * factor);
                for pixels in self.g.window_rows(row_start, x) {
                    self.d_input[pixels].fill(share);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{GradientCheck, assert_close, dot, every_isa, noise};

    fn geometry() -> impl Strategy<Value = PoolGeometry> {
        (1_usize..5, [1_usize..4, 1..4], [0_usize..7, 0..7]).prop_map(|(c, window, beyond)| {
            PoolGeometry::new([c, window[0] + beyond[0], window[1] + beyond[1]], window)
        })
    }

    /// The input element of lane `lane` at position `(wy, wx)` of the window of `output`, an element of the output.
    fn window(g: &PoolGeometry, output: usize) -> Vec<usize> {
        let (lane, pixel) = (output % LANES, output / LANES);
        let (x, row) = (pixel % g.out_width, pixel / g.out_width);
        let (y, plane) = (row % g.out_height, row / g.out_height);
        let mut elements = Vec::new();
        for row in y * g.window_height..(y + 1) * g.window_height {
            for column in x * g.window_width..(x + 1) * g.window_width {
                elements.push(((plane * g.in_height + row) * g.in_width + column) * LANES + lane);
            }
        }
        elements
    }

    proptest! {
        #[test]
        fn pooling_takes_maximum_and_mean_of_windows(g in geometry(), blocks in 1_usize..3, seed in any::<u32>()) {
            // Few distinct values, so that many windows have several maxima.
            let input: Vec<f32> =
                noise(seed.into(), blocks * g.input_block()).iter().map(|x| (x * 3.0).round()).collect();
            let d_output = noise(u64::from(seed) + 1, blocks * g.output_block());
            for kernels in every_isa() {
                let mut output = vec![f32::NAN; d_output.len()];
                let mut mean = output.clone();
                let mut d_input = vec![f32::NAN; input.len()];
                let mut d_mean = d_input.clone();
                kernels.max_pool_forward(&g, blocks, &input, &mut output);
                let activations = PoolActivations { input: &input, output: &output, d_output: &d_output };
                kernels.max_pool_backward(&g, blocks, &activations, &mut d_input);
                kernels.avg_pool_forward(&g, blocks, &input, &mut mean);
                kernels.avg_pool_backward(&g, blocks, &d_output, &mut d_mean);

                let (mut expected_d_input, mut expected_d_mean) = (vec![0.0; input.len()], vec![0.0; input.len()]);
                for (at, &gradient) in d_output.iter().enumerate() {
                    let elements = window(&g, at);
                    let values: Vec<f32> = elements.iter().map(|&element| input[element]).collect();
                    let largest = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                    prop_assert_eq!(output[at], largest);
                    assert_close(&[mean[at]], &[values.iter().sum::<f32>() / values.len() as f32], 1e-5);
                    let first = values.iter().position(|&value| value == largest).unwrap();
                    expected_d_input[elements[first]] = gradient;
                    elements.iter().for_each(|&e| expected_d_mean[e] = gradient / values.len() as f32);
                }
                prop_assert_eq!(&d_input, &expected_d_input);
                assert_close(&d_mean, &expected_d_mean, 1e-6);
            }
        }
    }

    #[test]
    fn gradients_are_those_of_the_forward_pass() {
        let g = PoolGeometry::new([2, 5, 4], [2, 2]);
        let (input, d_output) = (noise(7, g.input_block()), noise(8, g.output_block()));
        let kernels = Kernels::new(crate::Isa::Portable);
        let forward = |input: &[f32], mean: bool| {
            let mut output = vec![0.0; g.output_block()];
            if mean {
                kernels.avg_pool_forward(&g, 1, input, &mut output);
            } else {
                kernels.max_pool_forward(&g, 1, input, &mut output);
            }
            output
        };
        let output = forward(&input, false);
        let mut gradient = vec![0.0; input.len()];
        let activations = PoolActivations { input: &input, output: &output, d_output: &d_output };
        kernels.max_pool_backward(&g, 1, &activations, &mut gradient);
        let check = GradientCheck { step: 1e-3, tolerance: 1e-3, coordinates: 100 };
        check.assert(&input, &gradient, |input| dot(&forward(input, false), &d_output));
        kernels.avg_pool_backward(&g, 1, &d_output, &mut gradient);
        check.assert(&input, &gradient, |input| dot(&forward(input, true), &d_output));
    }
}
