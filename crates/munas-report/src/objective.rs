//! Objectives and their values in words.

use munas_search::Objective;

use crate::units;

/// What an objective is called in text.
pub const fn objective_title(objective: Objective) -> &'static str {
    match objective {
        Objective::Error => "validation error",
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
