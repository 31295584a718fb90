//! Images that a file holds as an array: scaled and turned grey after they were read.

use std::path::Path;

use image::DynamicImage;

use super::pixels::scale;
use super::{ImageOptions, check_memory};
use crate::error::DataError;
use crate::raw_data::RawData;
use crate::samples::{ElementType, Samples};

/// Scales samples that are images already, and turns colour into grey, as the options ask.
pub(crate) fn conform(data: RawData, options: &ImageOptions) -> Result<RawData, DataError> {
    let [height, width, channels] = data.input;
    let size = options.size.unwrap_or((height, width));
    let grey = options.grey == Some(true) && channels == 3;
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
    check_memory(Path::new(&data.name), data.labels.len(), input, ElementType::U8, options.budget)?;
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
