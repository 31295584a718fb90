//! How densely points lie, and draws that even it out: a draw with weight 1 / density looks where little was tried.

use rand::{Rng, RngExt};

/// Points below which no density is estimated.
const LEAST_KNOWN: usize = 5;
/// The least deviation of a logarithm that a bandwidth is taken from.
const LEAST_DEVIATION: f64 = 0.05;

/// A position drawn with these weights.
pub(crate) fn weighted(weights: &[f64], rng: &mut dyn Rng) -> usize {
    let mut left = rng.random::<f64>() * weights.iter().sum::<f64>();
    let found = weights.iter().position(|weight| {
        left -= weight;
        left < 0.0
    });
    found.unwrap_or(weights.len() - 1)
}

/// A kernel density estimate over points, Gaussian, with Scott's bandwidth for each coordinate.
#[derive(Clone, Debug)]
pub(crate) struct Density {
    points: Vec<Vec<f64>>,
    bandwidths: Vec<f64>,
}

impl Density {
    pub fn new(points: Vec<Vec<f64>>) -> Self {
        let count = points.len() as f64;
        let coordinates = points.first().map_or(0, Vec::len);
        let scott = count.powf(-1.0 / (coordinates as f64 + 4.0));
        let bandwidths = (0..coordinates).map(|index| {
            let mean = points.iter().map(|point| point[index]).sum::<f64>() / count;
            let variance = points.iter().map(|point| (point[index] - mean).powi(2)).sum::<f64>() / count;
            variance.sqrt().max(LEAST_DEVIATION) * scott
        });
        Self { bandwidths: bandwidths.collect(), points }
    }

    /// Up to a constant factor; 1 everywhere while there are too few points. Where there is none far and wide it is that of half a
    /// point.
    pub fn at(&self, place: &[f64]) -> f64 {
        if self.points.len() < LEAST_KNOWN {
            return 1.0;
        }
        0.5 + self.points.iter().map(|point| self.kernel(point, place)).sum::<f64>()
    }

    /// [`Density::at`] of each of the points themselves, for half the price.
    pub fn at_points(&self) -> Vec<f64> {
        let Self { points, .. } = self;
        if points.len() < LEAST_KNOWN {
            return vec![1.0; points.len()];
        }
        let mut sums = vec![0.0; points.len()];
        for (place, point) in points.iter().enumerate() {
            // Those before it have added theirs to its own.
            sums[place] += self.kernel(point, point);
            for other in place + 1..points.len() {
                let kernel = self.kernel(point, &points[other]);
                sums[place] += kernel;
                sums[other] += kernel;
            }
        }
        sums.into_iter().map(|sum| 0.5 + sum).collect()
    }

    fn kernel(&self, one: &[f64], other: &[f64]) -> f64 {
        let scaled = one.iter().zip(other).zip(&self.bandwidths);
        let square: f64 = scaled.map(|((one, other), bandwidth)| ((one - other) / bandwidth).powi(2)).sum();
        (-0.5 * square).exp()
    }
}

#[cfg(test)]
mod tests {
    use rand::RngExt;
    use rand_distr::{Distribution, StandardNormal};

    use super::{Density, weighted};
    use crate::testing::generator;

    #[test]
    fn it_is_high_among_points_and_low_away_from_them() {
        let points: Vec<Vec<f64>> = (0..50).map(|i| vec![f64::from(i % 7) * 0.1, f64::from(i % 5)]).collect();
        let density = Density::new(points);
        assert!(density.at(&[0.3, 2.0]) > 5.0 * density.at(&[2.0, 2.0]));
        assert!(density.at(&[1e3, 1e3]) > 0.0, "its inverse is a weight");
    }

    #[test]
    fn of_few_points_and_of_points_without_coordinates_it_is_even() {
        let few = Density::new(vec![vec![0.0]; 4]);
        assert_eq!(few.at(&[0.0]), few.at(&[9.0]));
        assert_eq!(Density::new(Vec::new()).at(&[1.0]), 1.0);
        assert!(Density::new(vec![Vec::new(); 8]).at(&[]).is_finite());
    }

    #[test]
    fn of_the_points_themselves_it_is_the_same() {
        for count in [0, 3, 5, 40] {
            let points: Vec<Vec<f64>> =
                (0..count).map(|i| vec![f64::from(i % 7) * 0.31, f64::from(i).sqrt(), -0.7]).collect();
            let density = Density::new(points.clone());
            let expected: Vec<f64> = points.iter().map(|point| density.at(point)).collect();
            assert_eq!(density.at_points(), expected);
        }
    }

    #[test]
    fn every_fifth_of_many_points_leads_to_the_same_draws() {
        let mut rng = generator(2, 0);
        let mut point = || -> Vec<f64> {
            // Two crowds that overlap, each in its own direction.
            let (crowd, along): (f64, f64) = (rng.random(), StandardNormal.sample(&mut rng));
            let direction = if crowd < 0.7 { [1.5, 1.0, 0.3] } else { [-0.5, 1.0, 0.8] };
            direction.iter().map(|part| part * along + rng.random_range(-1.0..1.0)).collect()
        };
        let points: Vec<Vec<f64>> = (0..20_000).map(|_| point()).collect();
        let few = Density::new(points.iter().step_by(5).cloned().collect());
        let all = Density::new(points);
        let places: Vec<Vec<f64>> = (0..32).map(|_| point()).collect();
        let chances = |density: &Density| {
            let weights: Vec<f64> = places.iter().map(|place| 1.0 / density.at(place)).collect();
            let sum: f64 = weights.iter().sum();
            weights.into_iter().map(|weight| weight / sum).collect::<Vec<f64>>()
        };
        let apart: f64 =
            chances(&all).iter().zip(chances(&few)).map(|(one, other)| (one - other).abs()).sum::<f64>()
                / 2.0;
        assert!(apart < 0.1, "one draw in {} is another", 1.0 / apart);
    }

    #[test]
    fn draws_follow_their_weights() {
        let mut rng = generator(1, 0);
        let mut counts = [0; 3];
        for _ in 0..4000 {
            counts[weighted(&[1.0, 0.0, 3.0], &mut rng)] += 1;
        }
        assert_eq!(counts[1], 0);
        assert!((counts[2] - 3000_i32).abs() < 120, "{counts:?}");
    }
}
