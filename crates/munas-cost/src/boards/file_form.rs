//! The TOML form of a table of boards.
//!
//! ```toml
//! [[core]]
//! name = "cortex-m4"
//! instructions = "cortex-m4"        # the fitted counts in instructions.toml
//! cycles_per_instruction = 1.3
//!
//! [[board]]
//! name = "stm32f446re"
//! core = "cortex-m4"
//! clock_mhz = 180
//! ram_kib = 128
//! flash_kib = 512
//!
//! [board.power]                     # or active_power_mw = 106, a typical power and nothing else
//! source = "data sheet DS1234 rev 5, table 20; stop mode: table 25"
//! supply_v = 3.3
//! flash_ua_per_mhz = 178            # core computing, code in flash
//! ram_ua_per_mhz = 160              # the same, code in RAM
//! sleep_ua = 42                     # the deepest sleep that keeps all RAM, a clock running to wake it
//! ```

use std::collections::HashSet;

use serde::Deserialize;

use super::power::Currents;
use super::{Board, BoardTableError, Core, Power};
use crate::code::CodeModel;
use crate::instructions::InstructionModel;

/// Share of RAM and of flash that a network may take where a board does not say.
const USABLE_SHARE: f64 = 0.75;

/// Bytes of a KiB.
const KIB: u64 = 1024;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BoardFile {
    #[serde(default)]
    pub core: Vec<CoreEntry>,
    #[serde(default)]
    pub board: Vec<BoardEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CoreEntry {
    name: String,
    instructions: String,
    cycles_per_instruction: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BoardEntry {
    name: String,
    #[serde(default)]
    aliases: Vec<String>,
    #[serde(default)]
    description: String,
    core: String,
    clock_mhz: f64,
    ram_kib: u64,
    flash_kib: u64,
    usable_ram_share: Option<f64>,
    usable_flash_share: Option<f64>,
    active_power_mw: Option<f64>,
    power: Option<PowerEntry>,
}

/// Currents, typical ones at room temperature, peripherals off.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PowerEntry {
    source: String,
    supply_v: f64,
    flash_ua_per_mhz: f64,
    ram_ua_per_mhz: Option<f64>,
    sleep_ua: Option<f64>,
}

impl BoardFile {
    /// Reads a text, in which each core and each board stands once.
    pub(super) fn read(text: &str) -> Result<Self, BoardTableError> {
        let file: Self = toml::from_str(text).map_err(|error| BoardTableError::Syntax(error.to_string()))?;
        let cores = file.core.iter().map(|core| ("core", &core.name));
        let boards = file.board.iter().map(|board| ("board", &board.name));
        let mut seen = HashSet::new();
        match cores.chain(boards).find(|entry| !seen.insert(*entry)) {
            Some((_, name)) => Err(BoardTableError::Duplicate(name.clone())),
            None => Ok(file),
        }
    }
}

impl CoreEntry {
    pub(super) fn resolve(
        &self,
        models: &'static [InstructionModel],
        code: &'static [CodeModel],
    ) -> Result<Core, BoardTableError> {
        let instructions = models.iter().find(|model| model.core == self.instructions);
        // Both files have the same cores: a test compares them.
        let both = instructions.zip(code.iter().find(|model| model.core == self.instructions));
        let (instructions, code) = both.ok_or_else(|| {
            let known = models.iter().map(|model| model.core.as_str());
            unknown(&self.name, "instruction model", &self.instructions, known)
        })?;
        Ok(Core {
            name: self.name.clone(),
            instructions,
            code,
            cycles_per_instruction: positive(
                &self.name,
                "cycles_per_instruction",
                self.cycles_per_instruction,
            )?,
        })
    }
}

impl BoardEntry {
    pub(super) fn resolve(&self, cores: &[Core]) -> Result<Board, BoardTableError> {
        let core = cores.iter().find(|core| core.name == self.core).ok_or_else(|| {
            unknown(&self.name, "core", &self.core, cores.iter().map(|core| core.name.as_str()))
        })?;
        let clock_mhz = positive(&self.name, "clock_mhz", self.clock_mhz)?;
        positive(&self.name, "ram_kib", self.ram_kib as f64)?;
        positive(&self.name, "flash_kib", self.flash_kib as f64)?;
        Ok(Board {
            name: self.name.clone(),
            aliases: self.aliases.clone(),
            description: self.description.clone(),
            core: core.clone(),
            clock_hz: (clock_mhz * 1e6).round() as u64,
            ram: self.ram_kib.saturating_mul(KIB),
            flash: self.flash_kib.saturating_mul(KIB),
            usable_ram_share: share(&self.name, "usable_ram_share", self.usable_ram_share)?,
            usable_flash_share: share(&self.name, "usable_flash_share", self.usable_flash_share)?,
            power: self.power(clock_mhz)?,
        })
    }

    fn power(&self, clock_mhz: f64) -> Result<Option<Power>, BoardTableError> {
        let name = &self.name;
        match (self.active_power_mw, &self.power) {
            (None, None) => Ok(None),
            (Some(power), None) => Ok(Some(Power::typical(positive(name, "active_power_mw", power)?))),
            (None, Some(entry)) => entry.resolve(name, clock_mhz).map(Some),
            (Some(_), Some(_)) => Err(BoardTableError::TwoPowers(name.clone())),
        }
    }
}

impl PowerEntry {
    fn resolve(&self, owner: &str, clock_mhz: f64) -> Result<Power, BoardTableError> {
        if self.source.trim().is_empty() {
            return Err(BoardTableError::NoSource(owner.to_owned()));
        }
        let optional =
            |field, value: Option<f64>| value.map(|value| positive(owner, field, value)).transpose();
        let currents = Currents {
            supply_v: positive(owner, "power.supply_v", self.supply_v)?,
            flash_ua_per_mhz: positive(owner, "power.flash_ua_per_mhz", self.flash_ua_per_mhz)?,
            ram_ua_per_mhz: optional("power.ram_ua_per_mhz", self.ram_ua_per_mhz)?,
            sleep_ua: optional("power.sleep_ua", self.sleep_ua)?,
        };
        Ok(currents.at(clock_mhz, self.source.clone()))
    }
}

fn unknown<'a>(
    owner: &str,
    kind: &'static str,
    name: &str,
    known: impl Iterator<Item = &'a str>,
) -> BoardTableError {
    let known = known.collect::<Vec<_>>().join(", ");
    BoardTableError::Unknown { owner: owner.to_owned(), kind, name: name.to_owned(), known }
}

fn positive(owner: &str, field: &'static str, value: f64) -> Result<f64, BoardTableError> {
    let expected = "a number above 0";
    check(owner, field, value, expected, value.is_finite() && value > 0.0)
}

fn share(owner: &str, field: &'static str, value: Option<f64>) -> Result<f64, BoardTableError> {
    let value = value.unwrap_or(USABLE_SHARE);
    check(owner, field, value, "above 0 and at most 1", value > 0.0 && value <= 1.0)
}

fn check(
    owner: &str,
    field: &'static str,
    value: f64,
    expected: &'static str,
    holds: bool,
) -> Result<f64, BoardTableError> {
    if holds {
        Ok(value)
    } else {
        Err(BoardTableError::Value { owner: owner.to_owned(), field, value, expected })
    }
}
