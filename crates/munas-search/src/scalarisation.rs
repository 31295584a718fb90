//! Random scalarisation (muNAS, arXiv 2010.14246, section 4.3).
//!
//! | symbol | meaning |
//! |---|---|
//! | fᵢ | value of objective i of one trial |
//! | bᵢ | scale of objective i: its bound |
//! | λᵢ | weight, drawn uniformly from (0, 1] for each comparison |
//! | fitness | −maxᵢ min(fᵢ / bᵢ, 10) / λᵢ over the objectives that have a scale |
//!
//! Zero is left out of the weights' range, where f / λ would have no value.
//!
//! # Objectives without a bound
//! An objective without a bound does not take part, with two exceptions, because the formula would otherwise ignore what
//! the search is for:
//! - the error always takes part; without a bound its scale is 0.1, so that the cap of 10 lies exactly at error 1;
//! - without any bound at all, peak memory, model size and MACs are scaled by the limits of a small microcontroller:
//!   64 kB, 64 kB and 30 million MACs.
//!
//! These scales only weigh objectives against each other; nothing is refused because of them.

use rand::{Rng, RngExt};

use crate::objective::{Bounds, Objective, ObjectiveValues, SOFT_BOUND_FACTOR};

/// The scale of the error where it has no bound.
pub const NATURAL_ERROR: f64 = 0.1;
/// The scale of peak memory and model size where nothing has a bound, in bytes.
pub const NATURAL_BYTES: f64 = 64_000.0;
/// The scale of the MACs where nothing has a bound.
pub const NATURAL_MACS: f64 = 30e6;

/// The scale of each objective that takes part in a comparison under these bounds.
pub fn scales(bounds: &Bounds) -> ObjectiveValues {
    let mut scales = bounds.values;
    if scales.iter().next().is_none() {
        scales[Objective::PeakMemory] = Some(NATURAL_BYTES);
        scales[Objective::ModelSize] = Some(NATURAL_BYTES);
        scales[Objective::Macs] = Some(NATURAL_MACS);
    }
    scales[Objective::Error].get_or_insert(NATURAL_ERROR);
    scales
}

/// One draw of the weights: an order of trials by fitness, which serves one comparison.
#[derive(Clone, Debug, PartialEq)]
pub struct Scalarisation {
    scales: ObjectiveValues,
    weights: ObjectiveValues,
}

impl Scalarisation {
    /// Draws a weight for each of muNAS's objectives and the latency, whether it takes part or not, so that the stream of draws does
    /// not depend on which bounds are set; of the others, for those that do.
    pub fn draw<R: Rng + ?Sized>(bounds: &Bounds, rng: &mut R) -> Self {
        let scales = scales(bounds);
        let weights = ObjectiveValues::from_fn(|objective| {
            let is_drawn = match objective {
                Objective::Energy | Objective::Flash => scales[objective].is_some(),
                _ => true,
            };
            is_drawn.then(|| 1.0 - rng.random::<f64>())
        });
        Self { scales, weights }
    }

    /// The fitness of a trial with these values, in [−∞, 0]; larger is better. An objective without a value does not
    /// take part.
    pub fn fitness(&self, values: &ObjectiveValues) -> f64 {
        let terms = values.iter().filter_map(|(objective, value)| {
            let ratio = value / self.scales[objective]?;
            Some(ratio.min(SOFT_BOUND_FACTOR) / self.weights[objective]?)
        });
        -terms.fold(0.0, f64::max)
    }
}

#[cfg(test)]
mod tests;
