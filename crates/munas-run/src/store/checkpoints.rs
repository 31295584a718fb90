//! Trainings that were interrupted, on disk: what a trial goes on from after a resume.
//!
//! One safetensors file per running trial, in the run's folder `checkpoints`, replaced as the training goes on and removed with
//! the trial's end. Its metadata hold the facts of the [`Checkpoint`] and a checksum under `munas`, as a JSON object.
//! Nothing depends on these files: a trial without one, or with one that cannot be used, is trained from the start,
//! with the same result.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;

use safetensors::tensor::{Dtype, TensorView};
use safetensors::{SafeTensors, serialize};

use munas_train::Checkpoint;

use crate::store::checksum;
use crate::store::files::{FileError, remove_if_present, retain_trial_files, trial_file, write_atomically};

/// The folder of a run's checkpoints.
pub(crate) const DIRECTORY: &str = "checkpoints";
/// The entry of the metadata.
const METADATA: &str = "munas";
/// The fact that is the file's and not the checkpoint's; see [`crate::checksum`].
const CHECKSUM: &str = "checksum";

/// Writes the checkpoint of a trial in place of the one before.
pub(crate) fn save(dir: &Path, trial: u64, checkpoint: &Checkpoint) -> Result<(), FileError> {
    let folder = dir.join(DIRECTORY);
    fs::create_dir_all(&folder).map_err(FileError::of("create", &folder))?;
    let path = trial_file(&folder, trial);
    let bytes = to_bytes(checkpoint).map_err(std::io::Error::other);
    bytes.and_then(|bytes| write_atomically(&path, &bytes)).map_err(FileError::of("write", &path))
}

/// The checkpoint of a trial, if there is one that can be read.
pub(crate) fn load(dir: &Path, trial: u64) -> Option<Checkpoint> {
    from_bytes(&fs::read(trial_file(&dir.join(DIRECTORY), trial)).ok()?)
}

/// Removes the checkpoint of a trial.
pub(crate) fn remove(dir: &Path, trial: u64) -> Result<(), FileError> {
    let path = trial_file(&dir.join(DIRECTORY), trial);
    remove_if_present(&path).map_err(FileError::of("remove", &path))
}

/// Removes all checkpoints but those of the trials to `keep`.
pub(crate) fn retain(dir: &Path, keep: impl Fn(u64) -> bool) -> Result<(), FileError> {
    let folder = dir.join(DIRECTORY);
    if folder.exists() { retain_trial_files(&folder, keep) } else { Ok(()) }
}

/// The bytes of a file.
pub(crate) fn to_bytes(checkpoint: &Checkpoint) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
    let bytes = |values: &[f32]| values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>();
    let tensors: BTreeMap<&String, Vec<u8>> =
        checkpoint.tensors.iter().map(|(name, values)| (name, bytes(values))).collect();
    let views: Result<Vec<_>, _> = tensors
        .iter()
        .map(|(name, bytes)| Ok((*name, TensorView::new(Dtype::F32, vec![bytes.len() / 4], bytes)?)))
        .collect();
    let mut facts = checkpoint.facts.clone();
    facts.insert(CHECKSUM.to_owned(), checksum::PLACEHOLDER.to_owned());
    let metadata = HashMap::from([(METADATA.to_owned(), serde_json::to_string(&facts)?)]);
    let mut bytes = views.and_then(|views| serialize(views, Some(metadata)))?;
    checksum::seal(&mut bytes);
    Ok(bytes)
}

/// The checkpoint in the bytes of a file, if it is one.
pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Checkpoint> {
    let (_, header) = SafeTensors::read_metadata(bytes).ok()?;
    let mut facts: BTreeMap<String, String> =
        serde_json::from_str(header.metadata().as_ref()?.get(METADATA)?).ok()?;
    if !checksum::holds(bytes, &facts.remove(CHECKSUM)?) {
        return None;
    }
    let file = SafeTensors::deserialize(bytes).ok()?;
    let values =
        |bytes: &[u8]| bytes.as_chunks::<4>().0.iter().map(|four| f32::from_le_bytes(*four)).collect();
    let tensors = file.iter().map(|(name, view)| (name.to_owned(), values(view.data()))).collect();
    Some(Checkpoint { facts, tensors })
}

#[cfg(test)]
mod tests {
    use tempfile::tempdir;

    use super::*;

    #[test]
    fn checkpoints_read_back_and_files_of_other_trials_go() {
        let dir = tempdir().unwrap();
        let checkpoint = Checkpoint {
            facts: BTreeMap::from([
                ("seed".to_owned(), "7".to_owned()),
                ("curve".to_owned(), "1 2\n3".to_owned()),
            ]),
            tensors: BTreeMap::from([
                ("parameters".to_owned(), vec![1.5, f32::MIN_POSITIVE, -0.0]),
                ("best".to_owned(), Vec::new()),
            ]),
        };
        retain(dir.path(), |_| true).unwrap();
        for trial in [3, 4] {
            save(dir.path(), trial, &checkpoint).unwrap();
        }
        assert_eq!(load(dir.path(), 3), Some(checkpoint));
        retain(dir.path(), |trial| trial == 4).unwrap();
        assert_eq!(load(dir.path(), 3), None);
        let path = trial_file(&dir.path().join(DIRECTORY), 4);
        let whole = fs::read(&path).unwrap();
        for bit in (0..8 * whole.len()).step_by(7) {
            let mut flipped = whole.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            fs::write(&path, flipped).unwrap();
            assert_eq!(load(dir.path(), 4), None, "bit {bit}");
        }
        fs::write(&path, "rubbish").unwrap();
        assert_eq!(load(dir.path(), 4), None);
        remove(dir.path(), 4).unwrap();
        remove(dir.path(), 4).unwrap();
    }
}
