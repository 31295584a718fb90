//! Every preset runs: on small data made here in the true layout of the files, and on the real data where these are at hand
//! (in the folder that `MUNAS_DATA` names).

#![expect(clippy::unwrap_used, reason = "a test fails where something is missing")]

#[path = "../../munas-data/tests/files/fabricate/photographs.rs"]
mod photographs;
#[path = "../../munas-data/tests/files/fabricate/recordings.rs"]
mod recordings;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use image::ImageFormat;
use munas_data::DataError;
use munas_run::presets::{PRESETS, Preset};
use munas_run::{EndReason, Limits, Run, RunReader, StopFlag, Task, TrainingEvaluator, execute};
use tempfile::tempdir;

/// MNIST's files: bytes behind a magic number and big-endian extents.
fn write_idx(folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    for (part, count) in [("train", 60_u32), ("t10k", 20)] {
        let idx = |extents: &[u32], data: Vec<u8>| {
            let header = [0, 0, 8, extents.len() as u8].into_iter();
            header
                .chain(extents.iter().flat_map(|extent| extent.to_be_bytes()))
                .chain(data)
                .collect::<Vec<u8>>()
        };
        let pixels =
            (0..count * 784).map(|index| (index / 784 % 10 * 25) as u8 ^ (index % 5) as u8).collect();
        let labels = (0..count).map(|index| (index % 10) as u8).collect();
        fs::write(folder.join(format!("{part}-images-idx3-ubyte")), idx(&[count, 28, 28], pixels)).unwrap();
        fs::write(folder.join(format!("{part}-labels-idx1-ubyte")), idx(&[count], labels)).unwrap();
    }
}

/// CIFAR-10's binary files: a label and three planes of 1,024 bytes per record.
fn write_cifar(folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    let batches = (1..=5).map(|number| format!("data_batch_{number}.bin"));
    for file in batches.chain(["test_batch.bin".to_owned()]) {
        let record = |label: u8| {
            std::iter::once(label).chain((0..3072_u32).map(move |at| label * 20 + (at % 7) as u8))
        };
        fs::write(folder.join(file), (0..20).flat_map(|index| record(index % 10)).collect::<Vec<u8>>())
            .unwrap();
    }
}

/// The folders of Chars74K, `Sample001` to `Sample062`.
fn write_chars74k(data_dir: &Path) {
    for class in 1..=62_u8 {
        let folder = data_dir.join(format!("English/Img/GoodImg/Bmp/Sample{class:03}"));
        fs::create_dir_all(&folder).unwrap();
        for take in 1..=4 {
            let picture =
                photographs::image(ImageFormat::Png, 20 + u32::from(class), 30, [class, class * 4, take]);
            fs::write(folder.join(format!("img{class:03}-{take:05}.png")), picture).unwrap();
        }
    }
}

/// One trial of the preset with the overrides.
fn run(name: &str, overrides: &[String]) -> Result<(), DataError> {
    let experiment = Preset::resolve(name, overrides).unwrap();
    let dataset = Arc::new(experiment.load_data()?);
    let evaluator = TrainingEvaluator::new(&experiment, Arc::clone(&dataset)).unwrap();
    let dir = tempdir().unwrap();
    let mut run = Run::create(dir.path(), experiment.clone(), &Task::of(&dataset)).unwrap();
    let limits = Limits::of(&experiment);
    let summary = execute(&mut run, &evaluator, &limits, &StopFlag::default(), &mut |_| {}).unwrap();
    assert_eq!((summary.reason, summary.failed), (EndReason::Trials, 0), "{name}");
    let trials = RunReader::open(dir.path()).unwrap().trials().unwrap();
    let [trial] = trials.as_slice() else { panic!("{name}: {} trials", trials.len()) };
    let Some(outcome) = trial.outcome() else { panic!("{name}: {:?}", trial.state) };
    assert!((0.0..=1.0).contains(&outcome.validation_error), "{name}");
    assert_eq!(trial.pruned.is_some(), experiment.pruning.is_some(), "{name}");
    Ok(())
}

/// Small networks, two epochs (pruning needs two), one trial.
fn small(data_dir: &Path, space: &str) -> Vec<String> {
    let bounds = match space {
        "mlp" => "{ dense = [1, 1], units = [10, 12] }",
        _ => "{ blocks = [1, 1], layers = [1, 1], filters = [2, 6], dense = [0, 1], units = [4, 8] }",
    };
    vec![
        format!("data.dir=\"{}\"", data_dir.display()),
        format!("space.bounds={bounds}"),
        "train.epochs=2".to_owned(),
        "search.trials=1".to_owned(),
        "search.workers=1".to_owned(),
    ]
}

#[test]
fn every_preset_runs_on_data_in_its_layout() {
    let folder = tempdir().unwrap();
    let data_dir = folder.path();
    write_idx(&data_dir.join("mnist"));
    write_idx(&data_dir.join("fashion-mnist"));
    write_cifar(&data_dir.join("cifar10"));
    write_chars74k(data_dir);
    recordings::write_speech_commands(data_dir, 2);
    photographs::write_coco(&data_dir.join("coco"));
    for preset in PRESETS {
        let space = preset.experiment(&[]).unwrap().space.kind().to_string();
        let mut overrides = small(data_dir, &space);
        if preset.name == "quick-start" {
            overrides.push("data.subset=100".to_owned());
        }
        for name in [preset.name.to_owned(), format!("{}-no-pruning", preset.name)] {
            if preset.prunes || name == preset.name {
                run(&name, &overrides).unwrap();
            }
        }
    }
}

#[test]
#[expect(clippy::print_stderr, reason = "a skipped test must say so")]
fn presets_run_on_the_real_data_where_these_are_at_hand() {
    let Some(data_dir) = std::env::var_os("MUNAS_DATA") else {
        eprintln!("skipped: MUNAS_DATA is not set");
        return;
    };
    for name in ["mnist", "fashion-mnist", "cifar10", "cifar10-binary", "mlp-fashion"] {
        let name = if name.starts_with("mlp") { name.to_owned() } else { format!("{name}-no-pruning") };
        let space = if name.starts_with("mlp") { "mlp" } else { "cnn2d" };
        let mut overrides = small(Path::new(&data_dir), space);
        overrides.extend(["train.epochs=1", "data.subset=1000"].map(str::to_owned));
        match run(&name, &overrides) {
            Ok(()) => {}
            Err(error @ (DataError::NotFound { .. } | DataError::Malformed { .. })) => {
                eprintln!("skipped: {name}: {error}");
            }
            Err(error) => panic!("{name}: {error}"),
        }
    }
}
