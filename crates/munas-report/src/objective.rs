//! Objectives and their values in words.

use munas_run::Metric;
use munas_search::Objective;

use crate::units;

/// What an objective is called in text, where this is the metric of the error.
pub const fn objective_title(objective: Objective, metric: Metric) -> &'static str {
    match objective {
        Objective::Error => match metric {
            Metric::Error => "validation error",
            Metric::Balanced => "balanced validation error",
            Metric::MacroF1 => "macro-F1 error of validation",
        },
        Objective::PeakMemory => "peak memory",
        Objective::ModelSize => "model size",
        Objective::Macs => "MACs",
        Objective::Latency => "latency",
    }
}

/// How a value of an objective is written, with its unit.
pub fn objective_text(objective: Objective, value: f64) -> String {
    match objective {
        Objective::Error => units::percent(value),
        Objective::PeakMemory | Objective::ModelSize => units::bytes(value as u64),
        Objective::Macs => units::count(value as u64),
        Objective::Latency => format!("{value:.1} ms"),
    }
}

/// Heads of the columns of errors: of validation with its standard error, if there is one, and of the test.
pub fn error_heads(metric: Metric, with_stderr: bool) -> [String; 2] {
    let spread = if with_stderr { " ± s.e." } else { "" };
    [format!("val. {}{spread}", metric.title()), format!("test {}", metric.title())]
}
