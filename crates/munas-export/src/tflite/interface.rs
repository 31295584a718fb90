//! What a network's input is made of, and what its output stands for.

use serde::{Deserialize, Serialize};

use crate::input::InputConversion;

/// The text file with the names of the classes.
pub const LABEL_FILE: &str = "labels.txt";

/// What a network's input is made of, and what its output stands for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Interface {
    /// How raw values become the input, where that is known. One scale and offset stand for those of all channels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<InputConversion>,
    /// Names of the classes, in order; empty where they are not known.
    #[serde(default)]
    pub classes: Vec<String>,
}

impl Interface {
    pub(super) fn is_empty(&self) -> bool {
        self.input.is_none() && self.classes.is_empty()
    }

    /// The same with one scale and offset where all channels have the same.
    pub(super) fn compact(&self) -> Self {
        let mut interface = self.clone();
        if let Some(input) = interface.input.as_mut().filter(|input| input.is_uniform()) {
            input.scale.truncate(1);
            input.offset.truncate(1);
        }
        interface
    }
}
