//! What a run has come to, read from its journal.

use std::time::Duration;

use munas_search::{Bounds, Objective, Refusals, pareto};
use munas_train::EpochReport;

use crate::store::error::StoreError;
use crate::store::models::SavedModel;
use crate::store::run::RunReader;
use crate::store::session::Session;
use crate::trial::{AttemptRecord, Confusions, TrialRecord, TrialState, front_objectives};

/// The trials that the rate is taken from: the latest, since trials change as a search goes on.
const RATE_WINDOW: usize = 500;

/// How far a run is.
#[derive(Clone, Debug, PartialEq)]
pub struct Status {
    /// Name of the experiment.
    pub name: String,
    /// Whether a process is working on it.
    pub active: bool,
    /// The latest session.
    pub session: Option<Session>,
    /// Number of trials at which the search ends.
    pub trials_limit: u64,
    /// Trials that were trained to the end.
    pub done: u64,
    /// Trials that rest at the end of a rung.
    pub paused: u64,
    /// Trials that failed.
    pub failed: u64,
    /// Trials that were interrupted and are trained again on resume.
    pub stopped: u64,
    /// Trials that are being trained, or wait for memory; in a run that is not active, those that did when its process was
    /// killed.
    pub running: u64,
    /// Trials whose results can be compared: see [`comparable`].
    pub results: u64,
    /// Those of them that meet all bounds.
    pub in_bounds: u64,
    /// Draws that were refused before training, over all trials.
    pub refused: Refusals,
    /// The trial of the front with the lowest validation error.
    pub best: Option<TrialRecord>,
    /// The trial of the front with the lowest validation error among those that meet all bounds but the error's. Where
    /// none of the front does, as may be with a bound on latency, which is no objective of the front, it is one that does.
    pub best_in_bounds: Option<TrialRecord>,
    /// Why the first trial failed, if every trial that ended did.
    pub only_failures: Option<Failure>,
    /// Trials per hour, at the pace of the latest ones.
    pub trials_per_hour: Option<f64>,
    /// Time until the search ends at this pace; `None` for a run that is not active, or without a pace yet.
    pub remaining: Option<Duration>,
}

/// A trial that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The trial.
    pub trial: u64,
    /// Why it has no result.
    pub reason: String,
}

impl Status {
    /// Trials that have ended, or rest.
    pub fn ended(&self) -> u64 {
        self.done + self.paused + self.failed
    }

    /// Share of `results` that meet all bounds; `None` while there are none.
    pub fn in_bounds_share(&self) -> Option<f64> {
        (self.results > 0).then(|| self.in_bounds as f64 / self.results as f64)
    }
}

/// One trial with its training curve.
#[derive(Clone, Debug, PartialEq)]
pub struct TrialDetails {
    /// The trial.
    pub record: TrialRecord,
    /// One entry per epoch.
    pub curve: Vec<EpochReport>,
    /// Which classes it takes for which; kept for trials on the front.
    pub confusions: Option<Confusions>,
    /// What workers in other processes were given of it, in order.
    pub attempts: Vec<AttemptRecord>,
}

/// How far a run is.
///
/// # Errors
/// [`StoreError::Journal`].
pub fn status(reader: &RunReader) -> Result<Status, StoreError> {
    let records = reader.comparable_trials()?;
    let (states, refused) = reader.journal.totals()?;
    let experiment = reader.experiment();
    let session = reader.journal.last_session()?;
    let active = reader.is_active();
    let trials_limit = session.as_ref().map_or(experiment.search.trials, |session| session.trials_limit);
    let count = |name: &str| states.get(name).copied().unwrap_or(0);
    let bounds = &experiment.bounds;
    let mut resource_bounds = bounds.clone();
    resource_bounds.values[Objective::Error] = None;
    let front = front_of(&records, bounds);
    let fits = |record: &&TrialRecord| record.in_bounds(&resource_bounds);
    let mut status = Status {
        name: experiment.name.clone(),
        active,
        trials_limit,
        done: count("done"),
        paused: count("paused"),
        results: comparable(&records).count() as u64,
        failed: count("failed"),
        stopped: count("stopped"),
        running: count("running"),
        in_bounds: comparable(&records).filter(|record| record.in_bounds(bounds)).count() as u64,
        refused,
        best_in_bounds: front
            .iter()
            .find(fits)
            .or_else(|| comparable(&records).filter(fits).min_by(|a, b| by_error(a, b)))
            .cloned(),
        best: front.into_iter().next(),
        only_failures: only_failures(&records),
        trials_per_hour: None,
        remaining: None,
        session,
    };
    if let Some(session) = &status.session {
        let pace = seconds_per_trial(&reader.journal.latest_spans(RATE_WINDOW)?);
        status.trials_per_hour = pace.map(|seconds| 3600.0 / seconds);
        let left = trials_limit.saturating_sub(status.ended());
        let by_trials = pace.and_then(|seconds| Duration::try_from_secs_f64(seconds * left as f64).ok());
        status.remaining = by_trials.filter(|_| active).map(|left| match session.time_left() {
            Some(time) => left.min(time),
            None => left,
        });
    }
    Ok(status)
}

/// The Pareto front over the [`front_objectives`] of all trained trials, by validation error.
///
/// # Errors
/// [`StoreError::Journal`].
pub fn front(reader: &RunReader) -> Result<Vec<TrialRecord>, StoreError> {
    Ok(front_of(&reader.comparable_trials()?, &reader.experiment().bounds))
}

/// The trials whose results can be compared: those that were trained in full, or those that rest as long as there is none. Of many errors after
/// a part of a training, the lowest is a lucky one.
pub fn comparable(records: &[TrialRecord]) -> impl Iterator<Item = &TrialRecord> + Clone {
    let has_whole = records.iter().any(TrialRecord::is_whole);
    records.iter().filter(move |record| record.is_whole() || (!has_whole && record.outcome().is_some()))
}

/// The Pareto front of the [`comparable`] ones of these trials under these bounds, by validation error.
pub fn front_of(records: &[TrialRecord], bounds: &Bounds) -> Vec<TrialRecord> {
    let objectives = front_objectives(bounds);
    let records = comparable(records);
    let (placed, points): (Vec<&TrialRecord>, Vec<Vec<f64>>) =
        records.filter_map(|record| Some((record, record.point(&objectives)?))).unzip();
    let mut front: Vec<TrialRecord> =
        pareto::front(&points).into_iter().map(|index| placed[index].clone()).collect();
    front.sort_by(by_error);
    front
}

/// One trial with its curve.
///
/// # Errors
/// [`StoreError::NoTrial`], [`StoreError::Journal`].
pub fn trial(reader: &RunReader, trial: u64) -> Result<TrialDetails, StoreError> {
    let record = reader.journal.trial(trial)?;
    let record = record.ok_or_else(|| StoreError::NoTrial { dir: reader.dir().to_owned(), trial })?;
    let (curve, confusions) = (reader.journal.curve(trial)?, reader.journal.confusions(trial)?);
    let attempts = reader.journal.attempts(trial)?;
    Ok(TrialDetails { record, curve, confusions, attempts })
}

/// The trained network of a trial, if it is kept.
///
/// # Errors
/// [`StoreError::NoTrial`], [`StoreError::Journal`]; [`StoreError::Model`] if the file is damaged, or is that of another
/// trial, network or run.
pub fn model(reader: &RunReader, number: u64) -> Result<Option<SavedModel>, StoreError> {
    let record = trial(reader, number)?.record;
    let Some(path) = reader.model_path(number) else { return Ok(None) };
    let model = SavedModel::load(&path)?;
    model.require(&path, &record, reader.task())?;
    Ok(Some(model))
}

fn by_error(a: &TrialRecord, b: &TrialRecord) -> std::cmp::Ordering {
    let error = |record: &TrialRecord| record.candidate.objectives(record.error())[Objective::Error];
    error(a).partial_cmp(&error(b)).unwrap_or(std::cmp::Ordering::Equal).then(a.trial.cmp(&b.trial))
}

/// Why the first trial failed, if every trial that ended did.
pub fn only_failures(records: &[TrialRecord]) -> Option<Failure> {
    if records.iter().any(|record| record.outcome().is_some()) {
        return None;
    }
    records.iter().find_map(|record| match &record.state {
        TrialState::Failed(reason) => Some(Failure { trial: record.trial, reason: reason.clone() }),
        _ => None,
    })
}

/// Wall time per trial, with the promotions of others meanwhile: of trials that began and came to a result at these times, in milliseconds.
fn seconds_per_trial(spans: &[(u64, u64)]) -> Option<f64> {
    let begin = spans.iter().map(|(start, _)| *start).min()?;
    let end = spans.iter().map(|(_, end)| *end).max()?;
    (end > begin).then(|| (end - begin) as f64 / 1000.0 / spans.len() as f64)
}

#[cfg(test)]
mod tests;
