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
        let kernel = |point: &Vec<f64>| {
            let scaled = point.iter().zip(place).zip(&self.bandwidths);
            let square: f64 =
                scaled.map(|((known, here), bandwidth)| ((known - here) / bandwidth).powi(2)).sum();
            (-0.5 * square).exp()
        };
        0.5 + self.points.iter().map(kernel).sum::<f64>()
    }
}

#[cfg(test)]
mod tests {
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
