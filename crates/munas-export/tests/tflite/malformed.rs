//! Damaged files: reading and pricing return an error or figures, and never panic.
//!
//! `MUNAS_FUZZ_SECONDS` sets how long files are damaged at random; `MUNAS_FUZZ_SEED` where the generator starts.

use std::time::{Duration, Instant};

use munas_export::tflite::{Model, TfliteError};
use proptest::prelude::*;
use rand::{Rng, RngExt, SeedableRng, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;

use crate::{files::models, metadata::end_of_model, setting, written::written_file};

/// Files are damaged in their first bytes, where most tables are, and in their last, where writers of other
/// languages put them.
const DAMAGED_BYTES: usize = 4096;

/// Reads and prices a file, and looks at all that there is to see.
fn look_at(file: &[u8]) -> Result<u64, TfliteError> {
    let model = Model::read(file)?;
    for operator in &model.operators {
        for tensor in operator.inputs.iter().flatten().chain(&operator.outputs) {
            assert!(model.tensor(*tensor).data.len() <= file.len());
        }
    }
    if let Some(input) = model.interface().and_then(|interface| interface.input) {
        assert!(input.channels() > 0);
    }
    let cost = model.cost()?;
    assert!(cost.best_order.peak <= cost.file_order.peak);
    assert!(cost.peak_memory <= cost.peak_memory_with_input);
    if let Ok(streamed) = &cost.streamed {
        assert!(streamed.peak_memory <= streamed.peak_memory_with_input);
    }
    Ok(cost.file_order.peak)
}

/// Numbers at which arithmetic goes wrong.
const NUMBERS: [u32; 8] = [0, 1, 4, 0x7f, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];

/// One random change of a file.
fn damage(file: &mut Vec<u8>, rng: &mut impl Rng) {
    let place = |length: usize, rng: &mut _| {
        let within = RngExt::random_range(rng, 0..length.min(DAMAGED_BYTES));
        if RngExt::random(rng) { within } else { length - 1 - within }
    };
    if file.is_empty() {
        return;
    }
    let at = place(file.len(), rng);
    match rng.random_range(0..6) {
        0 => file[at] = rng.random(),
        1 => file[at] ^= 1 << rng.random_range(0..8),
        2 => {
            let number = NUMBERS.choose(rng).expect("there are some").to_le_bytes();
            let end = file.len().min(at / 4 * 4 + number.len());
            let length = end - at / 4 * 4;
            file[at / 4 * 4..end].copy_from_slice(&number[..length]);
        }
        3 => {
            // References and counts that are nearly right.
            let step: u8 = rng.random_range(1..9);
            file[at] = if rng.random() { file[at].wrapping_add(step) } else { file[at].wrapping_sub(step) };
        }
        4 => {
            let (from, length) = (place(file.len(), rng), rng.random_range(1..64));
            let copied: Vec<u8> = file[from..file.len().min(from + length)].to_vec();
            let end = file.len().min(at + copied.len());
            file[at..end].copy_from_slice(&copied[..end - at]);
        }
        _ => file.truncate(rng.random_range(0..=file.len())),
    }
}

proptest! {
    #[test]
    fn files_cut_short_are_refused(length in 0_usize..10_000) {
        let mut file = written_file();
        let whole = end_of_model(&file);
        file.truncate(length);
        prop_assert!(length >= whole || look_at(&file).is_err());
    }

    #[test]
    fn noise_is_refused(noise in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(look_at(&noise).is_err());
        let mut identified = noise;
        if let Some(identifier) = identified.get_mut(4..8) {
            identifier.copy_from_slice(b"TFL3");
        }
        // Noise can be a model without operators, which is refused too.
        prop_assert!(look_at(&identified).is_err());
    }
}

#[test]
#[expect(clippy::print_stderr, reason = "a long test says what it has done")]
fn damaged_files_do_no_harm() {
    let seconds = setting("MUNAS_FUZZ_SECONDS", 2) as u64;
    let mut rng = ChaCha8Rng::seed_from_u64(setting("MUNAS_FUZZ_SEED", 1) as u64);
    let mut files = vec![written_file()];
    files.extend(models().into_iter().map(|(_, file)| file));
    let start = Instant::now();
    let (mut tried, mut priced, mut slowest) = (0_u64, 0_u64, Duration::ZERO);
    while start.elapsed() < Duration::from_secs(seconds) {
        let mut file = files.choose(&mut rng).expect("there is one").clone();
        for _ in 0..rng.random_range(1..8) {
            damage(&mut file, &mut rng);
        }
        let before = Instant::now();
        priced += u64::from(look_at(&file).is_ok());
        slowest = slowest.max(before.elapsed());
        tried += 1;
    }
    assert!(tried > 0 && priced < tried, "of {tried} damaged files {priced} were priced");
    eprintln!("{tried} damaged files: {priced} priced, the others refused; {slowest:?} for the slowest");
}

/// A model whose tensors are `tensors` references to one tensor with `dimensions` dimensions.
fn one_tensor_many_times(tensors: u32, dimensions: u32) -> Vec<u8> {
    let first_tensor = 80 + 4 * tensors;
    let mut words: Vec<u32> = vec![36, u32::from_le_bytes(*b"TFL3")];
    // Vtables, two entries in a word: of the root (byte 8, fields 2 and 4), of a subgraph or tensor (24, field 0), of a
    // buffer (32, no field).
    words.extend([14 | 12 << 16, 0, 4, 8, 6 | 8 << 16, 4, 4 | 4 << 16]);
    // Root at byte 36, its buffers at 48, the subgraph at 68, its tensors at 76.
    words.extend([36 - 8, 60 - 40, 48 - 44, 1, 56 - 52, 56 - 32, 1, 68 - 64, 68 - 24, 76 - 72, tensors]);
    words.extend((0..tensors).map(|index| first_tensor - (80 + 4 * index)));
    words.extend([first_tensor - 24, 4, dimensions]);
    words.extend((0..dimensions).map(|_| 1));
    words.into_iter().flat_map(u32::to_le_bytes).collect()
}

/// Parts that are referred to again and again would become far larger in memory than the file is.
#[test]
fn files_that_repeat_themselves_are_refused() {
    let small = one_tensor_many_times(2, 4);
    assert_eq!(Model::read(&small).unwrap().tensors[1].shape, [1; 4]);
    assert_eq!(look_at(&small), Err(TfliteError::Empty("operator")));
    assert_eq!(look_at(&one_tensor_many_times(5000, 5000)), Err(TfliteError::SharedTooOften));
    let limit = TfliteError::TooMany { what: "tensors", found: 9000, limit: 8192 };
    assert_eq!(look_at(&one_tensor_many_times(9000, 1)), Err(limit));
}
