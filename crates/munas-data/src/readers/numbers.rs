//! Binary number formats of idx and npy files, and their decoding into samples and labels.

use crate::dataset::MAX_CLASSES;
use crate::samples::{ElementType, Samples};

/// Kind and size of a stored number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NumberKind {
    Unsigned { bytes: usize },
    Signed { bytes: usize },
    Float { bytes: usize },
}

/// A stored number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NumberFormat {
    pub(super) kind: NumberKind,
    pub(super) big_endian: bool,
}

impl NumberFormat {
    pub(super) fn bytes(self) -> usize {
        match self.kind {
            NumberKind::Unsigned { bytes } | NumberKind::Signed { bytes } | NumberKind::Float { bytes } => {
                bytes
            }
        }
    }

    /// The type in which samples of this format are kept; `None` for formats that samples do not come in.
    pub(super) fn element(self) -> Option<ElementType> {
        match self.kind {
            NumberKind::Unsigned { bytes: 1 } => Some(ElementType::U8),
            NumberKind::Signed { bytes: 1 } => Some(ElementType::I8),
            NumberKind::Signed { bytes: 2 } => Some(ElementType::I16),
            NumberKind::Float { .. } => Some(ElementType::F32),
            _ => None,
        }
    }

    /// Appends the numbers in `bytes` (whole numbers) to samples of type [`element`](Self::element).
    pub(super) fn append(self, bytes: &[u8], samples: &mut Samples) {
        match samples {
            Samples::U8(values) => values.extend_from_slice(bytes),
            Samples::I8(values) => values.extend(bytes.iter().map(|byte| byte.cast_signed())),
            Samples::U16(values) => {
                values.extend(bytes.chunks_exact(2).map(|number| self.bits(number) as u16));
            }
            Samples::I16(values) => {
                values.extend(bytes.chunks_exact(2).map(|number| self.bits(number) as u16 as i16));
            }
            Samples::F32(values) if self.bytes() == 4 => {
                values.extend(bytes.chunks_exact(4).map(|number| f32::from_bits(self.bits(number) as u32)));
            }
            Samples::F32(values) => {
                values.extend(bytes.chunks_exact(8).map(|number| f64::from_bits(self.bits(number)) as f32));
            }
        }
    }

    /// Appends the whole numbers in `bytes` to labels; the error is the first that cannot be one.
    pub(super) fn append_labels(self, bytes: &[u8], labels: &mut Vec<u32>) -> Result<(), i64> {
        for number in bytes.chunks_exact(self.bytes()) {
            let value = match self.kind {
                NumberKind::Signed { bytes } => {
                    let unused = 64 - 8 * bytes as u32;
                    (self.bits(number) << unused).cast_signed() >> unused
                }
                _ => i64::try_from(self.bits(number)).unwrap_or(i64::MAX),
            };
            if !(0..MAX_CLASSES as i64).contains(&value) {
                return Err(value);
            }
            labels.push(value as u32);
        }
        Ok(())
    }

    /// Up to eight bytes as an integer, in the order of this format.
    fn bits(self, number: &[u8]) -> u64 {
        let push = |bits: u64, byte: &u8| bits << 8 | u64::from(*byte);
        if self.big_endian { number.iter().fold(0, push) } else { number.iter().rev().fold(0, push) }
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

    #[test]
    fn numbers_are_decoded_in_both_orders() {
        let format = |kind, big_endian| NumberFormat { kind, big_endian };
        let mut shorts = Samples::empty(ElementType::I16);
        format(NumberKind::Signed { bytes: 2 }, true).append(&[0xff, 0xfe, 0x01, 0x02], &mut shorts);
        format(NumberKind::Signed { bytes: 2 }, false).append(&[0xfe, 0xff], &mut shorts);
        assert_eq!(shorts, Samples::I16(vec![-2, 258, -2]));
        let mut floats = Samples::empty(ElementType::F32);
        format(NumberKind::Float { bytes: 4 }, true).append(&1.5_f32.to_be_bytes(), &mut floats);
        format(NumberKind::Float { bytes: 8 }, false).append(&(-0.25_f64).to_le_bytes(), &mut floats);
        assert_eq!(floats, Samples::F32(vec![1.5, -0.25]));
    }

    #[test]
    fn labels_out_of_range_are_returned() {
        let mut labels = Vec::new();
        let signed = NumberFormat { kind: NumberKind::Signed { bytes: 2 }, big_endian: false };
        assert_eq!(signed.append_labels(&[3, 0, 0xff, 0xff], &mut labels), Err(-1));
        let wide = NumberFormat { kind: NumberKind::Unsigned { bytes: 8 }, big_endian: false };
        assert_eq!(wide.append_labels(&[0xff; 8], &mut labels), Err(i64::MAX));
        assert_eq!(wide.append_labels(&[7, 0, 0, 0, 0, 0, 0, 0], &mut labels), Ok(()));
        assert_eq!(labels, [3, 7]);
    }
}
