use tempfile::tempdir;

use super::*;
use crate::executor::error::ExecutionError;
use crate::testing::{Synthetic, drive, experiment, search};

#[test]
fn a_run_is_one_process_own() {
    let dir = tempdir().unwrap();
    let task = Synthetic::new().task;
    let run = Run::create(dir.path(), experiment(&[]), &task).unwrap();
    let second = Run::open(dir.path()).unwrap_err();
    assert!(matches!(&second, StoreError::Locked { dir: locked } if locked == dir.path()), "{second}");
    assert!(second.to_string().contains(&*dir.path().to_string_lossy()), "{second}");
    assert!(matches!(Run::create(dir.path(), experiment(&[]), &task), Err(StoreError::Exists { .. })));
    let (_, lock) = NewFolder::make(&dir.path().join("new")).unwrap();
    let second = NewFolder::make(&dir.path().join("new")).unwrap_err();
    assert!(matches!(second, StoreError::Locked { .. }), "{second}");
    drop(lock);
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
    assert!(matches!(error, StoreError::Exists { .. }), "{error}");
    assert_eq!(RunReader::open(dir.path()).unwrap().experiment().seed, 11);
}

#[test]
fn a_creation_that_was_cut_short_can_be_done_again() {
    let dir = tempdir().unwrap();
    let evaluator = Synthetic::new();
    // As a process leaves it that is killed at once, and another before the journal is there.
    fs::write(dir.path().join("lock"), "").unwrap();
    drop(NewFolder::make(dir.path()).unwrap());
    fs::write(dir.path().join("experiment.toml.new"), "half an exper").unwrap();
    fs::write(dir.path().join(EXPERIMENT_FILE), experiment(&[]).to_toml()).unwrap();
    fs::write(dir.path().join("journal.db.new"), "half a journal").unwrap();
    fs::write(dir.path().join("journal.db.new-journal"), "").unwrap();
    let error = Run::open(dir.path()).unwrap_err();
    assert!(matches!(error, StoreError::NotARun { missing: JOURNAL_FILE, .. }), "{error}");
    let mut run = Run::create(dir.path(), experiment(&[]), &evaluator.task).unwrap();
    drive(&mut run, &evaluator, &mut |_| {}).unwrap();
    assert!(!dir.path().join("journal.db.new").exists());
}

/// All files below a folder with their content, and the folders.
fn content(dir: &Path) -> Vec<(PathBuf, Option<Vec<u8>>)> {
    let mut entries: Vec<_> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    let below = |path: PathBuf| {
        let inner = if path.is_dir() { content(&path) } else { Vec::new() };
        let own = fs::read(&path).ok();
        [vec![(path, own)], inner].concat()
    };
    entries.into_iter().flat_map(below).collect()
}

#[test]
fn a_folder_in_use_stays_as_it_is() {
    let task = Synthetic::new().task;
    let files =
        ["experiment.toml", "lock", "models/trial-1.safetensors", "notes.txt", ".hidden", "journal.db.new"];
    for file in files {
        let dir = tempdir().unwrap();
        let path = dir.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "mine").unwrap();
        let before = content(dir.path());
        let error = Run::create(dir.path(), experiment(&[]), &task).unwrap_err();
        let name = file.split('/').next().unwrap();
        assert!(matches!(&error, StoreError::InUse { found, .. } if found == name), "{error}");
        assert!(error.to_string().ends_with(&format!("the folder is in use: it has {name}")), "{error}");
        assert_eq!(content(dir.path()), before);
    }
    let dir = tempdir().unwrap();
    for name in 1..=9 {
        fs::create_dir(dir.path().join(name.to_string())).unwrap();
    }
    let error = Run::require_free(dir.path()).unwrap_err().to_string();
    assert!(error.ends_with("it has 1, 2, 3 and 6 more"), "{error}");
}

#[test]
fn what_was_put_into_an_unfinished_run_stays() {
    let dir = tempdir().unwrap();
    drop(NewFolder::make(dir.path()).unwrap());
    fs::write(dir.path().join("models/trial-7.safetensors"), "mine").unwrap();
    let error = Run::create(dir.path(), experiment(&[]), &Synthetic::new().task).unwrap_err();
    assert!(matches!(&error, StoreError::InUse { found, .. } if found == "models"), "{error}");
}

#[test]
fn a_run_without_a_trial_can_be_taken_back() {
    let (dir, evaluator) = (tempdir().unwrap(), Synthetic::new());
    let create = |path: &Path| Run::create(path, experiment(&[]), &evaluator.task).unwrap();
    create(&dir.path().join("runs/new-1")).remove_if_unused();
    assert_eq!(content(dir.path()), [], "the folders that were made for it are gone too");
    create(dir.path()).remove_if_unused();
    assert_eq!(content(dir.path()), [], "a folder that was there stays");
    let run = create(dir.path());
    fs::write(dir.path().join("notes.txt"), "mine").unwrap();
    run.remove_if_unused();
    assert_eq!(content(dir.path()), [(dir.path().join("notes.txt"), Some(b"mine".to_vec()))]);

    let used = dir.path().join("used");
    let mut run = create(&used);
    drive(&mut run, &evaluator, &mut |_| {}).unwrap();
    run.remove_if_unused();
    Run::open(&used).unwrap().remove_if_unused();
    assert_eq!(RunReader::open(&used).unwrap().trials().unwrap().len(), 14);
}

#[test]
fn a_search_without_a_first_proposal_leaves_nothing() {
    let dir = tempdir().unwrap();
    let evaluator = Synthetic::new();
    let path = dir.path().join("runs/run");
    let nothing = experiment(&["bounds.peak_memory=1", "bounds.hard=['peak_memory']", "search.max_draws=10"]);
    let mut run = Run::create(&path, nothing, &evaluator.task).unwrap();
    let error = drive(&mut run, &evaluator, &mut |_| {}).unwrap_err();
    assert!(matches!(error, ExecutionError::Search(_)), "{error}");
    run.remove_if_unused();
    assert_eq!(content(dir.path()), []);
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
        assert!(matches!(Run::open(path), Err(StoreError::NotARun { .. })));
        assert!(matches!(RunReader::open(path), Err(StoreError::NotARun { .. })));
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
    assert!(matches!(error, ExecutionError::DataChanged(_)));
    let text = error.to_string();
    assert!(text.contains("f00d") && text.contains("beef"), "{text}");
}

#[test]
fn a_path_that_cannot_be_a_directory_is_named() {
    let dir = tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    for path in [&file, &file.join("run"), &file.join("runs/run")] {
        let error = Run::create(path, experiment(&[]), &Synthetic::new().task).unwrap_err();
        assert!(matches!(&error, StoreError::NotAFolder { path } if *path == file), "{error}");
    }
}
