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

/// The figures of an evaluation after so many epochs, and its network; without a result, the state that the trial is in.
pub(super) fn conclude(
    result: Result<Evaluated, EvaluationError>,
    elapsed: Duration,
    epochs: u32,
) -> Result<(Outcome, Network), TrialState> {
    let evaluated = match result {
        Ok(evaluated) => evaluated,
        Err(EvaluationError::Stopped) => return Err(TrialState::Stopped),
        Err(EvaluationError::Failed(reason) | EvaluationError::Lost(reason)) => {
            return Err(TrialState::Failed(reason));
        }
    };
    let outcome = outcome_of(&evaluated, elapsed, epochs);
    let outcome = outcome.ok_or_else(|| TrialState::Failed("the error is not a number".to_owned()))?;
    let Evaluated { weights, int8, pruned, confusion, .. } = evaluated;
    Ok((outcome, Network { weights, int8, pruned, confusion }))
}

/// The figures of an evaluation; `None` if an error is not a number.
pub(super) fn outcome_of(evaluated: &Evaluated, elapsed: Duration, epochs: u32) -> Option<Outcome> {
    let Evaluated { validation, test, in_int8, .. } = evaluated;
    let errors = [validation.error, test.error, evaluated.last_test_error];
    if errors.iter().any(|error| !error.is_finite()) {
        return None;
    }
    Some(Outcome {
        epochs,
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
