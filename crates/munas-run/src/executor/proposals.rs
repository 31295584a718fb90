//! From experiment and journal to a proposal. The search and its replay share every line of it.
//!
//! The generator of a decision is seeded from the experiment's seed and the decision's number alone, and those that decisions
//! share from a number of the algorithm's choosing. Where trials have no rungs, each is one decision, which has its number. A resumed search
//! therefore needs no state but the journal, and draws that a killed process made are drawn again.
//!
//! | bytes of the ChaCha8 key | content |
//! |---|---|
//! | 0–7 | seed of the experiment, little-endian |
//! | 8–15 | number of the decision, of the trial that is trained, or of a stream that decisions share, little-endian |
//! | 16–31 | purpose, ASCII, padded with zeros |

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use munas_search::{
    Algorithm, AlgorithmKind, Context, Decision, History, Interruption, Observed, Pending, Problem,
    SearchError, decide,
};

use crate::experiment::Experiment;
use crate::task::Task;
use crate::trial::{RungResult, TrialRecord};

/// What random numbers are drawn for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    Proposal,
    Training,
    /// The trainings of a finalist, one after the other.
    Finalist,
    /// What proposals share; the number is the algorithm's, not a trial's.
    Model,
}

impl Purpose {
    const fn tag(self) -> &'static [u8] {
        match self {
            Self::Proposal => b"proposal",
            Self::Training => b"training",
            Self::Finalist => b"finalist",
            Self::Model => b"model",
        }
    }
}

fn generator(seed: u64, trial: u64, purpose: Purpose) -> ChaCha8Rng {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..16].copy_from_slice(&trial.to_le_bytes());
    let tag = purpose.tag();
    key[16..16 + tag.len()].copy_from_slice(tag);
    ChaCha8Rng::from_seed(key)
}

/// The seed of a trial's training: 63 bits, which the journal's integers hold.
pub(crate) fn training_seed(seed: u64, trial: u64) -> u64 {
    generator(seed, trial, Purpose::Training).next_u64() >> 1
}

/// The seed of training `number`, from 1, of a finalist: 63 bits.
pub(crate) fn finalist_seed(seed: u64, trial: u64, number: u32) -> u64 {
    let mut rng = generator(seed, trial, Purpose::Finalist);
    for _ in 1..number {
        rng.next_u64();
    }
    rng.next_u64() >> 1
}

/// Makes the proposals of one experiment.
pub(crate) struct Proposals {
    problem: Problem,
    kind: AlgorithmKind,
    algorithm: Box<dyn Algorithm + Send + Sync>,
    seed: u64,
}

impl Proposals {
    pub fn new(experiment: &Experiment, task: &Task) -> Self {
        let kind = experiment.search.algorithm;
        let algorithm = kind.build(&experiment.search.algorithm_settings());
        Self { problem: experiment.problem(task), kind, algorithm, seed: experiment.seed }
    }

    /// What is searched.
    pub fn problem(&self) -> &Problem {
        &self.problem
    }

    /// Which search algorithm makes them.
    pub fn algorithm(&self) -> AlgorithmKind {
        self.kind
    }

    /// The decision of this number, given what was known and what was running when it was made; `None` where nothing is due, and nothing
    /// new may be begun.
    pub fn decide(
        &self,
        number: u64,
        (history, pending): (&History, &[Pending]),
        may_start: bool,
        interruption: Interruption<'_>,
    ) -> Result<Option<Decision>, SearchError> {
        let mut rng = generator(self.seed, number, Purpose::Proposal);
        let streams = |number| -> Box<dyn Rng> { Box::new(generator(self.seed, number, Purpose::Model)) };
        let context = Context { problem: &self.problem, history, pending, streams: &streams, interruption };
        decide(&*self.algorithm, context, may_start, &mut rng)
    }

    /// Whether trials rest at the ends of rungs.
    pub fn has_rungs(&self) -> bool {
        self.rungs().len() > 1
    }

    /// Epochs at the ends of the rungs; of the whole training alone, where the algorithm has no rungs.
    pub fn rungs(&self) -> &[u32] {
        &self.problem.rungs
    }

    /// Epochs after which a new trial of so many epochs rests first, or ends.
    pub fn first_end(&self, epochs: u32) -> u32 {
        if self.has_rungs() { self.rungs()[0] } else { epochs }
    }

    /// The end of the rung after the one that ends after so many epochs.
    pub fn rung_after(&self, epochs: u32) -> Option<u32> {
        self.rungs().iter().copied().find(|&end| end > epochs)
    }

    /// The ends of all rungs of a trial of so many epochs up to this one.
    pub fn rungs_to(&self, end: u32) -> Vec<u32> {
        let below = self.rungs().iter().copied().filter(|&rung| rung < end && self.has_rungs());
        below.chain([end]).collect()
    }

    /// Whether a trial may still be promoted, by what is known.
    pub fn may_promote(&self, history: &History, trial: u64) -> bool {
        let streams = |number| -> Box<dyn Rng> { Box::new(generator(self.seed, number, Purpose::Model)) };
        let (problem, interruption): (_, Interruption<'_>) = (&self.problem, &|| false);
        let context = Context { problem, history, pending: &[], streams: &streams, interruption };
        self.algorithm.may_promote(context, trial)
    }
}

/// Adds what a result of a trial shows to the history.
pub(crate) fn learn(history: &mut History, record: &TrialRecord, result: &RungResult) {
    let RungResult { trial, epochs, error, lost, .. } = *result;
    if lost {
        history.push_lost();
    } else {
        history.push(Observed { trial, candidate: record.candidate.clone(), epochs, error });
    }
}

/// The same of these results, of trials in the order of their numbers. A result whose trial is not there, as in a damaged journal, ends it.
pub(crate) fn learn_all(history: &mut History, records: &[TrialRecord], results: &[RungResult]) {
    for result in results {
        let Ok(place) = records.binary_search_by_key(&result.trial, |record| record.trial) else { return };
        learn(history, &records[place], result);
    }
}
