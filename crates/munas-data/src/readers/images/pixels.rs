//! From a file to the pixels of a sample: decoded, turned upright, laid over a backdrop, cropped, scaled.

use std::io::{Cursor, Read};
use std::path::Path;

use image::imageops::FilterType;
use image::{
    DynamicImage, GenericImageView, ImageBuffer, ImageDecoder, ImageFormat, ImageReader, Limits, Pixel,
};

use super::header::format_of;
use super::raw_header::{MAX_DECODED, MAX_FILE, MAX_SIDE, in_plain_words};
use super::{Backdrop, ImageOptions, cropped, jpeg};
use crate::readers::folder;
use crate::samples::{ElementType, Samples};

/// How the pixels of all samples are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Form {
    /// Height and width in pixels.
    pub(super) size: (usize, usize),
    /// Three channels instead of one.
    pub(super) colour: bool,
    /// 16 bits instead of 8.
    pub(super) deep: bool,
}

impl Form {
    /// Channels of a sample.
    pub(super) fn channels(self) -> usize {
        if self.colour { 3 } else { 1 }
    }

    /// Height, width and channels of a sample.
    pub(super) fn shape(self) -> [usize; 3] {
        [self.size.0, self.size.1, self.channels()]
    }

    /// Type of the values.
    pub(super) fn element(self) -> ElementType {
        if self.deep { ElementType::U16 } else { ElementType::U8 }
    }
}

/// A picture before it is scaled.
pub(super) struct Picture {
    image: DynamicImage,
    /// Whether one of its pixels was not opaque.
    pub(super) transparent: bool,
}

impl Picture {
    /// Decodes a file, as the options ask: turned upright and laid over a backdrop, but not yet cropped.
    ///
    /// # Errors
    /// In words.
    pub(super) fn read(path: &Path, options: &ImageOptions) -> Result<Self, String> {
        let mut file = Vec::new();
        let read = folder::open(path)?.take(MAX_FILE).read_to_end(&mut file);
        read.map_err(|error| error.to_string())?;
        let format = format_of(&file)?;
        if format == ImageFormat::Jpeg {
            jpeg::check_complete(&file)?;
        }
        let mut reader = ImageReader::with_format(Cursor::new(&file), format);
        let mut limits = Limits::default();
        limits.max_image_width = Some(MAX_SIDE);
        limits.max_image_height = Some(MAX_SIDE);
        limits.max_alloc = Some(2 * MAX_DECODED);
        reader.limits(limits);
        let mut decoder = reader.into_decoder().map_err(|error| in_plain_words(&error))?;
        let orientation = decoder.orientation();
        let mut image = DynamicImage::from_decoder(decoder).map_err(|error| in_plain_words(&error))?;
        if let (true, Ok(orientation)) = (options.orientation, orientation) {
            image.apply_orientation(orientation);
        }
        // Bitmaps whose fourth byte is padding are taken for transparent by their header alone.
        let padded = format == ImageFormat::Bmp && is_invisible(&image);
        Ok(match options.backdrop {
            Some(backdrop) if !padded => lay_over(image, backdrop),
            _ => Self { image, transparent: false },
        })
    }

    /// Whether it has a pixel that is not grey.
    pub(super) fn is_colourful(&self) -> bool {
        fn any<P: Pixel<Subpixel: PartialEq>>(image: &ImageBuffer<P, Vec<P::Subpixel>>) -> bool {
            image.pixels().any(|pixel| {
                let values = pixel.channels();
                values[0] != values[1] || values[1] != values[2]
            })
        }
        match &self.image {
            DynamicImage::ImageLuma8(_)
            | DynamicImage::ImageLumaA8(_)
            | DynamicImage::ImageLuma16(_)
            | DynamicImage::ImageLumaA16(_) => false,
            DynamicImage::ImageRgb8(image) => any(image),
            DynamicImage::ImageRgba8(image) => any(image),
            DynamicImage::ImageRgb16(image) => any(image),
            DynamicImage::ImageRgba16(image) => any(image),
            _ => true,
        }
    }

    /// Height and width of what the options leave of it.
    pub(super) fn size(&self, options: &ImageOptions) -> (usize, usize) {
        let [(_, width), (_, height)] =
            [self.image.width(), self.image.height()].map(|side| cropped(side, options.crop));
        (height as usize, width as usize)
    }

    /// Its pixels as a sample holds them.
    pub(super) fn into_sample(self, options: &ImageOptions, form: Form) -> Samples {
        let mut image = self.image;
        if options.crop.is_some() {
            let [(left, width), (top, height)] =
                [image.width(), image.height()].map(|side| cropped(side, options.crop));
            image = image.crop_imm(left, top, width, height);
        }
        let image = scale(image, form.size);
        match (form.deep, form.colour) {
            (false, false) => Samples::U8(image.into_luma8().into_raw()),
            (false, true) => Samples::U8(image.into_rgb8().into_raw()),
            (true, false) => Samples::U16(image.into_luma16().into_raw()),
            (true, true) => Samples::U16(image.into_rgb16().into_raw()),
        }
    }
}

/// Scales to height and width with a triangle filter, which averages when it shrinks.
pub(super) fn scale(image: DynamicImage, (height, width): (usize, usize)) -> DynamicImage {
    if (image.height() as usize, image.width() as usize) == (height, width) {
        return image;
    }
    image.resize_exact(width as u32, height as u32, FilterType::Triangle)
}

/// Whether all of an image is wholly transparent.
fn is_invisible(image: &DynamicImage) -> bool {
    image.color().has_alpha() && image.pixels().all(|(_, _, pixel)| pixel.0[3] == 0)
}

/// An image over a backdrop, without transparency.
fn lay_over(image: DynamicImage, backdrop: Backdrop) -> Picture {
    /// Lays pixels whose last value is their opacity (of `full`) over the backdrop; the others are kept in `kept`.
    fn lay<T: Copy + PartialEq + Into<u64> + TryFrom<u64>>(
        values: &[T],
        channels: usize,
        (full, backdrop): (T, T),
        kept: &mut Vec<T>,
    ) -> bool {
        let mut transparent = false;
        for pixel in values.chunks_exact(channels + 1) {
            let (colour, opacity) = (&pixel[..channels], pixel[channels]);
            if opacity == full {
                kept.extend_from_slice(colour);
                continue;
            }
            transparent = true;
            let (opacity, whole) = (opacity.into(), full.into());
            kept.extend(colour.iter().map(|&value| {
                let sum = value.into() * opacity + backdrop.into() * (whole - opacity);
                // A mean of two values is of their type.
                T::try_from((sum + whole / 2) / whole).unwrap_or(full)
            }));
        }
        transparent
    }
    macro_rules! over {
        ($image:ident, $channels:literal, $value:ty, $variant:ident) => {{
            let (width, height) = $image.dimensions();
            let behind = if backdrop == Backdrop::White { <$value>::MAX } else { 0 };
            let mut kept = Vec::with_capacity($image.as_raw().len() / ($channels + 1) * $channels);
            let transparent = lay($image.as_raw(), $channels, (<$value>::MAX, behind), &mut kept);
            let image = ImageBuffer::from_raw(width, height, kept).map(DynamicImage::$variant);
            Picture { image: image.expect("as many pixels as before"), transparent }
        }};
    }
    match image {
        DynamicImage::ImageLumaA8(image) => over!(image, 1, u8, ImageLuma8),
        DynamicImage::ImageRgba8(image) => over!(image, 3, u8, ImageRgb8),
        DynamicImage::ImageLumaA16(image) => over!(image, 1, u16, ImageLuma16),
        DynamicImage::ImageRgba16(image) => over!(image, 3, u16, ImageRgb16),
        image => Picture { image, transparent: false },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_colours_vanish_in_the_backdrop() {
        let pixels = vec![200_u8, 100, 50, 255, 200, 100, 50, 0, 200, 100, 50, 51];
        let image = || DynamicImage::from(image::RgbaImage::from_raw(3, 1, pixels.clone()).unwrap());
        let white = lay_over(image(), Backdrop::White);
        assert!(white.transparent && white.is_colourful());
        assert_eq!(white.image.as_bytes(), [200, 100, 50, 255, 255, 255, 244, 224, 214]);
        let black = lay_over(image(), Backdrop::Black);
        assert_eq!(black.image.as_bytes(), [200, 100, 50, 0, 0, 0, 40, 20, 10]);
    }

    #[test]
    fn opaque_pictures_lose_nothing_but_their_opacity() {
        let deep = ImageBuffer::from_raw(2, 1, vec![4_000_u16, u16::MAX, 7, u16::MAX]).unwrap();
        let picture = lay_over(DynamicImage::ImageLumaA16(deep), Backdrop::White);
        assert!(!picture.transparent && !picture.is_colourful());
        assert_eq!(picture.image.into_luma16().into_raw(), [4_000, 7]);
    }
}
