//! The transformations themselves, without randomness. All samples are HWC.

use std::ops::Range;

use super::buffer::Pair;
use super::element::Element;
use super::frame::Frame;

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
pub(super) fn shift<T: Element>(frame: Frame, offset: Offset, from: &[T], to: &mut [T]) {
    let Offset { down, right } = offset;
    let row = frame.row();
    let first = down.max(0) as usize;
    let end = ((frame.height as isize + down.min(0)) as usize).max(first);
    let source = (-down).max(0) as usize * row;
    let moved = first * row..end * row;
    shift_rows(frame, right, &from[source..][..moved.len()], &mut to[moved]);
    for y in (0..first).chain(end..frame.height) {
        let source = mirror(y as isize - down, frame.height) * row;
        shift_rows(frame, right, &from[source..][..row], &mut to[y * row..][..row]);
    }
}

/// Moves rows to the right.
///
/// They move in one piece, which carries the end of each row into the next; those pixels are then the ones that the
/// border covers.
fn shift_rows<T: Element>(frame: Frame, right: isize, from: &[T], to: &mut [T]) {
    let Frame { width, channels, .. } = frame;
    let [to_left, to_right] = [-right, right].map(|pixels| pixels.max(0) as usize);
    if to_left.max(to_right) < width && !from.is_empty() {
        let len = from.len() - to_left.max(to_right) * channels;
        to[to_right * channels..][..len].copy_from_slice(&from[to_left * channels..][..len]);
    }
    for x in (0..to_right).chain(width - to_left..width) {
        let source = mirror(x as isize - right, width);
        let rows = to.chunks_exact_mut(frame.row()).zip(from.chunks_exact(frame.row()));
        // Copies of a constant length are single instructions.
        match channels {
            1 => rows.for_each(|(to, from)| to[x] = from[source]),
            3 => rows.for_each(|(to, from)| to.as_chunks_mut::<3>().0[x] = from.as_chunks::<3>().0[source]),
            _ => rows.for_each(|(to, from)| {
                to[x * channels..][..channels].copy_from_slice(&from[source * channels..][..channels]);
            }),
        }
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

/// Multiplies how far the values of one channel are from a centre.
pub(super) fn stretch<T: Element>(
    frame: Frame,
    channel: usize,
    (centre, factor): (f32, f32),
    values: &mut [T],
) {
    for value in values.iter_mut().skip(channel).step_by(frame.channels) {
        *value = T::from_f32(centre + (value.to_f32() - centre) * factor);
    }
}

/// Fills a rectangle with the mean of each channel over the whole sample.
pub(super) fn fill_with_means<T: Element>(frame: Frame, rectangle: &Rectangle, pair: &mut Pair<T>) {
    if rectangle.rows.is_empty() || rectangle.columns.is_empty() {
        return;
    }
    // Sums per column first: additions that do not wait for each other.
    let sums = &mut pair.scratch.floats;
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
