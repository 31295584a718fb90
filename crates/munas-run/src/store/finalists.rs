//! The networks of finalists: in a run's folder `finalists` one file per finalist, of the training with the lowest validation error,
//! and the checkpoints of trainings under way.
//!
//! A file has the number of its training in its name, and the journal says which one counts: after a crash in between, no
//! other network is taken for the one that was measured.

use std::fs;
use std::path::{Path, PathBuf};

use munas_train::Checkpoint;

use crate::finalist::{Finalist, FinalistRecord, ranked};
use crate::store::checkpoints;
use crate::store::error::StoreError;
use crate::store::files::{FileError, remove_if_present};
use crate::store::models::{ModelError, SavedModel};
use crate::store::query::trial;
use crate::store::run::RunReader;

/// The folder of a run's finalists.
const DIRECTORY: &str = "finalists";

/// Where the network of a training is, or would be.
pub(crate) fn path(dir: &Path, trial: u64, number: u32) -> PathBuf {
    dir.join(DIRECTORY).join(format!("trial-{trial}-training-{number}.safetensors"))
}

/// Writes the network of a training.
pub(crate) fn save(dir: &Path, number: u32, model: &SavedModel) -> Result<(), StoreError> {
    let folder = dir.join(DIRECTORY);
    fs::create_dir_all(&folder).map_err(FileError::of("create", &folder))?;
    Ok(model.save(&path(dir, model.trial, number))?)
}

/// Removes the network of a training.
pub(crate) fn remove(dir: &Path, trial: u64, number: u32) -> Result<(), FileError> {
    let path = path(dir, trial, number);
    remove_if_present(&path).map_err(FileError::of("remove", &path))
}

/// Where checkpoints of these trainings of all finalists are.
fn checkpoint_folder(dir: &Path, number: u32) -> PathBuf {
    dir.join(DIRECTORY).join(format!("training-{number}"))
}

/// Keeps where a training has come to.
pub(crate) fn save_checkpoint(
    dir: &Path,
    (trial, number): (u64, u32),
    checkpoint: &Checkpoint,
) -> Result<(), FileError> {
    checkpoints::save(&checkpoint_folder(dir, number), trial, checkpoint)
}

/// Where a training had come to.
pub(crate) fn load_checkpoint(dir: &Path, trial: u64, number: u32) -> Option<Checkpoint> {
    checkpoints::load(&checkpoint_folder(dir, number), trial)
}

/// Removes where a training had come to, and the folders that are empty without it.
pub(crate) fn remove_checkpoint(dir: &Path, trial: u64, number: u32) -> Result<(), FileError> {
    let folder = checkpoint_folder(dir, number);
    checkpoints::remove(&folder, trial)?;
    for empty in [folder.join(checkpoints::DIRECTORY), folder] {
        // A folder that holds something stays.
        drop(fs::remove_dir(empty));
    }
    Ok(())
}

/// The finalists of a run, the best first.
///
/// # Errors
/// [`StoreError::Journal`].
pub fn finalists(reader: &RunReader) -> Result<Vec<Finalist>, StoreError> {
    Ok(ranked(reader.journal.finalists()?, reader.experiment().finalists.seeds))
}

/// The finalist of a trial, if it was trained anew and there is a result.
///
/// # Errors
/// [`StoreError::Journal`].
pub fn finalist(reader: &RunReader, trial: u64) -> Result<Option<Finalist>, StoreError> {
    let found = finalists(reader)?.into_iter().find(|finalist| finalist.trial == trial);
    Ok(found.filter(|finalist| finalist.best().is_some()))
}

/// Where the network of a finalist is: that of its best training.
pub fn refined_path(reader: &RunReader, finalist: &Finalist) -> Option<PathBuf> {
    let best = finalist.best()?;
    Some(path(reader.dir(), best.trial, best.number)).filter(|path| path.exists())
}

/// The network of a training, from its file.
///
/// # Errors
/// [`StoreError::Model`] if the file is gone or damaged, or is that of another trial, network or run.
pub fn refined_model(reader: &RunReader, training: &FinalistRecord) -> Result<SavedModel, StoreError> {
    let record = trial(reader, training.trial)?.record;
    let path = path(reader.dir(), training.trial, training.number);
    let model = SavedModel::load(&path)?;
    let (graph, task) = (training.graph(&record, reader.task()), reader.task());
    let other = |problem: String| Err(ModelError::reading(&path, problem).into());
    if model.trial != training.trial
        || model.graph != graph
        || model.architecture != record.candidate.architecture
    {
        return other(format!("the file has another network than finalist {} of this run", training.trial));
    }
    match &model.data {
        Some(data) if data.fingerprint != task.fingerprint => {
            other("the network in the file was trained on other data than those of this run".to_owned())
        }
        _ => Ok(model),
    }
}
