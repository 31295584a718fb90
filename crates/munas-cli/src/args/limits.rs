//! A limit on each objective: what a search has to keep to, and what is wanted of a front.

use munas_search::{Objective, ObjectiveValues, Unit};

use super::experiment::Overrides;
use super::values;

/// The largest value of each objective.
#[derive(Debug, Default, clap::Args)]
pub struct LimitArgs {
    /// Largest validation error, for example .1 or 10%
    #[arg(long, value_name = "RATE", value_parser = values::error_rate)]
    pub max_error: Option<f64>,
    /// Largest peak memory of the activations, for example 16KB (16,000) or 16KiB (16,384)
    #[arg(long, value_name = "SIZE", value_parser = values::bytes)]
    pub max_peak_memory: Option<u64>,
    /// Largest size of the parameters, one byte each, for example 64KB
    #[arg(long, value_name = "SIZE", value_parser = values::bytes)]
    pub max_model_size: Option<u64>,
    /// Most multiply-accumulate operations of one inference, for example 1M
    #[arg(long, value_name = "COUNT", value_parser = values::count)]
    pub max_macs: Option<u64>,
    /// Longest inference on the board, for example 50ms; an estimate
    #[arg(long, value_name = "DURATION", value_parser = values::milliseconds)]
    pub max_latency: Option<f64>,
    /// Most energy of one inference on the board, for example 0.5mJ or 500uJ; an estimate
    #[arg(long, value_name = "ENERGY", value_parser = values::millijoules)]
    pub max_energy: Option<f64>,
    /// Most of the board's flash: weights, tables and code, for example 32KB; an estimate
    #[arg(long, value_name = "SIZE", value_parser = values::bytes)]
    pub max_flash: Option<u64>,
}

impl LimitArgs {
    /// The limits that were given.
    pub fn values(&self) -> ObjectiveValues {
        ObjectiveValues::from_fn(|objective| match objective {
            Objective::Error => self.max_error,
            Objective::PeakMemory => self.max_peak_memory.map(|bytes| bytes as f64),
            Objective::ModelSize => self.max_model_size.map(|bytes| bytes as f64),
            Objective::Macs => self.max_macs.map(|macs| macs as f64),
            Objective::Latency => self.max_latency,
            Objective::Energy => self.max_energy,
            Objective::Flash => self.max_flash.map(|bytes| bytes as f64),
        })
    }
}

/// The limits of the device.
///
/// What a device has is a hard limit: but for the error, which only training can tell, each of them is one that no trained network
/// breaks, unless it is asked for otherwise.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Bounds (never broken, unless --soft)")]
pub struct BoundArgs {
    #[command(flatten)]
    pub limits: LimitArgs,
    /// Let networks break the bounds; they only count less, and are not trained beyond ten times a bound
    #[arg(long)]
    pub soft: bool,
}

impl BoundArgs {
    pub(super) fn add_to(&self, overrides: &mut Overrides) {
        let limits = self.limits.values();
        for (objective, _) in limits.iter().filter(|(objective, _)| *objective != Objective::Error) {
            overrides.literal("bounds.hard+", Some(objective));
        }
        overrides.literal("bounds.hard", self.soft.then_some("[]"));
        for (objective, limit) in limits.iter() {
            let key = format!("bounds.{objective}");
            match objective.unit() {
                Unit::Bytes | Unit::Operations => overrides.literal(&key, Some(limit as u64)),
                Unit::Share | Unit::Milliseconds | Unit::Millijoules => overrides.literal(&key, Some(limit)),
            };
        }
    }
}
