//! The loop between an algorithm and the trainer: draw until a proposal is worth training.
//!
//! A draw is refused, in this order, if it breaks a hard bound, if it breaks a soft bound more than tenfold, or if its
//! canonical form was or is being trained for as many epochs. Refused draws are counted by reason, not kept. After
//! [`Problem::max_draws`](crate::Problem::max_draws) of them the search ends, with an error that says how near the draws came.

use rand::Rng;

use crate::feasibility::{Broken, Gate, NearestMiss};
use crate::history::Duplicates;
use crate::{Algorithm, Candidate, Context, Feasibility};

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
}

impl Refusals {
    /// All refused draws.
    pub const fn total(&self) -> u64 {
        self.hard + self.soft + self.duplicates
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
}

/// The next candidate to train. Nothing is changed: what is suggested counts from when the caller lists it as pending.
///
/// # Errors
/// [`SearchError`] after [`Problem::max_draws`](crate::Problem::max_draws) refused draws.
pub fn suggest<R: Rng>(
    algorithm: &dyn Algorithm,
    context: Context<'_>,
    rng: &mut R,
) -> Result<Suggestion, SearchError> {
    let mut proposer = algorithm.proposer(context, rng);
    let Context { problem, history, pending, .. } = context;
    let mut refused = Refusals::default();
    if problem.feasibility == Feasibility::Off {
        return Ok(Suggestion { candidate: problem.candidate(proposer.propose(rng)), refused });
    }
    let duplicates = Duplicates::new(history, pending);
    let is_duplicate = |candidate: &Candidate| !problem.repeats && duplicates.contains(candidate);
    let mut gate = Gate::new(problem);
    while refused.total() < problem.max_draws.get() {
        match gate.admit(proposer.propose(rng)) {
            Err(Broken::Hard) => refused.hard += 1,
            Err(Broken::Soft) => refused.soft += 1,
            Ok(candidate) if is_duplicate(&candidate) => refused.duplicates += 1,
            Ok(candidate) => return Ok(Suggestion { candidate, refused }),
        }
    }
    Err(match gate.nearest_miss() {
        Some(nearest) if refused.duplicates == 0 => {
            SearchError::NothingFeasible { draws: refused.total(), nearest: Box::new(nearest) }
        }
        _ => SearchError::Exhausted { refused },
    })
}

#[cfg(test)]
mod tests;
