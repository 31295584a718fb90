//! The buffer that an augmented sample lands in, and the value types that samples are stored in.

use super::rotate::{Block, Rotation, turn_bytes, turn_floats};
use crate::samples::{ElementType, SampleRef};

/// 1.5 × 2²³: a float of at most 22 bits that is added to it is rounded to nearest and then stands, in two's
/// complement, in the low bits. Unlike conversions with `as`, which saturate, this is a vector instruction everywhere.
pub(super) const ROUNDING: f32 = 12_582_912.0;
/// The bits of a sum with [`ROUNDING`] that hold a number of either sign.
pub(super) const ROUNDING_MASK: u32 = (1 << 22) - 1;

/// Between `low` and `high`; written so that it becomes two instructions.
#[inline(always)]
pub(super) fn bound(value: f32, low: f32, high: f32) -> f32 {
    let value = if value > low { value } else { low };
    if value < high { value } else { high }
}

/// A stored value type.
pub(super) trait Element: Copy + Default {
    fn to_f32(self) -> f32;
    /// Rounds to nearest and saturates.
    fn from_f32(value: f32) -> Self;
    /// Writes `from`, turned, to `to`.
    fn turn(rotation: Rotation, from: &[Self], to: &mut [Self], scratch: &mut Scratch) {
        turn_floats(rotation, from, to, &mut scratch.floats);
    }
}

macro_rules! integer_element {
    ($integer:ty $(, $turn:item)?) => {
        impl Element for $integer {
            fn to_f32(self) -> f32 {
                f32::from(self)
            }
            fn from_f32(value: f32) -> Self {
                (bound(value, f32::from(Self::MIN), f32::from(Self::MAX)) + ROUNDING).to_bits() as Self
            }
            $($turn)?
        }
    };
}

integer_element!(
    u8,
    fn turn(rotation: Rotation, from: &[Self], to: &mut [Self], scratch: &mut Scratch) {
        turn_bytes(rotation, from, to, scratch);
    }
);
integer_element!(i8);
integer_element!(u16);
integer_element!(i16);

impl Element for f32 {
    fn to_f32(self) -> f32 {
        self
    }
    fn from_f32(value: f32) -> Self {
        value
    }
}

/// Holds one augmented sample, in the type of its source, and the scratch of the transformations.
///
/// Allocates when it meets a larger sample or another type than before, and never again after.
#[derive(Debug, Clone)]
pub struct SampleBuffer {
    pub(super) planes: Planes,
}

#[derive(Debug, Clone)]
pub(super) enum Planes {
    U8(Pair<u8>),
    I8(Pair<i8>),
    U16(Pair<u16>),
    I16(Pair<i16>),
    F32(Pair<f32>),
}

/// The sample as it stands, and room for what a transformation makes of it.
#[derive(Debug, Clone, Default)]
pub(super) struct Pair<T> {
    pub(super) front: Vec<T>,
    back: Vec<T>,
    pub(super) scratch: Scratch,
}

/// Room for intermediate values of the transformations.
#[derive(Debug, Clone, Default)]
pub(super) struct Scratch {
    pub(super) floats: Vec<f32>,
    pub(super) bytes: Vec<u8>,
    pub(super) pairs: Vec<u16>,
    pub(super) blocks: Vec<Block>,
}

impl<T: Element> Pair<T> {
    pub(super) fn load(&mut self, sample: &[T]) {
        self.front.clear();
        self.front.extend_from_slice(sample);
        self.back.resize(sample.len(), T::default());
    }

    /// Lets `transform` read the front and write the back (the third argument is scratch); the back then becomes the
    /// front.
    pub(super) fn rewrite(&mut self, transform: impl FnOnce(&[T], &mut [T], &mut Scratch)) {
        transform(&self.front, &mut self.back, &mut self.scratch);
        std::mem::swap(&mut self.front, &mut self.back);
    }
}

impl SampleBuffer {
    /// An empty buffer for values of the given type.
    pub fn new(element: ElementType) -> Self {
        let planes = match element {
            ElementType::U8 => Planes::U8(Pair::default()),
            ElementType::I8 => Planes::I8(Pair::default()),
            ElementType::U16 => Planes::U16(Pair::default()),
            ElementType::I16 => Planes::I16(Pair::default()),
            ElementType::F32 => Planes::F32(Pair::default()),
        };
        Self { planes }
    }

    /// The sample that the last [`Augmenter::apply`](super::Augmenter::apply) left here.
    pub fn sample(&self) -> SampleRef<'_> {
        match &self.planes {
            Planes::U8(pair) => SampleRef::U8(&pair.front),
            Planes::I8(pair) => SampleRef::I8(&pair.front),
            Planes::U16(pair) => SampleRef::U16(&pair.front),
            Planes::I16(pair) => SampleRef::I16(&pair.front),
            Planes::F32(pair) => SampleRef::F32(&pair.front),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_rounded_and_saturate() {
        for value in -70_000..70_000 {
            for part in [-0.4, 0.0, 0.4] {
                let float = value as f32 + part;
                assert_eq!(u8::from_f32(float), value.clamp(0, 255) as u8);
                assert_eq!(i8::from_f32(float), value.clamp(-128, 127) as i8);
                assert_eq!(u16::from_f32(float), value.clamp(0, 65_535) as u16);
                assert_eq!(i16::from_f32(float), value.clamp(-32768, 32767) as i16);
            }
        }
        assert_eq!((u8::from_f32(f32::NAN), i8::from_f32(f32::INFINITY)), (0, 127));
    }
}
