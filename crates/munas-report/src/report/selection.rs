//! Which networks of a large front are shown with all their details.
//!
//! A front may have thousands of members, and a page with the layers and curves of all of them is of no use to anyone. The
//! choice is made for someone who looks for a network: first those within all bounds, and among these, as among the
//! others if there is room left, members that lie far apart. Distances are between ranks by objective, since a step from
//! one member to the next means as much anywhere on the front, whatever the units.

use munas_run::TrialRecord;
use munas_search::Bounds;

use super::hypervolume::common_point;

/// The most networks with details.
const DETAILED: usize = 200;

/// The trials of a front to be shown with their details, in the order of the front.
pub fn detailed(front: &[TrialRecord], bounds: &Bounds) -> Vec<u64> {
    let mut chosen = Chosen::none(front);
    let (inside, outside): (Vec<usize>, Vec<usize>) =
        (0..front.len()).partition(|&member| front[member].in_bounds(bounds));
    for group in [inside, outside] {
        chosen.spread_over(&group);
    }
    chosen.trials(front)
}

/// Members of a front, chosen one after the other so that each is the farthest from those before it.
struct Chosen {
    /// For every member its rank by each objective, in [0, 1].
    places: Vec<[f64; 4]>,
    is_chosen: Vec<bool>,
    count: usize,
    /// Squared distance of every member to the nearest of the chosen.
    distance: Vec<f64>,
}

impl Chosen {
    fn none(front: &[TrialRecord]) -> Self {
        Self {
            places: places(front),
            is_chosen: vec![false; front.len()],
            count: 0,
            distance: vec![f64::INFINITY; front.len()],
        }
    }

    /// Chooses members of the group: the best by each objective, and then the farthest, while there is room.
    fn spread_over(&mut self, group: &[usize]) {
        for objective in 0..4 {
            let place = |&&member: &&usize| self.places[member][objective];
            if let Some(&best) = group.iter().min_by(|a, b| place(a).total_cmp(&place(b))) {
                self.choose(best);
            }
        }
        loop {
            let left = group.iter().filter(|&&member| !self.is_chosen[member]);
            // Of several, the first: the one with the lowest error.
            let farthest = left.rev().max_by(|&&a, &&b| self.distance[a].total_cmp(&self.distance[b]));
            match farthest {
                Some(&member) if self.count < DETAILED => self.choose(member),
                _ => break,
            }
        }
    }

    fn choose(&mut self, member: usize) {
        if self.is_chosen[member] || self.count == DETAILED {
            return;
        }
        self.is_chosen[member] = true;
        self.count += 1;
        let place = self.places[member];
        for (other, distance) in self.places.iter().zip(&mut self.distance) {
            let squared: f64 = other.iter().zip(&place).map(|(a, b)| (a - b) * (a - b)).sum();
            *distance = distance.min(squared);
        }
    }

    fn trials(&self, front: &[TrialRecord]) -> Vec<u64> {
        let chosen = front.iter().zip(&self.is_chosen).filter(|(_, is_chosen)| **is_chosen);
        chosen.map(|(record, _)| record.trial).collect()
    }
}

/// The rank of every member by every objective, in [0, 1]; equal values have equal ranks.
fn places(front: &[TrialRecord]) -> Vec<[f64; 4]> {
    let points: Vec<[f64; 4]> =
        front.iter().map(|record| common_point(record).unwrap_or([f64::INFINITY; 4])).collect();
    let mut places = vec![[0.0; 4]; front.len()];
    for objective in 0..4 {
        let mut order: Vec<usize> = (0..front.len()).collect();
        order.sort_by(|&a, &b| points[a][objective].total_cmp(&points[b][objective]));
        let mut rank = 0;
        for (position, &member) in order.iter().enumerate() {
            if position > 0 && points[member][objective] > points[order[position - 1]][objective] {
                rank = position;
            }
            places[member][objective] = rank as f64 / front.len() as f64;
        }
    }
    places
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::report::tests::{experiment, tradeoff};

    #[test]
    fn a_small_front_is_shown_whole() {
        let front = tradeoff(200);
        let all: Vec<u64> = front.iter().map(|record| record.trial).collect();
        assert_eq!(detailed(&front, &experiment("").bounds), all);
        assert!(detailed(&[], &experiment("").bounds).is_empty());
    }

    #[test]
    fn members_within_the_bounds_come_first_and_the_others_are_spread() {
        let front = tradeoff(4_000);
        let bounds = experiment("model_size = 400").bounds;
        let chosen: BTreeSet<u64> = detailed(&front, &bounds).into_iter().collect();
        assert_eq!(chosen.len(), DETAILED);
        let inside = front.iter().filter(|record| record.in_bounds(&bounds));
        let inside: Vec<u64> = inside.map(|record| record.trial).collect();
        assert!((10..DETAILED / 2).contains(&inside.len()), "{}", inside.len());
        assert!(inside.iter().all(|trial| chosen.contains(trial)));
        // Of every stretch of the rest some are there.
        for stretch in front.chunks(200) {
            assert!(stretch.iter().any(|record| chosen.contains(&record.trial)));
        }
    }

    #[test]
    fn where_too_many_are_within_the_bounds_they_are_spread() {
        let front = tradeoff(4_000);
        let bounds = experiment("").bounds;
        let chosen: BTreeSet<u64> = detailed(&front, &bounds).into_iter().collect();
        assert_eq!(chosen.len(), DETAILED);
        assert!(chosen.contains(&front[0].trial) && chosen.contains(&front[3_999].trial), "the extremes");
        for stretch in front.chunks(50) {
            assert!(stretch.iter().any(|record| chosen.contains(&record.trial)));
        }
    }
}
