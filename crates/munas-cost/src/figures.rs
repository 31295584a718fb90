//! The figures of a board that a search bounds.

use munas_ir::Graph;

use crate::boards::Board;
use crate::energy::energy;
use crate::flash::flash;
use crate::latency::latency_ms;

/// What a network takes on a board, as far as it is known.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct BoardFigures {
    /// Milliseconds of one inference.
    pub latency_ms: Option<f64>,
    /// Millijoules of one inference, where the board's power is known; at a rate, with the sleep until the next one.
    pub energy_mj: Option<f64>,
    /// Bytes of program memory: weights, tables and code.
    pub flash: Option<u64>,
}

/// What the graph takes on a board: [`latency()`](crate::latency()), [`energy()`] and [`flash()`] without their details, for a search
/// that asks often. `rate` is the inferences per second; `None`: one alone, without any sleep.
pub fn board_figures(graph: &Graph, board: &Board, rate: Option<f64>) -> BoardFigures {
    let milliseconds = latency_ms(graph, board);
    BoardFigures {
        latency_ms: Some(milliseconds),
        energy_mj: board.power.as_ref().map(|power| energy(milliseconds, power, rate).total() / 1e3),
        flash: Some(flash(graph, board).total()),
    }
}
