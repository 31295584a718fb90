//! The model of the error: ridge regression on the logarithms of size, MACs and peak memory, which go on beyond what was
//! seen, and a forest on what it leaves.
//!
//! Errors are modelled as logarithms: half an error is as much better at 2 % as it is at 40 %.

use rand::Rng;

use super::features::{Features, RESOURCES};
use super::forest::{Forest, OutOfBag};
use super::ridge::Ridge;

/// The least standard deviation of a prediction: errors of one network differ by more from seed to seed.
const LEAST_DEVIATION: f64 = 0.02;
/// The logarithm that errors of 0 have as long as no other error is known.
const LOG_OF_ZERO: f64 = -7.0;

/// Logarithms of errors, where an error of 0 is half of the least error above 0 that is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::algorithms) struct LogErrors {
    /// Infinite as long as there is none.
    least: f64,
}

impl LogErrors {
    /// From all errors that are known.
    pub fn new(errors: impl Iterator<Item = f64>) -> Self {
        Self { least: f64::INFINITY }.with(errors)
    }

    /// Once these are known too.
    pub fn with(self, errors: impl Iterator<Item = f64>) -> Self {
        Self { least: errors.filter(|error| *error > 0.0).fold(self.least, f64::min) }
    }

    /// The logarithm of an error.
    pub fn of(self, error: f64) -> f64 {
        match self.least {
            _ if error > 0.0 => error.ln(),
            least if least.is_finite() => (least / 2.0).ln(),
            _ => LOG_OF_ZERO,
        }
    }
}

/// What the surrogate learns from: a network and the logarithm of its error after a full training, or an estimate of that.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::algorithms) struct Row {
    pub features: Features,
    pub log_error: f64,
}

/// A fitted model.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::algorithms) struct Surrogate {
    ridge: Ridge,
    forest: Forest,
    deviation: f64,
}

/// What is said of the logarithm of one network's error: each value of an ensemble is as likely as the others, with a normal
/// deviation that is common to them.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::algorithms) struct Prediction {
    /// One for each tree.
    pub values: Vec<f64>,
    /// What the trees' spread does not tell.
    pub deviation: f64,
}

impl Surrogate {
    /// The fit to some rows.
    ///
    /// # Panics
    /// If there are none.
    pub fn fit(rows: &[Row], rng: &mut dyn Rng) -> Self {
        let features: Vec<&[f64]> = rows.iter().map(|row| row.features.as_slice()).collect();
        let y: Vec<f64> = rows.iter().map(|row| row.log_error).collect();
        let ridge = Ridge::fit(&features, RESOURCES, &y);
        let left: Vec<f64> = features.iter().zip(&y).map(|(row, y)| y - ridge.predict(row)).collect();
        let (forest, honest) = Forest::fit(&features, &left, rng);
        Self { ridge, forest, deviation: deviation(&left, &honest) }
    }

    /// What is to be expected of a network.
    pub fn predict(&self, features: &Features) -> Prediction {
        let plane = self.ridge.predict(features);
        let values = self.forest.predictions(features).map(|tree| plane + tree).collect();
        Prediction { values, deviation: self.deviation }
    }
}

/// The deviation with which predictions are off by as much as they claim: that part of the mean squared error of rows that were not
/// seen which the variance of the trees does not explain.
fn deviation(left: &[f64], honest: &[OutOfBag]) -> f64 {
    // The plane has seen every row, and is further off elsewhere.
    let (rows, parameters) = (left.len() as f64, (RESOURCES + 1) as f64);
    let elsewhere = (rows + parameters) / (rows - parameters).max(1.0);
    let unexplained = match honest {
        [] => elsewhere * left.iter().map(|value| value * value).sum::<f64>() / rows,
        _ => {
            let one = |one: &OutOfBag| elsewhere * (left[one.row] - one.mean).powi(2) - one.variance;
            honest.iter().map(one).sum::<f64>() / honest.len() as f64
        }
    };
    unexplained.max(0.0).sqrt().max(LEAST_DEVIATION)
}

impl Prediction {
    /// The mean.
    pub fn mean(&self) -> f64 {
        self.values.iter().sum::<f64>() / self.values.len() as f64
    }

    /// The variance, of the ensemble and within it.
    pub fn variance(&self) -> f64 {
        let mean = self.mean();
        let spread = self.values.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
        spread / self.values.len() as f64 + self.deviation.powi(2)
    }

    /// Two values for each of the ensemble, a deviation below and above it, which have the same mean and variance.
    pub fn ensemble(&self) -> Vec<f64> {
        self.values.iter().flat_map(|value| [value - self.deviation, value + self.deviation]).collect()
    }
}

#[cfg(test)]
mod tests {
    use rand::RngExt;
    use rand_distr::{Distribution, StandardNormal};

    use super::super::features::COUNT;
    use super::*;
    use crate::testing::generator;

    const NOISE: f64 = 0.15;

    /// The error falls with size, and more so with a feature that no plane sees.
    fn truth(features: &Features) -> f64 {
        -0.3 * features[0] + 0.4 * f64::from(u8::from(features[10] > 0.6)) - 0.2 * features[11].powi(2)
    }

    fn rows(count: usize, seed: u64) -> Vec<Row> {
        let mut rng = generator(seed, 0);
        (0..count)
            .map(|_| {
                let mut features = [0.0; COUNT];
                features.iter_mut().for_each(|value| *value = rng.random());
                features[0] = rng.random_range(5.0..10.0);
                let noise: f64 = StandardNormal.sample(&mut rng);
                Row { features, log_error: truth(&features) + NOISE * noise }
            })
            .collect()
    }

    #[test]
    fn predictions_are_off_by_as_much_as_they_claim() {
        for (count, seeds) in [(20, 20), (100, 5), (1000, 1)] {
            let (mut square, mut claimed) = (0.0, 0.0);
            for seed in 0..seeds {
                let model = Surrogate::fit(&rows(count, 2 * seed), &mut generator(2, 0));
                for row in rows(1000, 2 * seed + 1) {
                    let prediction = model.predict(&row.features);
                    square += (prediction.mean() - row.log_error).powi(2) / (1000 * seeds) as f64;
                    claimed += prediction.variance() / (1000 * seeds) as f64;
                }
            }
            let ratio = square / claimed;
            assert!((0.75..1.33).contains(&ratio), "{count} rows: {square} where {claimed} is claimed");
            assert!(count < 1000 || square < 1.5 * NOISE.powi(2), "{square}");
        }
    }

    #[test]
    fn size_goes_on_beyond_what_was_seen() {
        let model = Surrogate::fit(&rows(500, 1), &mut generator(2, 0));
        let mut large = rows(1, 4)[0].features;
        large[0] = 12.0;
        let mut middle = large;
        middle[0] = 9.0;
        let fall = model.predict(&middle).mean() - model.predict(&large).mean();
        assert!((0.7..1.1).contains(&fall), "{fall} instead of 0.9");
    }

    #[test]
    fn an_ensemble_has_the_mean_and_the_variance_of_its_prediction() {
        let prediction = Prediction { values: vec![-1.0, 0.5, 2.0], deviation: 0.3 };
        let all = Prediction { values: prediction.ensemble(), deviation: 0.0 };
        assert!((all.mean() - prediction.mean()).abs() < 1e-12);
        assert!((all.variance() - prediction.variance()).abs() < 1e-12);
    }

    #[test]
    fn an_error_of_zero_is_half_of_the_least_above() {
        let log = LogErrors::new([0.3, 0.0, 0.02].into_iter());
        assert_eq!((log.of(0.0), log.of(0.3)), (0.01_f64.ln(), 0.3_f64.ln()));
        let log = LogErrors::new([0.0].into_iter());
        assert!(log.of(0.0).is_finite());
    }

    #[test]
    fn a_single_row_is_all_there_is_to_say() {
        let row = rows(1, 1)[0];
        let model = Surrogate::fit(&[row], &mut generator(1, 0));
        assert!((model.predict(&row.features).mean() - row.log_error).abs() < 1e-12);
        assert!(model.predict(&row.features).variance() > 0.0);
    }
}
