//! What an inference takes on a board: an estimate of its time from instruction counts, of its energy, and the memory beside
//! what there is.

use std::path::Path;

use munas_app::{UserError, UserResult, read_input};
use munas_cost::boards::{Board, BoardTable, builtin};
use munas_cost::{EnergyEstimate, FlashEstimate, LatencyEstimate};
use munas_report::units;
use serde::Serialize;

use crate::output::Output;

/// The estimate, as printed.
#[derive(Debug, Serialize)]
pub struct LatencyRecord {
    board: String,
    /// Null where the core's model counts cycles.
    instructions: Option<u64>,
    cycles: u64,
    milliseconds: f64,
    /// Of one inference, at a rate with the sleep until the next one.
    energy_microjoules: Option<f64>,
    /// What it is made of; null where the board's power is not known.
    energy: Option<EnergyRecord>,
    /// The rate that was asked for.
    rate: Option<RateRecord>,
    /// Mean relative error of the fitted counts; the cycles per instruction are an assumption beside it.
    count_error: f64,
}

/// Microjoules of one inference.
#[derive(Debug, Serialize)]
pub struct EnergyRecord {
    computing: f64,
    /// The same with code and weights in RAM, where the data sheet tells.
    computing_from_ram: Option<f64>,
    /// Until the next inference; null without a rate, and where the board's current asleep is not known.
    asleep: Option<f64>,
    /// What the estimate rests on.
    basis: String,
}

/// Inferences per second, and whether the estimated time leaves room for so many.
#[derive(Debug, Serialize)]
pub struct RateRecord {
    per_second: f64,
    keeps_up: bool,
    /// Share of the time in which the core computes.
    busy: f64,
}

impl LatencyRecord {
    /// The record of an estimate, at so many inferences per second if a rate is asked for.
    pub fn new(estimate: &LatencyEstimate, board: &Board, rate: Option<f64>) -> Self {
        let milliseconds = estimate.milliseconds;
        let energy =
            board.power.as_ref().map(|power| (munas_cost::energy(milliseconds, power, rate), &power.basis));
        Self {
            board: board.name.clone(),
            instructions: estimate.instructions,
            cycles: estimate.cycles,
            milliseconds: estimate.milliseconds,
            energy_microjoules: energy.map(|(energy, _)| energy.total()),
            energy: energy.map(|(energy, basis)| {
                let EnergyEstimate { active, active_from_ram, asleep } = energy;
                EnergyRecord {
                    computing: active,
                    computing_from_ram: active_from_ram,
                    asleep,
                    basis: basis.to_string(),
                }
            }),
            rate: rate.map(|per_second| {
                let busy = milliseconds / munas_cost::period_ms(per_second);
                RateRecord { per_second, keeps_up: busy <= 1.0, busy }
            }),
            count_error: estimate.count_error,
        }
    }

    /// Prints the estimate under the other figures, which take so many columns; `is_whole` is false where something
    /// is not in it.
    pub fn print(&self, width: usize, is_whole: bool, output: &mut Output) -> UserResult {
        let name = format!("on {}", self.board);
        let estimate = if is_whole { "estimate" } else { "at least; estimate" };
        output.line(format_args!(
            "{name:<width$}{:>9.2} ms ({estimate}: {} cycles)",
            self.milliseconds, self.cycles
        ))?;
        if let Some(rate) = &self.rate {
            rate.print(width, output)?;
        }
        if let Some((total, energy)) = self.energy_microjoules.zip(self.energy.as_ref()) {
            let parts = energy.parts(self.rate.is_some());
            output.line(format_args!("{:<width$}{total:>9.1} µJ ({estimate}{parts})", "energy"))?;
            output.line(format_args!("({})", energy.basis))?;
        } else {
            output.line("(no energy: what the board draws is not known)")?;
        }
        output.line(format_args!(
            "(from instruction counts, which are off by {} on average, and an assumed number of cycles for each)",
            units::percent(self.count_error)
        ))?;
        Ok(())
    }
}

impl RateRecord {
    fn print(&self, width: usize, output: &mut Output) -> UserResult {
        let Self { per_second, keeps_up, busy } = self;
        let verdict = if *keeps_up { "keeps up" } else { "does not keep up" };
        let busy = units::percent(*busy);
        let period = munas_cost::period_ms(*per_second);
        let line =
            format_args!("{:<width$}{period:>9.2} ms from one to the next: {verdict}, {busy} busy", "rate");
        output.line(line)?;
        Ok(())
    }
}

impl EnergyRecord {
    /// What the whole is made of, for people.
    fn parts(&self, has_rate: bool) -> String {
        let asleep = match (has_rate, self.asleep) {
            (false, _) => String::new(),
            (true, Some(asleep)) => {
                format!(": {:.1} computing, {asleep:.1} asleep until the next", self.computing)
            }
            (true, None) => ": computing alone, the board's current asleep is not known".to_owned(),
        };
        let from_ram = self.computing_from_ram.map(|energy| format!("; {energy:.1} computing from RAM"));
        asleep + &from_ram.unwrap_or_default()
    }
}

/// Memory beside that of a board.
#[derive(Debug, Serialize)]
pub struct BoardRecord {
    name: String,
    /// Bytes of RAM, and those of them that a network may take.
    ram: u64,
    usable_ram: u64,
    /// The same of flash.
    flash: u64,
    usable_flash: u64,
    /// Whether activations, the input among them, and the network in flash take no more than that.
    fits_ram: bool,
    fits_flash: bool,
    /// What the network's firmware takes of the flash; null for models whose C munas does not write.
    needed_flash: Option<FlashRecord>,
    #[serde(skip)]
    needed: [u64; 2],
}

/// Bytes of flash.
#[derive(Debug, Serialize)]
pub struct FlashRecord {
    weights: u64,
    /// Biases, multipliers and shifts.
    tables: u64,
    /// An estimate.
    code: u64,
    /// Mean relative error of the fitted sizes as a whole.
    error: f64,
}

impl BoardRecord {
    /// Compares what a network of munas needs with what a board has; RAM is in bytes, the input included.
    pub fn of_network(board: &Board, needed_ram: u64, flash: FlashEstimate) -> Self {
        let FlashEstimate { weights, tables, code } = flash;
        let error = board.core.code.mean_error;
        let needed_flash = Some(FlashRecord { weights, tables, code, error });
        Self { needed_flash, ..Self::of_parameters(board, needed_ram, flash.total()) }
    }

    /// Compares what a model needs, in bytes, with what a board has; its code is not counted.
    pub fn of_parameters(board: &Board, needed_ram: u64, needed_flash: u64) -> Self {
        let usable = board.bounds();
        Self {
            name: board.name.clone(),
            ram: board.ram,
            usable_ram: usable.peak_memory,
            flash: board.flash,
            usable_flash: usable.flash,
            fits_ram: needed_ram <= usable.peak_memory,
            fits_flash: needed_flash <= usable.flash,
            needed_flash: None,
            needed: [needed_ram, needed_flash],
        }
    }

    /// Prints the comparison.
    pub fn print(&self, width: usize, output: &mut Output) -> UserResult {
        let flash = if self.needed_flash.is_some() { "flash" } else { "flash, without code" };
        let rows = [
            ("RAM, input included", self.needed[0], self.usable_ram, self.ram, self.fits_ram),
            (flash, self.needed[1], self.usable_flash, self.flash, self.fits_flash),
        ];
        for (name, needed, usable, all, fits) in rows {
            output.line(format_args!(
                "{name:<width$}{:>9}  of {} usable, {} in all: {}",
                units::bytes(needed),
                units::bytes(usable),
                units::bytes(all),
                if fits { "fits" } else { "does not fit" }
            ))?;
        }
        if let Some(FlashRecord { weights, tables, code, error }) = &self.needed_flash {
            output.line(format_args!(
                "(weights {}, tables {}, code about {}; the sum is off by {} on average)",
                units::bytes(*weights),
                units::bytes(*tables),
                units::bytes(*code),
                units::percent(*error)
            ))?;
        }
        Ok(())
    }
}

/// The board of a name, from munas's table and one of the user's.
///
/// # Errors
/// If the table cannot be read, or there is no board of this name.
pub fn find_board(name: &str, file: Option<&Path>) -> UserResult<Board> {
    let table = match file {
        None => builtin().clone(),
        Some(path) => {
            let text = read_input(path)?;
            BoardTable::parse(&text).map_err(|error| UserError::input(error).in_file(path))?
        }
    };
    table.find(name).cloned().map_err(|error| {
        let hint = error.advice("--board-file FILE has a table with boards of your own (docs/firmware.md)");
        UserError::input(error).hint(hint)
    })
}
