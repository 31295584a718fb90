//! The state of a search between journal and workers: all of it is derived from the journal.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use munas_search::{
    BrokenBound, Candidate, Decision, Feasibility, History, Interruption, Pending, SearchError, Suggestion,
};
use munas_train::{Checkpoint, EpochReport};

use super::backend::{Ended, WorkerNews};
use super::error::ExecutionError;
use super::evaluator::{Assignment, EvaluationError, Pruned};
use super::limits::{EndReason, Limits, Summary};
use super::outcome::{Network, conclude, outcome_of};
use super::proposals::{Proposals, learn, learn_all, training_seed};
use crate::store::checkpoints;
use crate::store::files::{FileError, remove_if_present};
use crate::store::front::Front;
use crate::store::models::{self, DataFacts, SavedModel};
use crate::store::run::Run;
use crate::store::session::now_ms;
use crate::trial::{DecisionRecord, PromotionRecord, ProposalRecord, RungResult, TrialRecord, TrialState};

/// A search under way.
pub(super) struct Search<'a> {
    run: &'a mut Run,
    /// The session, in the journal.
    session: i64,
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
    /// The end of the rung that each trial was last trained to, or is being trained to, in epochs.
    ends: BTreeMap<u64, u32>,
    /// Trials that rest and may be gone on with from a checkpoint.
    resting: BTreeSet<u64>,
    /// The number of them at which those are looked for whose checkpoints are not needed any more.
    most_resting: usize,
    next_trial: u64,
    next_decision: u64,
    tally: Tally,
}

/// Trials with more than so many times the least error are not judged on folds.
const FOLDS_UP_TO: f64 = 3.0;
/// An error that is low, whatever the least one.
const LOW_ERROR: f64 = 0.05;

/// Fewer checkpoints of resting trials than these are not worth looking for those that are not needed any more.
const FEW_RESTING: usize = 320;

/// Trials that ended in this session.
#[derive(Default)]
struct Tally {
    done: u64,
    paused: u64,
    failed: u64,
    stopped: u64,
}

/// What there is for a free worker.
pub(super) enum Next {
    /// A trial, recorded as running.
    Start(Box<Start>),
    /// As many trials as there shall be have begun, and none is due for more.
    AllStarted,
    /// The same, but what is running may make one due.
    Wait,
    /// No proposal.
    Nothing(SearchError),
}

/// A trial that has ended, or rests.
pub(super) struct Finished {
    pub record: TrialRecord,
    /// Whether its latest result puts it on the front.
    pub on_front: bool,
    /// Epochs that it was trained to.
    pub epochs: u32,
    /// Whether it had no result before.
    pub is_first: bool,
}

/// What a running trial has come to.
struct Judged {
    record: TrialRecord,
    /// The network, if it is the best that is known of the trial.
    network: Option<Network>,
    /// Its result, if it has come to one.
    latest: Option<RungResult>,
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
        session: i64,
        limits: &Limits,
        data: Option<&DataFacts>,
        lacked_memory: bool,
    ) -> Result<Self, ExecutionError> {
        let (records, results) = (run.journal.trials()?, run.journal.results()?);
        let mut history = History::new(run.task().input);
        learn_all(&mut history, &records, &results);
        let promotions = run.journal.promotions()?;
        let proposals = Proposals::new(run.experiment(), run.task());
        let first_end = |record: &TrialRecord| proposals.first_end(record.candidate.epochs);
        let mut ends: BTreeMap<u64, u32> =
            records.iter().map(|record| (record.trial, first_end(record))).collect();
        ends.extend(promotions.iter().map(|promotion| (promotion.trial, promotion.epochs)));
        let began = records.iter().map(|record| record.proposal.decision.number);
        let decided = began.chain(promotions.iter().map(|promotion| promotion.decision.number));
        let next_decision = decided.max().unwrap_or(0) + 1;
        let front = Front::of(&records, &run.experiment().bounds);
        // A killed process may have left models of trials without a result, or of trials that had left the front.
        models::retain(run.dir(), |trial| front.contains(trial))?;
        let ended = records.iter().filter(|record| record.has_ended()).map(|record| record.trial);
        let ended: BTreeSet<u64> = ended.collect();
        // A checkpoint too many does no harm.
        drop(checkpoints::retain(run.dir(), |trial| !ended.contains(&trial)));
        let next_trial = records.last().map_or(1, |record| record.trial + 1);
        let resting = records.iter().filter(|record| record.state == TrialState::Paused);
        let resting = resting.map(|record| record.trial).collect();
        let interrupted = records
            .into_iter()
            .filter(|record| record.trial <= limits.trials)
            .filter(|record| matches!(record.state, TrialState::Running | TrialState::Stopped))
            .collect();
        let (running, tally) = (BTreeMap::new(), Tally::default());
        let data = data.cloned();
        Ok(Self {
            run,
            session,
            proposals,
            history,
            front,
            data,
            interrupted,
            lacked_memory,
            running,
            ends,
            resting,
            most_resting: FEW_RESTING,
            next_trial,
            next_decision,
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
        let pending: Vec<Pending> = self.running.values().map(|record| self.pending(record)).collect();
        let may_start = self.next_trial <= trials;
        let known = (&self.history, pending.as_slice());
        let decision = self.proposals.decide(self.next_decision, known, may_start, interruption);
        let decision = match decision {
            Ok(Some(decision)) => decision,
            Ok(None) | Err(SearchError::Exhausted { .. })
                if self.proposals.has_rungs() && !pending.is_empty() =>
            {
                return Ok(Next::Wait);
            }
            Ok(None) => return Ok(Next::AllStarted),
            Err(error) => return Ok(Next::Nothing(error)),
        };
        let known = DecisionRecord {
            number: self.next_decision,
            history_length: self.history.len() as u64,
            pending: self.running.keys().copied().collect(),
        };
        let next = match decision {
            Decision::Promote(trial) => self.promote(trial, known)?,
            Decision::Start(suggestion) => self.begin_new(*suggestion, known)?,
        };
        self.next_decision += 1;
        Ok(next)
    }

    /// A running trial, as algorithms see it.
    fn pending(&self, record: &TrialRecord) -> Pending {
        let TrialRecord { trial, candidate, .. } = record;
        Pending { trial: *trial, candidate: candidate.clone(), epochs: self.end_of(record) }
    }

    /// Epochs after which a trial rests, or ends.
    fn end_of(&self, record: &TrialRecord) -> u32 {
        self.ends.get(&record.trial).copied().unwrap_or(record.candidate.epochs)
    }

    /// Records that a resting trial is trained on.
    fn promote(&mut self, trial: u64, decision: DecisionRecord) -> Result<Next, ExecutionError> {
        let mut record = self.run.journal.trial(trial)?.expect("a trial with a result is in the journal");
        let epochs =
            self.proposals.rung_after(self.end_of(&record)).expect("a resting trial has a rung left");
        self.run.journal.promote_trial(&PromotionRecord { decision, trial, epochs })?;
        self.ends.insert(trial, epochs);
        self.resting.remove(&trial);
        (record.state, record.finished_ms) = (TrialState::Running, None);
        Ok(self.start(record, true))
    }

    /// Records a new trial.
    fn begin_new(
        &mut self,
        suggestion: Suggestion,
        decision: DecisionRecord,
    ) -> Result<Next, ExecutionError> {
        let Suggestion { candidate, refused } = suggestion;
        let trial = self.next_trial;
        let end = self.proposals.first_end(candidate.epochs);
        let record = TrialRecord {
            trial,
            candidate,
            proposal: ProposalRecord { algorithm: self.proposals.algorithm().to_string(), decision, refused },
            seed: training_seed(self.run.experiment().seed, trial),
            driving: self.run.experiment().search.driving(),
            memory: self.run.experiment().memory,
            state: TrialState::Running,
            outcome: None,
            pruned: None,
            arrival: None,
            deaths: 0,
            started_ms: now_ms(),
            finished_ms: None,
        };
        self.run.journal.insert_trial(&record)?;
        self.ends.insert(trial, end);
        self.next_trial += 1;
        Ok(self.start(record, false))
    }

    fn start(&mut self, record: TrialRecord, restarted: bool) -> Next {
        let (task, architecture) = (self.run.task(), &record.candidate.architecture);
        let assignment = Assignment {
            trial: record.trial,
            // What is trained has all its channels, whatever pruning has left of it at the end of a rung.
            graph: architecture.lower(task.input, task.classes()),
            rungs: self.proposals.rungs_to(self.end_of(&record)),
            epochs: record.candidate.epochs,
            seed: record.seed,
            fold: 0,
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

    /// Records what there is to record about workers.
    pub fn record_news(&mut self, news: &WorkerNews) -> Result<(), ExecutionError> {
        let (journal, session) = (&mut self.run.journal, self.session);
        match news {
            WorkerNews::Began { trial, attempt, worker } => {
                journal.begin_attempt((session, *attempt), *trial, worker, now_ms())?;
            }
            WorkerNews::GivenUp { attempt, reason, .. } => {
                journal.end_attempt((session, *attempt), Some(reason), now_ms())?;
            }
            WorkerNews::Refused { attempt, .. } => journal.count_refused((session, *attempt))?,
            WorkerNews::Joined(_) | WorkerNews::Left { .. } | WorkerNews::Note(_) => {}
        }
        Ok(())
    }

    /// Records the end of the attempt that has come to an end, if it was one.
    pub fn record_end_of_attempt(&mut self, ended: &Ended) -> Result<(), ExecutionError> {
        if let Some(attempt) = ended.attempt {
            self.run.journal.end_attempt((self.session, attempt), None, now_ms())?;
        }
        Ok(())
    }

    /// Keeps where the training of a running trial has come to.
    pub fn keep_checkpoint(&mut self, trial: u64, checkpoint: &Checkpoint) -> Result<(), FileError> {
        checkpoints::save(self.run.dir(), trial, checkpoint)
    }

    /// Records what a running trial has come to.
    pub fn finish(&mut self, ended: Ended) -> Result<Finished, ExecutionError> {
        let record = self.running.remove(&ended.trial).expect("a trial that ends was running");
        let (is_first, epochs) = (record.arrival.is_none(), self.end_of(&record));
        let Judged { record, network, latest } = self.judged(record, ended);
        let on_front = network.is_some() && self.front.accepts(&record);
        self.persist(&record, latest.as_ref(), network.unwrap_or_default(), on_front)?;
        self.learn(&record, latest.as_ref());
        Ok(Finished { record, on_front, epochs, is_first })
    }

    /// The record of a trial that has come to the end of a rung or of its training, or has been stopped.
    fn judged(&self, mut record: TrialRecord, ended: Ended) -> Judged {
        let epochs = self.end_of(&record);
        record.deaths = 0;
        record.finished_ms = Some(now_ms());
        let is_lost = matches!(ended.result, Err(EvaluationError::Lost(_)));
        let concluded = conclude(ended.result, ended.elapsed, epochs).and_then(|(outcome, network)| {
            let candidate = self.candidate_left(&record.candidate, network.pruned.as_ref());
            match self.broken_bound(&candidate) {
                Some(broken) => Err(TrialState::Failed(format!("the trained network has {broken}"))),
                None => Ok((outcome, network, candidate)),
            }
        });
        let (outcome, mut network, candidate) = match concluded {
            Ok(concluded) => concluded,
            Err(state) => {
                let has_failed = matches!(state, TrialState::Failed(_));
                record.state = state;
                let latest = has_failed
                    .then(|| RungResult { lost: is_lost, ..self.result(&mut record, epochs, None) });
                return Judged { record, network: None, latest };
            }
        };
        record.state = if epochs < record.candidate.epochs { TrialState::Paused } else { TrialState::Done };
        let error = outcome.driving(record.driving);
        let latest = Some(self.result(&mut record, epochs, error));
        // The end of a training says what comes of it; before, a rung may be better by chance.
        let is_better = record.state == TrialState::Done
            || record.error().zip(error).is_none_or(|(before, now)| now < before);
        if !is_better {
            return Judged { record, network: None, latest };
        }
        (record.candidate, record.outcome) = (candidate, Some(outcome));
        record.pruned = network.pruned.take().map(|pruned| pruned.network);
        Judged { record, network: Some(network), latest }
    }

    /// The next result to arrive, of a trial after so many epochs.
    fn result(&self, record: &mut TrialRecord, epochs: u32, error: Option<f64>) -> RungResult {
        let arrival = self.history.len() as u64 + 1;
        record.arrival = Some(arrival);
        RungResult { trial: record.trial, epochs, arrival, error, lost: false }
    }

    /// Writes what a trial has come to to the run: first the model, then the journal that counts on it, then the front without the models
    /// that it makes superfluous. A process that is killed in between leaves a model too many, never one too few.
    fn persist(
        &mut self,
        record: &TrialRecord,
        latest: Option<&RungResult>,
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
        self.run.journal.finish_trial(record, latest, confusion.as_ref().filter(|_| on_front))?;
        if on_front {
            let left = self.front.insert(record);
            for &trial in &left {
                let path = models::path(self.run.dir(), trial);
                remove_if_present(&path).map_err(FileError::of("remove", &path))?;
            }
            self.run.journal.drop_confusions(&left)?;
        }
        if record.has_ended() {
            // One that stays is removed by the next session.
            drop(checkpoints::remove(self.run.dir(), record.trial));
        }
        Ok(())
    }

    /// Adds what a trial has shown to what decisions are made from.
    fn learn(&mut self, record: &TrialRecord, latest: Option<&RungResult>) {
        if let Some(result) = latest {
            learn(&mut self.history, record, result);
        }
        match record.state {
            TrialState::Done => self.tally.done += 1,
            TrialState::Paused => self.rest(record.trial),
            TrialState::Failed(_) => self.tally.failed += 1,
            TrialState::Running | TrialState::Stopped => self.tally.stopped += 1,
        }
    }

    /// Keeps the checkpoint of a trial that rests; whenever there are twice as many as were needed the last time, drops those of trials
    /// that are not gone on with any more. A promoted trial without one is trained again from the start.
    fn rest(&mut self, trial: u64) {
        self.tally.paused += 1;
        self.resting.insert(trial);
        if self.resting.len() < self.most_resting {
            return;
        }
        let Self { resting, proposals, history, run, .. } = self;
        resting.retain(|&trial| {
            let is_needed = proposals.may_promote(history, trial);
            if !is_needed {
                drop(checkpoints::remove(run.dir(), trial));
            }
            is_needed
        });
        self.most_resting = FEW_RESTING.max(2 * self.resting.len());
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
    /// that err nearly always are on it too. Then it is the mean error up to which it would stay there.
    pub fn worth_of_folds(&self, ended: &Ended) -> Option<f64> {
        let (Ok(evaluated), Some(record)) = (&ended.result, self.running.get(&ended.trial)) else {
            return None;
        };
        let candidate = self.candidate_left(&record.candidate, evaluated.pruned.as_ref());
        if self.broken_bound(&candidate).is_some() || self.end_of(record) < record.candidate.epochs {
            return None;
        }
        let outcome = Some(outcome_of(evaluated, ended.elapsed, record.candidate.epochs)?);
        let record = TrialRecord { candidate, outcome, ..record.clone() };
        let least = self.history.least_error().unwrap_or(f64::INFINITY);
        let lowest = (FOLDS_UP_TO * least).max(LOW_ERROR);
        let is_worth = record.error().is_some_and(|error| error <= lowest) && self.front.accepts(&record);
        is_worth.then(|| lowest.min(self.front.largest_error(&record)))
    }

    /// Whether a trained trial meets all bounds.
    pub fn meets_bounds(&self, record: &TrialRecord) -> bool {
        record.in_bounds(&self.proposals.problem().bounds)
    }

    /// What this session did.
    pub fn summary(&self, reason: EndReason, elapsed: Duration) -> Summary {
        let Tally { done, paused, failed, stopped } = self.tally;
        Summary { reason, done, paused, failed, stopped, elapsed }
    }
}
