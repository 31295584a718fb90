//! Which trained networks are kept, and what happens when they cannot be.

use std::fs;

use tempfile::tempdir;

use crate::error::RunError;
use crate::executor::Event;
use crate::models::SavedModel;
use crate::query::front;
use crate::run::{Run, RunReader};
use crate::testing::{Synthetic, drive, essence, experiment, model_files, resume, search, weights};

#[test]
fn the_models_of_the_front_are_kept_and_no_others() {
    let dir = tempdir().unwrap();
    let evaluator = Synthetic { failures: true, ..Synthetic::new() };
    search(dir.path(), &experiment(&["search.trials=40"]), &evaluator);
    let reader = RunReader::open(dir.path()).unwrap();
    let front = front(&reader).unwrap();
    let mut expected: Vec<String> =
        front.iter().map(|record| format!("trial-{}.safetensors", record.trial)).collect();
    expected.sort();
    assert_eq!(model_files(dir.path()), expected);
    assert!((2..40).contains(&front.len()), "{} on the front", front.len());
    for record in front {
        let model = SavedModel::load(&reader.model_path(record.trial).unwrap()).unwrap();
        let graph = record.candidate.architecture.lower(reader.task().input, reader.task().classes());
        assert_eq!(model.trial, record.trial);
        assert_eq!(model.architecture, record.candidate.architecture);
        assert_eq!(model.weights, weights(&graph));
        assert_eq!(model.graph, graph);
    }
}

#[test]
fn a_model_that_cannot_be_written_ends_the_search_and_loses_one_trial() {
    let (dir, whole) = (tempdir().unwrap(), tempdir().unwrap());
    let evaluator = Synthetic::new();
    search(whole.path(), &experiment(&[]), &evaluator);
    let mut run = Run::create(dir.path(), experiment(&[]), &evaluator.task).unwrap();
    // A folder in the place of the unfinished file: writing fails as it does on a full or read-only disk.
    let obstacle = dir.path().join("models/trial-1.safetensors.new");
    let error = drive(&mut run, &evaluator, &mut |event| {
        if matches!(event, Event::TrialStarted { .. }) {
            fs::create_dir_all(&obstacle).unwrap();
        }
    })
    .unwrap_err();
    assert!(matches!(error, RunError::Model(_)), "{error}");
    assert!(error.to_string().contains("trial-1.safetensors"), "{error}");
    drop(run);
    fs::remove_dir_all(obstacle).unwrap();
    resume(dir.path(), &evaluator);
    assert_eq!(essence(dir.path()), essence(whole.path()));
}
