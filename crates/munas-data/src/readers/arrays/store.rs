//! The values of all samples. Integers wider than the types in which samples are kept are held as floats until all are known;
//! then they become the smallest type that holds them, so that an array means the same in whatever type it was saved.

use super::in_words;
use crate::readers::numbers::{NumberFormat, reserve};
use crate::samples::{ElementType, Samples};

/// Largest whole number up to which a 32-bit float holds all.
const EXACT: i128 = 1 << 24;

/// Values that are being read.
#[derive(Debug)]
pub(super) struct Store {
    /// Height, width and channels.
    pub(super) input: [usize; 3],
    pub(super) samples: Samples,
    /// Type of the first array.
    format: NumberFormat,
    /// Least and largest of the whole numbers that are held as floats.
    range: Option<(i128, i128)>,
}

impl Store {
    pub(super) fn new(input: [usize; 3], element: ElementType, format: NumberFormat) -> Self {
        Self { input, samples: Samples::empty(element), format, range: None }
    }

    /// Fails unless samples of this shape and type can follow those that there are.
    pub(super) fn check_same(&self, input: [usize; 3], format: NumberFormat) -> Result<(), String> {
        if self.input == input && self.is_same_kind(format) {
            return Ok(());
        }
        let known = (in_words(&self.input), self.format);
        Err(format!("samples of {} ({format}) after others of {} ({})", in_words(&input), known.0, known.1))
    }

    fn is_same_kind(&self, format: NumberFormat) -> bool {
        format.element() == self.format.element() && format.is_wide() == self.format.is_wide()
    }

    pub(super) fn reserve(&mut self, values: usize) -> Result<(), String> {
        match reserve(&mut self.samples, values) {
            true => Ok(()),
            false => Err(format!("no memory for {values} values")),
        }
    }

    /// Appends the numbers in `bytes`, whole numbers of `format`.
    pub(super) fn append(&mut self, bytes: &[u8], format: NumberFormat) {
        format.append(bytes, &mut self.samples);
        if format.is_wide() {
            for number in bytes.chunks_exact(format.bytes()) {
                let whole = format.whole(number);
                let (least, largest) = self.range.unwrap_or((whole, whole));
                self.range = Some((least.min(whole), largest.max(whole)));
            }
        }
    }

    /// Removes the samples at ascending positions.
    pub(super) fn remove(&mut self, positions: &[usize]) {
        let len: usize = self.input.iter().product();
        match &mut self.samples {
            Samples::U8(values) => remove(values, len, positions),
            Samples::I8(values) => remove(values, len, positions),
            Samples::U16(values) => remove(values, len, positions),
            Samples::I16(values) => remove(values, len, positions),
            Samples::F32(values) => remove(values, len, positions),
        }
    }

    /// Whether whole numbers are too large for the floats that hold them.
    pub(super) fn loses_digits(&self) -> bool {
        self.range.is_some_and(|(least, largest)| least < -EXACT || largest > EXACT)
    }

    /// The samples in their final type, and the magnitude that unit normalisation maps to 1.
    pub(super) fn finish(self) -> (Samples, f32) {
        let is_truth = self.format.is_truth();
        let samples = match (self.samples, self.range) {
            (Samples::F32(values), Some((least, largest))) => narrowed(values, least, largest),
            (samples, _) => samples,
        };
        let full_scale = match &samples {
            Samples::U8(_) if is_truth => 1.0,
            Samples::U16(values) => full_scale_of_bits(values),
            samples => samples.element_type().full_scale(),
        };
        (samples, full_scale)
    }
}

/// Whole numbers within a range in the smallest type that holds it.
fn narrowed(values: Vec<f32>, least: i128, largest: i128) -> Samples {
    let fits = |low: i128, high: i128| least >= low && largest <= high;
    // Casts of floats saturate, which cannot happen here.
    if fits(0, 255) {
        Samples::U8(values.into_iter().map(|value| value as u8).collect())
    } else if fits(-128, 127) {
        Samples::I8(values.into_iter().map(|value| value as i8).collect())
    } else if fits(0, 65_535) {
        Samples::U16(values.into_iter().map(|value| value as u16).collect())
    } else if fits(-32_768, 32_767) {
        Samples::I16(values.into_iter().map(|value| value as i16).collect())
    } else {
        Samples::F32(values)
    }
}

/// The largest number of as many bits as the sensor seems to have: those of 12 bits deliver numbers of 16.
fn full_scale_of_bits(values: &[u16]) -> f32 {
    let largest = values.iter().copied().max().unwrap_or(0);
    let scales = [8, 10, 12, 14].map(|bits| (1_u16 << bits) - 1);
    f32::from(scales.into_iter().find(|&scale| largest <= scale).unwrap_or(u16::MAX))
}

fn remove<T: Copy>(values: &mut Vec<T>, len: usize, positions: &[usize]) {
    let mut positions = positions.iter().copied().peekable();
    let mut kept = 0;
    for sample in 0..values.len() / len {
        if positions.next_if_eq(&sample).is_none() {
            values.copy_within(sample * len..(sample + 1) * len, kept);
            kept += len;
        }
    }
    values.truncate(kept);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::readers::numbers::NumberKind;

    fn stored(values: &[i32]) -> (Samples, f32) {
        let format = NumberFormat { kind: NumberKind::Signed { bytes: 4 }, big_endian: false };
        let mut store = Store::new([1, 1, 1], ElementType::F32, format);
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        store.append(&bytes, format);
        store.finish()
    }

    #[test]
    fn wide_integers_take_the_smallest_type() {
        assert_eq!(stored(&[0, 255]), (Samples::U8(vec![0, 255]), 255.0));
        assert_eq!(stored(&[-1, 127]), (Samples::I8(vec![-1, 127]), 128.0));
        assert_eq!(stored(&[0, 4_000]), (Samples::U16(vec![0, 4_000]), 4_095.0));
        assert_eq!(stored(&[-300, 4_000]), (Samples::I16(vec![-300, 4_000]), 32_768.0));
        assert_eq!(stored(&[0, 70_000]), (Samples::F32(vec![0.0, 70_000.0]), 1.0));
    }

    #[test]
    fn samples_are_removed_whole() {
        let mut values = vec![0, 0, 1, 1, 2, 2, 3, 3];
        remove(&mut values, 2, &[0, 2]);
        assert_eq!(values, [1, 1, 3, 3]);
    }
}
