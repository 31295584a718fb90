//! Files that appear complete or not at all.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// A file or folder could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {}: {source}", path.display())]
pub struct FileError {
    /// What was tried.
    pub action: &'static str,
    /// The file or folder.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

impl FileError {
    /// The error of an action on a path, for `map_err`.
    pub(crate) fn of(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self { action, path: path.to_owned(), source }
    }
}

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

/// Removes from a folder the files of trials but those of the trials to `keep`, and those that were not finished.
///
/// Only what bears exactly a name that [`trial_file`] and [`write_atomically`] give goes; everything else, which someone
/// else put there, is left alone.
pub(crate) fn retain_trial_files(folder: &Path, keep: impl Fn(u64) -> bool) -> Result<(), FileError> {
    let unreadable = FileError::of("read", folder);
    let entries: Vec<_> = fs::read_dir(folder).and_then(Iterator::collect).map_err(unreadable)?;
    for entry in entries {
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        let is_superfluous = match name.strip_suffix(UNFINISHED) {
            Some(name) => trial_of(name).is_some(),
            None => trial_of(name).is_some_and(|trial| !keep(trial)),
        };
        if is_superfluous {
            let path = entry.path();
            remove_if_present(&path).map_err(FileError::of("remove", &path))?;
        }
    }
    Ok(())
}

/// The largest number of a trial that has a file in a folder.
pub(crate) fn last_trial_file(folder: &Path) -> Option<u64> {
    let entries = fs::read_dir(folder).ok()?;
    entries.filter_map(|entry| trial_of(entry.ok()?.file_name().to_str()?)).max()
}

/// The trial whose file has this name.
fn trial_of(name: &str) -> Option<u64> {
    let digits = name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?;
    // Numbers that are written in another way are not munas's: `+7`, `007`.
    digits.parse().ok().filter(|trial: &u64| trial.to_string() == digits)
}

/// Removes a file in one of a run's folders; one that is not there is as good.
///
/// Munas makes plain files in plain folders. Anything else of that name, a folder or a link, is not its own and stays, and
/// so does everything in a folder that is a link to another place.
pub(crate) fn remove_if_present(path: &Path) -> io::Result<()> {
    let is_own_folder =
        path.parent().is_some_and(|folder| folder.symlink_metadata().is_ok_and(|it| it.is_dir()));
    if !is_own_folder || !path.symlink_metadata().is_ok_and(|it| it.is_file()) {
        return Ok(());
    }
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use tempfile::tempdir;

    use super::*;

    #[test]
    fn only_files_that_munas_names_so_are_removed() {
        let dir = tempdir().unwrap();
        let folder = dir.path().join("models");
        fs::create_dir(&folder).unwrap();
        let own = ["trial-2.safetensors", "trial-3.safetensors.new", "trial-2.safetensors.new"];
        let kept = [
            "trial-1.safetensors",
            "trial-22-best.safetensors",
            "trial-02.safetensors",
            "trial-+2.safetensors",
            "trial-2.safetensors.bak",
            "trial-2.safetensors.new.new",
            "trial-.safetensors",
            "trial-99999999999999999999.safetensors",
            "trial-notes.txt",
            "trial-2.pt",
            "Trial-2.safetensors",
            ".trial-2.safetensors",
        ];
        for name in own.iter().chain(&kept) {
            fs::write(folder.join(name), name).unwrap();
        }
        fs::create_dir(folder.join("trial-5.safetensors")).unwrap();
        retain_trial_files(&folder, |trial| trial == 1).unwrap();
        for name in own {
            assert!(!folder.join(name).exists(), "{name}");
        }
        for name in kept {
            assert_eq!(fs::read_to_string(folder.join(name)).unwrap(), name);
        }
        assert!(folder.join("trial-5.safetensors").is_dir());
    }

    #[cfg(unix)]
    #[test]
    fn links_lead_nowhere() {
        use std::os::unix::fs::symlink;

        let dir = tempdir().unwrap();
        let [elsewhere, folder, link] = ["elsewhere", "models", "link"].map(|name| dir.path().join(name));
        fs::create_dir(&elsewhere).unwrap();
        fs::create_dir(&folder).unwrap();
        let precious = elsewhere.join("trial-2.safetensors");
        fs::write(&precious, "mine").unwrap();
        symlink(&precious, folder.join("trial-2.safetensors")).unwrap();
        symlink(&elsewhere, &link).unwrap();
        for folder in [&folder, &link] {
            retain_trial_files(folder, |_| false).unwrap();
            remove_if_present(&folder.join("trial-2.safetensors")).unwrap();
        }
        assert_eq!(fs::read_to_string(&precious).unwrap(), "mine");
        assert!(folder.join("trial-2.safetensors").is_symlink());
    }
}
