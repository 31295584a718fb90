//! What trials take of the resources that the search trades off: the bounded ones, or size, MACs and peak memory where none is.

use crate::{Bounds, Candidate, Objective};

/// What a soft bound is exceeded by in the reference, so that a network with just as much counts.
const ROUNDING: f64 = 1.0 + 1e-6;
/// Less than any value of a resource.
const LEAST_VALUE: f64 = 1e-9;

/// The logarithm of what a candidate takes of a resource; infinite where it has no value.
pub(super) fn log_value(candidate: &Candidate, objective: Objective) -> f64 {
    candidate.objectives(None)[objective].map_or(f64::INFINITY, |value| value.max(LEAST_VALUE).ln())
}

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Taken {
    pub objectives: Vec<Objective>,
    /// One for each objective.
    pub spans: Vec<Span>,
    /// Logarithms, one trial after the other.
    values: Vec<f64>,
}

/// What follows from all values of a resource.
#[derive(Clone, Copy, Debug)]
pub(super) enum Span {
    /// Without a bound: the largest logarithm, at least 0.
    Free { largest: f64 },
    /// With a hard bound: its logarithm.
    Hard { bound: f64 },
    /// With a soft one: its logarithm, with what a value may exceed it by, and how many are below.
    Soft { bound: f64, met: usize },
}

impl Taken {
    /// By no trial.
    pub fn new(bounds: &Bounds) -> Self {
        let bounded = bounds.values.iter().map(|(objective, _)| objective);
        let mut objectives: Vec<Objective> = bounded.filter(|one| *one != Objective::Error).collect();
        if objectives.is_empty() {
            objectives = vec![Objective::ModelSize, Objective::Macs, Objective::PeakMemory];
        }
        let span = |objective: &Objective| match bounds.get(*objective) {
            None => Span::Free { largest: 0.0 },
            Some(bound) if bounds.is_hard(*objective) => Span::Hard { bound: bound.ln() },
            Some(bound) => Span::Soft { bound: bound.ln() + ROUNDING.ln(), met: 0 },
        };
        Self { spans: objectives.iter().map(span).collect(), objectives, values: Vec::new() }
    }

    /// What the trial at a place takes.
    pub fn of(&self, place: usize) -> &[f64] {
        &self.values[place * self.objectives.len()..][..self.objectives.len()]
    }

    /// Notes the candidate of the trial at a place: the one behind the last, or one that has changed.
    pub fn set(&mut self, place: usize, candidate: &Candidate) {
        let start = place * self.objectives.len();
        let is_new = start == self.values.len();
        for index in 0..self.objectives.len() {
            let value = log_value(candidate, self.objectives[index]);
            if is_new {
                self.values.push(value);
            } else {
                let before = std::mem::replace(&mut self.values[start + index], value);
                self.forget(index, before);
            }
            self.note(index, value);
        }
    }

    fn note(&mut self, index: usize, value: f64) {
        match &mut self.spans[index] {
            Span::Free { largest } => *largest = largest.max(value),
            Span::Hard { .. } => {}
            Span::Soft { bound, met } => *met += usize::from(value < *bound),
        }
    }

    /// A value that is there no more.
    fn forget(&mut self, index: usize, value: f64) {
        match self.spans[index] {
            Span::Free { largest } if value == largest => {
                let largest = self.column(index).fold(0.0, f64::max);
                self.spans[index] = Span::Free { largest };
            }
            Span::Free { .. } | Span::Hard { .. } => {}
            Span::Soft { bound, met } => {
                self.spans[index] = Span::Soft { bound, met: met - usize::from(value < bound) };
            }
        }
    }

    /// What all trials take of a resource.
    pub fn column(&self, index: usize) -> impl Iterator<Item = f64> {
        self.values.iter().skip(index).step_by(self.objectives.len()).copied()
    }
}
