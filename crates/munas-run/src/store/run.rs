//! The directory of a run.
//!
//! | file | content |
//! |---|---|
//! | `experiment.toml` | the experiment, every value written out |
//! | `journal.db` | trials and epochs; its `-wal` and `-shm` belong to it |
//! | `models/trial-N.safetensors` | trained networks of the Pareto front |
//! | `finalists/trial-N-training-K.safetensors` | the best of the networks that were trained anew |
//! | `progress` | how far the journal has come, see `journal::progress` |
//! | `lock` | see `lock` |

mod folder;
mod traces;

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use munas_train::EpochReport;

use crate::experiment::Experiment;
use crate::store::error::StoreError;
use crate::store::files::{FileError, write_atomically};
use crate::store::journal::{Hook, Journal, JournalError, JournalProblem};
use crate::store::lock::{RunLock, is_locked};
use crate::store::models;
use crate::store::session::Session;
use crate::task::Task;
use crate::trial::{Confusions, PromotionRecord, RungResult, TrialRecord};

use folder::NewFolder;
use traces::Traces;

const EXPERIMENT_FILE: &str = "experiment.toml";
/// The file of the arrays that a run was given, where it was given arrays.
pub const OWN_ARRAYS: &str = "data.npz";
const JOURNAL_FILE: &str = "journal.db";

/// A run that this process, and no other, may go on with.
#[derive(Debug)]
pub struct Run {
    dir: PathBuf,
    experiment: Experiment,
    pub(crate) journal: Journal,
    lock: RunLock,
    /// The folder, if this process made the run.
    new: Option<NewFolder>,
}

impl Run {
    /// Checks that a run can be made in `dir`: that there is no such folder yet, or that it is empty.
    ///
    /// # Errors
    /// [`StoreError::Exists`] if there is a run in it, [`StoreError::InUse`] if anything else is, [`StoreError::NotAFolder`].
    pub fn require_free(dir: &Path) -> Result<(), StoreError> {
        folder::require_free(dir)
    }

    /// Makes a new run in `dir`, which is new or empty. Paths of the experiment become absolute.
    ///
    /// # Errors
    /// Those of [`Run::require_free`], [`StoreError::Problem`] if the bounds make no sense, or what the system says. After
    /// an error everything is as it was.
    pub fn create(dir: &Path, experiment: Experiment, task: &Task) -> Result<Self, StoreError> {
        experiment.problem(task).check()?;
        let experiment =
            experiment.with_absolute_paths().map_err(FileError::of("make absolute the paths of", dir))?;
        let (folder, lock) = NewFolder::make(dir)?;
        match write(dir, &experiment, task, &lock) {
            Ok(journal) => Ok(Self { dir: dir.to_owned(), experiment, journal, lock, new: Some(folder) }),
            Err(error) => {
                folder.remove();
                Err(error)
            }
        }
    }

    /// Removes a run that this process made if no trial of it has begun; any other stays.
    pub fn remove_if_unused(self) {
        let Self { journal, lock, new, .. } = self;
        let Some(folder) = new else { return };
        if journal.trials().is_ok_and(|trials| trials.is_empty()) {
            // Both are open files, which not every system lets one remove.
            drop((journal, lock));
            folder.remove();
        }
    }

    /// Opens the run in `dir` to go on with it.
    ///
    /// # Errors
    /// [`StoreError::Locked`] if another process works on it, [`StoreError::NotARun`], [`StoreError::ExperimentChanged`], or what
    /// is wrong with its files.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        check_is_run(dir)?;
        let lock = RunLock::acquire(dir)?;
        let experiment = read_experiment(dir)?;
        let traces = Traces::of(dir);
        let mut journal = Journal::open(&dir.join(JOURNAL_FILE), &experiment)?;
        traces.require_known(&journal)?;
        require_same(dir, &experiment, &journal)?;
        journal.track_progress()?;
        Ok(Self { dir: dir.to_owned(), experiment, journal, lock, new: None })
    }

    /// While another program keeps the journal locked, `hook` is asked every half second, with how long it has been,
    /// whether to wait on. Without one, a search fails after ten seconds.
    pub fn when_locked(&mut self, hook: impl FnMut(Duration) -> ControlFlow<()> + Send + 'static) {
        let hook: Hook = Box::new(hook);
        self.journal.when_locked(hook);
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
    /// [`StoreError::NotARun`], [`StoreError::ExperimentChanged`], or what is wrong with its files.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        check_is_run(dir)?;
        let experiment = read_experiment(dir)?;
        let traces = Traces::of(dir);
        let journal = Journal::open_read_only(&dir.join(JOURNAL_FILE), &experiment)?;
        traces.require_known(&journal)?;
        require_same(dir, &experiment, &journal)?;
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
    /// [`StoreError::Journal`].
    pub fn trials(&self) -> Result<Vec<TrialRecord>, StoreError> {
        Ok(self.journal.trials()?)
    }

    /// The trials whose results can be compared, and maybe others: see [`comparable`](crate::comparable). Where some were trained in full,
    /// the others, which are many, are not read.
    ///
    /// # Errors
    /// [`StoreError::Journal`].
    pub fn comparable_trials(&self) -> Result<Vec<TrialRecord>, StoreError> {
        let whole = self.journal.whole_trials()?;
        if whole.is_empty() { self.trials() } else { Ok(whole) }
    }

    /// The trials of these numbers that there are.
    ///
    /// # Errors
    /// [`StoreError::Journal`].
    pub fn trials_of(&self, numbers: impl IntoIterator<Item = u64>) -> Result<Vec<TrialRecord>, StoreError> {
        let found = numbers.into_iter().map(|number| self.journal.trial(number));
        Ok(found.filter_map(Result::transpose).collect::<Result<_, _>>()?)
    }

    /// Trials with a result after the one of this order, and those that have none or are trained on, by number: with what is known
    /// already, what there is to know.
    ///
    /// # Errors
    /// [`StoreError::Journal`].
    pub fn trials_since(&self, arrival: u64) -> Result<Vec<TrialRecord>, StoreError> {
        Ok(self.journal.trials_since(arrival)?)
    }

    /// The latest session.
    ///
    /// # Errors
    /// [`StoreError::Journal`].
    pub fn last_session(&self) -> Result<Option<Session>, StoreError> {
        Ok(self.journal.last_session()?)
    }

    /// All results, in the order of arrival: one for each rung that a trial has come to the end of.
    ///
    /// # Errors
    /// [`StoreError::Journal`].
    pub fn results(&self) -> Result<Vec<RungResult>, StoreError> {
        Ok(self.journal.results()?)
    }

    /// All decisions that a resting trial was trained on, in their order.
    ///
    /// # Errors
    /// [`StoreError::Journal`].
    pub fn promotions(&self) -> Result<Vec<PromotionRecord>, StoreError> {
        Ok(self.journal.promotions()?)
    }

    /// The training curve of a trial, one entry per epoch.
    ///
    /// # Errors
    /// [`StoreError::Journal`].
    pub fn curve(&self, trial: u64) -> Result<Vec<EpochReport>, StoreError> {
        Ok(self.journal.curve(trial)?)
    }

    /// Which classes a trial takes for which; kept for those on the front.
    ///
    /// # Errors
    /// [`StoreError::Journal`].
    pub fn confusions(&self, trial: u64) -> Result<Option<Confusions>, StoreError> {
        Ok(self.journal.confusions(trial)?)
    }

    /// Where the trained network of a trial is, if it is kept.
    pub fn model_path(&self, trial: u64) -> Option<PathBuf> {
        Some(models::path(&self.dir, trial)).filter(|path| path.exists())
    }
}

/// Writes the files of a new run.
fn write(dir: &Path, experiment: &Experiment, task: &Task, lock: &RunLock) -> Result<Journal, StoreError> {
    let file = dir.join(EXPERIMENT_FILE);
    write_atomically(&file, experiment.to_toml().as_bytes()).map_err(FileError::of("write", &file))?;
    // The journal comes last: a directory that has one is a whole run.
    let journal = dir.join(JOURNAL_FILE);
    Journal::create(&journal, experiment, task)?;
    lock.write("")?;
    let mut journal = Journal::open(&journal, experiment)?;
    journal.track_progress()?;
    Ok(journal)
}

fn check_is_run(dir: &Path) -> Result<(), StoreError> {
    for missing in [EXPERIMENT_FILE, JOURNAL_FILE] {
        let path = dir.join(missing);
        if path.exists() {
            continue;
        }
        if missing == JOURNAL_FILE && folder::was_whole(dir) {
            return Err(JournalError::new(&path, JournalProblem::Gone).into());
        }
        return Err(StoreError::NotARun { dir: dir.to_owned(), missing });
    }
    Ok(())
}

fn read_experiment(dir: &Path) -> Result<Experiment, StoreError> {
    let path = dir.join(EXPERIMENT_FILE);
    let text = fs::read_to_string(&path).map_err(FileError::of("read", &path))?;
    Experiment::from_run_file(&text).map_err(|source| StoreError::ExperimentFile { path, source })
}

/// Checks that the experiment is the one with which the run was made.
fn require_same(dir: &Path, experiment: &Experiment, journal: &Journal) -> Result<(), StoreError> {
    let changes = experiment.changes_since(journal.recorded_experiment());
    let changes =
        changes.map_err(|source| StoreError::ExperimentFile { path: dir.join(JOURNAL_FILE), source })?;
    match changes {
        None => Ok(()),
        Some(changes) => Err(StoreError::ExperimentChanged { path: dir.join(EXPERIMENT_FILE), changes }),
    }
}

#[cfg(test)]
mod tests;
