use tempfile::tempdir;

use super::*;
use crate::testing::{Synthetic, drive, experiment, search};

#[test]
fn a_run_is_one_process_own() {
    let dir = tempdir().unwrap();
    let task = Synthetic::new().task;
    let run = Run::create(dir.path(), experiment(&[]), &task).unwrap();
    let second = Run::open(dir.path()).unwrap_err();
    assert!(matches!(&second, RunError::Locked { dir: locked } if locked == dir.path()), "{second}");
    assert!(second.to_string().contains(&*dir.path().to_string_lossy()), "{second}");
    assert!(matches!(Run::create(dir.path(), experiment(&[]), &task), Err(RunError::Locked { .. })));
    assert!(RunReader::open(dir.path()).unwrap().is_active(), "reading needs no lock");
    drop(run);
    assert!(!RunReader::open(dir.path()).unwrap().is_active());
    Run::open(dir.path()).unwrap();
}

#[test]
fn a_run_is_not_overwritten() {
    let dir = tempdir().unwrap();
    let task = Synthetic::new().task;
    drop(Run::create(dir.path(), experiment(&[]), &task).unwrap());
    let error = Run::create(dir.path(), experiment(&["seed=5"]), &task).unwrap_err();
    assert!(matches!(error, RunError::Exists { .. }), "{error}");
    assert!(error.hint().unwrap().contains("resume"));
    assert_eq!(RunReader::open(dir.path()).unwrap().experiment().seed, 11);
}

#[test]
fn a_creation_that_was_cut_short_can_be_done_again() {
    let dir = tempdir().unwrap();
    let evaluator = Synthetic::new();
    fs::write(dir.path().join(EXPERIMENT_FILE), "half an exper").unwrap();
    fs::write(dir.path().join("journal.db.new"), "half a journal").unwrap();
    let error = Run::open(dir.path()).unwrap_err();
    assert!(matches!(error, RunError::NotARun { missing: JOURNAL_FILE, .. }), "{error}");
    let mut run = Run::create(dir.path(), experiment(&[]), &evaluator.task).unwrap();
    drive(&mut run, &evaluator, &mut |_| {}).unwrap();
}

#[test]
fn the_directory_has_the_resolved_experiment() {
    let dir = tempdir().unwrap();
    search(dir.path(), &experiment(&[]), &Synthetic::new());
    let text = fs::read_to_string(dir.path().join(EXPERIMENT_FILE)).unwrap();
    assert_eq!(Experiment::from_toml(&text, &[]).unwrap(), experiment(&[]));
    assert!(text.contains("max_draws = 1000000"), "defaults are written out");
}

#[test]
fn what_is_no_run_is_refused() {
    let dir = tempdir().unwrap();
    let missing = dir.path().join("missing");
    for path in [dir.path(), &missing] {
        assert!(matches!(Run::open(path), Err(RunError::NotARun { .. })));
        assert!(matches!(RunReader::open(path), Err(RunError::NotARun { .. })));
    }
    assert!(!missing.exists(), "looking for a run makes nothing");
}

#[test]
fn an_experiment_that_was_damaged_is_refused_with_its_path() {
    let dir = tempdir().unwrap();
    drop(Run::create(dir.path(), experiment(&[]), &Synthetic::new().task).unwrap());
    let file = dir.path().join(EXPERIMENT_FILE);
    let text = fs::read_to_string(&file).unwrap().replace("epochs = 3", "epochs = 'x'");
    fs::write(&file, text).unwrap();
    let error = Run::open(dir.path()).unwrap_err().to_string();
    assert!(error.contains(EXPERIMENT_FILE) && error.contains("train.epochs"), "{error}");
}

#[test]
fn a_run_does_not_go_on_with_other_data() {
    let dir = tempdir().unwrap();
    let evaluator = Synthetic::new();
    search(dir.path(), &experiment(&["search.trials=2"]), &evaluator);
    let mut changed = evaluator.clone();
    changed.task.fingerprint = "beef".to_owned();
    let error = drive(&mut Run::open(dir.path()).unwrap(), &changed, &mut |_| {}).unwrap_err();
    assert!(matches!(error, RunError::DataChanged { .. }));
    let text = error.to_string();
    assert!(text.contains("f00d") && text.contains("beef"), "{text}");
}

#[test]
fn a_path_that_cannot_be_a_directory_is_named() {
    let dir = tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    let error =
        Run::create(&file.join("run"), experiment(&[]), &Synthetic::new().task).unwrap_err().to_string();
    assert!(error.contains("file/run"), "{error}");
}
