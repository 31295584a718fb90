//! Why a text is no experiment.

/// Why an experiment cannot be read or run. Every variant about a value carries the path of its key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExperimentError {
    /// The text is no TOML.
    #[error("not valid TOML: {message}")]
    Syntax {
        /// What the parser says, with line and column.
        message: String,
    },
    /// A key that no section has.
    #[error("unknown key `{key}`")]
    UnknownKey {
        /// Path of the key.
        key: String,
        /// Path of the known key that comes closest.
        nearest: Option<String>,
    },
    /// A key that must be given is not.
    #[error("`{key}` is missing")]
    Missing {
        /// Path of the key.
        key: &'static str,
        /// What it should say.
        hint: &'static str,
    },
    /// The value of a key is of the wrong type or out of range.
    #[error("`{key}`: {problem}")]
    Value {
        /// Path of the key.
        key: String,
        /// What is wrong.
        problem: String,
    },
    /// An override is not of the form `key=value`, or goes through a key that is no section.
    #[error("override `{text}`: {problem}")]
    Override {
        /// As given.
        text: String,
        /// What is wrong.
        problem: String,
    },
    /// No preset has this name.
    #[error("unknown preset `{name}`; there are: {known}")]
    UnknownPreset {
        /// As given.
        name: String,
        /// The names, separated by commas.
        known: String,
        /// The name that comes closest.
        nearest: Option<String>,
    },
}

impl ExperimentError {
    /// A way out, where there is one.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::UnknownKey { nearest: Some(nearest), .. }
            | Self::UnknownPreset { nearest: Some(nearest), .. } => {
                Some(format!("did you mean `{nearest}`?"))
            }
            Self::Missing { hint, .. } => Some((*hint).to_owned()),
            Self::Override { .. } => Some("for example --set train.epochs=20".to_owned()),
            _ => None,
        }
    }
}
