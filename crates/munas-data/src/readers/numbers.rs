//! Binary formats of the values of idx and npy files, and their decoding into samples and labels.

use std::fmt;

use crate::samples::{ElementType, Samples};

/// Kind and size of a stored value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NumberKind {
    /// True or false, a byte.
    Truth,
    Unsigned {
        bytes: usize,
    },
    Signed {
        bytes: usize,
    },
    Float {
        bytes: usize,
    },
    /// A text of so many bytes, filled up with zeros.
    Bytes {
        bytes: usize,
    },
    /// A text of so many characters of four bytes, filled up with zeros.
    Text {
        characters: usize,
    },
}

/// A stored value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NumberFormat {
    pub(super) kind: NumberKind,
    pub(super) big_endian: bool,
}

impl NumberFormat {
    pub(super) fn bytes(self) -> usize {
        match self.kind {
            NumberKind::Truth => 1,
            NumberKind::Unsigned { bytes }
            | NumberKind::Signed { bytes }
            | NumberKind::Float { bytes }
            | NumberKind::Bytes { bytes } => bytes,
            NumberKind::Text { characters } => 4 * characters,
        }
    }

    /// The type in which samples of this format are read; `None` for texts.
    pub(super) fn element(self) -> Option<ElementType> {
        match self.kind {
            NumberKind::Truth | NumberKind::Unsigned { bytes: 1 } => Some(ElementType::U8),
            NumberKind::Signed { bytes: 1 } => Some(ElementType::I8),
            NumberKind::Unsigned { bytes: 2 } => Some(ElementType::U16),
            NumberKind::Signed { bytes: 2 } => Some(ElementType::I16),
            NumberKind::Unsigned { .. } | NumberKind::Signed { .. } | NumberKind::Float { .. } => {
                Some(ElementType::F32)
            }
            NumberKind::Bytes { .. } | NumberKind::Text { .. } => None,
        }
    }

    /// Whether these are whole numbers that are read as floats.
    pub(super) fn is_wide(self) -> bool {
        !self.is_float() && self.element() == Some(ElementType::F32)
    }

    pub(super) fn is_truth(self) -> bool {
        self.kind == NumberKind::Truth
    }

    pub(super) fn is_float(self) -> bool {
        matches!(self.kind, NumberKind::Float { .. })
    }

    pub(super) fn is_text(self) -> bool {
        matches!(self.kind, NumberKind::Bytes { .. } | NumberKind::Text { .. })
    }

    /// Appends the numbers in `bytes` (whole numbers) to samples of type [`element`](Self::element).
    pub(super) fn append(self, bytes: &[u8], samples: &mut Samples) {
        let numbers = bytes.chunks_exact(self.bytes());
        match samples {
            Samples::U8(values) => values.extend_from_slice(bytes),
            Samples::I8(values) => values.extend(bytes.iter().map(|byte| byte.cast_signed())),
            Samples::U16(values) => values.extend(numbers.map(|number| self.bits(number) as u16)),
            Samples::I16(values) => values.extend(numbers.map(|number| self.bits(number) as u16 as i16)),
            Samples::F32(values) => values.extend(numbers.map(|number| self.float(number))),
        }
    }

    /// A number as a 32-bit float.
    pub(super) fn float(self, number: &[u8]) -> f32 {
        match self.kind {
            NumberKind::Float { bytes: 2 } => half_to_float(self.bits(number) as u16),
            NumberKind::Float { bytes: 4 } => f32::from_bits(self.bits(number) as u32),
            NumberKind::Float { .. } => f64::from_bits(self.bits(number)) as f32,
            _ => self.whole(number) as f32,
        }
    }

    /// A float as a 64-bit one.
    pub(super) fn double(self, number: &[u8]) -> f64 {
        match self.kind {
            NumberKind::Float { bytes: 8 } => f64::from_bits(self.bits(number)),
            _ => f64::from(self.float(number)),
        }
    }

    /// A whole number.
    pub(super) fn whole(self, number: &[u8]) -> i128 {
        let bits = self.bits(number);
        match self.kind {
            NumberKind::Signed { bytes } => {
                let unused = 64 - 8 * bytes as u32;
                i128::from((bits << unused).cast_signed() >> unused)
            }
            _ => i128::from(bits),
        }
    }

    /// A text without the zeros that fill it up.
    pub(super) fn text(self, value: &[u8]) -> String {
        let text: String = match self.kind {
            NumberKind::Text { .. } => {
                let character =
                    |bits: u64| char::from_u32(bits as u32).unwrap_or(char::REPLACEMENT_CHARACTER);
                value.chunks_exact(4).map(|bytes| character(self.bits(bytes))).collect()
            }
            _ => String::from_utf8_lossy(value).into_owned(),
        };
        text.trim_end_matches('\0').to_owned()
    }

    /// Up to eight bytes as an integer, in the order of this format.
    fn bits(self, number: &[u8]) -> u64 {
        let push = |bits: u64, byte: &u8| bits << 8 | u64::from(*byte);
        if self.big_endian { number.iter().fold(0, push) } else { number.iter().rev().fold(0, push) }
    }
}

/// The names that numpy gives them.
impl fmt::Display for NumberFormat {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            NumberKind::Truth => formatter.write_str("bool"),
            NumberKind::Unsigned { bytes } => write!(formatter, "uint{}", 8 * bytes),
            NumberKind::Signed { bytes } => write!(formatter, "int{}", 8 * bytes),
            NumberKind::Float { bytes } => write!(formatter, "float{}", 8 * bytes),
            NumberKind::Bytes { .. } | NumberKind::Text { .. } => formatter.write_str("text"),
        }
    }
}

/// A 16-bit float (IEEE 754 binary16: sign, 5 bits of exponent, 10 of fraction) as a 32-bit one, exactly.
fn half_to_float(bits: u16) -> f32 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let exponent = i32::from(bits >> 10 & 0x1f);
    let fraction = f32::from(bits & 0x3ff);
    match exponent {
        0 => sign * fraction * 2_f32.powi(-24),
        31 if fraction == 0.0 => sign * f32::INFINITY,
        31 => f32::NAN,
        _ => sign * (1024.0 + fraction) * 2_f32.powi(exponent - 25),
    }
}

/// Makes room for `count` more values; false when there is no memory for them.
pub(super) fn reserve(samples: &mut Samples, count: usize) -> bool {
    match samples {
        Samples::U8(values) => values.try_reserve_exact(count),
        Samples::I8(values) => values.try_reserve_exact(count),
        Samples::U16(values) => values.try_reserve_exact(count),
        Samples::I16(values) => values.try_reserve_exact(count),
        Samples::F32(values) => values.try_reserve_exact(count),
    }
    .is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format(kind: NumberKind, big_endian: bool) -> NumberFormat {
        NumberFormat { kind, big_endian }
    }

    #[test]
    fn numbers_are_decoded_in_both_orders() {
        let mut shorts = Samples::empty(ElementType::I16);
        format(NumberKind::Signed { bytes: 2 }, true).append(&[0xff, 0xfe, 0x01, 0x02], &mut shorts);
        format(NumberKind::Signed { bytes: 2 }, false).append(&[0xfe, 0xff], &mut shorts);
        assert_eq!(shorts, Samples::I16(vec![-2, 258, -2]));
        let mut floats = Samples::empty(ElementType::F32);
        format(NumberKind::Float { bytes: 4 }, true).append(&1.5_f32.to_be_bytes(), &mut floats);
        format(NumberKind::Float { bytes: 8 }, false).append(&(-0.25_f64).to_le_bytes(), &mut floats);
        format(NumberKind::Unsigned { bytes: 4 }, true).append(&70_000_u32.to_be_bytes(), &mut floats);
        format(NumberKind::Signed { bytes: 8 }, false).append(&(-9_i64).to_le_bytes(), &mut floats);
        assert_eq!(floats, Samples::F32(vec![1.5, -0.25, 70_000.0, -9.0]));
    }

    #[test]
    fn halves_are_exact() {
        let halves = [
            (0x0000, 0.0),
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x3555, 0.333_251_95),
            (0x7bff, 65_504.0),
            (0x0001, 5.960_464_5e-8),
            (0x0400, 6.103_515_6e-5),
        ];
        for (bits, value) in halves {
            assert_eq!(half_to_float(bits), value, "{bits:#06x}");
        }
        assert_eq!(half_to_float(0x8000).to_bits(), (-0.0_f32).to_bits());
        assert_eq!(half_to_float(0xfc00), f32::NEG_INFINITY);
        assert!(half_to_float(0x7e00).is_nan());
    }

    #[test]
    fn whole_numbers_and_texts_are_decoded() {
        let signed = format(NumberKind::Signed { bytes: 2 }, false);
        assert_eq!((signed.whole(&[3, 0]), signed.whole(&[0xff, 0xff])), (3, -1));
        assert_eq!(format(NumberKind::Unsigned { bytes: 8 }, false).whole(&[0xff; 8]), i128::from(u64::MAX));
        assert_eq!(format(NumberKind::Bytes { bytes: 4 }, false).text(b"ab\0\0"), "ab");
        let text = format(NumberKind::Text { characters: 3 }, true);
        assert_eq!(text.text(&[0, 0, 0, b'a', 0, 0, 0x20, 0xac, 0, 0, 0, 0]), "a€");
    }
}
