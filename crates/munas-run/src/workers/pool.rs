//! The backend whose trials are trained by workers in other processes.
//!
//! A worker is lost when its process ends, when it says what cannot be understood, and when nothing is heard from it for too long. Its job goes on with
//! another one, from the last checkpoint that was reported; after [`MOST_LOSSES`] it ends with [`EvaluationError::Lost`]. Each time that a job
//! is given to a worker is an attempt with a number of its own. A worker that is given up is killed, and what it says of its attempt after
//! that does not count.

mod jobs;
mod pace;
mod roster;

use std::collections::VecDeque;
use std::io;
use std::time::{Duration, Instant};

use super::link::{Link, LinkEvent, WorkerId};
use super::message::{FromWorker, Opening, PROTOCOL, ToWorker};
use super::wire::Packet;
use crate::executor::backend::{Backend, Ended, Job, Report, WorkerNews};
use crate::executor::evaluator::{Assignment, EvaluationError, Evaluator};
use crate::store::models::DataFacts;
use crate::task::Task;
use crate::trial::WorkerInfo;
use jobs::{Jobs, Order, Running};
use pace::Pace;
use roster::{Phase, Roster};

/// A job whose worker was lost so often fails.
const MOST_LOSSES: u32 = 3;
/// After so many workers in a row that could not be used, and with none that can, there will be none.
const MOST_FAILED_STARTS: u32 = 3;
/// How often it is looked who is silent.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How long workers are waited for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// The least time without a word after which a worker is lost.
    pub silence: Duration,
    /// From a stop to the end of the job.
    pub stop: Duration,
    /// A coordinator that did not look for so long, being busy or stopped itself, gives all workers their time anew.
    pub deaf: Duration,
    /// While workers cannot begin on some machines, for others.
    pub start: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            silence: Duration::from_secs(60),
            stop: Duration::from_secs(10),
            deaf: Duration::from_secs(10),
            start: Duration::from_secs(30),
        }
    }
}

/// Workers behind a link, as a backend.
pub(crate) struct Pool<'env> {
    link: Box<dyn Link + 'env>,
    /// What the coordinator knows of the task; it evaluates nothing here.
    local: &'env dyn Evaluator,
    opening: Opening,
    checkpoint_every: Duration,
    patience: Patience,
    roster: Roster,
    jobs: Jobs,
    pace: Pace,
    /// Workers in a row that could not be used, and since when.
    failed_starts: u32,
    started_failing: Instant,
    looked: Instant,
    reports: VecDeque<Report>,
}

impl<'env> Pool<'env> {
    /// A backend over a link, for what the local evaluator would evaluate.
    pub fn new(
        link: Box<dyn Link + 'env>,
        local: &'env dyn Evaluator,
        opening: Opening,
        checkpoint_every: Duration,
    ) -> Self {
        Self {
            link,
            local,
            opening,
            checkpoint_every,
            patience: Patience::default(),
            roster: Roster::default(),
            jobs: Jobs::default(),
            pace: Pace::default(),
            failed_starts: 0,
            started_failing: Instant::now(),
            looked: Instant::now(),
            reports: VecDeque::new(),
        }
    }

    /// The same with another patience.
    #[cfg(test)]
    pub fn with_patience(self, patience: Patience) -> Self {
        Self { patience, ..self }
    }

    fn tell(&mut self, news: WorkerNews) {
        self.reports.push_back(Report::Worker(news));
    }

    fn handle(&mut self, event: LinkEvent) {
        match event {
            LinkEvent::Joined { worker, node } => {
                self.roster.join(worker, node);
                let version = env!("CARGO_PKG_VERSION").to_owned();
                self.link.send(worker, &ToWorker::Hello { protocol: PROTOCOL, version });
            }
            LinkEvent::Said { worker, packet } => self.hear(worker, packet),
            LinkEvent::Left { worker, reason } if self.roster.contains(worker) => {
                self.lose(worker, reason);
                self.roster.leave(worker);
            }
            // One that could not even begin.
            LinkEvent::Left { reason, .. } => self.count_failed_start(&reason),
            LinkEvent::Note(text) => self.tell(WorkerNews::Note(text)),
            LinkEvent::Broken { problem, hint } => self.reports.push_back(Report::Broken { problem, hint }),
        }
        self.assign();
    }

    /// What a worker says.
    fn hear(&mut self, worker: WorkerId, packet: Packet) {
        self.roster.heard(worker);
        if self.roster.is_given_up(worker) {
            self.refuse(&packet);
            return;
        }
        let jobs = &self.jobs;
        let message = FromWorker::from_packet(packet, |trial| jobs.graph(trial).cloned());
        match message {
            Ok(FromWorker::Heartbeat) => {}
            Ok(FromWorker::Hello(introduction)) => {
                let version = env!("CARGO_PKG_VERSION");
                if (introduction.protocol, introduction.version.as_str()) == (PROTOCOL, version) {
                    self.roster.introduce(worker, &introduction);
                    self.link.send(worker, &ToWorker::Open(self.opening.clone()));
                } else {
                    let theirs =
                        format!("munas {}, protocol {}", introduction.version, introduction.protocol);
                    self.lose(worker, format!("it is {theirs}, not munas {version}, protocol {PROTOCOL}"));
                }
            }
            Ok(FromWorker::Opened { fingerprint }) if fingerprint == self.opening.fingerprint => {
                self.failed_starts = 0;
                if let Some(info) = self.roster.free(worker) {
                    self.tell(WorkerNews::Joined(info));
                }
            }
            Ok(FromWorker::Opened { .. }) => self.lose(worker, "it has other data".to_owned()),
            Ok(FromWorker::Refused { problem }) => self.lose(worker, problem),
            Ok(FromWorker::Report { attempt, report }) => self.pass_on(worker, attempt, report),
            Err(error) => self.lose(worker, format!("what it says cannot be understood: {error}")),
        }
    }

    /// A report of an attempt, if it is the one that the worker was given.
    fn pass_on(&mut self, worker: WorkerId, attempt: u64, report: Report) {
        let trial = match &report {
            Report::Epoch { trial, .. } | Report::Checkpoint { trial, .. } => *trial,
            Report::Ended(ended) => ended.trial,
            Report::Worker(_) | Report::Broken { .. } => return,
        };
        if !self.jobs.is_at(trial, attempt, worker) {
            self.tell(WorkerNews::Refused { trial, attempt });
            return;
        }
        let report = match report {
            Report::Epoch { .. } => {
                self.pace.add(self.jobs.epoch(trial));
                report
            }
            Report::Checkpoint { checkpoint, .. } => {
                self.jobs.keep(trial, &checkpoint);
                Report::Checkpoint { trial, checkpoint }
            }
            Report::Ended(ended) => {
                self.roster.free(worker);
                let assignment = self.jobs.end(trial);
                Report::Ended(Box::new(Ended { assignment, ..*ended }))
            }
            other => other,
        };
        self.reports.push_back(report);
    }

    /// Counts a result of an attempt that was given up.
    fn refuse(&mut self, packet: &Packet) {
        let number = |key: &str| packet.line.get(key).and_then(serde_json::Value::as_u64);
        let is_end = packet.line.get("type").is_some_and(|kind| kind == "ended");
        if let (true, Some(trial), Some(attempt)) = (is_end, number("trial"), number("attempt")) {
            self.tell(WorkerNews::Refused { trial, attempt });
        }
    }

    /// Gives a worker up; its job goes on elsewhere.
    fn lose(&mut self, worker: WorkerId, reason: String) {
        let Some((phase, info)) = self.roster.give_up(worker) else { return };
        self.link.kill(worker);
        match phase {
            Phase::Busy { .. } | Phase::Free => {}
            Phase::Joining => self.count_failed_start(&reason),
        }
        if let Some(worker) = info {
            self.tell(WorkerNews::Left { worker, reason: reason.clone() });
        }
        if let Phase::Busy { trial, attempt } = phase {
            self.go_on_elsewhere(trial, attempt, reason);
        }
    }

    fn count_failed_start(&mut self, reason: &str) {
        self.failed_starts += 1;
        // Elsewhere others may still be starting.
        let is_over = self.link.is_local() || self.started_failing.elapsed() >= self.patience.start;
        if self.failed_starts == 1 {
            self.started_failing = Instant::now();
        } else if self.failed_starts >= MOST_FAILED_STARTS && is_over && self.roster.hopeful() == 0 {
            let problem = format!("no worker can be used, the last one for this reason: {reason}");
            self.reports.push_back(Report::Broken { problem, hint: None });
            return;
        }
        self.tell(WorkerNews::Note(format!("a worker could not be used: {reason}")));
    }

    /// What becomes of the job of an attempt that was given up.
    fn go_on_elsewhere(&mut self, trial: u64, attempt: u64, reason: String) {
        let losses = self.jobs.lose(trial);
        let is_stopped = self.jobs.order(trial) == Some(Order::Stop);
        let result = match losses {
            None => return,
            Some(_) if is_stopped => Some(EvaluationError::Stopped),
            Some(losses) if losses >= MOST_LOSSES => Some(EvaluationError::Lost(format!(
                "its worker was lost {losses} times, at last for this reason: {reason}"
            ))),
            Some(_) => None,
        };
        self.tell(WorkerNews::GivenUp { trial, attempt, reason, goes_on: result.is_none() });
        if let Some(error) = result {
            let assignment = self.jobs.end(trial);
            let (result, attempt) = (Err(error), Some(attempt));
            let ended = Ended { trial, result, elapsed: Duration::ZERO, assignment, attempt };
            self.reports.push_back(Report::Ended(Box::new(ended)));
        }
    }

    /// Gives jobs that wait to workers that are free.
    fn assign(&mut self) {
        while let Some((worker, info)) = self.roster.next_free()
            && let Some(Running { attempt, job, order }) = self.jobs.begin(worker)
        {
            let trial = job.trial();
            self.roster.occupy(worker, trial, attempt);
            let checkpoint_every = self.checkpoint_every;
            self.link.send(worker, &ToWorker::Work { attempt, job, checkpoint_every });
            if order == Some(Order::Pause) {
                self.link.send(worker, &ToWorker::Pause { trial, attempt });
            }
            self.tell(WorkerNews::Began { trial, attempt, worker: info });
        }
    }

    /// Gives up who is silent, and who does not stop.
    fn look(&mut self) {
        if self.looked.elapsed() < LOOK_EVERY {
            return;
        }
        // Who has not listened for a while cannot say that others were silent.
        if self.looked.elapsed() >= self.patience.deaf {
            self.roster.hear_all();
        }
        self.looked = Instant::now();
        let longest = self.pace.silence(self.patience.silence);
        for worker in self.roster.silent(longest) {
            self.lose(worker, format!("nothing was heard from it for {} s", longest.as_secs()));
        }
        for worker in self.jobs.stubborn(self.patience.stop) {
            self.lose(worker, "it did not stop".to_owned());
        }
        self.assign();
    }

    fn give_order(&mut self, trial: u64, order: Order) {
        let at = self.jobs.give_order(trial, order);
        match (at, order) {
            (Some((worker, attempt)), Order::Stop) => {
                self.link.send(worker, &ToWorker::Stop { trial, attempt });
            }
            (Some((worker, attempt)), Order::Pause) => {
                self.link.send(worker, &ToWorker::Pause { trial, attempt });
            }
            // What has not begun ends where it is.
            (None, Order::Stop) if self.jobs.contains(trial) => {
                let assignment = self.jobs.end(trial);
                let ended = Ended { assignment, ..Ended::before_it_began(trial) };
                self.reports.push_back(Report::Ended(Box::new(ended)));
            }
            (None, _) => {}
        }
    }
}

impl Backend for Pool<'_> {
    fn task(&self) -> &Task {
        self.local.task()
    }

    fn data(&self, fold: u32) -> Option<&DataFacts> {
        self.local.data(fold)
    }

    fn memory(&self, assignment: &Assignment) -> u64 {
        self.local.memory(assignment)
    }

    fn memory_limit(&self) -> u64 {
        if self.link.is_local() { self.local.memory_limit() } else { u64::MAX }
    }

    fn workers(&self) -> Option<usize> {
        (!self.link.is_local()).then(|| self.roster.usable().max(1))
    }

    fn folds(&self) -> u32 {
        self.local.folds()
    }

    fn start(&mut self, job: Job) -> io::Result<()> {
        self.jobs.add(job);
        self.assign();
        Ok(())
    }

    fn poll(&mut self, timeout: Duration) -> Option<Report> {
        let deadline = Instant::now() + timeout;
        loop {
            self.look();
            if let Some(report) = self.reports.pop_front() {
                return Some(report);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            match self.link.poll(left.min(LOOK_EVERY)) {
                Some(event) => self.handle(event),
                None if left.is_zero() => return None,
                None => {}
            }
        }
    }

    fn stop(&mut self, trial: u64) {
        self.give_order(trial, Order::Stop);
    }

    fn pause(&mut self, trial: u64) {
        self.give_order(trial, Order::Pause);
    }
}

/// The worker as the journal names it.
impl From<&super::message::Introduction> for WorkerInfo {
    fn from(introduction: &super::message::Introduction) -> Self {
        Self {
            node: introduction.host.clone(),
            process: introduction.process,
            version: introduction.version.clone(),
            instruction_set: introduction.instruction_set.clone(),
        }
    }
}
