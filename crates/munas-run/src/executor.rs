//! The search loop: proposes, hands trials to workers, writes the journal.
//!
//! - The calling thread owns the journal and makes the proposals; each trial runs on a thread of its own. Whenever a
//!   worker is free, one more proposal is made from all results so far, with the running trials as pending.
//! - Every step is in the journal before anyone hears of it. A process that is killed loses the trials in flight.
//! - When a search is interrupted or its time is up, running trials end after their current batch and are recorded as
//!   stopped. Stopped trials, and those that a killed process left running, go on from their last checkpoint, or from the
//!   start, in the next session, before anything new is proposed, with the same proposal and the same seed. With one worker a search
//!   that was interrupted any number of times therefore has the same trials as one that never was.
//! - Where trials have rungs, one that has come to the end of a rung rests there, with its checkpoint, until a free worker is told to train
//!   it on; each rung is a result. Only the journal knows which trial was promoted when, so that decisions can be derived again.
//! - Where there are folds, a trial whose validation error would put it on the front as it is when the trial ends is judged on the other
//!   folds before it has a result. With one worker the trials before it decide that alone.
//! - Trainings side by side stay within the memory of [`Limits`]: one for which there is no room waits until others end, and
//!   the free worker takes a later one that fits.
//! - A trial that panics or diverges is recorded as failed, as is one that this machine has no memory for, and one that two
//!   processes in a row were killed under for want of memory (the second trained nothing else); the search goes on.
//! - An error of the journal or the disk ends the search: what cannot be recorded is not done. Only checkpoints may be lost.

pub(crate) mod backend;
pub(crate) mod error;
pub(crate) mod evaluator;
pub(crate) mod event;
pub(crate) mod limits;
mod outcome;
pub(crate) mod proposals;
mod pruning_goal;
pub(crate) mod queue;
pub(crate) mod replay;
mod search;
mod teacher;
pub(crate) mod threads;
pub(crate) mod trained;
pub(crate) mod training;

use std::thread;
use std::time::{Duration, Instant};

use munas_search::SearchError;

use crate::machine;
use crate::store::run::Run;
use crate::store::session::{Session, now_ms};
use crate::trial::TrialRecord;

use backend::{Backend, Ended, Job, Report};
use error::ExecutionError;
use evaluator::{EvaluationError, Evaluator};
use event::Event;
use limits::{EndReason, Limits, StopFlag, Summary};
use queue::TrainingQueue;
use search::{Finished, Next, Search, Start};
use threads::Threads;

/// How often the loop looks at the stop flag and the clock while trials run.
const TICK: Duration = Duration::from_millis(100);

/// So many trials may wait for memory before free workers wait too. Proposals that wait were made without the results of
/// those that they wait for.
const MOST_WAITING_PER_WORKER: usize = 8;

/// After so many processes that were killed under a trial, and none of which recorded an epoch of it, it is left.
const MOST_DEATHS: u64 = 2;

/// Searches with the threads of this process until a limit is reached or `stop` is raised; goes on where earlier sessions ended.
/// `events` is called on this thread.
///
/// # Errors
/// As [`execute_on`].
pub fn execute(
    run: &mut Run,
    evaluator: &dyn Evaluator,
    limits: &Limits,
    stop: &StopFlag,
    events: &mut dyn FnMut(Event<'_>),
) -> Result<Summary, ExecutionError> {
    thread::scope(|scope| {
        let mut threads = Threads::new(scope, evaluator, limits.checkpoint_every);
        execute_on(run, &mut threads, limits, stop, events)
    })
}

/// The same, with trials trained by a backend.
///
/// # Errors
/// [`ExecutionError::DataChanged`] if the backend's data are not the run's, [`ExecutionError::Search`] if no proposal is within the
/// bounds, and errors of the journal and the disk. Results up to the error are in the journal.
pub fn execute_on(
    run: &mut Run,
    backend: &mut dyn Backend,
    limits: &Limits,
    stop: &StopFlag,
    events: &mut dyn FnMut(Event<'_>),
) -> Result<Summary, ExecutionError> {
    run.task().require_same(backend.task())?;
    let started = Instant::now();
    let worker_count = limits.worker_count();
    let memory_kills = machine::memory_kills();
    let previous = run.journal.last_session()?;
    let lacked_memory = previous.is_some_and(|session| session.may_have_lacked_memory(memory_kills));
    let session = run.journal.begin_session(&Session {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        workers: worker_count as u64,
        trials_limit: limits.trials,
        time_limit: limits.time,
        started_ms: now_ms(),
        memory_kills,
        ended_ms: None,
        end_reason: None,
    })?;
    let memory = match backend.workers() {
        None => limits.worker_memory.saturating_mul(worker_count as u64).min(backend.memory_limit()),
        Some(_) => u64::MAX,
    };
    let search = Search::load(run, session, limits, backend.data(0), lacked_memory);
    let summary = search.and_then(|search| {
        let mut session = SearchLoop {
            search,
            backend,
            is_ending: false,
            waits: false,
            worker_count,
            queue: TrainingQueue::new(memory),
            limits,
            deadline: limits.time.and_then(|time| started.checked_add(time)),
            events,
        };
        let reason = session.run(stop);
        // After an error the running trials have no one to report to: they end with their current batch.
        session.stop_running();
        reason.map(|reason| session.search.summary(reason, started.elapsed()))
    });
    let reason = summary.as_ref().map_or("error", |summary| summary.reason.name());
    let recorded = run.journal.end_session(session, now_ms(), reason);
    // Of two errors the first is the cause.
    summary.and_then(|summary| recorded.map(|()| summary).map_err(ExecutionError::from))
}

/// How the loop ends once running trials are done.
enum Ending {
    InOrder(EndReason),
    NothingToPropose(SearchError),
}

fn end_by_now(stop: &StopFlag, deadline: Option<Instant>) -> Option<EndReason> {
    if stop.is_requested() {
        Some(EndReason::Interrupted)
    } else if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
        Some(EndReason::Time)
    } else {
        None
    }
}

struct SearchLoop<'a> {
    search: Search<'a>,
    backend: &'a mut dyn Backend,
    /// Whether the running trials were made to end.
    is_ending: bool,
    /// Whether nothing is to be done before a running trial has a result.
    waits: bool,
    worker_count: usize,
    /// Trials that were proposed; those that run in it are those of `backend`.
    queue: TrainingQueue<Box<Start>>,
    limits: &'a Limits,
    deadline: Option<Instant>,
    events: &'a mut dyn FnMut(Event<'_>),
}

impl SearchLoop<'_> {
    fn run(&mut self, stop: &StopFlag) -> Result<EndReason, ExecutionError> {
        // Why nothing more is proposed; the trials that have begun may go on.
        let mut ending = None;
        loop {
            if !self.is_ending
                && let Some(reason) = end_by_now(stop, self.deadline)
            {
                ending = Some(self.end(reason)?);
            }
            self.begin_waiting()?;
            while ending.is_none() && !self.waits && self.wants_proposal() {
                ending = self.propose(stop)?;
                self.begin_waiting()?;
            }
            if self.search.running() == 0 {
                break;
            }
            match self.backend.poll(TICK) {
                None => {}
                Some(Report::Epoch { trial, report }) => {
                    self.search.record_epoch(trial, &report)?;
                    (self.events)(Event::Epoch { trial, report: &report });
                }
                Some(Report::Checkpoint { trial, checkpoint }) => {
                    // What is lost is time, and only if the search is interrupted before the next one.
                    if let Err(error) = self.search.keep_checkpoint(trial, &checkpoint) {
                        (self.events)(Event::CheckpointLost { trial, error: &error });
                    }
                }
                Some(Report::Worker(news)) => {
                    self.search.record_news(&news)?;
                    (self.events)(Event::Worker(&news));
                }
                Some(Report::Broken { problem, hint }) => {
                    return Err(ExecutionError::Backend { problem, hint });
                }
                Some(Report::Ended(ended)) => {
                    self.search.record_end_of_attempt(&ended)?;
                    let Some(ended) = self.judge_folds(ended)? else { continue };
                    self.queue.end(ended.trial);
                    let record = self.finish(*ended)?;
                    self.waits = false;
                    if !self.is_ending && self.reaches_target(&record) {
                        ending = Some(self.end(EndReason::Target { trial: record.trial })?);
                    }
                }
            }
        }
        match ending {
            Some(Ending::InOrder(reason)) => Ok(reason),
            Some(Ending::NothingToPropose(error)) => Err(error.into()),
            None => unreachable!("a free worker is given a trial until there is a reason to end"),
        }
    }

    /// Trainings side by side.
    fn workers(&self) -> usize {
        self.backend.workers().unwrap_or(self.worker_count)
    }

    /// Whether a worker is free that nothing in the queue is for, and the queue is not full.
    fn wants_proposal(&self) -> bool {
        let workers = self.workers();
        self.queue.running() < workers && self.queue.waiting() < MOST_WAITING_PER_WORKER * workers
    }

    /// Adds one more trial to the queue; if there is none, says why.
    fn propose(&mut self, stop: &StopFlag) -> Result<Option<Ending>, ExecutionError> {
        let deadline = self.deadline;
        let interruption = || end_by_now(stop, deadline).is_some();
        match self.search.next(self.limits.trials, &interruption)? {
            Next::Start(start) => {
                let bytes = self.backend.memory(&start.assignment);
                match self.unfit(&start.record, bytes) {
                    Some(reason) => drop(self.finish(Ended::unfit(start.record.trial, reason))?),
                    // What a process died under runs alone, so that it is clear what the next one dies of.
                    None if start.record.deaths > 0 => self.queue.push(start.record.trial, u64::MAX, start),
                    None => self.queue.push(start.record.trial, bytes, start),
                }
                Ok(None)
            }
            // The trials that run are still wanted, whatever comes after them.
            Next::AllStarted => Ok(Some(Ending::InOrder(EndReason::Trials))),
            Next::Wait => {
                self.waits = true;
                Ok(None)
            }
            Next::Nothing(SearchError::Interrupted(_)) => match end_by_now(stop, self.deadline) {
                Some(reason) => Ok(Some(self.end(reason)?)),
                None => Ok(None),
            },
            Next::Nothing(SearchError::Exhausted { refused }) if refused.duplicates > 0 => {
                Ok(Some(Ending::InOrder(EndReason::Exhausted)))
            }
            Next::Nothing(error) => Ok(Some(Ending::NothingToPropose(error))),
        }
    }

    /// Why a trial that takes so many bytes is not trained here, if it is not.
    fn unfit(&self, record: &TrialRecord, bytes: u64) -> Option<String> {
        let limit = self.backend.memory_limit();
        let megabytes = |bytes: u64| bytes.div_ceil(1_000_000);
        if record.deaths >= MOST_DEATHS {
            Some(format!(
                "{} processes in a row were killed while they trained it, the last one with nothing else, probably for \
                 want of memory",
                record.deaths
            ))
        } else if bytes > limit {
            let (needed, limit) = (megabytes(bytes), megabytes(limit));
            Some(format!(
                "its training takes {needed} MB of memory, this machine has {limit} MB for trainings"
            ))
        } else {
            None
        }
    }

    /// Gives trials of the queue to free workers.
    fn begin_waiting(&mut self) -> Result<(), ExecutionError> {
        while self.queue.running() < self.workers()
            && let Some(start) = self.queue.begin()
        {
            self.search.begin(&start)?;
            (self.events)(Event::TrialStarted { record: &start.record, restarted: start.restarted });
            self.start(Job::Train(start.assignment))?;
        }
        Ok(())
    }

    fn start(&mut self, job: Job) -> Result<(), ExecutionError> {
        let trial = job.trial();
        self.backend.start(job).map_err(|source| ExecutionError::Start { trial, source })
    }

    fn stop_running(&mut self) {
        for trial in self.search.running_trials() {
            self.backend.stop(trial);
        }
    }

    /// Has a trial that is worth it judged on the other folds; gives back any other. One for which there is no time any
    /// more is stopped: its folds are for the next session, since the history alone may decide which trials have them.
    fn judge_folds(&mut self, mut ended: Box<Ended>) -> Result<Option<Box<Ended>>, ExecutionError> {
        let is_first = ended.result.as_ref().is_ok_and(|evaluated| evaluated.folds == 1);
        if !is_first || self.backend.folds() == 1 {
            return Ok(Some(ended));
        }
        let Some(up_to) = self.search.worth_of_folds(&ended) else { return Ok(Some(ended)) };
        if self.is_ending {
            ended.result = Err(EvaluationError::Stopped);
            return Ok(Some(ended));
        }
        match *ended {
            Ended { result: Ok(first), elapsed, assignment: Some(assignment), .. } => {
                let up_to = Some(up_to).filter(|error| error.is_finite());
                self.start(Job::JudgeFolds { assignment, first: Box::new(first), elapsed, up_to })?;
                Ok(None)
            }
            other => Ok(Some(Box::new(other))),
        }
    }

    /// Records the end of a trial.
    fn finish(&mut self, ended: Ended) -> Result<TrialRecord, ExecutionError> {
        let Finished { record, on_front, epochs, is_first } = self.search.finish(ended)?;
        (self.events)(Event::TrialFinished { record: &record, on_front, epochs, is_first });
        Ok(record)
    }

    /// Stops the running trials, and those that wait.
    fn end(&mut self, reason: EndReason) -> Result<Ending, ExecutionError> {
        self.is_ending = true;
        self.stop_running();
        (self.events)(Event::Ending { reason, running: self.queue.running() });
        for start in self.queue.clear() {
            self.finish(Ended::before_it_began(start.record.trial))?;
        }
        Ok(Ending::InOrder(reason))
    }

    fn reaches_target(&self, record: &TrialRecord) -> bool {
        let Some(target) = self.limits.target_error else { return false };
        let is_reached = record.error().is_some_and(|error| error <= target);
        record.is_whole() && is_reached && self.search.meets_bounds(record)
    }
}

#[cfg(test)]
mod tests;
