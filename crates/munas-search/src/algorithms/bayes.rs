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
//! The published variants ([`BayesVariant`]):
//!
//! - `local`: the architectures of step 2 are all morphisms of one past result's, drawn at random; when all of them are refused, those of
//!   another. Every hundredth draw in a row is a random architecture, so that neighbourhoods that are searched through do not end the
//!   search.
//! - `multi-fidelity`: the process is over networks and the epochs that they are trained for. The error of step 2 is that after a full
//!   training; what is proposed is then trained for as few epochs as the process can learn from (`fidelity`).
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
//! | `model` | the process with all that is known, at candidates |
//! | `process` | the Gaussian process: posterior, likelihood |
//! | `fit` | hyper-parameters from observations |
//! | `acquisition` | the search for the best score |
//! | `fidelity` | the epochs of `multi-fidelity` |
//! | `variant` | the settings |
//!
//! A proposal takes seconds of one core, about 2 after 100 results and 11 after 800 (the example `bayes_speed`). It pays where a
//! training takes longer.

mod acquisition;
mod covariance;
mod distance;
mod features;
mod fidelity;
mod fit;
mod memo;
mod model;
mod process;
mod transport;
mod variant;

pub use variant::{BayesSettings, BayesVariant, UnknownBayesVariant};

use std::sync::{Mutex, PoisonError};

use rand::{Rng, RngExt};

use crate::{Algorithm, Candidate, Context, Interrupted, Observed, Proposal, Proposer};

use super::evolve::RESTART_AFTER;
use super::random::RandomProposer;
use crate::sampling::Sampler;
use fidelity::{Boca, RandomStarts};
use memo::{Memo, Selected, gain};
use model::Model;

/// Results that random proposals are made for.
const RANDOM_STARTS: usize = 15;
/// Results from one fit of the hyper-parameters to the next.
const REFIT_EVERY: usize = 17;
/// Probability of the likeliest hyper-parameters.
const LIKELIEST: f64 = 0.3;

/// Bayesian optimisation.
#[derive(Debug, Default)]
pub struct BayesianOptimisation {
    settings: BayesSettings,
    memo: Mutex<Memo>,
}

impl BayesianOptimisation {
    /// With the published numbers, in a variant.
    pub fn new(settings: BayesSettings) -> Self {
        let memo = Memo::new(settings.variant == BayesVariant::MultiFidelity);
        Self { settings, memo: Mutex::new(memo) }
    }
}

impl Algorithm for BayesianOptimisation {
    fn proposer<'a>(
        &'a self,
        context: Context<'a>,
        rng: &mut dyn Rng,
    ) -> Result<Box<dyn Proposer + 'a>, Interrupted> {
        let variant = self.settings.variant;
        let results: Vec<&Observed> = context.history.finished().collect();
        if results.len() < RANDOM_STARTS {
            let sampler = Sampler::new(&context);
            return Ok(match variant {
                BayesVariant::MultiFidelity => Box::new(RandomStarts { problem: context.problem, sampler }),
                BayesVariant::Global | BayesVariant::Local => Box::new(RandomProposer { sampler }),
            });
        }
        let fitted = results.len() - (results.len() - RANDOM_STARTS) % REFIT_EVERY;
        let mut memo = self.memo.lock().unwrap_or_else(PoisonError::into_inner);
        let Selected { fit, results: chosen, known } = memo.select(&context, &results, fitted)?;
        let hyper = if rng.random_bool(LIKELIEST) {
            fit.likeliest
        } else {
            fit.posterior[rng.random_range(0..fit.posterior.len())]
        };
        let y: Vec<f64> = chosen.iter().map(|&result| gain(results[result])).collect();
        let model = Model::new(hyper, known, &y);
        let boca = (variant == BayesVariant::MultiFidelity).then(|| Boca::new(&context, &results));
        let parents = if variant == BayesVariant::Local { results } else { Vec::new() };
        Ok(Box::new(Bayesian { context, model, boca, parents, ranked: Vec::new(), draws: 0 }))
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
    let y: Vec<f64> = chosen.iter().map(|&result| gain(results[result])).collect();
    let model = Model::new(fit.likeliest, known, &y);
    Ok(candidates.iter().map(|candidate| model.expected_error(context.problem, candidate)).collect())
}

struct Bayesian<'a> {
    context: Context<'a>,
    model: Model,
    /// What says how long a proposal is trained, unless each is in full.
    boca: Option<Boca<'a>>,
    /// The past points whose morphisms are the candidates; empty where all architectures are.
    parents: Vec<&'a Observed>,
    /// Proposals that are left, best last.
    ranked: Vec<Proposal>,
    draws: u64,
}

impl Bayesian<'_> {
    /// The proposals under another scalarisation, best last. There may be none.
    fn rank(&self, rng: &mut dyn Rng) -> Result<Vec<Proposal>, Interrupted> {
        let problem = self.context.problem;
        let error = |candidate: &Candidate, rng: &mut dyn Rng| self.model.draw_error(problem, candidate, rng);
        if self.parents.is_empty() {
            return acquisition::ranked(&self.context, error, rng);
        }
        let parent = self.parents[rng.random_range(0..self.parents.len())];
        acquisition::ranked_morphisms(&self.context, &parent.candidate, error, rng)
    }
}

impl Proposer for Bayesian<'_> {
    fn propose(&mut self, rng: &mut dyn Rng) -> Result<Proposal, Interrupted> {
        self.draws += 1;
        if !self.parents.is_empty() && self.draws.is_multiple_of(RESTART_AFTER) {
            return Ok(Sampler::new(&self.context).draw(rng));
        }
        if self.ranked.is_empty() {
            self.ranked = self.rank(rng)?;
        }
        // An architecture may have no morphism.
        let Some(best) = self.ranked.pop() else { return Ok(Sampler::new(&self.context).draw(rng)) };
        Ok(match &self.boca {
            Some(boca) => Proposal { epochs: boca.epochs(&self.model, &best), ..best },
            None => best,
        })
    }
}

#[cfg(test)]
mod tests;
