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
use crate::dataset::{PartSizes, RawData, TestPart};
use crate::error::DataError;

/// Reads an archive. `arrays` names the samples and labels of training, then those of test, or of validation and of test.
pub(crate) fn read(
    path: &Path,
    name: &str,
    options: ArrayOptions,
    arrays: Option<&[String]>,
) -> Result<RawData, DataError> {
    let mut archive = Archive { path, archive: open(path)?, collector: Collector::new(options) };
    let pairs = archive.find(arrays)?;
    let train = archive.append_part(pairs.train.as_ref())?;
    let validation = archive.append_part(pairs.validation.as_ref())?;
    let test = archive.append_part(pairs.test.as_ref())?;
    // An archive of test samples alone is an evaluation set: its empty training part is its own, nothing is drawn.
    let (train, validation) = match train {
        Some(train) => (train, validation),
        None => (0, validation.or(Some(0))),
    };
    archive.collector.finish(path, name, PartSizes { train, validation, test: TestPart::own_or_drawn(test) })
}

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
    fn find(&mut self, arrays: Option<&[String]>) -> Result<Pairs, DataError> {
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
        pairs.map_err(|problem| {
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
        let Some(Pair { samples, labels }) = pair else { return Ok(None) };
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
