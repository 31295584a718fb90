//! What is to be trained anew, and from whom it learns.

use std::iter;
use std::path::PathBuf;

use super::choice::{affordable, choose};
use super::length::{Length, PLANNED_SHARE, epochs_of, is_longest};
use crate::executor::limits::Limits;
use crate::experiment::{Experiment, FinalSettings};
use crate::finalist::FinalistRecord;
use crate::store::error::StoreError;
use crate::store::models;
use crate::store::query::front_of;
use crate::store::run::RunReader;
use crate::trial::TrialRecord;

/// A slower machine than this was suspended.
const MOST_SLOWDOWN: f64 = 20.0;
/// The most networks that are trained anew because there is time for them.
const MOST_NETWORKS: usize = 64;

/// How many networks are trained anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NetworkCount {
    /// At most so many.
    AtMost(usize),
    /// So many, and more where the time allows the longest trainings of more.
    OrMore(usize),
}

impl NetworkCount {
    /// The number that the length of the trainings is chosen for.
    const fn least(self) -> usize {
        match self {
            Self::AtMost(count) | Self::OrMore(count) => count,
        }
    }

    /// The most that there may be.
    const fn most(self) -> usize {
        match self {
            Self::OrMore(count) if count < MOST_NETWORKS => MOST_NETWORKS,
            Self::AtMost(count) | Self::OrMore(count) => count,
        }
    }
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct RefineWishes {
    /// How many networks.
    pub networks: NetworkCount,
    /// Trainings of each.
    pub seeds: u32,
    /// The trials whose networks are trained, instead of those that the front's shape speaks for.
    pub trials: Vec<u64>,
    /// How long a training is.
    pub length: Length,
    /// Time and means of the session. Its number of trials is that of the search, which stays what it is.
    pub limits: Limits,
}

impl RefineWishes {
    /// What an experiment asks for, within these limits, whose time the trainings fill if there is one.
    pub fn of(experiment: &Experiment, limits: Limits) -> Self {
        let settings = &experiment.finalists;
        let (length, networks) = match limits.time {
            Some(time) => (Length::Filling(time), NetworkCount::OrMore(settings.networks)),
            None => (Length::AsBefore, NetworkCount::AtMost(settings.networks)),
        };
        Self { networks, seeds: settings.seeds, trials: Vec::new(), length, limits }
    }
}

/// Nothing can be trained anew.
#[derive(Debug, thiserror::Error)]
pub enum RefineError {
    /// The run cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A trial that was named has no result.
    #[error("trial {trial} has no result: it is {state}")]
    WithoutResult {
        /// The trial.
        trial: u64,
        /// How far it came.
        state: &'static str,
    },
    /// No trial has a result.
    #[error("no trial has a result yet")]
    Nothing,
}

/// The network that finalists learn from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FinalTeacher {
    /// The trial.
    pub trial: u64,
    /// The file of its network.
    pub path: PathBuf,
}

/// The finalists, and how they are trained.
#[derive(Clone, Debug, PartialEq)]
pub struct RefinePlan {
    /// The trials whose networks are trained, those first that are worth it most.
    pub trials: Vec<u64>,
    /// Trainings of each.
    pub seeds: u32,
    /// Epochs of a training.
    pub epochs: u32,
    /// What they learn from besides the labels.
    pub teacher: Option<FinalTeacher>,
    /// Trainings that are still to be done.
    pub trainings: usize,
    /// Trainings of the first network that the time should allow; `None`: as many as there are.
    pub affordable: Option<u64>,
    /// Time and means of the session.
    pub limits: Limits,
}

impl RefinePlan {
    /// The trainings of a trial that are still to be done, by number.
    pub(super) fn missing_of(&self, known: &[FinalistRecord], trial: u64) -> impl Iterator<Item = u32> {
        missing_numbers(known, trial, self.seeds, self.epochs)
    }

    /// The experiment whose finalists are trained for as long as the plan says: what evaluators for it are made of.
    pub fn experiment(&self, experiment: &Experiment) -> Experiment {
        let mut planned = experiment.clone();
        let factor = f64::from(self.epochs) / f64::from(experiment.train.epochs.max(1));
        // One epoch may be less than the least factor, which comes to as many.
        planned.finalists.longer = factor.max(*FinalSettings::FACTORS.start());
        planned
    }
}

/// What is to be trained in a run, and what of it the time allows.
///
/// # Errors
/// [`RefineError`].
pub fn plan_finalists(reader: &RunReader, wishes: &RefineWishes) -> Result<RefinePlan, RefineError> {
    let experiment = reader.experiment();
    let records = reader.trials()?;
    let known = reader.journal.finalists().map_err(StoreError::from)?;
    let front = front_of(&records, &experiment.bounds);
    let workers = wishes.limits.worker_count();
    let slowdown = slowdown(&records);
    let of_epoch = |trial: u64| {
        let record = records.iter().find(|record| record.trial == trial);
        slowdown * record.map_or(0.0, seconds_of_epoch)
    };
    let are_named = !wishes.trials.is_empty();
    let mut trials = match are_named {
        true => named(reader, &records, &wishes.trials)?,
        false => choose(&front, &experiment.bounds, wishes.networks.most()),
    };
    let first = *trials.first().ok_or(RefineError::Nothing)?;
    let least = if are_named { trials.len() } else { wishes.networks.least() };
    let all = trials.iter().take(least);
    let all = all.flat_map(|trial| iter::repeat_n(of_epoch(*trial), wishes.seeds as usize));
    let before = reader.journal.finalist_epochs().map_err(StoreError::from)?;
    let before = before.or_else(|| known.iter().map(|record| record.epochs).max());
    let epochs = epochs_of(wishes.length, experiment, before, &all.collect::<Vec<_>>(), workers);
    let missing = |trial: u64| missing_numbers(&known, trial, wishes.seeds, epochs).count();
    let of_one = |trial: u64| of_epoch(trial) * f64::from(epochs);
    // Core seconds.
    let budget = wishes.limits.time.map(|time| time.as_secs_f64() * workers as f64);
    if let Some(budget) = budget.filter(|_| !are_named) {
        let costs: Vec<f64> = trials.iter().map(|trial| of_one(*trial) * missing(*trial) as f64).collect();
        let more =
            if is_longest(epochs, experiment) { affordable(&costs, PLANNED_SHARE * budget) } else { 0 };
        trials.truncate(affordable(&costs, budget).min(least).max(more));
    }
    let teaches = experiment.finalists.distillation && experiment.distillation.is_none();
    Ok(RefinePlan {
        trainings: trials.iter().map(|trial| missing(*trial)).sum(),
        trials,
        affordable: budget.map(|budget| (budget / of_one(first).max(f64::MIN_POSITIVE)) as u64),
        seeds: wishes.seeds,
        epochs,
        teacher: if teaches { teacher(reader, &front) } else { None },
        limits: wishes.limits.clone(),
    })
}

/// The trainings of a trial of so many epochs that are still to be done, by number. Shorter ones are none of them, and keep their numbers.
fn missing_numbers(
    known: &[FinalistRecord],
    trial: u64,
    seeds: u32,
    epochs: u32,
) -> impl Iterator<Item = u32> {
    let of_trial = move || known.iter().filter(move |record| record.trial == trial);
    let shorter = of_trial().filter(|record| record.epochs < epochs).map(|record| record.number).max();
    let is_known = move |number| of_trial().any(|record| record.number == number);
    let first = shorter.unwrap_or(0) + 1;
    (first..first + seeds).filter(move |number| !is_known(*number))
}

/// The trials that the user names, each once; all of them have a result.
fn named(reader: &RunReader, records: &[TrialRecord], trials: &[u64]) -> Result<Vec<u64>, RefineError> {
    let mut found = Vec::new();
    for &trial in trials {
        let record = records.iter().find(|record| record.trial == trial);
        let record = record.ok_or_else(|| StoreError::NoTrial { dir: reader.dir().to_owned(), trial })?;
        if record.outcome().is_none() {
            return Err(RefineError::WithoutResult { trial, state: record.state.name() });
        }
        if !found.contains(&trial) {
            found.push(trial);
        }
    }
    Ok(found)
}

/// What an epoch on one fold takes, by what the trainings of the search took on all that they were judged on.
fn seconds_of_epoch(record: &TrialRecord) -> f64 {
    record.outcome().map_or(0.0, |outcome| {
        outcome.train_seconds / f64::from(outcome.folds.max(1)) / f64::from(outcome.epochs.max(1))
    })
}

/// How many times as long as on a core of their own trainings took by the clock, at the median: other programs use the cores too.
fn slowdown(records: &[TrialRecord]) -> f64 {
    let ratios = records.iter().filter_map(|record| {
        let clock = record.finished_ms?.saturating_sub(record.started_ms) as f64 / 1000.0;
        let on_core = record.outcome()?.train_seconds;
        (on_core > 0.0).then(|| clock / on_core)
    });
    let mut ratios: Vec<f64> = ratios.collect();
    ratios.sort_by(f64::total_cmp);
    ratios.get(ratios.len() / 2).copied().unwrap_or(1.0).clamp(1.0, MOST_SLOWDOWN)
}

/// The largest of the networks whose error is within one standard error of the least one.
fn teacher(reader: &RunReader, front: &[TrialRecord]) -> Option<FinalTeacher> {
    let least = front.first()?;
    let reach = least.error()? + least.stderr().unwrap_or(0.0);
    let able = front.iter().filter(|record| record.error().is_some_and(|error| error <= reach));
    let kept = able.filter(|record| reader.model_path(record.trial).is_some());
    let largest = kept.max_by_key(|record| (record.candidate.resources.model_size, record.trial))?;
    Some(FinalTeacher { trial: largest.trial, path: models::path(reader.dir(), largest.trial) })
}
