//! Rotation in floating point, of any type.

use super::super::element::{Element, ROUNDING, ROUNDING_MASK, bound};
use super::super::frame::Frame;
use super::Rotation;

/// Pixels of zeros before and after the picture.
const BEFORE: usize = 1;
const AFTER: usize = 2;
/// Pixels that are turned side by side, for the sake of vector instructions.
const BLOCK: usize = 4;

/// Turns `from` into `to`. `scratch` takes the picture with its border, and a row of the result.
pub(in super::super) fn turn_floats<T: Element>(
    rotation: Rotation,
    from: &[T],
    to: &mut [T],
    scratch: &mut Vec<f32>,
) {
    let Rotation { frame, sine, cosine } = rotation;
    let [step_y, step_x] = [sine, cosine].map(|step| step as f32);
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
    for (y, to) in to.chunks_exact_mut(frame.row()).enumerate() {
        let [start_y, start_x] = rotation.start(y).map(|at| at as f32 + BEFORE as f32);
        for (block, turned) in turned_row.chunks_exact_mut(BLOCK * channels).enumerate() {
            let x: [f32; BLOCK] = std::array::from_fn(|lane| (block * BLOCK + lane) as f32);
            let down = Axis::of(x.map(|x| start_y + step_y * x), height);
            let across = Axis::of(x.map(|x| start_x + step_x * x), width);
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
