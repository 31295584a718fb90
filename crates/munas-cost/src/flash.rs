//! What a network takes of a board's program memory: weights and tables, which are counted, and code, which is estimated.
//!
//! | part | bytes |
//! |---|---|
//! | weights | one for each element of a kernel |
//! | tables | nine for each output of a layer with weights: bias and multiplier of four each, and a shift |
//! | code | of the functions that the network calls, of each kind once, and of each operator its description and its call |
//!
//! The bytes of code are those of [`CodeModel`](crate::CodeModel).

use munas_ir::Graph;

use crate::boards::Board;

/// Bytes that the tables have for each output of a layer with weights.
const TABLE_BYTES: u64 = 9;

/// What a network takes of a board's program memory, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlashEstimate {
    /// Weights, exact.
    pub weights: u64,
    /// Biases, multipliers and shifts, exact.
    pub tables: u64,
    /// Code, an estimate.
    pub code: u64,
}

impl FlashEstimate {
    /// All of it.
    pub const fn total(&self) -> u64 {
        self.weights + self.tables + self.code
    }
}

/// What the graph's firmware takes of a board's program memory.
pub fn flash(graph: &Graph, board: &Board) -> FlashEstimate {
    let (weights, tables) = constants(graph);
    FlashEstimate { weights, tables, code: board.core.code.code(graph).round() as u64 }
}

/// What firmware has besides the network: how raw values become inputs, and what classes are called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Whether raw values are converted in integers; else in floating point.
    pub in_integers: bool,
    /// Number of channels that have constants of their own; 0 where all have the same.
    pub own_channels: u64,
    /// Bytes of the names of the classes, those that end them among them.
    pub names: u64,
}

/// Bytes of program memory that the interface takes on a board.
pub fn interface_flash(interface: &Interface, board: &Board) -> u64 {
    let Interface { in_integers, own_channels, names } = *interface;
    let input = board.core.code.input;
    // Zero, factor and rest; or scale and offset.
    let (code, constants) = if in_integers { (input.integers, 12) } else { (input.floats, 8) };
    code.round() as u64 + constants * own_channels + names
}

/// Bytes of weights and of tables.
pub fn constants(graph: &Graph) -> (u64, u64) {
    let layers = graph.ops().filter_map(|(op, _)| graph.weight_dims(op));
    layers.fold((0, 0), |(weights, tables), dims| {
        (weights + dims.kernel_len() as u64, tables + TABLE_BYTES * dims.outputs as u64)
    })
}

#[cfg(test)]
mod tests;
