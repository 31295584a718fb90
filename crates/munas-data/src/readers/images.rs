//! Folders of images: a folder per class, or `train/`, `val/` and `test/` folders of such. PNG, JPEG and BMP, told
//! apart by their content.

use std::path::{Path, PathBuf};

use image::imageops::FilterType;
use image::{DynamicImage, ImageReader, Limits};

use super::tree::{self, Listing, Reading};
use crate::budget::Budget;
use crate::dataset::RawData;
use crate::error::DataError;
use crate::samples::{ElementType, Samples};

/// Largest image accepted, in pixels per side and in bytes while it is decoded.
const MAX_SIDE: u32 = 16_384;
const MAX_IMAGE_BYTES: u64 = 512 << 20;

/// How images become samples.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct ImageOptions {
    /// Height and width; that of the first image when left out.
    pub(crate) size: Option<(usize, usize)>,
    /// Share of each side that is kept around the centre, before anything is scaled; all when left out.
    pub(crate) crop: Option<f64>,
    /// One channel instead of three.
    pub(crate) grey: bool,
    /// Leave out files that cannot be read.
    pub(crate) skip_bad: bool,
    pub(crate) budget: Budget,
}

impl ImageOptions {
    fn channels(self) -> usize {
        if self.grey { 1 } else { 3 }
    }
}

/// Reads a tree of images. Classes are the folders, in the order of their names.
pub(crate) fn read_folder(root: &Path, name: &str, options: ImageOptions) -> Result<RawData, DataError> {
    let (class_names, listing) = tree::list(root, |_| true)?;
    let raw = read_listing(root, &listing, options)?;
    Ok(RawData { name: name.to_owned(), class_names, ..raw })
}

/// Reads the images of a list. Name and class names are left to the caller.
pub(super) fn read_listing(
    root: &Path,
    listing: &Listing<PathBuf>,
    options: ImageOptions,
) -> Result<RawData, DataError> {
    let ImageOptions { grey, skip_bad, .. } = options;
    if listing.items().next().is_none() {
        return Err(DataError::malformed(root, "no images in its class folders"));
    }
    let size = options.size.or_else(|| listing.items().find_map(|path| size_of(path, options).ok()));
    if let Some((height, width)) = size {
        check_memory(root, listing.items().count(), [height, width, options.channels()], options.budget)?;
    }
    let mut pixels = Vec::new();
    let mut out_of_memory = false;
    let reading = Reading { root, name: &|path: &PathBuf| tree::below(root, path), skip_bad };
    let decode = |_: &mut (), _, path: &PathBuf| {
        let image = crop(decode(path)?, options.crop);
        let found = (image.height() as usize, image.width() as usize);
        let size = size.unwrap_or(found);
        if options.size.is_none() && found != size {
            return Err(format!(
                "{}x{} pixels after others of {}x{}; --size scales all to one size",
                found.0, found.1, size.0, size.1
            ));
        }
        let image = scale(image, size);
        Ok(if grey { image.to_luma8().into_raw() } else { image.to_rgb8().into_raw() })
    };
    let gathered = listing.gather(
        &reading,
        || (),
        decode,
        |image: Vec<u8>| {
            out_of_memory = out_of_memory || pixels.try_reserve(image.len()).is_err();
            if !out_of_memory {
                pixels.extend_from_slice(&image);
            }
        },
    )?;
    if out_of_memory {
        return Err(DataError::malformed(root, "no memory for its images in that size"));
    }
    // Some image was read, or there would have been an error; its size is the first one's.
    let (height, width) = size.unwrap_or((0, 0));
    Ok(RawData {
        input: [height, width, options.channels()],
        samples: Samples::U8(pixels),
        labels: gathered.labels,
        parts: gathered.parts,
        full_scale: ElementType::U8.full_scale(),
        refused: gathered.refused,
        ..RawData::default()
    })
}

/// Fails if so many samples of this shape are more than may be in memory.
fn check_memory(root: &Path, count: usize, input: [usize; 3], budget: Budget) -> Result<(), DataError> {
    let [height, width, channels] = input;
    let bytes = input.iter().fold(count as u64, |bytes, &extent| bytes.saturating_mul(extent as u64));
    budget.check(root, format_args!("{count} samples of {height}x{width}x{channels}"), bytes)
}

/// Height and width of an image after cropping.
fn size_of(path: &Path, options: ImageOptions) -> Result<(usize, usize), String> {
    let image = crop(decode(path)?, options.crop);
    Ok((image.height() as usize, image.width() as usize))
}

/// Keeps the middle of an image: `share` of its height and of its width.
fn crop(image: DynamicImage, share: Option<f64>) -> DynamicImage {
    let Some(share) = share else { return image };
    let [(left, width), (top, height)] = [image.width(), image.height()].map(|side| {
        let removed = (f64::from(side) * (1.0 - share) / 2.0) as u32;
        (removed, (side - 2 * removed).max(1))
    });
    image.crop_imm(left, top, width, height)
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
    check_memory(Path::new(&data.name), data.labels.len(), input, options.budget)?;
    let bytes = input.iter().product::<usize>() * data.labels.len();
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
