//! What a search algorithm is.

use rand::Rng;

use crate::{History, Pending, Problem, Proposal};

/// Generators for what several proposals share, such as the fit of a model. The same number gives the same stream, whichever
/// proposal asks for it; the caller seeds them as it seeds the generators of proposals.
pub type Streams<'a> = &'a dyn Fn(u64) -> Box<dyn Rng>;

/// Says whether nobody waits for a proposal any longer. It never changes what is proposed, only whether.
pub type Interruption<'a> = &'a dyn Fn() -> bool;

/// A proposal was cut off because nobody waits for it any longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("interrupted")]
pub struct Interrupted;

/// All that an algorithm may look at.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// What is searched.
    pub problem: &'a Problem,
    /// The results of trials.
    pub history: &'a History,
    /// The trials that are running, oldest first.
    pub pending: &'a [Pending],
    /// Generators besides that of the proposal.
    pub streams: Streams<'a>,
    /// Asked at least several times a second while a proposal is made.
    pub interruption: Interruption<'a>,
}

impl Context<'_> {
    /// # Errors
    /// [`Interrupted`] if nobody waits for the proposal any longer.
    pub(crate) fn go_on(&self) -> Result<(), Interrupted> {
        if (self.interruption)() { Err(Interrupted) } else { Ok(()) }
    }
}

/// A search algorithm: its settings, and how it proposes. It holds no state of the search, so that the same context and
/// the same generator always lead to the same proposals.
pub trait Algorithm {
    /// Prepares proposals from what is known now. What does not depend on the draw (a population, a fitted model) is
    /// derived here once, since many draws may be refused before one is trained.
    ///
    /// # Errors
    /// [`Interrupted`] when the context says so. What was computed until then changes no later proposal.
    fn proposer<'a>(
        &'a self,
        context: Context<'a>,
        rng: &mut dyn Rng,
    ) -> Result<Box<dyn Proposer + 'a>, Interrupted>;

    /// Whether trials rest at the ends of rungs, until they are promoted. Without, each is trained to its end at once.
    fn has_rungs(&self) -> bool {
        false
    }

    /// The resting trial that shall be trained on, to the end of its next rung, before anything new is begun; `None` where none is
    /// due. It draws nothing: the same context always leads to the same trial.
    ///
    /// # Errors
    /// As [`Algorithm::proposer`].
    fn promotion(&self, _context: Context<'_>) -> Result<Option<u64>, Interrupted> {
        Ok(None)
    }

    /// Whether a resting trial may still be promoted; what is kept to go on with it is dropped once it may not.
    fn may_promote(&self, _context: Context<'_>, _trial: u64) -> bool {
        false
    }
}

/// Draws proposals until one is accepted.
pub trait Proposer {
    /// The next draw. Draws must not run dry: a refused one is followed by another.
    ///
    /// # Errors
    /// As [`Algorithm::proposer`]. Nothing more is asked of a proposer that was interrupted.
    fn propose(&mut self, rng: &mut dyn Rng) -> Result<Proposal, Interrupted>;
}
