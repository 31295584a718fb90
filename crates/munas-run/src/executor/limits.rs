//! When a session ends, and how it did.

use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::experiment::Experiment;

/// When a session ends, where the first rule that applies counts, and what it may use.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// Number of trials of the run, those of earlier sessions included.
    pub trials: u64,
    /// Wall time of this session.
    pub time: Option<Duration>,
    /// Ends with the first trial, trained in full, whose error is at most this and that meets all bounds.
    pub target_error: Option<f64>,
    /// Trials side by side; 0: one per core.
    pub workers: usize,
    /// Bytes that trainings side by side may take together, per worker.
    pub worker_memory: u64,
    /// The least time between two checkpoints of a training.
    pub checkpoint_every: Duration,
}

/// So much of a training may be lost when a search is interrupted, and an epoch.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(20);

impl Limits {
    /// The limits that an experiment sets.
    pub fn of(experiment: &Experiment) -> Self {
        let search = &experiment.search;
        Self {
            trials: search.trials,
            time: search.time,
            target_error: search.target_error,
            workers: search.workers,
            worker_memory: search.worker_memory,
            checkpoint_every: CHECKPOINT_EVERY,
        }
    }

    /// How many trials there are side by side.
    pub fn worker_count(&self) -> usize {
        match self.workers {
            0 => thread::available_parallelism().map_or(1, NonZero::get),
            workers => workers,
        }
    }
}

/// Asks a search to end; clones are the same flag, for signal handlers and other threads.
#[derive(Clone, Debug, Default)]
pub struct StopFlag(Arc<AtomicBool>);

impl StopFlag {
    /// Asks the search to end soon.
    pub fn request(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it was asked to.
    pub fn is_requested(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// The flag that something else raises.
impl From<Arc<AtomicBool>> for StopFlag {
    fn from(flag: Arc<AtomicBool>) -> Self {
        Self(flag)
    }
}

/// Why a session ended in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndReason {
    /// The number of trials is reached.
    Trials,
    /// The time is up.
    Time,
    /// A trial reached the target.
    Target {
        /// The trial.
        trial: u64,
    },
    /// The stop flag was raised.
    Interrupted,
    /// Every architecture that can be drawn within the bounds has been trained.
    Exhausted,
}

impl EndReason {
    /// The name in the journal and in JSON output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Trials => "trials",
            Self::Time => "time",
            Self::Target { .. } => "target",
            Self::Interrupted => "interrupted",
            Self::Exhausted => "exhausted",
        }
    }
}

/// What a session did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    /// Why it ended.
    pub reason: EndReason,
    /// Trials that it trained to the end.
    pub done: u64,
    /// Ends of rungs after which a trial rests that it came to.
    pub paused: u64,
    /// Trials that failed in it.
    pub failed: u64,
    /// Trials that it stopped; the next session trains them again.
    pub stopped: u64,
    /// Its wall time.
    pub elapsed: Duration,
}
