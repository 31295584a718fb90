//! From a dataset to a packed file.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use super::{
    FactHeader, Header, MAGIC, NO_GROUP, PAGE, PREAMBLE, PartsHeader, RenditionsHeader, VERSION,
    WarningHeader, digest,
};
use crate::dataset::Dataset;
use crate::samples::SampleRef;

/// The ending of a file that is being written.
const UNFINISHED: &str = ".new";

impl Dataset {
    /// Writes the dataset into a file that [`open_packed`](Self::open_packed) maps into memory; the number of its bytes. The file is written
    /// beside its place and moved there, so that who has mapped an older file of the name keeps that one.
    ///
    /// # Errors
    /// What the system says; [`io::ErrorKind::InvalidInput`] where the fingerprint is not that of the content, as of a single
    /// [`fold`](Self::fold).
    pub fn pack(&self, path: &Path) -> io::Result<u64> {
        if self.content_fingerprint() != self.fingerprint {
            let problem = format!("{}: the fingerprint is not that of what is to be packed", self.name);
            return Err(io::Error::new(io::ErrorKind::InvalidInput, problem));
        }
        let mut name = OsString::from(path);
        name.push(UNFINISHED);
        let unfinished = Path::new(&name);
        let written = File::create(unfinished).and_then(|file| {
            let mut out = BufWriter::new(file);
            let bytes = self.write_packed(&mut out)?;
            // Without it, the name could reach the disk before the content does.
            out.into_inner()?.sync_data()?;
            Ok(bytes)
        });
        written.and_then(|bytes| fs::rename(unfinished, path).map(|()| bytes)).inspect_err(|_| {
            // The first error is the one to report; a file that is left over is overwritten the next time.
            let _ = fs::remove_file(unfinished);
        })
    }

    /// Writes the bytes of a packed file; how many.
    pub(super) fn write_packed(&self, out: &mut impl Write) -> io::Result<u64> {
        let store = self.train.store();
        let header = self.header();
        let json = serde_json::to_vec(&header)?;
        let too_large = || io::Error::new(io::ErrorKind::InvalidInput, "its header is too large");
        let length = u32::try_from(json.len()).map_err(|_| too_large())?;
        let sections = header.sections(json.len()).ok_or_else(too_large)?;
        let groups = to_bytes(store.groups.iter().map(|group| group.unwrap_or(NO_GROUP)));
        let labels = to_bytes(self.all_labels());
        let indices = to_bytes(self.parts().flat_map(|part| part.indices()).copied());
        out.write_all(MAGIC)?;
        out.write_all(&VERSION.to_le_bytes())?;
        out.write_all(&length.to_le_bytes())?;
        out.write_all(&digest([&json, &groups, &labels, &indices]))?;
        out.write_all(&json)?;
        let mut end = PREAMBLE + json.len();
        let mut pad_to = |out: &mut _, start: usize, bytes: usize| {
            let padding = start - end;
            end = start + bytes;
            write_zeros(out, padding)
        };
        for (samples, place) in store.all_samples().zip([&sections.samples, &sections.renditions]) {
            pad_to(out, place.start, place.len())?;
            write_samples(out, samples.all())?;
        }
        for (bytes, place) in
            [(&groups, &sections.groups), (&labels, &sections.labels), (&indices, &sections.indices)]
        {
            pad_to(out, place.start, place.len())?;
            out.write_all(bytes)?;
        }
        Ok(sections.end() as u64)
    }

    fn header(&self) -> Header {
        let store = self.train.store();
        Header {
            name: self.name.clone(),
            input: self.input,
            element_type: self.element_type(),
            samples: self.stored_samples(),
            renditions: store.renditions.as_ref().map(|renditions| RenditionsHeader {
                samples: renditions.samples.len() / renditions.each / store.sample_len,
                each: renditions.each,
            }),
            class_names: self.class_names.clone(),
            parts: PartsHeader {
                train: self.train.len(),
                validation: self.validation.len(),
                test: self.test.len(),
            },
            other_folds: self.other_folds.iter().map(|fold| fold.each_ref().map(|part| part.len())).collect(),
            fingerprint: self.fingerprint.clone(),
            full_scale: f64::from(self.full_scale),
            refused: self.refused,
            rate: self.rate,
            group_names: (!store.groups.is_empty()).then(|| self.group_names.clone()),
            warnings: (self.warnings.iter().cloned())
                .map(|warning| WarningHeader { what: warning.what, hint: warning.hint })
                .collect(),
            facts: (self.facts.iter().cloned())
                .map(|fact| FactHeader { about: fact.about.into_owned(), found: fact.found })
                .collect(),
        }
    }

    /// The label of every sample of the store that is in a part, 0 of the others.
    fn all_labels(&self) -> Vec<u32> {
        let mut labels = vec![0; self.stored_samples()];
        for part in self.parts() {
            for (&index, &label) in part.indices().iter().zip(part.labels()) {
                labels[index as usize] = label;
            }
        }
        labels
    }
}

fn to_bytes(numbers: impl IntoIterator<Item = u32>) -> Vec<u8> {
    numbers.into_iter().flat_map(u32::to_le_bytes).collect()
}

/// Writes fewer than [`PAGE`] zeros.
fn write_zeros(out: &mut impl Write, count: usize) -> io::Result<()> {
    out.write_all(&[0; PAGE][..count])
}

fn write_samples(out: &mut impl Write, samples: SampleRef<'_>) -> io::Result<()> {
    let mut written = Ok(());
    samples.visit_bytes(|bytes| {
        if written.is_ok() {
            written = out.write_all(bytes);
        }
    });
    written
}
