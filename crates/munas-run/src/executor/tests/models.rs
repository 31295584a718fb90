//! Which trained networks are kept, and what happens when they cannot be.

use std::fs;
use std::path::Path;

use tempfile::tempdir;

use crate::executor::error::ExecutionError;
use crate::executor::event::Event;
use crate::store::error::StoreError;
use crate::store::models::{ModelError, SavedModel};
use crate::store::query::{self, front};
use crate::store::run::{Run, RunReader};
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
    assert!(matches!(error, ExecutionError::Store(StoreError::Model(_))), "{error}");
    assert!(error.to_string().contains("trial-1.safetensors"), "{error}");
    drop(run);
    fs::remove_dir_all(obstacle).unwrap();
    resume(dir.path(), &evaluator);
    assert_eq!(essence(dir.path()), essence(whole.path()));
}

/// What reading the model of a trial gives.
fn read(dir: &Path, trial: u64) -> Result<SavedModel, ModelError> {
    match query::model(&RunReader::open(dir).unwrap(), trial) {
        Ok(model) => Ok(model.expect("it is kept")),
        Err(StoreError::Model(error)) => Err(error),
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn a_model_of_another_trial_network_or_data_set_is_refused() {
    let (dir, other, of_other_data) = (tempdir().unwrap(), tempdir().unwrap(), tempdir().unwrap());
    search(dir.path(), &experiment(&["search.trials=40"]), &Synthetic::new());
    search(other.path(), &experiment(&["search.trials=40", "seed=12"]), &Synthetic::new());
    let mut evaluator = Synthetic::new();
    for fingerprint in [&mut evaluator.task.fingerprint, &mut evaluator.data.fingerprint] {
        *fingerprint = "beef".to_owned();
    }
    search(of_other_data.path(), &experiment(&["search.trials=40"]), &evaluator);
    let model = |dir: &Path, trial: u64| RunReader::open(dir).unwrap().model_path(trial);
    let members = front(&RunReader::open(dir.path()).unwrap()).unwrap();
    let [first, second] = [members[0].trial, members[1].trial];
    let mine = model(dir.path(), first).unwrap();
    assert_eq!(read(dir.path(), first).unwrap().trial, first);

    let original = fs::read(&mine).unwrap();
    let problem_of = |replacement: &Path| {
        fs::copy(replacement, &mine).unwrap();
        let error = read(dir.path(), first).unwrap_err();
        assert_eq!(error.path, mine);
        fs::write(&mine, &original).unwrap();
        error.problem
    };
    let problem = problem_of(&model(dir.path(), second).unwrap());
    assert_eq!(problem, format!("the file is of trial {second}, not of trial {first}"));

    let shared = members.iter().find_map(|member| Some((member.trial, model(other.path(), member.trial)?)));
    let (trial, theirs) = shared.expect("both runs keep a trial of the same number");
    fs::copy(theirs, model(dir.path(), trial).unwrap()).unwrap();
    let problem = read(dir.path(), trial).unwrap_err().problem;
    assert_eq!(problem, format!("the file has another network than trial {trial} of this run"));
    fs::write(&mine, &original).unwrap();

    let problem = problem_of(&model(of_other_data.path(), first).unwrap());
    assert!(problem.contains("trained on other data"), "{problem}");
}
