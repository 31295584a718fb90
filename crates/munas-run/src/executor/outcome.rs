//! From the end of an evaluation to the state of its trial.

use std::time::Duration;

use munas_ir::Weights;
use munas_quant::QuantisedNetwork;

use super::evaluator::{Evaluated, EvaluationError, Pruned};
use crate::trial::{Confusions, Outcome, TrialState};

/// What an evaluation leaves besides figures.
#[derive(Default)]
pub(super) struct Network {
    pub weights: Option<Weights>,
    pub int8: Option<QuantisedNetwork>,
    pub pruned: Option<Pruned>,
    pub confusion: Option<Confusions>,
}

/// The terminal state of an evaluation, and its network if there is a result.
pub(super) fn conclude(
    result: Result<Evaluated, EvaluationError>,
    elapsed: Duration,
) -> (TrialState, Option<Network>) {
    let evaluated = match result {
        Ok(evaluated) => evaluated,
        Err(EvaluationError::Stopped) => return (TrialState::Stopped, None),
        Err(EvaluationError::Failed(reason)) => return (TrialState::Failed(reason), None),
    };
    let Some(outcome) = outcome_of(&evaluated, elapsed) else {
        return (TrialState::Failed("the error is not a number".to_owned()), None);
    };
    let Evaluated { weights, int8, pruned, confusion, .. } = evaluated;
    (TrialState::Done(outcome), Some(Network { weights, int8, pruned, confusion }))
}

/// The figures of an evaluation; `None` if an error is not a number.
pub(super) fn outcome_of(evaluated: &Evaluated, elapsed: Duration) -> Option<Outcome> {
    let Evaluated { validation, test, in_int8, .. } = evaluated;
    let errors = [validation.error, test.error, evaluated.last_test_error];
    if errors.iter().any(|error| !error.is_finite()) {
        return None;
    }
    Some(Outcome {
        validation_error: validation.error,
        test_error: test.error,
        last_test_error: evaluated.last_test_error,
        int8_error: in_int8.map(|scores| scores.error),
        balanced_error: Some(validation.balanced),
        balanced_test_error: Some(test.balanced),
        macro_f1_error: Some(validation.macro_f1),
        macro_f1_test_error: Some(test.macro_f1),
        int8_balanced_error: in_int8.map(|scores| scores.balanced),
        int8_macro_f1_error: in_int8.map(|scores| scores.macro_f1),
        validation_stderr: evaluated.validation_stderr,
        folds: evaluated.folds,
        best_epoch: evaluated.best_epoch,
        train_seconds: elapsed.as_secs_f64(),
    })
}
