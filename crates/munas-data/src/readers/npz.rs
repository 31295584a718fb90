//! npz archives (zip files of npy arrays, as `numpy.savez` writes them) with `x_train`, `y_train` and, optionally,
//! `x_val`, `y_val`, `x_test`, `y_test`. Other arrays are ignored.
//!
//! Samples are `[n, features]`, `[n, height, width]` or `[n, height, width, channels]`.

use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::path::Path;

use zip::ZipArchive;

use super::arrays::{Array, Collector};
use super::file::{Content, MAX_EXPANSION};
use super::npy::read_header;
use crate::dataset::{PartSizes, RawData, TestPart};
use crate::error::DataError;

/// How samples without a channel axis become height × width × channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Axes {
    /// `[n, height, width]`: one channel.
    Image,
    /// `[n, time, channels]`: height is time, width is 1.
    Signal,
}

impl Axes {
    fn input(self, shape: &[usize]) -> Option<(usize, [usize; 3])> {
        match (self, shape) {
            (_, &[count, features]) => Some((count, [1, 1, features])),
            (Self::Image, &[count, height, width]) => Some((count, [height, width, 1])),
            (Self::Signal, &[count, time, channels]) => Some((count, [time, 1, channels])),
            (_, &[count, height, width, channels]) => Some((count, [height, width, channels])),
            _ => None,
        }
    }
}

/// Reads an archive. Class names are the labels' numbers.
pub(crate) fn read(path: &Path, name: &str, axes: Axes) -> Result<RawData, DataError> {
    let file = File::open(path).map_err(|error| DataError::io(path, error))?;
    let archive = ZipArchive::new(BufReader::new(file))
        .map_err(|error| DataError::malformed(path, format!("not an npz (zip) file: {error}")))?;
    let mut archive = Archive { path, archive, axes, collector: Collector::default() };
    let train = archive.append_part("train")?;
    let validation = archive.append_part("val")?;
    let test = archive.append_part("test")?;
    // An archive of test samples alone is an evaluation set: its empty training part is its own, nothing is drawn.
    let (train, validation) = match train {
        Some(train) => (train, validation),
        None => (0, validation.or(Some(0))),
    };
    archive.collector.finish(path, name, PartSizes { train, validation, test: TestPart::own_or_drawn(test) })
}

struct Archive<'a, R> {
    path: &'a Path,
    archive: ZipArchive<R>,
    axes: Axes,
    collector: Collector,
}

impl<R: Read + Seek> Archive<'_, R> {
    /// Appends `x_PART` and `y_PART` and returns the number of samples; `None` when neither is there.
    fn append_part(&mut self, part: &str) -> Result<Option<usize>, DataError> {
        let (x, y) = (format!("x_{part}"), format!("y_{part}"));
        let (has_x, has_y) = (self.has(&x), self.has(&y));
        if !has_x && !has_y {
            return Ok(None);
        }
        if !has_x || !has_y {
            let (there, missing) = if has_x { (x, y) } else { (y, x) };
            return Err(DataError::malformed(self.path, format!("{there} is there, {missing} is not")));
        }
        let samples = self.append_samples(&x)?;
        let labels = self.append_labels(&y)?;
        if samples != labels {
            return Err(DataError::malformed(
                self.path,
                format!("{samples} samples in {x}, {labels} labels in {y}"),
            ));
        }
        Ok(Some(samples))
    }

    fn has(&self, array: &str) -> bool {
        self.archive.index_for_name(&format!("{array}.npy")).is_some()
    }

    fn append_samples(&mut self, array: &str) -> Result<usize, DataError> {
        let Self { path, archive, axes, collector } = self;
        read_array(path, archive, array, |header, file| {
            let Some((count, input)) = axes.input(&header.shape) else {
                return Err(
                    file.malformed(format!("shape {:?}; samples need two to four dimensions", header.shape))
                );
            };
            collector.append_samples(file, header, input)?;
            Ok(count)
        })
    }

    fn append_labels(&mut self, array: &str) -> Result<usize, DataError> {
        let Self { path, archive, collector, .. } = self;
        read_array(path, archive, array, |header, file| {
            let (&[count] | &[count, 1]) = header.shape.as_slice() else {
                return Err(file.malformed(format!("shape {:?}; labels need one dimension", header.shape)));
            };
            collector.append_labels(file, header)?;
            Ok(count)
        })
    }
}

/// Opens an array and lets `read` take its values.
fn read_array<R: Read + Seek, T>(
    path: &Path,
    archive: &mut ZipArchive<R>,
    array: &str,
    read: impl FnOnce(&Array, &mut Content<'_>) -> Result<T, DataError>,
) -> Result<T, DataError> {
    // Messages name the array behind the file.
    let place = path.join(format!("{array}.npy"));
    let entry = archive
        .by_name(&format!("{array}.npy"))
        .map_err(|error| DataError::malformed(&place, error.to_string()))?;
    let most = entry.size().min(entry.compressed_size().saturating_mul(MAX_EXPANSION));
    let mut content = Content::new(&place, entry, most);
    let header = read_header(&mut content)?;
    let result = read(&header, &mut content)?;
    content.expect_end()?;
    Ok(result)
}
