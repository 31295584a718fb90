//! Operators that treat every element alike: gradients of bias and activation, padded addition, dropout, vector helpers.
//!
//! They are plain loops, which the compiler vectorises for the instruction set they are dispatched to.

use munas_ir::Activation;

use crate::Kernels;
use crate::activation::{Activate, for_activation};
use crate::geometry::PadGeometry;
use crate::layout::LANES;
use crate::simd::{Kernel, Simd};

/// What happens to the values that an output held before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Write {
    /// The values that were there are replaced.
    Overwrite,
    /// The result is added to them.
    Add,
}

impl Kernels {
    /// Gradient of the bias that each plane of `blocks` blocks was given: the sum of its channel's planes. `d_output` has
    /// no other elements, and zeros in lanes without a sample.
    pub fn bias_backward(&self, blocks: usize, d_output: &[f32], d_bias: &mut [f32]) {
        let plane_len = d_output.len() / (blocks * d_bias.len());
        assert_eq!(plane_len * blocks * d_bias.len(), d_output.len());
        self.dispatch(BiasBackward { plane_len, d_output, d_bias });
    }

    /// Gradient of an activation, in place: zero where its output is at an end of its range. Also that of the bias before it,
    /// as [`Kernels::bias_backward`].
    pub fn activation_bias_backward(
        &self,
        activation: Activation,
        blocks: usize,
        output: &[f32],
        d_output: &mut [f32],
        d_bias: &mut [f32],
    ) {
        let plane_len = d_output.len() / (blocks * d_bias.len());
        assert_eq!(plane_len * blocks * d_bias.len(), d_output.len());
        assert_eq!(output.len(), d_output.len());
        self.dispatch(ActivationBiasBackward { activation, plane_len, output, d_output, d_bias });
    }

    /// One summand of a padded addition: writes or adds `input`, zero-padded at the bottom and right.
    /// The first summand overwrites the sum, the following ones add to it.
    pub fn add_padded_forward(
        &self,
        g: &PadGeometry,
        blocks: usize,
        input: &[f32],
        output: &mut [f32],
        write: Write,
    ) {
        let planes = blocks * g.channels;
        let (in_row, out_row) = (g.in_width * LANES, g.out_width * LANES);
        let output = &mut output[..planes * g.out_height * out_row];
        let input = &input[..planes * g.in_height * in_row];
        for (y, target) in output.chunks_exact_mut(out_row).enumerate() {
            let (plane, y) = (y / g.out_height, y % g.out_height);
            let source =
                if y < g.in_height { &input[(plane * g.in_height + y) * in_row..][..in_row] } else { &[] };
            match write {
                Write::Overwrite => {
                    let (copied, padding) = target.split_at_mut(source.len());
                    copied.copy_from_slice(source);
                    padding.fill(0.0);
                }
                Write::Add => self.axpy(1.0, source, &mut target[..source.len()]),
            }
        }
    }

    /// Gradient by one summand of a padded addition: the top left part of `d_output`.
    pub fn add_padded_backward(&self, g: &PadGeometry, blocks: usize, d_output: &[f32], d_input: &mut [f32]) {
        let (in_row, out_row) = (g.in_width * LANES, g.out_width * LANES);
        let d_input = &mut d_input[..blocks * g.channels * g.in_height * in_row];
        for (y, target) in d_input.chunks_exact_mut(in_row).enumerate() {
            let (plane, y) = (y / g.in_height, y % g.in_height);
            target.copy_from_slice(&d_output[(plane * g.out_height + y) * out_row..][..in_row]);
        }
    }

    /// `target += factor · source`, element by element.
    pub fn axpy(&self, factor: f32, source: &[f32], target: &mut [f32]) {
        assert_eq!(source.len(), target.len());
        self.dispatch(Axpy { factor, source, target });
    }

    /// `values *= factor`.
    pub fn scale(&self, factor: f32, values: &mut [f32]) {
        self.dispatch(Scale { factor, values });
    }

    /// `target = source · mask`, element by element: dropout in both directions.
    pub fn multiply(&self, source: &[f32], mask: &[f32], target: &mut [f32]) {
        assert!(source.len() == target.len() && mask.len() == target.len());
        self.dispatch(Multiply { source, mask, target });
    }

    /// Σ values², summed in double precision.
    pub fn sum_of_squares(&self, values: &[f32]) -> f64 {
        self.dispatch(SumOfSquares(values))
    }
}

/// Independent sums, which the compiler may not introduce by itself.
type PartialSums = [f32; 4 * LANES];

/// Their total, by halves: one after the other, the additions would take longer than those of a small plane.
#[inline(always)]
fn total(mut sums: PartialSums) -> f32 {
    let mut half = sums.len();
    while half > 1 {
        half /= 2;
        for at in 0..half {
            sums[at] += sums[at + half];
        }
    }
    sums[0]
}

#[inline(always)]
fn add(values: &[f32], sums: &mut PartialSums) {
    for (sum, value) in sums.iter_mut().zip(values) {
        *sum += value;
    }
}

/// Zeroes the gradients where the activation whose outputs are `values` cuts them off.
#[inline(always)]
fn mask<A: Activate>(gradients: &mut [f32], values: &[f32]) {
    for (gradient, &value) in gradients.iter_mut().zip(values) {
        // A product, because the compiler turns a choice into a conditional store, which is slow.
        *gradient *= if A::cuts_off(value) { 0.0 } else { 1.0 };
    }
}

struct BiasBackward<'a> {
    plane_len: usize,
    d_output: &'a [f32],
    d_bias: &'a mut [f32],
}

impl Kernel for BiasBackward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        self.d_bias.fill(0.0);
        for block in self.d_output.chunks_exact(self.plane_len * self.d_bias.len()) {
            for (d_bias, plane) in self.d_bias.iter_mut().zip(block.chunks_exact(self.plane_len)) {
                let mut sums = [0.0; 4 * LANES];
                let (chunks, rest) = plane.as_chunks::<{ 4 * LANES }>();
                for chunk in chunks {
                    add(chunk, &mut sums);
                }
                add(rest, &mut sums);
                *d_bias += total(sums);
            }
        }
    }
}

struct ActivationBiasBackward<'a> {
    activation: Activation,
    plane_len: usize,
    output: &'a [f32],
    d_output: &'a mut [f32],
    d_bias: &'a mut [f32],
}

impl Kernel for ActivationBiasBackward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        for_activation!(self.activation, A => self.of::<A>());
    }
}

impl ActivationBiasBackward<'_> {
    #[inline(always)]
    fn of<A: Activate>(self) {
        self.d_bias.fill(0.0);
        let planes = self.d_output.chunks_exact_mut(self.plane_len);
        let channels = self.d_bias.len();
        for (index, (d_plane, plane)) in planes.zip(self.output.chunks_exact(self.plane_len)).enumerate() {
            let mut sums = [0.0; 4 * LANES];
            let (chunks, rest) = plane.as_chunks::<{ 4 * LANES }>();
            let (d_chunks, d_rest) = d_plane.as_chunks_mut::<{ 4 * LANES }>();
            for (d_chunk, chunk) in d_chunks.iter_mut().zip(chunks) {
                mask::<A>(d_chunk, chunk);
                add(d_chunk, &mut sums);
            }
            mask::<A>(d_rest, rest);
            add(d_rest, &mut sums);
            self.d_bias[index % channels] += total(sums);
        }
    }
}

struct Axpy<'a> {
    factor: f32,
    source: &'a [f32],
    target: &'a mut [f32],
}

impl Kernel for Axpy<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        for (sum, &value) in self.target.iter_mut().zip(self.source) {
            *sum += self.factor * value;
        }
    }
}

struct Scale<'a> {
    factor: f32,
    values: &'a mut [f32],
}

impl Kernel for Scale<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        for value in self.values {
            *value *= self.factor;
        }
    }
}

struct Multiply<'a> {
    source: &'a [f32],
    mask: &'a [f32],
    target: &'a mut [f32],
}

impl Kernel for Multiply<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        for ((product, &value), &factor) in self.target.iter_mut().zip(self.source).zip(self.mask) {
            *product = value * factor;
        }
    }
}

struct SumOfSquares<'a>(&'a [f32]);

impl Kernel for SumOfSquares<'_> {
    type Output = f64;

    #[inline(always)]
    fn run<S: Simd>(self, _: S) -> f64 {
        let mut sums = [0.0_f64; LANES];
        let (chunks, rest) = self.0.as_chunks::<LANES>();
        for chunk in chunks {
            for (sum, &value) in sums.iter_mut().zip(chunk) {
                *sum += f64::from(value) * f64::from(value);
            }
        }
        sums.iter().sum::<f64>() + rest.iter().map(|&value| f64::from(value).powi(2)).sum::<f64>()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{activation, assert_close, every_isa, noise};

    proptest! {
        #[test]
        fn helpers_do_what_they_say(len in 0_usize..200, seed in any::<u32>()) {
            let (a, b) = (noise(seed.into(), len), noise(u64::from(seed) + 1, len));
            for kernels in every_isa() {
                let mut sum = b.clone();
                kernels.axpy(0.5, &a, &mut sum);
                let mut product = vec![f32::NAN; len];
                kernels.multiply(&a, &b, &mut product);
                let mut scaled = a.clone();
                kernels.scale(-3.0, &mut scaled);
                for index in 0..len {
                    prop_assert_eq!(sum[index], b[index] + 0.5 * a[index]);
                    prop_assert_eq!(product[index], a[index] * b[index]);
                    prop_assert_eq!(scaled[index], -3.0 * a[index]);
                }
                let squares: f64 = a.iter().map(|&value| f64::from(value).powi(2)).sum();
                prop_assert!((kernels.sum_of_squares(&a) - squares).abs() < 1e-9);
            }
        }

        #[test]
        fn biases_get_the_sums_of_what_the_activation_lets_pass(
            activation in activation(), blocks in 1_usize..4, channels in 1_usize..5, pixels in 1_usize..12, seed in any::<u32>(),
        ) {
            let len = blocks * channels * pixels * LANES;
            let d_output = noise(u64::from(seed) + 1, len);
            let output: Vec<f32> = noise(seed.into(), len).iter().map(|x| activation.of(10.0 * x)).collect();
            let passes = |y: f32| if activation.passes(y) { 1.0 } else { 0.0 };
            let masked: Vec<f32> = output.iter().zip(&d_output).map(|(&y, &d)| d * passes(y)).collect();
            let sums = |gradients: &[f32]| {
                let mut sums = vec![0.0; channels];
                for (element, gradient) in gradients.iter().enumerate() {
                    sums[element / LANES / pixels % channels] += gradient;
                }
                sums
            };
            for kernels in every_isa() {
                let (mut passed, mut d_bias) = (d_output.clone(), vec![f32::NAN; channels]);
                kernels.bias_backward(blocks, &d_output, &mut d_bias);
                assert_close(&d_bias, &sums(&d_output), 1e-4);
                kernels.activation_bias_backward(activation, blocks, &output, &mut passed, &mut d_bias);
                assert_close(&d_bias, &sums(&masked), 1e-4);
                prop_assert_eq!(&passed, &masked);
            }
        }

        #[test]
        fn padded_addition_adds_at_the_top_left(
            channels in 1_usize..4, size in [1_usize..5, 1..5], pad in [0_usize..4, 0..4], blocks in 1_usize..3,
        ) {
            let [in_height, in_width] = size;
            let (out_height, out_width) = (in_height + pad[0], in_width + pad[1]);
            let g = PadGeometry { channels, in_height, in_width, out_height, out_width };
            let input = noise(1, blocks * g.input_block());
            let d_output = noise(2, blocks * g.output_block());
            for kernels in every_isa() {
                let mut sum = vec![f32::NAN; d_output.len()];
                kernels.add_padded_forward(&g, blocks, &input, &mut sum, Write::Overwrite);
                kernels.add_padded_forward(&g, blocks, &input, &mut sum, Write::Add);
                let mut d_input = vec![f32::NAN; input.len()];
                kernels.add_padded_backward(&g, blocks, &d_output, &mut d_input);
                for (at, &actual) in sum.iter().enumerate() {
                    let (lane, pixel) = (at % LANES, at / LANES);
                    let (x, row) = (pixel % out_width, pixel / out_width);
                    let (y, plane) = (row % out_height, row / out_height);
                    if y < in_height && x < in_width {
                        let from = ((plane * in_height + y) * in_width + x) * LANES + lane;
                        prop_assert_eq!(actual, 2.0 * input[from]);
                        prop_assert_eq!(d_input[from], d_output[at]);
                    } else {
                        prop_assert_eq!(actual, 0.0);
                    }
                }
            }
        }
    }
}
