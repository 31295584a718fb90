//! The Pareto front while it grows: which models are worth keeping.
//!
//! It is the front over the [`front_objectives`] of the run, of all trials that were trained in full; as long as there is none, of those
//! that rest. Errors after a part of a training are lucky ones where many are compared, and are nobody's to export. The best trial by any single
//! objective is on it (or one that equals it there and is better elsewhere), and so is the best one within the bounds,
//! since whatever dominates a trial meets every bound that the trial meets.

use munas_search::pareto::dominates;
use munas_search::{Bounds, Objective};

use crate::trial::{TrialRecord, front_objectives};

/// A front that takes one trial after the other.
#[derive(Debug)]
pub(crate) struct Front {
    objectives: Vec<Objective>,
    /// Whether one of the trials was trained in full.
    has_whole: bool,
    members: Vec<(u64, Vec<f64>)>,
}

impl Front {
    /// The front of no trial in a run with these bounds.
    pub fn new(bounds: &Bounds) -> Self {
        Self { objectives: front_objectives(bounds), has_whole: false, members: Vec::new() }
    }

    /// The front of these trials.
    pub fn of(records: &[TrialRecord], bounds: &Bounds) -> Self {
        let mut front = Self::new(bounds);
        for record in records {
            if front.accepts(record) {
                front.insert(record);
            }
        }
        front
    }

    /// Whether the trial would be on the front.
    pub fn accepts(&self, record: &TrialRecord) -> bool {
        let point = record.point(&self.objectives);
        match (self.has_whole, record.is_whole()) {
            (false, true) => return point.is_some(),
            (true, false) => return false,
            (true, true) | (false, false) => {}
        }
        point.is_some_and(|point| !self.members.iter().any(|(_, member)| dominates(member, &point)))
    }

    /// The error up to which a trial would be on the front, whatever its own is: the least of those there that take no more of anything.
    pub fn largest_error(&self, record: &TrialRecord) -> f64 {
        let error = self.objectives.iter().position(|objective| *objective == Objective::Error);
        let (Some(point), Some(error)) = (record.point(&self.objectives), error) else {
            return f64::INFINITY;
        };
        let is_first_whole = record.is_whole() && !self.has_whole;
        let takes_no_more =
            |member: &[f64]| (0..point.len()).all(|at| at == error || member[at] <= point[at]);
        let members = self.members.iter().filter(|(_, member)| !is_first_whole && takes_no_more(member));
        members.map(|(_, member)| member[error]).fold(f64::INFINITY, f64::min)
    }

    /// Takes in a trial that the front accepts, in place of an earlier result of it, and returns those that leave it.
    pub fn insert(&mut self, record: &TrialRecord) -> Vec<u64> {
        let Some(point) = record.point(&self.objectives) else { return Vec::new() };
        let is_first_whole = record.is_whole() && !self.has_whole;
        self.has_whole |= is_first_whole;
        let leaving = self.members.extract_if(.., |(_, member)| is_first_whole || dominates(&point, member));
        let leaving = leaving.map(|(trial, _)| trial).filter(|&trial| trial != record.trial).collect();
        self.members.retain(|(trial, _)| *trial != record.trial);
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
