//! From the end of a training to its record.

use std::time::Duration;

use munas_search::{Candidate, Feasibility, Problem};

use crate::driving::{Driving, DrivingError};
use crate::executor::evaluator::{Evaluated, EvaluationError};
use crate::finalist::{FinalistOutcome, FinalistRecord, FinalistState};
use crate::store::session::now_ms;
use crate::trial::TrialRecord;

/// A training of a trial's network.
pub(super) struct Subject<'a> {
    pub trial: &'a TrialRecord,
    pub number: u32,
    pub seed: u64,
    pub epochs: u32,
    pub teacher: Option<u64>,
}

impl Subject<'_> {
    /// The record of a training that has ended, and what it left if there is a result.
    pub fn conclude(
        &self,
        problem: &Problem,
        result: Result<Evaluated, EvaluationError>,
        elapsed: Duration,
    ) -> (FinalistRecord, Option<Evaluated>) {
        let driving = self.trial.driving;
        let mut candidate = self.trial.candidate.clone();
        let judged = result.map_err(|error| error.to_string()).and_then(|found| {
            if let Some(pruned) = &found.pruned {
                candidate.resources = pruned.resources;
                candidate.on_board = problem.on_board(&pruned.network.graph);
            }
            let broken = broken_bound(problem, &candidate);
            broken.map_or(Ok(()), Err)?;
            let outcome = outcome_of(&found, elapsed, driving);
            let outcome = outcome.ok_or_else(|| "the error is not a number".to_owned())?;
            Ok((outcome, found))
        });
        let (state, evaluated) = match judged {
            Ok((outcome, found)) => (FinalistState::Done(outcome), Some(found)),
            Err(reason) => (FinalistState::Failed(reason), None),
        };
        let record = FinalistRecord {
            trial: self.trial.trial,
            number: self.number,
            seed: self.seed,
            epochs: self.epochs,
            teacher: self.teacher,
            resources: candidate.resources,
            on_board: candidate.on_board,
            pruned: evaluated.as_ref().and_then(|found| found.pruned.clone()).map(|pruned| pruned.network),
            driving,
            state,
            finished_ms: now_ms(),
        };
        (record, evaluated)
    }
}

/// Which hard bound a network is above, where none of the search may be.
fn broken_bound(problem: &Problem, candidate: &Candidate) -> Option<String> {
    let Problem { feasibility, pruning, bounds, .. } = problem;
    let strict = *feasibility == Feasibility::Skip && pruning.is_none_or(|pruning| pruning.fits_bounds);
    let broken = bounds.broken_hard(&candidate.objectives(None)).filter(|_| strict)?;
    Some(format!("the trained network has {broken}"))
}

/// The figures of a training by the metric that drives the search; `None` if one that counts is not a number.
fn outcome_of(evaluated: &Evaluated, elapsed: Duration, driving: Driving) -> Option<FinalistOutcome> {
    let metric = driving.metric;
    let outcome = FinalistOutcome {
        validation_error: evaluated.validation.get(metric),
        int8_error: evaluated.in_int8.map(|scores| scores.get(metric)),
        test_error: evaluated.test.get(metric),
        int8_test_error: evaluated.test_in_int8.map(|scores| scores.get(metric)),
        validation_stderr: evaluated.validation_stderr,
        folds: evaluated.folds,
        best_epoch: evaluated.best_epoch,
        train_seconds: elapsed.as_secs_f64(),
    };
    let drives = match driving.error {
        DrivingError::Float => Some(outcome.validation_error),
        DrivingError::Int8 => outcome.int8_error,
    };
    let counts = [Some(outcome.validation_error), Some(outcome.test_error), drives];
    counts.iter().all(|error| error.is_some_and(f64::is_finite)).then_some(outcome)
}
