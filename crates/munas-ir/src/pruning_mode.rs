//! What pruning takes away.

use serde::{Deserialize, Serialize};

/// What pruning removes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PruningMode {
    /// Whole channels, so that the network becomes smaller in every resource.
    Structured,
    /// Single weights: the model size counts what is not zero, memory and MACs stay.
    Unstructured,
}

impl PruningMode {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Structured, Self::Unstructured];

    /// The name in experiment files and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Structured => "structured",
            Self::Unstructured => "unstructured",
        }
    }

    /// The mode with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.name() == name)
    }
}
