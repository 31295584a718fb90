//! The directory of a run.
//!
//! | file | content |
//! |---|---|
//! | `experiment.toml` | the experiment, every value written out |
//! | `journal.db` | trials and epochs; its `-wal` and `-shm` belong to it |
//! | `models/trial-N.safetensors` | trained networks of the Pareto front |
//! | `lock` | see `lock` |

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::RunError;
use crate::experiment::Experiment;
use crate::files::write_atomically;
use crate::journal::Journal;
use crate::lock::{RunLock, is_locked};
use crate::models;
use crate::task::Task;
use crate::trial::TrialRecord;

const EXPERIMENT_FILE: &str = "experiment.toml";
const JOURNAL_FILE: &str = "journal.db";

/// A run that this process, and no other, may go on with.
#[derive(Debug)]
pub struct Run {
    dir: PathBuf,
    experiment: Experiment,
    pub(crate) journal: Journal,
    _lock: RunLock,
}

impl Run {
    /// Makes a new run in `dir`, which is made too if need be. Paths of the experiment become absolute.
    ///
    /// # Errors
    /// [`RunError::Exists`] if there is a run in it, [`RunError::Problem`] if the bounds make no sense.
    pub fn create(dir: &Path, experiment: Experiment, task: &Task) -> Result<Self, RunError> {
        crate::proposals::problem(&experiment, task).check()?;
        let experiment =
            experiment.with_absolute_paths().map_err(RunError::io("make absolute the paths of", dir))?;
        let models = dir.join(models::DIRECTORY);
        fs::create_dir_all(&models).map_err(RunError::io("create", &models))?;
        let lock = RunLock::acquire(dir)?;
        let journal = dir.join(JOURNAL_FILE);
        if journal.exists() {
            return Err(RunError::Exists { dir: dir.to_owned() });
        }
        let file = dir.join(EXPERIMENT_FILE);
        write_atomically(&file, experiment.to_toml().as_bytes()).map_err(RunError::io("write", &file))?;
        // The journal comes last: a directory that has one is a whole run.
        Journal::create(&journal, task)?;
        let journal = Journal::open(&journal, experiment.search.error)?;
        Ok(Self { dir: dir.to_owned(), experiment, journal, _lock: lock })
    }

    /// Opens the run in `dir` to go on with it.
    ///
    /// # Errors
    /// [`RunError::Locked`] if another process works on it, [`RunError::NotARun`], or what is wrong with its files.
    pub fn open(dir: &Path) -> Result<Self, RunError> {
        check_is_run(dir)?;
        let lock = RunLock::acquire(dir)?;
        let experiment = read_experiment(dir)?;
        let journal = Journal::open(&dir.join(JOURNAL_FILE), experiment.search.error)?;
        Ok(Self { dir: dir.to_owned(), experiment, journal, _lock: lock })
    }

    /// The run's directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The experiment.
    pub fn experiment(&self) -> &Experiment {
        &self.experiment
    }

    /// The task that the run began with.
    pub fn task(&self) -> &Task {
        self.journal.task()
    }
}

/// A run to look at, also while another process works on it.
#[derive(Debug)]
pub struct RunReader {
    dir: PathBuf,
    experiment: Experiment,
    pub(crate) journal: Journal,
}

impl RunReader {
    /// Opens the run in `dir` for reading.
    ///
    /// # Errors
    /// [`RunError::NotARun`], or what is wrong with its files.
    pub fn open(dir: &Path) -> Result<Self, RunError> {
        check_is_run(dir)?;
        let experiment = read_experiment(dir)?;
        let journal = Journal::open_read_only(&dir.join(JOURNAL_FILE), experiment.search.error)?;
        Ok(Self { dir: dir.to_owned(), experiment, journal })
    }

    /// The run's directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The experiment.
    pub fn experiment(&self) -> &Experiment {
        &self.experiment
    }

    /// The task of the run.
    pub fn task(&self) -> &Task {
        self.journal.task()
    }

    /// Whether a process is working on the run.
    pub fn is_active(&self) -> bool {
        is_locked(&self.dir)
    }

    /// All trials, by number.
    ///
    /// # Errors
    /// [`RunError::Journal`].
    pub fn trials(&self) -> Result<Vec<TrialRecord>, RunError> {
        Ok(self.journal.trials()?)
    }

    /// Where the trained network of a trial is, if it is kept.
    pub fn model_path(&self, trial: u64) -> Option<PathBuf> {
        Some(models::path(&self.dir, trial)).filter(|path| path.exists())
    }
}

fn check_is_run(dir: &Path) -> Result<(), RunError> {
    for missing in [EXPERIMENT_FILE, JOURNAL_FILE] {
        if !dir.join(missing).exists() {
            return Err(RunError::NotARun { dir: dir.to_owned(), missing });
        }
    }
    Ok(())
}

fn read_experiment(dir: &Path) -> Result<Experiment, RunError> {
    let path = dir.join(EXPERIMENT_FILE);
    let text = fs::read_to_string(&path).map_err(RunError::io("read", &path))?;
    Experiment::from_run_file(&text).map_err(|source| RunError::ExperimentFile { path, source })
}

#[cfg(test)]
mod tests;
