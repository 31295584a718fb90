//! Trees of files, a folder per class, and reading all files of a list.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::parallel;
use super::refusals::Refusals;
use crate::dataset::{PartSizes, TestPart};
use crate::error::DataError;

/// Names of the folders that make the parts.
const TRAIN: &[&str] = &["train"];
const VALIDATION: &[&str] = &["val", "validation"];
const TEST: &[&str] = &["test"];
/// Files that are decoded before their content is put together.
const TOGETHER: usize = 4096;

/// What a dataset is to be read from, part by part. An item is a file, or something that a sample can be made of.
#[derive(Debug)]
pub(super) struct Listing<I> {
    pub(super) train: Vec<Labelled<I>>,
    /// Left out: to be drawn from the training samples.
    pub(super) validation: Option<Vec<Labelled<I>>>,
    /// Left out: to be drawn from the training samples.
    pub(super) test: Option<Vec<Labelled<I>>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Labelled<I> {
    pub(super) item: I,
    pub(super) label: u32,
}

/// What has been read.
#[derive(Debug)]
pub(super) struct Gathered {
    pub(super) labels: Vec<u32>,
    pub(super) parts: PartSizes,
    pub(super) refused: usize,
}

impl<I: Sync> Listing<I> {
    /// Items of all parts, in order.
    pub(super) fn items(&self) -> impl Iterator<Item = &I> {
        let parts = [Some(&self.train), self.validation.as_ref(), self.test.as_ref()];
        parts.into_iter().flatten().flatten().map(|labelled| &labelled.item)
    }

    /// Lets `decode` work on every item, on all cores, and hands its results to `take` in order.
    ///
    /// `decode` gets a state of its thread, the number of the item in the list, and the item.
    pub(super) fn gather<S, R: Send>(
        &self,
        reading: &Reading<'_, I>,
        state: impl Fn() -> S + Sync,
        decode: impl Fn(&mut S, usize, &I) -> Result<R, String> + Sync,
        mut take: impl FnMut(R),
    ) -> Result<Gathered, DataError> {
        let mut labels = Vec::new();
        let mut refusals = Refusals::default();
        let mut total = 0;
        let mut read_part = |part: &[Labelled<I>]| {
            let before = labels.len();
            for together in part.chunks(TOGETHER) {
                let first = total;
                let results = parallel::map(together, &state, |state, index, labelled: &Labelled<I>| {
                    decode(state, first + index, &labelled.item)
                });
                total += together.len();
                for (labelled, result) in together.iter().zip(results) {
                    match result {
                        Ok(result) => {
                            labels.push(labelled.label);
                            take(result);
                        }
                        Err(problem) => {
                            refusals.add(|| format!("{}: {problem}", (reading.name)(&labelled.item)));
                        }
                    }
                }
            }
            labels.len() - before
        };
        let train = read_part(&self.train);
        let validation = self.validation.as_deref().map(&mut read_part);
        let test = self.test.as_deref().map(&mut read_part);
        let refused = refusals.finish(reading.root, total, reading.skip_bad)?;
        let parts = PartSizes { train, validation, test: TestPart::own_or_drawn(test) };
        Ok(Gathered { labels, parts, refused })
    }
}

/// How the items of a list are read.
pub(super) struct Reading<'a, I> {
    /// For messages.
    pub(super) root: &'a Path,
    /// Names an item, for messages.
    pub(super) name: &'a dyn Fn(&I) -> String,
    /// Leave out what cannot be read.
    pub(super) skip_bad: bool,
}

/// The path of a file below a folder, for messages.
pub(super) fn below(root: &Path, path: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).display().to_string()
}

/// Lists a tree with a folder per class, or `train/`, `val/` and `test/` folders of such; folders that are no `class` are
/// passed over. Classes are in the order of their names.
pub(super) fn list(
    root: &Path,
    class: impl Fn(&str) -> bool,
) -> Result<(Vec<String>, Listing<PathBuf>), DataError> {
    let part = |names: &[&str]| names.iter().map(|name| root.join(name)).find(|folder| folder.is_dir());
    let (train, validation, test) = match part(TRAIN) {
        Some(train) => (train, part(VALIDATION), part(TEST)),
        None => (root.to_path_buf(), None, None),
    };
    let classes_of = |folder: &Path| -> Result<BTreeMap<String, PathBuf>, DataError> {
        Ok(folders(folder)?.into_iter().filter(|(name, _)| class(name)).collect())
    };
    let class_names: Vec<String> = classes_of(&train)?.into_keys().collect();
    if class_names.is_empty() {
        return Err(DataError::malformed(&train, "no folders in it; a folder per class is needed"));
    }
    let files = |part: PathBuf| -> Result<Vec<Labelled<PathBuf>>, DataError> {
        let mut files = Vec::new();
        for (name, folder) in classes_of(&part)? {
            let Some(label) = class_names.iter().position(|class| *class == name) else {
                return Err(DataError::malformed(
                    &folder,
                    "there is no such class among the training samples",
                ));
            };
            let label = label as u32;
            files.extend(entries(&folder)?.into_iter().map(|item| Labelled { item, label }));
        }
        Ok(files)
    };
    let listing = Listing {
        train: files(train)?,
        validation: validation.map(files).transpose()?,
        test: test.map(files).transpose()?,
    };
    Ok((class_names, listing))
}

/// The visible folders in a folder, by name.
pub(super) fn folders(folder: &Path) -> Result<BTreeMap<String, PathBuf>, DataError> {
    Ok(entries(folder)?
        .into_iter()
        .filter(|path| path.is_dir())
        .map(|path| (path.file_name().unwrap_or_default().to_string_lossy().into_owned(), path))
        .collect())
}

/// What a folder holds, in order; hidden entries (those of file managers among them) are no data.
pub(super) fn entries(folder: &Path) -> Result<Vec<PathBuf>, DataError> {
    let io = |source| DataError::io(folder, source);
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(io)? {
        let entry = entry.map_err(io)?;
        if !entry.file_name().to_string_lossy().starts_with('.') {
            entries.push(entry.path());
        }
    }
    entries.sort();
    Ok(entries)
}
