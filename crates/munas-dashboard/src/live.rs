//! One run as far as it is known, and what is new. Only what has changed is read again.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use munas_app::records::FinalistJson;
use munas_run::experiment::ENDLESS_TRIALS;
use munas_run::{Finalist, RunReader, StoreError, TrialState, finalists};

use crate::records::{AskedJson, CurveJson, NewsJson, SessionJson, TrialJson};

/// However many pages ask, the journal is read no more often than this.
const EVERY: Duration = Duration::from_millis(500);

/// A run that is followed.
#[derive(Debug)]
pub struct LiveRun {
    reader: RunReader,
    /// Trials as they were told, with the version at which they became so.
    trials: BTreeMap<u64, (u64, TrialJson)>,
    curves: Vec<CurveJson>,
    session: Option<SessionJson>,
    finalists: Vec<Finalist>,
    /// Counts what has changed.
    version: u64,
    /// The order of the latest result that is known.
    arrival: u64,
    read: Option<Instant>,
}

/// A run that many requests look at.
pub type SharedRun = Arc<Mutex<LiveRun>>;

/// A run for oneself; a reader that panicked has changed nothing.
pub fn locked(run: &Mutex<LiveRun>) -> MutexGuard<'_, LiveRun> {
    run.lock().unwrap_or_else(PoisonError::into_inner)
}

impl LiveRun {
    /// Nothing is known of it yet.
    pub fn new(reader: RunReader) -> Self {
        Self {
            reader,
            trials: BTreeMap::new(),
            curves: Vec::new(),
            session: None,
            finalists: Vec::new(),
            version: 0,
            arrival: 0,
            read: None,
        }
    }

    /// The run.
    pub fn reader(&self) -> &RunReader {
        &self.reader
    }

    /// Its directory.
    pub fn dir(&self) -> &Path {
        self.reader.dir()
    }

    /// What was asked for.
    pub fn asked(&self) -> AskedJson {
        AskedJson::of(&self.reader)
    }

    /// Trials with a result.
    pub fn results(&self) -> usize {
        self.trials.values().filter(|(_, trial)| trial.has_result()).count()
    }

    /// Reads what has changed in the journal.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn refresh(&mut self) -> Result<(), StoreError> {
        if self.read.is_some_and(|read| read.elapsed() < EVERY) {
            return Ok(());
        }
        self.read = Some(Instant::now());
        let changed = self.reader.trials_since(self.arrival)?;
        let mut curves = Vec::new();
        let next = self.version + 1;
        for record in &changed {
            self.arrival = self.arrival.max(record.arrival.unwrap_or(0));
            let told = TrialJson::of(record, &self.reader);
            if matches!(record.state, TrialState::Running) {
                let curve = self.reader.curve(record.trial)?;
                let errors = curve.iter().map(|epoch| epoch.validation_error).collect();
                curves.push(CurveJson { t: record.trial, ep: record.candidate.epochs, e: errors });
            }
            if self.trials.get(&record.trial).is_none_or(|(_, known)| *known != told) {
                self.trials.insert(record.trial, (next, told));
                self.version = next;
            }
        }
        let (session, finalists) = (self.session()?, finalists(&self.reader)?);
        if (&curves, &session, &finalists) != (&self.curves, &self.session, &self.finalists) {
            (self.curves, self.session, self.finalists) = (curves, session, finalists);
            self.version = next;
        }
        Ok(())
    }

    /// What is new since a version; `None`: nothing.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub fn news(&mut self, since: Option<u64>) -> Result<Option<NewsJson>, StoreError> {
        self.refresh()?;
        if since == Some(self.version) {
            return Ok(None);
        }
        let since = since.unwrap_or(0);
        let is_new = |(version, _): &&(u64, TrialJson)| *version > since;
        Ok(Some(NewsJson {
            version: self.version,
            trials: self.trials.values().filter(is_new).map(|(_, trial)| trial.clone()).collect(),
            curves: self.curves.clone(),
            session: self.session.clone(),
            finalists: self
                .finalists
                .iter()
                .map(|finalist| FinalistJson::new(finalist, &self.reader))
                .collect(),
        }))
    }

    fn session(&self) -> Result<Option<SessionJson>, StoreError> {
        let active = self.reader.is_active();
        Ok(self.reader.last_session()?.map(|session| SessionJson {
            active,
            workers: session.workers,
            limit: Some(session.trials_limit).filter(|limit| *limit != ENDLESS_TRIALS),
            started_ms: session.started_ms,
            seconds_left: session.time_left().filter(|_| active).map(|left| left.as_secs()),
            end_reason: session.end_reason,
        }))
    }
}
