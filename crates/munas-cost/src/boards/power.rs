//! What a board draws, from the figures of its data sheet.

use std::fmt;

/// Power of a board at its clock, peripherals off.
#[derive(Clone, Debug, PartialEq)]
pub struct Power {
    /// Milliwatts while the core computes, code in flash, behind its cache or accelerator where it has one.
    pub active_mw: f64,
    /// The same with code in RAM.
    pub active_from_ram_mw: Option<f64>,
    /// Milliwatts in the deepest sleep that keeps all RAM and from which a clock wakes.
    pub asleep_mw: Option<f64>,
    /// Where the figures are from.
    pub basis: PowerBasis,
}

/// Where the figures of a board's power are from.
#[derive(Clone, Debug, PartialEq)]
pub enum PowerBasis {
    /// One typical power at this clock.
    TypicalPower,
    /// Currents that this source tells: per megahertz of the clock, by the memory with the code, and asleep.
    Published(String),
}

impl fmt::Display for PowerBasis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TypicalPower => f.write_str("time × power of the data sheet"),
            Self::Published(source) => write!(f, "published figures: {source}"),
        }
    }
}

/// Currents as data sheets tell them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Currents {
    /// Volts at which they were measured.
    pub supply_v: f64,
    /// Microamperes per megahertz, code in flash.
    pub flash_ua_per_mhz: f64,
    /// Microamperes per megahertz, code in RAM.
    pub ram_ua_per_mhz: Option<f64>,
    /// Microamperes asleep.
    pub sleep_ua: Option<f64>,
}

impl Currents {
    /// The power at a clock.
    pub(super) fn at(self, clock_mhz: f64, source: String) -> Power {
        let milliwatts = |microamperes: f64| microamperes * self.supply_v / 1e3;
        Power {
            active_mw: milliwatts(self.flash_ua_per_mhz * clock_mhz),
            active_from_ram_mw: self.ram_ua_per_mhz.map(|current| milliwatts(current * clock_mhz)),
            asleep_mw: self.sleep_ua.map(milliwatts),
            basis: PowerBasis::Published(source),
        }
    }
}

impl Power {
    /// A typical power at the board's clock, and nothing else.
    pub(super) const fn typical(active_mw: f64) -> Self {
        Self { active_mw, active_from_ram_mw: None, asleep_mw: None, basis: PowerBasis::TypicalPower }
    }
}
