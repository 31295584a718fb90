//! Files that appear complete or not at all.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::error::RunError;

/// The ending of files that are being written.
pub(crate) const UNFINISHED: &str = ".new";

/// Writes a file beside its place and moves it there, so that a crash leaves the old file or the new one.
pub(crate) fn write_atomically(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut name = OsString::from(path);
    name.push(UNFINISHED);
    let unfinished = Path::new(&name);
    let written = File::create(unfinished).and_then(|mut file| {
        file.write_all(content)?;
        // Without it, the name could reach the disk before the content does.
        file.sync_data()
    });
    written.and_then(|()| fs::rename(unfinished, path)).inspect_err(|_| {
        // The first error is the one to report; a file that is left over is overwritten the next time.
        let _ = fs::remove_file(unfinished);
    })
}

const PREFIX: &str = "trial-";
const SUFFIX: &str = ".safetensors";

/// The file of a trial in a folder of such files.
pub(crate) fn trial_file(folder: &Path, trial: u64) -> PathBuf {
    folder.join(format!("{PREFIX}{trial}{SUFFIX}"))
}

/// Removes the files of trials from a folder but those of the trials to `keep`, and what was not finished.
pub(crate) fn retain_trial_files(folder: &Path, keep: impl Fn(u64) -> bool) -> Result<(), RunError> {
    let unreadable = RunError::io("read", folder);
    let entries: Vec<_> = fs::read_dir(folder).and_then(Iterator::collect).map_err(unreadable)?;
    let trial_of =
        |name: &str| -> Option<u64> { name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?.parse().ok() };
    for entry in entries {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        // Other files, which someone else put there, are left alone.
        if name.starts_with(PREFIX) && !trial_of(&name).is_some_and(&keep) {
            let path = entry.path();
            fs::remove_file(&path).map_err(RunError::io("remove", &path))?;
        }
    }
    Ok(())
}

/// Removes a file; one that is not there is as good.
pub(crate) fn remove_if_present(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
