//! What a candidate competes with: the results of full trainings, and the running trials at what is expected of them.

use super::aim::Aim;
use super::ehvi::{Improvement, Outcome};
use super::goals::Goals;
use crate::pareto;

/// See the module.
pub(super) struct Field {
    pub aim: Aim,
    reference: Vec<f64>,
    improvement: Improvement,
    /// The first two ranks, first the front: what is left when a trial of the front is taken out is on it or behind it.
    competitors: Vec<Competitor>,
    on_front: usize,
}

/// A trial with the logarithms of its error and of its resources.
#[derive(Clone, Debug)]
pub(super) struct Competitor {
    pub trial: u64,
    pub point: Vec<f64>,
}

impl Field {
    pub fn new(goals: &Goals, mut all: Vec<Competitor>) -> Self {
        let reference = goals.reference.clone();
        all.retain(|one| one.point.iter().zip(&reference).all(|(value, limit)| value < limit));
        let mut competitors = take_front(&mut all);
        let on_front = competitors.len();
        competitors.extend(take_front(&mut all));
        let front: Vec<&[f64]> = competitors[..on_front].iter().map(|one| one.point.as_slice()).collect();
        Self {
            aim: goals.aim,
            improvement: Improvement::new(&front, &reference),
            reference,
            competitors,
            on_front,
        }
    }

    /// For what a new candidate is expected to add.
    pub fn into_improvement(self) -> Improvement {
        self.improvement
    }

    /// What a trial is expected to add to the others.
    pub fn expected(&self, trial: u64, resources: &[f64], error: &Outcome) -> f64 {
        if self.competitors[..self.on_front].iter().all(|one| one.trial != trial) {
            return self.improvement.expected(resources, error);
        }
        // Only the part of space above its resources counts, where most others lie behind one of them.
        let others = self.competitors.iter().filter(|one| one.trial != trial).map(|one| {
            let limited = one.point[1..].iter().zip(resources).map(|(value, least)| value.max(*least));
            std::iter::once(one.point[0]).chain(limited).collect::<Vec<f64>>()
        });
        Improvement::new(&others.collect::<Vec<_>>(), &self.reference).expected(resources, error)
    }
}

/// Takes the front out of some.
fn take_front(all: &mut Vec<Competitor>) -> Vec<Competitor> {
    let points: Vec<&[f64]> = all.iter().map(|one| one.point.as_slice()).collect();
    let mut is_front = vec![false; all.len()];
    pareto::front(&points).into_iter().for_each(|place| is_front[place] = true);
    let mut places = is_front.into_iter();
    let front: Vec<Competitor>;
    (front, *all) = all.drain(..).partition(|_| places.next() == Some(true));
    front
}
