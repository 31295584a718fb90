//! What a run has come to, as JSON.

use std::path::PathBuf;

use munas_app::experiment::{Base, draft};
use munas_app::records::{EpochJson, StatusJson, TrialJson};
use munas_app::{UserResult, report_page};
use munas_run::{
    RunReader, StoreError, front as front_of_run, status as status_of_run, trial as trial_of_run,
};
use munas_search::Bounds;
use pyo3::prelude::*;
use serde::Serialize;

use crate::errors::{json, told};

/// One trial, with the curve of its training.
#[derive(Serialize)]
struct DetailsJson {
    #[serde(flatten)]
    trial: TrialJson,
    curve: Vec<EpochJson>,
}

/// How far a run is.
#[pyfunction]
pub fn status(py: Python<'_>, dir: PathBuf) -> PyResult<String> {
    let reader = told(py, RunReader::open(&dir))?;
    let (status, found) = (told(py, status_of_run(&reader))?, told(py, munas_run::finalists(&reader))?);
    json(py, &StatusJson::new(&status, &found, &reader))
}

/// The Pareto front of a run, as far as it is within limits, which are overrides of `bounds`.
#[pyfunction]
pub fn front(py: Python<'_>, dir: PathBuf, limits: Vec<String>) -> PyResult<String> {
    let found = (|| -> UserResult<Vec<TrialJson>> {
        let limits = bounds(&limits)?;
        let reader = RunReader::open(&dir)?;
        let mut front = front_of_run(&reader)?;
        front.retain(|record| record.in_bounds(&limits));
        Ok(TrialJson::list(&front, &reader)?)
    })();
    json(py, &told(py, found)?)
}

/// The limits that overrides of `bounds` set.
fn bounds(overrides: &[String]) -> UserResult<Bounds> {
    if overrides.is_empty() {
        return Ok(Bounds::default());
    }
    // Of an experiment on any data, its bounds are looked at.
    let overrides: Vec<String> = overrides.iter().cloned().chain(["data.source=glyphs".to_owned()]).collect();
    Ok(draft(Base::Defaults, &overrides)?.preliminary()?.bounds)
}

/// All trials of a run.
#[pyfunction]
pub fn trials(py: Python<'_>, dir: PathBuf) -> PyResult<String> {
    let found = RunReader::open(&dir).and_then(|reader| TrialJson::list(&reader.trials()?, &reader));
    json(py, &told(py, found)?)
}

/// One trial.
#[pyfunction]
pub fn trial(py: Python<'_>, dir: PathBuf, number: u64) -> PyResult<String> {
    let found = (|| -> Result<DetailsJson, StoreError> {
        let reader = RunReader::open(&dir)?;
        let details = trial_of_run(&reader, number)?;
        let finalists = munas_run::finalists(&reader)?;
        Ok(DetailsJson {
            trial: TrialJson::new(&details.record, &reader, &finalists),
            curve: details.curve.iter().map(EpochJson::from).collect(),
        })
    })();
    json(py, &told(py, found)?)
}

/// The text of a run's experiment file, with every value.
#[pyfunction]
pub fn experiment(py: Python<'_>, dir: PathBuf) -> PyResult<String> {
    Ok(told(py, RunReader::open(&dir))?.experiment().to_toml())
}

/// Names of the classes, in order.
#[pyfunction]
pub fn class_names(py: Python<'_>, dir: PathBuf) -> PyResult<Vec<String>> {
    Ok(told(py, RunReader::open(&dir))?.task().class_names.clone())
}

/// Height, width and channels of a sample, and the layout by which arrays become such.
#[pyfunction]
pub fn input_shape(py: Python<'_>, dir: PathBuf) -> PyResult<([usize; 3], String)> {
    let reader = told(py, RunReader::open(&dir))?;
    let input = reader.task().input;
    Ok(([input.height, input.width, input.channels], reader.experiment().data.layout.to_string()))
}

/// A run as one HTML page.
#[pyfunction]
pub fn report(py: Python<'_>, dir: PathBuf) -> PyResult<String> {
    let page =
        py.detach(|| RunReader::open(&dir).map_err(Into::into).and_then(|reader| report_page(&reader)));
    told(py, page)
}
