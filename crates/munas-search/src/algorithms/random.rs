//! Random search: the baseline for every other algorithm.

use rand::Rng;

use crate::sampling::Sampler;
use crate::{Algorithm, Context, Interrupted, Proposal, Proposer};

/// Every proposal is a random architecture of the space at full fidelity, and at a random sparsity.
#[derive(Clone, Copy, Debug, Default)]
pub struct RandomSearch;

impl Algorithm for RandomSearch {
    fn proposer<'a>(
        &'a self,
        context: Context<'a>,
        _rng: &mut dyn Rng,
    ) -> Result<Box<dyn Proposer + 'a>, Interrupted> {
        Ok(Box::new(RandomProposer { sampler: Sampler::new(&context) }))
    }
}

/// Draws random architectures; also the start of algorithms that learn from a random population.
pub(super) struct RandomProposer<'a> {
    pub(super) sampler: Sampler<'a>,
}

impl Proposer for RandomProposer<'_> {
    fn propose(&mut self, rng: &mut dyn Rng) -> Result<Proposal, Interrupted> {
        Ok(self.sampler.draw(rng))
    }
}
