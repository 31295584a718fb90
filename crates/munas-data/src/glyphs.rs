//! `glyphs`: digits drawn from code, the dataset that munas carries with itself.
//!
//! Each sample is one digit as strokes (`strokes`), distorted, drawn (`raster`) with a random thickness and
//! softness over an uneven background with clutter, and covered with noise:
//!
//! | step | drawn from |
//! |---|---|
//! | distort | a random affine map, then a smooth displacement of every point |
//! | draw | distance to the nearest stroke → ink, through an edge as wide as the blur |
//! | clutter | up to two short fainter strokes anywhere |
//! | background | a level, and a slope in a random direction |
//! | noise | normal, per pixel |
//!
//! The figures below were chosen so that a small network errs in about one of ten and a good one in one of fifty.

mod raster;
mod strokes;

use rand::{Rng, RngExt};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_distr::{Distribution, StandardNormal};

use crate::raw_data::{PartSizes, RawData, TestPart};
use crate::samples::{ElementType, Samples};
use raster::Canvas;
use strokes::{DIGITS, Point, flatten};

/// Training samples, as many of each digit.
pub const TRAIN: usize = 8_000;
/// Test samples, as many of each digit.
pub const TEST: usize = 2_000;
/// Edge length when none is asked for, in pixels.
pub const DEFAULT_SIZE: usize = 16;
/// Smallest and largest edge length, in pixels.
pub const SIZES: std::ops::RangeInclusive<usize> = 8..=64;

/// The name of the dataset in a size, as it is given for a source.
pub(crate) fn name(size: usize) -> String {
    match size {
        DEFAULT_SIZE => "glyphs".to_owned(),
        size => format!("glyphs{size}"),
    }
}

/// The dataset is the same for every experiment, whatever its seed. (Sines come from the platform's library: another
/// platform may draw a few pixels differently, and the fingerprint then says so.)
const SEED: u64 = 0x676c_7970_6873;

/// Draws the dataset with `size` × `size` grey pixels.
///
/// # Panics
/// When the size is not within [`SIZES`].
pub fn generate(size: usize) -> RawData {
    assert!(SIZES.contains(&size), "glyphs of {size} pixels");
    let mut rng = ChaCha8Rng::seed_from_u64(SEED);
    let count = TRAIN + TEST;
    let mut pixels = Vec::with_capacity(count * size * size);
    let mut canvas = Canvas::new(size);
    let labels: Vec<u32> = (0..count as u32).map(|index| index % 10).collect();
    for &label in &labels {
        draw(label as usize, &mut canvas, &mut rng);
        finish(&canvas, &mut rng, &mut pixels);
    }
    RawData {
        name: if size == DEFAULT_SIZE { "glyphs".to_owned() } else { format!("glyphs{size}") },
        input: [size, size, 1],
        class_names: (0..10).map(|digit| digit.to_string()).collect(),
        samples: Samples::U8(pixels),
        labels,
        parts: PartSizes { train: TRAIN, validation: None, test: TestPart::Own(TEST) },
        full_scale: ElementType::U8.full_scale(),
        ..RawData::default()
    }
}

/// Uniform within ±`most`.
fn symmetric<R: Rng>(most: f32, rng: &mut R) -> f32 {
    rng.random_range(-most..most)
}

/// A map from outline coordinates to pixels: smooth displacement, then affine.
struct Distortion {
    /// Linear part, row by row, in pixels per outline unit.
    linear: [Point; 2],
    /// Where the origin lands, in pixels.
    origin: Point,
    /// Displacement per axis: amplitude, frequencies along x and y, phase.
    waves: [[f32; 4]; 2],
}

impl Distortion {
    fn random<R: Rng>(size: f32, rng: &mut R) -> Self {
        let (sine, cosine) = symmetric(0.28, rng).sin_cos();
        let shear = symmetric(0.25, rng);
        let height = size * rng.random_range(0.31..0.45);
        let width = height * rng.random_range(0.7..1.25);
        // Rotation × shear × scale.
        let linear = [
            [cosine * width, (cosine * shear - sine) * height],
            [sine * width, (sine * shear + cosine) * height],
        ];
        let centre = (size - 1.0) / 2.0;
        let freedom = 0.8 * (size / 2.0 - height);
        let origin = [centre + symmetric(freedom, rng), centre + symmetric(freedom, rng)];
        let mut wave =
            || [symmetric(0.13, rng), symmetric(2.5, rng), symmetric(2.5, rng), symmetric(3.2, rng)];
        Self { linear, origin, waves: [wave(), wave()] }
    }

    fn map(&self, [x, y]: Point) -> Point {
        let displace = |[amplitude, along_x, along_y, phase]: [f32; 4]| {
            amplitude * (along_x * x + along_y * y + phase).sin()
        };
        let (x, y) = (x + displace(self.waves[0]), y + displace(self.waves[1]));
        let [[xx, xy], [yx, yy]] = self.linear;
        [self.origin[0] + xx * x + xy * y, self.origin[1] + yx * x + yy * y]
    }
}

/// Draws a digit and some clutter into the cleared canvas.
fn draw<R: Rng>(digit: usize, canvas: &mut Canvas, rng: &mut R) {
    canvas.clear();
    let size = canvas.size() as f32;
    let distortion = Distortion::random(size, rng);
    let radius = size * rng.random_range(0.025..0.075);
    let softness = size * rng.random_range(0.03..0.09);
    let ways = DIGITS[digit];
    let strokes = ways[rng.random_range(0..ways.len())];
    canvas.pen(radius, softness, 1.0);
    flatten(strokes, |from, to| canvas.line(distortion.map(from), distortion.map(to)));
    for _ in 0..rng.random_range(0..3) {
        let start = [rng.random_range(0.0..size), rng.random_range(0.0..size)];
        let reach = size * 0.3;
        let end = [start[0] + symmetric(reach, rng), start[1] + symmetric(reach, rng)];
        canvas.pen(radius, softness, rng.random_range(0.2..0.7));
        canvas.line(start, end);
    }
}

/// Puts background, contrast and noise under and over the ink and appends the pixels.
fn finish<R: Rng>(canvas: &Canvas, rng: &mut R, pixels: &mut Vec<u8>) {
    let size = canvas.size();
    let background = rng.random_range(0.0..100.0_f32);
    let contrast = rng.random_range(50.0..150.0_f32);
    let (slope_x, slope_y) = (symmetric(50.0, rng), symmetric(50.0, rng));
    let noise = rng.random_range(4.0..28.0_f32);
    let middle = size as f32 / 2.0;
    for (y, row) in canvas.rows().enumerate() {
        for (x, ink) in row.iter().enumerate() {
            let slope = slope_x * (x as f32 - middle) + slope_y * (y as f32 - middle);
            let random: f32 = StandardNormal.sample(rng);
            let value = background + slope / size as f32 + contrast * ink + noise * random;
            // `as` saturates; the half rounds to nearest.
            pixels.push((value + 0.5) as u8);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_size_has_the_promised_counts_and_is_reproducible() {
        for size in [8, 16, 28] {
            let glyphs = generate(size);
            assert_eq!(glyphs.labels.len(), 10_000);
            assert_eq!(glyphs.samples.len(), 10_000 * size * size);
            assert_eq!(glyphs.samples, generate(size).samples);
            for part in [&glyphs.labels[..TRAIN], &glyphs.labels[TRAIN..]] {
                for digit in 0..10 {
                    assert_eq!(part.iter().filter(|&&label| label == digit).count(), part.len() / 10);
                }
            }
        }
    }

    #[test]
    fn no_two_samples_are_alike_and_none_is_blank() {
        let glyphs = generate(DEFAULT_SIZE);
        let Samples::U8(pixels) = &glyphs.samples else { panic!("glyphs are bytes") };
        let mut samples: Vec<&[u8]> = pixels.chunks(DEFAULT_SIZE * DEFAULT_SIZE).collect();
        for sample in &samples {
            let (darkest, brightest) = (sample.iter().min().unwrap(), sample.iter().max().unwrap());
            assert!(brightest - darkest > 40);
        }
        samples.sort_unstable();
        samples.dedup();
        assert_eq!(samples.len(), TRAIN + TEST);
    }
}
