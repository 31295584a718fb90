//! Which error drives a search, and what its figures count.

use munas_cost::MemoryModel;
use serde::{Deserialize, Serialize};

use crate::judge::{Metric, Scores};

/// Which error drives the search.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DrivingError {
    /// Of the float network.
    #[default]
    Float,
    /// Of the network quantised to int8.
    Int8,
}

/// The error that drives a search.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Driving {
    /// Of which network.
    pub error: DrivingError,
    /// What counts as an error.
    pub metric: Metric,
}

impl Driving {
    /// The error of a network in floats with `float`, and in int8 with `int8`; `None` if it was not measured.
    pub(crate) fn of(self, float: &Scores, int8: Option<&Scores>) -> Option<f64> {
        match self.error {
            DrivingError::Float => Some(float.get(self.metric)),
            DrivingError::Int8 => int8.map(|scores| scores.get(self.metric)),
        }
    }

    /// What users read: "balanced error in int8".
    pub fn title(self) -> String {
        match self.error {
            DrivingError::Float => self.metric.title().to_owned(),
            DrivingError::Int8 => format!("{} in int8", self.metric.title()),
        }
    }
}

/// What the words "error" and "peak memory" stand for in a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// The error that drives the search.
    pub driving: Driving,
    /// What peak memory counts.
    pub memory: MemoryModel,
}
