//! What the headers of all formats have in common, and how large a picture may be.

use std::fs::File;
use std::io::BufReader;

use image::metadata::Orientation;
use image::{ImageDecoder, ImageFormat, ImageReader, Limits};

use crate::byte_size::in_words;

/// Largest picture accepted: pixels per side, bytes when it is decoded, bytes of its file.
pub(super) const MAX_SIDE: u32 = 16_384;
pub(super) const MAX_DECODED: u64 = 384 << 20;
pub(super) const MAX_FILE: u64 = 512 << 20;
/// What formats have in common in their headers.
#[derive(Debug, Clone, Copy)]
pub(super) struct RawHeader {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) bytes_per_pixel: u8,
    pub(super) colour: bool,
    pub(super) deep: bool,
    pub(super) orientation: Orientation,
}

impl RawHeader {
    pub(super) fn read(file: BufReader<File>, format: ImageFormat) -> Result<Self, String> {
        let mut reader = ImageReader::with_format(file, format);
        reader.limits(Limits::no_limits());
        let mut decoder = reader.into_decoder().map_err(|error| in_plain_words(&error))?;
        let (width, height) = decoder.dimensions();
        let colour_type = decoder.color_type();
        Ok(Self {
            width,
            height,
            bytes_per_pixel: colour_type.bytes_per_pixel(),
            colour: colour_type.has_color(),
            deep: colour_type.bytes_per_pixel() / colour_type.channel_count() > 1,
            orientation: decoder.orientation().unwrap_or(Orientation::NoTransforms),
        })
    }

    pub(super) fn decoded_bytes(&self) -> u64 {
        u64::from(self.width) * u64::from(self.height) * u64::from(self.bytes_per_pixel)
    }

    pub(super) fn check(&self) -> Result<(), String> {
        let Self { width, height, .. } = *self;
        if width == 0 || height == 0 {
            return Err(format!("a picture of {height}x{width} pixels is empty"));
        }
        if width.max(height) > MAX_SIDE || self.decoded_bytes() > MAX_DECODED {
            return Err(format!(
                "{height}x{width} pixels take {} to decode, more than the {} (or {MAX_SIDE} pixels a side) that one picture \
                 may; make it smaller first",
                in_words(self.decoded_bytes()),
                in_words(MAX_DECODED)
            ));
        }
        Ok(())
    }
}

/// An error of the decoder in one line.
pub(super) fn in_plain_words(error: &image::ImageError) -> String {
    let text = match error {
        image::ImageError::IoError(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            return "truncated".to_owned();
        }
        image::ImageError::Decoding(error) => {
            std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string)
        }
        other => other.to_string(),
    };
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
