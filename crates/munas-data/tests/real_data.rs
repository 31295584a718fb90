//! The named datasets as published, where they are at hand: counts, shapes, known figures.
//!
//! They are looked for in `MUNAS_DATA` and, for what can be read in place, in `../shared/data` beside the workspace.

use std::path::PathBuf;

use munas_data::{AudioSettings, DataError, Dataset, ElementType, LoadOptions, NormaliseMode, load};

/// Loads a dataset without a validation draw; `None`, with a line that says so, where it is not at hand.
#[expect(clippy::print_stderr, reason = "a skipped test must say so")]
fn load_if_there(name: &str, seed: u64, validation: f64) -> Option<Dataset> {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let data_dir = std::env::var_os("MUNAS_DATA").map(PathBuf::from).or(Some(beside));
    let options = LoadOptions { data_dir, seed, validation, ..LoadOptions::default() };
    match load(name, &options) {
        Ok(dataset) => Some(dataset),
        Err(DataError::NotFound { .. }) => {
            eprintln!("skipped: {name} is not there");
            None
        }
        // The packed form has a folder of the same name, but other files in it.
        Err(DataError::Malformed { problem, .. })
            if name == "cifar10" && problem.contains("no such file") =>
        {
            eprintln!("skipped: {name} is not prepared");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

struct Expected {
    name: &'static str,
    input: [usize; 3],
    classes: usize,
    counts: [usize; 3],
    element: ElementType,
}

const fn expected(
    name: &'static str,
    input: [usize; 3],
    classes: usize,
    counts: [usize; 3],
    element: ElementType,
) -> Expected {
    Expected { name, input, classes, counts, element }
}

use ElementType::{F32, I8, U8};

/// Train, validation and test as published.
const PUBLISHED: &[Expected] = &[
    expected("mnist", [28, 28, 1], 10, [60_000, 0, 10_000], U8),
    expected("fashion-mnist", [28, 28, 1], 10, [60_000, 0, 10_000], U8),
    expected("cifar10", [32, 32, 3], 10, [50_000, 0, 10_000], U8),
    expected("uci-har", [128, 1, 9], 6, [7_352, 0, 2_947], F32),
    expected("optdigits", [8, 8, 1], 10, [3_823, 0, 1_797], U8),
    expected("fsdd-mfcc", [49, 10, 1], 10, [2_700, 0, 300], I8),
    expected("arabic-mfcc", [49, 10, 1], 40, [7_200, 2_400, 2_400], I8),
    expected("chars74k", [48, 48, 1], 62, [5_705, 0, 2_000], U8),
    expected("kws-eval", [49, 10, 1], 12, [0, 0, 1_000], I8),
    expected("ic-eval", [32, 32, 3], 10, [0, 0, 200], U8),
];

#[test]
fn counts_and_shapes_are_those_published() {
    for expected in PUBLISHED {
        let Some(dataset) = load_if_there(expected.name, 0, 0.0) else { continue };
        let counts = [dataset.train.len(), dataset.validation.len(), dataset.test.len()];
        assert_eq!(counts, expected.counts, "{}", expected.name);
        assert_eq!(dataset.input, expected.input, "{}", expected.name);
        assert_eq!(dataset.classes(), expected.classes, "{}", expected.name);
        assert_eq!(dataset.element_type(), expected.element, "{}", expected.name);
        let samples: usize = counts.iter().sum();
        let values: usize = expected.input.iter().product();
        assert_eq!(dataset.sample_bytes(), samples * values * expected.element.bytes(), "{}", expected.name);
        assert!(
            dataset.test.class_counts(expected.classes).iter().all(|&count| count > 0),
            "{}",
            expected.name
        );
    }
}

#[test]
fn mnist_has_its_class_counts_and_a_stratified_validation_part() {
    let Some(dataset) = load_if_there("mnist", 7, 0.1) else { return };
    assert_eq!(dataset.test.class_counts(10), [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]);
    assert_eq!((dataset.train.len(), dataset.validation.len()), (54_000, 6_000));
    assert_eq!(dataset.validation.class_counts(10), [592, 674, 596, 613, 584, 542, 592, 627, 585, 595]);
    let again = load_if_there("mnist", 7, 0.1).unwrap();
    assert_eq!(dataset.fingerprint, again.fingerprint);
    assert_ne!(dataset.fingerprint, load_if_there("mnist", 8, 0.1).unwrap().fingerprint);
}

#[test]
fn mnist_binary_is_balanced_as_its_digits_are() {
    let Some(dataset) = load_if_there("mnist-binary", 0, 0.0) else { return };
    assert_eq!(dataset.class_names, ["5-9", "0-4"]);
    assert_eq!(dataset.test.class_counts(2), [4_861, 5_139]);
}

#[test]
fn cifar10_has_its_published_mean_and_deviation() {
    let Some(dataset) = load_if_there("cifar10", 0, 0.0) else { return };
    let normalisation = dataset.normalisation(NormaliseMode::MeanStd);
    let published = [(0.491_40, 0.247_03), (0.482_16, 0.243_48), (0.446_53, 0.261_59)];
    for (channel, (mean, deviation)) in published.into_iter().enumerate() {
        let scale = f64::from(normalisation.scale[channel]);
        assert!((1.0 / scale / 255.0 - deviation).abs() < 1e-4);
        assert!((-f64::from(normalisation.offset[channel]) / scale / 255.0 - mean).abs() < 1e-4);
    }
}

#[test]
fn fsdd_recordings_become_the_published_features() {
    let Some(published) = load_if_there("fsdd-mfcc", 0, 0.0) else { return };
    let Some(folder) = std::env::var_os("MUNAS_DATA").map(|folder| PathBuf::from(folder).join("fsdd/train"))
    else {
        return;
    };
    if !folder.is_dir() {
        return;
    }
    // The quantisation of MLPerf Tiny's model: scale 0.58470291, zero point 83.
    let range = Some([-211.0, 44.0].map(|stored| stored * 0.584_702_91));
    let audio = AudioSettings { range, ..AudioSettings::default() };
    let options = LoadOptions { audio, validation: 0.0, ..LoadOptions::default() };
    let dataset = load(&format!("audio:{}", folder.display()), &options).unwrap();
    assert_eq!(dataset.train.len() + dataset.test.len(), published.train.len());
    // The order is another one: the nearest published sample of the class is taken for the same recording. Its values were cut off
    // where ours are rounded, so that they are up to one step lower.
    let largest_difference = |index: usize| {
        let label = dataset.train.label(index);
        let candidates = (0..published.train.len()).filter(|&other| published.train.label(other) == label);
        let difference = |other: usize| {
            (0..490)
                .map(|at| dataset.train.sample(index).get(at) - published.train.sample(other).get(at))
                .fold(0.0, |largest: f32, difference| largest.max(difference.abs()))
        };
        candidates.map(difference).fold(f32::INFINITY, f32::min)
    };
    let close = (0..100).filter(|&index| largest_difference(index * 20) <= 1.0).count();
    assert_eq!(close, 100);
}

#[test]
fn optdigits_reach_one_at_their_own_full_scale() {
    let Some(dataset) = load_if_there("optdigits", 0, 0.0) else { return };
    let scale = dataset.normalisation(NormaliseMode::Unit).scale[0];
    let largest = (0..dataset.train.len())
        .flat_map(|index| (0..64).map(move |pixel| (index, pixel)))
        .map(|(index, pixel)| dataset.train.sample(index).get(pixel) * scale)
        .fold(0.0, f32::max);
    assert!((largest - 1.0).abs() < 1e-6);
}
