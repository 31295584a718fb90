//! Offset tables: the form in which the register-tile kernels see a convolution.
//!
//! A convolution is a sum over *taps* (channel, kernel row, kernel column) for every pair of a *row* (an output
//! channel's plane) and a *column* (one register's worth of lanes of one output pixel). All three are offsets into
//! the tensors, so kernel size, stride and padding concern only whoever fills the tables, and a tile of columns may
//! run across row ends and blocks: only the very last tile of a tensor is partly filled.

use std::ops::Range;

use super::Convolution;
use super::padding::Padded;
use crate::layout::LANES;

/// Offsets into a tensor, in elements, with their largest.
#[derive(Debug, Default)]
pub(crate) struct Offsets {
    values: Vec<u32>,
    largest: usize,
}

impl Offsets {
    /// Empties the table and keeps its memory.
    pub(crate) fn clear(&mut self) {
        self.values.clear();
        self.largest = 0;
    }

    /// Appends an offset, which fits into 32 bits.
    pub(crate) fn push(&mut self, offset: usize) {
        self.values.push(offset_u32(offset));
        self.largest = self.largest.max(offset);
    }

    pub(crate) fn values(&self) -> &[u32] {
        &self.values
    }

    /// The largest offset; 0 when there is none.
    pub(crate) fn largest(&self) -> usize {
        self.largest
    }
}

/// One register of one output pixel, as offsets into the tensors on both sides of a convolution.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    /// Offset of the first tap's input.
    pub(crate) input: u32,
    /// Offset within the first output channel.
    pub(crate) output: u32,
}

/// Columns with their largest offsets.
#[derive(Debug, Default)]
pub(crate) struct Columns {
    values: Vec<Column>,
    largest_input: usize,
    largest_output: usize,
}

impl Columns {
    /// Empties the table and keeps its memory.
    pub(crate) fn clear(&mut self) {
        self.values.clear();
        (self.largest_input, self.largest_output) = (0, 0);
    }

    /// Appends the offsets of one column in the input and in the output.
    pub(crate) fn push(&mut self, input: usize, output: usize) {
        self.values.push(Column { input: offset_u32(input), output: offset_u32(output) });
        self.largest_input = self.largest_input.max(input);
        self.largest_output = self.largest_output.max(output);
    }

    pub(crate) fn values(&self) -> &[Column] {
        &self.values
    }

    /// Largest input offset, 0 without columns: what bounds are asserted with.
    pub(crate) fn largest_input(&self) -> usize {
        self.largest_input
    }

    /// Largest output offset, 0 without columns: what bounds are asserted with.
    pub(crate) fn largest_output(&self) -> usize {
        self.largest_output
    }
}

fn offset_u32(offset: usize) -> u32 {
    u32::try_from(offset).expect("the blocks that a kernel works on at a time hold fewer than 2^32 elements")
}

/// Consecutive tiles of the same number of items (rows or taps).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EvenTiles {
    pub(crate) items: Range<usize>,
    /// Items of each tile; the last may have fewer.
    pub(crate) size: usize,
}

impl EvenTiles {
    /// The items of each tile.
    pub(crate) fn each(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let size = self.size;
        self.items.clone().step_by(size).map(move |first| first..first + size)
    }
}

/// Cuts `items` items into as few tiles of at most `most` as possible, as even as possible: large ones, of which
/// there may be none, then those with one item less. Even tiles have no narrow, slow remainder.
pub(crate) fn even_tiles(most: usize, items: usize) -> [EvenTiles; 2] {
    let count = items.div_ceil(most).max(1);
    let (small, large_count) = (items / count, items % count);
    let middle = large_count * (small + 1);
    [EvenTiles { items: 0..middle, size: small + 1 }, EvenTiles { items: middle..items, size: small.max(1) }]
}

/// The tables of a convolution over a group of blocks.
#[derive(Debug, Default)]
pub(crate) struct Tables {
    /// Input offset of each tap (channel, kernel row, kernel column).
    pub(crate) taps: Offsets,
    /// Output offset of each filter's plane.
    pub(crate) rows: Offsets,
    /// Columns in the order (block, row, column, part of the lanes).
    pub(crate) columns: Columns,
}

impl Tables {
    /// Fills the tables for `blocks` blocks. With `swapped`, columns have their sides exchanged.
    pub(super) fn fill(&mut self, convolution: &Convolution, blocks: usize, width: usize, swapped: bool) {
        let g = &convolution.geometry;
        let padded = Padded::of(g);
        let (channels, filters) =
            if convolution.depthwise { (1, 1) } else { (g.in_channels, g.out_channels) };
        self.taps.clear();
        for channel in 0..channels {
            for ky in 0..g.kernel_height {
                for kx in 0..g.kernel_width {
                    self.taps.push(channel * padded.plane() + (ky * padded.width + kx) * LANES);
                }
            }
        }
        self.rows.clear();
        for filter in 0..filters {
            self.rows.push(filter * g.out_pixels() * LANES);
        }
        self.columns.clear();
        for block in 0..blocks {
            for y in 0..g.out_height {
                for x in 0..g.out_width {
                    let pixel = y * g.stride_height * padded.width + x * g.stride_width;
                    let input = block * g.in_channels * padded.plane() + pixel * LANES;
                    let output = block * g.output_block() + (y * g.out_width + x) * LANES;
                    for part in (0..LANES).step_by(width) {
                        let (from, to) = if swapped { (output, input) } else { (input, output) };
                        self.columns.push(from + part, to + part);
                    }
                }
            }
        }
    }
}
