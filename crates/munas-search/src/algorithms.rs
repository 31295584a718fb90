//! The search algorithms, one per file, and the one list of them; what their models know of errors, for those who ask ([`predictors`]).

mod aging;
mod bayes;
mod evolve;
mod niche;
pub mod predictors;
mod random;

#[cfg(test)]
mod comparison;
#[cfg(test)]
mod conformance;

pub use aging::{AgingEvolution, EvolutionSettings};
pub use bayes::{BayesSettings, BayesVariant, BayesianOptimisation, UnknownBayesVariant};
pub use niche::{Judging, Niche, NicheSettings, Standing};
pub use random::RandomSearch;

use std::fmt;
use std::str::FromStr;

use crate::Algorithm;

/// The settings of all algorithms: a field for each algorithm that has some. Every search has them all, whichever algorithm it
/// takes, so that another one can be tried by its name alone.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct AlgorithmSettings {
    /// Of [`AgingEvolution`].
    pub evolution: EvolutionSettings,
    /// Of [`BayesianOptimisation`].
    pub bayes: BayesSettings,
    /// Of [`Niche`].
    pub niche: NicheSettings,
}

impl AlgorithmSettings {
    /// Checks every value against its range.
    ///
    /// # Errors
    /// [`SettingError`] with the first setting that no algorithm can work with.
    pub fn check(&self) -> Result<(), SettingError> {
        self.evolution.check()?;
        self.niche.check()
    }
}

/// A setting of an algorithm that makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key} {value}: {reason}")]
pub struct SettingError {
    /// Its key in `[search]` of experiment files.
    pub key: &'static str,
    /// What it is.
    pub value: String,
    /// What it has to be.
    pub reason: String,
}

/// All that is said of the algorithms in one place. A line is a kind, its name in experiment files, where proposals come from
/// (for help texts), and how it is made of [`AlgorithmSettings`].
macro_rules! declare {
    ($($(#[$doc:meta])* $kind:ident = $name:literal, $summary:literal, |$settings:pat_param| $algorithm:expr;)+) => {
        /// The algorithms by name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum AlgorithmKind {
            $($(#[$doc])* $kind,)+
        }

        impl AlgorithmKind {
            /// All algorithms, in the order in which they are listed.
            pub const ALL: [Self; [$($name),+].len()] = [$(Self::$kind),+];

            /// The name in experiment files and in the journal.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)+
                }
            }

            /// What proposals come from, in a few words.
            pub const fn summary(self) -> &'static str {
                match self {
                    $(Self::$kind => $summary,)+
                }
            }

            /// The algorithm with these settings; those that do not concern it are ignored.
            ///
            /// # Panics
            /// If [`AlgorithmSettings::check`] refuses settings that concern it.
            pub fn build(self, settings: &AlgorithmSettings) -> Box<dyn Algorithm + Send + Sync> {
                match self {
                    $(Self::$kind => {
                        let $settings = settings;
                        Box::new($algorithm)
                    })+
                }
            }
        }
    };
}

declare! {
    /// [`RandomSearch`].
    Random = "random", "draws alone", |_| RandomSearch;
    /// [`AgingEvolution`].
    Aging = "aging", "evolution", |settings| AgingEvolution::new(settings.evolution);
    /// [`BayesianOptimisation`].
    Bayes = "bayes", "a model of the error", |settings| BayesianOptimisation::new(settings.bayes);
    /// [`Niche`].
    Niche = "niche", "successive halving, led by a model of the front", |settings| Niche::with(settings.niche);
}

impl fmt::Display for AlgorithmKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is no algorithm's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a search algorithm ({known})", known = AlgorithmKind::ALL.map(AlgorithmKind::name).join(", "))]
pub struct UnknownAlgorithm(pub String);

impl FromStr for AlgorithmKind {
    type Err = UnknownAlgorithm;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|kind| kind.name() == name);
        found.ok_or_else(|| UnknownAlgorithm(name.to_owned()))
    }
}
