//! The covariance of two points of the search, and its hyper-parameters.
//!
//! k = s·[t·exp(−Σ βᵢ·lpᵢ) + (1 − t)·exp(−Σ γᵢ·emdᵢ²)]·m(Δ)·φ(Δ_z)
//!
//! | symbol | meaning |
//! |---|---|
//! | lpᵢ, emdᵢ | the distances of the architectures |
//! | Δ | difference of the target sparsities; 0 without pruning |
//! | m | Matérn 5/2: (1 + √5·r + 5·r²/3)·exp(−√5·r), r = Δ/ℓ |
//! | Δ_z | difference of the fidelities, as shares of a full training; 0 where all trainings are full |
//! | φ | squared exponential: exp(−½·(Δ_z/ℓ_z)²) |
//! | s, t, β, γ, ℓ, ℓ_z | scale, mixture, rates and lengths: [`Hyperparameters`] |
//!
//! The kernel need not be positive definite.

use super::distance::Distances;

/// Number of hyper-parameters, ℓ and ℓ_z included.
pub(super) const COUNT: usize = 14;

/// Positions in [`Hyperparameters`].
pub(super) const MEAN: usize = 0;
pub(super) const LOG_NOISE: usize = 1;
const LOG_SCALE: usize = 2;
const MIXTURE: usize = 3;
const LOG_BETA: usize = 4;
const LOG_GAMMA: usize = 8;
const LOG_LENGTH: usize = 12;
pub(super) const LOG_FIDELITY_LENGTH: usize = 13;

/// What the kernel reads about two points.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Pair {
    pub distances: Distances,
    /// Δ.
    pub sparsity: f64,
    /// Δ_z.
    pub fidelity: f64,
}

/// What points differ in besides their architectures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Modelled {
    pub sparsity: bool,
    pub fidelity: bool,
}

/// Values of all hyper-parameters: mean, ln noise variance, ln s, t, ln β (4), ln γ (4), ln ℓ, ln ℓ_z.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Hyperparameters(pub [f64; COUNT]);

/// The box that the hyper-parameters lie in.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Ranges {
    ranges: [[f64; 2]; COUNT],
    /// Those that the data can tell anything about.
    pub active: Vec<usize>,
}

impl Ranges {
    /// The box for observations `y`, at least one.
    pub fn of(y: &[f64], modelled: Modelled) -> Self {
        let count = y.len() as f64;
        let average = y.iter().sum::<f64>() / count;
        let variance = y.iter().map(|y| (y - average).powi(2)).sum::<f64>() / count + 1e-4;
        let mut sorted = y.to_vec();
        sorted.sort_by(f64::total_cmp);
        let median = 0.5 * (sorted[(y.len() - 1) / 2] + sorted[y.len() / 2]);
        let half_range = 0.5 * (sorted[y.len() - 1] - sorted[0]);
        let reach = 3.0 * 0.5 * (half_range + variance.sqrt());
        let logarithmic = |low: f64, high: f64| [low.ln(), high.ln()];
        let mut ranges = [[0.0, 1.0]; COUNT];
        ranges[MEAN] = [median - reach, median + reach];
        ranges[LOG_NOISE] = logarithmic(0.005 * variance, 0.2 * variance);
        ranges[LOG_SCALE] = logarithmic(0.03 * variance, 30.0 * variance);
        ranges[LOG_BETA..][..4].fill(logarithmic(1e-9, 1e-3));
        ranges[LOG_GAMMA..][..4].fill(logarithmic(0.1, 100.0));
        ranges[LOG_LENGTH] = logarithmic(0.05, 5.0);
        ranges[LOG_FIDELITY_LENGTH] = logarithmic(0.1, 10.0);
        let lengths = [(modelled.sparsity, LOG_LENGTH), (modelled.fidelity, LOG_FIDELITY_LENGTH)];
        let lengths = lengths.into_iter().filter_map(|(is_there, index)| is_there.then_some(index));
        Self { ranges, active: (0..LOG_LENGTH).chain(lengths).collect() }
    }

    /// The values at a point of the unit cube.
    pub fn at(&self, unit: &[f64; COUNT]) -> Hyperparameters {
        Hyperparameters(std::array::from_fn(|index| {
            let [low, high] = self.ranges[index];
            low + unit[index] * (high - low)
        }))
    }

    /// How much a value changes from end to end of its range.
    pub fn width(&self, index: usize) -> f64 {
        self.ranges[index][1] - self.ranges[index][0]
    }
}

impl Hyperparameters {
    /// The prior mean.
    pub fn mean(&self) -> f64 {
        self.0[MEAN]
    }

    /// Variance of the noise of an observation.
    pub fn noise(&self) -> f64 {
        self.0[LOG_NOISE].exp()
    }

    /// s: the variance of what is modelled, k of a point and itself.
    pub fn scale(&self) -> f64 {
        self.0[LOG_SCALE].exp()
    }

    fn terms(&self, pair: &Pair) -> Terms {
        let Pair { distances: Distances { lp, emd }, sparsity, fidelity } = pair;
        let weighted = |first: usize, index: usize, value: f64| self.0[first + index].exp() * value;
        let beta = std::array::from_fn(|index| weighted(LOG_BETA, index, lp[index]));
        let gamma = std::array::from_fn(|index| weighted(LOG_GAMMA, index, emd[index].powi(2)));
        Terms {
            linear: (-beta.iter().sum::<f64>()).exp(),
            square: (-gamma.iter().sum::<f64>()).exp(),
            beta,
            gamma,
            ratio: 5.0_f64.sqrt() * sparsity.abs() / self.0[LOG_LENGTH].exp(),
            fidelity_ratio: fidelity / self.0[LOG_FIDELITY_LENGTH].exp(),
        }
    }

    /// k.
    pub fn covariance(&self, pair: &Pair) -> f64 {
        let terms = self.terms(pair);
        self.scale() * self.mixed(&terms) * terms.matern() * terms.fidelity()
    }

    /// √(1 − φ²): what is left open about the error at one fidelity when that at another is known, which differs by so much.
    pub fn information_gap(&self, fidelity: f64) -> f64 {
        let terms = self.terms(&Pair { fidelity, ..Pair::default() });
        (1.0 - terms.fidelity().powi(2)).max(0.0).sqrt()
    }

    fn mixed(&self, terms: &Terms) -> f64 {
        let mixture = self.0[MIXTURE];
        mixture * terms.linear + (1.0 - mixture) * terms.square
    }

    /// The derivatives of k; those by mean and noise are 0.
    pub fn gradient(&self, pair: &Pair) -> [f64; COUNT] {
        let terms = self.terms(pair);
        let (scale, mixture) = (self.scale() * terms.fidelity(), self.0[MIXTURE]);
        let matern = terms.matern();
        let mixed = self.mixed(&terms);
        let mut gradient = [0.0; COUNT];
        gradient[LOG_SCALE] = scale * mixed * matern;
        gradient[MIXTURE] = scale * (terms.linear - terms.square) * matern;
        for index in 0..4 {
            gradient[LOG_BETA + index] = -scale * matern * mixture * terms.linear * terms.beta[index];
            gradient[LOG_GAMMA + index] =
                -scale * matern * (1.0 - mixture) * terms.square * terms.gamma[index];
        }
        gradient[LOG_LENGTH] = scale * mixed * terms.matern_by_log_length();
        gradient[LOG_FIDELITY_LENGTH] = scale * mixed * matern * terms.fidelity_ratio.powi(2);
        gradient
    }
}

/// Parts of a covariance.
struct Terms {
    /// exp(−Σ βᵢ·lpᵢ) and its exponents.
    linear: f64,
    beta: [f64; 4],
    /// exp(−Σ γᵢ·emdᵢ²) and its exponents.
    square: f64,
    gamma: [f64; 4],
    /// √5·r.
    ratio: f64,
    /// Δ_z/ℓ_z.
    fidelity_ratio: f64,
}

impl Terms {
    fn matern(&self) -> f64 {
        (1.0 + self.ratio + self.ratio.powi(2) / 3.0) * (-self.ratio).exp()
    }

    fn fidelity(&self) -> f64 {
        (-0.5 * self.fidelity_ratio.powi(2)).exp()
    }

    fn matern_by_log_length(&self) -> f64 {
        self.ratio.powi(2) * (1.0 + self.ratio) / 3.0 * (-self.ratio).exp()
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// The golden networks of `fixtures/otmann.md`.
    const GOLDEN: Distances = Distances {
        lp: [54.370304, 55.439360, 58.0050944, 55.083008],
        emd: [0.5363232323, 0.5468686869, 0.5721777778, 0.5433535354],
    };

    #[test]
    fn the_kernel_at_the_centre_of_the_box_is_the_published_one() {
        let centre = Ranges::of(&[0.0, 1.0], Modelled::default()).at(&[0.5; COUNT]);
        let correlation =
            |distances| centre.covariance(&Pair { distances, ..Pair::default() }) / centre.scale();
        assert!((correlation(GOLDEN) - 0.51080616).abs() < 1e-8);
        assert!((correlation(Distances::default()) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn the_box_is_that_of_the_observations() {
        let ranges = Ranges::of(&[-0.5, -0.1, -0.3, -0.2], Modelled { sparsity: true, fidelity: false });
        let variance: f64 =
            (0.225_f64.powi(2) + 0.175_f64.powi(2) + 0.025_f64.powi(2) + 0.075_f64.powi(2)) / 4.0 + 1e-4;
        let [low, high] = [ranges.at(&[0.0; COUNT]), ranges.at(&[1.0; COUNT])];
        let reach = 1.5 * (0.2 + variance.sqrt());
        assert!(
            (low.mean() - (-0.25 - reach)).abs() < 1e-12 && (high.mean() - (-0.25 + reach)).abs() < 1e-12
        );
        assert!((low.noise() / (0.005 * variance) - 1.0).abs() < 1e-9);
        assert!((high.scale() / (30.0 * variance) - 1.0).abs() < 1e-9);
        assert_eq!(ranges.active, (0..13).collect::<Vec<_>>());
        let active = |sparsity, fidelity| Ranges::of(&[0.5], Modelled { sparsity, fidelity }).active;
        assert_eq!(active(false, false), (0..12).collect::<Vec<_>>());
        assert_eq!(active(true, true), (0..14).collect::<Vec<_>>());
        assert_eq!(active(false, true)[11..], [11, 13]);
    }

    proptest! {
        #[test]
        fn gradients_are_those_of_finite_differences(
            unit in vec(0.05..0.95_f64, COUNT),
            lp in vec(0.0..500.0_f64, 4),
            emd in vec(0.0..1.0_f64, 4),
            sparsity in 0.0..0.9_f64,
            fidelity in -0.7..0.7_f64,
        ) {
            const STEP: f64 = 1e-6;
            let distances = Distances { lp: lp.try_into().unwrap(), emd: emd.try_into().unwrap() };
            let pair = Pair { distances, sparsity, fidelity };
            let values = Ranges::of(&[-1.0, 1.0], Modelled { sparsity: true, fidelity: true }).at(&unit.try_into().unwrap());
            let gradient = values.gradient(&pair);
            for (index, derivative) in gradient.into_iter().enumerate() {
                let moved = |step: f64| {
                    let mut moved = values;
                    moved.0[index] += step;
                    moved.covariance(&pair)
                };
                let difference = (moved(STEP) - moved(-STEP)) / (2.0 * STEP);
                let error = (difference - derivative).abs();
                prop_assert!(error <= 1e-6 * values.scale(), "{index}: {difference}, not {derivative}");
            }
        }
    }
}
