//! Register-tile kernel of the weight gradient of a 3 × 3 depthwise convolution with stride 1.
//!
//! A channel has nine sums over all of its pixels. They stay in registers while the kernel runs along two output rows at
//! a time: an input register that several taps and both rows multiply is loaded once per column of taps, 14 loads for 18
//! multiply-adds.
#![expect(
    clippy::needless_range_loop,
    reason = "register tiles are indexed by constants, in the order of the instructions"
)]
#![expect(unsafe_code, reason = "unchecked pointers in the inner loop; bounds are checked once per call")]

use crate::geometry::ConvGeometry;
use crate::layout::LANES;
use crate::simd::{Kernel, Simd};

/// Rows and columns of the kernel.
const K: usize = 3;

/// Operands: one plane `[row][column][LANES]` on both sides.
#[derive(Debug)]
pub(crate) struct PlaneGradient<'a> {
    pub(crate) geometry: &'a ConvGeometry,
    /// Columns of the input, which includes all padding.
    pub(crate) in_width: usize,
    pub(crate) input: &'a [f32],
    pub(crate) d_output: &'a [f32],
    /// `[row][column]`, added to.
    pub(crate) d_weights: &'a mut [f32; K * K],
}

impl PlaneGradient<'_> {
    /// Whether this kernel exists for a geometry.
    pub(crate) fn supports(g: &ConvGeometry) -> bool {
        [g.kernel_height, g.kernel_width, g.stride_height, g.stride_width] == [K, K, 1, 1]
    }
}

impl Kernel for PlaneGradient<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let g = self.geometry;
        assert!(Self::supports(g) && g.out_width + K - 1 <= self.in_width, "input columns");
        assert!((g.out_height + K - 1) * self.in_width * LANES <= self.input.len(), "input");
        assert!(g.out_pixels() * LANES <= self.d_output.len(), "output");
        let mut sums = [[simd.splat(0.0); K]; K];
        // SAFETY: the assertions above are what `rows` asks for.
        unsafe {
            for y in (0..g.out_height - 1).step_by(2) {
                self.rows::<S, 2>(simd, y, &mut sums);
            }
            if g.out_height % 2 == 1 {
                self.rows::<S, 1>(simd, g.out_height - 1, &mut sums);
            }
        }
        let [a, b, c] = sums;
        let totals = [[a[0], a[1], a[2], b[0]], [b[1], b[2], c[0], c[1]], [c[2]; 4]];
        let totals = totals.map(|four| simd.reduce_sum_4(four));
        for (d_weight, total) in self.d_weights.iter_mut().zip(totals.as_flattened()) {
            *d_weight += total;
        }
    }
}

impl PlaneGradient<'_> {
    /// Adds the products of `ROWS` output rows from `y` on to `sums`.
    ///
    /// # Safety
    /// These rows exist, and the slices are as long as the geometry says.
    #[inline(always)]
    unsafe fn rows<S: Simd, const ROWS: usize>(&self, simd: S, y: usize, sums: &mut [[S::Vector; K]; K]) {
        let (in_row, out_row) = (self.in_width * LANES, self.geometry.out_width * LANES);
        // SAFETY: every register lies within `out_width` columns of output row y + r, or within K − 1 columns and rows
        // more of the input.
        unsafe {
            let gradients = self.d_output.as_ptr().add(y * out_row);
            let input = self.input.as_ptr().add(y * in_row);
            let mut totals = *sums;
            for register in (0..out_row).step_by(S::WIDTH) {
                let mut gradient = [simd.splat(0.0); ROWS];
                for r in 0..ROWS {
                    gradient[r] = simd.load(gradients.add(r * out_row + register));
                }
                for row in 0..K + ROWS - 1 {
                    for kx in 0..K {
                        let value = simd.load(input.add(row * in_row + kx * LANES + register));
                        for r in 0..ROWS {
                            if row >= r && row - r < K {
                                totals[row - r][kx] = simd.fma(value, gradient[r], totals[row - r][kx]);
                            }
                        }
                    }
                }
            }
            *sums = totals;
        }
    }
}
