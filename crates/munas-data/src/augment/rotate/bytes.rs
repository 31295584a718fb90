//! Rotation of bytes in fixed point.
//!
//! | number | form |
//! |---|---|
//! | position | 32 bits, 16 of them behind the point |
//! | fraction of a position | 16 bits, all behind the point |
//! | value | 16 bits, 8 of them behind the point |
//!
//! Rounded to nearest, the result differs from that of exact arithmetic by one grey level at most (in pictures of up to
//! some 200 pixels a side; in larger ones positions are off by more than 1/500 of a pixel). A turn by 0 changes nothing.
//!
//! Each channel is turned by itself. Of a block of pixels, positions come first, then the bytes around them, then the
//! interpolation: the first and the last are loops that compilers turn into vector instructions, and what is between
//! them needs no check of bounds, because a 16-bit index cannot leave a window of 65,536 pixels.

use super::super::frame::Frame;
use super::{Rotation, Scratch, turn_floats};

/// Pixels of zeros before and after the picture: positions of −2 and of its length read zeros alone.
const BORDER: usize = 2;
/// Pixels that are turned together.
const BLOCK: usize = 32;
/// Binary digits of a position and of a value behind the point.
const POSITION_BITS: u32 = 16;
const VALUE_BITS: u32 = 8;
/// Pixels that an index reaches, and the right neighbour of the last.
const WINDOW: usize = (1 << 16) + 1;

/// Turns `from` into `to`.
pub(in super::super) fn turn_bytes(rotation: Rotation, from: &[u8], to: &mut [u8], scratch: &mut Scratch) {
    let Frame { height, width, channels } = rotation.frame;
    let padded_row = width + 2 * BORDER;
    let padded_len = (height + 2 * BORDER) * padded_row;
    if padded_len >= WINDOW {
        return turn_floats(rotation, from, to, &mut scratch.floats);
    }
    let Scratch { bytes: padded, pairs, blocks, .. } = scratch;
    padded.clear();
    padded.resize(padded_len, 0);
    pairs.resize(WINDOW, 0);
    let blocks_per_row = width.div_ceil(BLOCK);
    blocks.resize_with(height * blocks_per_row, Block::default);
    let mut row = Row::first(rotation);
    for blocks in blocks.chunks_exact_mut(blocks_per_row) {
        for (block, first) in blocks.iter_mut().zip((0..).step_by(BLOCK)) {
            block.locate(&row, first, [height, width]);
        }
        row.advance();
    }
    for channel in 0..channels {
        let rows = padded.chunks_exact_mut(padded_row).skip(BORDER);
        for (from, to) in from.chunks_exact(width * channels).zip(rows) {
            copy_strided(from, (channel, channels), &mut to[BORDER..][..width], (0, 1));
        }
        let lower = padded[padded_row..].iter();
        for ((pair, &upper), &lower) in pairs.iter_mut().zip(&**padded).zip(lower) {
            *pair = u16::from_le_bytes([upper, lower]);
        }
        let Some(window) = pairs.first_chunk() else { unreachable!("it was made so long") };
        // All at once, so that vectors are not loaded while their parts are still being stored.
        blocks.iter_mut().for_each(|block| block.gather(window));
        let mut turned = [0; BLOCK];
        let rows = blocks.chunks_exact(blocks_per_row);
        for (to, blocks) in to.chunks_exact_mut(width * channels).zip(rows) {
            for (to, block) in to.chunks_mut(BLOCK * channels).zip(blocks) {
                block.interpolate(&mut turned);
                copy_strided(&turned, (0, 1), to, (channel, channels));
            }
        }
    }
}

/// Copies from and to a first position and every so many after it, until one of the two ends.
fn copy_strided(
    from: &[u8],
    (from_first, from_step): (usize, usize),
    to: &mut [u8],
    (to_first, to_step): (usize, usize),
) {
    if from_step == 1 && to_step == 1 {
        let len = from.len().min(to.len());
        return to[..len].copy_from_slice(&from[..len]);
    }
    let from = from.iter().skip(from_first).step_by(from_step);
    let to = to.iter_mut().skip(to_first).step_by(to_step);
    to.zip(from).for_each(|(to, from)| *to = *from);
}

/// Positions of the pixels of a row, down and across, in the picture with its border.
struct Row {
    /// Of the first pixel.
    start: [i32; 2],
    /// From a pixel to the one to its right. From a pixel to the one below it, it is the same, turned by a right angle.
    step: [i32; 2],
}

impl Row {
    fn first(rotation: Rotation) -> Self {
        let fixed = |position: f64| (position * f64::from(1 << POSITION_BITS)).round() as i32;
        let start = rotation.start(0).map(|at| fixed(at + BORDER as f64));
        Self { start, step: [rotation.sine, rotation.cosine].map(fixed) }
    }

    fn advance(&mut self) {
        let Self { start: [v, u], step: [sine, cosine] } = self;
        *v += *cosine;
        *u -= *sine;
    }
}

/// Pixels of one line, side by side.
#[derive(Debug, Clone)]
pub(in super::super) struct Block {
    /// Index of the pixel above and to the left of each position, in the picture with its border.
    index: [u16; BLOCK],
    /// Fractions of the positions, those down once for each side.
    down: [[u16; 2]; BLOCK],
    across: [u16; BLOCK],
    /// The pixels to the left of each position and those to its right: the one above in the low byte, the one below.
    around: [[u16; 2]; BLOCK],
}

impl Default for Block {
    fn default() -> Self {
        let ([index, across], [down, around]) = ([[0; BLOCK]; 2], [[[0; 2]; BLOCK]; 2]);
        Self { index, down, across, around }
    }
}

impl Block {
    /// Computes the positions of the pixels of `row` from the `first` one on.
    fn locate(&mut self, row: &Row, first: i32, [height, width]: [usize; 2]) {
        let padded_row = (width + 2 * BORDER) as u16;
        let [last_row, last_column] = [height, width].map(|length| (length + BORDER) as i16);
        let Row { start: [v, u], step: [step_v, step_u] } = *row;
        let (mut v, mut u) = (v + first * step_v, u + first * step_u);
        for lane in 0..BLOCK {
            let row = (v >> POSITION_BITS) as i16;
            let column = (u >> POSITION_BITS) as i16;
            let first_of_row = (row.clamp(0, last_row) as u16).wrapping_mul(padded_row);
            self.index[lane] = first_of_row.wrapping_add(column.clamp(0, last_column) as u16);
            self.down[lane] = [v as u16; 2];
            self.across[lane] = u as u16;
            v = v.wrapping_add(step_v);
            u = u.wrapping_add(step_u);
        }
    }

    /// Fetches the pixels around the positions from pairs of a pixel and the one below it.
    fn gather(&mut self, pairs: &[u16; WINDOW]) {
        for lane in 0..BLOCK {
            let index = usize::from(self.index[lane]);
            self.around[lane] = [pairs[index], pairs[index + 1]];
        }
    }

    /// The values at the positions.
    fn interpolate(&self, turned: &mut [u8; BLOCK]) {
        let mut sides = [0; 2 * BLOCK];
        let pairs = self.around.as_flattened().iter().zip(self.down.as_flattened());
        for (side, (&pair, &down)) in sides.iter_mut().zip(pairs) {
            *side = mix_pair(pair, down);
        }
        for lane in 0..BLOCK {
            let value = mix(sides[2 * lane], sides[2 * lane + 1], self.across[lane]);
            turned[lane] = ((value + (1 << (VALUE_BITS - 1))) >> VALUE_BITS) as u8;
        }
    }
}

#[inline(always)]
fn mix_pair(pair: u16, part: u16) -> u16 {
    mix(pair << VALUE_BITS, pair & 0xff00, part)
}

/// first·(1 − part) + second·part.
#[inline(always)]
fn mix(first: u16, second: u16, part: u16) -> u16 {
    first - high(first, part) + high(second, part)
}

/// The upper half of a product.
#[inline(always)]
fn high(value: u16, part: u16) -> u16 {
    ((u32::from(value) * u32::from(part)) >> 16) as u16
}
