//! From what users ask for to an experiment, and from an experiment to its data.

use std::path::{Path, PathBuf};

use munas_data::{DataError, Dataset, Source};
use munas_run::presets::Preset;
use munas_run::{Draft, Experiment, Machine, OWN_ARRAYS, Task};

use crate::error::{UserError, UserResult, read_input};

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
pub fn draft(base: Base<'_>, overrides: &[String]) -> UserResult<Draft> {
    match base {
        Base::File(path) => {
            let text = read_input(path)?;
            Draft::from_toml(&text, overrides).map_err(|error| {
                // What is wrong with an override is not in the file.
                let is_in_file = Draft::from_toml(&text, &[]).as_ref().err() == Some(&error);
                let told = UserError::from(error);
                if is_in_file { told.in_file(path) } else { told }
            })
        }
        Base::Preset(name) => Ok(Preset::draft(name, overrides)?),
        Base::Defaults => Ok(Draft::from_toml("", overrides)?),
    }
}

/// Loads the data of a draft.
///
/// # Errors
/// If they cannot be found or read.
pub fn load_dataset(draft: &Draft) -> UserResult<Dataset> {
    Ok(draft.preliminary()?.load_data()?)
}

/// The experiment of a draft on these data, to train one network.
///
/// # Errors
/// If there is nothing to train on, or the data do not go with the experiment.
pub fn resolve(draft: &Draft, dataset: &Dataset) -> UserResult<Experiment> {
    if dataset.train.is_empty() {
        return Err(UserError::input(format_args!("{} has no training samples", dataset.name))
            .hint("an archive of x_test and y_test alone is for evaluation; add x_train and y_train"));
    }
    Ok(draft.resolve(dataset, &Machine::here(dataset))?)
}

/// As [`resolve`], for a search: how large a network it has the time to train is measured where that is left open, and a teacher
/// is read, since a run whose teacher cannot be read would be left behind empty.
///
/// # Errors
/// As [`resolve`], and if the teacher cannot be read.
pub fn resolve_to_search(draft: &Draft, dataset: &Dataset) -> UserResult<Experiment> {
    let mut experiment = resolve(draft, dataset)?;
    if draft.leaves_training_cost_open() {
        experiment = draft.resolve(dataset, &Machine::measured(&experiment, dataset))?;
    }
    experiment.train_settings(dataset)?;
    Ok(experiment)
}

/// Checks that `--data` names a source of data, which gives a better hint than the experiment's key of it.
///
/// # Errors
/// If there is no such source.
pub fn check_source(data: Option<&str>) -> UserResult {
    if let Some(text) = data {
        text.parse::<Source>()?;
    }
    Ok(())
}

/// Where a run's own data are now, if they have moved. They must be the same as in the search.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// The source: `images:DIR`, `npz:FILE`, …
    pub source: Option<String>,
    /// Where the files of named datasets are.
    pub data_dir: Option<PathBuf>,
}

/// Loads the data of the run in `dir` from where they are now. What there is to say about them was said when it began.
///
/// # Errors
/// If they cannot be found or read, or are not those of the run's task.
pub fn load_data_of_run(
    dir: &Path,
    experiment: &Experiment,
    task: &Task,
    moved: &Moved,
) -> UserResult<Dataset> {
    check_source(moved.source.as_deref())?;
    if let Some(Ok(Source::Packed(path))) = moved.source.as_deref().map(str::parse) {
        // How the run's data were read and split is in the file, whatever the experiment says of it.
        let dataset = Dataset::open_packed(&path)?;
        task.require_same(&Task::of(&dataset))?;
        return Ok(dataset);
    }
    let mut experiment = experiment.clone();
    if let Some(source) = moved.source.clone().or_else(|| moved_with_run(dir, &experiment)) {
        experiment.data.source = source;
    }
    if moved.data_dir.is_some() {
        experiment.data.dir.clone_from(&moved.data_dir);
    }
    let dataset = experiment.load_data().map_err(|error| of_run(error, task))?;
    task.require_same(&Task::of(&dataset))?;
    Ok(dataset)
}

/// The source of arrays that moved with the run that they are kept in.
fn moved_with_run(dir: &Path, experiment: &Experiment) -> Option<String> {
    let Ok(Source::Npz(path)) = experiment.data.source.parse() else { return None };
    let here = dir.join(OWN_ARRAYS);
    let has_moved = path.ends_with(OWN_ARRAYS) && !path.exists() && here.exists();
    has_moved.then(|| npz_source(&here))
}

/// How an archive of arrays is named as a source.
pub fn npz_source(path: &Path) -> String {
    format!("npz:{}", path.display())
}

/// An error about the data of a run. How they are read is settled, so what helps is another thing than in a new search.
fn of_run(error: DataError, task: &Task) -> UserError {
    let hint = match error {
        DataError::Refused { .. } => {
            Some(format!("the run was made with {} as it was then: put the files in order", task.dataset))
        }
        DataError::TooLarge { .. } => {
            Some("`data.memory` in the run's experiment.toml allows more".to_owned())
        }
        _ => None,
    };
    UserError::from(error).maybe_hint(hint)
}
