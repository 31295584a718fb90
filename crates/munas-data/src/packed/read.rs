//! From a packed file to a dataset. Nothing in the file is believed before it was checked.

use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;

use munas_kernels::MappedFile;

use super::{
    FactHeader, Header, MAGIC, NO_GROUP, PREAMBLE, PartsHeader, RenditionsHeader, Sections, VERSION,
    WarningHeader, digest,
};
use crate::dataset::Dataset;
use crate::error::DataError;
use crate::raw_data::{Fact, MAX_CLASSES};
use crate::samples::SampleRef;
use crate::split::{Split, Store, StoredRenditions};
use crate::stored::{MappedSamples, Stored};
use crate::warning::Warning;

/// What helps against a file that is damaged or of another version.
const PACK_AGAIN: &str = "`munas data pack SPEC -o FILE` writes it anew";

impl Dataset {
    /// Opens a file that [`pack`](Self::pack) wrote. Its samples are mapped into memory, where all processes that open the file share
    /// them, and not copied; labels, groups and indices are. The file must not be written in place while it is open.
    ///
    /// # Errors
    /// [`DataError::Io`]; [`DataError::Advised`], which names the file, where it is no packed file, of another version, cut off or damaged:
    /// where what it says of itself does not fit together, or the fingerprint is not that of its content.
    pub fn open_packed(path: &Path) -> Result<Self, DataError> {
        let io = |error| DataError::io(path, error);
        // A pipe would wait here for someone to write to it.
        if !fs::metadata(path).map_err(io)?.is_file() {
            return Err(DataError::malformed(path, "not a file"));
        }
        let file = MappedFile::new(&File::open(path).map_err(io)?).map_err(io)?;
        read(&Arc::new(file)).map_err(|problem| DataError::advised(path, problem, PACK_AGAIN))
    }
}

/// The dataset of a file, or what is wrong with it.
fn read(file: &Arc<MappedFile>) -> Result<Dataset, String> {
    let (header, sections) = contents(file)?;
    check(&header)?;
    let [labels, indices] = [&sections.labels, &sections.indices].map(|place| numbers(&file[place.clone()]));
    let groups = groups(&header, numbers(&file[sections.groups.clone()]))?;
    let classes = header.class_names.len();
    if let Some(label) = labels.iter().find(|&&label| label as usize >= classes) {
        return Err(format!("damaged: label {label} is not below the {classes} classes"));
    }
    let mapped = |place| Stored::Mapped(MappedSamples::new(file, header.element_type, place));
    let store = Arc::new(Store {
        samples: mapped(sections.samples),
        sample_len: header.input.iter().product(),
        renditions: (header.renditions).map(|RenditionsHeader { each, .. }| StoredRenditions {
            samples: mapped(sections.renditions),
            each,
        }),
        groups,
    });
    if store.all_samples().any(|samples| !all_are_finite(samples.all())) {
        return Err("damaged: it has values that are no numbers".to_owned());
    }
    let with_renditions = header.renditions.map(|renditions| renditions.samples);
    let mut parts = Parts { store, labels, with_renditions, indices: &indices };
    let PartsHeader { train, validation, test } = header.parts;
    let train = parts.next_of_training(train)?;
    let (validation, test) = (parts.next(validation)?, parts.next(test)?);
    let other_folds = (header.other_folds.iter())
        .map(|&[train, validation]| Ok([parts.next_of_training(train)?, parts.next(validation)?]))
        .collect::<Result<_, String>>()?;
    let dataset = Dataset {
        name: header.name,
        input: header.input,
        class_names: header.class_names,
        train,
        validation,
        test,
        other_folds,
        fingerprint: header.fingerprint,
        full_scale: header.full_scale as f32,
        refused: header.refused,
        rate: header.rate,
        group_names: header.group_names.unwrap_or_default(),
        warnings: (header.warnings.into_iter())
            .map(|WarningHeader { what, hint }| Warning { what, hint })
            .collect(),
        facts: (header.facts.into_iter())
            .map(|FactHeader { about, found }| Fact::new(about, found))
            .collect(),
    };
    let found = dataset.content_fingerprint();
    if found != dataset.fingerprint {
        let said = &dataset.fingerprint;
        return Err(format!("damaged: its content has the fingerprint {found}, and it says {said}"));
    }
    Ok(dataset)
}

/// The header, and where the sections are: all of them in the file.
fn contents(file: &[u8]) -> Result<(Header, Sections), String> {
    let Some((preamble, rest)) = file.split_first_chunk::<PREAMBLE>().filter(|_| file.starts_with(MAGIC))
    else {
        return Err("not packed data".to_owned());
    };
    let number = |at: usize| {
        let bytes = [preamble[at], preamble[at + 1], preamble[at + 2], preamble[at + 3]];
        u32::from_le_bytes(bytes)
    };
    let (version, header_bytes) = (number(MAGIC.len()), number(MAGIC.len() + 4) as usize);
    if version != VERSION {
        return Err(format!("packed data of version {version}, and this munas reads version {VERSION}"));
    }
    if cfg!(target_endian = "big") {
        return Err("packed data are for little-endian machines, and this one is big-endian".to_owned());
    }
    let cut_off =
        |bytes: usize| format!("cut off or damaged: {} bytes, and there should be {bytes}", file.len());
    let json = rest.get(..header_bytes).ok_or_else(|| cut_off(PREAMBLE + header_bytes))?;
    let header: Header =
        serde_json::from_slice(json).map_err(|error| format!("damaged: its header: {error}"))?;
    let sections = header.sections(header_bytes).ok_or("damaged: its header has absurd sizes")?;
    if sections.end() != file.len() {
        return Err(cut_off(sections.end()));
    }
    let [groups, labels, indices] =
        [&sections.groups, &sections.labels, &sections.indices].map(|place| &file[place.clone()]);
    if digest([json, groups, labels, indices]) != preamble[16..] {
        return Err("damaged: what it says of its samples is not what was written".to_owned());
    }
    Ok((header, sections))
}

/// Whether what the header says makes sense, besides the sizes of the sections.
fn check(header: &Header) -> Result<(), String> {
    let Header { input, samples, renditions, .. } = header;
    let of_training = header.renditions.map(|renditions| renditions.samples);
    let holds = [
        ("the shape of its samples", input.iter().all(|&extent| extent > 0)),
        ("the number of its samples", *samples <= u32::MAX as usize),
        ("the number of its classes", header.class_names.len() <= MAX_CLASSES),
        (
            "the number of its groups",
            header.group_names.as_ref().is_none_or(|names| names.len() < NO_GROUP as usize),
        ),
        ("the renditions of its samples", renditions.is_none_or(|renditions| renditions.each > 0)),
        ("the number of samples with renditions", of_training.is_none_or(|count| count <= *samples)),
        ("its full scale", (header.full_scale as f32).is_finite() && header.full_scale as f32 > 0.0),
        ("its sampling rate", header.rate != Some(0)),
    ];
    match holds.into_iter().find(|(_, holds)| !holds) {
        Some((what, _)) => Err(format!("damaged: {what} cannot be")),
        None => Ok(()),
    }
}

fn numbers(bytes: &[u8]) -> Vec<u32> {
    bytes.as_chunks().0.iter().map(|&bytes| u32::from_le_bytes(bytes)).collect()
}

fn groups(header: &Header, numbers: Vec<u32>) -> Result<Vec<Option<u32>>, String> {
    let known = header.group_names.as_ref().map_or(0, Vec::len);
    if let Some(group) = numbers.iter().find(|&&group| group != NO_GROUP && group as usize >= known) {
        return Err(format!("damaged: group {group} is not below the {known} groups"));
    }
    Ok(numbers.into_iter().map(|group| (group != NO_GROUP).then_some(group)).collect())
}

fn all_are_finite(samples: SampleRef<'_>) -> bool {
    match samples {
        SampleRef::F32(values) => values.iter().all(|value| value.is_finite()),
        SampleRef::U8(_) | SampleRef::I8(_) | SampleRef::U16(_) | SampleRef::I16(_) => true,
    }
}

/// The parts that are still to be made of the index lists.
struct Parts<'a> {
    store: Arc<Store>,
    /// Of all samples.
    labels: Vec<u32>,
    /// Samples that have renditions, where there are renditions.
    with_renditions: Option<usize>,
    indices: &'a [u32],
}

impl Parts<'_> {
    /// The next part, of so many samples that the lists have at least.
    fn next(&mut self, count: usize) -> Result<Split, String> {
        self.next_below(count, self.labels.len())
    }

    /// As [`next`](Self::next), of samples that are trained on: they have renditions where there are any.
    fn next_of_training(&mut self, count: usize) -> Result<Split, String> {
        self.next_below(count, self.with_renditions.unwrap_or(self.labels.len()))
    }

    fn next_below(&mut self, count: usize, samples: usize) -> Result<Split, String> {
        let (indices, rest) = self.indices.split_at(count);
        self.indices = rest;
        if let Some(index) = indices.iter().find(|&&index| index as usize >= samples) {
            return Err(format!("damaged: sample {index} is not below the {samples} that there are"));
        }
        Ok(Split::new(Arc::clone(&self.store), indices.to_vec(), &self.labels))
    }
}
