//! The objectives of a search and the bounds that the user puts on them. All objectives are minimised.

use std::fmt;
use std::str::FromStr;

use munas_cost::Resources;

use crate::Candidate;

/// What a search trades off; every objective is minimised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Objective {
    /// 1 − validation accuracy, in [0, 1]. The only one that is known after training.
    Error,
    /// Peak memory of the activations, in bytes.
    PeakMemory,
    /// Bytes of the parameters.
    ModelSize,
    /// Multiply-accumulate operations of one inference.
    Macs,
    /// Milliseconds of one inference on the experiment's board.
    Latency,
}

/// One value per objective, indexed by [`Objective::index`]; `None` where the objective has no value.
pub type ObjectiveValues = [Option<f64>; Objective::ALL.len()];

/// The values of a network with these resources.
pub fn values(error: Option<f64>, resources: &Resources, latency_ms: Option<f64>) -> ObjectiveValues {
    let sizes = [resources.peak_memory, resources.model_size, resources.macs];
    let [peak_memory, model_size, macs] = sizes.map(|size| Some(size as f64));
    [error, peak_memory, model_size, macs, latency_ms]
}

impl Objective {
    /// All objectives, in the order of their index.
    pub const ALL: [Self; 5] = [Self::Error, Self::PeakMemory, Self::ModelSize, Self::Macs, Self::Latency];

    /// The position in [`Objective::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The name in experiment files and in JSON output; latency carries its unit.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::PeakMemory => "peak_memory",
            Self::ModelSize => "model_size",
            Self::Macs => "macs",
            Self::Latency => "latency_ms",
        }
    }
}

impl fmt::Display for Objective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is no objective's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an objective (error, peak_memory, model_size, macs, latency_ms)")]
pub struct UnknownObjective(pub String);

impl FromStr for Objective {
    type Err = UnknownObjective;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|objective| objective.name() == name);
        found.ok_or_else(|| UnknownObjective(name.to_owned()))
    }
}

/// A bound may be broken by this factor before a candidate is refused, and no excess counts beyond it in a fitness.
pub const SOFT_BOUND_FACTOR: f64 = 10.0;

/// A hard bound, and what is above it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BrokenBound {
    /// The objective.
    pub objective: Objective,
    /// What the network has, in the objective's unit.
    pub value: f64,
    /// What it may have.
    pub bound: f64,
}

impl fmt::Display for BrokenBound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { objective, value, bound } = self;
        write!(f, "{objective} {value}, above the hard bound of {bound}")
    }
}

/// The user's bounds. Each is optional and soft, unless it is listed in `hard`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bounds {
    /// Validation error, in (0, 1].
    pub error: Option<f64>,
    /// Bytes.
    pub peak_memory: Option<u64>,
    /// Bytes.
    pub model_size: Option<u64>,
    /// Multiply-accumulate operations.
    pub macs: Option<u64>,
    /// Milliseconds.
    pub latency_ms: Option<f64>,
    /// Objectives whose bound no trained candidate may break. The error cannot be one: it is known after training.
    pub hard: Vec<Objective>,
}

impl Bounds {
    /// The bound of one objective, in the objective's unit.
    pub fn get(&self, objective: Objective) -> Option<f64> {
        match objective {
            Objective::Error => self.error,
            Objective::PeakMemory => self.peak_memory.map(|bytes| bytes as f64),
            Objective::ModelSize => self.model_size.map(|bytes| bytes as f64),
            Objective::Macs => self.macs.map(|macs| macs as f64),
            Objective::Latency => self.latency_ms,
        }
    }

    /// All bounds.
    pub fn values(&self) -> ObjectiveValues {
        Objective::ALL.map(|objective| self.get(objective))
    }

    /// Whether the objective's bound is hard.
    pub fn is_hard(&self, objective: Objective) -> bool {
        self.hard.contains(&objective)
    }

    /// The value above which a candidate is refused before training: the bound itself if it is hard, else
    /// [`SOFT_BOUND_FACTOR`] times it. `None` without a bound, and for the error, which is unknown before training.
    pub fn limit(&self, objective: Objective) -> Option<f64> {
        let bound = self.get(objective)?;
        match objective {
            Objective::Error => None,
            _ if self.is_hard(objective) => Some(bound),
            _ => Some(SOFT_BOUND_FACTOR * bound),
        }
    }

    /// The first hard bound that one of `values` is above.
    pub fn broken_hard(&self, values: &ObjectiveValues) -> Option<BrokenBound> {
        Objective::ALL.into_iter().filter(|&objective| self.is_hard(objective)).find_map(|objective| {
            let (bound, value) = self.get(objective).zip(values[objective.index()])?;
            (value > bound).then_some(BrokenBound { objective, value, bound })
        })
    }

    /// Whether a trained candidate meets every bound, the error's included; a missing value breaks its bound.
    pub fn are_met(&self, candidate: &Candidate, error: Option<f64>) -> bool {
        let values = candidate.objectives(error);
        self.values().iter().zip(values).all(|(bound, value)| match (bound, value) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(bound), Some(value)) => value <= *bound,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Bounds, Objective, UnknownObjective};

    #[test]
    fn names_round_trip() {
        for (index, objective) in Objective::ALL.into_iter().enumerate() {
            assert_eq!(objective.index(), index);
            assert_eq!(objective.name().parse(), Ok(objective));
        }
        assert_eq!("latency".parse::<Objective>(), Err(UnknownObjective("latency".into())));
    }

    #[test]
    fn limits_are_the_hard_bound_or_ten_times_the_soft_one() {
        let bounds = Bounds {
            error: Some(0.1),
            peak_memory: Some(2000),
            macs: Some(500),
            hard: vec![Objective::PeakMemory],
            ..Bounds::default()
        };
        assert_eq!(bounds.limit(Objective::PeakMemory), Some(2000.0));
        assert_eq!(bounds.limit(Objective::Macs), Some(5000.0));
        assert_eq!(bounds.limit(Objective::ModelSize), None);
        assert_eq!(bounds.limit(Objective::Error), None);
    }
}
