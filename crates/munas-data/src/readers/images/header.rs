//! What the header of a picture says, read without decoding the picture.

use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use image::ImageFormat;
use image::metadata::Orientation;

use super::raw_header::{MAX_FILE, RawHeader};
use super::{ImageOptions, cropped, jpeg};
use crate::byte_size::in_words;
use crate::readers::folder;

/// Bytes by which a format is told.
const MAGIC: usize = 16;

/// A picture as its header describes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    /// Height and width that it has when it was turned and cropped as the options ask.
    pub(super) size: (usize, usize),
    /// Whether it has colour, if only in its type.
    pub(super) colour: bool,
    /// Whether its values have 16 bits.
    pub(super) deep: bool,
    /// Bytes that decoding it takes at most.
    pub(super) cost: u64,
}

impl Header {
    /// Reads the header of a file.
    ///
    /// # Errors
    /// In words: the file is no picture, or one that is too large.
    pub(super) fn read(path: &Path, options: &ImageOptions) -> Result<Self, String> {
        let mut file = folder::open(path)?;
        let file_bytes = file.metadata().map_err(|error| error.to_string())?.len();
        if file_bytes > MAX_FILE {
            return Err(format!("a file of {} is no picture to learn from", in_words(file_bytes)));
        }
        let mut magic = Vec::with_capacity(MAGIC);
        (&mut file).take(MAGIC as u64).read_to_end(&mut magic).map_err(|error| error.to_string())?;
        file.seek(SeekFrom::Start(0)).map_err(|error| error.to_string())?;
        let format = format_of(&magic)?;
        let raw = match format {
            ImageFormat::Jpeg => jpeg::header(BufReader::new(file))?,
            _ => RawHeader::read(BufReader::new(file), format)?,
        };
        raw.check()?;
        let turned = options.orientation && swaps_sides(raw.orientation);
        let [width, height] = if turned { [raw.height, raw.width] } else { [raw.width, raw.height] };
        let [(_, width), (_, height)] = [width, height].map(|side| cropped(side, options.crop));
        // Turning, cropping and scaling copy it once; a progressive JPEG holds coefficients besides.
        let copies = if format == ImageFormat::Jpeg { 4 } else { 2 };
        Ok(Self {
            size: (height as usize, width as usize),
            colour: raw.colour,
            deep: raw.deep,
            cost: raw.decoded_bytes().saturating_mul(copies).saturating_add(file_bytes),
        })
    }
}

fn swaps_sides(orientation: Orientation) -> bool {
    matches!(
        orientation,
        Orientation::Rotate90
            | Orientation::Rotate270
            | Orientation::Rotate90FlipH
            | Orientation::Rotate270FlipH
    )
}

/// The format of a file that begins with these bytes, if it is one that is read.
pub(super) fn format_of(magic: &[u8]) -> Result<ImageFormat, String> {
    if magic.is_empty() {
        return Err("the file is empty".to_owned());
    }
    let convert = |name: &str| Err(format!("{name} is not read; convert it to PNG or JPEG"));
    match image::guess_format(magic) {
        Ok(format @ (ImageFormat::Png | ImageFormat::Jpeg | ImageFormat::Bmp)) => Ok(format),
        Ok(ImageFormat::WebP) => convert("WebP"),
        Ok(other) => convert(&format!("{other:?}").to_uppercase()),
        Err(_) if magic.get(4..8) == Some(b"ftyp") => convert("HEIC (or another relative of MP4)"),
        Err(_) => Err("no PNG, JPEG or BMP picture".to_owned()),
    }
}

/// The files that may be meant as pictures: by the ending of the name, or by the content.
pub(super) fn is_picture(path: &Path) -> bool {
    const ENDINGS: &[&str] = &[
        "png", "jpg", "jpeg", "jpe", "jfif", "bmp", "dib", "gif", "webp", "tif", "tiff", "heic", "heif",
        "avif", "jxl", "jp2", "ppm", "pgm", "pbm", "pnm", "tga", "ico", "dng", "raw", "svg",
    ];
    let Some(ending) = path.extension().map(|ending| ending.to_string_lossy().to_lowercase()) else {
        return true;
    };
    if ENDINGS.contains(&ending.as_str()) {
        return true;
    }
    let mut magic = Vec::with_capacity(MAGIC);
    let read = folder::open(path).map(|file| file.take(MAGIC as u64).read_to_end(&mut magic));
    matches!(read, Ok(Ok(_))) && format_of(&magic).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_that_are_not_read_are_named_with_what_to_do() {
        let told = |magic: &[u8]| format_of(magic).unwrap_err();
        assert_eq!(told(b""), "the file is empty");
        assert_eq!(told(b"<html>"), "no PNG, JPEG or BMP picture");
        assert_eq!(told(b"GIF89a.........."), "GIF is not read; convert it to PNG or JPEG");
        assert_eq!(told(b"RIFF\x10\0\0\0WEBPVP8 "), "WebP is not read; convert it to PNG or JPEG");
        assert!(told(b"\0\0\0\x18ftypheic\0\0\0\0").starts_with("HEIC"));
        assert_eq!(format_of(b"\xff\xd8\xff\xe0"), Ok(ImageFormat::Jpeg));
    }
}
