//! Where to look next: the points with the best sampled fitness.
//!
//! The score of a point is its fitness under one random scalarisation, with the error drawn from the process at
//! the point (Thompson sampling) and the exact resources. It is maximised by an ageing genetic search over
//! architectures: random ones first, then children of the best of a sample of the latest. In the variant `local` it is
//! maximised over all morphisms of a past point instead.

use rand::Rng;

use super::super::evolve::{child, tournament};
use crate::sampling::Sampler;
use crate::{Candidate, Context, Interrupted, Problem, Proposal, Scalarisation};

/// Architectures that are scored for one proposal; so many of them random.
const EVALUATIONS: usize = 300;
const RANDOM: usize = 100;
/// The latest so many are parents, of which so many compete.
const POPULATION: usize = 100;
const SAMPLE: usize = 25;

/// An architecture with its score.
struct Scored {
    proposal: Proposal,
    score: f64,
}

/// Scores under one scalarisation. `error` draws the error of a candidate.
struct Scorer<'a, F> {
    problem: &'a Problem,
    scalarisation: Scalarisation,
    error: F,
}

impl<'a, F: FnMut(&Candidate, &mut dyn Rng) -> f64> Scorer<'a, F> {
    fn draw(problem: &'a Problem, error: F, rng: &mut dyn Rng) -> Self {
        Self { problem, scalarisation: Scalarisation::draw(&problem.bounds, rng), error }
    }

    fn scored(&mut self, proposal: Proposal, rng: &mut dyn Rng) -> Scored {
        let candidate = self.problem.candidate(proposal.clone());
        let error = (self.error)(&candidate, rng);
        Scored { proposal, score: self.scalarisation.fitness(&candidate.objectives(Some(error))) }
    }
}

fn best_last(mut scored: Vec<Scored>) -> Vec<Proposal> {
    scored.sort_by(|one, other| one.score.total_cmp(&other.score));
    scored.into_iter().map(|scored| scored.proposal).collect()
}

/// The points that were scored under one scalarisation, best last. `error` draws the error of a candidate.
pub(super) fn ranked(
    context: &Context<'_>,
    error: impl FnMut(&Candidate, &mut dyn Rng) -> f64,
    rng: &mut dyn Rng,
) -> Result<Vec<Proposal>, Interrupted> {
    let problem = context.problem;
    let sampler = Sampler::new(context);
    let mut scorer = Scorer::draw(problem, error, rng);
    let mut scored: Vec<Scored> = Vec::with_capacity(EVALUATIONS);
    while scored.len() < EVALUATIONS {
        context.go_on()?;
        let proposal = if scored.len() < RANDOM {
            sampler.draw(rng)
        } else {
            let latest = &scored[scored.len() - POPULATION..];
            let parent = &tournament(latest, SAMPLE, |scored| scored.score, rng).proposal;
            child(problem, &parent.architecture, parent.sparsity, rng)
        };
        scored.push(scorer.scored(proposal, rng));
    }
    Ok(best_last(scored))
}

/// All morphisms of a past point, scored under one scalarisation, best last; with pruning, each with a change of its target sparsity.
pub(super) fn ranked_morphisms(
    context: &Context<'_>,
    parent: &Candidate,
    error: impl FnMut(&Candidate, &mut dyn Rng) -> f64,
    rng: &mut dyn Rng,
) -> Result<Vec<Proposal>, Interrupted> {
    let problem = context.problem;
    let mut scorer = Scorer::draw(problem, error, rng);
    let mut scored = Vec::new();
    for architecture in problem.space.morphisms(&parent.architecture, rng) {
        context.go_on()?;
        let sparsity = problem.pruning.map(|range| range.mutate(parent.sparsity, rng));
        let proposal = Proposal { architecture, epochs: problem.epochs, sparsity };
        scored.push(scorer.scored(proposal, rng));
    }
    Ok(best_last(scored))
}
