//! Convolutions with fewer multiplications: Winograd's minimal filtering in tiles of M × M outputs (Lavin and Gray, arXiv
//! 1509.09308), for square filters of 3, 5 and 7 taps and stride 1.
//!
//! A tile takes N × N inputs, N = M + R − 1, to as many points; at each point the channels of all tiles are a matrix product
//! with the filters, N² products in place of M²·R² (2.3 to 6.3 times fewer); then the products go back to M × M outputs.
//! The products are those of [`TapSum`] and [`TapGradient`], with tiles as columns.
//!
//! | pass | to points | product | from points |
//! |---|---|---|---|
//! | forward | inputs, filters | filters × channels | outputs |
//! | input gradient | outputs' gradients, filters | channels × filters | inputs' gradients, added where tiles overlap |
//! | weight gradient | inputs, outputs' gradients | summed over tiles | filters' gradients |
//!
//! Gradients take the transposes of the matrices: those of outputs go to the points by the transpose of the outputs' way back.
//!
//! Tiles are worked on in chunks whose points stay in the last-level cache.

mod filters;
mod matrices;
#[cfg(test)]
mod tests;
mod tiling;
mod transform;

use std::marker::PhantomData;
use std::ops::Range;

use super::packing::{WeightOrder, pack_weights, packed_len};
use super::tables::{Columns, Offsets};
use super::tap_gradient::{TapGradient, accumulators_len};
use super::tap_sum::{Finish, TapSum};
use super::{AffineActivations, AffineOutput, AffineParameters};
use crate::Kernels;
use crate::geometry::ConvGeometry;
use crate::layout::{AlignedBuffer, LANES};
use filters::{FilterOrder, FiltersToPoints, PointsToFilters};
use matrices::{Inputs, Outputs, ToPoints};
use tiling::{ChunkSize, GRADIENT_CHUNK, SUM_CHUNK};
use transform::{PixelsToPoints, Place, Planes, PointsToPixels, point_stride};

pub(super) use tiling::{Pass, Tiling};

/// Working memory.
#[derive(Debug, Default)]
pub(super) struct WinogradScratch {
    chunk: Chunk,
    filters: AlignedBuffer,
    packed: AlignedBuffer,
    values: AlignedBuffer,
    results: AlignedBuffer,
    accumulators: AlignedBuffer,
}

/// Tiles that are worked on together, and their offset tables at each point.
#[derive(Debug, Default)]
struct Chunk {
    tiles: Vec<Place>,
    /// Channels that are summed over.
    taps: Offsets,
    /// Channels of the result.
    rows: Offsets,
    /// Tiles.
    columns: Columns,
}

/// A pass over the tiles of a convolution.
struct TiledPass<'a> {
    kernels: Kernels,
    geometry: &'a ConvGeometry,
    blocks: usize,
    tiling: Tiling,
}

/// Operands of a pass that is a sum of products at each point.
struct Operands<'a> {
    weights: &'a [f32],
    /// Rows are the channels of the result, columns those that are summed over.
    order: FilterOrder,
    bias: &'a [f32],
    finish: Finish,
    values: &'a [f32],
    planes: Planes,
    result_planes: Planes,
}

impl Kernels {
    /// [`Kernels::affine_forward`] in tiles.
    pub(super) fn winograd_forward(
        &self,
        tiling: Tiling,
        (geometry, blocks): (&ConvGeometry, usize),
        parameters: &AffineParameters<'_>,
        input: &[f32],
        output: AffineOutput<'_>,
        scratch: &mut WinogradScratch,
    ) {
        let pass = TiledPass { kernels: *self, geometry, blocks, tiling };
        let operands = Operands {
            weights: parameters.weights,
            order: FilterOrder {
                rows: geometry.out_channels,
                row_stride: geometry.in_channels * geometry.kernel_pixels(),
                columns: geometry.in_channels,
                column_stride: geometry.kernel_pixels(),
            },
            bias: parameters.bias,
            finish: if parameters.relu { Finish::StoreRelu } else { Finish::Store },
            values: input,
            planes: input_planes(geometry),
            result_planes: output_planes(geometry),
        };
        match tiling {
            Tiling::F2x3 => pass.sum::<Inputs, 4, Outputs, 2, 3, 4>(&operands, output, scratch),
            Tiling::F4x3 => pass.sum::<Inputs, 6, Outputs, 4, 3, 6>(&operands, output, scratch),
            Tiling::F2x5 => pass.sum::<Inputs, 6, Outputs, 2, 5, 6>(&operands, output, scratch),
            Tiling::F4x5 => pass.sum::<Inputs, 8, Outputs, 4, 5, 8>(&operands, output, scratch),
            Tiling::F2x7 => pass.sum::<Inputs, 8, Outputs, 2, 7, 8>(&operands, output, scratch),
        }
    }

    /// [`Kernels::affine_backward_input`] in tiles.
    pub(super) fn winograd_backward_input(
        &self,
        tiling: Tiling,
        (geometry, blocks): (&ConvGeometry, usize),
        weights: &[f32],
        d_output: &[f32],
        d_input: &mut [f32],
        scratch: &mut WinogradScratch,
    ) {
        d_input[..blocks * geometry.input_block()].fill(0.0);
        let pass = TiledPass { kernels: *self, geometry, blocks, tiling };
        let operands = Operands {
            weights,
            order: FilterOrder {
                rows: geometry.in_channels,
                row_stride: geometry.kernel_pixels(),
                columns: geometry.out_channels,
                column_stride: geometry.in_channels * geometry.kernel_pixels(),
            },
            bias: &[],
            finish: Finish::Add,
            values: d_output,
            planes: output_planes(geometry),
            result_planes: input_planes(geometry),
        };
        let d_input = d_input.into();
        match tiling {
            Tiling::F2x3 => pass.sum::<Outputs, 2, Inputs, 4, 3, 4>(&operands, d_input, scratch),
            Tiling::F4x3 => pass.sum::<Outputs, 4, Inputs, 6, 3, 6>(&operands, d_input, scratch),
            Tiling::F2x5 => pass.sum::<Outputs, 2, Inputs, 6, 5, 6>(&operands, d_input, scratch),
            Tiling::F4x5 => pass.sum::<Outputs, 4, Inputs, 8, 5, 8>(&operands, d_input, scratch),
            Tiling::F2x7 => pass.sum::<Outputs, 2, Inputs, 8, 7, 8>(&operands, d_input, scratch),
        }
    }

    /// [`Kernels::affine_backward_weights`] in tiles.
    pub(super) fn winograd_backward_weights(
        &self,
        tiling: Tiling,
        (geometry, blocks): (&ConvGeometry, usize),
        activations: &AffineActivations<'_>,
        d_weights: &mut [f32],
        scratch: &mut WinogradScratch,
    ) {
        let pass = TiledPass { kernels: *self, geometry, blocks, tiling };
        match tiling {
            Tiling::F2x3 => pass.gradient::<2, 3, 4>(activations, d_weights, scratch),
            Tiling::F4x3 => pass.gradient::<4, 3, 6>(activations, d_weights, scratch),
            Tiling::F2x5 => pass.gradient::<2, 5, 6>(activations, d_weights, scratch),
            Tiling::F4x5 => pass.gradient::<4, 5, 8>(activations, d_weights, scratch),
            Tiling::F2x7 => pass.gradient::<2, 7, 8>(activations, d_weights, scratch),
        }
    }
}

impl TiledPass<'_> {
    /// Sums of products at N × N points, from tiles of K × K values, with filters of R × R taps, to tiles of L × L results.
    fn sum<From, const K: usize, To, const L: usize, const R: usize, const N: usize>(
        &self,
        operands: &Operands<'_>,
        mut result: AffineOutput<'_>,
        scratch: &mut WinogradScratch,
    ) where
        From: ToPoints<K, N>,
        To: ToPoints<L, N>,
    {
        let &Operands { order, planes, result_planes, .. } = operands;
        let WinogradScratch { chunk, filters, packed, values, results, .. } = scratch;
        let filters = filters.reserve(N * N * order.filters());
        self.kernels.dispatch(FiltersToPoints::<R, N> { order, weights: operands.weights, points: filters });
        let packed = self.pack(filters, &order, packed);
        let mut finished = 0;
        for range in self.chunks(SUM_CHUNK) {
            let strides = chunk.fill(self, range.clone(), [planes.channels, result_planes.channels]);
            let values = values.reserve(N * N * strides[0]);
            let results = results.reserve(N * N * strides[1]);
            self.kernels.dispatch(PixelsToPoints::<From, K, N> {
                matrix: PhantomData,
                planes,
                pixels: operands.values,
                tiles: &chunk.tiles,
                points: values,
            });
            let points = values.chunks_exact(strides[0]).zip(results.chunks_exact_mut(strides[1]));
            for ((input, output), weights) in points.zip(packed.chunks_exact(packed.len() / (N * N))) {
                self.kernels.dispatch(TapSum {
                    taps: &chunk.taps,
                    rows: &chunk.rows,
                    columns: &chunk.columns,
                    weights,
                    finish: Finish::Store,
                    input,
                    output,
                });
            }
            self.kernels.dispatch(PointsToPixels::<To, L, N> {
                matrix: PhantomData,
                planes: result_planes,
                points: results,
                tiles: &chunk.tiles,
                bias: operands.bias,
                finish: operands.finish,
                pixels: result.values,
            });
            let complete = range.end / self.tiles_per_block();
            if complete > finished {
                result.finish(&self.kernels, finished..complete, self.geometry.output_block());
                finished = complete;
            }
        }
    }

    /// A weight gradient.
    fn gradient<const M: usize, const R: usize, const N: usize>(
        &self,
        activations: &AffineActivations<'_>,
        d_weights: &mut [f32],
        scratch: &mut WinogradScratch,
    ) {
        let (g, tile) = (self.geometry, self.kernels.tile());
        let WinogradScratch { chunk, filters, values, results, accumulators, .. } = scratch;
        let count = g.in_channels * g.out_channels;
        let d_filters = filters.reserve(N * N * count);
        d_filters.fill(0.0);
        let accumulators = accumulators.reserve(accumulators_len(tile, g.in_channels));
        for range in self.chunks(GRADIENT_CHUNK) {
            let strides = chunk.fill(self, range, [g.in_channels, g.out_channels]);
            let inputs = values.reserve(N * N * strides[0]);
            let d_outputs = results.reserve(N * N * strides[1]);
            self.kernels.dispatch(PixelsToPoints::<Inputs, N, N> {
                matrix: PhantomData,
                planes: input_planes(g),
                pixels: activations.input,
                tiles: &chunk.tiles,
                points: inputs,
            });
            self.kernels.dispatch(PixelsToPoints::<Outputs, M, N> {
                matrix: PhantomData,
                planes: output_planes(g),
                pixels: activations.d_output,
                tiles: &chunk.tiles,
                points: d_outputs,
            });
            let points = inputs.chunks_exact(strides[0]).zip(d_outputs.chunks_exact(strides[1]));
            for ((input, d_output), d_weights) in points.zip(d_filters.chunks_exact_mut(count)) {
                self.kernels.dispatch(TapGradient {
                    taps: &chunk.taps,
                    rows: &chunk.rows,
                    columns: &chunk.columns,
                    strip: chunk.columns.values().len(),
                    input,
                    d_output,
                    accumulators,
                    d_weights,
                });
            }
        }
        self.kernels.dispatch(PointsToFilters::<R, N> {
            filters: count,
            points: d_filters,
            weights: d_weights,
        });
    }

    /// The filters in the order in which tap sums read them, point by point.
    fn pack<'b>(&self, filters: &[f32], order: &FilterOrder, buffer: &'b mut AlignedBuffer) -> &'b [f32] {
        let at_point = WeightOrder {
            rows: order.rows,
            row_stride: order.columns,
            outer: order.columns,
            outer_stride: 1,
            inner: 1,
            flipped: false,
        };
        let packed_len = packed_len(order.rows, order.columns);
        let packed = buffer.reserve(filters.len() / order.filters() * packed_len);
        let points = filters.chunks_exact(order.filters());
        for (packed, values) in packed.chunks_exact_mut(packed_len).zip(points) {
            pack_weights(self.kernels.tile().sum_rows, &at_point, None, values, packed);
        }
        packed
    }

    /// All tiles, in chunks.
    fn chunks(&self, size: ChunkSize) -> impl Iterator<Item = Range<usize>> + use<> {
        let (tiles, step) =
            (self.blocks * self.tiles_per_block(), self.tiling.chunk_tiles(self.geometry, self.blocks, size));
        (0..tiles).step_by(step).map(move |first| first..(first + step).min(tiles))
    }

    fn tiles_per_block(&self) -> usize {
        self.tiling.tiles_per_block(self.geometry)
    }
}

impl Chunk {
    /// Becomes the tiles `range` of a pass, with so many channels that are summed over and that result. Returns the elements
    /// from one point to the next of both.
    fn fill(&mut self, pass: &TiledPass<'_>, range: Range<usize>, channels: [usize; 2]) -> [usize; 2] {
        let (outputs, _) = pass.tiling.outputs_and_taps();
        let (per_block, per_row) = (pass.tiles_per_block(), pass.geometry.out_width.div_ceil(outputs));
        let count = range.len();
        self.tiles.clear();
        self.tiles.extend(range.map(|tile| {
            let (block, tile) = (tile / per_block, tile % per_block);
            Place { block, y: tile / per_row * outputs, x: tile % per_row * outputs }
        }));
        for (offsets, channels) in [&mut self.taps, &mut self.rows].into_iter().zip(channels) {
            offsets.clear();
            (0..channels).for_each(|channel| offsets.push(channel * count * LANES));
        }
        self.columns.clear();
        let width = pass.kernels.tile().width;
        (0..count * LANES).step_by(width).for_each(|column| self.columns.push(column, column));
        channels.map(|channels| point_stride(channels, count) * LANES)
    }
}

fn input_planes(g: &ConvGeometry) -> Planes {
    Planes {
        channels: g.in_channels,
        height: g.in_height,
        width: g.in_width,
        pad_top: g.pad_top,
        pad_left: g.pad_left,
    }
}

fn output_planes(g: &ConvGeometry) -> Planes {
    Planes { channels: g.out_channels, height: g.out_height, width: g.out_width, pad_top: 0, pad_left: 0 }
}
