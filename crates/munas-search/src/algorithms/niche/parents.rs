//! Whose children are looked at: trials of the first two non-dominated ranks, each niche of resources as often as the others.

use rand::Rng;

use crate::density::{Density, weighted};
use crate::pareto;

/// Trials that may become parents, at least one.
/// The most parents where the error is all that counts.
const BEST: usize = 12;

#[derive(Clone, Debug)]
pub(super) struct Parents {
    /// Positions in the pool.
    members: Vec<usize>,
    /// 1 / density of the members' resources.
    weights: Vec<f64>,
}

impl Parents {
    /// From the points of a pool: the logarithm of each trial's error, as far as it is known, then those of its resources.
    ///
    /// # Panics
    /// If there are no points, or a NaN.
    pub fn new<P: AsRef<[f64]>>(points: &[P]) -> Self {
        assert!(!points.is_empty(), "a pool has members");
        let points: Vec<&[f64]> = points.iter().map(AsRef::as_ref).collect();
        let mut members = pareto::front(&points);
        let left: Vec<usize> =
            (0..points.len()).filter(|place| members.binary_search(place).is_err()).collect();
        let behind: Vec<&[f64]> = left.iter().map(|&place| points[place]).collect();
        members.extend(pareto::front(&behind).into_iter().map(|place| left[place]));
        let resources = |place: &usize| points[*place][1..].to_vec();
        let density = Density::new(members.iter().map(resources).collect());
        let weights = density.at_points().into_iter().map(f64::recip).collect();
        Self { members, weights }
    }

    /// The position in the pool of a random parent.
    /// Those of the least errors, each as often as the others.
    pub fn of_least_error<P: AsRef<[f64]>>(points: &[P]) -> Self {
        let mut members: Vec<usize> = (0..points.len()).collect();
        members.sort_by(|&one, &other| points[one].as_ref()[0].total_cmp(&points[other].as_ref()[0]));
        members.truncate(BEST);
        Self { weights: vec![1.0; members.len()], members }
    }

    pub fn draw(&self, rng: &mut dyn Rng) -> usize {
        self.members[weighted(&self.weights, rng)]
    }
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::Parents;
    use crate::pareto;
    use crate::testing::generator;

    #[test]
    fn members_are_the_first_two_ranks() {
        let mut rng = generator(1, 0);
        let points: Vec<[f64; 3]> = (0..300).map(|_| [rng.random(), rng.random(), rng.random()]).collect();
        let mut members = Parents::new(&points).members;
        members.sort_unstable();
        let ranks = pareto::ranks(&points);
        let expected: Vec<usize> = (0..points.len()).filter(|&place| ranks[place] < 2).collect();
        assert_eq!(members, expected);
    }

    #[test]
    fn a_lonely_niche_has_as_many_children_as_a_crowded_one() {
        // One front: 30 large networks that are nearly alike, and one small one.
        let mut points: Vec<[f64; 2]> =
            (0..30).map(|i| [-3.0 - 1e-3 * f64::from(i), 9.0 + 1e-3 * f64::from(i)]).collect();
        points.push([-1.0, 4.0]);
        let parents = Parents::new(&points);
        let mut rng = generator(2, 0);
        let lonely = (0..3000).filter(|_| parents.draw(&mut rng) == 30).count();
        assert!((600..2000).contains(&lonely), "{lonely} of 3000, evenly by members it would be 97");
    }

    #[test]
    fn without_resources_the_best_two_are_parents() {
        let parents = Parents::new(&[[0.3], [0.1], [0.2], [0.4]]);
        let mut rng = generator(3, 0);
        let draws: Vec<usize> = (0..100).map(|_| parents.draw(&mut rng)).collect();
        assert!(draws.iter().all(|place| [1, 2].contains(place)) && draws.contains(&1) && draws.contains(&2));
        assert_eq!(Parents::new(&[[0.5, 1.0]]).draw(&mut rng), 0);
    }
}
