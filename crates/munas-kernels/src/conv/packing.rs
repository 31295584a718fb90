//! Weights in the order in which register tiles read them.

use munas_ir::Activation;

use super::tables::{EvenTiles, even_tiles};
use super::{AffineParameters, Convolution};
use crate::layout::AlignedBuffer;
use crate::simd::Tile;

/// The weights of a pass: those of all parts (channels of a depthwise convolution), one after the other.
#[derive(Clone, Copy, Debug)]
pub(super) struct PassWeights<'a> {
    values: &'a [f32],
    /// Order within a part.
    order: WeightOrder,
    /// One per row of every part.
    bias: Option<&'a [f32]>,
    /// What the pass ends in.
    activation: Activation,
}

/// The weights of a pass, packed.
#[derive(Clone, Copy, Debug)]
pub(super) struct PackedWeights<'a> {
    /// Those of all parts, one after the other, each of one length.
    pub(super) values: &'a [f32],
    /// What the pass ends in.
    pub(super) activation: Activation,
}

impl<'a> PassWeights<'a> {
    /// Of the forward pass: filters × (channel, tap).
    pub(super) fn of_forward(convolution: &Convolution, parameters: &AffineParameters<'a>) -> Self {
        let (_, rows, outer) = convolution.split();
        let inner = convolution.geometry.kernel_pixels();
        let order = WeightOrder {
            rows,
            row_stride: outer * inner,
            outer,
            outer_stride: inner,
            inner,
            flipped: false,
        };
        Self {
            values: parameters.weights,
            order,
            bias: Some(parameters.bias),
            activation: parameters.activation,
        }
    }

    /// Of the correlated input gradient: channels × (filter, flipped tap).
    pub(super) fn of_correlation(convolution: &Convolution, weights: &'a [f32]) -> Self {
        let (_, outer, rows) = convolution.split();
        let inner = convolution.geometry.kernel_pixels();
        let order =
            WeightOrder { rows, row_stride: inner, outer, outer_stride: rows * inner, inner, flipped: true };
        Self { values: weights, order, bias: None, activation: Activation::None }
    }

    /// Of the scattered input gradient: (channel, tap) × filters.
    pub(super) fn of_scatter(convolution: &Convolution, weights: &'a [f32]) -> Self {
        let (_, outer, channels) = convolution.split();
        let rows = channels * convolution.geometry.kernel_pixels();
        let order = WeightOrder { rows, row_stride: 1, outer, outer_stride: rows, inner: 1, flipped: false };
        Self { values: weights, order, bias: None, activation: Activation::None }
    }

    /// Elements of one packed part.
    fn packed_part(&self) -> usize {
        packed_len(self.order.rows, self.order.outer * self.order.inner)
    }

    /// Packs `parts` parts into `buffer`.
    pub(super) fn pack<'b>(
        &self,
        tile: Tile,
        parts: usize,
        buffer: &'b mut AlignedBuffer,
    ) -> PackedWeights<'b> {
        let packed = buffer.reserve(parts * self.packed_part());
        let rows = self.order.rows;
        for (part, packed) in packed.chunks_exact_mut(self.packed_part()).enumerate() {
            let bias = self.bias.map(|bias| &bias[part * rows..][..rows]);
            let values = &self.values[part * (self.values.len() / parts)..];
            pack_weights(tile.sum_rows, &self.order, bias, values, packed);
        }
        PackedWeights { values: packed, activation: self.activation }
    }
}

/// Where the weights of a pass lie: that of row r and tap (o, i), `o < outer` and `i < inner`, is element
/// r · `row_stride` + o · `outer_stride` + i.
#[derive(Clone, Copy, Debug)]
pub(super) struct WeightOrder {
    pub(super) rows: usize,
    pub(super) row_stride: usize,
    pub(super) outer: usize,
    pub(super) outer_stride: usize,
    pub(super) inner: usize,
    /// Whether inner taps are taken from the last to the first.
    pub(super) flipped: bool,
}

/// Lays out bias and weights in the order in which tiles read them: for each tile of F rows `[1 + taps][F]`, the
/// first line the bias.
pub(super) fn pack_weights(
    most_rows: usize,
    order: &WeightOrder,
    bias: Option<&[f32]>,
    weights: &[f32],
    packed: &mut [f32],
) {
    let mut packed = packed;
    for tile in even_tiles(most_rows, order.rows).iter().flat_map(EvenTiles::each) {
        let (lines, rest) = packed.split_at_mut(packed_len(tile.len(), order.outer * order.inner));
        match tile.len() {
            8 => pack_tile::<8>(order, tile.start, bias, weights, lines),
            7 => pack_tile::<7>(order, tile.start, bias, weights, lines),
            6 => pack_tile::<6>(order, tile.start, bias, weights, lines),
            5 => pack_tile::<5>(order, tile.start, bias, weights, lines),
            4 => pack_tile::<4>(order, tile.start, bias, weights, lines),
            3 => pack_tile::<3>(order, tile.start, bias, weights, lines),
            2 => pack_tile::<2>(order, tile.start, bias, weights, lines),
            _ => pack_tile::<1>(order, tile.start, bias, weights, lines),
        }
        packed = rest;
    }
}

/// The lines of the tile of rows first..first + F. The constant makes packing several times as fast, which shows in
/// dense layers: they have as many weights as multiply-adds per sample.
fn pack_tile<const F: usize>(
    order: &WeightOrder,
    first: usize,
    bias: Option<&[f32]>,
    weights: &[f32],
    lines: &mut [f32],
) {
    let (lines, _) = lines.as_chunks_mut::<F>();
    lines[0] = std::array::from_fn(|f| bias.map_or(0.0, |bias| bias[first + f]));
    for (outer, lines) in lines[1..].chunks_exact_mut(order.inner).enumerate() {
        let start = first * order.row_stride + outer * order.outer_stride;
        let rows: [&[f32]; F] =
            std::array::from_fn(|f| &weights[start + f * order.row_stride..][..order.inner]);
        for (inner, line) in lines.iter_mut().enumerate() {
            let inner = if order.flipped { order.inner - 1 - inner } else { inner };
            for (weight, row) in line.iter_mut().zip(rows) {
                *weight = row[inner];
            }
        }
    }
}

/// Elements that [`pack_weights`] writes.
pub(super) fn packed_len(rows: usize, taps: usize) -> usize {
    rows * (1 + taps)
}
