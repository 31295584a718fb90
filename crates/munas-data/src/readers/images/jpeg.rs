//! What the decoder of JPEG files does not say by itself: the header alone, and whether the file is complete.
//!
//! The decoder fills what is missing of a picture with grey. Complete is a file that has the marker of its end where the other
//! markers lead to; behind it anything may follow.

use std::io::{BufRead, Seek};

use image::metadata::Orientation;
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::raw_header::RawHeader;

/// Reads the header of a file.
pub(super) fn header(file: impl BufRead + Seek) -> Result<RawHeader, String> {
    let options =
        DecoderOptions::default().set_strict_mode(false).set_max_width(usize::MAX).set_max_height(usize::MAX);
    let mut decoder = JpegDecoder::new_with_options(file, options);
    decoder.decode_headers().map_err(|error| format!("a damaged JPEG: {error:?}"))?;
    let colour = decoder.input_colorspace() != Some(ColorSpace::Luma);
    let (width, height) = decoder.info().map_or((0, 0), |info| (info.width, info.height));
    Ok(RawHeader {
        width: width.into(),
        height: height.into(),
        bytes_per_pixel: if colour { 3 } else { 1 },
        colour,
        deep: false,
        orientation: decoder
            .exif()
            .and_then(|chunk| Orientation::from_exif_chunk(chunk))
            .unwrap_or(Orientation::NoTransforms),
    })
}

/// Fails if a part of the picture is missing.
pub(super) fn check_complete(file: &[u8]) -> Result<(), String> {
    if has_end(file) { Ok(()) } else { Err("truncated: the end of the picture is missing".to_owned()) }
}

/// Whether the marker of the end is where segments and scans lead to. Thumbnails, which have one of their own, are inside of
/// segments and passed over.
fn has_end(file: &[u8]) -> bool {
    const END_OF_IMAGE: u8 = 0xd9;
    let mut rest = file;
    loop {
        // Between segments, and in a scan, everything up to the next marker is passed over: data, stuffed zeros, restarts.
        let Some(at) = rest.windows(2).position(|pair| pair[0] == 0xff && !matches!(pair[1], 0x00 | 0xff))
        else {
            return false;
        };
        let marker = rest[at + 1];
        rest = &rest[at + 2..];
        match marker {
            END_OF_IMAGE => return true,
            // Markers without a segment: restarts, start of image, and one of no meaning.
            0xd0..=0xd8 | 0x01 => {}
            _ => {
                let Some(length) = rest.first_chunk().map(|length| usize::from(u16::from_be_bytes(*length)))
                else {
                    return false;
                };
                // The data of a scan follow its header and are passed over as above.
                let Some(after) = rest.get(length.max(2)..) else { return false };
                rest = after;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use image::{DynamicImage, ImageFormat};
    use proptest::prelude::*;

    use super::*;

    /// A picture with something in every block.
    fn picture() -> Vec<u8> {
        let pixels = image::RgbImage::from_fn(40, 40, |x, y| {
            image::Rgb([(x * 37 + y * 11) as u8, (x * y) as u8, ((x ^ y) * 5) as u8])
        });
        let mut file = Cursor::new(Vec::new());
        DynamicImage::from(pixels).write_to(&mut file, ImageFormat::Jpeg).unwrap();
        file.into_inner()
    }

    #[test]
    fn what_is_cut_off_is_missed_and_what_follows_is_not() {
        let picture = picture();
        assert_eq!(check_complete(&picture), Ok(()));
        for length in 0..picture.len() {
            assert!(check_complete(&picture[..length]).is_err(), "{length} of {}", picture.len());
        }
        for trailing in [&[0; 100][..], &picture, b"\xff\xd8\xff"] {
            assert_eq!(check_complete(&[&picture, trailing].concat()), Ok(()));
        }
    }

    #[test]
    fn the_end_of_a_thumbnail_is_none() {
        let picture = picture();
        // A segment that holds a whole picture.
        let mut segment = vec![0xff, 0xd8, 0xff, 0xe1];
        segment.extend(((picture.len() + 2) as u16).to_be_bytes());
        segment.extend(&picture);
        segment.extend(&picture[2..picture.len() / 2]);
        assert!(check_complete(&segment).is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(file in prop::collection::vec(prop_oneof![Just(0xff_u8), any::<u8>()], 0..200)) {
            let _ = has_end(&file);
            let _ = header(Cursor::new([&[0xff, 0xd8][..], &file].concat()));
        }
    }
}
