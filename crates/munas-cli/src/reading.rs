//! Data that a command reads, and what is said of them.

use munas_app::UserResult;
use munas_app::experiment::load_dataset;
use munas_data::Dataset;
use munas_run::Draft;

use crate::output::Output;

/// Loads the data of a draft, and says what the user should know about them.
///
/// # Errors
/// If they cannot be found or read.
pub fn load(draft: &Draft, output: &mut Output) -> UserResult<Dataset> {
    let dataset = load_dataset(draft)?;
    output.warnings(&dataset.warnings);
    Ok(dataset)
}

/// As [`load`], to train on them: says besides how they were understood.
///
/// # Errors
/// As [`load`].
pub fn load_to_train(draft: &Draft, output: &mut Output) -> UserResult<Dataset> {
    let dataset = load(draft, output)?;
    output.understood(&dataset.facts);
    Ok(dataset)
}
