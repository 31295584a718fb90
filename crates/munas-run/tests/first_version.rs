//! A run that the first version of munas made: read, gone on with, replayed.

#![expect(clippy::unwrap_used, reason = "a test fails where something is missing")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use munas_cost::MemoryModel;
use tempfile::{TempDir, tempdir};

use munas_run::{
    EndReason, Limits, Run, RunReader, SavedModel, StopFlag, StoreError, TrainingEvaluator, execute, front,
    replay, status, trial,
};

/// A copy of the run, of which `first_version/make.sh` says how it was made.
fn old_run() -> TempDir {
    let dir = tempdir().unwrap();
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/first_version/run"), dir.path());
    dir
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}

/// The numbers of the trials that it has, and of those on its front.
const TRIALS: [u64; 4] = [1, 2, 3, 4];
const FRONT: [u64; 2] = [3, 4];

fn check_content(dir: &Path) {
    let reader = RunReader::open(dir).unwrap();
    assert_eq!(reader.experiment().name, "first-version");
    assert_eq!(reader.task().dataset, "glyphs");
    let trials = reader.trials().unwrap();
    assert!(trials.iter().map(|record| record.trial).take(TRIALS.len()).eq(TRIALS));
    assert_eq!(trials[2].error(), Some(0.775));
    assert_eq!(trials[2].candidate.resources.model_size, 1078);
    assert_eq!(reader.experiment().memory, MemoryModel::PUBLISHED);
    assert_eq!(trials[2].candidate.resources.peak_memory_of_model, None);
    assert_eq!(trial(&reader, 2).unwrap().curve.len(), 3);
    let model = SavedModel::load(&reader.model_path(3).unwrap()).unwrap();
    assert_eq!(model.architecture, trials[2].candidate.architecture);
    assert!(replay(&reader).unwrap().difference.is_none());
}

#[test]
fn it_is_read_and_stays_as_it_is() {
    let dir = old_run();
    let journal = dir.path().join("journal.db");
    let before = fs::read(&journal).unwrap();
    check_content(dir.path());
    let reader = RunReader::open(dir.path()).unwrap();
    assert!(front(&reader).unwrap().iter().map(|record| record.trial).eq(FRONT));
    assert_eq!((status(&reader).unwrap().done, status(&reader).unwrap().trials_limit), (4, 4));
    assert_eq!(fs::read(&journal).unwrap(), before);
}

#[test]
fn it_is_gone_on_with() {
    let dir = old_run();
    let mut run = Run::open(dir.path()).unwrap();
    let dataset = run.experiment().load_data().unwrap();
    let evaluator = TrainingEvaluator::new(run.experiment(), Arc::new(dataset)).unwrap();
    let limits = Limits { trials: 7, ..Limits::of(run.experiment()) };
    let summary = execute(&mut run, &evaluator, &limits, &StopFlag::default(), &mut |_| {}).unwrap();
    assert_eq!((summary.reason, summary.done), (EndReason::Trials, 3));
    drop(run);
    check_content(dir.path());
    let reader = RunReader::open(dir.path()).unwrap();
    assert_eq!(replay(&reader).unwrap().agreeing, 7);
}

#[test]
fn from_then_on_its_experiment_is_recorded() {
    let dir = old_run();
    let file: PathBuf = dir.path().join("experiment.toml");
    let edit = |from: &str, to: &str| {
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.contains(from));
        fs::write(&file, text.replace(from, to)).unwrap();
    };
    drop(Run::open(dir.path()).unwrap());
    edit("trials = 4", "trials = 40");
    assert_eq!(Run::open(dir.path()).unwrap().experiment().search.trials, 40);
    edit("epochs = 3", "epochs = 30");
    for error in [Run::open(dir.path()).unwrap_err(), RunReader::open(dir.path()).unwrap_err()] {
        assert!(matches!(&error, StoreError::ExperimentChanged { path, .. } if *path == file), "{error}");
        assert!(error.to_string().ends_with("`train.epochs`: recorded 3, found 30"), "{error}");
    }
}
