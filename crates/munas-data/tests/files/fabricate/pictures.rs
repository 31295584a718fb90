//! Image files as cameras, sensors and drawing programs leave them.

use std::io::{Cursor, Write};

use flate2::write::ZlibEncoder;
use flate2::{Compression, Crc};
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::{DynamicImage, ImageEncoder, ImageFormat};

/// The file of an image.
pub fn file(format: ImageFormat, image: &DynamicImage) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    image.write_to(&mut file, format).unwrap();
    file.into_inner()
}

/// An image with EXIF data that hold an orientation, 1 to 8, and nothing else.
pub fn oriented(format: ImageFormat, image: &DynamicImage, orientation: u16) -> Vec<u8> {
    let mut exif = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
    exif.extend(u32::from(orientation).to_le_bytes());
    exif.extend([0; 4]);
    let mut file = Vec::new();
    match format {
        ImageFormat::Png => {
            let mut encoder = PngEncoder::new(&mut file);
            encoder.set_exif_metadata(exif).unwrap();
            image.write_with_encoder(encoder).unwrap();
        }
        _ => {
            let mut encoder = JpegEncoder::new_with_quality(&mut file, 100);
            encoder.set_exif_metadata(exif).unwrap();
            image.write_with_encoder(encoder).unwrap();
        }
    }
    file
}

/// A PNG file with two colours, the second of which is wholly transparent; `rows` hold their numbers.
pub fn two_colours(colours: [[u8; 3]; 2], rows: &[Vec<u8>]) -> Vec<u8> {
    let size = [rows[0].len() as u32, rows.len() as u32].map(u32::to_be_bytes).concat();
    let lines: Vec<u8> = rows.iter().flat_map(|row| [&[0], row.as_slice()].concat()).collect();
    let mut pixels = ZlibEncoder::new(Vec::new(), Compression::default());
    pixels.write_all(&lines).unwrap();
    png(&[
        (b"IHDR", [size, vec![8, 3, 0, 0, 0]].concat()),
        (b"PLTE", colours.concat()),
        (b"tRNS", vec![255, 0]),
        (b"IDAT", pixels.finish().unwrap()),
        (b"IEND", Vec::new()),
    ])
}

/// A small PNG file whose header promises as many grey pixels as asked for.
pub fn promising(width: u32, height: u32) -> Vec<u8> {
    let size = [width, height].map(u32::to_be_bytes).concat();
    let pixels = ZlibEncoder::new(Vec::new(), Compression::default()).finish().unwrap();
    png(&[(b"IHDR", [size, vec![8, 2, 0, 0, 0]].concat()), (b"IDAT", pixels), (b"IEND", Vec::new())])
}

fn png(chunks: &[(&[u8; 4], Vec<u8>)]) -> Vec<u8> {
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    for (name, content) in chunks {
        file.extend((content.len() as u32).to_be_bytes());
        let chunk = [&name[..], content].concat();
        let mut crc = Crc::new();
        crc.update(&chunk);
        file.extend(chunk);
        file.extend(crc.sum().to_be_bytes());
    }
    file
}
