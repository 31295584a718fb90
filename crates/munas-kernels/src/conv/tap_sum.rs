//! Register-tile kernel of forward passes and input gradients.
//!
//! For every row r and column j of the offset tables ([`super::tables`]):
//!
//! ```text
//! output[rows[r] + j.output] ← bias[r] + Σ_t weight[r][t] · input[taps[t] + j.input]
//! ```
//!
//! A tile holds F rows × X columns in registers. Per tap it loads X registers of input and broadcasts F weights
//! for F·X multiply-adds; F = 6, X = 2 takes 15 of the 16 registers of AVX2, F = 8, X = 3 takes 28 of the 32 of
//! AVX-512.
//!
//! Columns are the outer loop: a tile's input stays in the first-level cache while all weights stream past.
#![expect(
    clippy::needless_range_loop,
    reason = "register tiles are indexed by constants, in the order of the instructions"
)]
#![expect(unsafe_code, reason = "unchecked pointers in the inner loop; bounds are checked once per call")]

use std::ops::Range;

use munas_ir::Activation;

use super::packing::packed_len;
use super::tables::{Column, Columns, Offsets, even_tiles};
use crate::activation::{Activate, for_activation};
use crate::simd::{Kernel, Simd, Tile};

/// What a tile does with its sums.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Finish {
    /// Overwrite the output with the activation of the sum.
    Store(Activation),
    /// Add to the output; there is no bias.
    Add,
}

/// Operands of the kernel. See the module.
#[derive(Debug)]
pub(crate) struct TapSum<'a> {
    pub(crate) taps: &'a Offsets,
    pub(crate) rows: &'a Offsets,
    pub(crate) columns: &'a Columns,
    /// Bias and weights as [`super::packing`] lays them out.
    pub(crate) weights: &'a [f32],
    pub(crate) finish: Finish,
    pub(crate) input: &'a [f32],
    pub(crate) output: &'a mut [f32],
}

impl Kernel for TapSum<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) {
        let rows = self.rows.values().len();
        let taps = self.taps.values().len();
        assert!(self.weights.len() >= packed_len(rows, taps), "packed weights");
        assert!(self.taps.largest() + self.columns.largest_input() + S::WIDTH <= self.input.len(), "input");
        assert!(
            self.rows.largest() + self.columns.largest_output() + S::WIDTH <= self.output.len(),
            "output"
        );

        for tiles in even_tiles(Tile::of::<S>().sum_rows, rows) {
            let rows = tiles.items;
            // SAFETY: the assertions above are what `pass` asks for, and `rows` are whole tiles of `size` rows.
            unsafe {
                match (tiles.size, S::REGISTERS) {
                    (8, 32) => self.pass::<S, 8, 3>(simd, rows),
                    (7, 32) => self.pass::<S, 7, 3>(simd, rows),
                    (6, 32) => self.pass::<S, 6, 4>(simd, rows),
                    (6, _) => self.pass::<S, 6, 2>(simd, rows),
                    (5, 32) => self.pass::<S, 5, 4>(simd, rows),
                    (5, _) => self.pass::<S, 5, 2>(simd, rows),
                    (4, 32) => self.pass::<S, 4, 6>(simd, rows),
                    (4, _) => self.pass::<S, 4, 2>(simd, rows),
                    (3, 32) => self.pass::<S, 3, 8>(simd, rows),
                    (3, _) => self.pass::<S, 3, 4>(simd, rows),
                    (2, 32) => self.pass::<S, 2, 8>(simd, rows),
                    (2, _) => self.pass::<S, 2, 6>(simd, rows),
                    _ => self.pass::<S, 1, 8>(simd, rows),
                }
            }
        }
    }
}

impl TapSum<'_> {
    /// All columns of the rows `rows`, in tiles of F × X.
    ///
    /// # Safety
    /// Every sum of offsets plus `S::WIDTH` lies within its tensor, the weights are packed for these rows, and
    /// `rows` is a multiple of F long.
    #[inline(always)]
    unsafe fn pass<S: Simd, const F: usize, const X: usize>(&mut self, simd: S, rows: Range<usize>) {
        let columns = self.columns;
        for columns in columns.values().chunks(X) {
            for first in rows.clone().step_by(F) {
                // SAFETY: as above; `columns` has 1 to X elements.
                unsafe { self.tile::<S, F, X>(simd, first, columns) };
            }
        }
    }

    /// Rows first..first + F of up to X columns.
    ///
    /// # Safety
    /// As [`TapSum::pass`]; `columns` has 1 to X elements.
    #[inline(always)]
    unsafe fn tile<S: Simd, const F: usize, const X: usize>(
        &mut self,
        simd: S,
        first: usize,
        columns: &[Column],
    ) {
        let taps = self.taps.values();
        // SAFETY: the caller vouches for every offset. A tile with fewer than X columns computes and stores
        // its last one several times, but adds it once.
        unsafe {
            let (mut inputs, mut outputs) = ([self.input.as_ptr(); X], [0; X]);
            for x in 0..X {
                let column = columns[x.min(columns.len() - 1)];
                inputs[x] = inputs[x].add(column.input as usize);
                outputs[x] = column.output as usize;
            }
            let mut weights = self.weights.as_ptr().add(first * (1 + taps.len()));
            let mut sums = [[simd.splat(0.0); X]; F];
            for &tap in taps {
                weights = weights.add(F);
                // The smaller side of the tile is held in registers, the other passes through one.
                if X < F {
                    let mut values = [simd.splat(0.0); X];
                    for x in 0..X {
                        values[x] = simd.load(inputs[x].add(tap as usize));
                    }
                    for f in 0..F {
                        let weight = simd.splat(*weights.add(f));
                        for x in 0..X {
                            sums[f][x] = simd.fma(weight, values[x], sums[f][x]);
                        }
                    }
                } else {
                    let mut held = [simd.splat(0.0); F];
                    for f in 0..F {
                        held[f] = simd.splat(*weights.add(f));
                    }
                    for x in 0..X {
                        let value = simd.load(inputs[x].add(tap as usize));
                        for f in 0..F {
                            sums[f][x] = simd.fma(held[f], value, sums[f][x]);
                        }
                    }
                }
            }
            self.put(simd, first, &sums, &outputs, columns.len());
        }
    }

    /// Stores or adds the sums of a tile, whose columns have these offsets in the output.
    ///
    /// # Safety
    /// As [`TapSum::tile`].
    #[inline(always)]
    unsafe fn put<S: Simd, const F: usize, const X: usize>(
        &mut self,
        simd: S,
        first: usize,
        sums: &[[S::Vector; X]; F],
        outputs: &[usize; X],
        columns: usize,
    ) {
        // SAFETY: the caller vouches for every offset.
        unsafe {
            let bias = self.weights.as_ptr().add(first * (1 + self.taps.values().len()));
            let output = self.output.as_mut_ptr();
            let rows = self.rows.values().as_ptr().add(first);
            match self.finish {
                Finish::Store(activation) => for_activation!(activation, A => {
                    for f in 0..F {
                        let (row, bias) = (output.add(*rows.add(f) as usize), simd.splat(*bias.add(f)));
                        for x in 0..X {
                            simd.store(A::of_vector(simd, simd.add(sums[f][x], bias)), row.add(outputs[x]));
                        }
                    }
                }),
                Finish::Add => {
                    for f in 0..F {
                        let row = output.add(*rows.add(f) as usize);
                        for x in 0..X {
                            if x < columns {
                                let target = row.add(outputs[x]);
                                simd.store(simd.add(simd.load(target), sums[f][x]), target);
                            }
                        }
                    }
                }
            }
        }
    }
}
