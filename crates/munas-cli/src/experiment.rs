//! From arguments to an experiment, and from an experiment to its data.

use std::path::Path;

use munas_data::{DataError, Dataset, Source};
use munas_run::presets::Preset;
use munas_run::{Draft, Experiment, Machine, Task};

use crate::args::MovedData;
use crate::error::{CliError, CliResult, read_input};
use crate::output::Output;

/// Where an experiment's values come from, before overrides.
#[derive(Clone, Copy, Debug)]
pub enum Base<'a> {
    /// A file of the user's.
    File(&'a Path),
    /// A published experiment.
    Preset(&'a str),
    /// The built-in defaults alone.
    Defaults,
}

/// The experiment of a base with `key=value` overrides.
///
/// # Errors
/// If the file or preset cannot be read, or a value is wrong.
pub fn draft(base: Base<'_>, overrides: &[String]) -> CliResult<Draft> {
    match base {
        Base::File(path) => {
            let text = read_input(path)?;
            Draft::from_toml(&text, overrides).map_err(|error| {
                // What is wrong with an override is not in the file.
                let is_in_file = Draft::from_toml(&text, &[]).as_ref().err() == Some(&error);
                let told = CliError::from(error);
                if is_in_file { told.in_file(path) } else { told }
            })
        }
        Base::Preset(name) => Ok(Preset::draft(name, overrides)?),
        Base::Defaults => Ok(Draft::from_toml("", overrides)?),
    }
}

/// Loads the data of a draft, and says what the user should know about them.
///
/// # Errors
/// If they cannot be found or read.
pub fn load_dataset(draft: &Draft, output: &mut Output) -> CliResult<Dataset> {
    let dataset = draft.preliminary()?.load_data()?;
    output.warnings(&dataset.warnings);
    Ok(dataset)
}

/// Loads the data of a draft to train on them, says besides how they were understood, and resolves the draft with them.
///
/// # Errors
/// As [`load_dataset`], and if there is nothing to train on, or the data do not go with the experiment.
pub fn resolve(draft: &Draft, output: &mut Output) -> CliResult<(Experiment, Dataset)> {
    let dataset = load_dataset(draft, output)?;
    output.understood(&dataset.facts);
    if dataset.train.is_empty() {
        return Err(CliError::input(format_args!("{} has no training samples", dataset.name))
            .hint("an archive of x_test and y_test alone is for evaluation; add x_train and y_train"));
    }
    Ok((draft.resolve(&dataset, &Machine::here(&dataset))?, dataset))
}

/// As [`resolve`], for a search: how large a network it has the time to train is measured where that is left open.
///
/// # Errors
/// As [`resolve`].
pub fn resolve_to_search(draft: &Draft, output: &mut Output) -> CliResult<(Experiment, Dataset)> {
    let (experiment, dataset) = resolve(draft, output)?;
    if !draft.leaves_training_cost_open() {
        return Ok((experiment, dataset));
    }
    let machine = Machine::measured(&experiment, &dataset);
    Ok((draft.resolve(&dataset, &machine)?, dataset))
}

/// Checks that `--data` names a source of data, which gives a better hint than the experiment's key of it.
///
/// # Errors
/// If there is no such source.
pub fn check_source(data: Option<&str>) -> CliResult {
    if let Some(text) = data {
        text.parse::<Source>()?;
    }
    Ok(())
}

/// Loads the data of a run from where they are now. What there is to say about them was said when it began.
///
/// # Errors
/// If they cannot be found or read, or are not those of the run's task.
pub fn load_data_of_run(experiment: &Experiment, task: &Task, moved: &MovedData) -> CliResult<Dataset> {
    check_source(moved.data.as_deref())?;
    if let Some(Ok(Source::Packed(path))) = moved.data.as_deref().map(str::parse) {
        // How the run's data were read and split is in the file, whatever the experiment says of it.
        let dataset = Dataset::open_packed(&path)?;
        task.require_same(&Task::of(&dataset))?;
        return Ok(dataset);
    }
    let mut experiment = experiment.clone();
    if let Some(source) = &moved.data {
        experiment.data.source.clone_from(source);
    }
    if moved.data_dir.is_some() {
        experiment.data.dir.clone_from(&moved.data_dir);
    }
    let dataset = experiment.load_data().map_err(|error| of_run(error, task))?;
    task.require_same(&Task::of(&dataset))?;
    Ok(dataset)
}

/// An error about the data of a run. How they are read is settled, so what helps is another thing than in a new search.
fn of_run(error: DataError, task: &Task) -> CliError {
    let hint = match error {
        DataError::Refused { .. } => {
            Some(format!("the run was made with {} as it was then: put the files in order", task.dataset))
        }
        DataError::TooLarge { .. } => {
            Some("`data.memory` in the run's experiment.toml allows more".to_owned())
        }
        _ => None,
    };
    CliError::from(error).maybe_hint(hint)
}
