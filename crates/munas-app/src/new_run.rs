//! Where new runs are.

use std::fs;
use std::path::{Path, PathBuf};

use munas_run::{Experiment, OWN_ARRAYS, Run, StoreError, Task};

use crate::error::{UserError, UserResult};
use crate::experiment::npz_source;

/// Where runs go that were not given a directory.
pub const RUNS: &str = "runs";

/// A new run in the directory asked for, or in the first free one of `runs/NAME-1`, `runs/NAME-2`, …
///
/// # Errors
/// Those of [`Run::create`].
pub fn create(out: Option<&Path>, experiment: &Experiment, task: &Task) -> UserResult<Run> {
    create_in(out, &experiment.name, |dir| Run::create(dir, experiment.clone(), task))
}

/// A new run as [`create`] makes it, of the arrays in an archive, which moves into the run's folder.
///
/// # Errors
/// Those of [`create`], and if the archive cannot be moved.
pub fn create_with_arrays(
    out: Option<&Path>,
    experiment: &Experiment,
    task: &Task,
    arrays: &Path,
) -> UserResult<Run> {
    let run = create_in(out, &experiment.name, |dir| {
        let mut experiment = experiment.clone();
        experiment.data.source = npz_source(&dir.join(OWN_ARRAYS));
        Run::create(dir, experiment, task)
    })?;
    let kept = run.dir().join(OWN_ARRAYS);
    // A folder for temporary files may be on another disk, from which files cannot be moved by their name alone.
    let moved = fs::rename(arrays, &kept).or_else(|_| fs::copy(arrays, &kept).map(drop));
    match moved {
        Ok(()) => Ok(run),
        Err(error) => {
            run.remove_if_unused();
            Err(UserError::failure(format_args!("cannot keep the arrays: {error}")).in_file(&kept))
        }
    }
}

fn create_in(
    out: Option<&Path>,
    name: &str,
    make: impl Fn(&Path) -> Result<Run, StoreError>,
) -> UserResult<Run> {
    if let Some(dir) = out {
        return Ok(make(dir)?);
    }
    let name = directory_name(name);
    for number in 1_u32.. {
        let dir = PathBuf::from(RUNS).join(format!("{name}-{number}"));
        // Another process may take the directory in between; then the next number is tried.
        if dir.exists() {
            continue;
        }
        match make(&dir) {
            Err(StoreError::Exists { .. } | StoreError::InUse { .. } | StoreError::Locked { .. }) => {}
            created => return Ok(created?),
        }
    }
    Err(UserError::failure("no directory is free").in_file(Path::new(RUNS)).hint("give one with --out"))
}

/// The experiment's name with everything but letters, digits, dots, dashes and underscores replaced.
fn directory_name(name: &str) -> String {
    let safe: String =
        name.chars().map(|c| if c.is_alphanumeric() || "-_.".contains(c) { c } else { '-' }).collect();
    let safe = safe.trim_matches(|c| c == '-' || c == '.');
    if safe.is_empty() { "run".to_owned() } else { safe.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directory_names_stay_within_their_folder() {
        for (name, expected) in [
            ("mnist", "mnist"),
            ("csv:../my data.csv", "csv-..-my-data.csv"),
            ("../..", "run"),
            ("", "run"),
            ("é1", "é1"),
        ] {
            assert_eq!(directory_name(name), expected, "{name}");
        }
    }
}
