//! What the page is told, as JSON. Names are short where there are many of them.

use std::path::Path;

use munas_app::records::FinalistJson;
use munas_report::{objective_text, objective_title};
use munas_run::{RunReader, TrialRecord};
use munas_search::{Objective, Unit};
use serde::Serialize;

/// One of the runs.
#[derive(Debug, Serialize)]
pub struct RunJson {
    /// Its number.
    pub run: usize,
    /// The name of its directory.
    pub name: String,
    /// Its directory.
    pub dir: String,
    /// Whether a process works on it.
    pub active: bool,
    /// Trials with a result.
    pub results: usize,
}

/// The runs there are.
#[derive(Debug, Serialize)]
pub struct RunsJson {
    /// Those that can be read.
    pub runs: Vec<RunJson>,
    /// What is wrong with the others, and where.
    pub unreadable: Vec<String>,
}

/// What was asked for: it stays as it is.
#[derive(Debug, Serialize)]
pub struct AskedJson {
    /// The name of the run's directory.
    run: String,
    dir: String,
    data: String,
    /// Height, width, channels.
    input: [usize; 3],
    classes: usize,
    algorithm: String,
    space: String,
    /// Of a whole training.
    epochs: u32,
    /// The epochs after which trials may rest, with the last one.
    rungs: Vec<u32>,
    board: Option<String>,
    /// What drives the search.
    error_title: String,
    objectives: Vec<ObjectiveJson>,
}

/// A resource or the error, with its bound.
#[derive(Debug, Serialize)]
struct ObjectiveJson {
    /// The field of [`TrialJson`].
    field: &'static str,
    title: String,
    /// `share`, `bytes`, `operations`, `milliseconds`, `millijoules`.
    unit: &'static str,
    bound: Option<f64>,
    bound_text: Option<String>,
    hard: bool,
}

impl AskedJson {
    /// Of a run.
    pub fn of(reader: &RunReader) -> Self {
        let (experiment, task) = (reader.experiment(), reader.task());
        let bounds = &experiment.bounds;
        let objective = |objective: Objective| ObjectiveJson {
            field: field(objective),
            title: objective_title(objective, experiment.terms()).to_owned(),
            unit: match objective.unit() {
                Unit::Share => "share",
                Unit::Bytes => "bytes",
                Unit::Operations => "operations",
                Unit::Milliseconds => "milliseconds",
                Unit::Millijoules => "millijoules",
            },
            bound: bounds.get(objective),
            bound_text: bounds.get(objective).map(|bound| objective_text(objective, bound)),
            hard: bounds.is_hard(objective),
        };
        let has = |objective: &Objective| !objective.needs_board() || experiment.board.is_some();
        Self {
            run: directory_name(reader.dir()),
            dir: reader.dir().display().to_string(),
            data: task.dataset.clone(),
            input: [task.input.height, task.input.width, task.input.channels],
            classes: task.classes(),
            algorithm: experiment.search.algorithm.to_string(),
            space: experiment.space.kind().to_string(),
            epochs: experiment.train.epochs,
            rungs: experiment.rungs(),
            board: experiment.board.as_ref().map(|choice| choice.board.name.clone()),
            error_title: experiment.search.driving().title(),
            objectives: Objective::ALL.into_iter().filter(has).map(objective).collect(),
        }
    }
}

/// What a directory is called.
pub fn directory_name(dir: &Path) -> String {
    dir.file_name().unwrap_or(dir.as_os_str()).to_string_lossy().into_owned()
}

/// The field of a trial that has its value of an objective.
const fn field(objective: Objective) -> &'static str {
    match objective {
        Objective::Error => "e",
        Objective::PeakMemory => "m",
        Objective::ModelSize => "z",
        Objective::Macs => "c",
        Objective::Latency => "l",
        Objective::Energy => "j",
        Objective::Flash => "f",
    }
}

/// A trial.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TrialJson {
    /// Its number.
    t: u64,
    /// Its state.
    s: &'static str,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    /// The error that drives the search, and its standard error.
    e: Option<f64>,
    se: Option<f64>,
    /// Errors in floats: of the validation part, of the test part; in int8 of the validation part.
    v: Option<f64>,
    te: Option<f64>,
    i: Option<f64>,
    /// Peak memory as the search counts it, model size (bytes), MACs.
    m: u64,
    z: u64,
    c: u64,
    /// Latency, energy and flash on the board.
    l: Option<f64>,
    j: Option<f64>,
    f: Option<u64>,
    /// Epochs of a whole training, and of what the result is of.
    ep: u32,
    tr: u32,
    /// The order of its latest result.
    a: Option<u64>,
    /// Seconds that its trainings took.
    d: Option<f64>,
    /// Whether it is within all bounds.
    b: bool,
}

impl TrialJson {
    /// Whether it was trained, at least in part.
    pub fn has_result(&self) -> bool {
        self.v.is_some()
    }

    /// A trial of a run.
    pub fn of(record: &TrialRecord, reader: &RunReader) -> Self {
        let (outcome, resources) = (record.outcome(), &record.candidate.resources);
        let board = &record.candidate.on_board;
        Self {
            t: record.trial,
            s: record.state.name(),
            why: match &record.state {
                munas_run::TrialState::Failed(reason) => Some(reason.clone()),
                _ => None,
            },
            e: record.error(),
            se: record.stderr(),
            v: outcome.map(|outcome| outcome.validation_error),
            te: outcome.map(|outcome| outcome.test_error),
            i: outcome.and_then(|outcome| outcome.int8_error),
            m: resources.bounded_peak(),
            z: resources.model_size,
            c: resources.macs,
            l: board.latency_ms,
            j: board.energy_mj,
            f: board.flash,
            ep: record.candidate.epochs,
            tr: outcome.map_or(0, |outcome| outcome.epochs),
            a: record.arrival,
            d: outcome.map(|outcome| outcome.train_seconds),
            b: record.in_bounds(&reader.experiment().bounds),
        }
    }
}

/// A training that goes on: validation errors epoch by epoch.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CurveJson {
    /// The trial.
    pub t: u64,
    /// Epochs of a whole training.
    pub ep: u32,
    /// Validation errors.
    pub e: Vec<f64>,
}

/// How far the search is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SessionJson {
    /// Whether a process works on the run.
    pub active: bool,
    /// Trials side by side.
    pub workers: u64,
    /// Trials at which it ends; null if nothing but the time ends it.
    pub limit: Option<u64>,
    /// Unix time in milliseconds.
    pub started_ms: u64,
    /// Why it ended.
    pub end_reason: Option<String>,
    /// Of the time limit.
    pub seconds_left: Option<u64>,
}

/// What is new.
#[derive(Debug, Serialize)]
pub struct NewsJson {
    /// What there was to know then; to ask for what is newer.
    pub version: u64,
    /// Trials that are new or have changed.
    pub trials: Vec<TrialJson>,
    /// All trainings that go on.
    pub curves: Vec<CurveJson>,
    /// The latest session.
    pub session: Option<SessionJson>,
    /// All networks that were trained anew.
    pub finalists: Vec<FinalistJson>,
}
