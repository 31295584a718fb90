//! What models know of the errors of networks that were not trained, or not to their end: that of `niche`, its parts, and that of `bayes`.
//!
//! Algorithms do not come here; it is for those who ask how good the models are. All errors are natural logarithms.

use super::bayes;
use super::niche::features::{COUNT, Features, RESOURCES};
use super::niche::forest::Forest;
use super::niche::model::{Moments, features_of, rows};
use super::niche::ridge::Ridge;
use super::niche::surrogate::{Row, Surrogate};
use super::niche::trials::Trials;
use crate::{Candidate, Context, Interrupted, Observed};

/// An error that a process expects is no less: it knows nothing of the limit.
const LEAST_ERROR: f64 = 1e-3;

/// A model of the error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Predictor {
    /// A straight line in the logarithm of the model's size.
    Parameters,
    /// Ridge regression on the logarithms of size, MACs and peak memory.
    Ridge,
    /// Ridge regression on all features of a network.
    WideRidge,
    /// A forest of extremely randomised trees on all features.
    Forest,
    /// The model of `niche`: ridge regression on resources, and a forest on what it leaves.
    Surrogate,
    /// The model of `bayes`: a Gaussian process over distances of networks, with its likeliest hyper-parameters.
    GaussianProcess,
}

impl Predictor {
    /// All of them, the simplest first.
    pub const ALL: [Self; 6] = [
        Self::Parameters,
        Self::Ridge,
        Self::WideRidge,
        Self::Forest,
        Self::Surrogate,
        Self::GaussianProcess,
    ];

    /// A name for tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Parameters => "parameters",
            Self::Ridge => "ridge",
            Self::WideRidge => "wide ridge",
            Self::Forest => "forest",
            Self::Surrogate => "surrogate",
            Self::GaussianProcess => "gaussian process",
        }
    }

    /// The logarithms of the errors that candidates are expected to have after a full training, given the finished results of the
    /// history, of which there is at least one. What they say of trials that rest counts as an estimate; the Gaussian process takes
    /// them all for full trainings.
    ///
    /// # Errors
    /// [`Interrupted`] when the context says so.
    ///
    /// # Panics
    /// If there is no finished result.
    pub fn log_errors(
        self,
        context: Context<'_>,
        candidates: &[&Candidate],
    ) -> Result<Vec<f64>, Interrupted> {
        if self == Self::GaussianProcess {
            let errors = bayes::expected_errors(context, candidates)?;
            return Ok(errors.into_iter().map(|error| error.max(LEAST_ERROR).ln()).collect());
        }
        let results: Vec<&Observed> = context.history.finished().collect();
        let rows = rows(&context, &results)?;
        let features: Vec<Features> =
            candidates.iter().map(|candidate| features_of(context.problem, candidate)).collect();
        Ok(self.regression(&rows, &features, context))
    }

    fn regression(self, rows: &[Row], asked: &[Features], context: Context<'_>) -> Vec<f64> {
        let known: Vec<&[f64]> = rows.iter().map(|row| row.features.as_slice()).collect();
        let y: Vec<f64> = rows.iter().map(|row| row.log_error).collect();
        let mut rng = (context.streams)(rows.len() as u64);
        let plane = |columns| {
            let ridge = Ridge::fit(&known, columns, &y);
            asked.iter().map(|features| ridge.predict(features)).collect()
        };
        match self {
            Self::Parameters => plane(1),
            Self::Ridge => plane(RESOURCES),
            Self::WideRidge => plane(COUNT),
            Self::Forest => {
                let (forest, _) = Forest::fit(&known, &y, &mut *rng);
                let mean = |features: &Features| {
                    let trees = forest.predictions(features);
                    let count = trees.len() as f64;
                    trees.sum::<f64>() / count
                };
                asked.iter().map(mean).collect()
            }
            Self::Surrogate | Self::GaussianProcess => {
                let surrogate = Surrogate::fit(rows, &mut *rng);
                asked.iter().map(|features| surrogate.predict(features).mean()).collect()
            }
        }
    }
}

/// What is said of the logarithm of an error.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prediction {
    /// Its mean.
    pub mean: f64,
    /// Its standard deviation.
    pub deviation: f64,
}

/// What is said of the final error of a trial that rests at a rung.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Resting {
    /// By its error at the rung, and what others came to from there.
    pub rung: Prediction,
    /// By the model of `niche`, which looks at the network alone.
    pub surrogate: Prediction,
    /// By both together, as `niche` sees it.
    pub both: Prediction,
}

impl Resting {
    /// Of one trial, given the finished results of the history, those of the trial among them. `niche` has the trial's own result among what
    /// the model is fitted to; with `left_out` it is fitted to the others. `None` if the trial has no result, or no other one has.
    ///
    /// # Errors
    /// [`Interrupted`] when the context says so.
    pub fn of(context: Context<'_>, trial: u64, left_out: bool) -> Result<Option<Self>, Interrupted> {
        let results: Vec<&Observed> = context.history.finished().collect();
        let trials = Trials::new(context.problem, &results);
        let Some(place) = trials.place(trial) else { return Ok(None) };
        let Some(estimate) = trials.estimate(place) else { return Ok(None) };
        let others: Vec<&Observed> =
            results.iter().copied().filter(|result| !left_out || result.trial != trial).collect();
        let rows = rows(&context, &others)?;
        if rows.is_empty() {
            return Ok(None);
        }
        let surrogate = Surrogate::fit(&rows, &mut *(context.streams)(rows.len() as u64));
        let features = features_of(context.problem, &results[trials.all[place].latest].candidate);
        let moments = Moments::of(&surrogate.predict(&features));
        let prediction = |Moments { mean, variance }| Prediction { mean, deviation: variance.sqrt() };
        Ok(Some(Self {
            rung: Prediction { mean: estimate.median, deviation: estimate.deviation },
            surrogate: prediction(moments),
            both: prediction(moments.updated(estimate)),
        }))
    }
}

#[cfg(test)]
mod tests;
