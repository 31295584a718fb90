//! The Pareto front while it grows: which models are worth keeping.
//!
//! It is the front over [`FRONT_OBJECTIVES`](crate::FRONT_OBJECTIVES) of all trained trials. The best trial by any single
//! objective is on it (or one that equals it there and is better elsewhere), and so is the best one within the bounds,
//! since whatever dominates a trial meets every bound that the trial meets.

use munas_search::pareto::dominates;

use crate::trial::TrialRecord;

/// A front that takes one trial after the other.
#[derive(Debug, Default)]
pub(crate) struct Front {
    members: Vec<(u64, [f64; 4])>,
}

impl Front {
    /// The front of these trials.
    pub fn of(records: &[TrialRecord]) -> Self {
        let mut front = Self::default();
        for record in records {
            if front.accepts(record) {
                front.insert(record);
            }
        }
        front
    }

    /// Whether the trial would be on the front.
    pub fn accepts(&self, record: &TrialRecord) -> bool {
        record.point().is_some_and(|point| !self.members.iter().any(|(_, member)| dominates(member, &point)))
    }

    /// Takes in a trial that the front accepts, and returns those that leave it.
    pub fn insert(&mut self, record: &TrialRecord) -> Vec<u64> {
        let Some(point) = record.point() else { return Vec::new() };
        let leaving = self.members.extract_if(.., |(_, member)| dominates(&point, &*member));
        let leaving = leaving.map(|(trial, _)| trial).collect();
        self.members.push((record.trial, point));
        leaving
    }

    /// Whether a trial is on the front.
    pub fn contains(&self, trial: u64) -> bool {
        self.members.iter().any(|(member, _)| *member == trial)
    }
}

#[cfg(test)]
mod tests;
