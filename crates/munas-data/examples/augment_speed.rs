//! Time per sample of the augmentations of the presets, on one core.
//!
//! `cargo run --release -p munas-data --example augment_speed`

use std::time::{Duration, Instant};

use munas_data::{Augmentation, Augmenter, ElementType, ParseAugmentationError, SampleBuffer, SampleRef};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// Name, shape and augmentations, as in the presets.
const CASES: &[(&str, [usize; 3], &[&str])] = &[
    ("copy only", [28, 28, 1], &[]),
    ("flip", [28, 28, 1], &["flip"]),
    ("shift", [28, 28, 1], &["shift:2"]),
    ("rotate, always", [28, 28, 1], &["rotate:0.2"]),
    ("mnist", [28, 28, 1], &["rotate:0.2:0.3", "shift:2"]),
    ("fashion-mnist", [28, 28, 1], &["flip", "rotate:0.2:0.3", "shift:2"]),
    ("cifar10", [32, 32, 3], &["flip", "shift:4"]),
    ("chars74k", [48, 48, 3], &["shift:10%"]),
    ("cutout", [32, 32, 3], &["cutout:8"]),
    ("noise", [28, 28, 1], &["noise:0.05"]),
    ("time shift and noise", [128, 1, 9], &["timeshift:10%", "noise:0.05"]),
];
/// Samples per batch.
const BATCH: u32 = 500;
/// Each case is repeated for about this long.
const DURATION: Duration = Duration::from_millis(300);

#[expect(clippy::print_stdout, reason = "an example is a program")]
fn main() -> Result<(), ParseAugmentationError> {
    println!("{:<22} {:>10} {:>12}", "augmentation", "input", "ns/sample");
    for (name, input, specs) in CASES {
        let specs = specs.iter().map(|spec| spec.parse()).collect::<Result<Vec<Augmentation>, _>>()?;
        let [height, width, channels] = input;
        println!("{name:<22} {:>10} {:>12.0}", format!("{height}x{width}x{channels}"), time(&specs, *input));
    }
    Ok(())
}

/// Nanoseconds per sample, of the fastest batch: others may have shared the core.
fn time(specs: &[Augmentation], input: [usize; 3]) -> f64 {
    let sample: Vec<u8> =
        (0..input.iter().product::<usize>()).map(|index| (index * 31 % 256) as u8).collect();
    let augmenter = Augmenter::new(specs, input, 255.0);
    let mut buffer = SampleBuffer::new(ElementType::U8);
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let start = Instant::now();
    let mut fastest = Duration::MAX;
    while start.elapsed() < DURATION {
        let batch = Instant::now();
        for _ in 0..BATCH {
            augmenter.apply(SampleRef::U8(&sample), &mut rng, &mut buffer);
            std::hint::black_box(buffer.sample());
        }
        fastest = fastest.min(batch.elapsed());
    }
    fastest.as_nanos() as f64 / f64::from(BATCH)
}
