//! The objectives of a search and the bounds that the user puts on them. All objectives are minimised.

use std::fmt;
use std::ops::{Index, IndexMut};
use std::str::FromStr;

use munas_cost::{BoardFigures, Resources};

/// What a search trades off; every objective is minimised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Objective {
    /// 1 − validation accuracy, in [0, 1]. The only one that is known after training.
    Error,
    /// Peak memory of the activations, in bytes, as `[memory]` says what counts.
    PeakMemory,
    /// Bytes of the parameters.
    ModelSize,
    /// Multiply-accumulate operations of one inference.
    Macs,
    /// Milliseconds of one inference on the experiment's board.
    Latency,
    /// Millijoules of one inference on the experiment's board.
    Energy,
    /// Bytes of the board's program memory: parameters, tables and code.
    Flash,
}

/// What the values of an objective count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A share, in [0, 1].
    Share,
    /// Bytes.
    Bytes,
    /// Operations.
    Operations,
    /// Milliseconds.
    Milliseconds,
    /// Millijoules.
    Millijoules,
}

/// All that is said of an objective in one place.
struct Declaration {
    objective: Objective,
    name: &'static str,
    unit: Unit,
    needs_board: bool,
}

const DECLARATIONS: [Declaration; 7] = {
    const fn of(objective: Objective, name: &'static str, unit: Unit) -> Declaration {
        Declaration { objective, name, unit, needs_board: false }
    }
    const fn on_board(objective: Objective, name: &'static str, unit: Unit) -> Declaration {
        Declaration { objective, name, unit, needs_board: true }
    }
    [
        of(Objective::Error, "error", Unit::Share),
        of(Objective::PeakMemory, "peak_memory", Unit::Bytes),
        of(Objective::ModelSize, "model_size", Unit::Bytes),
        of(Objective::Macs, "macs", Unit::Operations),
        on_board(Objective::Latency, "latency_ms", Unit::Milliseconds),
        on_board(Objective::Energy, "energy_mj", Unit::Millijoules),
        on_board(Objective::Flash, "flash", Unit::Bytes),
    ]
};

const COUNT: usize = DECLARATIONS.len();

impl Objective {
    /// All objectives, in the order in which they are shown.
    pub const ALL: [Self; COUNT] = {
        let mut all = [Self::Error; COUNT];
        let mut place = 0;
        while place < COUNT {
            all[place] = DECLARATIONS[place].objective;
            place += 1;
        }
        all
    };

    const fn declaration(self) -> &'static Declaration {
        &DECLARATIONS[self as usize]
    }

    /// The name in experiment files, in the journal and in JSON output; what is not in bytes or a plain number carries its unit.
    pub const fn name(self) -> &'static str {
        self.declaration().name
    }

    /// What its values count.
    pub const fn unit(self) -> Unit {
        self.declaration().unit
    }

    /// Whether a network has a value of it on a board only.
    pub const fn needs_board(self) -> bool {
        self.declaration().needs_board
    }
}

impl fmt::Display for Objective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is no objective's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an objective ({known})", known = Objective::ALL.map(Objective::name).join(", "))]
pub struct UnknownObjective(pub String);

impl FromStr for Objective {
    type Err = UnknownObjective;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|objective| objective.name() == name);
        found.ok_or_else(|| UnknownObjective(name.to_owned()))
    }
}

/// A value for each objective, or none where it has no value.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ObjectiveValues([Option<f64>; COUNT]);

impl ObjectiveValues {
    /// The value that `value` gives for each objective.
    pub fn from_fn(value: impl FnMut(Objective) -> Option<f64>) -> Self {
        Self(Objective::ALL.map(value))
    }

    /// The values of a network with these resources, and these figures on the experiment's board.
    pub fn of_network(error: Option<f64>, resources: &Resources, on_board: &BoardFigures) -> Self {
        Self::from_fn(|objective| match objective {
            Objective::Error => error,
            Objective::PeakMemory => Some(resources.bounded_peak() as f64),
            Objective::ModelSize => Some(resources.model_size as f64),
            Objective::Macs => Some(resources.macs as f64),
            Objective::Latency => on_board.latency_ms,
            Objective::Energy => on_board.energy_mj,
            Objective::Flash => on_board.flash.map(|bytes| bytes as f64),
        })
    }

    /// The objectives that have a value, and that.
    pub fn iter(&self) -> impl Iterator<Item = (Objective, f64)> {
        Objective::ALL.into_iter().zip(self.0).filter_map(|(objective, value)| Some((objective, value?)))
    }
}

impl Index<Objective> for ObjectiveValues {
    type Output = Option<f64>;

    fn index(&self, objective: Objective) -> &Self::Output {
        &self.0[objective as usize]
    }
}

impl IndexMut<Objective> for ObjectiveValues {
    fn index_mut(&mut self, objective: Objective) -> &mut Self::Output {
        &mut self.0[objective as usize]
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
    /// The largest value of each objective, in its unit.
    pub values: ObjectiveValues,
    /// Objectives whose bound no trained candidate may break. The error cannot be one: it is known after training.
    pub hard: Vec<Objective>,
}

impl Bounds {
    /// Soft bounds on some objectives.
    pub fn soft<const N: usize>(bounds: [(Objective, f64); N]) -> Self {
        let mut values = ObjectiveValues::default();
        for (objective, bound) in bounds {
            values[objective] = Some(bound);
        }
        Self { values, hard: Vec::new() }
    }

    /// Hard bounds on some objectives.
    pub fn hard<const N: usize>(bounds: [(Objective, f64); N]) -> Self {
        Self { hard: bounds.map(|(objective, _)| objective).to_vec(), ..Self::soft(bounds) }
    }

    /// The bound of one objective, in the objective's unit.
    pub fn get(&self, objective: Objective) -> Option<f64> {
        self.values[objective]
    }

    /// Whether the objective's bound is hard.
    pub fn is_hard(&self, objective: Objective) -> bool {
        self.hard.contains(&objective)
    }

    /// Lowers the bound on an objective to what there is, as a hard one; a bound below that stays what it is.
    pub fn cap(&mut self, objective: Objective, most: f64) {
        let bound = &mut self.values[objective];
        if bound.is_none_or(|bound| bound >= most) {
            *bound = Some(most);
            if !self.is_hard(objective) {
                self.hard.push(objective);
            }
        }
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
        self.values.iter().filter(|(objective, _)| self.is_hard(*objective)).find_map(|(objective, bound)| {
            let value = values[objective].filter(|value| *value > bound)?;
            Some(BrokenBound { objective, value, bound })
        })
    }

    /// Whether the values of a trained network meet every bound, the error's included; a missing value breaks its bound.
    pub fn are_met(&self, values: &ObjectiveValues) -> bool {
        self.values.iter().all(|(objective, bound)| values[objective].is_some_and(|value| value <= bound))
    }
}

#[cfg(test)]
mod tests {
    use super::{Bounds, DECLARATIONS, Objective, UnknownObjective};

    #[test]
    fn names_round_trip() {
        for (place, objective) in Objective::ALL.into_iter().enumerate() {
            assert_eq!(DECLARATIONS[place].objective as usize, place);
            assert_eq!(objective.name().parse(), Ok(objective));
        }
        assert_eq!("latency".parse::<Objective>(), Err(UnknownObjective("latency".into())));
    }

    #[test]
    fn limits_are_the_hard_bound_or_ten_times_the_soft_one() {
        let mut bounds = Bounds::soft([(Objective::Error, 0.1), (Objective::Macs, 500.0)]);
        bounds.cap(Objective::PeakMemory, 2000.0);
        assert_eq!(bounds.limit(Objective::PeakMemory), Some(2000.0));
        assert_eq!(bounds.limit(Objective::Macs), Some(5000.0));
        assert_eq!(bounds.limit(Objective::ModelSize), None);
        assert_eq!(bounds.limit(Objective::Error), None);
    }

    #[test]
    fn what_there_is_lowers_bounds_above_it() {
        let mut bounds = Bounds::soft([(Objective::Macs, 500.0), (Objective::Flash, 70.0)]);
        bounds.cap(Objective::Macs, 600.0);
        bounds.cap(Objective::Flash, 60.0);
        assert_eq!((bounds.get(Objective::Macs), bounds.is_hard(Objective::Macs)), (Some(500.0), false));
        assert_eq!((bounds.get(Objective::Flash), bounds.is_hard(Objective::Flash)), (Some(60.0), true));
    }
}
