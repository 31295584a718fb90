//! Random architectures that have resources within the bounds from the first draw.
//!
//! | symbol | meaning |
//! |---|---|
//! | bⱼ | bound on resource j, or its natural scale where nothing is bounded |
//! | mⱼ | resource j of the space's smallest network |
//! | tⱼ | target of one draw, from max(bⱼ/64, mⱼ) to bⱼ: log-uniform for one resource, and for the others from the same share on |
//! | rⱼ | resource j of an architecture |
//!
//! A draw takes targets first, then a random structure ([`Space::sample_structure`](munas_space::Space::sample_structure)) whose
//! widths one factor scales together: the largest, found by bisection, with rⱼ ≤ tⱼ for every j. One that has rⱼ ≤ tⱼ at its widest
//! keeps the widths that it was drawn with. A structure that is too large
//! at its narrowest is shrunk by up to 64 random changes; if it is then within the bounds it will do, else another one
//! is drawn. Of 32 such draws one is taken, with a weight of 1 / density of the resources that were tried already (kernel density
//! estimate over log r of all trials, of every second one beyond 4,096, every third beyond 8,192 and so on; Scott's bandwidth), so that
//! a search looks where it has not been.

use std::cell::OnceCell;

use rand::{Rng, RngExt};

use munas_cost::Runtime;
use munas_space::Architecture;

use crate::density::{Density, weighted};
use crate::scalarisation::scales;
use crate::{Candidate, Context, Objective, Problem, Proposal, Sampling};

/// Draws of which one is taken.
const DRAWS: usize = 32;
/// The smallest target, as a share of the bound.
const SMALLEST_TARGET: f64 = 1.0 / 64.0;
/// Changes that shrink one structure.
const SHRINKS: usize = 64;
/// Structures that are tried before a draw is given up.
const STRUCTURES: usize = 200;
/// Trials whose resources the density is estimated from. In so few dimensions more of them make it no better, and each costs time with
/// every draw.
const MOST_TRIED: usize = 4_096;
/// Halvings of the logarithm of the factor.
const BISECTIONS: usize = 10;
/// The largest factor of widths, and the inverse of the smallest.
const LARGEST_FACTOR: f64 = 256.0;
/// The least that the smallest networks take of a resource, over the least that any network does: less than this.
const SMALLEST_ERROR: f64 = 1.05;

/// Draws random architectures as the problem says.
pub(crate) struct Sampler<'a> {
    context: Context<'a>,
    /// Made when it is first asked: most of those who might draw never do.
    target: OnceCell<TargetSampler<'a>>,
}

impl<'a> Sampler<'a> {
    pub fn new(context: &Context<'a>) -> Self {
        Self { context: *context, target: OnceCell::new() }
    }

    /// A random architecture at full fidelity, and at a random sparsity.
    pub fn draw(&self, rng: &mut dyn Rng) -> Proposal {
        let problem = self.context.problem;
        match problem.sampling {
            Sampling::Target => self.target.get_or_init(|| TargetSampler::new(&self.context)).draw(rng),
            Sampling::Uniform => proposal(problem, problem.space.sample(rng), random_sparsity(problem, rng)),
        }
    }
}

impl Sampler<'_> {
    /// A random architecture with as much of every bounded resource as there is, where networks are drawn to targets and one is found.
    pub fn draw_at_bounds(&self, rng: &mut dyn Rng) -> Option<Proposal> {
        let problem = self.context.problem;
        if problem.sampling != Sampling::Target {
            return None;
        }
        let target = self.target.get_or_init(|| TargetSampler::new(&self.context));
        let bounds: Vec<f64> = target.aims.iter().map(|aim| aim.bound).collect();
        let sparsity = random_sparsity(problem, rng);
        let made = target.made_to(&bounds, sparsity, rng)?;
        Some(proposal(problem, made.architecture, sparsity))
    }
}

fn random_sparsity(problem: &Problem, rng: &mut dyn Rng) -> Option<f64> {
    problem.pruning.map(|range| range.sample(rng))
}

fn proposal(problem: &Problem, architecture: Architecture, sparsity: Option<f64>) -> Proposal {
    Proposal { architecture, epochs: problem.epochs, sparsity }
}

/// A resource with the bound that is aimed below.
#[derive(Clone, Copy, Debug)]
struct Aim {
    objective: Objective,
    bound: f64,
    /// The lower end of the targets.
    least: f64,
}

impl Aim {
    /// The target at this share of the way, by logarithms, from the least to the bound.
    fn at(&self, share: f64) -> f64 {
        // Rounding must not take a target below the least that there is, or above the bound.
        (self.least.ln() + share * (self.bound / self.least).ln()).exp().clamp(self.least, self.bound)
    }
}

struct TargetSampler<'a> {
    problem: &'a Problem,
    aims: Vec<Aim>,
    density: Density,
    /// The smallest network, if not even that is within the bounds.
    too_large: Option<Architecture>,
}

impl<'a> TargetSampler<'a> {
    fn new(context: &Context<'a>) -> Self {
        let problem = context.problem;
        let mut aims = aims(problem);
        let smallest = match problem.memory.runtime {
            Runtime::Layers => problem.space.smallest(),
            Runtime::Streamed => problem.space.smallest_in_rows(),
        };
        let smallest: Vec<Candidate> = smallest
            .into_iter()
            .map(|architecture| problem.candidate(proposal(problem, architecture, most_sparse(problem))))
            .collect();
        for aim in &mut aims {
            let values = smallest.iter().filter_map(|candidate| value(candidate, aim.objective));
            let least = values.fold(f64::INFINITY, f64::min);
            aim.least = (aim.bound * SMALLEST_TARGET).max(least).clamp(f64::MIN_POSITIVE, aim.bound);
        }
        let excess = |candidate: &Candidate| worst(candidate, &aims, |aim| aim.bound);
        let nearest = smallest.iter().min_by(|one, other| excess(one).total_cmp(&excess(other)));
        let too_large = nearest.filter(|nearest| excess(nearest) > SMALLEST_ERROR);
        let too_large = too_large.map(|candidate| candidate.architecture.clone());
        let pending = context.pending.iter().map(|running| &running.candidate);
        let tried = context.history.thinned_trials(MOST_TRIED).map(|trial| &trial.candidate).chain(pending);
        let density = Density::new(tried.map(|candidate| logarithms(candidate, &aims)).collect());
        Self { problem, aims, density, too_large }
    }

    fn draw(&self, rng: &mut dyn Rng) -> Proposal {
        if let Some(architecture) = &self.too_large {
            return proposal(self.problem, architecture.clone(), most_sparse(self.problem));
        }
        let draws: Vec<Candidate> = (0..DRAWS).filter_map(|_| self.draw_one(rng)).collect();
        if draws.is_empty() {
            // Whoever judges proposals refuses it, and says why.
            let sparsity = random_sparsity(self.problem, rng);
            return proposal(self.problem, self.problem.space.sample(rng), sparsity);
        }
        let points = draws.iter().map(|candidate| logarithms(candidate, &self.aims));
        let weights: Vec<f64> = points.map(|point| 1.0 / self.density.at(&point)).collect();
        let Candidate { architecture, sparsity, .. } = &draws[weighted(&weights, rng)];
        proposal(self.problem, architecture.clone(), *sparsity)
    }

    /// A random architecture of random size within the bounds.
    fn draw_one(&self, rng: &mut dyn Rng) -> Option<Candidate> {
        (0..STRUCTURES).find_map(|_| {
            let targets = self.targets(rng);
            let sparsity = random_sparsity(self.problem, rng);
            self.made_to(&targets, sparsity, rng)
        })
    }

    /// One target for each resource. Were all log-uniform, the least of them would leave little of the others in nearly every
    /// draw: a single one is, and it is the one that a network is small in.
    fn targets(&self, rng: &mut dyn Rng) -> Vec<f64> {
        let scarce = rng.random_range(0..self.aims.len().max(1));
        let share: f64 = rng.random();
        let target = |(place, aim): (usize, &Aim)| {
            let share = if place == scarce { share } else { rng.random_range(share..=1.0) };
            aim.at(share)
        };
        self.aims.iter().enumerate().map(target).collect()
    }

    /// A random architecture with as much of each resource as its target allows, or at least within the bounds.
    fn made_to(&self, targets: &[f64], sparsity: Option<f64>, rng: &mut dyn Rng) -> Option<Candidate> {
        let space = &self.problem.space;
        let price = |architecture: Architecture| {
            self.problem.candidate(proposal(self.problem, architecture, sparsity))
        };
        let excess = |candidate: &Candidate| {
            let ratios = self.aims.iter().zip(targets).map(|(aim, target)| ratio(candidate, *aim, *target));
            ratios.fold(0.0, f64::max)
        };
        let mut structure = space.sample_structure(rng);
        let mut narrowest = price(space.scaled(&structure, 0.0));
        for _ in 0..SHRINKS {
            if excess(&narrowest) <= 1.0 {
                break;
            }
            let Some(smaller) = space.shrunk(&structure, rng) else { break };
            let priced = price(space.scaled(&smaller, 0.0));
            if excess(&priced) <= excess(&narrowest) {
                (structure, narrowest) = (smaller, priced);
            }
        }
        if excess(&narrowest) > 1.0 {
            return (worst(&narrowest, &self.aims, |aim| aim.bound) <= 1.0).then_some(narrowest);
        }
        if excess(&price(space.scaled(&structure, LARGEST_FACTOR))) <= 1.0 {
            // The targets say nothing of its widths: they stay as they were drawn.
            return Some(price(structure));
        }
        let mut widest = narrowest;
        let (mut low, mut high) = (-LARGEST_FACTOR.ln(), LARGEST_FACTOR.ln());
        for _ in 0..BISECTIONS {
            let middle = f64::midpoint(low, high);
            let candidate = price(space.scaled(&structure, middle.exp()));
            if excess(&candidate) <= 1.0 {
                (low, widest) = (middle, candidate);
            } else {
                high = middle;
            }
        }
        Some(widest)
    }
}

/// The resources that are aimed at: those with a bound, or all that have a natural scale.
fn aims(problem: &Problem) -> Vec<Aim> {
    let limit = problem.training.macs.map(|macs| macs as f64);
    let scales = scales(&problem.bounds);
    let mut aims = Vec::new();
    for objective in Objective::ALL {
        let scale = match objective {
            Objective::Error => None,
            Objective::Macs => scales[objective].into_iter().chain(limit).reduce(f64::min),
            _ => scales[objective],
        };
        aims.extend(scale.map(|bound| Aim { objective, bound, least: bound }));
    }
    aims
}

fn most_sparse(problem: &Problem) -> Option<f64> {
    problem.pruning.map(|range| range.max)
}

fn value(candidate: &Candidate, objective: Objective) -> Option<f64> {
    candidate.objectives(None)[objective]
}

/// A resource as a share of a limit; one without a value takes nothing.
fn ratio(candidate: &Candidate, aim: Aim, limit: f64) -> f64 {
    value(candidate, aim.objective).map_or(0.0, |value| value / limit)
}

fn worst(candidate: &Candidate, aims: &[Aim], limit: impl Fn(&Aim) -> f64) -> f64 {
    aims.iter().map(|aim| ratio(candidate, *aim, limit(aim))).fold(0.0, f64::max)
}

fn logarithms(candidate: &Candidate, aims: &[Aim]) -> Vec<f64> {
    aims.iter().map(|aim| value(candidate, aim.objective).unwrap_or(1.0).max(1.0).ln()).collect()
}

#[cfg(test)]
mod tests;
