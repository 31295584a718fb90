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

/// Bytes of weights and of tables.
pub fn constants(graph: &Graph) -> (u64, u64) {
    let layers = graph.ops().filter_map(|(op, _)| graph.weight_dims(op));
    layers.fold((0, 0), |(weights, tables), dims| {
        (weights + dims.kernel_len() as u64, tables + TABLE_BYTES * dims.outputs as u64)
    })
}

#[cfg(test)]
mod tests;
