//! The JSON form of architectures. It is stable: the command line, the fixtures and the journal use it.
//!
//! Fields beyond the paper's space (`residual`, `padding`, the `global_avg` pool, `activation` in place of `relu`) are written
//! only where they are on, so the form of an architecture of the paper's space never changes.

mod read;
mod write;

use serde_json::Value;

use crate::{Architecture, ArchitectureError, FieldError, Kind};

/// The name of the pool that takes the mean of every channel.
const GLOBAL_AVG: &str = "global_avg";

impl Architecture {
    /// Reads the JSON form and checks that the architecture is well-formed.
    ///
    /// # Errors
    /// [`ArchitectureError`] names the path of the first unknown, missing or bad field.
    pub fn from_json(kind: Kind, value: &Value) -> Result<Self, ArchitectureError> {
        let architecture = read::architecture(kind, value)?;
        architecture.check_form()?;
        Ok(architecture)
    }

    /// [`Architecture::from_json`] on text.
    ///
    /// # Errors
    /// As there; also if the text is not JSON.
    pub fn from_json_text(kind: Kind, text: &str) -> Result<Self, ArchitectureError> {
        let value = serde_json::from_str(text);
        Self::from_json(kind, &value.map_err(|error| FieldError::Syntax(error.to_string()).at(""))?)
    }

    /// The JSON form: an object with `kind` and the fields of that kind.
    pub fn to_json(&self) -> Value {
        serde_json::to_value(write::record(self)).expect("a record of numbers and names is always valid JSON")
    }

    /// The JSON form on one line, fields in their documented order.
    pub fn to_json_text(&self) -> String {
        serde_json::to_string(&write::record(self))
            .expect("a record of numbers and names is always valid JSON")
    }
}

#[cfg(test)]
mod tests;
