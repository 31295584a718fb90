//! Arrays in the forms in which people save them: types, orders, axes, names, labels, and values that are none.

use std::fs;
use std::path::PathBuf;

use munas_data::{DataError, Dataset, ElementType, Layout, LoadOptions, SampleRef, Split, load};
use tempfile::TempDir;

use crate::fabricate;

/// A folder with an archive, or with idx files.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, content).unwrap();
        path
    }
}

fn read_with(arrays: &[(&str, Vec<u8>)], options: &LoadOptions) -> Result<Dataset, DataError> {
    let folder = Folder::new();
    let path = folder.write("data.npz", fabricate::npz(arrays));
    load(&format!("npz:{}", path.display()), options)
}

fn read(arrays: &[(&str, Vec<u8>)]) -> Dataset {
    read_with(arrays, &LoadOptions::default()).unwrap()
}

/// The message with its hint has all parts.
#[track_caller]
fn refused(result: Result<Dataset, DataError>, parts: &[&str]) {
    let error = result.unwrap_err();
    let text = format!("{error}\nhint: {}", error.hint().unwrap_or_default());
    for part in parts {
        assert!(text.contains(part), "`{text}` does not say `{part}`");
    }
}

/// Bytes of numbers, little end first.
fn floats(values: impl IntoIterator<Item = f32>) -> Vec<u8> {
    values.into_iter().flat_map(f32::to_le_bytes).collect()
}

fn longs(values: impl IntoIterator<Item = i64>) -> Vec<u8> {
    values.into_iter().flat_map(i64::to_le_bytes).collect()
}

/// Samples of two bytes and their labels, 0 to 2 in turn.
const COUNT: usize = 30;

fn x() -> (&'static str, Vec<u8>) {
    ("x_train", fabricate::npy("|u1", "(30, 2)", &(0..60).collect::<Vec<u8>>()))
}

fn y() -> (&'static str, Vec<u8>) {
    ("y_train", fabricate::npy("<i8", "(30,)", &longs((0..COUNT as i64).map(|row| row % 3))))
}

/// All samples by their first value, with their classes' names.
fn all(dataset: &Dataset) -> Vec<(Vec<i64>, String)> {
    let values = |sample: SampleRef<'_>| (0..sample.len()).map(|at| sample.get(at) as i64).collect();
    let of = |split: &Split| -> Vec<(Vec<i64>, String)> {
        (0..split.len())
            .map(|index| {
                (values(split.sample(index)), dataset.class_names[split.label(index) as usize].clone())
            })
            .collect()
    };
    let mut all = [of(&dataset.train), of(&dataset.validation), of(&dataset.test)].concat();
    all.sort();
    all
}

fn warnings(dataset: &Dataset) -> String {
    let texts = dataset
        .warnings
        .iter()
        .map(|warning| format!("{warning} | {}", warning.hint.as_deref().unwrap_or_default()));
    texts.collect::<Vec<_>>().join("\n")
}

fn fact<'a>(dataset: &'a Dataset, about: &str) -> &'a str {
    dataset.facts.iter().find(|fact| fact.about == about).map_or("", |fact| fact.found.as_str())
}

#[test]
fn samples_of_all_types_are_the_same() {
    let expected = all(&read(&[x(), y()]));
    assert_eq!(expected.len(), COUNT);
    assert_eq!(expected[4], (vec![8, 9], "1".to_owned()));
    let whole = |bytes: usize, big: bool| -> Vec<u8> {
        (0..60_u64)
            .flat_map(|value| {
                let all = if big { value.to_be_bytes() } else { value.to_le_bytes() };
                if big { all[8 - bytes..].to_vec() } else { all[..bytes].to_vec() }
            })
            .collect()
    };
    let halves = |value: u16| match value {
        0 => 0_u16,
        value => {
            let exponent = value.ilog2() as u16;
            (exponent + 15) << 10 | (value << (10 - exponent) & 0x3ff)
        }
    };
    let arrays = [
        ("|i1", whole(1, false), ElementType::I8),
        ("<u2", whole(2, false), ElementType::U16),
        (">u2", whole(2, true), ElementType::U16),
        ("<i2", whole(2, false), ElementType::I16),
        ("<u4", whole(4, false), ElementType::U8),
        (">i4", whole(4, true), ElementType::U8),
        ("<i8", whole(8, false), ElementType::U8),
        (">u8", whole(8, true), ElementType::U8),
        ("<f2", (0..60).flat_map(|value| halves(value).to_le_bytes()).collect(), ElementType::F32),
        ("<f4", floats((0..60_u8).map(f32::from)), ElementType::F32),
        (">f8", (0..60_u8).flat_map(|value| f64::from(value).to_be_bytes()).collect(), ElementType::F32),
    ];
    for (descr, bytes, element) in arrays {
        let dataset = read(&[("x_train", fabricate::npy(descr, "(30, 2)", &bytes)), y()]);
        assert_eq!((all(&dataset), dataset.element_type()), (expected.clone(), element), "{descr}");
        assert!(dataset.warnings.is_empty(), "{descr}: {}", warnings(&dataset));
    }
}

#[test]
fn the_full_scale_fits_what_is_there() {
    let scale = |descr: &str, values: &[u8]| {
        read(&[("x_train", fabricate::npy(descr, "(30, 1)", values)), y()]).full_scale
    };
    let of_12_bits: Vec<u8> = (0..30_u16).flat_map(|value| (value * 140).to_le_bytes()).collect();
    assert_eq!(scale("<u2", &of_12_bits), 4_095.0);
    let of_truth: Vec<u8> = (0..30).map(|row| row % 2).collect();
    assert_eq!(scale("|b1", &of_truth), 1.0);
    assert_eq!(scale("|u1", &of_truth), 255.0);
}

#[test]
fn whole_numbers_that_lose_digits_are_warned_about() {
    let large = longs((0..30).map(|row| 16_777_217 + row));
    let dataset = read(&[("x_train", fabricate::npy("<i8", "(30, 1)", &large)), y()]);
    assert!(warnings(&dataset).contains("lose their last digits"), "{}", warnings(&dataset));
}

#[test]
fn column_major_arrays_are_turned() {
    // 30 samples of 2 x 3 pixels: the value says sample and pixel.
    let value = |sample: usize, pixel: usize| (sample * 6 + pixel) as u8;
    let rows: Vec<u8> = (0..180).collect();
    let columns: Vec<u8> =
        (0..6).flat_map(|at| (0..30).map(move |sample| value(sample, at % 2 * 3 + at / 2))).collect();
    let of = |fortran: bool, bytes: &[u8]| {
        let array = fabricate::npy_in_order("|u1", fortran, "(30, 2, 3)", bytes);
        all(&read(&[("x_train", array), y()]))
    };
    assert_eq!(of(true, &columns), of(false, &rows));
}

#[test]
fn labels_of_all_forms_are_the_same() {
    let expected = all(&read(&[x(), y()]));
    let label = |row: usize| row % 3;
    let one_hot: Vec<u8> = (0..90).map(|at| u8::from(label(at / 3) == at % 3)).collect();
    let hot_columns: Vec<u8> = (0..90).map(|at| u8::from(label(at % 30) == at / 30)).collect();
    let labels = [
        fabricate::npy("|u1", "(30, 3)", &one_hot),
        fabricate::npy("|b1", "(30, 3)", &one_hot),
        fabricate::npy("<f4", "(30, 3)", &floats(one_hot.iter().map(|&bit| f32::from(bit)))),
        fabricate::npy_in_order("|u1", true, "(30, 3)", &hot_columns),
        fabricate::npy("<f4", "(30,)", &floats((0..30).map(|row| label(row) as f32))),
        fabricate::npy("<i8", "(30, 1)", &longs((0..30).map(|row| label(row) as i64))),
        fabricate::npy(
            "|S2",
            "(30,)",
            &(0..30).flat_map(|row| [b'0' + label(row) as u8, 0]).collect::<Vec<_>>(),
        ),
    ];
    for labels in labels {
        assert_eq!(all(&read(&[x(), ("y_train", labels)])), expected);
    }
}

#[test]
fn labels_may_be_any_numbers_and_names() {
    let names = |labels: Vec<u8>| read(&[x(), ("y_train", labels)]).class_names.join(" ");
    let numbers = |of: fn(i64) -> i64| fabricate::npy("<i8", "(30,)", &longs((0..30).map(|row| of(row % 3))));
    assert_eq!(names(numbers(|label| label + 1)), "1 2 3");
    assert_eq!(names(numbers(|label| label * 1000)), "0 1000 2000");
    assert_eq!(names(numbers(|label| label % 2 * 2 - 1)), "-1 1");
    assert_eq!(
        names(numbers(|label| label - (1 << 60))),
        "-1152921504606846976 -1152921504606846975 -1152921504606846974"
    );
    let texts: Vec<u8> = (0..30)
        .flat_map(|row| {
            let characters: Vec<char> = ["geh", "läuft", "sitz"][row % 3].chars().collect();
            (0..5)
                .flat_map(move |at| characters.get(at).map_or(0, |&character| character as u32).to_be_bytes())
        })
        .collect();
    assert_eq!(names(fabricate::npy(">U5", "(30,)", &texts)), "geh läuft sitz");

    let gaps = LoadOptions { compact_labels: false, ..LoadOptions::default() };
    let dataset = read_with(&[x(), ("y_train", numbers(|label| label + 1))], &gaps).unwrap();
    assert_eq!(dataset.class_names.join(" "), "0 1 2 3");
}

#[test]
fn labels_that_are_none_are_named() {
    let check = |labels: Vec<u8>, parts: &[&str]| {
        refused(read_with(&[x(), ("y_train", labels)], &LoadOptions::default()), parts);
    };
    let measured = floats((0..30).map(|row| 0.5 + row as f32));
    check(
        fabricate::npy("<f4", "(30,)", &measured),
        &["y_train[0] is 0.5", "put a quantity into a few ranges"],
    );
    let missing = floats((0..30).map(|row| if row == 7 { f32::NAN } else { 1.0 }));
    check(
        fabricate::npy("<f4", "(30,)", &missing),
        &["1 of 30 refused: y_train[7] is no label", "--skip-bad"],
    );
    let two_hot: Vec<u8> = (0..60).map(|at| u8::from(at == 9 || at % 2 == 0)).collect();
    check(
        fabricate::npy("|u1", "(30, 2)", &two_hot),
        &["y_train[4] is not one-hot", "but 1 1", "numpy.argmax"],
    );
    check(fabricate::npy("|O", "(30,)", &[0; 30]), &["objects of Python are not read", ".astype(str)"]);
    check(fabricate::npy("|u1", "(30, 1, 1)", &[0; 30]), &["shape 30x1x1: labels need one axis"]);
    check(fabricate::npy("|u1", "(29,)", &[0; 29]), &["30 samples in x_train, 29 labels in y_train"]);
}

#[test]
fn values_that_are_not_finite_are_named_and_can_be_left_out() {
    let mut values: Vec<f32> = (0..180_u8).map(f32::from).collect();
    (values[5 * 6 + 4], values[5 * 6 + 5], values[20 * 6]) = (f32::NAN, f32::NAN, f32::NEG_INFINITY);
    let arrays = [("x_train", fabricate::npy("<f4", "(30, 2, 3)", &floats(values.clone()))), y()];
    refused(
        read_with(&arrays, &LoadOptions::default()),
        &["2 of 30 refused: x_train[5, 1, 1] is NaN; x_train[20, 0, 0] is infinite", "--skip-bad"],
    );
    let skip = LoadOptions { skip_bad: true, ..LoadOptions::default() };
    let dataset = read_with(&arrays, &skip).unwrap();
    let expected: Vec<_> = (0..30_i64)
        .filter(|sample| ![5, 20].contains(sample))
        .map(|sample| ((sample * 6..sample * 6 + 6).collect::<Vec<_>>(), (sample % 3).to_string()))
        .collect();
    let mut found = all(&dataset);
    found.sort_by_key(|(values, _)| values[0]);
    assert_eq!((found, dataset.refused), (expected, 2));

    // Parts of the archive's own shrink where they lose samples.
    let part = |name, bad: bool| {
        let values = floats((0..4).map(|at| if bad && at == 2 { f32::INFINITY } else { at as f32 }));
        (name, fabricate::npy("<f4", "(4, 1)", &values))
    };
    let labels = |name| (name, fabricate::npy("|u1", "(4,)", &[0, 1, 0, 1]));
    let dataset = read_with(
        &[
            part("x_train", false),
            labels("y_train"),
            part("x_val", true),
            labels("y_val"),
            part("x_test", false),
            labels("y_test"),
        ],
        &skip,
    )
    .unwrap();
    assert_eq!((dataset.train.len(), dataset.validation.len(), dataset.test.len()), (4, 3, 4));
    assert_eq!(dataset.validation.labels(), [0, 1, 1]);
}

#[test]
fn axes_are_understood_or_as_asked_for() {
    let read = |shape: &str, layout: Layout| {
        let values: usize = shape
            .trim_matches(['(', ')'])
            .split(", ")
            .map(|extent| extent.parse::<usize>().unwrap())
            .product();
        let bytes: Vec<u8> = (0..values).map(|at| (at % 251) as u8).collect();
        let options = LoadOptions { layout, ..LoadOptions::default() };
        read_with(&[("x_train", fabricate::npy("|u1", shape, &bytes)), y()], &options)
    };
    let auto = |shape: &str| read(shape, Layout::Auto).unwrap();
    let window = auto("(30, 64, 6)");
    assert_eq!((window.input, window.warnings.len()), ([64, 1, 6], 0));
    assert_eq!(fact(&window, "layout"), "64x1x6, a signal (time x channels)");
    assert_eq!(read("(30, 64, 6)", Layout::Nhwc).unwrap().input, [64, 6, 1]);
    assert_eq!(read("(30, 64)", Layout::TimeChannels).unwrap().input, [64, 1, 1]);

    let planes = auto("(30, 3, 8, 8)");
    assert_eq!(planes.input, [8, 8, 3]);
    assert!(
        warnings(&planes).contains(
            "x_train (30x3x8x8) is taken for samples of 8x8x3, an image (channels first) | `--layout nhwc`"
        ),
        "{}",
        warnings(&planes)
    );
    let pixels = read("(30, 3, 8, 8)", Layout::Nhwc).unwrap();
    assert_eq!((pixels.input, pixels.warnings.len()), ([3, 8, 8], 0));
    // A value of sample 0 moves from plane 1, row 2, column 3 to row 2, column 3, channel 1.
    let position = planes.train.labels().len() - planes.train.len();
    let turned = all(&planes);
    let as_saved = all(&pixels);
    assert_eq!(turned[position].0[(2 * 8 + 3) * 3 + 1], as_saved[position].0[64 + 2 * 8 + 3]);
    assert!(warnings(&auto("(30, 8, 24, 32)")).contains("`--layout nchw`"));
    assert!(warnings(&auto("(30, 6, 64)")).contains("64x1x6, a signal (channels x time) | `--layout image`"));

    refused(read("(30, 8, 8)", Layout::Nchw), &["shape 30x8x8: these are not the axes of the layout nchw"]);
    refused(read("(30, 2, 2, 2, 2)", Layout::Auto), &["two to four axes"]);
}

#[test]
fn arrays_of_other_names_are_found_or_named() {
    let (x, y) = (x().1, y().1);
    for names in
        [["features", "labels"], ["X", "y"], ["data", "target"], ["arr_0", "arr_1"], ["trainX", "trainY"]]
    {
        let dataset = read(&[(names[0], x.clone()), (names[1], y.clone())]);
        assert_eq!(fact(&dataset, "arrays"), format!("{} 30x2 uint8, {} 30 int64", names[0], names[1]));
    }
    let strangers = [("pixels", x.clone()), ("digit", y.clone())];
    refused(
        read_with(&strangers, &LoadOptions::default()),
        &[
            "such as x_train and y_train; it holds digit (30 int64), pixels (30x2 uint8)",
            "--arrays SAMPLES,LABELS",
        ],
    );
    let arrays = |names: &[&str]| LoadOptions {
        arrays: Some(names.iter().map(|&name| name.to_owned()).collect()),
        ..LoadOptions::default()
    };
    assert_eq!(read_with(&strangers, &arrays(&["pixels", "digit"])).unwrap().classes(), 3);
    let tested = read_with(&strangers, &arrays(&["pixels", "digit", "pixels", "digit"])).unwrap();
    assert_eq!(tested.test.len(), 30);
    refused(
        read_with(&strangers, &arrays(&["pixel", "digit"])),
        &["there is no array `pixel`", "it holds digit"],
    );
    refused(read_with(&strangers, &arrays(&["pixels"])), &["1 names of arrays; 2, 4 or 6 are needed"]);
}

#[test]
fn what_is_no_archive_is_named() {
    let folder = Folder::new();
    let check = |path: PathBuf, parts: &[&str]| {
        refused(load(&format!("npz:{}", path.display()), &LoadOptions::default()), parts);
    };
    check(folder.write("x.npy", x().1), &["a single npy array", "numpy.savez"]);
    check(folder.0.path().to_path_buf(), &["a folder, not an npz archive"]);
    check(folder.write("x.npz", "text"), &["not an npz (zip) file"]);
    // The method of the first entry, in its local header and in the directory: 14 is LZMA.
    let mut archive = fabricate::npz(&[x(), y()]);
    let directory = archive.windows(4).position(|bytes| bytes == b"PK\x01\x02").unwrap();
    (archive[8], archive[directory + 10]) = (14, 14);
    check(
        folder.write("lzma.npz", archive),
        &["compressed in a way that is not read", "numpy.savez_compressed"],
    );
}

#[test]
fn empty_parts_and_samples_are_refused() {
    let check = |shape: &str, parts: &[&str]| {
        let labels = fabricate::npy("|u1", "(0,)", &[]);
        let arrays = [x(), y(), ("x_test", fabricate::npy("|u1", shape, &[])), ("y_test", labels)];
        refused(read_with(&arrays, &LoadOptions::default()), parts);
    };
    check("(0, 2)", &["x_test.npy", "shape 0x2: there are no samples"]);
    check("(30, 0)", &["x_test.npy", "shape 30x0: there are no samples, or no values in them"]);
}

#[test]
fn archives_that_unpack_to_more_than_fits_are_refused_early() {
    let zeros = vec![0; 4 << 20];
    let arrays = [
        ("x_train", fabricate::npy("|u1", "(2048, 2048)", &zeros)),
        ("y_train", fabricate::npy("|u1", "(2048,)", &zeros[..2048])),
    ];
    let options = LoadOptions { memory: Some(1 << 20), ..LoadOptions::default() };
    let error = read_with(&arrays, &options).unwrap_err();
    assert!(matches!(error, DataError::TooLarge { bytes: 4_194_304, .. }), "{error}");
    let labels = [x(), ("y_train", fabricate::npy("|u1", "(4194304,)", &zeros))];
    refused(read_with(&labels, &LoadOptions::default()), &["30 samples in x_train, 4194304 labels"]);
}

#[test]
fn idx_files_are_read_by_the_same_rules() {
    let folder = Folder::new();
    let mut images = vec![0, 0, 0x0d, 2, 0, 0, 0, 30, 0, 0, 0, 2];
    images.extend((0..60_u8).flat_map(|value| f32::from(value).to_be_bytes()));
    folder.write("train-images-idx2-float", &images);
    let labels: Vec<u8> = (0..30).map(|row| row % 3 + 1).collect();
    folder.write("train-labels-idx1-ubyte", fabricate::idx(&[30], &labels));
    let source = format!("idx:{}", folder.0.path().display());
    let dataset = load(&source, &LoadOptions::default()).unwrap();
    assert_eq!((dataset.input, dataset.class_names.join(" ")), ([1, 1, 2], "1 2 3".to_owned()));
    images[12 + 4 * 9..12 + 4 * 10].copy_from_slice(&f32::NAN.to_be_bytes());
    folder.write("train-images-idx2-float", &images);
    refused(
        load(&source, &LoadOptions::default()),
        &["1 of 30 refused: train-images-idx2-float[4, 1] is NaN"],
    );
    let skip = LoadOptions { skip_bad: true, ..LoadOptions::default() };
    assert_eq!(all(&load(&source, &skip).unwrap()).len(), 29);
}
