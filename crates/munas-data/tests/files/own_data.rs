//! The user's own data in every format: what is read, and what is said about files that cannot be.

use std::fs;
use std::path::{Path, PathBuf};

use image::ImageFormat;
use munas_data::{DataError, Dataset, ElementType, LoadOptions, NormaliseMode, SampleRef, Split, load};
use tempfile::TempDir;

use crate::fabricate::{self, photographs};

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn write(folder: &Path, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, content).unwrap();
    path
}

fn read(kind: &str, path: &Path) -> Result<Dataset, DataError> {
    load(&format!("{kind}:{}", path.display()), &LoadOptions::default())
}

/// Loads what must be refused and checks that the message has all `parts`.
#[track_caller]
fn refused(kind: &str, path: &Path, parts: &[&str]) -> DataError {
    let error = read(kind, path).unwrap_err();
    for part in parts {
        assert!(error.to_string().contains(part), "`{error}` does not say `{part}`");
    }
    error
}

fn counts(dataset: &Dataset) -> (usize, usize, usize) {
    (dataset.train.len(), dataset.validation.len(), dataset.test.len())
}

/// Labels and first values of all samples, sorted.
fn firsts(split: &Split) -> Vec<(u32, i32)> {
    let mut firsts: Vec<_> = (0..split.len())
        .map(|index| (split.label(index), (split.sample(index).get(0) * 10.0) as i32))
        .collect();
    firsts.sort_unstable();
    firsts
}

#[test]
fn idx_folders_are_read_plain_and_gzipped() {
    let folder = folder();
    fabricate::write_idx_folder(folder.path());
    let dataset = read("idx", folder.path()).unwrap();
    assert_eq!((dataset.input, dataset.classes()), ([2, 3, 1], 2));
    assert_eq!(counts(&dataset), (10, 2, 4));
    assert_eq!(dataset.test.sample(1), SampleRef::U8(&[6, 7, 8, 9, 10, 11]));
    assert_eq!(dataset.test.labels(), [1, 1, 0, 0]);
}

#[test]
fn damaged_idx_files_are_named_with_their_damage() {
    let folder = folder();
    fabricate::write_idx_folder(folder.path());
    let images = |content: &[u8], parts: &[&str]| {
        let path = write(folder.path(), "t10k-images-idx3-ubyte", content);
        let mut all = vec![path.to_str().unwrap()];
        all.extend_from_slice(parts);
        refused("idx", folder.path(), &all);
    };
    images(&fabricate::idx(&[40, 2, 3], &[0; 24]), &["declares 240 bytes, more than the file can hold (40)"]);
    images(&fabricate::idx(&[4, 2, 3], &[0; 20]), &["truncated: expected 24 bytes of data, found 20"]);
    images(&fabricate::idx(&[4, 2, 3], &[0; 25]), &["more data than its header declares"]);
    images(&fabricate::idx(&[u32::MAX; 4], &[0; 24]), &["more than the file can hold"]);
    images(&fabricate::idx(&[3, 2, 3], &[0; 18]), &["4 labels for the 3 samples of"]);
    images(
        &fabricate::idx(&[4, 3, 2], &[0; 24]),
        &["samples of 3x2x1 (uint8) after others of 2x3x1 (uint8)"],
    );
    images(&[0, 0, 8], &["ends inside its header"]);
    images(&[0, 0, 7, 1, 0, 0, 0, 0], &["idx type 0x07"]);
    images(b"GIF89a..", &["not an idx file"]);
}

#[test]
fn an_idx_folder_without_its_files_says_which() {
    let folder = folder();
    refused("idx", folder.path(), &["no train-images-idx3-ubyte and train-labels-idx1-ubyte"]);
    fabricate::write_idx_folder(folder.path());
    fs::remove_file(folder.path().join("t10k-labels-idx1-ubyte.gz")).unwrap();
    refused("idx", folder.path(), &["1 idx files of samples and 0 of labels begin with t10k"]);
    let nowhere = folder.path().join("nowhere");
    refused("idx", &nowhere, &[nowhere.to_str().unwrap()]);
}

#[test]
fn npz_archives_are_read() {
    let folder = folder();
    let path = write(folder.path(), "small.npz", fabricate::small_npz());
    let dataset = read("npz", &path).unwrap();
    assert_eq!((dataset.input, dataset.classes(), dataset.element_type()), ([4, 2, 1], 3, ElementType::F32));
    assert_eq!(counts(&dataset), (3, 3, 2));
    assert_eq!(dataset.test.sample(1), SampleRef::F32(&[4.0, 4.5, 5.0, 5.5, 6.0, 6.5, 7.0, 7.5]));
    assert_eq!(dataset.test.labels(), [2, 0]);
}

#[test]
fn npz_archives_of_test_samples_alone_are_evaluation_sets() {
    let folder = folder();
    let arrays = [
        ("x_test", fabricate::npy("|i1", "(2, 3)", &[1, 2, 3, 255, 254, 253])),
        ("y_test", fabricate::npy("|u1", "(2, 1)", &[0, 1])),
    ];
    let dataset = read("npz", &write(folder.path(), "test.npz", fabricate::npz(&arrays))).unwrap();
    assert_eq!((counts(&dataset), dataset.input), ((0, 0, 2), [1, 1, 3]));
    assert_eq!(dataset.test.sample(1), SampleRef::I8(&[-1, -2, -3]));
    assert_eq!(dataset.normalisation(NormaliseMode::MeanStd).scale, [1.0; 3]);
}

#[test]
fn damaged_npz_archives_are_named_with_their_damage() {
    let folder = folder();
    let check = |arrays: &[(&str, Vec<u8>)], parts: &[&str]| {
        let path = write(folder.path(), "bad.npz", fabricate::npz(arrays));
        refused("npz", &path, &["bad.npz"]);
        refused("npz", &path, parts);
    };
    let x = || ("x_train", fabricate::npy("|u1", "(2, 2)", &[1, 2, 3, 4]));
    let y = || ("y_train", fabricate::npy("|u1", "(2,)", &[0, 1]));
    check(&[x()], &["x_train is there, y_train is not"]);
    check(&[], &["it holds no arrays"]);
    check(
        &[x(), ("y_train", fabricate::npy("|u1", "(3,)", &[0, 1, 1]))],
        &["2 samples in x_train, 3 labels in y_train"],
    );
    let halves = [0.0_f32, 0.5].map(f32::to_le_bytes).concat();
    check(
        &[x(), ("y_train", fabricate::npy("<f4", "(2,)", &halves))],
        &["y_train.npy", "y_train[1] is 0.5: labels must be whole numbers"],
    );
    check(
        &[("x_train", fabricate::npy("|u1", "(9, 9)", &[1, 2, 3, 4])), y()],
        &["x_train.npy", "more than the file can hold"],
    );
    check(
        &[("x_train", fabricate::npy("<f4", "(999999999, 999999999, 999999999)", &[])), y()],
        &["more than the file can hold"],
    );
    check(&[("x_train", fabricate::npy("<c8", "(2, 2)", &[0; 32])), y()], &["`<c8` are not supported"]);
    check(
        &[("x_train", fabricate::npy("|S4", "(2, 1)", &[0; 8])), y()],
        &["samples must be numbers, not text"],
    );
    check(&[("x_train", fabricate::npy("|u1", "(4,)", &[0; 4])), y()], &["samples need two to four axes"]);
    check(&[("x_train", b"nothing".to_vec()), y()], &["ends inside its header"]);
    refused("npz", &write(folder.path(), "text.npz", "text"), &["not an npz (zip) file"]);
}

#[test]
fn cifar_planes_become_pixels() {
    let folder = folder();
    fabricate::write_cifar_folder(folder.path());
    let options = LoadOptions { data_dir: Some(folder.path().to_path_buf()), ..LoadOptions::default() };
    let dataset = load("cifar10", &options).unwrap();
    assert_eq!((dataset.input, counts(&dataset)), ([32, 32, 3], (9, 1, 2)));
    assert_eq!(dataset.test.labels(), [9, 0]);
    let sample = dataset.test.sample(0);
    assert_eq!([0, 1, 2, 3, 4, 5].map(|index| sample.get(index)), [0.0, 50.0, 100.0, 1.0, 51.0, 101.0]);

    let binary = load("cifar10-binary", &options).unwrap();
    assert_eq!(binary.class_names, ["dog-truck", "airplane-deer"]);
    assert_eq!(binary.test.labels(), [0, 1]);
    assert_ne!(binary.fingerprint, dataset.fingerprint);
}

#[test]
fn the_chars74k_tree_is_scaled_and_split() {
    let folder = folder();
    let tree = folder.path().join("chars74k/English/Img/GoodImg/Bmp");
    for class in 1..=62 {
        for take in 1..=5_u32 {
            let png = photographs::image(ImageFormat::Png, 20 + take, 30, [class, 0, 0]);
            write(&tree, &format!("Sample{class:03}/img{class:03}-{take:05}.png"), png);
        }
    }
    let options = LoadOptions { data_dir: Some(folder.path().to_path_buf()), ..LoadOptions::default() };
    let dataset = load("chars74k", &options).unwrap();
    assert_eq!((dataset.input, dataset.classes()), ([48, 48, 3], 62));
    assert_eq!(counts(&dataset), (207, 23, 80));
    for index in 0..dataset.train.len() {
        assert_eq!(dataset.train.sample(index).get(0), (dataset.train.label(index) + 1) as f32);
    }
    assert_eq!(dataset.class_names[10], "A");
    let small = load("chars74k-binary", &LoadOptions { size: Some((32, 32)), ..options.clone() }).unwrap();
    assert_eq!((small.input, small.class_names.join(" ")), ([32, 32, 3], "V-z 0-U".to_owned()));
    fs::remove_dir_all(tree.join("Sample007")).unwrap();
    let error = load("chars74k", &options).unwrap_err().to_string();
    assert!(error.contains("61 classes; chars74k has 62"), "{error}");
}

#[test]
fn damaged_cifar_files_are_named_with_their_damage() {
    let folder = folder();
    let options = LoadOptions { data_dir: Some(folder.path().to_path_buf()), ..LoadOptions::default() };
    let check = |content: Vec<u8>, part: &str| {
        fabricate::write_cifar_folder(folder.path());
        write(folder.path(), "cifar10/data_batch_2.bin", content);
        let error = load("cifar10", &options).unwrap_err().to_string();
        assert!(error.contains("data_batch_2.bin") && error.contains(part), "{error}");
    };
    check(
        fabricate::cifar_records(&[1, 2])[..5000].to_vec(),
        "truncated: 1927 bytes after the last whole record of 3073",
    );
    check(fabricate::cifar_records(&[1, 10]), "record 1 has label 10, not below 10");
    check(Vec::new(), "the file is empty");
    fs::remove_file(folder.path().join("cifar10/data_batch_2.bin")).unwrap();
    let error = load("cifar10", &options).unwrap_err().to_string();
    assert!(error.contains("data_batch_2.bin: no such file, plain or .gz"), "{error}");
}

#[test]
fn named_datasets_that_are_missing_say_where_they_were_looked_for() {
    let folder = folder();
    let options = LoadOptions { data_dir: Some(folder.path().to_path_buf()), ..LoadOptions::default() };
    // Only where no other folder of this machine has it can it be missing.
    if let Err(error) = load("kws-eval", &options) {
        let text = error.to_string();
        assert!(text.contains(folder.path().join("kws-eval.npz").to_str().unwrap()), "{text}");
        assert!(error.hint().unwrap().contains("--data-dir"));
    }
}

/// Classes `blue` (PNG, BMP) and `red` (JPEG), five images of 6×4 pixels each.
fn write_image_classes(folder: &Path) {
    for (class, colour) in [("red", [250, 0, 0]), ("blue", [0, 0, 250])] {
        let folder = folder.join(class);
        fs::create_dir_all(&folder).unwrap();
        for index in 0..5 {
            let (extension, format) = match (class, index) {
                ("red", _) => ("jpg", ImageFormat::Jpeg),
                (_, 0) => ("bmp", ImageFormat::Bmp),
                _ => ("png", ImageFormat::Png),
            };
            fs::write(folder.join(format!("{index}.{extension}")), photographs::image(format, 6, 4, colour))
                .unwrap();
        }
    }
}

#[test]
fn image_folders_are_read_in_colour_and_grey() {
    let folder = folder();
    write_image_classes(folder.path());
    write(folder.path(), ".hidden/x.png", "not an image");
    write(folder.path(), "red/.DS_Store", "not an image");
    let dataset = read("images", folder.path()).unwrap();
    assert_eq!((dataset.input, dataset.class_names.join(" ")), ([4, 6, 3], "blue red".to_owned()));
    assert_eq!(counts(&dataset), (6, 2, 2));
    let blue = (0..6).find(|&index| dataset.train.label(index) == 0).unwrap();
    assert_eq!([0, 1, 2].map(|channel| dataset.train.sample(blue).get(channel)), [0.0, 0.0, 250.0]);

    let options = LoadOptions { grey: Some(true), size: Some((3, 5)), ..LoadOptions::default() };
    let grey = load(&format!("images:{}", folder.path().display()), &options).unwrap();
    assert_eq!(grey.input, [3, 5, 1]);
}

#[test]
fn train_val_and_test_folders_are_honoured() {
    let folder = folder();
    for part in ["train", "val", "test"] {
        write_image_classes(&folder.path().join(part));
    }
    fs::remove_dir_all(folder.path().join("val/red")).unwrap();
    let dataset = read("images", folder.path()).unwrap();
    assert_eq!(counts(&dataset), (10, 5, 10));
    assert_eq!(dataset.validation.labels(), [0; 5]);
    let stranger =
        write(folder.path(), "test/green/1.png", photographs::image(ImageFormat::Png, 6, 4, [0, 9, 0]));
    refused("images", folder.path(), &[stranger.parent().unwrap().to_str().unwrap(), "no such class"]);
}

#[test]
fn images_that_cannot_be_read_are_counted() {
    let folder = folder();
    write_image_classes(folder.path());
    write(folder.path(), "red/bad.png", "not an image");
    let png = photographs::image(ImageFormat::Png, 6, 4, [1, 2, 3]);
    write(folder.path(), "red/cut.png", &png[..png.len() / 2]);
    write(folder.path(), "red/large.png", photographs::image(ImageFormat::Png, 7, 4, [1, 2, 3]));
    let source = format!("images:{}", folder.path().display());
    let stored = LoadOptions { fit: false, ..LoadOptions::default() };
    let error = load(&source, &stored).unwrap_err();
    for part in ["3 of 13 refused", "red/bad.png", "red/cut.png", "4x7 pixels after others of 4x6"] {
        assert!(error.to_string().contains(part), "{error}");
    }
    assert!(error.hint().unwrap().contains("--skip-bad"));
    let dataset = load(&source, &LoadOptions { skip_bad: true, ..stored }).unwrap();
    assert_eq!((dataset.refused, counts(&dataset)), (3, (6, 2, 2)));
    // Without a size, different ones are brought to one.
    let dataset = load(&source, &LoadOptions { skip_bad: true, ..LoadOptions::default() }).unwrap();
    assert_eq!((dataset.refused, dataset.input), (2, [16, 16, 3]));
}

#[test]
fn images_in_memory_are_scaled_too() {
    let folder = folder();
    fabricate::write_cifar_folder(folder.path());
    let data_dir = Some(folder.path().to_path_buf());
    let options = LoadOptions { data_dir, size: Some((16, 8)), grey: Some(true), ..LoadOptions::default() };
    let dataset = load("cifar10", &options).unwrap();
    assert_eq!((dataset.input, dataset.sample_bytes()), ([16, 8, 1], 12 * 16 * 8));
    let path = write(folder.path(), "small.npz", fabricate::small_npz());
    let error = load(&format!("npz:{}", path.display()), &options).unwrap_err();
    assert!(error.to_string().contains("its samples are no images, --size does not apply"), "{error}");
}

#[test]
fn more_samples_than_fit_are_refused_before_they_are_decoded() {
    let folder = folder();
    for (class, take) in [("a", 0), ("a", 1), ("b", 0), ("b", 1)] {
        // Damaged behind its header: decoding would be another error.
        let image = photographs::image(ImageFormat::Png, 40, 30, [9, 9, 9]);
        write(folder.path(), &format!("{class}/{take}.png"), &image[..image.len() - 20]);
    }
    let source = format!("images:{}", folder.path().display());
    let options = LoadOptions { memory: Some(10_000), size: Some((64, 64)), ..LoadOptions::default() };
    let error = load(&source, &options).unwrap_err();
    let text = error.to_string();
    assert!(
        text.ends_with(
            "4 samples of 64x64x3 take 49.2 KB of memory, more than the 10.0 KB that data may take"
        ),
        "{text}"
    );
    assert!(error.hint().is_some_and(|hint| hint.contains("data.memory")));
    fabricate::write_cifar_folder(folder.path());
    let options = LoadOptions { data_dir: Some(folder.path().to_path_buf()), ..options };
    assert!(matches!(load("cifar10", &options).unwrap_err(), DataError::TooLarge { bytes: 147_456, .. }));
}

#[test]
fn splits_are_reproducible_and_seeded() {
    let folder = folder();
    let path = write(folder.path(), "trees.csv", fabricate::small_table());
    let source = format!("csv:{}", path.display());
    let loaded = |seed, validation| {
        load(&source, &LoadOptions { seed, validation, ..LoadOptions::default() }).unwrap()
    };
    let (first, again, other) = (loaded(1, 0.3), loaded(1, 0.3), loaded(2, 0.3));
    assert_eq!(first.fingerprint, again.fingerprint);
    assert_eq!(firsts(&first.validation), firsts(&again.validation));
    assert_ne!(first.fingerprint, other.fingerprint);
    assert_eq!(firsts(&first.test), firsts(&other.test), "the test part does not depend on the seed");
    assert_eq!(loaded(1, 0.0).validation.len(), 0);
    let options = LoadOptions { validation: 1.0, ..LoadOptions::default() };
    assert!(load(&source, &options).unwrap_err().to_string().contains("validation share"));

    let mut all = [firsts(&first.train), firsts(&first.validation), firsts(&first.test)].concat();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 12, "every row is in exactly one part");
}

#[test]
fn a_subset_keeps_the_shares_of_the_classes() {
    let options = LoadOptions { subset: Some(500), validation: 0.2, ..LoadOptions::default() };
    let dataset = load("glyphs", &options).unwrap();
    assert_eq!(counts(&dataset), (400, 100, 2000));
    assert_eq!(dataset.train.class_counts(10), [40; 10]);
    assert_eq!(dataset.validation.class_counts(10), [10; 10]);
}

#[test]
fn mean_std_normalisation_centres_and_scales_every_channel() {
    let folder = folder();
    let path = write(folder.path(), "trees.csv", fabricate::small_table());
    let dataset = read("csv", &path).unwrap();
    let normalisation = dataset.normalisation(NormaliseMode::MeanStd);
    for channel in 0..2 {
        let values: Vec<f32> = (0..dataset.train.len())
            .map(|index| {
                dataset.train.sample(index).get(channel) * normalisation.scale[channel]
                    + normalisation.offset[channel]
            })
            .collect();
        let mean = values.iter().sum::<f32>() / values.len() as f32;
        let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f32>() / values.len() as f32;
        assert!(mean.abs() < 1e-5 && (variance - 1.0).abs() < 1e-4, "{mean} {variance}");
    }
}
