//! Packed data: a dataset in one file, split and ready, from which its samples are mapped into memory. However many processes open it,
//! the machine holds one copy.
//!
//! | at | what | form |
//! |---|---|---|
//! | 0 | magic | `munaspak` |
//! | 8 | version | u32, [`VERSION`] |
//! | 12 | length of the header | u32, bytes |
//! | 16 | digest | BLAKE3 over header, groups, labels and index lists; samples are covered by the fingerprint |
//! | 48 | header | JSON, a [`Header`] |
//! | … | samples, NHWC | values of the element type |
//! | … | renditions, if any | the same, all of the first training sample, then of the second, … |
//! | … | groups, if any | u32 for each sample, [`NO_GROUP`] for none |
//! | … | labels | u32 for each sample; 0 where it is in no part |
//! | … | index lists | u32: training, validation, test; then training and validation of each further fold |
//!
//! Numbers are little-endian. Each section from the samples on begins at a multiple of [`PAGE`] bytes; where, follows from the header, and
//! the file ends with the last one.

mod read;
mod write;

#[cfg(test)]
mod tests;

use std::fs::{self, File};
use std::io::Read;
use std::ops::Range;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::samples::ElementType;
use crate::text_form;

const MAGIC: &[u8; 8] = b"munaspak";
/// Version of the form; it changes with whatever is written differently.
const VERSION: u32 = 1;
/// Bytes before the header.
const PREAMBLE: usize = 48;
/// Sections begin at multiples of this, the size of a page of memory on most machines.
const PAGE: usize = 4096;
/// The group of a sample that is in none.
const NO_GROUP: u32 = u32::MAX;
/// Bytes of a group, a label and an index.
const NUMBER: usize = 4;

/// Everything that a dataset holds besides its samples, and how many of those there are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    name: String,
    /// Height, width and channels.
    input: [usize; 3],
    #[serde(with = "text_form")]
    element_type: ElementType,
    /// Number of samples in the file, whether or not they are in a part.
    samples: usize,
    renditions: Option<RenditionsHeader>,
    class_names: Vec<String>,
    parts: PartsHeader,
    /// Training and validation samples of the folds after the first.
    other_folds: Vec<[usize; 2]>,
    fingerprint: String,
    /// An `f32`; as such, its digits could round to its neighbour.
    full_scale: f64,
    refused: usize,
    /// Hz.
    rate: Option<u32>,
    /// `None`: there is no section of groups.
    group_names: Option<Vec<String>>,
    warnings: Vec<WarningHeader>,
    facts: Vec<FactHeader>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RenditionsHeader {
    /// Samples that have them: the first so many.
    samples: usize,
    /// Of each of these.
    each: usize,
}

/// Samples of each part.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PartsHeader {
    train: usize,
    validation: usize,
    test: usize,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WarningHeader {
    what: String,
    hint: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FactHeader {
    about: String,
    found: String,
}

impl Header {
    /// Samples of the parts, in the order of their index lists.
    fn part_sizes(&self) -> impl Iterator<Item = usize> {
        let PartsHeader { train, validation, test } = self.parts;
        [train, validation, test].into_iter().chain(self.other_folds.iter().flatten().copied())
    }

    /// Where the sections are behind a header of so many bytes; `None` where no file could be so large.
    fn sections(&self, header_bytes: usize) -> Option<Sections> {
        let product = |factors: &[usize]| {
            factors.iter().try_fold(1_usize, |product, &factor| product.checked_mul(factor))
        };
        let [height, width, channels] = self.input;
        let sample = product(&[height, width, channels, self.element_type.bytes()])?;
        let numbers = product(&[self.samples, NUMBER])?;
        let listed = self.part_sizes().try_fold(0_usize, usize::checked_add)?;
        let renditions = match self.renditions {
            Some(RenditionsHeader { samples, each }) => product(&[samples, each, sample])?,
            None => 0,
        };
        let mut end = PREAMBLE.checked_add(header_bytes)?;
        let mut next = |bytes: usize| -> Option<Range<usize>> {
            let start = end.checked_next_multiple_of(PAGE)?;
            end = start.checked_add(bytes)?;
            Some(start..end)
        };
        Some(Sections {
            samples: next(product(&[self.samples, sample])?)?,
            renditions: next(renditions)?,
            groups: next(if self.group_names.is_some() { numbers } else { 0 })?,
            labels: next(numbers)?,
            indices: next(product(&[listed, NUMBER])?)?,
        })
    }
}

/// Where the sections are in the file, in bytes, one behind the other.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Sections {
    samples: Range<usize>,
    renditions: Range<usize>,
    groups: Range<usize>,
    labels: Range<usize>,
    indices: Range<usize>,
}

impl Sections {
    /// Length of the file.
    fn end(&self) -> usize {
        self.indices.end
    }
}

/// Whether a file begins as packed ones do.
pub(crate) fn is_packed(path: &Path) -> bool {
    let mut start = [0; MAGIC.len()];
    let is_file = fs::metadata(path).is_ok_and(|metadata| metadata.is_file());
    is_file && File::open(path).and_then(|mut file| file.read_exact(&mut start)).is_ok() && start == *MAGIC
}

/// What the preamble has to say of header, groups, labels and index lists.
fn digest(pieces: [&[u8]; 4]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    for piece in pieces {
        hasher.update(piece);
    }
    hasher.finalize().into()
}
