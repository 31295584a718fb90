//! npz archives (zip files of npy arrays, as `numpy.savez` writes them) of samples and labels. Which arrays these are is found
//! out from their names ([`names`]) or told; others are ignored. What their axes mean: [`Layout`](crate::Layout).

mod names;

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use zip::result::ZipError;
use zip::{CompressionMethod, ZipArchive};

use self::names::{Pair, Pairs};
use super::arrays::{Array, ArrayOptions, Collector};
use super::file::{Content, MAX_EXPANSION};
use super::npy::{MAGIC, read_header};
use crate::error::DataError;
use crate::group_choice::GroupChoice;
use crate::groups::Groups;
use crate::raw_data::{Fact, PartSizes, RawData, TestPart};

/// Which arrays of an archive are read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Selection<'a> {
    /// Samples and labels of training, then those of test, or of validation and of test; found by their names when left out.
    pub(crate) arrays: Option<&'a [String]>,
    /// Which array says what belongs together.
    pub(crate) groups: &'a GroupChoice,
}

/// Reads an archive.
pub(crate) fn read(
    path: &Path,
    name: &str,
    options: ArrayOptions,
    selection: Selection<'_>,
) -> Result<RawData, DataError> {
    let mut archive = Archive { path, archive: open(path)?, collector: Collector::new(options) };
    let pairs = archive.find(selection)?;
    let train = archive.append_part(pairs.train.as_ref())?;
    let validation = archive.append_part(pairs.validation.as_ref())?;
    let test = archive.append_part(pairs.test.as_ref())?;
    // An archive of test samples alone is an evaluation set: its empty training part is its own, nothing is drawn.
    let (train, validation) = match train {
        Some(train) => (train, validation),
        None => (0, validation.or(Some(0))),
    };
    let parts = PartSizes { train, validation, test: TestPart::own_or_drawn(test) };
    let mut raw = archive.collector.finish(path, name, parts)?;
    let tell_nothing = |groups: &Groups| !groups.are_some(LEAST_GROUPS);
    if raw.groups.as_ref().is_some_and(tell_nothing) {
        raw.groups = None;
        if let Some(asked) = selection.groups.asked() {
            let problem = format!(
                "the groups of `{asked}` tell nothing apart: all samples are in one, or each in its own"
            );
            return Err(DataError::advised(path, problem, "`--groups none` does without groups"));
        }
    }
    if let (Some(groups), Some(array)) = (&raw.groups, pairs.train.and_then(|train| train.groups)) {
        raw.facts.push(Fact::new("groups", format!("{array}, {} different", groups.names.len())));
    }
    Ok(raw)
}

/// Fewer groups than this are none.
const LEAST_GROUPS: usize = 2;

fn open(path: &Path) -> Result<ZipArchive<BufReader<File>>, DataError> {
    const HOW: &str =
        "numpy.savez(\"data.npz\", x_train=x, y_train=y) saves samples and labels in one archive";
    let io = |error| DataError::io(path, error);
    if path.is_dir() {
        return Err(DataError::advised(path, "a folder, not an npz archive", HOW));
    }
    let mut file = File::open(path).map_err(io)?;
    let mut start = [0; MAGIC.len()];
    let is_array = file.read_exact(&mut start).is_ok() && start == *MAGIC;
    file.seek(SeekFrom::Start(0)).map_err(io)?;
    if is_array {
        return Err(DataError::advised(path, "a single npy array; samples and labels are needed", HOW));
    }
    ZipArchive::new(BufReader::new(file))
        .map_err(|error| DataError::malformed(path, format!("not an npz (zip) file: {error}")))
}

struct Archive<'a, R> {
    path: &'a Path,
    archive: ZipArchive<R>,
    collector: Collector,
}

impl<R: Read + Seek> Archive<'_, R> {
    /// The arrays to read.
    fn find(&mut self, selection: Selection<'_>) -> Result<Pairs, DataError> {
        let Selection { arrays, groups } = selection;
        const HINT: &str = "`--arrays SAMPLES,LABELS` names them, and after them those of test, or of validation and of test";
        let names: Vec<String> = self
            .archive
            .file_names()
            .filter_map(|name| Some(name.ok()?.strip_suffix(".npy")?.to_owned()))
            .collect();
        let pairs = match arrays {
            Some(arrays) => match arrays.iter().find(|array| !names.contains(array)) {
                Some(missing) => Err(format!("there is no array `{missing}`")),
                None => names::given(arrays),
            },
            None => match names::find(&names) {
                Ok(pairs) if pairs == Pairs::default() => {
                    Err("no arrays with the names of samples and labels, such as x_train and y_train"
                        .to_owned())
                }
                found => found,
            },
        };
        let with_groups = |mut pairs: Pairs| {
            if groups.is_auto() || groups.asked().is_some() {
                pairs.find_groups(&names, groups.asked())?;
            }
            Ok(pairs)
        };
        pairs.and_then(with_groups).map_err(|problem| {
            let problem = match self.describe(names) {
                found if found.is_empty() => format!("{problem}; it holds no arrays"),
                found => format!("{problem}; it holds {found}"),
            };
            DataError::advised(self.path, problem, HINT)
        })
    }

    /// The arrays in words, with their shapes and types.
    fn describe(&mut self, mut names: Vec<String>) -> String {
        const LISTED: usize = 12;
        names.sort();
        let more = names.len().saturating_sub(LISTED);
        let mut described: Vec<String> = names
            .into_iter()
            .take(LISTED)
            .map(|name| match self.header(&name) {
                Ok(header) => format!("{name} ({})", header.describe()),
                Err(_) => name,
            })
            .collect();
        if more > 0 {
            described.push(format!("{more} others"));
        }
        described.join(", ")
    }

    fn header(&mut self, array: &str) -> Result<Array, DataError> {
        let (header, _) = content(self.path, &mut self.archive, array)?;
        Ok(header)
    }

    /// Appends a pair of arrays and returns the number of samples.
    fn append_part(&mut self, pair: Option<&Pair>) -> Result<Option<usize>, DataError> {
        let Some(Pair { samples, labels, groups }) = pair else { return Ok(None) };
        let Self { path, archive, collector } = self;
        let (header, mut file) = content(path, archive, samples)?;
        let count = collector.append_samples(&mut file, &header, samples)?;
        file.expect_end()?;
        let (header, mut file) = content(path, archive, labels)?;
        if let Some(labelled) = header.shape.first().filter(|labelled| **labelled != count) {
            let problem = format!("{count} samples in {samples}, {labelled} labels in {labels}");
            return Err(DataError::malformed(path, problem));
        }
        collector.append_labels(&mut file, &header, labels)?;
        file.expect_end()?;
        let Some(groups) = groups else {
            collector.append_without_groups(count);
            return Ok(Some(count));
        };
        let (header, mut file) = content(path, archive, groups)?;
        if header.shape.first() != Some(&count) {
            let problem = format!("{count} samples in {samples}, but {groups} is {}", header.describe());
            return Err(DataError::advised(path, problem, "`--groups none` does without groups"));
        }
        collector.append_groups(&mut file, &header, groups)?;
        file.expect_end()?;
        Ok(Some(count))
    }
}

/// The header of an array, and its content behind it.
fn content<'a, R: Read + Seek>(
    path: &Path,
    archive: &'a mut ZipArchive<R>,
    array: &str,
) -> Result<(Array, Content<'a>), DataError> {
    // Messages name the array behind the file.
    let place = path.join(format!("{array}.npy"));
    let damaged = |error: ZipError| DataError::malformed(&place, error.to_string());
    let index =
        archive.index_for_name(&format!("{array}.npy")).ok_or(ZipError::FileNotFound).map_err(damaged)?;
    let method = archive.by_index_raw(index).map_err(damaged)?.compression();
    if !matches!(method, CompressionMethod::Stored | CompressionMethod::Deflated) {
        let problem = format!("compressed in a way that is not read ({method})");
        return Err(DataError::advised(&place, problem, "numpy.savez_compressed writes archives that are"));
    }
    let entry = archive.by_index(index).map_err(damaged)?;
    let most = entry.size().min(entry.compressed_size().saturating_mul(MAX_EXPANSION));
    let mut content = Content::new(&place, entry, most);
    let header = read_header(&mut content)?;
    Ok((header, content))
}
