//! Latency of a network on a board: an estimate from [counts of instructions](crate::instruction_models).
//!
//! cycles = instructions × cycles per instruction of the core, milliseconds = cycles / clock.

use munas_ir::{Graph, OpId};

use crate::boards::Board;
use crate::instructions::{CountUnit, InstructionModel, OperatorKind};
use crate::layers::{LayerCost, layer_cost};

/// What one inference takes on a board.
#[derive(Clone, Debug, PartialEq)]
pub struct LatencyEstimate {
    /// Executed instructions; `None` where the core's model counts cycles.
    pub instructions: Option<u64>,
    /// Cycles of the core.
    pub cycles: u64,
    /// Time at the board's clock.
    pub milliseconds: f64,
    /// The mean relative error of the fitted counts. The assumed cycles per instruction add to it.
    pub count_error: f64,
    /// What each operator takes, in the graph's order.
    pub operators: Vec<OperatorLatency>,
}

/// What one operator takes on a board.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OperatorLatency {
    /// The operator, as its [`LayerCost`] names it.
    pub op: OpId,
    /// Cycles of the core.
    pub cycles: f64,
    /// Time at the board's clock.
    pub milliseconds: f64,
}

/// Estimates what one inference of the graph takes on a board.
pub fn latency(graph: &Graph, board: &Board) -> LatencyEstimate {
    latency_of(graph.ops().map(|(op, node)| (OperatorKind::of(node.op), layer_cost(graph, op))), board)
}

/// Estimates what these operators take on a board, one after the other.
pub fn latency_of(
    operators: impl IntoIterator<Item = (OperatorKind, LayerCost)>,
    board: &Board,
) -> LatencyEstimate {
    let model = board.core.instructions;
    let operators: Vec<OperatorLatency> = operators
        .into_iter()
        .map(|(kind, cost)| {
            let cycles = model.operators.of(kind).count(&cost) * board.core.cycles_per_instruction;
            OperatorLatency { op: cost.op, cycles, milliseconds: milliseconds(cycles, board) }
        })
        .collect();
    let cycles: f64 = operators.iter().map(|operator| operator.cycles).sum();
    let milliseconds = milliseconds(cycles, board);
    let instructions = (cycles / board.core.cycles_per_instruction).round() as u64;
    LatencyEstimate {
        instructions: (model.unit == CountUnit::Instructions).then_some(instructions),
        cycles: cycles.round() as u64,
        milliseconds,
        count_error: model.mean_error,
        operators,
    }
}

/// The time of one inference on a board: [`latency`] without its details, for a search that asks often.
pub fn latency_ms(graph: &Graph, board: &Board) -> f64 {
    let counts = graph.ops().map(|(op, _)| count(graph, op, board.core.instructions));
    milliseconds(counts.sum::<f64>() * board.core.cycles_per_instruction, board)
}

fn count(graph: &Graph, op: OpId, model: &InstructionModel) -> f64 {
    model.operators.of(OperatorKind::of(graph.node(op).op)).count(&layer_cost(graph, op))
}

fn milliseconds(cycles: f64, board: &Board) -> f64 {
    cycles / board.clock_hz as f64 * 1e3
}

#[cfg(test)]
mod tests;
