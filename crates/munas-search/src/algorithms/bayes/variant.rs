//! The settings of Bayesian optimisation.

use std::fmt;
use std::str::FromStr;

/// The settings of Bayesian optimisation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BayesSettings {
    /// Where candidates come from, and how long they are trained.
    pub variant: BayesVariant,
}

/// The published variants of Bayesian optimisation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum BayesVariant {
    /// The candidates are all architectures, and each is trained in full.
    #[default]
    Global,
    /// The candidates are all morphisms of one random past point, each trained in full.
    Local,
    /// The candidates are all architectures, and the model says for how many epochs each is trained.
    MultiFidelity,
}

impl BayesVariant {
    /// All variants, in the order in which they are listed.
    pub const ALL: [Self; 3] = [Self::Global, Self::Local, Self::MultiFidelity];

    /// The name in experiment files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Global => "global",
            Self::Local => "local",
            Self::MultiFidelity => "multi-fidelity",
        }
    }
}

impl fmt::Display for BayesVariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is no variant's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a variant of Bayesian optimisation ({known})", known = BayesVariant::ALL.map(BayesVariant::name).join(", "))]
pub struct UnknownBayesVariant(pub String);

impl FromStr for BayesVariant {
    type Err = UnknownBayesVariant;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|variant| variant.name() == name);
        found.ok_or_else(|| UnknownBayesVariant(name.to_owned()))
    }
}
