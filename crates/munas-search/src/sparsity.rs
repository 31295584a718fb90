//! The target sparsity of a trial: a coordinate of the search where networks are pruned.

use munas_ir::PruningMode;
use rand::{Rng, RngExt};
use rand_distr::{Distribution, Normal};

/// Standard deviation of a mutation.
const MUTATION: f64 = 0.05;

/// The target sparsities of a search, 0 ≤ `min` ≤ `max` < 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SparsityRange {
    /// What is pruned.
    pub mode: PruningMode,
    /// Smallest target.
    pub min: f64,
    /// Largest target.
    pub max: f64,
    /// Whether trainings go beyond the target, up to `max`, where it takes that to meet the hard bounds.
    pub fits_bounds: bool,
}

impl SparsityRange {
    /// A target for a random architecture, uniform in the range.
    pub fn sample(&self, rng: &mut dyn Rng) -> f64 {
        rng.random_range(self.min..=self.max)
    }

    /// A target for a child: the parent's + N(0, 0.05), clipped to the range. A parent without one is as good as random.
    pub fn mutate(&self, parent: Option<f64>, rng: &mut dyn Rng) -> f64 {
        let Some(parent) = parent else { return self.sample(rng) };
        let step = Normal::new(0.0, MUTATION).expect("the deviation is positive").sample(rng);
        (parent + step).clamp(self.min, self.max)
    }
}

#[cfg(test)]
mod tests {
    use super::{PruningMode, SparsityRange};
    use crate::testing::generator;

    const RANGE: SparsityRange =
        SparsityRange { mode: PruningMode::Structured, min: 0.1, max: 0.9, fits_bounds: false };

    #[test]
    fn targets_spread_over_the_range() {
        let mut rng = generator(1, 0);
        let targets: Vec<f64> = (0..2000).map(|_| RANGE.sample(&mut rng)).collect();
        let share_below = |limit| targets.iter().filter(|target| **target < limit).count() as f64 / 2000.0;
        assert!(targets.iter().all(|target| (0.1..=0.9).contains(target)));
        assert!((share_below(0.3) - 0.25).abs() < 0.03 && (share_below(0.5) - 0.5).abs() < 0.03);
    }

    #[test]
    fn children_stay_near_their_parent_and_inside() {
        let mut rng = generator(1, 0);
        let steps: Vec<f64> = (0..2000).map(|_| RANGE.mutate(Some(0.5), &mut rng) - 0.5).collect();
        let deviation = (steps.iter().map(|step| step * step).sum::<f64>() / 2000.0).sqrt();
        assert!((deviation - 0.05).abs() < 0.005, "{deviation}");
        let clipped: Vec<f64> = (0..200).map(|_| RANGE.mutate(Some(0.9), &mut rng)).collect();
        assert!(clipped.iter().all(|target| *target <= 0.9) && clipped.contains(&0.9));
    }
}
