//! What a file of a model says besides its tensors: the entry `munas` of the metadata, a JSON object.

use serde::{Deserialize, Serialize};

use munas_data::{Dataset, ElementType, Normalisation, NormaliseMode};

/// The data that a network was trained on: which they are, and how their values become inputs.
#[derive(Clone, Debug, PartialEq)]
pub struct DataFacts {
    /// [`Dataset::fingerprint`].
    pub fingerprint: String,
    /// One name per class.
    pub class_names: Vec<String>,
    /// The type of the stored values.
    pub element: ElementType,
    /// What is done to them.
    pub normalisation: Normalisation,
}

impl DataFacts {
    /// The facts of a data set under a normalisation.
    pub fn of(dataset: &Dataset, normalise: NormaliseMode) -> Self {
        Self {
            fingerprint: dataset.fingerprint.clone(),
            class_names: dataset.class_names.clone(),
            element: dataset.element_type(),
            normalisation: dataset.normalisation(normalise),
        }
    }
}

/// The content of the entry. Only these keys: a damaged key is not taken for one of another version.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Facts {
    pub trial: u64,
    pub space: String,
    pub architecture: serde_json::Value,
    /// The graph's JSON, as text.
    pub graph: String,
    /// Files of the first version have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<DataForm>,
    /// See [`crate::checksum`]; files of the first version have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksum: Option<String>,
}

/// [`DataFacts`] without the normalisation, whose numbers are tensors: those keep every bit.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DataForm {
    pub fingerprint: String,
    pub class_names: Vec<String>,
    pub element: String,
}

impl DataForm {
    pub fn of(facts: &DataFacts) -> Self {
        let DataFacts { fingerprint, class_names, element, .. } = facts.clone();
        Self { fingerprint, class_names, element: element.name().to_owned() }
    }

    /// The facts, for a network whose input has so many channels.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn with(self, normalisation: Normalisation, channels: usize) -> Result<DataFacts, String> {
        let Self { fingerprint, class_names, element } = self;
        if [normalisation.scale.len(), normalisation.offset.len()] != [channels; 2] {
            return Err(format!("the normalisation does not have the {channels} channels of the input"));
        }
        let element = element.parse().map_err(|error| format!("element: {error}"))?;
        Ok(DataFacts { fingerprint, class_names, element, normalisation })
    }
}
