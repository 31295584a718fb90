//! Hyper-parameters from observations: those of maximum marginal likelihood, and a sample of their posterior.
//!
//! Both work in the unit cube that the box is scaled to, where the prior is uniform. The maximum is sought by L-BFGS from
//! several starts, over z with unit coordinate 1/(1 + exp(−z)). The sample comes from coordinate-wise slice sampling
//! with shrinkage (Neal, Annals of Statistics 31, 2003, section 4.2) whose first interval is the whole coordinate, so that it
//! needs no step to be chosen and leaves the posterior invariant.

use std::cell::RefCell;

use argmin::core::{CostFunction, Error, Executor, Gradient};
use argmin::solver::linesearch::MoreThuenteLineSearch;
use argmin::solver::quasinewton::LBFGS;
use rand::{Rng, RngExt};

use super::covariance::{COUNT, Hyperparameters, LOG_FIDELITY_LENGTH, Ranges};
use super::process::{Pairs, Process};
use crate::{Context, Interrupted};

/// Points that L-BFGS starts from: the centre and random ones.
const STARTS: usize = 4;
const ITERATIONS: u64 = 30;
/// Pairs of steps and gradients that L-BFGS keeps.
const MEMORY: usize = 7;
/// Passes over all coordinates before the first sample.
const BURN_IN: usize = 3;
/// Samples of the posterior, one per pass.
const SAMPLES: usize = 8;
/// How far inside the cube a start lies, where the slope of the logistic function is not yet lost.
const MARGIN: f64 = 0.05;

/// What observations say about the hyper-parameters.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fit {
    pub likeliest: Hyperparameters,
    pub posterior: Vec<Hyperparameters>,
}

impl Fit {
    /// The fit to observations `y` of points with these pairs.
    ///
    /// # Errors
    /// [`Interrupted`] when the context says so.
    pub fn new(
        y: &[f64],
        pairs: &Pairs,
        ranges: &Ranges,
        context: &Context<'_>,
        rng: &mut dyn Rng,
    ) -> Result<Self, Interrupted> {
        let evidence = Evidence { y, pairs, ranges, context, best: RefCell::new(Best::default()) };
        for start in 0..STARTS {
            // A search without fidelities draws nothing for theirs, so that it is the same whether there is a variant with them or not.
            let unit: [f64; COUNT] = std::array::from_fn(|index| match start {
                0 => 0.5,
                _ if index == LOG_FIDELITY_LENGTH && !ranges.active.contains(&index) => 0.5,
                _ => rng.random_range(MARGIN..=1.0 - MARGIN),
            });
            evidence.climb(&unit);
            context.go_on()?;
        }
        let Best { unit, .. } = *evidence.best.borrow();
        Ok(Self { likeliest: ranges.at(&unit), posterior: evidence.sample(unit, rng)? })
    }
}

/// The likelihood over the unit cube.
struct Evidence<'a> {
    y: &'a [f64],
    pairs: &'a Pairs,
    ranges: &'a Ranges,
    context: &'a Context<'a>,
    /// The best point that was looked at, whatever became of the climb.
    best: RefCell<Best>,
}

#[derive(Clone, Copy)]
struct Best {
    unit: [f64; COUNT],
    log_likelihood: f64,
}

impl Default for Best {
    fn default() -> Self {
        Self { unit: [0.5; COUNT], log_likelihood: f64::NEG_INFINITY }
    }
}

impl Evidence<'_> {
    fn log_likelihood(&self, unit: &[f64; COUNT]) -> Result<f64, Interrupted> {
        self.context.go_on()?;
        Ok(Process::new(self.ranges.at(unit), self.pairs).log_likelihood(self.y))
    }

    /// Climbs from a point as far as it gets; the best point is noted.
    fn climb(&self, unit: &[f64; COUNT]) {
        let start: Vec<f64> =
            self.ranges.active.iter().map(|&index| (unit[index] / (1.0 - unit[index])).ln()).collect();
        let solver = LBFGS::new(MoreThuenteLineSearch::new(), MEMORY);
        let climb = Executor::new(self, solver)
            .configure(|state| state.param(start).max_iters(ITERATIONS))
            .timer(false);
        // A line search that finds no better point ends the climb; what it found on the way is kept. So does an interruption, which
        // whoever asked for the climb looks for next.
        let _ = climb.run();
    }

    /// The unit coordinates of z, those without effect in the middle.
    fn unit(&self, z: &[f64]) -> [f64; COUNT] {
        let mut unit = [0.5; COUNT];
        for (&index, z) in self.ranges.active.iter().zip(z) {
            unit[index] = 1.0 / (1.0 + (-z).exp());
        }
        unit
    }

    fn sample(&self, mut unit: [f64; COUNT], rng: &mut dyn Rng) -> Result<Vec<Hyperparameters>, Interrupted> {
        let mut here = self.log_likelihood(&unit)?;
        let mut samples = Vec::with_capacity(SAMPLES);
        for pass in 0..BURN_IN + SAMPLES {
            for &coordinate in &self.ranges.active {
                let level = here + (1.0 - rng.random::<f64>()).ln();
                let [mut low, mut high] = [0.0, 1.0];
                let before = unit[coordinate];
                // The point itself lies above the level, so that the interval cannot shrink for ever but by rounding.
                while high - low > f64::EPSILON {
                    unit[coordinate] = rng.random_range(low..=high);
                    here = self.log_likelihood(&unit)?;
                    if here >= level {
                        break;
                    }
                    *if unit[coordinate] < before { &mut low } else { &mut high } = unit[coordinate];
                }
            }
            if pass >= BURN_IN {
                samples.push(self.ranges.at(&unit));
            }
        }
        Ok(samples)
    }
}

impl CostFunction for &Evidence<'_> {
    type Param = Vec<f64>;
    type Output = f64;

    fn cost(&self, z: &Vec<f64>) -> Result<f64, Error> {
        let unit = self.unit(z);
        let log_likelihood = self.log_likelihood(&unit)?;
        let mut best = self.best.borrow_mut();
        if log_likelihood > best.log_likelihood {
            *best = Best { unit, log_likelihood };
        }
        Ok(-log_likelihood)
    }
}

impl Gradient for &Evidence<'_> {
    type Param = Vec<f64>;
    type Gradient = Vec<f64>;

    fn gradient(&self, z: &Vec<f64>) -> Result<Vec<f64>, Error> {
        let unit = self.unit(z);
        let gradient = Process::new(self.ranges.at(&unit), self.pairs).gradient(self.y, self.pairs);
        let by_z =
            |index: usize| -gradient[index] * self.ranges.width(index) * unit[index] * (1.0 - unit[index]);
        Ok(self.ranges.active.iter().map(|&index| by_z(index)).collect())
    }
}
