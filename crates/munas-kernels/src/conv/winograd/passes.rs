//! The passes over the tiles of a convolution.

use std::marker::PhantomData;
use std::ops::Range;

use munas_ir::Activation;

use super::filters::{FilterOrder, FiltersToPoints, PointsToFilters};
use super::matrices::{Inputs, Outputs, ToPoints};
use super::tiling::{ChunkSize, GRADIENT_CHUNK, SUM_CHUNK, TiledWork, Tiling};
use super::transform::{PixelsToPoints, Place, Planes, PointsToPixels, point_stride};
use super::{WinogradScratch, input_planes, output_planes};
use crate::Kernels;
use crate::conv::packing::{WeightOrder, pack_weights, packed_len};
use crate::conv::tables::{Columns, Offsets};
use crate::conv::tap_gradient::{TapGradient, accumulators_len};
use crate::conv::tap_sum::{Finish, TapSum};
use crate::conv::{AffineActivations, AffineOutput};
use crate::geometry::ConvGeometry;
use crate::layout::{AlignedBuffer, LANES};

/// Tiles that are worked on together, and their offset tables at each point.
#[derive(Debug, Default)]
pub(super) struct Chunk {
    tiles: Vec<Place>,
    /// Channels that are summed over.
    taps: Offsets,
    /// Channels of the result.
    rows: Offsets,
    columns: Columns,
}

/// A pass over the tiles of a convolution.
pub(super) struct TiledPass<'a> {
    pub(super) kernels: Kernels,
    pub(super) geometry: &'a ConvGeometry,
    pub(super) blocks: usize,
    pub(super) tiling: Tiling,
}

/// Operands of a pass that is a sum of products at each point.
pub(super) struct Operands<'a> {
    pub(super) weights: &'a [f32],
    /// Rows are the channels of the result, columns those that are summed over.
    pub(super) order: FilterOrder,
    pub(super) bias: &'a [f32],
    pub(super) finish: Finish,
    pub(super) values: &'a [f32],
    pub(super) planes: Planes,
    pub(super) result_planes: Planes,
}

/// Sums of products at each point.
pub(super) struct Sums<'a> {
    pub(super) pass: TiledPass<'a>,
    pub(super) operands: Operands<'a>,
    pub(super) result: AffineOutput<'a>,
    pub(super) scratch: &'a mut WinogradScratch,
}

impl Sums<'_> {
    /// From tiles of K × K values, with filters of R × R taps, to tiles of L × L results, by N × N points.
    fn run<From, const K: usize, To, const L: usize, const R: usize, const N: usize>(self)
    where
        From: ToPoints<K, N>,
        To: ToPoints<L, N>,
    {
        let Self { pass, operands, mut result, scratch } = self;
        let Operands { order, planes, result_planes, .. } = operands;
        let WinogradScratch { chunk, filters, packed, values, results, .. } = scratch;
        let filters = filters.reserve(N * N * order.filters());
        pass.kernels.dispatch(FiltersToPoints::<R, N> { order, weights: operands.weights, points: filters });
        let packed = pass.pack(filters, &order, packed);
        let mut finished = 0;
        for range in pass.chunks(SUM_CHUNK) {
            let strides = chunk.fill(&pass, range.clone(), [planes.channels, result_planes.channels]);
            let values = values.reserve(N * N * strides[0]);
            let results = results.reserve(N * N * strides[1]);
            pass.kernels.dispatch(PixelsToPoints::<From, K, N> {
                matrix: PhantomData,
                planes,
                pixels: operands.values,
                tiles: &chunk.tiles,
                points: values,
            });
            let points = values.chunks_exact(strides[0]).zip(results.chunks_exact_mut(strides[1]));
            for ((input, output), weights) in points.zip(packed.chunks_exact(packed.len() / (N * N))) {
                pass.kernels.dispatch(TapSum {
                    taps: &chunk.taps,
                    rows: &chunk.rows,
                    columns: &chunk.columns,
                    weights,
                    finish: Finish::Store(Activation::None),
                    input,
                    output,
                });
            }
            pass.kernels.dispatch(PointsToPixels::<To, L, N> {
                matrix: PhantomData,
                planes: result_planes,
                points: results,
                tiles: &chunk.tiles,
                bias: operands.bias,
                finish: operands.finish,
                pixels: result.values,
            });
            let complete = range.end / pass.tiles_per_block();
            if complete > finished {
                result.finish(&pass.kernels, finished..complete, pass.geometry.output_block());
                finished = complete;
            }
        }
    }
}

/// From inputs to outputs.
pub(super) struct Forward<'a>(pub(super) Sums<'a>);

impl TiledWork for Forward<'_> {
    fn run<const M: usize, const R: usize, const N: usize>(self) {
        self.0.run::<Inputs, N, Outputs, M, R, N>();
    }
}

/// From gradients by the outputs to those by the inputs.
pub(super) struct Transposed<'a>(pub(super) Sums<'a>);

impl TiledWork for Transposed<'_> {
    fn run<const M: usize, const R: usize, const N: usize>(self) {
        self.0.run::<Outputs, M, Inputs, N, R, N>();
    }
}

/// A weight gradient.
pub(super) struct Gradient<'a> {
    pub(super) pass: TiledPass<'a>,
    pub(super) activations: &'a AffineActivations<'a>,
    pub(super) d_weights: &'a mut [f32],
    pub(super) scratch: &'a mut WinogradScratch,
}

impl TiledWork for Gradient<'_> {
    fn run<const M: usize, const R: usize, const N: usize>(self) {
        let Self { pass, activations, d_weights, scratch } = self;
        let (g, tile) = (pass.geometry, pass.kernels.tile());
        let WinogradScratch { chunk, filters, values, results, accumulators, .. } = scratch;
        let count = g.in_channels * g.out_channels;
        let d_filters = filters.reserve(N * N * count);
        d_filters.fill(0.0);
        let accumulators = accumulators.reserve(accumulators_len(tile, g.in_channels));
        for range in pass.chunks(GRADIENT_CHUNK) {
            let strides = chunk.fill(&pass, range, [g.in_channels, g.out_channels]);
            let inputs = values.reserve(N * N * strides[0]);
            let d_outputs = results.reserve(N * N * strides[1]);
            pass.kernels.dispatch(PixelsToPoints::<Inputs, N, N> {
                matrix: PhantomData,
                planes: input_planes(g),
                pixels: activations.input,
                tiles: &chunk.tiles,
                points: inputs,
            });
            pass.kernels.dispatch(PixelsToPoints::<Outputs, M, N> {
                matrix: PhantomData,
                planes: output_planes(g),
                pixels: activations.d_output,
                tiles: &chunk.tiles,
                points: d_outputs,
            });
            let points = inputs.chunks_exact(strides[0]).zip(d_outputs.chunks_exact(strides[1]));
            for ((input, d_output), d_weights) in points.zip(d_filters.chunks_exact_mut(count)) {
                pass.kernels.dispatch(TapGradient {
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
        pass.kernels.dispatch(PointsToFilters::<R, N> {
            filters: count,
            points: d_filters,
            weights: d_weights,
        });
    }
}

impl TiledPass<'_> {
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
