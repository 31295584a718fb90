//! The session in which finalists are trained: hands trainings to a backend's workers, writes the journal.
//!
//! - The trainings of one finalist come before those of the next, so that a time that ends early leaves whole finalists.
//! - What has ended is in the journal before anyone hears of it, and is not trained again. A process that is killed loses what was trained
//!   since the last checkpoints; the results are the same.
//! - The network of a training with the lowest validation error so far is kept: first the file, then the journal that counts on it, then the
//!   one before is removed.
//! - With folds, each training of a finalist is on the next one: together they are judged on all that the front is judged on, at the price
//!   of one fold each.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use munas_search::Problem;

use super::conclusion::Subject;
use super::end::{RefineEnd, RefineSummary};
use super::event::FinalistEvent;
use super::plan::RefinePlan;
use crate::executor::backend::{Backend, Job, Report};
use crate::executor::error::ExecutionError;
use crate::executor::evaluator::{Assignment, Evaluated, EvaluationError, Evaluator};
use crate::executor::limits::StopFlag;
use crate::executor::proposals::finalist_seed;
use crate::executor::queue::TrainingQueue;
use crate::executor::threads::Threads;
use crate::finalist::{Finalist, FinalistRecord, FinalistState};
use crate::machine;
use crate::store::finalists;
use crate::store::models::SavedModel;
use crate::store::run::Run;
use crate::store::session::{Session, now_ms};
use crate::trial::TrialRecord;

/// How often the loop looks at the stop flag and the clock while trainings run.
const TICK: Duration = Duration::from_millis(100);

/// How long trainings may go on to the end of their epoch, where they leave a checkpoint, once the session is to end.
const GRACE: Duration = Duration::from_secs(2);

/// Trains the finalists of a plan with the threads of this process; `events` is called on this thread.
///
/// # Errors
/// As [`refine_on`].
pub fn refine(
    run: &mut Run,
    evaluator: &dyn Evaluator,
    plan: &RefinePlan,
    stop: &StopFlag,
    events: &mut dyn FnMut(FinalistEvent<'_>),
) -> Result<RefineSummary, ExecutionError> {
    thread::scope(|scope| {
        let mut threads = Threads::new(scope, evaluator, plan.limits.checkpoint_every);
        refine_on(run, &mut threads, plan, stop, events)
    })
}

/// The same, with trainings on a backend.
///
/// # Errors
/// [`ExecutionError::DataChanged`] if the backend's data are not the run's, and errors of the journal and the disk. Results up to the
/// error are in the journal.
pub fn refine_on(
    run: &mut Run,
    backend: &mut dyn Backend,
    plan: &RefinePlan,
    stop: &StopFlag,
    events: &mut dyn FnMut(FinalistEvent<'_>),
) -> Result<RefineSummary, ExecutionError> {
    run.task().require_same(backend.task())?;
    let started = Instant::now();
    if plan.trainings > 0 {
        run.journal.set_finalist_epochs(plan.epochs)?;
    }
    let limits = &plan.limits;
    let session = run.journal.begin_session(&Session {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        workers: limits.worker_count() as u64,
        trials_limit: limits.trials,
        time_limit: limits.time,
        started_ms: now_ms(),
        memory_kills: machine::memory_kills(),
        ended_ms: None,
        end_reason: None,
    })?;
    let deadline = limits.time.and_then(|time| started.checked_add(time));
    let summary = RefineLoop::load(run, backend, plan, deadline, events).and_then(|mut session| {
        let reason = session.run(stop);
        // After an error the running trainings have no one to report to.
        session.stop_running();
        reason.map(|reason| session.summary(reason, started.elapsed()))
    });
    let reason = summary.as_ref().map_or("error", |summary| summary.reason.name());
    let recorded = run.journal.end_session(session, now_ms(), reason);
    // Of two errors the first is the cause.
    summary.and_then(|summary| recorded.map(|()| summary).map_err(ExecutionError::from))
}

/// A training that is still to be done; the backend knows it by its position in the plan.
#[derive(Clone, Copy)]
struct Training {
    position: u64,
    trial: u64,
    number: u32,
    seed: u64,
    fold: u32,
}

struct RefineLoop<'a> {
    run: &'a mut Run,
    backend: &'a mut dyn Backend,
    plan: &'a RefinePlan,
    problem: Problem,
    /// The trials of the plan.
    records: BTreeMap<u64, TrialRecord>,
    /// What the journal holds of finalists.
    known: Vec<FinalistRecord>,
    queue: TrainingQueue<Training>,
    running: BTreeMap<u64, Training>,
    worker_count: usize,
    deadline: Option<Instant>,
    /// When running trainings are stopped in the middle of an epoch, once the session is to end.
    last_call: Option<Instant>,
    events: &'a mut dyn FnMut(FinalistEvent<'_>),
    done: u64,
    failed: u64,
}

impl<'a> RefineLoop<'a> {
    fn load(
        run: &'a mut Run,
        backend: &'a mut dyn Backend,
        plan: &'a RefinePlan,
        deadline: Option<Instant>,
        events: &'a mut dyn FnMut(FinalistEvent<'_>),
    ) -> Result<Self, ExecutionError> {
        let known = run.journal.finalists()?;
        let records = run.journal.trials()?;
        let records = records.into_iter().filter(|record| plan.trials.contains(&record.trial));
        let worker_count = plan.limits.worker_count();
        let memory = match backend.workers() {
            None => plan.limits.worker_memory.saturating_mul(worker_count as u64).min(backend.memory_limit()),
            // Each has the memory of its own machine.
            Some(_) => u64::MAX,
        };
        let mut refine = Self {
            problem: run.experiment().problem(run.task()),
            records: records.map(|record| (record.trial, record)).collect(),
            queue: TrainingQueue::new(memory),
            running: BTreeMap::new(),
            last_call: None,
            done: 0,
            failed: 0,
            run,
            backend,
            plan,
            known,
            worker_count,
            deadline,
            events,
        };
        refine.fill_queue()?;
        Ok(refine)
    }

    /// Puts all trainings that are still to be done into the queue; those that this machine has no memory for fail.
    fn fill_queue(&mut self) -> Result<(), ExecutionError> {
        let seed = self.run.experiment().seed;
        let mut position = 0;
        for &trial in &self.plan.trials {
            if !self.records.contains_key(&trial) {
                continue;
            }
            for number in self.plan.missing_of(&self.known, trial).collect::<Vec<_>>() {
                position += 1;
                let seed = finalist_seed(seed, trial, number);
                let fold = fold_of(number, self.backend.folds());
                let training = Training { position, trial, number, seed, fold };
                let bytes = self.backend.memory(&self.assignment(training));
                let limit = self.backend.memory_limit();
                if bytes > limit {
                    let reason =
                        format!("its training takes {bytes} bytes, this machine has {limit} for trainings");
                    self.record(training, Err(EvaluationError::Failed(reason)), Duration::ZERO)?;
                } else {
                    self.queue.push(position, bytes, training);
                }
            }
        }
        Ok(())
    }

    fn assignment(&self, training: Training) -> Assignment {
        let Training { position, trial, number, seed, fold } = training;
        let candidate = &self.records[&trial].candidate;
        let task = self.run.task();
        let checkpoint = finalists::load_checkpoint(self.run.dir(), trial, number);
        Assignment {
            trial: position,
            graph: candidate.architecture.lower(task.input, task.classes()),
            epochs: self.plan.epochs,
            rungs: vec![self.plan.epochs],
            seed,
            fold,
            sparsity: candidate.sparsity,
            checkpoint: checkpoint.filter(|found| {
                self.facts(fold).iter().all(|(name, fact)| found.facts.get(*name) == Some(fact))
            }),
        }
    }

    /// What a checkpoint says of its training besides: one that is longer, on other samples, or learns from another network, leads to other
    /// weights.
    fn facts(&self, fold: u32) -> [(&'static str, String); 3] {
        let teacher = self.plan.teacher.as_ref();
        let teacher = teacher.map_or_else(|| "none".to_owned(), |teacher| teacher.trial.to_string());
        [("teacher", teacher), ("of epochs", self.plan.epochs.to_string()), ("fold", fold.to_string())]
    }

    fn run(&mut self, stop: &StopFlag) -> Result<RefineEnd, ExecutionError> {
        let mut ending = RefineEnd::Done;
        loop {
            match self.last_call {
                None => {
                    if let Some(reason) = self.end_by_now(stop) {
                        ending = reason;
                        self.end(reason);
                    }
                }
                Some(last_call) if Instant::now() >= last_call => self.stop_running(),
                Some(_) => {}
            }
            self.begin_waiting()?;
            // Workers may be on their way to what waits.
            let waits = self.last_call.is_none() && self.queue.waiting() > 0;
            if self.running.is_empty() && !waits {
                return Ok(ending);
            }
            if let Some(report) = self.backend.poll(TICK) {
                self.hear(report)?;
            }
        }
    }

    fn end_by_now(&self, stop: &StopFlag) -> Option<RefineEnd> {
        let is_left = !self.running.is_empty() || self.queue.waiting() > 0;
        let is_late = self.deadline.is_some_and(|deadline| Instant::now() >= deadline);
        match (stop.is_requested(), is_late) {
            _ if !is_left => None,
            (true, _) => Some(RefineEnd::Interrupted),
            (false, true) => Some(RefineEnd::Time),
            (false, false) => None,
        }
    }

    /// Lets the running trainings end with their epoch, and drops those that wait.
    fn end(&mut self, reason: RefineEnd) {
        self.last_call = Some(Instant::now() + GRACE);
        for position in self.running.keys() {
            self.backend.pause(*position);
        }
        drop(self.queue.clear());
        (self.events)(FinalistEvent::Ending { reason, running: self.running.len() });
    }

    fn stop_running(&mut self) {
        for position in self.running.keys() {
            self.backend.stop(*position);
        }
    }

    fn begin_waiting(&mut self) -> Result<(), ExecutionError> {
        while self.queue.running() < self.backend.workers().unwrap_or(self.worker_count)
            && let Some(training) = self.queue.begin()
        {
            let Training { position, trial, number, .. } = training;
            self.running.insert(position, training);
            (self.events)(FinalistEvent::Started { trial, number, epochs: self.plan.epochs });
            self.start(training, Job::Train(self.assignment(training)))?;
        }
        Ok(())
    }

    fn start(&mut self, training: Training, job: Job) -> Result<(), ExecutionError> {
        self.backend.start(job).map_err(|source| ExecutionError::Start { trial: training.trial, source })
    }

    fn hear(&mut self, report: Report) -> Result<(), ExecutionError> {
        match report {
            Report::Epoch { trial: position, report } => {
                let Training { trial, number, .. } = self.running[&position];
                (self.events)(FinalistEvent::Epoch { trial, number, report: &report });
            }
            Report::Checkpoint { trial: position, mut checkpoint } => {
                let Training { trial, number, fold, .. } = self.running[&position];
                checkpoint.facts.extend(self.facts(fold).map(|(name, fact)| (name.to_owned(), fact)));
                // What is lost is time, and only if the session ends before the next one.
                if let Err(error) = finalists::save_checkpoint(self.run.dir(), (trial, number), &checkpoint) {
                    (self.events)(FinalistEvent::CheckpointLost { error: &error });
                }
            }
            Report::Worker(news) => (self.events)(FinalistEvent::Worker(&news)),
            Report::Broken { problem, hint } => return Err(ExecutionError::Backend { problem, hint }),
            Report::Ended(ended) => {
                let training = self.running[&ended.trial];
                self.queue.end(training.position);
                self.running.remove(&training.position);
                self.record(training, ended.result, ended.elapsed)?;
            }
        }
        Ok(())
    }

    /// Records the end of a training; one that was stopped leaves nothing but its checkpoint.
    fn record(
        &mut self,
        training: Training,
        result: Result<Evaluated, EvaluationError>,
        elapsed: Duration,
    ) -> Result<(), ExecutionError> {
        let Training { trial, number, .. } = training;
        if result == Err(EvaluationError::Stopped) {
            (self.events)(FinalistEvent::Stopped { trial, number });
            return Ok(());
        }
        let subject = Subject {
            trial: &self.records[&trial],
            number,
            seed: training.seed,
            epochs: self.plan.epochs,
            teacher: self.plan.teacher.as_ref().map(|teacher| teacher.trial),
        };
        let (record, evaluated) = subject.conclude(&self.problem, result, elapsed);
        let best_before = self.best_of(trial);
        self.known.push(record.clone());
        let is_best = self.best_of(trial) == Some(number);
        if let Some(model) =
            evaluated.and_then(|evaluated| self.model(&record, training.fold, evaluated)).filter(|_| is_best)
        {
            finalists::save(self.run.dir(), number, &model)?;
        }
        self.run.journal.insert_finalist(&record)?;
        if let Some(before) = best_before.filter(|_| is_best) {
            finalists::remove(self.run.dir(), trial, before)?;
        }
        // One that stays is of no use to anyone, and does no harm.
        drop(finalists::remove_checkpoint(self.run.dir(), trial, number));
        match record.state {
            FinalistState::Done(_) => self.done += 1,
            FinalistState::Failed(_) => self.failed += 1,
        }
        (self.events)(FinalistEvent::Ended { record: &record });
        Ok(())
    }

    /// The number of the best training of a trial so far.
    fn best_of(&self, trial: u64) -> Option<u32> {
        let of_trial = self.known.iter().filter(|record| record.trial == trial);
        Finalist::new(trial, of_trial.cloned()).best().map(|best| best.number)
    }

    fn model(&self, record: &FinalistRecord, fold: u32, evaluated: Evaluated) -> Option<SavedModel> {
        let trial = &self.records[&record.trial];
        Some(SavedModel {
            trial: record.trial,
            architecture: trial.candidate.architecture.clone(),
            graph: record.graph(trial, self.run.task()),
            weights: evaluated.weights?,
            int8: evaluated.int8,
            data: self.backend.data(fold).cloned(),
        })
    }

    fn summary(&self, reason: RefineEnd, elapsed: Duration) -> RefineSummary {
        let left = self.plan.trials.iter().map(|trial| self.plan.missing_of(&self.known, *trial).count());
        let left = left.sum::<usize>() as u64;
        RefineSummary { reason, done: self.done, failed: self.failed, left, elapsed }
    }
}

/// The fold that a training is on, by its number from 1.
const fn fold_of(number: u32, folds: u32) -> u32 {
    (number - 1) % folds
}
