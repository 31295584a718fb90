//! Objectives and their values in words.

use munas_cost::{MemoryModel, NetworkInput, Runtime};
use munas_run::{COMMON_OBJECTIVES, Driving, DrivingError, Metric, Terms, TrialRecord};
use munas_search::{Objective, Unit};

use crate::units;

/// What an objective is called in text, where its words have these meanings.
pub const fn objective_title(objective: Objective, terms: Terms) -> &'static str {
    match objective {
        Objective::Error => match (terms.driving.metric, terms.driving.error) {
            (Metric::Error, DrivingError::Float) => "validation error",
            (Metric::Error, DrivingError::Int8) => "validation error in int8",
            (Metric::Balanced, DrivingError::Float) => "balanced validation error",
            (Metric::Balanced, DrivingError::Int8) => "balanced validation error in int8",
            (Metric::MacroF1, DrivingError::Float) => "macro-F1 error of validation",
            (Metric::MacroF1, DrivingError::Int8) => "macro-F1 error of validation in int8",
        },
        Objective::PeakMemory => memory_title(terms.memory),
        Objective::ModelSize => "model size",
        Objective::Macs => "MACs",
        Objective::Latency => "latency",
        Objective::Energy => "energy",
        Objective::Flash => "flash",
    }
}

/// What peak memory is called where it counts this.
pub const fn memory_title(memory: MemoryModel) -> &'static str {
    match (memory.runtime, memory.input) {
        (Runtime::Layers, NetworkInput::External) => "peak memory",
        (Runtime::Layers, NetworkInput::Buffer | NetworkInput::Rows) => "peak memory with input",
        (Runtime::Streamed, NetworkInput::External) => "streamed peak memory",
        (Runtime::Streamed, NetworkInput::Buffer | NetworkInput::Rows) => "streamed peak memory with input",
    }
}

/// A short form of [`memory_title`], for tables and lines.
pub const fn memory_head(memory: MemoryModel) -> &'static str {
    match memory.runtime {
        Runtime::Layers => memory_title(memory),
        Runtime::Streamed => "streamed peak",
    }
}

/// How a value of an objective is written, with its unit.
pub fn objective_text(objective: Objective, value: f64) -> String {
    match objective.unit() {
        Unit::Share => units::percent(value),
        Unit::Bytes => units::bytes(value as u64),
        Unit::Operations => units::count(value as u64),
        Unit::Milliseconds => format!("{value:.2} ms"),
        Unit::Millijoules => units::millijoules(value),
    }
}

/// Heads of the columns of errors: of validation, of validation in int8 and of the test; that which drives the search comes with its
/// standard error, if there is one.
pub fn error_heads(driving: Driving, with_stderr: bool) -> [String; 3] {
    let metric = driving.metric.title();
    let spread = |error: DrivingError| if with_stderr && error == driving.error { " ± s.e." } else { "" };
    [
        format!("val. {metric}{}", spread(DrivingError::Float)),
        format!("in int8{}", spread(DrivingError::Int8)),
        format!("test {metric}"),
    ]
}

/// The errors of a trial under those heads.
pub fn error_cells(trial: &TrialRecord) -> [String; 3] {
    let (outcome, metric) = (trial.outcome(), trial.driving.metric);
    let stderr = |error: DrivingError| trial.stderr().filter(|_| error == trial.driving.error);
    let float = outcome.and_then(|outcome| outcome.validation(metric));
    let in_int8 = outcome.and_then(|outcome| outcome.in_int8(metric));
    [
        units::percent_with_or_dash(float, stderr(DrivingError::Float)),
        units::percent_with_or_dash(in_int8, stderr(DrivingError::Int8)),
        units::percent_or_dash(outcome.and_then(|outcome| outcome.test(metric))),
    ]
}

/// The objectives beside the common ones that some of the trials have a value of.
pub fn further_objectives(trials: &[TrialRecord]) -> Vec<Objective> {
    let is_known = |objective: &Objective| {
        !COMMON_OBJECTIVES.contains(objective)
            && trials.iter().any(|trial| trial.candidate.objectives(None)[*objective].is_some())
    };
    Objective::ALL.into_iter().filter(is_known).collect()
}

/// The value of an objective, or a dash where there is none.
pub fn objective_cell(trial: &TrialRecord, objective: Objective) -> String {
    let value = trial.candidate.objectives(trial.error())[objective];
    value.map_or_else(|| "–".to_owned(), |value| objective_text(objective, value))
}
