//! Tables and arrays of random form and content, damaged at random: whatever becomes of them, no reader panics or hangs, and a
//! dataset that comes out is consistent.
//!
//! `MUNAS_FUZZ_SECONDS` sets for how long; `MUNAS_FUZZ_SEED` where the generator starts.

use std::fmt::Write;
use std::fs;
use std::time::{Duration, Instant};

use munas_data::{CsvSettings, Delimiter, HeaderRow, IndexColumn, Layout, LoadOptions, load};
use rand::RngExt;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::fabricate;

fn setting(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// A field as tables have them, and as they should not.
fn field(rng: &mut ChaCha8Rng) -> String {
    const ODD: &[&str] = &[
        "", "nan", "-inf", "1e99", "\"a,b\"", "\"", "#", "walk", "Walk", "label", "y", "0,5", "é", "1_000",
        "\u{feff}", "\0",
    ];
    match rng.random_range(0..12) {
        0 => (*ODD.choose(rng).unwrap()).to_owned(),
        1..5 => rng.random_range(-5..200).to_string(),
        _ => format!("{:.2}", rng.random_range(-9.0..9.0)),
    }
}

fn table(rng: &mut ChaCha8Rng) -> Vec<u8> {
    let delimiter = *[",", ";", "\t", "|", " ", ", ", ":"].choose(rng).unwrap();
    let end = *["\n", "\r\n", "\r", "\n\n"].choose(rng).unwrap();
    let columns = rng.random_range(1..7);
    let mut text = String::new();
    if rng.random_bool(0.2) {
        text.push_str("# a comment\n");
    }
    if rng.random_bool(0.7) {
        let names = ["ax", "", "0", "1", "label", "Class", "y", "index", "Unnamed: 0", "m/s²"];
        let header: Vec<&str> = (0..columns).map(|_| *names.choose(rng).unwrap()).collect();
        write!(text, "{}{end}", header.join(delimiter)).unwrap();
    }
    let comma = rng.random_bool(0.2);
    let regular = rng.random_bool(0.7);
    for row in 0..rng.random_range(0..40) {
        let fields: Vec<String> = (0..columns)
            .map(|column| match column {
                0 if regular => row.to_string(),
                _ if regular && column + 1 == columns => ["walk", "run"][row % 2].to_owned(),
                _ if regular => format!("{row}.{column}"),
                _ => field(rng),
            })
            .collect();
        let line = fields.join(delimiter);
        write!(text, "{}{end}", if comma { line.replace('.', ",") } else { line }).unwrap();
    }
    match rng.random_range(0..6) {
        0 => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        1 => text.chars().map(|character| u8::try_from(character).unwrap_or(b'?')).collect(),
        2 => fabricate::gzip(text.as_bytes()),
        _ => text.into_bytes(),
    }
}

/// An array whose header says mostly what its values are.
fn array(rng: &mut ChaCha8Rng, shape: &[usize]) -> Vec<u8> {
    let types = [
        ("|u1", 1),
        ("|b1", 1),
        ("<i2", 2),
        (">u2", 2),
        ("<f2", 2),
        ("<i4", 4),
        (">f4", 4),
        ("<i8", 8),
        ("<f8", 8),
        ("<U3", 12),
        ("|S3", 3),
    ];
    let (descr, size) = *types.choose(rng).unwrap();
    let values: usize = shape.iter().product();
    let small = rng.random_bool(0.5);
    let bytes: Vec<u8> =
        (0..values * size).map(|at| if small { u8::from(at % size == 0) } else { rng.random() }).collect();
    let extents = shape.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    fabricate::npy_in_order(descr, rng.random_bool(0.3), &format!("({extents},)"), &bytes)
}

fn archive(rng: &mut ChaCha8Rng) -> Vec<u8> {
    let count = rng.random_range(0..20);
    let mut shape = vec![count];
    shape.extend((0..rng.random_range(0..4)).map(|_| rng.random_range(0..18)));
    let labels = if rng.random_bool(0.3) { vec![count, rng.random_range(0..4)] } else { vec![count] };
    let pairs = [["x_train", "y_train"], ["features", "labels"], ["arr_0", "arr_1"], ["a", "b"]];
    let [x, y] = *pairs.choose(rng).unwrap();
    let mut arrays = vec![(x, array(rng, &shape)), (y, array(rng, &labels))];
    if rng.random_bool(0.3) {
        arrays.extend([("x_test", array(rng, &shape)), ("y_test", array(rng, &labels))]);
    }
    for (_, content) in &mut arrays {
        if rng.random_bool(0.2) {
            damage(content, rng);
        }
    }
    fabricate::npz(&arrays)
}

fn damage(file: &mut Vec<u8>, rng: &mut ChaCha8Rng) {
    if file.is_empty() {
        return;
    }
    let at = rng.random_range(0..file.len());
    match rng.random_range(0..5) {
        0 => file[at] = rng.random(),
        1 => file[at..].iter_mut().take(4).for_each(|byte| *byte = 0xff),
        2 => file.truncate(at),
        3 => file.insert(at, *b"\",;\n#\0\xff".choose(rng).unwrap()),
        _ => {
            let copied: Vec<u8> = file[at..].iter().copied().take(50).collect();
            file.extend(copied);
        }
    }
}

fn options(rng: &mut ChaCha8Rng) -> LoadOptions {
    let layouts = [Layout::Auto, Layout::Nhwc, Layout::Nchw, Layout::TimeChannels, Layout::ChannelsTime];
    let delimiters = [None, None, Some(Delimiter::Blanks), Some(Delimiter::Character(b';'))];
    LoadOptions {
        skip_bad: rng.random_bool(0.5),
        every_class: rng.random_bool(0.5),
        compact_labels: rng.random_bool(0.8),
        layout: *layouts.choose(rng).unwrap(),
        arrays: rng.random_bool(0.2).then(|| vec!["a".to_owned(), "b".to_owned()]),
        csv: CsvSettings {
            delimiter: *delimiters.choose(rng).unwrap(),
            header: *[HeaderRow::Auto, HeaderRow::Auto, HeaderRow::Yes, HeaderRow::No].choose(rng).unwrap(),
            index: if rng.random_bool(0.5) { IndexColumn::LeaveOut } else { IndexColumn::Keep },
            ignore: if rng.random_bool(0.1) { vec!["2".to_owned()] } else { Vec::new() },
        },
        memory: rng.random_bool(0.1).then_some(1_000),
        ..LoadOptions::default()
    }
}

/// Loads, and checks what comes out; whether anything did.
fn read(source: &str, options: &LoadOptions) -> bool {
    let Ok(dataset) = load(source, options) else { return false };
    let len: usize = dataset.input.iter().product();
    let mut samples = 0;
    for split in [&dataset.train, &dataset.validation, &dataset.test] {
        for index in 0..split.len() {
            let sample = split.sample(index);
            assert_eq!(sample.len(), len);
            assert!((0..len).all(|at| sample.get(at).is_finite()));
            assert!((split.label(index) as usize) < dataset.classes());
            samples += 1;
        }
    }
    assert!(samples > 0 && dataset.full_scale > 0.0);
    true
}

#[test]
#[expect(clippy::print_stderr, reason = "a long test says what it has done")]
fn tables_and_arrays_of_any_form_do_no_harm() {
    let seconds = setting("MUNAS_FUZZ_SECONDS", 2);
    let mut rng = ChaCha8Rng::seed_from_u64(setting("MUNAS_FUZZ_SEED", 1));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    let start = Instant::now();
    let (mut tried, mut loaded, mut slowest) = (0_u64, 0_u64, Duration::ZERO);
    while start.elapsed() < Duration::from_secs(seconds) {
        let is_table = rng.random_bool(0.5);
        let mut file = if is_table { table(&mut rng) } else { archive(&mut rng) };
        for _ in 0..rng.random_range(0..3) {
            damage(&mut file, &mut rng);
        }
        fs::write(&path, file).unwrap();
        let kind = if is_table { "csv" } else { "npz" };
        let before = Instant::now();
        loaded += u64::from(read(&format!("{kind}:{}", path.display()), &options(&mut rng)));
        slowest = slowest.max(before.elapsed());
        tried += 1;
    }
    assert!(loaded > 0 && loaded < tried, "of {tried} files {loaded} were loaded");
    eprintln!(
        "{tried} tables and archives: {loaded} loaded, the others refused; {slowest:?} for the slowest"
    );
}
