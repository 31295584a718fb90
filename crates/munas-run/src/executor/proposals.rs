//! From experiment and journal to a proposal. The search and its replay share every line of it.
//!
//! The generator of a proposal is seeded from the experiment's seed and the trial's number alone, and those that proposals
//! share from a number of the algorithm's choosing. A resumed search
//! therefore needs no state but the journal, and draws that a killed process made are drawn again.
//!
//! | bytes of the ChaCha8 key | content |
//! |---|---|
//! | 0–7 | seed of the experiment, little-endian |
//! | 8–15 | number of the trial, or of a stream that proposals share, little-endian |
//! | 16–31 | purpose, ASCII, padded with zeros |

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use munas_search::{
    Algorithm, AlgorithmKind, Candidate, Context, History, Interruption, Observed, Problem, SearchError,
    Suggestion, suggest,
};

use crate::experiment::Experiment;
use crate::task::Task;
use crate::trial::TrialRecord;

/// What a trial draws random numbers for.
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

    /// The proposal of a trial, given what was known and what was running when it was made.
    pub fn propose(
        &self,
        trial: u64,
        history: &History,
        pending: &[Candidate],
        interruption: Interruption<'_>,
    ) -> Result<Suggestion, SearchError> {
        let mut rng = generator(self.seed, trial, Purpose::Proposal);
        let streams = |number| -> Box<dyn Rng> { Box::new(generator(self.seed, number, Purpose::Model)) };
        let context = Context { problem: &self.problem, history, pending, streams: &streams, interruption };
        suggest(&*self.algorithm, context, &mut rng)
    }
}

/// What the search learns from a trial that has a result.
pub(crate) fn observed(record: &TrialRecord) -> Observed {
    Observed { trial: record.trial, candidate: record.candidate.clone(), error: record.error() }
}

/// The trials that have a result, in the order of arrival.
pub(crate) fn by_arrival(records: &[TrialRecord]) -> Vec<&TrialRecord> {
    let mut arrived: Vec<_> = records.iter().filter(|record| record.arrival.is_some()).collect();
    arrived.sort_by_key(|record| record.arrival);
    arrived
}
