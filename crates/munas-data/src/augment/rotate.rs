//! Rotation around the centre, bilinear, with zeros outside.
//!
//! | symbol | meaning |
//! |---|---|
//! | (y, x) | a pixel of the result |
//! | (v, u) | where it comes from: v = c_y + sin α·(x − c_x) + cos α·(y − c_y), u = c_x + cos α·(x − c_x) − sin α·(y − c_y) |
//! | (c_y, c_x) | the centre, ((height − 1)/2, (width − 1)/2) |
//!
//! The value at (v, u) is interpolated between the four pixels around it, across first and then down. Pixels outside the
//! picture are zeros, so that its border fades out over one pixel.
//!
//! Pictures are copied with a border of zeros, and positions beyond it are clamped onto it: the inner loops know
//! no special cases. Values are computed as floats ([`turn_floats`]), those of pictures of bytes in fixed point
//! ([`turn_bytes`]).

mod bytes;
mod floats;

use super::element::Element;
use super::frame::Frame;
use bytes::Block;
pub(super) use bytes::turn_bytes;
pub(super) use floats::turn_floats;

/// A turn of samples of one shape.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rotation {
    frame: Frame,
    sine: f64,
    cosine: f64,
}

impl Rotation {
    /// By `angle` radians.
    pub(super) fn new(frame: Frame, angle: f64) -> Self {
        let (sine, cosine) = angle.sin_cos();
        Self { frame, sine, cosine }
    }

    /// The source (v, u) of the first pixel of row `y`. From a pixel to the one to its right it is (sin α, cos α).
    fn start(self, y: usize) -> [f64; 2] {
        let Self { frame: Frame { height, width, .. }, sine, cosine } = self;
        let [centre_y, centre_x] = [height, width].map(|length| (length - 1) as f64 / 2.0);
        let down = y as f64 - centre_y;
        [centre_y - sine * centre_x + cosine * down, centre_x - cosine * centre_x - sine * down]
    }
}

/// Room for intermediate values of the transformations.
#[derive(Debug, Clone, Default)]
pub(super) struct Scratch {
    pub(super) floats: Vec<f32>,
    pub(super) bytes: Vec<u8>,
    pub(super) pairs: Vec<u16>,
    pub(super) blocks: Vec<Block>,
}

/// A stored value type whose samples can be turned.
pub(super) trait Turn: Element {
    /// Writes `from`, turned, to `to`.
    fn turn(rotation: Rotation, from: &[Self], to: &mut [Self], scratch: &mut Scratch) {
        turn_floats(rotation, from, to, &mut scratch.floats);
    }
}

impl Turn for u8 {
    fn turn(rotation: Rotation, from: &[Self], to: &mut [Self], scratch: &mut Scratch) {
        turn_bytes(rotation, from, to, scratch);
    }
}

impl Turn for i8 {}
impl Turn for u16 {}
impl Turn for i16 {}
impl Turn for f32 {}
