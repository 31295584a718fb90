//! What stands for white in pictures of 16 bits.
//!
//! A sensor of 10, 12 or 14 bits is stored in 16, and its values use a small part of their range. So that unit normalisation spreads
//! them over 0 to 1, the full scale is that of the sensor: 2ᵇ - 1, where b is the least of 8, 10, 12, 14 and 16 bits that
//! holds the largest value of the source's training samples. The firmware divides what the sensor gives by the same
//! constant; the test part has no say.

use std::path::Path;

use crate::error::DataError;
use crate::warning::Warning;

/// Usual bits of sensors.
const BITS: [u32; 5] = [8, 10, 12, 14, 16];

/// Pictures, some of them of 16 bits.
pub(super) struct Depth<'a> {
    pub(super) root: &'a Path,
    /// Of all pictures.
    pub(super) values: &'a [u16],
    /// Of each picture: whether its file has 8 bits.
    pub(super) shallow: &'a [bool],
    /// Pictures of the training part, which come first.
    pub(super) train: usize,
}

impl Depth<'_> {
    /// The stored magnitude that stands for white, and what is to be said about it.
    ///
    /// # Errors
    /// If there are pictures of 8 bits among others of fewer than 16 used bits: it is not known what is as bright in both.
    pub(super) fn full_scale(&self) -> Result<(f32, Warning), DataError> {
        let length = self.values.len() / self.shallow.len().max(1);
        let pictures = self.values.chunks_exact(length.max(1)).zip(self.shallow);
        let deep = || pictures.clone().take(self.train).filter(|(_, shallow)| !**shallow);
        let largest = deep().flat_map(|(picture, _)| picture).max().copied().unwrap_or(u16::MAX);
        let bits = BITS.into_iter().find(|&bits| u32::from(largest) < 1 << bits).unwrap_or(u16::BITS);
        let white = (1_u32 << bits) - 1;
        let shallow = self.shallow.iter().filter(|shallow| **shallow).count();
        let (root, all) = (self.root, self.shallow.len());
        if shallow > 0 && bits < u16::BITS {
            return Err(DataError::malformed(
                root,
                format!(
                    "{shallow} of {all} pictures have 8 bits, the others 16 with values up to {largest}: what is white in \
                     both is not known; convert all to one depth"
                ),
            ));
        }
        let what = if shallow > 0 {
            format!(
                "{shallow} of {all} pictures have 8 bits, the others 16: white is taken to be white in both"
            )
        } else {
            format!(
                "pictures of 16 bits with values up to {largest}: {white} ({bits} bits) is taken for white"
            )
        };
        let warning = Warning::new(format!("{}: {what}", root.display()));
        Ok((
            white as f32,
            warning.hint("`--set data.normalise=mean-std` spreads them where they use little of that"),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full_scale(values: &[u16], shallow: &[bool], train: usize) -> Result<f32, String> {
        let depth = Depth { root: Path::new("pictures"), values, shallow, train };
        depth.full_scale().map(|(scale, _)| scale).map_err(|error| error.to_string())
    }

    #[test]
    fn white_is_the_least_usual_depth_that_holds_the_training_samples() {
        let deep = |values: &[u16]| full_scale(values, &vec![false; values.len()], values.len());
        assert_eq!(deep(&[3, 255]), Ok(255.0));
        assert_eq!(deep(&[3, 256]), Ok(1_023.0));
        assert_eq!(deep(&[1_900, 7]), Ok(4_095.0));
        assert_eq!(deep(&[4_095, 7]), Ok(4_095.0));
        assert_eq!(deep(&[4_096, 7]), Ok(16_383.0));
        assert_eq!(deep(&[60_000, 7]), Ok(65_535.0));
        // A brighter picture of the test part changes nothing.
        assert_eq!(full_scale(&[1_900, 7, 5_000], &[false; 3], 2), Ok(4_095.0));
    }

    #[test]
    fn pictures_of_both_depths_are_read_only_where_white_is_known() {
        assert_eq!(full_scale(&[65_000, 65_535], &[false, true], 2), Ok(65_535.0));
        let error = full_scale(&[3_900, 65_535], &[false, true], 2).unwrap_err();
        assert!(
            error.contains("pictures: 1 of 2 pictures have 8 bits, the others 16 with values up to 3900"),
            "{error}"
        );
    }
}
