//! Errors of architectures and of spaces.

use std::{fmt, str::FromStr};

use crate::{kind::Kind, names::Named};

/// What is wrong with an architecture, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchitectureError {
    /// The field, as in `blocks[2].layers[0].kernel`; empty for the architecture as a whole.
    pub path: String,
    /// What is wrong with it.
    pub problem: FieldError,
}

/// Why a field of an architecture cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    /// The text is not JSON.
    #[error("not JSON: {0}")]
    Syntax(String),
    /// The field is not there.
    #[error("missing")]
    Missing,
    /// There is no such field here.
    #[error("unknown field; expected {expected}")]
    Unknown {
        /// The fields that there are.
        expected: String,
    },
    /// The value is of another type.
    #[error("expected {expected}, found {found}")]
    WrongType {
        /// What the field holds.
        expected: &'static str,
        /// The value found, as JSON.
        found: String,
    },
    /// The value is not one of those allowed.
    #[error("{found} is not one of {allowed}")]
    NotOneOf {
        /// The value found.
        found: String,
        /// All values that are allowed, separated by commas.
        allowed: String,
    },
    /// The number is too small or too large.
    #[error("{found} is not in {min} to {max}")]
    OutOfRange {
        /// The number that the field has.
        found: usize,
        /// The smallest value or number of entries that is allowed.
        min: usize,
        /// The largest value or number of entries that is allowed.
        max: usize,
    },
    /// The list needs an entry.
    #[error("empty")]
    Empty,
    /// The list has too few or too many entries.
    #[error("{found} entries, not {min} to {max}")]
    Count {
        /// The number of entries.
        found: usize,
        /// The smallest value or number of entries that is allowed.
        min: usize,
        /// The largest value or number of entries that is allowed.
        max: usize,
    },
    /// The setting is switched on where it cannot be.
    #[error("{reason}")]
    NotAllowed {
        /// Why it cannot be switched on here, in words.
        reason: &'static str,
    },
    /// The architecture is of another kind than the space.
    #[error("the architecture is of kind {found}, the space of kind {expected}")]
    Kind {
        /// The kind of the space, which decides.
        expected: Kind,
        /// The kind that the architecture has instead.
        found: Kind,
    },
}

impl FieldError {
    pub(crate) fn at(self, path: impl Into<String>) -> ArchitectureError {
        ArchitectureError { path: path.into(), problem: self }
    }
}

impl fmt::Display for ArchitectureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        self.problem.fmt(f)
    }
}

impl std::error::Error for ArchitectureError {}

/// Why a space could not be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpaceError {
    /// There is no such kind.
    #[error("kind: {name} is not one of {}", Kind::all_names())]
    UnknownKind {
        /// The name given.
        name: String,
    },
    /// The kind has no such named set of bounds.
    #[error("bounds: {name} is not one of {known} (of kind {kind})")]
    UnknownBounds {
        /// The kind of space.
        kind: Kind,
        /// The name given.
        name: String,
        /// The names that there are.
        known: String,
    },
    /// The table of explicit bounds could not be read.
    #[error("bounds: {0}")]
    Table(String),
    /// A bound makes no sense.
    #[error("bounds.{key}: {reason}")]
    Bound {
        /// The key of the table.
        key: &'static str,
        /// What is wrong with its value.
        reason: String,
    },
}

impl FromStr for Kind {
    type Err = SpaceError;

    fn from_str(name: &str) -> Result<Self, SpaceError> {
        Self::from_name(name).ok_or_else(|| SpaceError::UnknownKind { name: name.into() })
    }
}
