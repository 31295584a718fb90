//! Register-tile kernel of depthwise forward passes (and of their input gradients, see [`super::lowering`]).
//!
//! A depthwise convolution has so few taps that looking up offsets would take as long as the multiplications.
//! Here kernel size and vertical stride are constants, so that the taps of a tile are straight code, and a tile is
//! two output rows × four registers along the row: an input row that both output rows read is loaded once.
//! Tiles at the bottom and right edge overlap their neighbours and compute the same values again.
#![expect(
    clippy::needless_range_loop,
    reason = "register tiles are indexed by constants, in the order of the instructions"
)]
#![expect(unsafe_code, reason = "unchecked pointers in the inner loop; bounds are checked once per call")]

use munas_ir::Activation;

use crate::activation::{Activate, for_activation};
use crate::geometry::ConvGeometry;
use crate::layout::LANES;
use crate::simd::{Kernel, Simd};

/// Rows of a tile.
const ROWS: usize = 2;

/// Registers of a tile along a row.
const REGISTERS: usize = 4;

/// Input rows that a tile reads.
const fn window_rows(kernel: usize, stride: usize) -> usize {
    kernel + (ROWS - 1) * stride
}

/// Operands: one plane `[row][column][LANES]` on both sides.
#[derive(Debug)]
pub(crate) struct PlaneConvolution<'a> {
    /// Shape. Rows of padding are skipped, columns of padding are part of the input.
    pub(crate) geometry: &'a ConvGeometry,
    /// Columns of the input, padding included.
    pub(crate) in_width: usize,
    /// The bias, then the taps.
    pub(crate) weights: &'a [f32],
    pub(crate) activation: Activation,
    pub(crate) input: &'a [f32],
    pub(crate) output: &'a mut [f32],
}

impl PlaneConvolution<'_> {
    /// Whether this kernel exists for a geometry: square kernels of 3, 5 or 7, vertical stride 1 or 2, an output
    /// of at least one tile.
    pub(crate) fn supports(g: &ConvGeometry, width: usize) -> bool {
        g.kernel_height == g.kernel_width
            && matches!(g.kernel_height, 3 | 5 | 7)
            && matches!(g.stride_height, 1 | 2)
            && g.out_height >= ROWS
            && g.out_width * (LANES / width) >= REGISTERS
    }
}

impl Kernel for PlaneConvolution<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let g = self.geometry;
        assert!(Self::supports(g, S::WIDTH));
        assert!((g.out_width - 1) * g.stride_width + g.kernel_width <= self.in_width, "input columns");
        assert!(g.in_height * self.in_width * LANES <= self.input.len(), "input");
        assert!(g.out_pixels() * LANES <= self.output.len(), "output");
        assert!(self.weights.len() > g.kernel_pixels(), "weights");
        // SAFETY: the assertions are what `plane` asks for.
        unsafe {
            match (g.kernel_height, g.stride_height) {
                (3, 1) => self.plane::<S, 3, 1>(simd),
                (3, _) => self.plane::<S, 3, 2>(simd),
                (5, 1) => self.plane::<S, 5, 1>(simd),
                (5, _) => self.plane::<S, 5, 2>(simd),
                (_, 1) => self.plane::<S, 7, 1>(simd),
                (_, _) => self.plane::<S, 7, 2>(simd),
            }
        }
    }
}

impl PlaneConvolution<'_> {
    /// All tiles, with a K × K kernel and vertical stride `STRIDE`.
    ///
    /// # Safety
    /// The geometry has this kernel and stride and is supported, the columns of every window lie inside `in_width`,
    /// and the slices are as long as the geometry says.
    #[inline(always)]
    unsafe fn plane<S: Simd, const K: usize, const STRIDE: usize>(mut self, simd: S) {
        let g = self.geometry;
        let registers = g.out_width * (LANES / S::WIDTH);
        for y in (0..g.out_height).step_by(ROWS) {
            let y = y.min(g.out_height - ROWS);
            let first_row = y * STRIDE;
            let inside =
                first_row >= g.pad_top && first_row + window_rows(K, STRIDE) <= g.pad_top + g.in_height;
            for register in (0..registers).step_by(REGISTERS) {
                let register = register.min(registers - REGISTERS);
                // SAFETY: the tile lies inside the output, and `inside` is what the tile says of it.
                unsafe {
                    if inside {
                        self.tile::<S, K, STRIDE, true>(simd, y, register);
                    } else {
                        self.tile::<S, K, STRIDE, false>(simd, y, register);
                    }
                }
            }
        }
    }

    /// The tile whose first output row is `y` and whose first register in that row is `register`. When it is
    /// `INSIDE`, all rows that it reads are rows of the input; else those that are padding are skipped.
    ///
    /// # Safety
    /// As [`PlaneConvolution::plane`]; the tile lies inside the output.
    #[inline(always)]
    unsafe fn tile<S: Simd, const K: usize, const STRIDE: usize, const INSIDE: bool>(
        &mut self,
        simd: S,
        y: usize,
        register: usize,
    ) {
        let g = self.geometry;
        // Registers per pixel. It divides `register`: REGISTERS and the registers of a row are multiples of it.
        let parts = LANES / S::WIDTH;
        let x = register / parts;
        // SAFETY: rows outside of the input are skipped; the caller vouches for everything else.
        unsafe {
            let source = self.input.as_ptr().add(x * g.stride_width * LANES);
            let target = self.output.as_mut_ptr().add((y * g.out_width + x) * LANES);
            let mut sums = [[simd.splat(self.weights[0]); REGISTERS]; ROWS];
            let taps = self.weights.as_ptr().add(1);
            for row in 0..window_rows(K, STRIDE) {
                let in_y = (y * STRIDE + row).wrapping_sub(g.pad_top);
                if !INSIDE && in_y >= g.in_height {
                    continue;
                }
                let source = source.add(in_y * self.in_width * LANES);
                for kx in 0..K {
                    let mut values = [simd.splat(0.0); REGISTERS];
                    for x in 0..REGISTERS {
                        let column = x / parts * g.stride_width + kx;
                        values[x] = simd.load(source.add(column * LANES + x % parts * S::WIDTH));
                    }
                    for r in 0..ROWS {
                        if row >= r * STRIDE && row - r * STRIDE < K {
                            let tap = simd.splat(*taps.add((row - r * STRIDE) * K + kx));
                            for x in 0..REGISTERS {
                                sums[r][x] = simd.fma(tap, values[x], sums[r][x]);
                            }
                        }
                    }
                }
            }
            for_activation!(self.activation, A => {
                for r in 0..ROWS {
                    for x in 0..REGISTERS {
                        let output = A::of_vector(simd, sums[r][x]);
                        simd.store(output, target.add(r * g.out_width * LANES + x * S::WIDTH));
                    }
                }
            });
        }
    }
}
