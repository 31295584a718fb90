//! The errors of the libraries, told to a user: which of them are wrong input, and where.

use munas_data::DataError;
use munas_run::{
    DataChanged, ExecutionError, ExperimentError, JournalError, JournalProblem, ModelError, RefineError,
    StoreError,
};
use munas_search::{Objective, SearchError};
use munas_train::TrainError;

use super::UserError;
use crate::shell::quoted;

impl From<ExperimentError> for UserError {
    fn from(error: ExperimentError) -> Self {
        Self::input(&error).maybe_hint(error.hint())
    }
}

impl From<DataError> for UserError {
    fn from(error: DataError) -> Self {
        let told = match &error {
            DataError::Download { .. } | DataError::Checksum { .. } => Self::failure(&error),
            DataError::Io { path, source } => {
                Self::input(format_args!("cannot read or write the data: {source}")).in_file(path)
            }
            DataError::Malformed { path, problem } => Self::input(problem).in_file(path),
            _ => Self::input(&error),
        };
        told.maybe_hint(error.hint())
    }
}

impl From<StoreError> for UserError {
    fn from(error: StoreError) -> Self {
        let hint = error.hint();
        let told = match error {
            StoreError::ExperimentFile { path, source } => Self::from(source).in_file(&path),
            StoreError::Journal(error) => Self::from(error),
            StoreError::Model(error) => Self::from(error),
            StoreError::Locked { dir } => Self::input("another process is working on this run").in_file(&dir),
            StoreError::Exists { dir } => Self::input("there is a run already")
                .in_file(&dir)
                .hint(format_args!("`munas resume {}` goes on with it", quoted(&dir))),
            StoreError::InUse { dir, found } => {
                Self::input(format_args!("the folder is in use: it has {found}")).in_file(&dir)
            }
            StoreError::NotAFolder { path } => Self::input("not a folder").in_file(&path),
            StoreError::NotARun { dir, missing } => {
                Self::input(format_args!("not a run: there is no {missing}"))
                    .in_file(&dir)
                    .hint("a run is a directory that `munas search` made")
            }
            StoreError::NoTrial { dir, trial } => {
                Self::input(format_args!("there is no trial {trial}")).in_file(&dir)
            }
            StoreError::ExperimentChanged { path, changes } => {
                Self::input(format_args!("not what the run was made with: {changes}")).in_file(&path)
            }
            StoreError::Problem(_) => Self::input(error),
            other => Self::failure(other),
        };
        told.maybe_hint(hint)
    }
}

impl From<ExecutionError> for UserError {
    fn from(error: ExecutionError) -> Self {
        let hint = error.hint();
        let told = match error {
            ExecutionError::Store(error) => return Self::from(error),
            ExecutionError::DataChanged(_) | ExecutionError::Problem(_) => Self::input(error),
            ExecutionError::Search(error) => {
                let hint = bound_hint(&error);
                Self::input(error).hint(hint)
            }
            other => Self::failure(other),
        };
        told.maybe_hint(hint)
    }
}

impl From<RefineError> for UserError {
    fn from(error: RefineError) -> Self {
        match error {
            RefineError::Store(error) => Self::from(error),
            RefineError::WithoutResult { .. } => {
                Self::input(&error).hint("`munas front DIR` lists networks that have one")
            }
            RefineError::Nothing => Self::input(&error).hint("`munas resume DIR` goes on with the search"),
        }
    }
}

impl From<DataChanged> for UserError {
    fn from(error: DataChanged) -> Self {
        Self::from(ExecutionError::from(error))
    }
}

impl From<JournalError> for UserError {
    fn from(error: JournalError) -> Self {
        let told = match error.problem {
            JournalProblem::SchemaVersion { .. }
            | JournalProblem::Corrupted(_)
            | JournalProblem::NotReadable(_) => Self::input(&error.problem),
            _ => Self::failure(&error.problem),
        };
        told.in_file(&error.path).maybe_hint(error.hint())
    }
}

impl From<ModelError> for UserError {
    fn from(error: ModelError) -> Self {
        let told = if error.writing { Self::failure(&error.problem) } else { Self::input(&error.problem) };
        told.in_file(&error.path)
    }
}

impl From<TrainError> for UserError {
    fn from(error: TrainError) -> Self {
        match error {
            TrainError::Diverged { .. } => Self::failure(&error).hint("a smaller --learning-rate may help"),
            TrainError::Stopped { .. } => Self::failure(error),
            _ => Self::input(error),
        }
    }
}

/// What to do about a bound that nothing meets; a rate sets one on the latency.
fn bound_hint(error: &SearchError) -> String {
    let of_rate = match error {
        SearchError::NothingFeasible { nearest, .. } if nearest.objective == Objective::Latency => {
            ", lower the rate if there is one (--rate, `board.rate`)"
        }
        _ => "",
    };
    format!("loosen the bound{of_rate}, or make it soft: leave it out of `bounds.hard`")
}
