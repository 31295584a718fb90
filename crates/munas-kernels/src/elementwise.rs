//! Operators that treat every element alike: ReLU gradient, padded addition, dropout, vector helpers.
//!
//! They are plain loops, which the compiler vectorises for the instruction set they are dispatched to.

use crate::Kernels;
use crate::geometry::PadGeometry;
use crate::layout::LANES;
use crate::simd::{Kernel, Simd};

/// What happens to the values that an output held before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Write {
    /// They are replaced.
    Overwrite,
    /// The result is added to them.
    Add,
}

impl Kernels {
    /// Gradient of a ReLU, in place: zero where the ReLU's output is not positive.
    pub fn relu_backward(&self, output: &[f32], d_output: &mut [f32]) {
        assert_eq!(output.len(), d_output.len());
        self.dispatch(ReluBackward { output, d_output });
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

    /// Σ values.
    pub(crate) fn sum(&self, values: &[f32]) -> f32 {
        self.dispatch(Sum(values))
    }

    /// Σ values², summed in double precision.
    pub fn sum_of_squares(&self, values: &[f32]) -> f64 {
        self.dispatch(SumOfSquares(values))
    }
}

struct ReluBackward<'a> {
    output: &'a [f32],
    d_output: &'a mut [f32],
}

impl Kernel for ReluBackward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        for (gradient, &value) in self.d_output.iter_mut().zip(self.output) {
            // A product, because the compiler turns a choice into a conditional store, which is slow.
            *gradient *= if value > 0.0 { 1.0 } else { 0.0 };
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

struct Sum<'a>(&'a [f32]);

impl Kernel for Sum<'_> {
    type Output = f32;

    #[inline(always)]
    fn run<S: Simd>(self, _: S) -> f32 {
        // Independent sums, which the compiler may not introduce by itself.
        let mut sums = [0.0_f32; 4 * LANES];
        let (chunks, rest) = self.0.as_chunks::<{ 4 * LANES }>();
        for chunk in chunks {
            for (sum, value) in sums.iter_mut().zip(chunk) {
                *sum += value;
            }
        }
        for (sum, value) in sums.iter_mut().zip(rest) {
            *sum += value;
        }
        // By halves: one after the other, the additions would take longer than those of a small plane.
        let mut half = sums.len();
        while half > 1 {
            half /= 2;
            for at in 0..half {
                sums[at] += sums[at + half];
            }
        }
        sums[0]
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
    use crate::testing::{assert_close, every_isa, noise};

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
                let mut passed = b.clone();
                kernels.relu_backward(&a, &mut passed);
                for index in 0..len {
                    prop_assert_eq!(sum[index], b[index] + 0.5 * a[index]);
                    prop_assert_eq!(product[index], a[index] * b[index]);
                    prop_assert_eq!(scaled[index], -3.0 * a[index]);
                    prop_assert_eq!(passed[index], if a[index] > 0.0 { b[index] } else { 0.0 });
                }
                let squares: f64 = a.iter().map(|&value| f64::from(value).powi(2)).sum();
                prop_assert!((kernels.sum_of_squares(&a) - squares).abs() < 1e-9);
                assert_close(&[kernels.sum(&a)], &[a.iter().sum()], 1e-5);
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
