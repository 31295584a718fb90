//! Register-tile kernel of weight gradients.
//!
//! For every row r and tap t of the offset tables ([`super::tables`]), summed over columns j and lanes:
//!
//! ```text
//! d_weights[r][t] += Σ_j Σ_lane d_output[rows[r] + j.output] · input[taps[t] + j.input]
//! ```
//!
//! A tile holds F rows × T taps in registers while it runs over a *strip* of columns, as many as leave its
//! operands in the first-level cache for the next tile; between strips the sums rest in memory, still one per
//! lane. Lanes are reduced once, after the last strip.
#![expect(
    clippy::needless_range_loop,
    reason = "register tiles are indexed by constants, in the order of the instructions"
)]
#![expect(unsafe_code, reason = "unchecked pointers in the inner loop; bounds are checked once per call")]

use std::ops::Range;

use super::tables::{Column, Columns, EvenTiles, Offsets, even_tiles};
use crate::layout::LANES;
use crate::simd::{Kernel, Simd, Tile};

/// Operands of the kernel. See the module.
#[derive(Debug)]
pub(crate) struct TapGradient<'a> {
    pub(crate) taps: &'a Offsets,
    pub(crate) rows: &'a Offsets,
    pub(crate) columns: &'a Columns,
    /// Columns per strip: as many as leave its operands in the first-level cache.
    pub(crate) strip: usize,
    pub(crate) input: &'a [f32],
    pub(crate) d_output: &'a [f32],
    /// Working memory of [`accumulators_len`] elements.
    pub(crate) accumulators: &'a mut [f32],
    /// `[row][tap]`, added to.
    pub(crate) d_weights: &'a mut [f32],
}

/// Largest T of any tile.
const MOST_TAPS: usize = 9;

/// As many registers as a tile has sums, at least.
static ZEROS: Zeros = Zeros([0.0; 24 * LANES]);

#[repr(align(64))]
struct Zeros([f32; 24 * LANES]);

/// Elements of working memory for `taps` taps.
pub(crate) fn accumulators_len(tile: Tile, taps: usize) -> usize {
    (taps + MOST_TAPS) * tile.gradient_rows * tile.width
}

impl Kernel for TapGradient<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) {
        let rows = self.rows.values().len();
        let taps = self.taps.values().len();
        assert!(self.taps.largest() + self.columns.largest_input() + S::WIDTH <= self.input.len(), "input");
        assert!(
            self.rows.largest() + self.columns.largest_output() + S::WIDTH <= self.d_output.len(),
            "output"
        );
        assert!(self.accumulators.len() >= accumulators_len(Tile::of::<S>(), taps), "accumulators");
        assert!(self.d_weights.len() >= rows * taps, "weight gradient");

        for tiles in even_tiles(Tile::of::<S>().gradient_rows, rows) {
            for tile in tiles.each() {
                // SAFETY: the assertions above are what `row_tile` asks for.
                unsafe {
                    match (tile.len(), S::REGISTERS) {
                        (8, 32) => self.row_tile::<S, 8, 3, 2>(simd, tile),
                        (7, 32) => self.row_tile::<S, 7, 3, 2>(simd, tile),
                        (6, 32) => self.row_tile::<S, 6, 4, 3>(simd, tile),
                        (5, 32) => self.row_tile::<S, 5, 4, 3>(simd, tile),
                        (4, 32) => self.row_tile::<S, 4, 6, 5>(simd, tile),
                        (4, _) => self.row_tile::<S, 4, 3, 2>(simd, tile),
                        (3, 32) => self.row_tile::<S, 3, 8, 7>(simd, tile),
                        (3, _) => self.row_tile::<S, 3, 4, 3>(simd, tile),
                        (2, 32) => self.row_tile::<S, 2, 9, 8>(simd, tile),
                        (2, _) => self.row_tile::<S, 2, 6, 5>(simd, tile),
                        _ => self.row_tile::<S, 1, 9, 8>(simd, tile),
                    }
                }
            }
        }
    }
}

/// Some of the columns.
struct Strip<'a> {
    columns: &'a [Column],
    is_first: bool,
    is_last: bool,
}

impl TapGradient<'_> {
    /// All taps of the F rows `rows`, in tiles of T and of at most `T_LESS` = T − 1 taps.
    ///
    /// # Safety
    /// Every sum of offsets plus `S::WIDTH` lies within its tensor, the accumulators are as long as
    /// [`accumulators_len`] says, and these rows exist.
    #[inline(always)]
    unsafe fn row_tile<S: Simd, const F: usize, const T: usize, const T_LESS: usize>(
        &mut self,
        simd: S,
        rows: Range<usize>,
    ) {
        let columns = self.columns;
        let strips = columns.values().len().div_ceil(self.strip);
        for (strip, columns) in columns.values().chunks(self.strip).enumerate() {
            let strip = Strip { columns, is_first: strip == 0, is_last: strip + 1 == strips };
            let tiles = even_tiles(T, self.taps.values().len());
            for (index, taps) in tiles.iter().flat_map(EvenTiles::each).enumerate() {
                let resting = index * F * T * S::WIDTH;
                // SAFETY: as above; `accumulators_len` counts F·T registers for each tile.
                unsafe {
                    let resting = self.accumulators.as_mut_ptr().add(resting);
                    if taps.len() == T {
                        self.tile::<S, F, T>(simd, rows.start, taps, &strip, resting);
                    } else {
                        self.tile::<S, F, T_LESS>(simd, rows.start, taps, &strip, resting);
                    }
                }
            }
        }
    }

    /// The products of a strip for the F rows from `first` and the taps `taps`, of which there are 1 to T. Between
    /// strips the sums rest at `resting`.
    ///
    /// # Safety
    /// As [`TapGradient::row_tile`]; `resting` has room for F·T registers.
    #[inline(always)]
    unsafe fn tile<S: Simd, const F: usize, const T: usize>(
        &mut self,
        simd: S,
        first: usize,
        taps: Range<usize>,
        strip: &Strip<'_>,
        resting: *mut f32,
    ) {
        // SAFETY: as above.
        unsafe {
            // Zeros come from memory too: a choice between registers would cost copies in the loop.
            let start = if strip.is_first { ZEROS.0.as_ptr() } else { resting.cast_const() };
            let mut sums = [[simd.splat(0.0); T]; F];
            for f in 0..F {
                for t in 0..T {
                    sums[f][t] = simd.load(start.add((f * T + t) * S::WIDTH));
                }
            }
            let sums = self.add_products(simd, first, &self.taps.values()[taps.clone()], strip.columns, sums);
            for f in 0..F {
                for t in 0..T {
                    simd.store(sums[f][t], resting.add((f * T + t) * S::WIDTH));
                }
            }
            if strip.is_last {
                self.finish::<S, F, T>(simd, first, taps, resting);
            }
        }
    }

    /// Adds the products of the columns of a strip to the sums of a tile.
    ///
    /// # Safety
    /// As [`TapGradient::row_tile`]; `taps` has 1 to T elements.
    #[inline(always)]
    unsafe fn add_products<S: Simd, const F: usize, const T: usize>(
        &self,
        simd: S,
        first: usize,
        taps: &[u32],
        columns: &[Column],
        mut sums: [[S::Vector; T]; F],
    ) -> [[S::Vector; T]; F] {
        // SAFETY: the caller vouches for every offset. A tile with fewer than T taps computes its last one several
        // times; `finish` reads it once.
        unsafe {
            let mut inputs = [self.input.as_ptr(); T];
            for t in 0..T {
                inputs[t] = inputs[t].add(taps[t.min(taps.len() - 1)] as usize);
            }
            let mut gradients = [self.d_output.as_ptr(); F];
            for f in 0..F {
                gradients[f] = gradients[f].add(self.rows.values()[first + f] as usize);
            }
            for column in columns {
                let (input, output) = (column.input as usize, column.output as usize);
                // The smaller side of the tile is held in registers, the other passes through one.
                if T < F {
                    let mut held = [simd.splat(0.0); T];
                    for t in 0..T {
                        held[t] = simd.load(inputs[t].add(input));
                    }
                    for f in 0..F {
                        let gradient = simd.load(gradients[f].add(output));
                        for t in 0..T {
                            sums[f][t] = simd.fma(gradient, held[t], sums[f][t]);
                        }
                    }
                } else {
                    let mut held = [simd.splat(0.0); F];
                    for f in 0..F {
                        held[f] = simd.load(gradients[f].add(output));
                    }
                    for t in 0..T {
                        let value = simd.load(inputs[t].add(input));
                        for f in 0..F {
                            sums[f][t] = simd.fma(held[f], value, sums[f][t]);
                        }
                    }
                }
            }
        }
        sums
    }

    /// Reduces the registers `[F][T]` at `sums` over lanes and adds them to the gradients of the taps `taps`.
    ///
    /// # Safety
    /// The registers are readable.
    #[inline(always)]
    unsafe fn finish<S: Simd, const F: usize, const T: usize>(
        &mut self,
        simd: S,
        first: usize,
        taps: Range<usize>,
        sums: *const f32,
    ) {
        let line = self.taps.values().len();
        for f in 0..F {
            let d_weights = &mut self.d_weights[(first + f) * line..][taps.clone()];
            for t in (0..T).step_by(4) {
                let mut four = [simd.splat(0.0); 4];
                for next in 0..4 {
                    let register = f * T + (t + next).min(T - 1);
                    // SAFETY: a register of this tile.
                    four[next] = unsafe { simd.load(sums.add(register * S::WIDTH)) };
                }
                for (gradient, sum) in d_weights.iter_mut().skip(t).zip(simd.reduce_sum_4(four)) {
                    *gradient += sum;
                }
            }
        }
    }
}
