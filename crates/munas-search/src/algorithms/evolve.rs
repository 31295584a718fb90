//! What searches that go from network to network share: tournaments, children, and a way out where all neighbours are refused.

use munas_space::Architecture;
use rand::{Rng, RngExt};

use crate::{Problem, Proposal};

/// Among so many draws in a row, the last is a random architecture.
pub(super) const RESTART_AFTER: u64 = 100;

/// The fittest of `sample` members that are drawn with replacement; of equals the one that was drawn first.
pub(super) fn tournament<'a, T>(
    members: &'a [T],
    sample: usize,
    fitness: impl Fn(&T) -> f64,
    rng: &mut dyn Rng,
) -> &'a T {
    let mut draw = || {
        let member = &members[rng.random_range(0..members.len())];
        (member, fitness(member))
    };
    let mut winner = draw();
    for _ in 1..sample {
        let rival = draw();
        if rival.1 > winner.1 {
            winner = rival;
        }
    }
    winner.0
}

/// One random morphism of the parent; with pruning, its target sparsity + N(0, 0.05).
pub(super) fn child(
    problem: &Problem,
    parent: &Architecture,
    sparsity: Option<f64>,
    rng: &mut dyn Rng,
) -> Proposal {
    let Problem { space, pruning, epochs, .. } = problem;
    // In a space of a single architecture there is no morphism.
    let architecture = space.mutate(parent, rng).unwrap_or_else(|| space.sample(rng));
    let sparsity = pruning.map(|range| range.mutate(sparsity, rng));
    Proposal { architecture, epochs: *epochs, sparsity }
}
