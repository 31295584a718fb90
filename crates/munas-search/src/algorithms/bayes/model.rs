//! The process with all that is known, at candidates.

use nalgebra::DVector;
use rand::Rng;
use rand_distr::{Distribution, StandardNormal};

use super::covariance::{Hyperparameters, Pair};
use super::memo::{Known, Point};
use super::process::Process;
use crate::{Candidate, Problem};

/// See the module.
pub(super) struct Model {
    pub hyper: Hyperparameters,
    /// The points that were observed, then those that are running.
    points: Vec<Point>,
    /// Conditioned on all of them.
    all: Process,
    /// α of those that were observed.
    coefficients: DVector<f64>,
}

impl Model {
    /// The process with these hyper-parameters: the first points were observed to be `y`, the others are running.
    pub fn new(hyper: Hyperparameters, known: Known, y: &[f64]) -> Self {
        let observed = Process::new(hyper, &known.pairs[..y.len()]);
        let coefficients = observed.coefficients(y);
        let all = if known.points.len() == y.len() { observed } else { Process::new(hyper, &known.pairs) };
        Self { hyper, points: known.points, all, coefficients }
    }

    /// What the kernel reads about a point and each of those that are known.
    pub fn pairs(&self, point: &Point) -> Vec<Pair> {
        self.points.iter().map(|known| point.pair(known)).collect()
    }

    fn covariances(&self, pairs: &[Pair]) -> DVector<f64> {
        DVector::from_iterator(pairs.len(), pairs.iter().map(|pair| self.hyper.covariance(pair)))
    }

    /// The standard deviation of the process at a point with these [`pairs`](Self::pairs).
    pub fn deviation(&self, pairs: &[Pair]) -> f64 {
        self.all.variance(&self.covariances(pairs)).sqrt()
    }

    /// The mean of the candidate's error.
    pub fn expected_error(&self, problem: &Problem, candidate: &Candidate) -> f64 {
        self.error(problem, candidate).0
    }

    /// An error that the candidate may have.
    pub fn draw_error(&self, problem: &Problem, candidate: &Candidate, rng: &mut dyn Rng) -> f64 {
        let (mean, deviation) = self.error(problem, candidate);
        let normal: f64 = StandardNormal.sample(rng);
        mean - deviation * normal
    }

    /// Mean and deviation of the candidate's error.
    fn error(&self, problem: &Problem, candidate: &Candidate) -> (f64, f64) {
        let covariances = self.covariances(&self.pairs(&Point::of(problem, candidate)));
        let observed = covariances.rows(0, self.coefficients.len()).into_owned();
        let mean = self.all.mean(&self.coefficients, &observed);
        (-mean, self.all.variance(&covariances).sqrt())
    }
}
