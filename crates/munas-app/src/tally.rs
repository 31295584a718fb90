//! Running totals of a search, for display.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use munas_report::units;
use munas_run::experiment::ENDLESS_TRIALS;
use munas_run::{Event, Experiment, FileError, Limits, Status, TrialRecord, TrialState, WorkerNews};
use munas_search::Bounds;

/// Workers in other processes, by node.
#[derive(Clone, Debug, Default)]
pub struct Workers {
    nodes: BTreeMap<String, u64>,
}

impl Workers {
    /// Counts those that come and go.
    pub fn count(&mut self, news: &WorkerNews) {
        match news {
            WorkerNews::Joined(worker) => *self.nodes.entry(worker.node.clone()).or_default() += 1,
            WorkerNews::Left { worker, .. } => {
                if let Some(count) = self.nodes.get_mut(&worker.node) {
                    *count = count.saturating_sub(1);
                }
                self.nodes.retain(|_, count| *count > 0);
            }
            _ => {}
        }
    }

    /// How many there are.
    pub fn len(&self) -> u64 {
        self.nodes.values().sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }
}

/// `5 workers on 2 nodes`.
impl fmt::Display for Workers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = |count: u64, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
        write!(f, "{} on {}", plural(self.len(), "worker"), plural(self.nodes.len() as u64, "node"))
    }
}

/// Totals of the run, and the pace of this session.
pub struct Tally {
    bounds: Bounds,
    /// Trials with a result at which the search ends.
    pub limit: u64,
    /// Trials of the run that have a result.
    pub ended: u64,
    /// Trials that were trained in full, and those of them within all bounds.
    results: u64,
    in_bounds: u64,
    /// Lowest validation error among those that fit the device.
    best: Option<f64>,
    /// Checkpoints that could not be kept.
    lost_checkpoints: u64,
    ended_before: u64,
    begin: Instant,
    deadline: Option<Instant>,
    /// Workers in other processes.
    pub workers: Workers,
}

impl Tally {
    /// The totals at the beginning of a session.
    pub fn new(experiment: &Experiment, limits: &Limits, status: &Status) -> Self {
        let begin = Instant::now();
        // What rests is no more compared once there is a whole training.
        let whole = (status.done > 0).then_some(status);
        Self {
            bounds: experiment.bounds.clone(),
            limit: limits.trials,
            ended: status.ended(),
            results: whole.map_or(0, |status| status.results),
            in_bounds: whole.map_or(0, |status| status.in_bounds),
            best: whole.and_then(|status| status.best_in_bounds.as_ref()).and_then(TrialRecord::error),
            lost_checkpoints: 0,
            ended_before: status.ended(),
            begin,
            deadline: limits.time.and_then(|time| begin.checked_add(time)),
            workers: Workers::default(),
        }
    }

    /// Counts an event.
    pub fn count(&mut self, event: &Event<'_>) {
        let (record, is_first) = match event {
            Event::TrialFinished { record, is_first, .. } => (record, *is_first),
            Event::CheckpointLost { .. } => {
                self.lost_checkpoints += 1;
                return;
            }
            Event::Worker(news) => return self.workers.count(news),
            _ => return,
        };
        match &record.state {
            TrialState::Paused => self.ended += u64::from(is_first),
            TrialState::Done => {
                self.ended += u64::from(is_first);
                self.results += 1;
                self.in_bounds += u64::from(record.in_bounds(&self.bounds));
                // An error of 0 meets its bound: the resources alone decide what fits.
                if self.bounds.are_met(&record.candidate.objectives(Some(0.0)))
                    && let Some(error) = record.error()
                    && self.best.is_none_or(|best| error < best)
                {
                    self.best = Some(error);
                }
            }
            TrialState::Failed(_) => self.ended += u64::from(is_first),
            TrialState::Running | TrialState::Stopped => {}
        }
    }

    /// `12/600`; `12` where nothing but the time ends the search.
    pub fn progress(&self) -> String {
        match self.limit {
            ENDLESS_TRIALS => self.ended.to_string(),
            limit => format!("{}/{limit}", self.ended),
        }
    }

    /// `12.3 trials/min · 64 % in bounds · best 2.31 % · 3 min 05 s left`; what is not known yet is left out.
    pub fn line(&self) -> String {
        let elapsed = self.begin.elapsed();
        let ended = self.ended - self.ended_before;
        let mut parts = Vec::new();
        if ended > 0 {
            parts.push(format!("{:.1} trials/min", ended as f64 / elapsed.as_secs_f64() * 60.0));
        }
        if !self.workers.is_empty() {
            parts.push(self.workers.to_string());
        }
        if self.results > 0 {
            parts.push(format!("{:.0} % in bounds", 100.0 * self.in_bounds as f64 / self.results as f64));
        }
        if let Some(best) = self.best {
            parts.push(format!("best {}", units::percent(best)));
        }
        if let Some(left) = self.time_left(elapsed, ended) {
            parts.push(format!("{} left", units::duration(left.as_secs_f64())));
        }
        if parts.is_empty() {
            return "the first trials are being trained".to_owned();
        }
        parts.join(" · ")
    }

    /// What to say when a checkpoint was lost; said once in a session.
    pub fn checkpoint_warning(&self, error: &FileError) -> Option<String> {
        (self.lost_checkpoints == 1).then(|| {
            format!("warning: {error}; the search goes on, but a training that is interrupted may begin anew")
        })
    }

    /// Until the trials are done at the pace of this session, or the time is up.
    fn time_left(&self, elapsed: Duration, ended: u64) -> Option<Duration> {
        let to_do = self.limit.saturating_sub(self.ended) as f64;
        let seconds = (ended > 0).then(|| elapsed.as_secs_f64() / ended as f64 * to_do);
        let by_trials = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        let by_clock = self.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        match (by_trials, by_clock) {
            (Some(trials), Some(clock)) => Some(trials.min(clock)),
            (known, None) | (None, known) => known,
        }
    }
}
