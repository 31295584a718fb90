//! Bayesian optimisation over graphs: muNAS's second algorithm (arXiv 2010.14246, section 4.3), after NASBOT (Kandasamy et al.,
//! NeurIPS 2018).
//!
//! Only the error is modelled, by a Gaussian process on y = −error over the distances of networks; the resources are
//! exact. The first proposals are random. Then, for each proposal:
//!
//! 1. Hyper-parameters are taken: the likeliest with probability 0.3, else one of a sample of their posterior. Both come from
//!    a fit to the first results, renewed with every 17th.
//! 2. Architectures are scored by their fitness under a random scalarisation, with an error drawn from the process.
//!    Running trials count in the process's covariance, not in its mean.
//! 3. The best is proposed; when it is refused, the next best.
//!
//! The fit looks at no more than [`LARGEST_FIT`] results, evenly spread, since its cost grows with their cube; the process itself
//! knows all of them.
//!
//! | file | holds |
//! |---|---|
//! | `features` | a network as labelled, weighted nodes with path lengths |
//! | `transport`, `distance` | the OTMANN distances |
//! | `kernel` | the covariance, hyper-parameters and their ranges |
//! | `process` | the Gaussian process: posterior, likelihood |
//! | `fit` | hyper-parameters from observations |
//! | `acquisition` | the search for the best score |
//!
//! A proposal takes seconds of one core, about 2 after 100 results and 11 after 800 (the example `bayes_speed`). It pays where a
//! training takes longer.

mod acquisition;
mod distance;
mod features;
mod fit;
mod kernel;
mod process;
mod transport;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

use munas_space::Architecture;
use nalgebra::DVector;
use rand::{Rng, RngExt};
use rand_distr::{Distribution, StandardNormal};

use crate::{Algorithm, Candidate, Context, Observed, Problem, Proposal, Proposer};

use super::random::RandomProposer;
use distance::Distances;
use features::Network;
use fit::Fit;
use kernel::{Hyperparameters, Pair, Ranges};
use process::Process;

/// Results that random proposals are made for.
const RANDOM_STARTS: usize = 15;
/// Results from one fit of the hyper-parameters to the next.
const REFIT_EVERY: usize = 17;
/// Results that a fit looks at.
const LARGEST_FIT: usize = 200;
/// Probability of the likeliest hyper-parameters.
const LIKELIEST: f64 = 0.3;

/// Bayesian optimisation.
#[derive(Debug, Default)]
pub struct BayesianOptimisation {
    memo: Mutex<Memo>,
}

impl BayesianOptimisation {
    /// With the published settings.
    pub fn new() -> Self {
        Self::default()
    }
}

/// What was computed for earlier proposals and is needed again. It holds nothing that could not be computed anew from the
/// history; what does not belong to the present one is dropped.
#[derive(Debug, Default)]
struct Memo {
    /// Points with the pairs of each and all before it.
    points: Vec<Point>,
    pairs: Vec<Vec<Pair>>,
    /// The last fit, with the digest of the results that it was made from.
    fit: Option<(u64, Arc<Fit>)>,
}

/// What the process knows a candidate by.
#[derive(Clone, Debug)]
struct Point {
    architecture: Architecture,
    network: Arc<Network>,
    sparsity: f64,
}

impl Point {
    fn of(problem: &Problem, candidate: &Candidate) -> Self {
        let graph = candidate.architecture.lower(problem.input, problem.classes);
        Self {
            architecture: candidate.architecture.clone(),
            network: Arc::new(Network::of(&graph)),
            sparsity: candidate.sparsity.unwrap_or(0.0),
        }
    }

    fn is(&self, candidate: &Candidate) -> bool {
        self.architecture == candidate.architecture && self.sparsity == candidate.sparsity.unwrap_or(0.0)
    }

    fn pair(&self, other: &Self) -> Pair {
        let distances = Distances::between(&self.network, &other.network);
        Pair { distances, sparsity: self.sparsity - other.sparsity }
    }
}

impl Memo {
    /// Makes the points those of `candidates`, in this order.
    fn follow(&mut self, problem: &Problem, candidates: &[&Candidate]) {
        let known = self.points.iter().zip(candidates).take_while(|(point, candidate)| point.is(candidate));
        let known = known.count();
        self.points.truncate(known);
        self.pairs.truncate(known);
        for candidate in &candidates[known..] {
            let point = Point::of(problem, candidate);
            self.pairs.push(self.points.iter().map(|other| point.pair(other)).collect());
            self.points.push(point);
        }
    }

    /// The fit to the first results, which the memo's first points are.
    fn fit(&mut self, results: &[&Observed], y: &[f64], context: &Context<'_>) -> Arc<Fit> {
        let count = results.len();
        let digest = digest(results);
        if let Some((of, fit)) = &self.fit
            && *of == digest
        {
            return Arc::clone(fit);
        }
        let chosen: Vec<usize> = match count {
            ..=LARGEST_FIT => (0..count).collect(),
            _ => (0..LARGEST_FIT).map(|index| index * (count - 1) / (LARGEST_FIT - 1)).collect(),
        };
        let y: Vec<f64> = chosen.iter().map(|&index| y[index]).collect();
        let pairs: Vec<Vec<Pair>> = (0..chosen.len())
            .map(|row| chosen[..row].iter().map(|&column| self.pairs[chosen[row]][column]).collect())
            .collect();
        let ranges = Ranges::of(&y, context.problem.pruning.is_some());
        let mut rng = (context.streams)(count as u64);
        let fit = Arc::new(Fit::new(&y, &pairs, &ranges, &mut *rng));
        self.fit = Some((digest, Arc::clone(&fit)));
        fit
    }
}

fn digest(results: &[&Observed]) -> u64 {
    let mut hasher = DefaultHasher::new();
    for Observed { candidate, error, .. } in results {
        candidate.architecture.hash(&mut hasher);
        candidate.sparsity.map(f64::to_bits).hash(&mut hasher);
        error.map(f64::to_bits).hash(&mut hasher);
    }
    hasher.finish()
}

impl Algorithm for BayesianOptimisation {
    fn name(&self) -> &'static str {
        "bayes"
    }

    fn proposer<'a>(&'a self, context: Context<'a>, rng: &mut dyn Rng) -> Box<dyn Proposer + 'a> {
        let problem = context.problem;
        let results: Vec<&Observed> = context.history.finished().collect();
        if results.len() < RANDOM_STARTS {
            return Box::new(RandomProposer { problem });
        }
        let y: Vec<f64> = results.iter().filter_map(|result| Some(-result.error?)).collect();
        let fitted = results.len() - (results.len() - RANDOM_STARTS) % REFIT_EVERY;
        let mut memo = self.memo.lock().unwrap_or_else(PoisonError::into_inner);
        let trained = results.iter().map(|result| &result.candidate);
        memo.follow(problem, &trained.clone().collect::<Vec<_>>());
        let fit = memo.fit(&results[..fitted], &y[..fitted], &context);
        let hyper = if rng.random_bool(LIKELIEST) {
            fit.likeliest
        } else {
            fit.posterior[rng.random_range(0..fit.posterior.len())]
        };
        let observed = Process::new(hyper, &memo.pairs);
        let coefficients = observed.coefficients(&y);
        let all = if context.pending.is_empty() {
            observed
        } else {
            memo.follow(problem, &trained.chain(context.pending).collect::<Vec<_>>());
            Process::new(hyper, &memo.pairs)
        };
        let model = Model { hyper, points: memo.points.clone(), all, coefficients };
        Box::new(Bayesian { problem, model, ranked: Vec::new() })
    }
}

/// The process with all that is known.
struct Model {
    hyper: Hyperparameters,
    /// The points that were observed, then those that are running.
    points: Vec<Point>,
    /// Conditioned on all of them.
    all: Process,
    /// α of those that were observed.
    coefficients: DVector<f64>,
}

impl Model {
    /// An error that the candidate may have.
    fn draw_error(&self, problem: &Problem, candidate: &Candidate, rng: &mut dyn Rng) -> f64 {
        let point = Point::of(problem, candidate);
        let covariances = self.points.iter().map(|known| self.hyper.covariance(&point.pair(known)));
        let covariances = DVector::from_iterator(self.points.len(), covariances);
        let observed = covariances.rows(0, self.coefficients.len()).into_owned();
        let mean = self.all.mean(&self.coefficients, &observed);
        let deviation = self.all.variance(&covariances).sqrt();
        let normal: f64 = StandardNormal.sample(rng);
        -(mean + deviation * normal)
    }
}

struct Bayesian<'a> {
    problem: &'a Problem,
    model: Model,
    /// Proposals that are left, best last.
    ranked: Vec<Proposal>,
}

impl Proposer for Bayesian<'_> {
    fn propose(&mut self, rng: &mut dyn Rng) -> Proposal {
        loop {
            if let Some(best) = self.ranked.pop() {
                return best;
            }
            let (problem, model) = (self.problem, &self.model);
            let error = |candidate: &Candidate, rng: &mut dyn Rng| model.draw_error(problem, candidate, rng);
            self.ranked = acquisition::ranked(problem, error, rng);
        }
    }
}

#[cfg(test)]
mod tests;
