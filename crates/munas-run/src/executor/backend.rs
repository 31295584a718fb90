//! Where trials are trained: the seam between the search loop and whatever has the cores.
//!
//! The loop owns the journal and decides; a backend trains what it is given and reports. [`Threads`](super::threads::Threads) of this
//! process are one. Every backend passes the suite in `conformance`.

use std::io;
use std::time::Duration;

use munas_train::{Checkpoint, EpochReport};

use super::evaluator::{Assignment, Evaluated, EvaluationError};
use crate::store::models::DataFacts;
use crate::task::Task;
use crate::trial::WorkerInfo;

/// What a backend is given to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Job {
    /// Train a network, from the checkpoint of its assignment if it has one: this is also how a paused trial goes on.
    Train(Assignment),
    /// Judge a network that was trained on the first fold on the others too.
    JudgeFolds {
        /// What was trained.
        assignment: Assignment,
        /// What came of it on the first fold.
        first: Box<Evaluated>,
        /// How long that took.
        elapsed: Duration,
        /// A network of a larger mean error is of no interest: once it is clear to be one, the other folds are left out.
        up_to: Option<f64>,
    },
}

impl Job {
    /// The trial that it is for.
    pub const fn trial(&self) -> u64 {
        match self {
            Self::Train(assignment) | Self::JudgeFolds { assignment, .. } => assignment.trial,
        }
    }
}

/// What a backend tells of a job.
#[derive(Clone, Debug, PartialEq)]
pub enum Report {
    /// One more epoch is trained.
    Epoch {
        /// The trial.
        trial: u64,
        /// The entry of its curve.
        report: EpochReport,
    },
    /// Where a training has come to.
    Checkpoint {
        /// The trial.
        trial: u64,
        /// What it can go on from.
        checkpoint: Box<Checkpoint>,
    },
    /// The last report of a job.
    Ended(Box<Ended>),
    /// Something about those that train, of a backend whose workers come and go.
    Worker(WorkerNews),
    /// No job can be done any more, and none that was begun will end.
    Broken {
        /// Why.
        problem: String,
        /// A way out, where there is one.
        hint: Option<String>,
    },
}

/// What a backend tells of its workers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WorkerNews {
    /// One more can be given jobs.
    Joined(WorkerInfo),
    /// One has gone, or was given up.
    Left {
        /// The worker.
        worker: WorkerInfo,
        /// Why.
        reason: String,
    },
    /// A worker begins a job.
    Began {
        /// The trial.
        trial: u64,
        /// Number of the attempt: 1, 2, … of all that the backend makes.
        attempt: u64,
        /// The worker.
        worker: WorkerInfo,
    },
    /// An attempt has come to nothing; its trial goes on elsewhere, or ends with [`EvaluationError::Lost`].
    GivenUp {
        /// The trial.
        trial: u64,
        /// The attempt.
        attempt: u64,
        /// Why.
        reason: String,
        /// Whether its trial goes on.
        goes_on: bool,
    },
    /// An attempt that was given up has come to an end after all, which does not count.
    Refused {
        /// The trial.
        trial: u64,
        /// The attempt.
        attempt: u64,
    },
    /// Something that the user should know.
    Note(String),
}

/// How a job ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Ended {
    /// The trial.
    pub trial: u64,
    /// What came of it.
    pub result: Result<Evaluated, EvaluationError>,
    /// The time that it worked on its core, with that of earlier sessions up to the checkpoint.
    pub elapsed: Duration,
    /// What was to be trained, if a job was begun for it.
    pub assignment: Option<Assignment>,
    /// The attempt that came to this end, of a backend that counts them.
    pub attempt: Option<u64>,
}

impl Ended {
    /// The end of a trial whose job never began.
    pub fn before_it_began(trial: u64) -> Self {
        Self::without_job(trial, EvaluationError::Stopped)
    }

    /// The end of a trial that shall not be trained, for this reason.
    pub fn unfit(trial: u64, reason: String) -> Self {
        Self::without_job(trial, EvaluationError::Failed(reason))
    }

    fn without_job(trial: u64, error: EvaluationError) -> Self {
        Self { trial, result: Err(error), elapsed: Duration::ZERO, assignment: None, attempt: None }
    }
}

/// Trains networks side by side. Dropping a backend stops whatever still runs.
pub trait Backend {
    /// The task whose networks it trains.
    fn task(&self) -> &Task;

    /// What the networks of a fold, from 0, are trained on; a backend that trains nothing has none.
    fn data(&self, fold: u32) -> Option<&DataFacts>;

    /// Bytes that the training of one network takes, besides what all of them share.
    fn memory(&self, assignment: &Assignment) -> u64;

    /// Bytes that there are for trainings side by side.
    fn memory_limit(&self) -> u64;

    /// Trainings side by side that there are workers for by now, at least one; `None`: as many as are wanted. Workers that are counted here have
    /// memory of their own.
    fn workers(&self) -> Option<usize> {
        None
    }

    /// Number of folds that networks of the front are judged on; 1: they are judged once.
    fn folds(&self) -> u32;

    /// Begins a job. Each trial has one at a time; its reports end with [`Report::Ended`], whatever happens to it: a panic is a failure
    /// of the trial and of nothing else.
    ///
    /// # Errors
    /// What the system says if nothing could be begun.
    fn start(&mut self, job: Job) -> io::Result<()>;

    /// The next report, if one comes within `timeout`. Those of one trial come in order.
    fn poll(&mut self, timeout: Duration) -> Option<Report>;

    /// Makes a job end after its current batch, with [`EvaluationError::Stopped`]. One that has ended is left alone.
    fn stop(&mut self, trial: u64);

    /// Makes a training end where it can next rest, at the end of an epoch: its checkpoint is reported, then its end as of one that was
    /// stopped. A training that comes to its result before it rests has the result.
    fn pause(&mut self, trial: u64);
}

#[cfg(test)]
pub(crate) mod conformance;
