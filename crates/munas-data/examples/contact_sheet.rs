//! Draws the first training samples of an image dataset into one PNG, a row per class.
//!
//! `cargo run --release -p munas-data --example contact_sheet -- glyphs sheet.png`

use std::process::ExitCode;

use image::{GrayImage, Luma};
use munas_data::{Dataset, LoadOptions, Split, load};

/// Samples per class.
const COLUMNS: usize = 24;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [source, file] = arguments.as_slice() else {
        return fail("usage: contact_sheet SOURCE FILE.png");
    };
    match load(source, &LoadOptions::default()) {
        Ok(dataset) => match sheet(&dataset).save(file) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&format!("{file}: {error}")),
        },
        Err(error) => fail(&error.to_string()),
    }
}

#[expect(clippy::print_stderr, reason = "an example is a program")]
fn fail(problem: &str) -> ExitCode {
    eprintln!("{problem}");
    ExitCode::FAILURE
}

/// The first channel of every sample, one pixel apart.
fn sheet(dataset: &Dataset) -> GrayImage {
    let [height, width, channels] = dataset.input;
    let rows = dataset.classes();
    let mut sheet = GrayImage::new((COLUMNS * (width + 1)) as u32, (rows * (height + 1)) as u32);
    let scale = 255.0 / dataset.full_scale;
    for class in 0..rows {
        for (column, index) in of_class(&dataset.train, class as u32).take(COLUMNS).enumerate() {
            let sample = dataset.train.sample(index);
            for y in 0..height {
                for x in 0..width {
                    let value = (sample.get((y * width + x) * channels) * scale) as u8;
                    let place = (column * (width + 1) + x, class * (height + 1) + y);
                    sheet.put_pixel(place.0 as u32, place.1 as u32, Luma([value]));
                }
            }
        }
    }
    sheet
}

fn of_class(split: &Split, class: u32) -> impl Iterator<Item = usize> {
    (0..split.len()).filter(move |&index| split.label(index) == class)
}
