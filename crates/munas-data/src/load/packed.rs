//! Packed data as a source: how they were read and split is settled, and what would do it otherwise is refused.

use std::path::Path;

use super::LoadOptions;
use crate::dataset::Dataset;
use crate::error::DataError;
use crate::folds::Folds;
use crate::group_choice::GroupChoice;

/// The dataset of a packed file. Options that say how other sources are read mean nothing here, and neither does the seed.
///
/// # Errors
/// As [`Dataset::open_packed`]; [`DataError::Advised`] where an option asks for another split or shape than the file has.
pub(super) fn open(path: &Path, options: &LoadOptions) -> Result<Dataset, DataError> {
    let dataset = Dataset::open_packed(path)?;
    if options.background.is_some() && dataset.train.renditions() == 0 {
        return Err(super::no_noise(&dataset.name));
    }
    match conflict(&dataset, options) {
        None => Ok(dataset),
        Some(Conflict { setting, problem, hint }) => Err(DataError::advised(
            path,
            format!("`{setting}` comes too late for packed data: {problem}"),
            hint,
        )),
    }
}

/// A setting that is not what the file was packed with.
struct Conflict {
    /// `data.subset=100`.
    setting: String,
    problem: String,
    hint: String,
}

impl Conflict {
    /// `argument` is how the setting is given on a command line.
    fn new(setting: String, problem: String, argument: &str) -> Self {
        let hint = format!("leave it out, or pack with it: `munas data pack SPEC -o FILE {argument}`");
        Self { setting, problem, hint }
    }

    /// Of a setting about the parts.
    fn of_parts(setting: String) -> Self {
        let argument = format!("--set {setting}");
        Self::new(setting, "their parts are fixed".to_owned(), &argument)
    }
}

fn conflict(dataset: &Dataset, options: &LoadOptions) -> Option<Conflict> {
    let LoadOptions { validation, subset, size, grey, folds, ref groups, .. } = *options;
    let [height, width, channels] = dataset.input;
    if validation != LoadOptions::default().validation {
        return Some(Conflict::of_parts(format!("data.validation={validation}")));
    }
    if let Some(subset) = subset.filter(|&subset| subset < dataset.train.len() + dataset.validation.len()) {
        return Some(Conflict::of_parts(format!("data.subset={subset}")));
    }
    let other_groups = match groups {
        GroupChoice::Auto | GroupChoice::LevelShare => false,
        GroupChoice::None => !dataset.group_names.is_empty(),
        GroupChoice::By(_) => true,
    };
    if other_groups {
        return Some(Conflict::of_parts(format!("data.groups={groups}")));
    }
    if let Folds::Count(count) = folds
        && count != dataset.folds()
    {
        let hint = "`--set search.folds=auto` takes those that they have".to_owned();
        let problem = format!("they have {}", dataset.folds());
        return Some(Conflict { setting: format!("search.folds={count}"), problem, hint });
    }
    let shape = || format!("their samples are {height}x{width}x{channels}");
    if let Some((asked_height, asked_width)) = size.filter(|&size| size != (height, width)) {
        let argument = format!("--size {asked_height}x{asked_width}");
        return Some(Conflict::new(format!("data.size=[{asked_height},{asked_width}]"), shape(), &argument));
    }
    let argument = match grey? {
        true if channels == 3 => "--grey",
        false if channels == 1 => "--colour",
        _ => return None,
    };
    Some(Conflict::new(format!("data.grey={}", channels == 3), shape(), argument))
}
