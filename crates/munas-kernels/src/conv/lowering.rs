//! From a convolution to offset tables and packed weights, over groups of blocks.
//!
//! | pass | rows | taps | columns | finish |
//! |---|---|---|---|---|
//! | forward | filters | (channel, ky, kx) | output pixels | store |
//! | input gradient, *correlated* | channels | (filter, ky, kx), flipped | input pixels | store |
//! | input gradient, *scattered* | (channel, ky, kx) | filters | output pixels | add |
//! | weight gradient | filters | (channel, ky, kx) | output pixels | |
//!
//! Correlated, the input gradient is a forward convolution of the zero-padded output gradient with flipped
//! filters; it needs stride 1, and multiplies the padding too. Scattered, every product is useful, at any stride,
//! but each sum over filters is followed by an addition in memory. The choice is [`prefers_correlation`].
//!
//! A depthwise convolution is the same for one channel at a time. Where Winograd's tiles are faster ([`Tiling::of`]), they replace
//! all three passes.

use std::ops::Range;

use munas_ir::Activation;

use super::packing::{PackedWeights, PassWeights};
use super::padding::{Padded, for_each_interior_row, padded_input, reserve_padded};
use super::plane::PlaneConvolution;
use super::plane_gradient::PlaneGradient;
use super::tables::Tables;
use super::tap_gradient::{TapGradient, accumulators_len};
use super::tap_sum::{Finish, TapSum};
use super::winograd::{Pass, Tiling, WinogradScratch};
use super::{AffineActivations, AffineOutput, AffineParameters, Convolution};
use crate::Kernels;
use crate::geometry::ConvGeometry;
use crate::layout::{AlignedBuffer, LANES};
use crate::simd::Tile;

/// Columns that a group of blocks should have at least: enough to amortise a partly filled last tile and the
/// reduction over lanes. Larger maps go block by block, so that the working set stays in the second-level cache.
const GROUP_COLUMNS: usize = 96;

/// Bytes that a strip of the weight gradient may take of the first-level cache (32 KiB on most processors).
const STRIP_BYTES: usize = 24 * 1024;

/// Working memory of the convolutions.
#[derive(Debug, Default)]
pub(crate) struct ConvScratch {
    pub(super) tables: Tables,
    weights: AlignedBuffer,
    pub(super) padded: AlignedBuffer,
    accumulators: AlignedBuffer,
    winograd: WinogradScratch,
}

/// Blocks that are worked on together, of `blocks` with `columns` columns each.
fn group_size(blocks: usize, columns: usize) -> usize {
    GROUP_COLUMNS.div_ceil(columns).min(blocks).max(1)
}

/// Splits `0..blocks` into groups of at most `size`.
fn groups(blocks: usize, size: usize) -> impl Iterator<Item = Range<usize>> {
    (0..blocks).step_by(size).map(move |first| first..(first + size).min(blocks))
}

impl Convolution {
    /// The geometry whose forward pass over the output gradient is the input gradient (stride 1).
    fn transposed(&self) -> Self {
        let g = &self.geometry;
        Self {
            geometry: ConvGeometry {
                in_channels: g.out_channels,
                in_height: g.out_height,
                in_width: g.out_width,
                out_channels: g.in_channels,
                pad_top: g.kernel_height - 1 - g.pad_top,
                pad_left: g.kernel_width - 1 - g.pad_left,
                out_height: g.in_height,
                out_width: g.in_width,
                ..*g
            },
            depthwise: self.depthwise,
        }
    }

    /// Number of independent tap sums (channels of a depthwise convolution), and their rows and channels.
    pub(super) fn split(&self) -> (usize, usize, usize) {
        let g = &self.geometry;
        if self.depthwise { (g.in_channels, 1, 1) } else { (1, g.out_channels, g.in_channels) }
    }

    /// Columns of one block.
    fn columns(&self, tile: Tile) -> usize {
        self.geometry.out_pixels() * (LANES / tile.width)
    }
}

/// Whether the correlated input gradient is possible and cheaper than the scattered one: it multiplies `in_pixels`
/// where `out_pixels` would do, the other adds to memory once per `filters` multiplications.
fn prefers_correlation(convolution: &Convolution) -> bool {
    let g = &convolution.geometry;
    let possible = g.stride_height == 1
        && g.stride_width == 1
        && g.pad_top < g.kernel_height
        && g.pad_left < g.kernel_width;
    let filters = if convolution.depthwise { 1 } else { g.out_channels };
    /// Multiply-adds of a tile that take as long as its addition in memory.
    const ADDITION_COST: usize = 3;
    possible && g.in_pixels() * filters <= g.out_pixels() * (filters + ADDITION_COST)
}

impl Kernels {
    /// Forward pass of `convolution` with packed weights.
    pub(super) fn tap_sums(
        &self,
        convolution: &Convolution,
        blocks: usize,
        weights: PackedWeights<'_>,
        input: &[f32],
        mut output: AffineOutput<'_>,
        (tables, padded): (&mut Tables, &mut AlignedBuffer),
    ) {
        let (g, tile) = (&convolution.geometry, self.tile());
        let PackedWeights { values: packed, activation } = weights;
        let part_len = packed.len() / convolution.split().0;
        if convolution.depthwise && PlaneConvolution::supports(g, tile.width) {
            // One row per part: the packed weights are each channel's bias and taps.
            return self.plane_sums(g, blocks, (packed, activation), input, output, padded);
        }
        let size = group_size(blocks, convolution.columns(tile));
        let buffer = reserve_padded(g, size, padded);
        let (in_plane, out_plane) = (Padded::of(g).plane(), g.out_pixels() * LANES);
        for range in groups(blocks, size) {
            if range.start == 0 || range.len() < size {
                tables.fill(convolution, range.len(), tile.width, false);
            }
            let values = &mut output.values[range.start * g.output_block()..range.end * g.output_block()];
            let input = padded_input(g, range.clone(), input, buffer);
            for (part, weights_of_part) in packed.chunks_exact(part_len).enumerate() {
                self.dispatch(TapSum {
                    taps: &tables.taps,
                    rows: &tables.rows,
                    columns: &tables.columns,
                    weights: weights_of_part,
                    finish: Finish::Store(activation),
                    input: &input[part * in_plane..],
                    output: &mut values[part * out_plane..],
                });
            }
            output.finish(self, range, g.output_block());
        }
    }

    /// Forward pass of a depthwise convolution, plane by plane: a plane that needs columns of padding gets them just
    /// before it is read, in a buffer that stays in the first-level cache.
    fn plane_sums(
        &self,
        g: &ConvGeometry,
        blocks: usize,
        (packed, activation): (&[f32], Activation),
        input: &[f32],
        mut output: AffineOutput<'_>,
        buffer: &mut AlignedBuffer,
    ) {
        let in_width = Padded::of(g).width;
        let buffer = if in_width == g.in_width {
            &mut []
        } else {
            let buffer = buffer.reserve(g.in_height * in_width * LANES);
            buffer.fill(0.0);
            buffer
        };
        for block in 0..blocks {
            let in_planes = input[block * g.input_block()..].chunks_exact(g.in_pixels() * LANES);
            let values = &mut output.values[block * g.output_block()..][..g.output_block()];
            let out_planes = values.chunks_exact_mut(g.out_pixels() * LANES);
            let channels = packed.chunks_exact(1 + g.kernel_pixels());
            for ((input, output), weights) in in_planes.zip(out_planes).zip(channels) {
                if !buffer.is_empty() {
                    let rows = buffer.chunks_exact_mut(in_width * LANES);
                    for (padded, row) in rows.zip(input.chunks_exact(g.in_width * LANES)) {
                        padded[g.pad_left * LANES..][..row.len()].copy_from_slice(row);
                    }
                }
                let input = if buffer.is_empty() { input } else { &*buffer };
                self.dispatch(PlaneConvolution { geometry: g, in_width, weights, activation, input, output });
            }
            output.finish(self, block..block + 1, g.output_block());
        }
    }

    /// `output = weights ∗ input + bias`, in tiles where that is faster.
    pub(super) fn simd_forward(
        &self,
        convolution: &Convolution,
        blocks: usize,
        parameters: &AffineParameters<'_>,
        input: &[f32],
        output: AffineOutput<'_>,
        scratch: &mut ConvScratch,
    ) {
        if let Some(tiling) = Tiling::of(convolution, Pass::Forward) {
            let (layer, scratch) = ((&convolution.geometry, blocks), &mut scratch.winograd);
            return self.winograd_forward(tiling, layer, parameters, input, output, scratch);
        }
        let weights = PassWeights::of_forward(convolution, parameters);
        self.pack_and_sum(convolution, blocks, &weights, input, output, scratch);
    }

    /// [`Kernels::tap_sums`] with weights that are still to be packed.
    fn pack_and_sum(
        &self,
        convolution: &Convolution,
        blocks: usize,
        weights: &PassWeights<'_>,
        input: &[f32],
        output: AffineOutput<'_>,
        scratch: &mut ConvScratch,
    ) {
        let ConvScratch { tables, padded, weights: buffer, .. } = scratch;
        let packed = weights.pack(self.tile(), convolution.split().0, buffer);
        self.tap_sums(convolution, blocks, packed, input, output, (tables, padded));
    }

    /// Gradient by the input.
    pub(super) fn simd_backward_input(
        &self,
        convolution: &Convolution,
        blocks: usize,
        weights: &[f32],
        d_output: &[f32],
        d_input: &mut [f32],
        scratch: &mut ConvScratch,
    ) {
        if let Some(tiling) = Tiling::of(convolution, Pass::InputGradient) {
            let (layer, scratch) = ((&convolution.geometry, blocks), &mut scratch.winograd);
            return self.winograd_backward_input(tiling, layer, weights, d_output, d_input, scratch);
        }
        if !prefers_correlation(convolution) {
            return self.scatter(convolution, blocks, weights, d_output, d_input, scratch);
        }
        let flipped = PassWeights::of_correlation(convolution, weights);
        self.pack_and_sum(&convolution.transposed(), blocks, &flipped, d_output, d_input.into(), scratch);
    }

    /// The scattered input gradient.
    fn scatter(
        &self,
        convolution: &Convolution,
        blocks: usize,
        weights: &[f32],
        d_output: &[f32],
        d_input: &mut [f32],
        scratch: &mut ConvScratch,
    ) {
        let (g, tile) = (&convolution.geometry, self.tile());
        let padded = Padded::of(g);
        let (transposed, parts) = (PassWeights::of_scatter(convolution, weights), convolution.split().0);
        let packed = transposed.pack(tile, parts, &mut scratch.weights).values;
        let size = group_size(blocks, convolution.columns(tile));
        let (in_plane, out_plane) = (padded.plane(), g.out_pixels() * LANES);
        for range in groups(blocks, size) {
            if range.start == 0 || range.len() < size {
                scratch.tables.fill(convolution, range.len(), tile.width, true);
            }
            let buffer = reserve_padded(g, range.len(), &mut scratch.padded);
            let d_output = &d_output[range.start * g.output_block()..range.end * g.output_block()];
            let d_input = &mut d_input[range.start * g.input_block()..range.end * g.input_block()];
            d_input.fill(0.0);
            let target: &mut [f32] = if buffer.is_empty() { d_input } else { buffer };
            for (part, weights) in packed.chunks_exact(packed.len() / parts).enumerate() {
                self.dispatch(TapSum {
                    taps: &scratch.tables.rows,
                    rows: &scratch.tables.taps,
                    columns: &scratch.tables.columns,
                    weights,
                    finish: Finish::Add,
                    input: &d_output[part * out_plane..],
                    output: &mut target[part * in_plane..],
                });
            }
            if !padded.is_plain(g) {
                for_each_interior_row(g, range.len() * g.in_channels, |inner, outer| {
                    d_input[outer].copy_from_slice(&buffer[inner]);
                });
            }
        }
    }

    /// Gradient by the weights.
    pub(super) fn simd_backward_weights(
        &self,
        convolution: &Convolution,
        blocks: usize,
        activations: &AffineActivations<'_>,
        d_weights: &mut [f32],
        scratch: &mut ConvScratch,
    ) {
        let (g, tile) = (&convolution.geometry, self.tile());
        if let Some(tiling) = Tiling::of(convolution, Pass::WeightGradient) {
            let (layer, scratch) = ((g, blocks), &mut scratch.winograd);
            return self.winograd_backward_weights(tiling, layer, activations, d_weights, scratch);
        }
        let (_, rows, channels) = convolution.split();
        let taps = channels * g.kernel_pixels();
        let accumulators = scratch.accumulators.reserve(accumulators_len(tile, taps));
        d_weights.fill(0.0);
        let size = group_size(blocks, convolution.columns(tile));
        let buffer = reserve_padded(g, size, &mut scratch.padded);
        let (in_plane, out_plane) = (Padded::of(g).plane(), g.out_pixels() * LANES);
        if convolution.depthwise && PlaneGradient::supports(g) {
            for range in groups(blocks, 1) {
                let d_output =
                    &activations.d_output[range.start * g.output_block()..range.end * g.output_block()];
                let input = padded_input(g, range, activations.input, buffer);
                let planes = input.chunks_exact(in_plane).zip(d_output.chunks_exact(out_plane));
                for ((input, d_output), d_weights) in planes.zip(d_weights.as_chunks_mut().0) {
                    let in_width = Padded::of(g).width;
                    self.dispatch(PlaneGradient { geometry: g, in_width, input, d_output, d_weights });
                }
            }
            return;
        }
        let planes_per_column = rows.min(tile.gradient_rows) + g.stride_height * g.stride_width;
        let strip = STRIP_BYTES / (planes_per_column * tile.width * size_of::<f32>());
        for range in groups(blocks, size) {
            if range.start == 0 || range.len() < size {
                scratch.tables.fill(convolution, range.len(), tile.width, false);
            }
            let d_output =
                &activations.d_output[range.start * g.output_block()..range.end * g.output_block()];
            let input = padded_input(g, range, activations.input, buffer);
            for (part, d_weights) in d_weights.chunks_exact_mut(rows * taps).enumerate() {
                self.dispatch(TapGradient {
                    taps: &scratch.tables.taps,
                    rows: &scratch.tables.rows,
                    columns: &scratch.tables.columns,
                    strip: strip.max(1),
                    input: &input[part * in_plane..],
                    d_output: &d_output[part * out_plane..],
                    accumulators,
                    d_weights,
                });
            }
        }
    }
}
