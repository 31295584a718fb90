//! `munas boards`: the microcontrollers that searches can be fitted to.

use munas_cost::boards::{Board, BoardBounds, builtin};
use munas_report::{Align, Table, units};
use serde::Serialize;

use crate::args::Format;
use crate::error::CliResult;
use crate::output::Output;

#[derive(Debug, Serialize)]
struct BoardJson<'a> {
    name: &'a str,
    aliases: &'a [String],
    description: &'a str,
    core: &'a str,
    clock_hz: u64,
    ram: u64,
    flash: u64,
    /// The bounds that the board sets: its usable RAM and flash.
    max_peak_memory: u64,
    max_flash: u64,
    active_power_mw: Option<f64>,
    /// An assumption; instructions are counted, cycles are not.
    cycles_per_instruction: f64,
}

impl<'a> BoardJson<'a> {
    fn new(board: &'a Board) -> Self {
        let BoardBounds { peak_memory, flash } = board.bounds();
        Self {
            name: &board.name,
            aliases: &board.aliases,
            description: &board.description,
            core: &board.core.name,
            clock_hz: board.clock_hz,
            ram: board.ram,
            flash: board.flash,
            max_peak_memory: peak_memory,
            max_flash: flash,
            active_power_mw: board.active_power_mw,
            cycles_per_instruction: board.core.cycles_per_instruction,
        }
    }
}

/// Prints the table.
pub fn run(format: Format, output: &mut Output) -> CliResult {
    let boards = builtin().boards();
    if format.json {
        output.json(&boards.iter().map(BoardJson::new).collect::<Vec<_>>())?;
        return Ok(());
    }
    let left = |title| (title, Align::Left);
    let right = |title| (title, Align::Right);
    let mut table = Table::new(&[
        left("board"),
        left("core"),
        right("clock"),
        right("RAM"),
        right("flash"),
        right("peak memory"),
        right("for a network"),
        left("what it is"),
    ]);
    for board in boards {
        let BoardBounds { peak_memory, flash } = board.bounds();
        table.row([
            board.name.clone(),
            board.core.name.clone(),
            format!("{} MHz", board.clock_hz / 1_000_000),
            units::bytes(board.ram),
            units::bytes(board.flash),
            units::bytes(peak_memory),
            units::bytes(flash),
            board.description.clone(),
        ]);
    }
    output.text(table.render())?;
    output.line(
        "\nPeak memory and the flash for a network are the bounds that --board sets: the usable share of RAM and flash.\n\
         Milliseconds are estimates from instruction counts. A table of your own: [board] name = \"…\", file = \"boards.toml\".",
    )?;
    Ok(())
}
