//! A run as one HTML page.

use std::collections::BTreeMap;

use munas_report::{RunView, detailed, html_report};
use munas_run::{RunReader, finalists, front_of};

use crate::error::UserResult;

/// The page: it needs no other file, and no network.
///
/// # Errors
/// If the journal cannot be read.
pub fn report_page(reader: &RunReader) -> UserResult<String> {
    let trials = reader.trials()?;
    let front = front_of(&trials, &reader.experiment().bounds);
    let shown = detailed(&front, &reader.experiment().bounds);
    let curves: BTreeMap<_, _> =
        shown.iter().map(|&member| Ok((member, reader.curve(member)?))).collect::<UserResult<_>>()?;
    let mut confusions = BTreeMap::new();
    for member in shown {
        confusions.extend(reader.confusions(member)?.map(|found| (member, found)));
    }
    let finalists = finalists(reader)?;
    Ok(html_report(&RunView {
        experiment: reader.experiment(),
        task: reader.task(),
        trials: &trials,
        front: &front,
        finalists: &finalists,
        curves: &curves,
        confusions: &confusions,
    }))
}
