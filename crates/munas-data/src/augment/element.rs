//! The value types that samples are stored in.

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
}

macro_rules! integer_element {
    ($integer:ty) => {
        impl Element for $integer {
            fn to_f32(self) -> f32 {
                f32::from(self)
            }
            fn from_f32(value: f32) -> Self {
                (bound(value, f32::from(Self::MIN), f32::from(Self::MAX)) + ROUNDING).to_bits() as Self
            }
        }
    };
}

integer_element!(u8);
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
