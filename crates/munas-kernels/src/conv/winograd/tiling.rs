//! Which convolutions are done in tiles, of what size, and how many at a time.

use super::transform::point_stride;
use crate::conv::Convolution;
use crate::conv::packing::packed_len;
use crate::geometry::ConvGeometry;
use crate::layout::LANES;

/// Tiles that are worked on together.
#[derive(Clone, Copy)]
pub(super) struct ChunkSize {
    /// Bytes that their points may take.
    bytes: usize,
    /// Fewest tiles, whatever they take.
    least: usize,
}

/// The second-level cache holds two points or more, and the third level filters and points; fewer tiles would not pay for
/// reading the filters.
pub(super) const SUM_CHUNK: ChunkSize = ChunkSize { bytes: 1 << 20, least: 4 };
/// Each chunk ends with a reduction over lanes, which costs as much as some tiles.
pub(super) const GRADIENT_CHUNK: ChunkSize = ChunkSize { bytes: 4 << 20, least: 16 };
/// Most tiles of a chunk.
const MOST_TILES: usize = 64;

/// What is computed of a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::conv) enum Pass {
    Forward,
    InputGradient,
    WeightGradient,
}

impl Pass {
    pub(in crate::conv) const ALL: [Self; 3] = [Self::Forward, Self::InputGradient, Self::WeightGradient];

    /// What it takes without tiles, in multiply-adds of the direct forward pass.
    fn direct_cost(self, g: &ConvGeometry) -> usize {
        match self {
            Self::Forward | Self::WeightGradient => g.macs(),
            // It multiplies padding, or adds in memory.
            Self::InputGradient => g.macs() * 5 / 4,
        }
    }
}

/// The size of the tiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::conv) enum Tiling {
    /// 2 × 2 outputs of 3 × 3 taps.
    F2x3,
    /// 3 × 3 outputs of 3 × 3 taps.
    F3x3,
    /// 4 × 4 outputs of 3 × 3 taps.
    F4x3,
    /// 5 × 5 outputs of 3 × 3 taps.
    F5x3,
    /// 6 × 6 outputs of 3 × 3 taps.
    F6x3,
    /// 2 × 2 outputs of 5 × 5 taps.
    F2x5,
    /// 3 × 3 outputs of 5 × 5 taps.
    F3x5,
    /// 4 × 4 outputs of 5 × 5 taps.
    F4x5,
    /// 2 × 2 outputs of 7 × 7 taps.
    F2x7,
}

/// Work on tiles of M × M outputs of R × R taps by N × N points.
pub(super) trait TiledWork {
    /// Does the work with tiles of these sizes, known to the compiler.
    fn run<const M: usize, const R: usize, const N: usize>(self);
}

impl Tiling {
    pub(super) const ALL: [Self; 9] = [
        Self::F2x3,
        Self::F3x3,
        Self::F4x3,
        Self::F5x3,
        Self::F6x3,
        Self::F2x5,
        Self::F3x5,
        Self::F4x5,
        Self::F2x7,
    ];

    /// Does work on tiles of this size.
    pub(super) fn run(self, work: impl TiledWork) {
        match self {
            Self::F2x3 => work.run::<2, 3, 4>(),
            Self::F3x3 => work.run::<3, 3, 5>(),
            Self::F4x3 => work.run::<4, 3, 6>(),
            Self::F5x3 => work.run::<5, 3, 7>(),
            Self::F6x3 => work.run::<6, 3, 8>(),
            Self::F2x5 => work.run::<2, 5, 6>(),
            Self::F3x5 => work.run::<3, 5, 7>(),
            Self::F4x5 => work.run::<4, 5, 8>(),
            Self::F2x7 => work.run::<2, 7, 8>(),
        }
    }

    /// Outputs and taps along an axis.
    pub(super) const fn outputs_and_taps(self) -> (usize, usize) {
        match self {
            Self::F2x3 => (2, 3),
            Self::F3x3 => (3, 3),
            Self::F4x3 => (4, 3),
            Self::F5x3 => (5, 3),
            Self::F6x3 => (6, 3),
            Self::F2x5 => (2, 5),
            Self::F3x5 => (3, 5),
            Self::F4x5 => (4, 5),
            Self::F2x7 => (2, 7),
        }
    }

    /// Points of a tile.
    pub(super) const fn points(self) -> usize {
        let (outputs, taps) = self.outputs_and_taps();
        (outputs + taps - 1).pow(2)
    }

    /// The fastest for a pass over a convolution; `None` if it is faster done directly.
    pub(in crate::conv) fn of(convolution: &Convolution, pass: Pass) -> Option<Self> {
        let g = &convolution.geometry;
        if convolution.depthwise || g.stride_height != 1 || g.stride_width != 1 {
            return None;
        }
        let fits = |tiling: &Self| [g.kernel_height, g.kernel_width] == [tiling.outputs_and_taps().1; 2];
        let fastest = Self::ALL.into_iter().filter(fits).min_by_key(|tiling| tiling.cost(g))?;
        (fastest.cost(g) < pass.direct_cost(g)).then_some(fastest)
    }

    /// Tiles of a block.
    pub(super) fn tiles_per_block(self, g: &ConvGeometry) -> usize {
        let (outputs, _) = self.outputs_and_taps();
        g.out_height.div_ceil(outputs) * g.out_width.div_ceil(outputs)
    }

    /// Tiles of a chunk, at most.
    pub(super) fn chunk_tiles(self, g: &ConvGeometry, blocks: usize, size: ChunkSize) -> usize {
        let tile_bytes = self.points() * (g.in_channels + g.out_channels) * LANES * size_of::<f32>();
        let most = (size.bytes / tile_bytes).clamp(size.least, MOST_TILES);
        let tiles = blocks * self.tiles_per_block(g);
        // Even chunks: a short one would read all filters for little.
        tiles.div_ceil(tiles.div_ceil(most).max(1)).max(1)
    }

    /// Elements of working memory that the passes over a convolution take.
    pub(in crate::conv) fn scratch_len(self, g: &ConvGeometry, blocks: usize) -> usize {
        let tiles = self.chunk_tiles(g, blocks, GRADIENT_CHUNK).max(self.chunk_tiles(g, blocks, SUM_CHUNK));
        let values = (point_stride(g.in_channels, tiles) + point_stride(g.out_channels, tiles)) * LANES;
        let filters = g.in_channels * g.out_channels;
        self.points() * (values + filters + packed_len(g.in_channels, g.out_channels))
    }

    /// What any pass takes, in the same measure as [`Pass::direct_cost`].
    fn cost(self, g: &ConvGeometry) -> usize {
        /// Operations on each value at a point, as multiply-adds of the product.
        const TRANSFORM: usize = 16;
        let (points, tiles) = (self.points(), self.tiles_per_block(g));
        let products = g.in_channels * g.out_channels;
        tiles * points * (products + products / 8 + TRANSFORM * (g.in_channels + g.out_channels))
    }
}
