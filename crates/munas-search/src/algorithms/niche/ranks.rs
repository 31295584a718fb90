//! The first two non-dominated ranks of points that come one after the other: the front, and what is on it once the front is taken away.
//!
//! What lies behind both stays there whatever comes, and changes nothing about those two when further points join them: of any points it
//! is enough to keep the first two ranks. That they are few keeps decisions cheap, however many trials there were.

use crate::pareto::dominates;

/// See the module.
#[derive(Clone, Debug, Default)]
pub(super) struct FirstRanks {
    /// By ascending place.
    members: Vec<Member>,
}

#[derive(Clone, Debug)]
struct Member {
    place: usize,
    point: Vec<f64>,
    is_on_front: bool,
}

impl FirstRanks {
    /// The places of the points of both ranks, ascending.
    pub fn places(&self) -> impl Iterator<Item = usize> {
        self.members.iter().map(|member| member.place)
    }

    /// Their least first coordinate; `None` without any point.
    pub fn least_first(&self) -> Option<f64> {
        self.members.iter().map(|member| member.point[0]).min_by(f64::total_cmp)
    }

    /// Whether the point of this place is in one of both ranks.
    pub fn contains(&self, place: usize) -> bool {
        self.members.binary_search_by_key(&place, |member| member.place).is_ok()
    }

    /// Adds a point, whose place has none yet.
    pub fn insert(&mut self, place: usize, point: Vec<f64>) {
        let mut is_on_front = true;
        for member in self.members.iter().filter(|member| dominates(&member.point, &point)) {
            if !member.is_on_front {
                return;
            }
            is_on_front = false;
        }
        if is_on_front {
            self.step_back(&point);
        } else {
            self.members.retain(|member| member.is_on_front || !dominates(&point, &member.point));
        }
        let index = self.members.partition_point(|member| member.place < place);
        self.members.insert(index, Member { place, point, is_on_front });
    }

    /// Makes room for a point of the front: what it dominates there becomes the second rank, in which nothing dominates another.
    fn step_back(&mut self, point: &[f64]) {
        let is_behind = |member: &Member| member.is_on_front && dominates(point, &member.point);
        let behind: Vec<Vec<f64>> =
            self.members.iter().filter(|member| is_behind(member)).map(|one| one.point.clone()).collect();
        let is_left =
            |member: &Member| member.is_on_front || !behind.iter().any(|one| dominates(one, &member.point));
        self.members.retain(is_left);
        for member in &mut self.members {
            member.is_on_front &= !dominates(point, &member.point);
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::FirstRanks;
    use crate::pareto;
    use crate::testing::generator;

    /// Few values, so that there are equal points and equal coordinates.
    fn points(count: usize, seed: u64) -> Vec<Vec<f64>> {
        let mut rng = generator(seed, 0);
        (0..count).map(|_| (0..3).map(|_| rng.random_range(0_i32..7).into()).collect()).collect()
    }

    fn first_two(points: &[Vec<f64>]) -> Vec<usize> {
        let ranks = pareto::ranks(points);
        (0..points.len()).filter(|&place| ranks[place] < 2).collect()
    }

    #[test]
    fn after_every_point_they_are_those_of_all_points() {
        for seed in 0..30 {
            let points = points(60, seed);
            let mut found = FirstRanks::default();
            for known in 0..points.len() {
                found.insert(known, points[known].clone());
                let expected = first_two(&points[..=known]);
                assert_eq!(found.places().collect::<Vec<_>>(), expected, "{:?}", &points[..=known]);
                assert!((0..=known).all(|place| found.contains(place) == expected.contains(&place)));
                let least = points[..=known].iter().map(|point| point[0]).min_by(f64::total_cmp);
                assert_eq!(found.least_first(), least);
            }
        }
    }

    #[test]
    fn they_stand_for_all_points_among_others() {
        for seed in 0..30 {
            let (points, others) = (points(60, seed), points(20, 100 + seed));
            let mut ranks = FirstRanks::default();
            // In another order than that of the places.
            (0..points.len()).rev().for_each(|place| ranks.insert(place, points[place].clone()));
            let all = [points.clone(), others.clone()].concat();
            let of_all: Vec<&Vec<f64>> = first_two(&all).into_iter().map(|place| &all[place]).collect();
            let kept: Vec<Vec<f64>> = ranks.places().map(|place| points[place].clone()).collect();
            let few = [kept, others].concat();
            let of_few: Vec<&Vec<f64>> = first_two(&few).into_iter().map(|place| &few[place]).collect();
            assert_eq!(of_few, of_all);
        }
    }
}
