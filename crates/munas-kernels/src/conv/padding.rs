//! Zero padding of the input planes, in a buffer of their own where a geometry asks for it.

use std::ops::Range;

use crate::geometry::ConvGeometry;
use crate::layout::{AlignedBuffer, LANES};

/// Size of the input planes, padding included.
#[derive(Clone, Copy, Debug)]
pub(super) struct Padded {
    pub(super) height: usize,
    pub(super) width: usize,
}

impl Padded {
    pub(super) fn of(g: &ConvGeometry) -> Self {
        let needed = |out: usize, stride: usize, kernel: usize| (out - 1) * stride + kernel;
        Self {
            height: (g.pad_top + g.in_height).max(needed(g.out_height, g.stride_height, g.kernel_height)),
            width: (g.pad_left + g.in_width).max(needed(g.out_width, g.stride_width, g.kernel_width)),
        }
    }

    /// Elements of a plane.
    pub(super) fn plane(self) -> usize {
        self.height * self.width * LANES
    }

    /// Whether there is no padding.
    pub(super) fn is_plain(self, g: &ConvGeometry) -> bool {
        self.height == g.in_height && self.width == g.in_width
    }
}

/// Calls `copy(inner, outer)` for every row of `planes` planes: its elements in the interior of the padded planes and
/// in the planes without padding.
pub(super) fn for_each_interior_row(
    g: &ConvGeometry,
    planes: usize,
    mut copy: impl FnMut(Range<usize>, Range<usize>),
) {
    let padded = Padded::of(g);
    let row = g.in_width * LANES;
    for plane in 0..planes {
        for y in 0..g.in_height {
            let inner = plane * padded.plane() + ((y + g.pad_top) * padded.width + g.pad_left) * LANES;
            let outer = (plane * g.in_height + y) * row;
            copy(inner..inner + row, outer..outer + row);
        }
    }
}

/// The input of blocks `range`, zero-padded in `buffer` where the geometry asks for it. The border of `buffer`
/// must be zero.
pub(super) fn padded_input<'a>(
    g: &ConvGeometry,
    range: Range<usize>,
    input: &'a [f32],
    buffer: &'a mut [f32],
) -> &'a [f32] {
    let input = &input[range.start * g.input_block()..range.end * g.input_block()];
    if Padded::of(g).is_plain(g) {
        return input;
    }
    for_each_interior_row(g, range.len() * g.in_channels, |inner, outer| {
        buffer[inner].copy_from_slice(&input[outer]);
    });
    buffer
}

/// Zeros in `buffer` for the padded input of `blocks` blocks; nothing when there is no padding.
pub(super) fn reserve_padded<'a>(
    g: &ConvGeometry,
    blocks: usize,
    buffer: &'a mut AlignedBuffer,
) -> &'a mut [f32] {
    let padded = Padded::of(g);
    if padded.is_plain(g) {
        return &mut [];
    }
    let buffer = buffer.reserve(blocks * g.in_channels * padded.plane());
    buffer.fill(0.0);
    buffer
}
