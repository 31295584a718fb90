//! Collects arrays of samples and of labels, part by part, into one dataset: what idx and npz files have in common.

use std::path::Path;

use super::file::Content;
use super::numbers::{NumberFormat, NumberKind, reserve};
use crate::dataset::{PartSizes, RawData};
use crate::error::DataError;
use crate::samples::Samples;

/// An array that a header declares; its values are what the content holds next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Array {
    pub(super) format: NumberFormat,
    /// Row-major.
    pub(super) shape: Vec<usize>,
}

impl Array {
    /// Size of the values, saturating: hostile headers declare more than there are numbers for.
    pub(super) fn bytes(&self) -> u64 {
        let number = self.format.bytes() as u64;
        self.shape.iter().fold(number, |bytes, &extent| bytes.saturating_mul(extent as u64))
    }
}

/// What has been read so far.
#[derive(Debug, Default)]
pub(super) struct Collector {
    /// Height, width and channels, and the samples.
    content: Option<([usize; 3], Samples)>,
    labels: Vec<u32>,
}

impl Collector {
    /// Appends the values of an array of samples; `input` is what its shape means.
    pub(super) fn append_samples(
        &mut self,
        file: &mut Content<'_>,
        array: &Array,
        input: [usize; 3],
    ) -> Result<(), DataError> {
        let bytes = array.bytes();
        file.check_declared(bytes)?;
        let Some(element) = array.format.element() else {
            return Err(file.malformed("samples must be u8, i8, i16, f32 or f64"));
        };
        if bytes == 0 {
            return Err(file.malformed("there are no samples"));
        }
        let (known, samples) = self.content.get_or_insert_with(|| (input, Samples::empty(element)));
        if *known != input || samples.element_type() != element {
            return Err(file.malformed(format!(
                "samples of shape {input:?} ({}) after others of shape {known:?} ({})",
                element.name(),
                samples.element_type().name()
            )));
        }
        if !reserve(samples, bytes as usize / array.format.bytes()) {
            return Err(file.malformed(format!("no memory for {bytes} bytes")));
        }
        file.read(bytes, |bytes| array.format.append(bytes, samples))
    }

    /// Appends the values of an array of labels.
    pub(super) fn append_labels(&mut self, file: &mut Content<'_>, array: &Array) -> Result<(), DataError> {
        if matches!(array.format.kind, NumberKind::Float { .. }) {
            return Err(file.malformed("labels must be whole numbers"));
        }
        let mut wrong = None;
        file.read(array.bytes(), |bytes| {
            if let Err(value) = array.format.append_labels(bytes, &mut self.labels) {
                wrong.get_or_insert(value);
            }
        })?;
        match wrong {
            Some(value) => Err(file.malformed(format!("{value} is not a label"))),
            None => Ok(()),
        }
    }

    /// The dataset read from `path`. Class names are the labels' numbers.
    pub(super) fn finish(self, path: &Path, name: &str, parts: PartSizes) -> Result<RawData, DataError> {
        let Some((input, samples)) = self.content else {
            return Err(DataError::malformed(path, "no samples in it"));
        };
        let classes = self.labels.iter().max().map_or(0, |&label| label as usize + 1);
        Ok(RawData {
            name: name.to_owned(),
            input,
            class_names: (0..classes).map(|class| class.to_string()).collect(),
            full_scale: samples.element_type().full_scale(),
            samples,
            labels: self.labels,
            parts,
            ..RawData::default()
        })
    }
}
