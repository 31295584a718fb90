//! New runs, and sessions of runs.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::Sender;

use munas_app::experiment::{
    Base, Moved, check_source, draft, load_data_of_run, load_dataset, resolve_to_search,
};
use munas_app::session::{self, SessionEnd};
use munas_app::{UserError, UserResult, new_run};
use munas_data::Dataset;
use munas_run::experiment::quantity;
use munas_run::{Length, Limits, NetworkCount, RefineWishes, Run, RunReader, Task, plan_finalists, status};
use pyo3::prelude::*;

use crate::attended::{News, attended};
use crate::follower::Follower;

/// What the dataset of a run is called whose samples came as arrays.
pub const ARRAYS: &str = "arrays";

/// Searches in a new run and returns its directory.
///
/// base: ("defaults", ""), ("preset", NAME) or ("file", PATH); overrides: `KEY=VALUE` each; arrays: an archive of them, which
/// moves into the run; out: the run's directory, or None for a new one in `runs`; listener: is called with news.
#[pyfunction]
#[pyo3(signature = (base, overrides, arrays, out, listener))]
pub fn search(
    py: Python<'_>,
    base: (String, String),
    overrides: Vec<String>,
    arrays: Option<PathBuf>,
    out: Option<PathBuf>,
    listener: Option<&Bound<'_, PyAny>>,
) -> PyResult<PathBuf> {
    attended(py, listener, |stop, news| {
        if let Some(dir) = &out {
            // Before minutes go into loading data.
            Run::require_free(dir)?;
        }
        let (kind, name) = &base;
        let path = PathBuf::from(name);
        let draft = match kind.as_str() {
            "preset" => draft(Base::Preset(name), &overrides),
            "file" => draft(Base::File(&path), &overrides),
            _ => draft(Base::Defaults, &overrides),
        }?;
        check_source(Some(&draft.preliminary()?.data.source))?;
        let mut dataset = load_dataset(&draft)?;
        tell_of(&dataset, news);
        if arrays.is_some() {
            ARRAYS.clone_into(&mut dataset.name);
        }
        let experiment = resolve_to_search(&draft, &dataset)?;
        let (limits, task) = (Limits::of(&experiment), Task::of(&dataset));
        let run = match &arrays {
            Some(arrays) => new_run::create_with_arrays(out.as_deref(), &experiment, &task, arrays)?,
            None => new_run::create(out.as_deref(), &experiment, &task)?,
        };
        let dir = run.dir().to_owned();
        news.send(News::Note(format!("run {}", dir.display()))).ok();
        let mut follower = Follower::new(news, stop);
        let SessionEnd { reader, .. } =
            session::search(run, &Arc::new(dataset), None, &limits, stop, &mut follower)?;
        require_some(&reader)?;
        Ok(dir)
    })
}

/// Goes on with a run, until so many trials or for so much time; where its data are now if they have moved.
#[pyfunction]
#[pyo3(signature = (dir, trials, time, moved, listener))]
pub fn resume(
    py: Python<'_>,
    dir: PathBuf,
    trials: Option<u64>,
    time: Option<String>,
    moved: (Option<String>, Option<PathBuf>),
    listener: Option<&Bound<'_, PyAny>>,
) -> PyResult<()> {
    attended(py, listener, |stop, news| {
        let run = Run::open(&dir)?;
        let mut limits = Limits::of(run.experiment());
        limits.trials = trials.unwrap_or(limits.trials);
        limits.time = duration(time.as_deref())?.or(limits.time);
        if status(&RunReader::open(&dir)?)?.ended() >= limits.trials {
            let text =
                format!("all {} trials are done; trials=N with a larger number searches on", limits.trials);
            news.send(News::Note(text)).ok();
        }
        let dataset = load_data_of_run(&dir, run.experiment(), run.task(), &place(moved))?;
        let mut follower = Follower::new(news, stop);
        let SessionEnd { reader, .. } =
            session::search(run, &Arc::new(dataset), None, &limits, stop, &mut follower)?;
        require_some(&reader)
    })
}

/// Trains the best networks of a run anew: so many networks and trainings of each, or those of these trials, so many times as long as in the
/// search, for so much time.
#[pyfunction]
#[pyo3(signature = (dir, trials, networks, seeds, longer, time, moved, listener))]
#[expect(clippy::too_many_arguments, reason = "the arguments of the package's method, one by one")]
pub fn refine(
    py: Python<'_>,
    dir: PathBuf,
    trials: Vec<u64>,
    networks: Option<usize>,
    seeds: Option<u32>,
    longer: Option<f64>,
    time: Option<String>,
    moved: (Option<String>, Option<PathBuf>),
    listener: Option<&Bound<'_, PyAny>>,
) -> PyResult<()> {
    attended(py, listener, |stop, news| {
        let mut run = Run::open(&dir)?;
        let reader = RunReader::open(&dir)?;
        let experiment = reader.experiment();
        let limit = status(&reader)?.trials_limit;
        let time = duration(time.as_deref())?;
        let longer = longer.map(Length::times).transpose();
        let longer = longer.map_err(|error| UserError::input(error).at("longer"))?;
        let limits = Limits { trials: limit, time, ..Limits::of(experiment) };
        let wishes = RefineWishes::of(experiment, limits);
        let wishes = RefineWishes {
            networks: networks.map_or(wishes.networks, NetworkCount::AtMost),
            seeds: seeds.unwrap_or(wishes.seeds),
            trials,
            length: longer.unwrap_or(wishes.length),
            ..wishes
        };
        let plan = plan_finalists(&reader, &wishes)?;
        let dataset = load_data_of_run(&dir, run.experiment(), run.task(), &place(moved))?;
        let mut follower = Follower::new(news, stop);
        session::refine(&mut run, &Arc::new(dataset), None, &plan, stop, &mut follower).map(drop)
    })
}

/// An error if every trial failed.
fn require_some(reader: &RunReader) -> UserResult {
    match status(reader)?.only_failures {
        Some(failure) => Err(session::all_failed(&failure, reader.dir())),
        None => Ok(()),
    }
}

/// Tells what the user should know of data.
pub fn tell_of(dataset: &Dataset, news: &Sender<News>) {
    for warning in &dataset.warnings {
        let hint = warning.hint.as_ref().map(|hint| format!("\nhint: {hint}")).unwrap_or_default();
        news.send(News::Warning(format!("{warning}{hint}"))).ok();
    }
}

fn place((source, data_dir): (Option<String>, Option<PathBuf>)) -> Moved {
    Moved { source, data_dir }
}

fn duration(text: Option<&str>) -> UserResult<Option<std::time::Duration>> {
    text.map(|text| quantity::parse_duration(text).map_err(|error| UserError::input(error).at("time")))
        .transpose()
}
