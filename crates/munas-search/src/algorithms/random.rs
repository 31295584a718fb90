//! Random search: the baseline for every other algorithm.

use rand::Rng;

use crate::{Algorithm, Context, Interrupted, Problem, Proposal, Proposer};

/// Every proposal is a random architecture of the space at full fidelity, and at a random sparsity.
#[derive(Clone, Copy, Debug, Default)]
pub struct RandomSearch;

impl Algorithm for RandomSearch {
    fn name(&self) -> &'static str {
        "random"
    }

    fn proposer<'a>(
        &'a self,
        context: Context<'a>,
        _rng: &mut dyn Rng,
    ) -> Result<Box<dyn Proposer + 'a>, Interrupted> {
        Ok(Box::new(RandomProposer { problem: context.problem }))
    }
}

/// Draws random architectures; also the start of algorithms that learn from a random population.
pub(super) struct RandomProposer<'a> {
    pub(super) problem: &'a Problem,
}

impl RandomProposer<'_> {
    pub(super) fn draw(&self, rng: &mut dyn Rng) -> Proposal {
        let Problem { space, epochs, pruning, .. } = self.problem;
        let architecture = space.sample(rng);
        Proposal { architecture, epochs: *epochs, sparsity: pruning.map(|range| range.sample(rng)) }
    }
}

impl Proposer for RandomProposer<'_> {
    fn propose(&mut self, rng: &mut dyn Rng) -> Result<Proposal, Interrupted> {
        Ok(self.draw(rng))
    }
}
