//! A Gaussian process on points of which only pairwise distances are known.
//!
//! | symbol | meaning |
//! |---|---|
//! | K = Q·Λ·Qᵀ | covariances of the points; negative eigenvalues count as 0 (K⁺) |
//! | C = K⁺ + σ²·I | covariances of the observations |
//! | r, α | observations less the prior mean; C⁻¹·r |
//!
//! Log marginal likelihood: −½·rᵀ·C⁻¹·r − ½·ln det C − ½·n·ln 2π. Its derivative by a hyper-parameter θ of the kernel is
//! ½·tr((α·αᵀ − C⁻¹)·∂K⁺/∂θ), where in the basis of Q the derivative of K⁺ is that of K times (λᵢ⁺ − λⱼ⁺)/(λᵢ − λⱼ)
//! (the formula of Daleckii and Krein).

use std::f64::consts::TAU;

use nalgebra::{DMatrix, DVector, SymmetricEigen};

use super::covariance::{COUNT, Hyperparameters, LOG_NOISE, MEAN, Pair};

/// Eigenvalues nearer to each other than this share of the largest count as equal.
const SAME_EIGENVALUE: f64 = 1e-12;

/// Pairs of all points, `rows[i][j]` for j < i.
pub(super) type Pairs = [Vec<Pair>];

/// A process with its hyper-parameters, conditioned on points.
#[derive(Clone, Debug)]
pub(super) struct Process {
    hyper: Hyperparameters,
    /// Q, Λ and the eigenvalues of C.
    vectors: DMatrix<f64>,
    values: DVector<f64>,
    noisy: DVector<f64>,
}

impl Process {
    /// A process conditioned on points with these pairs.
    pub fn new(hyper: Hyperparameters, pairs: &Pairs) -> Self {
        let count = pairs.len();
        let mut covariances =
            DMatrix::from_diagonal_element(count, count, hyper.covariance(&Pair::default()));
        for (row, pairs) in pairs.iter().enumerate() {
            for (column, pair) in pairs.iter().enumerate() {
                let covariance = hyper.covariance(pair);
                covariances[(row, column)] = covariance;
                covariances[(column, row)] = covariance;
            }
        }
        let SymmetricEigen { eigenvectors, eigenvalues } = covariances.symmetric_eigen();
        let noise = hyper.noise();
        let noisy = eigenvalues.map(|value| value.max(0.0) + noise);
        Self { hyper, vectors: eigenvectors, values: eigenvalues, noisy }
    }

    /// Qᵀ·r.
    fn projected(&self, y: &[f64]) -> DVector<f64> {
        let mean = self.hyper.mean();
        let residuals = DVector::from_iterator(y.len(), y.iter().map(|y| y - mean));
        self.vectors.tr_mul(&residuals)
    }

    /// α.
    pub fn coefficients(&self, y: &[f64]) -> DVector<f64> {
        &self.vectors * self.projected(y).component_div(&self.noisy)
    }

    /// The mean at a point, given its covariances with the points that were observed.
    pub fn mean(&self, coefficients: &DVector<f64>, covariances: &DVector<f64>) -> f64 {
        self.hyper.mean() + coefficients.dot(covariances)
    }

    /// The variance at a point, given its covariances with all points.
    pub fn variance(&self, covariances: &DVector<f64>) -> f64 {
        let projected = self.vectors.tr_mul(covariances);
        let known: f64 = projected.iter().zip(&self.noisy).map(|(value, noisy)| value * value / noisy).sum();
        (self.hyper.covariance(&Pair::default()) - known).max(0.0)
    }

    /// The log marginal likelihood of observations of the points.
    pub fn log_likelihood(&self, y: &[f64]) -> f64 {
        let projected = self.projected(y);
        let misfit = projected.component_mul(&projected).component_div(&self.noisy).sum();
        -0.5 * (misfit + self.noisy.map(f64::ln).sum() + y.len() as f64 * TAU.ln())
    }

    /// Its derivatives by the hyper-parameters.
    pub fn gradient(&self, y: &[f64], pairs: &Pairs) -> [f64; COUNT] {
        let scaled = self.projected(y).component_div(&self.noisy);
        let inverse = self.noisy.map(|value| 1.0 / value);
        let mut gradient = [0.0; COUNT];
        gradient[MEAN] = (&self.vectors * &scaled).sum();
        let by_noise: f64 =
            scaled.iter().zip(&inverse).map(|(scaled, inverse)| scaled * scaled - inverse).sum();
        gradient[LOG_NOISE] = 0.5 * by_noise * self.hyper.noise();
        let mut weights = &scaled * scaled.transpose() - DMatrix::from_diagonal(&inverse);
        self.clip(&mut weights);
        let weights = &self.vectors * weights * self.vectors.transpose();
        let mut add = |weight: f64, pair: &Pair| {
            for (sum, derivative) in gradient.iter_mut().zip(self.hyper.gradient(pair)) {
                *sum += weight * derivative;
            }
        };
        add(0.5 * weights.trace(), &Pair::default());
        for (row, pairs) in pairs.iter().enumerate() {
            for (column, pair) in pairs.iter().enumerate() {
                add(weights[(row, column)], pair);
            }
        }
        gradient
    }

    /// Multiplies by what clipping leaves of a derivative, in the basis of Q.
    fn clip(&self, weights: &mut DMatrix<f64>) {
        let same = SAME_EIGENVALUE * self.values.amax();
        for row in 0..self.values.len() {
            for column in 0..self.values.len() {
                let [one, other] = [self.values[row], self.values[column]];
                weights[(row, column)] *= if (one - other).abs() > same {
                    (one.max(0.0) - other.max(0.0)) / (one - other)
                } else if one > 0.0 {
                    1.0
                } else {
                    0.0
                };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::super::covariance::{Modelled, Ranges};
    use super::super::distance::Distances;
    use super::*;

    const POINTS: usize = 7;
    const MODELLED: Modelled = Modelled { sparsity: true, fidelity: true };

    /// Pairs of points on a line, with noise on the distances: their kernel is indefinite.
    fn pairs() -> impl Strategy<Value = Vec<Vec<Pair>>> {
        (vec(0.0..3.0_f64, POINTS), vec(0.5..1.5_f64, POINTS * POINTS)).prop_map(|(places, noise)| {
            let pair = |row: usize, column: usize| {
                let emd = ((places[row] - places[column]).abs() * noise[row * POINTS + column]).min(1.0);
                let distances = Distances { lp: [100.0 * emd; 4], emd: [emd; 4] };
                let apart = (row - column) as f64 / POINTS as f64;
                Pair { distances, sparsity: 0.2 * apart, fidelity: 0.7 * apart }
            };
            (0..POINTS).map(|row| (0..row).map(|column| pair(row, column)).collect()).collect()
        })
    }

    fn unit() -> impl Strategy<Value = [f64; COUNT]> {
        vec(0.1..0.9_f64, COUNT).prop_map(|values| values.try_into().unwrap())
    }

    proptest! {
        #[test]
        fn gradients_are_those_of_finite_differences(
            pairs in pairs(), unit in unit(), y in vec(-1.0..0.0_f64, POINTS),
        ) {
            const STEP: f64 = 1e-5;
            let hyper = Ranges::of(&y, MODELLED).at(&unit);
            let gradient = Process::new(hyper, &pairs).gradient(&y, &pairs);
            for (index, derivative) in gradient.into_iter().enumerate() {
                let moved = |step: f64| {
                    let mut moved = hyper;
                    moved.0[index] += step;
                    Process::new(moved, &pairs).log_likelihood(&y)
                };
                let difference = (moved(STEP) - moved(-STEP)) / (2.0 * STEP);
                let error = (difference - derivative).abs();
                // The likelihood has a kink where an eigenvalue changes its sign.
                prop_assert!(error <= 1e-3 * (1.0 + difference.abs()), "{index}: {difference}, not {derivative}");
            }
        }

        #[test]
        fn what_was_observed_is_nearly_certain(pairs in pairs(), unit in unit(), y in vec(-1.0..0.0_f64, POINTS)) {
            let hyper = Ranges::of(&y, MODELLED).at(&unit);
            let process = Process::new(hyper, &pairs);
            let coefficients = process.coefficients(&y);
            for (point, row) in pairs.iter().enumerate() {
                let pair = |other: usize| match point.cmp(&other) {
                    std::cmp::Ordering::Greater => row[other],
                    std::cmp::Ordering::Equal => Pair::default(),
                    std::cmp::Ordering::Less => pairs[other][point],
                };
                let covariances = DVector::from_fn(POINTS, |other, _| hyper.covariance(&pair(other)));
                let noise = hyper.noise();
                prop_assert!(process.variance(&covariances) <= noise + 1e-9 * hyper.scale());
                let mean = process.mean(&coefficients, &covariances);
                // Where nothing is clipped, the mean leaves of an observation what its noise accounts for.
                let left = y[point] - mean - noise * coefficients[point];
                prop_assert!(process.values.min() < 0.0 || left.abs() < 1e-9, "{left}");
            }
        }
    }

    #[test]
    fn far_from_all_observations_the_prior_counts() {
        let y = [-0.4, -0.2, -0.3];
        let pairs: Vec<Vec<Pair>> = (0..3).map(|row| vec![Pair::default(); row]).collect();
        let mut hyper = Ranges::of(&y, Modelled::default()).at(&[0.5; COUNT]);
        hyper.0[LOG_NOISE] = 1e-9_f64.ln();
        let process = Process::new(hyper, &pairs);
        let coefficients = process.coefficients(&y);
        let nothing = DVector::zeros(3);
        assert_eq!(process.mean(&coefficients, &nothing), hyper.mean());
        assert_eq!(process.variance(&nothing), hyper.scale());
        // Three observations of one point: their mean, without a doubt.
        let same = DVector::from_element(3, hyper.scale());
        assert!((process.mean(&coefficients, &same) - (-0.3)).abs() < 1e-6);
        assert!(process.variance(&same) < 1e-8);
    }
}
