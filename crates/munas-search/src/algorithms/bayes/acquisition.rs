//! Where to look next: the points with the best sampled fitness.
//!
//! The score of a point is its fitness under one random scalarisation, with the error drawn from the process at
//! the point (Thompson sampling) and the exact resources. It is maximised by an ageing genetic search over
//! architectures: random ones first, then children of the best of a sample of the latest.

use rand::Rng;

use super::super::evolve::{child, tournament};
use crate::sampling::Sampler;
use crate::{Candidate, Context, Interrupted, Proposal, Scalarisation};

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

/// The points that were scored under one scalarisation, best last. `error` draws the error of a candidate.
pub(super) fn ranked(
    context: &Context<'_>,
    mut error: impl FnMut(&Candidate, &mut dyn Rng) -> f64,
    rng: &mut dyn Rng,
) -> Result<Vec<Proposal>, Interrupted> {
    let problem = context.problem;
    let sampler = Sampler::new(context);
    let scalarisation = Scalarisation::draw(&problem.bounds, rng);
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
        let candidate = problem.candidate(proposal.clone());
        let error = error(&candidate, rng);
        let score = scalarisation.fitness(&candidate.objectives(Some(error)));
        scored.push(Scored { proposal, score });
    }
    scored.sort_by(|one, other| one.score.total_cmp(&other.score));
    Ok(scored.into_iter().map(|scored| scored.proposal).collect())
}
