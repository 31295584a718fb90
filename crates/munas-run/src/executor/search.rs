//! The state of a search between journal and workers: all of it is derived from the journal.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use munas_search::{BrokenBound, Candidate, Feasibility, History, Interruption, Pending, SearchError};
use munas_train::{Checkpoint, EpochReport};

use super::backend::Ended;
use super::error::ExecutionError;
use super::evaluator::{Assignment, Pruned};
use super::limits::{EndReason, Limits, Summary};
use super::outcome::{Network, conclude, outcome_of};
use super::proposals::{Proposals, by_arrival, observed, training_seed};
use crate::store::checkpoints;
use crate::store::files::{FileError, remove_if_present};
use crate::store::front::Front;
use crate::store::models::{self, DataFacts, SavedModel};
use crate::store::run::Run;
use crate::store::session::now_ms;
use crate::trial::{ProposalRecord, TrialRecord, TrialState};

/// A search under way.
pub(super) struct Search<'a> {
    run: &'a mut Run,
    proposals: Proposals,
    history: History,
    front: Front,
    /// What the networks are trained on.
    data: Option<DataFacts>,
    /// Trials of earlier sessions without a result, by number.
    interrupted: VecDeque<TrialRecord>,
    /// Whether the session before was killed, and possibly for want of memory.
    lacked_memory: bool,
    running: BTreeMap<u64, TrialRecord>,
    next_trial: u64,
    tally: Tally,
}

/// Trials with more than so many times the least error are not judged on folds.
const FOLDS_UP_TO: f64 = 3.0;
/// An error that is low, whatever the least one.
const LOW_ERROR: f64 = 0.05;

/// Trials that ended in this session.
#[derive(Default)]
struct Tally {
    done: u64,
    failed: u64,
    stopped: u64,
}

/// What there is for a free worker.
pub(super) enum Next {
    /// A trial, recorded as running.
    Start(Box<Start>),
    /// As many trials as there shall be have begun.
    AllStarted,
    /// No proposal.
    Nothing(SearchError),
}

/// A trial that can be trained.
pub(super) struct Start {
    pub record: TrialRecord,
    pub assignment: Assignment,
    /// Whether an earlier session began it.
    pub restarted: bool,
}

impl<'a> Search<'a> {
    /// The state after what the journal holds.
    pub fn load(
        run: &'a mut Run,
        limits: &Limits,
        data: Option<&DataFacts>,
        lacked_memory: bool,
    ) -> Result<Self, ExecutionError> {
        let records = run.journal.trials()?;
        let mut history = History::new(run.task().input);
        for record in by_arrival(&records) {
            history.push(observed(record));
        }
        let front = Front::of(&records, &run.experiment().bounds);
        // A killed process may have left models of trials without a result, or of trials that had left the front.
        models::retain(run.dir(), |trial| front.contains(trial))?;
        let is_done = |trial| records.iter().any(|record| record.trial == trial && record.arrival.is_some());
        // A checkpoint too many does no harm.
        drop(checkpoints::retain(run.dir(), |trial| !is_done(trial)));
        let next_trial = records.last().map_or(1, |record| record.trial + 1);
        let without_result = records.into_iter().filter(|record| record.arrival.is_none());
        let interrupted = without_result.filter(|record| record.trial <= limits.trials).collect();
        let proposals = Proposals::new(run.experiment(), run.task());
        let (running, tally) = (BTreeMap::new(), Tally::default());
        let data = data.cloned();
        Ok(Self {
            run,
            proposals,
            history,
            front,
            data,
            interrupted,
            lacked_memory,
            running,
            next_trial,
            tally,
        })
    }

    /// Number of running trials, those included that wait for memory.
    pub fn running(&self) -> usize {
        self.running.len()
    }

    /// Their numbers.
    pub fn running_trials(&self) -> Vec<u64> {
        self.running.keys().copied().collect()
    }

    /// The next trial for a free worker: an interrupted one, or a new proposal.
    pub fn next(&mut self, trials: u64, interruption: Interruption<'_>) -> Result<Next, ExecutionError> {
        if let Some(mut record) = self.interrupted.pop_front() {
            let died = record.state == TrialState::Running && self.lacked_memory;
            record.deaths += u64::from(died);
            record.finished_ms = None;
            record.state = TrialState::Running;
            return Ok(self.start(record, true));
        }
        if self.next_trial > trials {
            return Ok(Next::AllStarted);
        }
        let trial = self.next_trial;
        let pending = self.running.values().map(|record| {
            let candidate = record.candidate.clone();
            Pending { trial: record.trial, epochs: candidate.epochs, candidate }
        });
        let pending: Vec<Pending> = pending.collect();
        let suggestion = match self.proposals.propose(trial, &self.history, &pending, interruption) {
            Ok(suggestion) => suggestion,
            Err(error) => return Ok(Next::Nothing(error)),
        };
        let record = TrialRecord {
            trial,
            candidate: suggestion.candidate,
            proposal: ProposalRecord {
                algorithm: self.proposals.algorithm().to_string(),
                history_length: self.history.len() as u64,
                pending: self.running.keys().copied().collect(),
                refused: suggestion.refused,
            },
            seed: training_seed(self.run.experiment().seed, trial),
            driving: self.run.experiment().search.driving(),
            memory: self.run.experiment().memory,
            state: TrialState::Running,
            pruned: None,
            arrival: None,
            deaths: 0,
            started_ms: now_ms(),
            finished_ms: None,
        };
        self.run.journal.insert_trial(&record)?;
        self.next_trial += 1;
        Ok(self.start(record, false))
    }

    fn start(&mut self, record: TrialRecord, restarted: bool) -> Next {
        let assignment = Assignment {
            trial: record.trial,
            graph: record.graph(self.run.task()),
            epochs: record.candidate.epochs,
            seed: record.seed,
            sparsity: record.candidate.sparsity,
            checkpoint: if restarted { checkpoints::load(self.run.dir(), record.trial) } else { None },
        };
        self.running.insert(record.trial, record.clone());
        Next::Start(Box::new(Start { record, assignment, restarted }))
    }

    /// Records that a worker begins with a trial.
    pub fn begin(&mut self, start: &Start) -> Result<(), ExecutionError> {
        let record = self.running.get_mut(&start.record.trial).expect("a trial that begins was started");
        if start.restarted {
            record.started_ms = now_ms();
            self.run.journal.restart_trial(record)?;
        }
        Ok(())
    }

    /// Records an epoch of a running trial.
    pub fn record_epoch(&mut self, trial: u64, report: &EpochReport) -> Result<(), ExecutionError> {
        Ok(self.run.journal.insert_epoch(trial, report)?)
    }

    /// Keeps where the training of a running trial has come to.
    pub fn keep_checkpoint(&mut self, trial: u64, checkpoint: &Checkpoint) -> Result<(), FileError> {
        checkpoints::save(self.run.dir(), trial, checkpoint)
    }

    /// Records the end of a running trial. Returns its record, and whether it is on the front.
    pub fn finish(&mut self, ended: Ended) -> Result<(TrialRecord, bool), ExecutionError> {
        let record = self.running.remove(&ended.trial).expect("a trial that ends was running");
        let (record, network) = self.priced(record, ended);
        let on_front = self.front.accepts(&record);
        self.persist(&record, network, on_front)?;
        self.learn(&record);
        Ok((record, on_front))
    }

    /// The record of a trial that has ended, with what the trained network costs, and the network if there is a result.
    fn priced(&self, mut record: TrialRecord, ended: Ended) -> (TrialRecord, Network) {
        let (mut state, mut network) = conclude(ended.result, ended.elapsed);
        let pruned = network.as_mut().and_then(|network| network.pruned.take());
        let candidate = self.candidate_left(&record.candidate, pruned.as_ref());
        match self.broken_bound(&candidate) {
            Some(broken) if network.is_some() => {
                state = TrialState::Failed(format!("the trained network has {broken}"));
                network = None;
            }
            _ => (record.candidate, record.pruned) = (candidate, pruned.map(|pruned| pruned.network)),
        }
        record.arrival = match state {
            TrialState::Done(_) | TrialState::Failed(_) => Some(self.history.len() as u64 + 1),
            TrialState::Running | TrialState::Stopped => None,
        };
        record.deaths = 0;
        record.state = state;
        record.finished_ms = Some(now_ms());
        (record, network.unwrap_or_default())
    }

    /// Writes a trial that has ended to the run: first the model, then the journal that counts on it, then the front without the models
    /// that it makes superfluous. A process that is killed in between leaves a model too many, never one too few.
    fn persist(
        &mut self,
        record: &TrialRecord,
        network: Network,
        on_front: bool,
    ) -> Result<(), ExecutionError> {
        let Network { weights, int8, confusion, .. } = network;
        if let Some(weights) = weights.filter(|_| on_front) {
            let graph = record.graph(self.run.task());
            let architecture = record.candidate.architecture.clone();
            let data = self.data.clone();
            let model = SavedModel { trial: record.trial, architecture, graph, weights, int8, data };
            model.save(&models::path(self.run.dir(), record.trial))?;
        }
        self.run.journal.finish_trial(record, confusion.as_ref().filter(|_| on_front))?;
        if on_front {
            let left = self.front.insert(record);
            for &trial in &left {
                let path = models::path(self.run.dir(), trial);
                remove_if_present(&path).map_err(FileError::of("remove", &path))?;
            }
            self.run.journal.drop_confusions(&left)?;
        }
        if record.arrival.is_some() {
            // One that stays is removed by the next session.
            drop(checkpoints::remove(self.run.dir(), record.trial));
        }
        Ok(())
    }

    /// Adds what a trial has shown to what proposals are made from.
    fn learn(&mut self, record: &TrialRecord) {
        if record.arrival.is_some() {
            self.history.push(observed(record));
        }
        match record.state {
            TrialState::Done(_) => self.tally.done += 1,
            TrialState::Failed(_) => self.tally.failed += 1,
            TrialState::Running | TrialState::Stopped => self.tally.stopped += 1,
        }
    }

    /// What is trained, with the resources of what pruning has left of it.
    fn candidate_left(&self, candidate: &Candidate, pruned: Option<&Pruned>) -> Candidate {
        let mut candidate = candidate.clone();
        if let Some(Pruned { network, resources }) = pruned {
            candidate.on_board = self.proposals.problem().on_board(&network.graph);
            candidate.resources = *resources;
        }
        candidate
    }

    /// The hard bound that a trained network is above, where none shall be: not in searches that train whatever is drawn, nor in
    /// those that leave it to chance what pruning comes to.
    fn broken_bound(&self, candidate: &Candidate) -> Option<BrokenBound> {
        let problem = self.proposals.problem();
        let strict = problem.feasibility == Feasibility::Skip
            && problem.pruning.is_none_or(|pruning| pruning.fits_bounds);
        problem.bounds.broken_hard(&candidate.objectives(None)).filter(|_| strict)
    }

    /// Whether what an evaluation came to would put its trial on the front, among those whose error somebody may want: tiny networks
    /// that err nearly always are on it too.
    pub fn is_worth_folds(&self, ended: &Ended) -> bool {
        let (Ok(evaluated), Some(record)) = (&ended.result, self.running.get(&ended.trial)) else {
            return false;
        };
        let candidate = self.candidate_left(&record.candidate, evaluated.pruned.as_ref());
        if self.broken_bound(&candidate).is_some() {
            return false;
        }
        let mut record = TrialRecord { candidate, ..record.clone() };
        let Some(outcome) = outcome_of(evaluated, ended.elapsed) else { return false };
        record.state = TrialState::Done(outcome);
        let least = self.history.finished().filter_map(|known| known.error).fold(f64::INFINITY, f64::min);
        let is_low = |error: f64| error <= (FOLDS_UP_TO * least).max(LOW_ERROR);
        record.error().is_some_and(is_low) && self.front.accepts(&record)
    }

    /// Whether a trained trial meets all bounds.
    pub fn meets_bounds(&self, record: &TrialRecord) -> bool {
        record.in_bounds(&self.proposals.problem().bounds)
    }

    /// What this session did.
    pub fn summary(&self, reason: EndReason, elapsed: Duration) -> Summary {
        let Tally { done, failed, stopped } = self.tally;
        Summary { reason, done, failed, stopped, elapsed }
    }
}
