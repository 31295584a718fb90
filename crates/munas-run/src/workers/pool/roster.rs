//! Who is there, and what each does.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::trial::WorkerInfo;
use crate::workers::link::WorkerId;
use crate::workers::message::Introduction;

/// What a worker does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// It is being greeted.
    Joining,
    /// Nothing.
    Free,
    /// An attempt at a job.
    Busy { trial: u64, attempt: u64 },
}

struct Worker {
    phase: Phase,
    /// What its link calls its machine.
    node: Option<String>,
    info: Option<WorkerInfo>,
    heard: Instant,
    is_given_up: bool,
}

/// The workers, those included that were given up and are not gone yet.
#[derive(Default)]
pub(super) struct Roster(BTreeMap<WorkerId, Worker>);

impl Roster {
    pub fn join(&mut self, worker: WorkerId, node: Option<String>) {
        let (phase, heard) = (Phase::Joining, Instant::now());
        let new = Worker { phase, node, info: None, heard, is_given_up: false };
        self.0.insert(worker, new);
    }

    pub fn leave(&mut self, worker: WorkerId) {
        self.0.remove(&worker);
    }

    pub fn contains(&self, worker: WorkerId) -> bool {
        self.0.contains_key(&worker)
    }

    pub fn heard(&mut self, worker: WorkerId) {
        if let Some(worker) = self.0.get_mut(&worker) {
            worker.heard = Instant::now();
        }
    }

    /// Counts all workers as heard just now.
    pub fn hear_all(&mut self) {
        self.0.values_mut().for_each(|worker| worker.heard = Instant::now());
    }

    pub fn is_given_up(&self, worker: WorkerId) -> bool {
        self.0.get(&worker).is_none_or(|worker| worker.is_given_up)
    }

    pub fn introduce(&mut self, worker: WorkerId, introduction: &Introduction) {
        if let Some(worker) = self.0.get_mut(&worker) {
            let info = WorkerInfo::from(introduction);
            worker.info = Some(WorkerInfo { node: worker.node.clone().unwrap_or(info.node), ..info });
        }
    }

    /// Notes that a worker has nothing to do; who it is.
    pub fn free(&mut self, worker: WorkerId) -> Option<WorkerInfo> {
        let worker = self.0.get_mut(&worker)?;
        worker.phase = Phase::Free;
        worker.info.clone()
    }

    pub fn occupy(&mut self, worker: WorkerId, trial: u64, attempt: u64) {
        if let Some(worker) = self.0.get_mut(&worker) {
            worker.phase = Phase::Busy { trial, attempt };
        }
    }

    /// Gives a worker up, if it was not before: what it did, and who it was if it had said so.
    pub fn give_up(&mut self, worker: WorkerId) -> Option<(Phase, Option<WorkerInfo>)> {
        let worker = self.0.get_mut(&worker).filter(|worker| !worker.is_given_up)?;
        worker.is_given_up = true;
        Some((worker.phase, worker.info.clone()))
    }

    /// A worker that can be given a job.
    pub fn next_free(&self) -> Option<(WorkerId, WorkerInfo)> {
        let mut free = self.0.iter().filter(|(_, worker)| !worker.is_given_up && worker.phase == Phase::Free);
        free.find_map(|(id, worker)| Some((*id, worker.info.clone()?)))
    }

    /// Number of workers that can be given jobs, or have one.
    pub fn usable(&self) -> usize {
        let usable = |worker: &&Worker| !worker.is_given_up && worker.phase != Phase::Joining;
        self.0.values().filter(usable).count()
    }

    /// Number of workers that can be given jobs, or may come to that.
    pub fn hopeful(&self) -> usize {
        self.0.values().filter(|worker| !worker.is_given_up).count()
    }

    /// Workers that nothing was heard from for so long.
    pub fn silent(&self, longest: Duration) -> Vec<WorkerId> {
        let silent = |worker: &Worker| !worker.is_given_up && worker.heard.elapsed() >= longest;
        self.0.iter().filter(|(_, worker)| silent(worker)).map(|(id, _)| *id).collect()
    }
}
