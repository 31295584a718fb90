//! The search algorithms, one per file.

mod aging;
mod bayes;
mod evolve;
mod random;

#[cfg(test)]
mod comparison;
#[cfg(test)]
mod conformance;

pub use aging::{AgingEvolution, EvolutionSettings};
pub use bayes::BayesianOptimisation;
pub use random::RandomSearch;

use std::fmt;
use std::str::FromStr;

use crate::Algorithm;

/// The algorithms by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AlgorithmKind {
    /// [`RandomSearch`].
    Random,
    /// [`AgingEvolution`].
    Aging,
    /// [`BayesianOptimisation`].
    Bayes,
}

impl AlgorithmKind {
    /// All algorithms.
    pub const ALL: [Self; 3] = [Self::Random, Self::Aging, Self::Bayes];

    /// The name in experiment files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Random => "random",
            Self::Aging => "aging",
            Self::Bayes => "bayes",
        }
    }

    /// The algorithm with these settings; those that do not concern it are ignored.
    pub fn build(self, evolution: EvolutionSettings) -> Box<dyn Algorithm + Send + Sync> {
        match self {
            Self::Random => Box::new(RandomSearch),
            Self::Aging => Box::new(AgingEvolution::new(evolution)),
            Self::Bayes => Box::new(BayesianOptimisation::new()),
        }
    }
}

impl fmt::Display for AlgorithmKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is no algorithm's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a search algorithm (random, aging, bayes)")]
pub struct UnknownAlgorithm(pub String);

impl FromStr for AlgorithmKind {
    type Err = UnknownAlgorithm;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|kind| kind.name() == name);
        found.ok_or_else(|| UnknownAlgorithm(name.to_owned()))
    }
}
