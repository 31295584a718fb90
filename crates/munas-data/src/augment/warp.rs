//! The transformations themselves, without randomness. All samples are HWC.

use std::ops::Range;

use super::buffer::{Element, Pair, ROUNDING, ROUNDING_MASK, bound};

/// Shape of the samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) height: usize,
    pub(super) width: usize,
    pub(super) channels: usize,
}

impl Frame {
    /// Values per row of pixels.
    fn row(self) -> usize {
        self.width * self.channels
    }
}

/// A part of the frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rectangle {
    pub(super) rows: Range<usize>,
    pub(super) columns: Range<usize>,
}

/// How far a picture moves, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Offset {
    pub(super) down: isize,
    pub(super) right: isize,
}

/// Mirrors left-right.
pub(super) fn flip<T: Element>(frame: Frame, from: &[T], to: &mut [T]) {
    to.copy_from_slice(from);
    for row in to.chunks_exact_mut(frame.row()) {
        match frame.channels {
            1 => row.reverse(),
            3 => row.as_chunks_mut::<3>().0.reverse(),
            channels => {
                // Reversing everything reverses the channels of each pixel too; that is put right again.
                row.reverse();
                row.chunks_exact_mut(channels).for_each(<[T]>::reverse);
            }
        }
    }
}

/// Moves the picture by at most its size; the border mirrors what is inside.
///
/// Most of it moves in one piece, which carries the end of each row into the next; those pixels are then the ones
/// that the border covers.
pub(super) fn shift<T: Element>(frame: Frame, offset: Offset, from: &[T], to: &mut [T]) {
    let Offset { down, right } = offset;
    let (row, channels) = (frame.row(), frame.channels);
    let first = down.max(0) as usize;
    let end = (frame.height as isize + down.min(0)) as usize;
    if first < end && right.unsigned_abs() < frame.width {
        let len = (end - first) * row - right.unsigned_abs() * channels;
        let source = (-down).max(0) as usize * row + (-right).max(0) as usize * channels;
        let target = first * row + right.max(0) as usize * channels;
        to[target..target + len].copy_from_slice(&from[source..source + len]);
    }
    let moved_rows = to[first * row..end.max(first) * row].chunks_exact_mut(row);
    let their_sources = from[(-down).max(0) as usize * row..].chunks_exact(row);
    let revealed_columns =
        if right >= 0 { 0..right as usize } else { (frame.width as isize + right) as usize..frame.width };
    for (to, from) in moved_rows.zip(their_sources) {
        for x in revealed_columns.clone() {
            copy_pixel(channels, from, mirror(x as isize - right, frame.width), to, x);
        }
    }
    for y in (0..first).chain(end.max(first)..frame.height) {
        let source = mirror(y as isize - down, frame.height) * row;
        for x in 0..frame.width {
            let to = &mut to[y * row..(y + 1) * row];
            copy_pixel(channels, &from[source..source + row], mirror(x as isize - right, frame.width), to, x);
        }
    }
}

#[inline(always)]
fn copy_pixel<T: Element>(channels: usize, from: &[T], source: usize, to: &mut [T], target: usize) {
    for channel in 0..channels {
        to[target * channels + channel] = from[source * channels + channel];
    }
}

/// Position of `index` on an axis that continues as its mirror image at both ends (the end itself is repeated).
fn mirror(index: isize, axis: usize) -> usize {
    if index < 0 {
        (-index - 1) as usize
    } else if (index as usize) < axis {
        index as usize
    } else {
        2 * axis - 1 - index as usize
    }
}

/// Pixels of zeros before and after a picture that is to be rotated.
const BEFORE: usize = 1;
const AFTER: usize = 2;
/// Pixels that are rotated side by side, for the sake of vector instructions.
const BLOCK: usize = 4;

/// Turns by `angle` radians around the centre; bilinear, zero outside.
///
/// The picture is first copied into `scratch`, as floats and with a border of zeros. Coordinates beyond the border are
/// clamped onto it, so that the inner loops have no special cases.
pub(super) fn rotate<T: Element>(frame: Frame, angle: f32, from: &[T], to: &mut [T], scratch: &mut Vec<f32>) {
    // Inlined once per arm, the loop over channels vanishes in the first two.
    match frame.channels {
        1 => turn(Frame { channels: 1, ..frame }, angle, from, to, scratch),
        3 => turn(Frame { channels: 3, ..frame }, angle, from, to, scratch),
        _ => turn(frame, angle, from, to, scratch),
    }
}

#[inline(always)]
fn turn<T: Element>(frame: Frame, angle: f32, from: &[T], to: &mut [T], scratch: &mut Vec<f32>) {
    let Frame { height, width, channels } = frame;
    let padded_row = (width + BEFORE + AFTER) * channels;
    let padded_len = padded_row * (height + BEFORE + AFTER);
    scratch.clear();
    scratch.resize(padded_len + width.next_multiple_of(BLOCK) * channels, 0.0);
    let (padded, turned_row) = scratch.split_at_mut(padded_len);
    for (from, to) in from.chunks_exact(frame.row()).zip(padded.chunks_exact_mut(padded_row).skip(BEFORE)) {
        for (from, to) in from.iter().zip(&mut to[BEFORE * channels..]) {
            *to = from.to_f32();
        }
    }

    let (sine, cosine) = angle.sin_cos();
    let (centre_y, centre_x) = ((height - 1) as f32 / 2.0, (width - 1) as f32 / 2.0);
    for (y, to) in to.chunks_exact_mut(frame.row()).enumerate() {
        let from_centre_y = y as f32 - centre_y;
        let start_y = centre_y + BEFORE as f32 + cosine * from_centre_y;
        let start_x = centre_x + BEFORE as f32 - sine * from_centre_y;
        for (block, turned) in turned_row.chunks_exact_mut(BLOCK * channels).enumerate() {
            let from_centre_x: [f32; BLOCK] =
                std::array::from_fn(|lane| (block * BLOCK + lane) as f32 - centre_x);
            let down = Axis::of(from_centre_x.map(|x| start_y + sine * x), height);
            let across = Axis::of(from_centre_x.map(|x| start_x + cosine * x), width);
            for channel in 0..channels {
                let [mut above_left, mut above_right, mut below_left, mut below_right] = [[0.0; BLOCK]; 4];
                for lane in 0..BLOCK {
                    let first = down.whole[lane] as usize * padded_row
                        + across.whole[lane] as usize * channels
                        + channel;
                    let upper = &padded[first..=first + channels];
                    let lower = &padded[first + padded_row..=first + padded_row + channels];
                    above_left[lane] = upper[0];
                    above_right[lane] = upper[channels];
                    below_left[lane] = lower[0];
                    below_right[lane] = lower[channels];
                }
                for lane in 0..BLOCK {
                    let above = mix(above_left[lane], above_right[lane], across.part[lane]);
                    let below = mix(below_left[lane], below_right[lane], across.part[lane]);
                    turned[lane * channels + channel] = mix(above, below, down.part[lane]);
                }
            }
        }
        for (to, turned) in to.iter_mut().zip(&*turned_row) {
            *to = T::from_f32(*turned);
        }
    }
}

/// Coordinates along one axis of the padded picture, as whole pixels and fractions.
struct Axis {
    whole: [u32; BLOCK],
    part: [f32; BLOCK],
}

impl Axis {
    #[inline(always)]
    fn of(coordinates: [f32; BLOCK], length: usize) -> Self {
        let most = (length + BEFORE) as f32;
        let bounded = coordinates.map(|at| bound(at, 0.0, most));
        // The nearest whole number of half a pixel less is the whole part; a fraction of 1 instead of 0 does no harm.
        let shifted = bounded.map(|at| (at - 0.5) + ROUNDING);
        let part = std::array::from_fn(|lane| bounded[lane] - (shifted[lane] - ROUNDING));
        Self { whole: shifted.map(|at| at.to_bits() & ROUNDING_MASK), part }
    }
}

fn mix(first: f32, second: f32, part: f32) -> f32 {
    first + (second - first) * part
}

/// Moves along the first axis by `later` steps (at most all of them); border steps are repeated.
pub(super) fn shift_time<T: Element>(frame: Frame, later: isize, values: &mut [T]) {
    let row = frame.row();
    let moved = later.unsigned_abs().min(frame.height - 1);
    let end = values.len();
    if later > 0 {
        values.copy_within(..end - moved * row, moved * row);
        for step in 0..moved {
            values.copy_within(moved * row..(moved + 1) * row, step * row);
        }
    } else {
        values.copy_within(moved * row.., 0);
        let last = frame.height - moved - 1;
        for step in last + 1..frame.height {
            values.copy_within(last * row..(last + 1) * row, step * row);
        }
    }
}

/// Fills a rectangle with the mean of each channel over the whole sample.
pub(super) fn fill_with_means<T: Element>(frame: Frame, rectangle: &Rectangle, pair: &mut Pair<T>) {
    if rectangle.rows.is_empty() || rectangle.columns.is_empty() {
        return;
    }
    // Sums per column first: additions that do not wait for each other.
    let sums = &mut pair.scratch;
    sums.clear();
    sums.resize(frame.row(), 0.0);
    for row in pair.front.chunks_exact(frame.row()) {
        for (sum, value) in sums.iter_mut().zip(row) {
            *sum += value.to_f32();
        }
    }
    let pixels = (frame.height * frame.width) as f32;
    for channel in 0..frame.channels {
        let sum: f32 = sums.iter().skip(channel).step_by(frame.channels).sum();
        let mean = T::from_f32(sum / pixels);
        for y in rectangle.rows.clone() {
            for x in rectangle.columns.clone() {
                pair.front[y * frame.row() + x * frame.channels + channel] = mean;
            }
        }
    }
}
