//! idx files, the format of MNIST: magic (0, 0, type, dimensions), big-endian extents, big-endian values.
//!
//! A dataset is a folder with a pair of files per part, told apart by their names: `train-…` (or `tra-`), `val-…`,
//! `t10k-…` (or `test-`, `tes-`); a name with `label` in it holds labels, one with `idx2`, `idx3` or `idx4` samples.

use std::path::{Path, PathBuf};

use super::arrays::{Array, ArrayOptions, Collector};
use super::file::Content;
use super::numbers::{NumberFormat, NumberKind};
use crate::axes::Layout;
use crate::error::DataError;
use crate::raw_data::{PartSizes, RawData, TestPart};

/// Most dimensions: samples, rows, columns, channels.
const MAX_DIMENSIONS: usize = 4;
/// How the files of a part begin.
const TRAIN: &[&str] = &["train", "tra"];
const VALIDATION: &[&str] = &["val", "validation"];
const TEST: &[&str] = &["t10k", "test", "tes"];

/// Reads the idx files in `folder`. Class names are the labels' numbers. What the axes mean is settled by the format.
pub(crate) fn read_folder(folder: &Path, name: &str, options: ArrayOptions) -> Result<RawData, DataError> {
    let files = list(folder)?;
    let Some(train) = find_pair(folder, &files, TRAIN)? else {
        return Err(DataError::malformed(
            folder,
            "no train-images-idx3-ubyte and train-labels-idx1-ubyte (plain or .gz) in this folder",
        ));
    };
    let mut collector = Collector::new(ArrayOptions { layout: Layout::Nhwc, ..options });
    let mut append = |pair: Pair| append_part(&mut collector, &pair);
    let train = append(train)?;
    let validation = find_pair(folder, &files, VALIDATION)?.map(&mut append).transpose()?;
    let test = find_pair(folder, &files, TEST)?.map(append).transpose()?;
    collector.finish(folder, name, PartSizes { train, validation, test: TestPart::own_or_drawn(test) })
}

/// Samples and labels of one part.
struct Pair {
    samples: PathBuf,
    labels: PathBuf,
}

fn list(folder: &Path) -> Result<Vec<PathBuf>, DataError> {
    let io = |source| DataError::io(folder, source);
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(io)? {
        files.push(entry.map_err(io)?.path());
    }
    files.sort();
    Ok(files)
}

fn find_pair(folder: &Path, files: &[PathBuf], prefixes: &[&str]) -> Result<Option<Pair>, DataError> {
    let mut samples = Vec::new();
    let mut labels = Vec::new();
    for path in files {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        let ours = name.split_once(['-', '_', '.']).is_some_and(|(prefix, _)| prefixes.contains(&prefix));
        if ours && name.contains("idx") {
            if name.contains("label") {
                labels.push(path);
            } else if !name.contains("idx1") {
                samples.push(path);
            }
        }
    }
    match (samples.as_slice(), labels.as_slice()) {
        ([], []) => Ok(None),
        ([samples], [labels]) => Ok(Some(Pair { samples: (*samples).clone(), labels: (*labels).clone() })),
        (samples, labels) => Err(DataError::malformed(
            folder,
            format!(
                "{} idx files of samples and {} of labels begin with {}; there must be one of each",
                samples.len(),
                labels.len(),
                prefixes.join(" or ")
            ),
        )),
    }
}

/// Appends a part and returns the number of its samples.
fn append_part(collector: &mut Collector, pair: &Pair) -> Result<usize, DataError> {
    let mut file = Content::open(&pair.samples)?;
    let array = read_header(&mut file)?;
    let count = collector.append_samples(&mut file, &array, &file_name(&pair.samples))?;
    file.expect_end()?;

    let mut file = Content::open(&pair.labels)?;
    let array = read_header(&mut file)?;
    if let Some(labels) = array.shape.first().filter(|labels| **labels != count) {
        let problem = format!("{labels} labels for the {count} samples of {}", pair.samples.display());
        return Err(file.malformed(problem));
    }
    collector.append_labels(&mut file, &array, &file_name(&pair.labels))?;
    file.expect_end()?;
    Ok(count)
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn read_header(file: &mut Content<'_>) -> Result<Array, DataError> {
    let [zero, also_zero, kind, dimensions] = file.header()?;
    if [zero, also_zero] != [0, 0] {
        return Err(file.malformed("not an idx file: it does not begin with two zero bytes"));
    }
    let kind = match kind {
        0x08 => NumberKind::Unsigned { bytes: 1 },
        0x09 => NumberKind::Signed { bytes: 1 },
        0x0b => NumberKind::Signed { bytes: 2 },
        0x0c => NumberKind::Signed { bytes: 4 },
        0x0d => NumberKind::Float { bytes: 4 },
        0x0e => NumberKind::Float { bytes: 8 },
        other => return Err(file.malformed(format!("idx type {other:#04x} is none of the format's"))),
    };
    let dimensions = usize::from(dimensions);
    if !(1..=MAX_DIMENSIONS).contains(&dimensions) {
        return Err(file.malformed(format!("{dimensions} dimensions; 1 to {MAX_DIMENSIONS} are supported")));
    }
    let mut shape = Vec::with_capacity(dimensions);
    for _ in 0..dimensions {
        shape.push(u32::from_be_bytes(file.header()?) as usize);
    }
    Ok(Array { format: NumberFormat { kind, big_endian: true }, shape, column_major: false })
}
