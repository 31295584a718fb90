//! Folders of images: a folder per class, or `train/`, `val/` and `test/` folders of such. PNG, JPEG and BMP, told
//! apart by their content.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use image::imageops::FilterType;
use image::{DynamicImage, ImageReader, Limits};

use super::refusals::Refusals;
use crate::dataset::{PartSizes, RawData, TestPart};
use crate::error::DataError;
use crate::samples::{ElementType, Samples};

/// Largest image accepted, in pixels per side and in bytes while it is decoded.
const MAX_SIDE: u32 = 16_384;
const MAX_IMAGE_BYTES: u64 = 512 << 20;

/// How images become samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ImageOptions {
    /// Height and width; that of the first image when left out.
    pub(crate) size: Option<(usize, usize)>,
    /// One channel instead of three.
    pub(crate) grey: bool,
    /// Leave out files that cannot be read.
    pub(crate) skip_bad: bool,
}

impl ImageOptions {
    fn channels(self) -> usize {
        if self.grey { 1 } else { 3 }
    }
}

/// Names of the folders that make the parts.
const TRAIN: &[&str] = &["train"];
const VALIDATION: &[&str] = &["val", "validation"];
const TEST: &[&str] = &["test"];

/// Reads a tree of images. Classes are the folders, in the order of their names.
pub(crate) fn read_folder(root: &Path, name: &str, options: ImageOptions) -> Result<RawData, DataError> {
    let part = |names: &[&str]| names.iter().map(|name| root.join(name)).find(|folder| folder.is_dir());
    let (train, validation, test) = match part(TRAIN) {
        Some(train) => (train, part(VALIDATION), part(TEST)),
        None => (root.to_path_buf(), None, None),
    };
    let classes = folders(&train)?;
    if classes.is_empty() {
        return Err(DataError::malformed(&train, "no folders in it; a folder per class is needed"));
    }
    let class_names: Vec<String> = classes.keys().cloned().collect();
    let mut reader = Reader::new(root, options);
    let train = reader.append(&train, &class_names)?;
    let validation = validation.map(|folder| reader.append(&folder, &class_names)).transpose()?;
    let test = test.map(|folder| reader.append(&folder, &class_names)).transpose()?;
    let Some((height, width)) = reader.size.filter(|_| reader.total > 0) else {
        return Err(DataError::malformed(root, "no images in its class folders"));
    };
    let refused = reader.refusals.finish(root, reader.total, options.skip_bad)?;
    Ok(RawData {
        name: name.to_owned(),
        input: [height, width, options.channels()],
        class_names,
        samples: Samples::U8(reader.pixels),
        labels: reader.labels,
        parts: PartSizes { train, validation, test: TestPart::own_or_drawn(test) },
        full_scale: ElementType::U8.full_scale(),
        refused,
    })
}

/// The visible folders in a folder, by name.
fn folders(folder: &Path) -> Result<BTreeMap<String, PathBuf>, DataError> {
    Ok(entries(folder)?
        .into_iter()
        .filter(|path| path.is_dir())
        .map(|path| (path.file_name().unwrap_or_default().to_string_lossy().into_owned(), path))
        .collect())
}

/// What a folder holds, in order; hidden entries (those of file managers among them) are no data.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, DataError> {
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

struct Reader<'a> {
    root: &'a Path,
    options: ImageOptions,
    /// Height and width of all samples, once known.
    size: Option<(usize, usize)>,
    pixels: Vec<u8>,
    labels: Vec<u32>,
    total: usize,
    refusals: Refusals,
}

impl<'a> Reader<'a> {
    fn new(root: &'a Path, options: ImageOptions) -> Self {
        let (pixels, labels, refusals) = (Vec::new(), Vec::new(), Refusals::default());
        Self { root, options, size: options.size, pixels, labels, total: 0, refusals }
    }

    /// Appends the images of all class folders in `part` and returns how many were read.
    fn append(&mut self, part: &Path, class_names: &[String]) -> Result<usize, DataError> {
        let before = self.labels.len();
        for (class, folder) in folders(part)? {
            let Some(label) = class_names.iter().position(|name| *name == class) else {
                return Err(DataError::malformed(
                    &folder,
                    "there is no such class among the training images",
                ));
            };
            for path in entries(&folder)? {
                self.total += 1;
                match self.append_image(&path) {
                    Ok(()) => self.labels.push(label as u32),
                    Err(problem) => {
                        let path = path.strip_prefix(self.root).unwrap_or(&path);
                        self.refusals.add(|| format!("{}: {problem}", path.display()));
                    }
                }
            }
        }
        Ok(self.labels.len() - before)
    }

    fn append_image(&mut self, path: &Path) -> Result<(), String> {
        let image = decode(path)?;
        let found = (image.height() as usize, image.width() as usize);
        let size = *self.size.get_or_insert(found);
        if self.options.size.is_none() && found != size {
            return Err(format!(
                "{}x{} pixels after others of {}x{}; --size scales all to one size",
                found.0, found.1, size.0, size.1
            ));
        }
        let image = scale(image, size);
        let pixels = if self.options.grey { image.to_luma8().into_raw() } else { image.to_rgb8().into_raw() };
        self.pixels.try_reserve(pixels.len()).map_err(|_| "no memory for more images".to_owned())?;
        self.pixels.extend_from_slice(&pixels);
        Ok(())
    }
}

fn decode(path: &Path) -> Result<DynamicImage, String> {
    let reader = ImageReader::open(path).and_then(ImageReader::with_guessed_format);
    let mut reader = reader.map_err(|error| error.to_string())?;
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_IMAGE_BYTES);
    reader.limits(limits);
    reader.decode().map_err(|error| error.to_string())
}

/// Scales to height and width with a triangle filter, which averages when it shrinks.
fn scale(image: DynamicImage, (height, width): (usize, usize)) -> DynamicImage {
    if (image.height() as usize, image.width() as usize) == (height, width) {
        return image;
    }
    image.resize_exact(width as u32, height as u32, FilterType::Triangle)
}

/// Scales samples that are images already, and turns colour into grey, as the options ask.
pub(crate) fn conform(data: RawData, options: ImageOptions) -> Result<RawData, DataError> {
    let [height, width, channels] = data.input;
    let size = options.size.unwrap_or((height, width));
    let grey = options.grey && channels == 3;
    if size == (height, width) && !grey {
        return Ok(data);
    }
    let Samples::U8(pixels) = &data.samples else {
        return Err(DataError::Option(format!(
            "{}: its samples are no images, --size does not apply",
            data.name
        )));
    };
    let input = [size.0, size.1, if grey { 1 } else { channels }];
    let bytes = input.iter().product::<usize>().saturating_mul(data.labels.len());
    let mut conformed = Vec::new();
    if conformed.try_reserve_exact(bytes).is_err() {
        return Err(DataError::Option(format!("{}: no memory for its images in that size", data.name)));
    }
    for sample in pixels.chunks_exact(height * width * channels) {
        let sample = sample.to_vec();
        let image = match channels {
            1 => image::GrayImage::from_raw(width as u32, height as u32, sample).map(DynamicImage::from),
            3 => image::RgbImage::from_raw(width as u32, height as u32, sample).map(DynamicImage::from),
            _ => None,
        };
        let Some(image) = image else {
            return Err(DataError::Option(format!("{}: {channels} channels are no image", data.name)));
        };
        let image = scale(image, size);
        let bytes = if grey { image.to_luma8().into_raw() } else { image.into_bytes() };
        conformed.extend_from_slice(&bytes);
    }
    Ok(RawData { input, samples: Samples::U8(conformed), ..data })
}
