//! The loop between an algorithm and the trainer: draw until a proposal is worth training.
//!
//! A draw is refused, in this order, if it breaks a hard bound, if it breaks a soft bound more than tenfold, if its
//! canonical form was or is being trained for as many epochs, or if its training would take more than it may.
//! Refused draws are counted by reason, not kept. After
//! [`Problem::max_draws`](crate::Problem::max_draws) of them the search ends, with an error that says how near the draws came.

use rand::Rng;

use crate::feasibility::{Broken, Gate, NearestMiss};
use crate::history::Duplicates;
use crate::{Algorithm, Candidate, Context, Feasibility, Interrupted, TrainingExcess};

/// A proposal that is worth training.
#[derive(Clone, Debug, PartialEq)]
pub struct Suggestion {
    /// What to train.
    pub candidate: Candidate,
    /// The draws that were refused before it.
    pub refused: Refusals,
}

/// Refused draws, by the first reason that applies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Refusals {
    /// A hard bound was broken.
    pub hard: u64,
    /// A soft bound was broken more than tenfold.
    pub soft: u64,
    /// The architecture was or is being trained.
    pub duplicates: u64,
    /// The training would take more memory or more operations than there shall be.
    pub training: u64,
}

impl Refusals {
    /// All refused draws.
    pub const fn total(&self) -> u64 {
        self.hard + self.soft + self.duplicates + self.training
    }
}

/// Why there is nothing to suggest.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SearchError {
    /// No draw was within the bounds.
    #[error("no architecture within the bounds in {draws} draws: {nearest}")]
    NothingFeasible {
        /// How many architectures were drawn.
        draws: u64,
        /// The draw that came nearest.
        nearest: Box<NearestMiss>,
    },
    /// Every draw within the bounds was a duplicate.
    #[error("nothing new within the bounds in {} draws: {} were trained before, the others break a bound",
        refused.total(), refused.duplicates)]
    Exhausted {
        /// All draws, by reason.
        refused: Refusals,
    },
    /// No draw within the bounds could be trained.
    #[error("no architecture within the bounds could be trained, in {} draws: the last {excess}", refused.total())]
    TooDear {
        /// All draws, by reason.
        refused: Refusals,
        /// What the last of them would take too much of.
        excess: TrainingExcess,
    },
    /// Nobody waits for the proposal any longer.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

/// What a free worker shall do.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// Train this resting trial to the end of its next rung.
    Promote(u64),
    /// Begin a new trial.
    Start(Box<Suggestion>),
}

/// What a free worker shall do: a promotion that is due comes before anything new, which `may_start` allows. `None`: neither.
///
/// # Errors
/// As [`suggest`].
pub fn decide<R: Rng>(
    algorithm: &dyn Algorithm,
    context: Context<'_>,
    may_start: bool,
    rng: &mut R,
) -> Result<Option<Decision>, SearchError> {
    if let Some(trial) = algorithm.promotion(context)? {
        return Ok(Some(Decision::Promote(trial)));
    }
    if !may_start {
        return Ok(None);
    }
    suggest(algorithm, context, rng).map(|suggestion| Some(Decision::Start(Box::new(suggestion))))
}

/// The next candidate to train. Nothing is changed: what is suggested counts from when the caller lists it as pending.
///
/// # Errors
/// [`SearchError`] after [`Problem::max_draws`](crate::Problem::max_draws) refused draws, or when the context interrupts.
pub fn suggest<R: Rng>(
    algorithm: &dyn Algorithm,
    context: Context<'_>,
    rng: &mut R,
) -> Result<Suggestion, SearchError> {
    let mut proposer = algorithm.proposer(context, rng)?;
    let Context { problem, history, pending, .. } = context;
    let mut refused = Refusals::default();
    let everything = problem.feasibility == Feasibility::Off;
    let duplicates = Duplicates::new(history, pending);
    let is_duplicate = |candidate: &Candidate| !problem.repeats && duplicates.contains(candidate);
    let mut gate = Gate::new(problem);
    let mut too_dear = None;
    while refused.total() < problem.max_draws.get() {
        context.go_on()?;
        let proposal = proposer.propose(rng)?;
        let admitted = if everything { Ok(problem.candidate(proposal)) } else { gate.admit(proposal) };
        match admitted {
            Err(Broken::Hard) => refused.hard += 1,
            Err(Broken::Soft) => refused.soft += 1,
            Ok(candidate) if !everything && is_duplicate(&candidate) => refused.duplicates += 1,
            Ok(candidate) => match problem.training_excess(&candidate.architecture) {
                None => return Ok(Suggestion { candidate, refused }),
                excess => {
                    refused.training += 1;
                    too_dear = excess;
                }
            },
        }
    }
    Err(match (gate.nearest_miss(), too_dear) {
        _ if refused.duplicates > 0 => SearchError::Exhausted { refused },
        (_, Some(excess)) => SearchError::TooDear { refused, excess },
        (Some(nearest), None) => {
            SearchError::NothingFeasible { draws: refused.total(), nearest: Box::new(nearest) }
        }
        (None, None) => SearchError::Exhausted { refused },
    })
}

#[cfg(test)]
mod tests;
