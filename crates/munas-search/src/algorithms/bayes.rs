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
//! The process knows no more than some hundred results, and the fit fewer: the best, and others spread over time (`memo`). Their cost
//! grows with the cube of that number, so that a proposal takes no longer after thousands of results than after hundreds.
//!
//! | file | holds |
//! |---|---|
//! | `features` | a network as labelled, weighted nodes with path lengths |
//! | `transport`, `distance` | the OTMANN distances |
//! | `covariance` | the kernel of the process, hyper-parameters and their ranges |
//! | `memo` | what proposals share: points, distances, the last fit |
//! | `process` | the Gaussian process: posterior, likelihood |
//! | `fit` | hyper-parameters from observations |
//! | `acquisition` | the search for the best score |
//!
//! A proposal takes seconds of one core, about 2 after 100 results and 11 after 800 (the example `bayes_speed`). It pays where a
//! training takes longer.

mod acquisition;
mod covariance;
mod distance;
mod features;
mod fit;
mod memo;
mod process;
mod transport;

use std::sync::{Mutex, PoisonError};

use nalgebra::DVector;
use rand::{Rng, RngExt};
use rand_distr::{Distribution, StandardNormal};

use crate::{Algorithm, Candidate, Context, Interrupted, Observed, Problem, Proposal, Proposer};

use super::random::RandomProposer;
use crate::sampling::Sampler;
use covariance::Hyperparameters;
use memo::{Known, Memo, Point, Selected, gain};
use process::Process;

/// Results that random proposals are made for.
const RANDOM_STARTS: usize = 15;
/// Results from one fit of the hyper-parameters to the next.
const REFIT_EVERY: usize = 17;
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

impl Algorithm for BayesianOptimisation {
    fn proposer<'a>(
        &'a self,
        context: Context<'a>,
        rng: &mut dyn Rng,
    ) -> Result<Box<dyn Proposer + 'a>, Interrupted> {
        let results: Vec<&Observed> = context.history.finished().collect();
        if results.len() < RANDOM_STARTS {
            return Ok(Box::new(RandomProposer { sampler: Sampler::new(&context) }));
        }
        let fitted = results.len() - (results.len() - RANDOM_STARTS) % REFIT_EVERY;
        let mut memo = self.memo.lock().unwrap_or_else(PoisonError::into_inner);
        let Selected { fit, results: chosen, known } = memo.select(&context, &results, fitted)?;
        let hyper = if rng.random_bool(LIKELIEST) {
            fit.likeliest
        } else {
            fit.posterior[rng.random_range(0..fit.posterior.len())]
        };
        let model =
            Model::new(hyper, known, &chosen.iter().map(|&result| results[result]).collect::<Vec<_>>());
        Ok(Box::new(Bayesian { context, model, ranked: Vec::new() }))
    }
}

/// The mean of the error of each candidate, by the likeliest process for the finished results of a history.
pub(super) fn expected_errors(
    context: Context<'_>,
    candidates: &[&Candidate],
) -> Result<Vec<f64>, Interrupted> {
    let results: Vec<&Observed> = context.history.finished().collect();
    let Selected { fit, results: chosen, known } =
        Memo::default().select(&context, &results, results.len())?;
    let chosen: Vec<&Observed> = chosen.iter().map(|&result| results[result]).collect();
    let model = Model::new(fit.likeliest, known, &chosen);
    Ok(candidates.iter().map(|candidate| model.error(context.problem, candidate).0).collect())
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
    /// The process with these hyper-parameters; the first of the known points are those of the results.
    fn new(hyper: Hyperparameters, known: Known, results: &[&Observed]) -> Self {
        let y: Vec<f64> = results.iter().map(|result| gain(result)).collect();
        let observed = Process::new(hyper, &known.pairs[..y.len()]);
        let coefficients = observed.coefficients(&y);
        let none_running = known.points.len() == y.len();
        let all = if none_running { observed } else { Process::new(hyper, &known.pairs) };
        Self { hyper, points: known.points, all, coefficients }
    }

    /// Mean and deviation of a candidate's error.
    fn error(&self, problem: &Problem, candidate: &Candidate) -> (f64, f64) {
        let point = Point::of(problem, candidate);
        let covariances = self.points.iter().map(|known| self.hyper.covariance(&point.pair(known)));
        let covariances = DVector::from_iterator(self.points.len(), covariances);
        let observed = covariances.rows(0, self.coefficients.len()).into_owned();
        let mean = self.all.mean(&self.coefficients, &observed);
        (-mean, self.all.variance(&covariances).sqrt())
    }

    /// An error that the candidate may have.
    fn draw_error(&self, problem: &Problem, candidate: &Candidate, rng: &mut dyn Rng) -> f64 {
        let (mean, deviation) = self.error(problem, candidate);
        let normal: f64 = StandardNormal.sample(rng);
        mean - deviation * normal
    }
}

struct Bayesian<'a> {
    context: Context<'a>,
    model: Model,
    /// Proposals that are left, best last.
    ranked: Vec<Proposal>,
}

impl Proposer for Bayesian<'_> {
    fn propose(&mut self, rng: &mut dyn Rng) -> Result<Proposal, Interrupted> {
        loop {
            if let Some(best) = self.ranked.pop() {
                return Ok(best);
            }
            let (problem, model) = (self.context.problem, &self.model);
            let error = |candidate: &Candidate, rng: &mut dyn Rng| model.draw_error(problem, candidate, rng);
            self.ranked = acquisition::ranked(&self.context, error, rng)?;
        }
    }
}

#[cfg(test)]
mod tests;
