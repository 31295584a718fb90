//! `munas boards`: the microcontrollers that searches can be fitted to.

use munas_app::UserResult;
use munas_cost::boards::{Board, BoardBounds, Power, PowerBasis, builtin};
use munas_report::{Align, Table, units};
use serde::Serialize;

use crate::args::Format;
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
    /// Milliwatts at the board's clock, code in flash and in RAM, and asleep with all RAM kept; null what is not known.
    active_power_mw: Option<f64>,
    active_from_ram_power_mw: Option<f64>,
    asleep_power_mw: Option<f64>,
    /// What estimates of energy rest on.
    energy_basis: Option<String>,
    /// An assumption; instructions are counted, cycles are not.
    cycles_per_instruction: f64,
}

/// What estimates of energy rest on, in few words.
fn energy_basis(power: Option<&Power>) -> &'static str {
    match power.map(|power| (&power.basis, power.asleep_mw)) {
        None => "–",
        Some((PowerBasis::TypicalPower, _)) => "time × power",
        Some((PowerBasis::Published(_), None)) => "published",
        Some((PowerBasis::Published(_), Some(_))) => "published, sleep",
    }
}

impl<'a> BoardJson<'a> {
    fn new(board: &'a Board) -> Self {
        let BoardBounds { peak_memory, flash } = board.bounds();
        let power = board.power.as_ref();
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
            active_power_mw: power.map(|power| power.active_mw),
            active_from_ram_power_mw: power.and_then(|power| power.active_from_ram_mw),
            asleep_power_mw: power.and_then(|power| power.asleep_mw),
            energy_basis: power.map(|power| power.basis.to_string()),
            cycles_per_instruction: board.core.cycles_per_instruction,
        }
    }
}

/// Prints the table.
pub fn run(format: Format, output: &mut Output) -> UserResult {
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
        left("energy"),
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
            energy_basis(board.power.as_ref()).to_owned(),
            board.description.clone(),
        ]);
    }
    output.text(table.render())?;
    output.line(
        "\nPeak memory and the flash for a network are the bounds that --board sets: the usable share of RAM and flash.\n\
         Milliseconds are estimates from instruction counts. Energy is that time × the power of the data sheet, or rests on currents that\n\
         are published with their conditions, where they are known with the current asleep (--rate); --json has the sources. A table of your own: [board] name = \"…\", file = \"boards.toml\".",
    )?;
    Ok(())
}
