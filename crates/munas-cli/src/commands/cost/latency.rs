//! What an inference takes on a board: an estimate from instruction counts.

use munas_cost::boards::{Board, find};
use munas_cost::latency;
use munas_ir::Graph;
use munas_report::units;
use serde::Serialize;

use crate::error::{CliError, CliResult};
use crate::output::Output;

/// The estimate, as printed.
#[derive(Debug, Serialize)]
pub struct LatencyRecord {
    board: String,
    /// Null where the core's model counts cycles.
    instructions: Option<u64>,
    cycles: u64,
    milliseconds: f64,
    energy_microjoules: Option<f64>,
    /// Mean relative error of the fitted counts; the cycles per instruction are an assumption beside it.
    count_error: f64,
}

impl LatencyRecord {
    /// Estimates.
    pub fn new(graph: &Graph, board: &Board) -> Self {
        let estimate = latency(graph, board);
        Self {
            board: board.name.clone(),
            instructions: estimate.instructions,
            cycles: estimate.cycles,
            milliseconds: estimate.milliseconds,
            energy_microjoules: estimate.energy_microjoules,
            count_error: estimate.count_error,
        }
    }

    /// Prints the estimate under the other figures.
    pub fn print(&self, output: &mut Output) -> CliResult {
        let name = format!("on {}", self.board);
        output.line(format_args!(
            "{name:<24}{:>9.2} ms (estimate: {} cycles)",
            self.milliseconds, self.cycles
        ))?;
        if let Some(energy) = self.energy_microjoules {
            output.line(format_args!("{:<24}{energy:>9.1} µJ (estimate)", "energy"))?;
        }
        output.line(format_args!(
            "(from instruction counts, which are off by {} on average, and an assumed number of cycles for each)",
            units::percent(self.count_error)
        ))?;
        Ok(())
    }
}

/// A board of munas's own table.
///
/// # Errors
/// If there is none of this name.
pub fn find_board(name: &str) -> CliResult<&'static Board> {
    find(name).map_err(|error| {
        let hint = match &error.candidates[..] {
            [] => "`munas boards` lists them".to_owned(),
            candidates => format!("did you mean `{}`?", candidates.join("` or `")),
        };
        CliError::input(error).hint(hint)
    })
}
