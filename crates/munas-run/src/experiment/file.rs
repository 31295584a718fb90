//! The file form of an experiment: one struct per section, one field per key, in the order in which they are written. Sections that are
//! settings as they stand are those of `settings`.
//!
//! Keys without a default are optional (`Option`). The structs know how values are written, not which of them make
//! sense; that is checked when they are resolved.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use munas_data::{Augmentation, text_form};
use munas_train::{Keep, NormStatistics, Optimizer, Schedule};

use super::bounds_file::BoundsFile;
use super::settings::{DataSettings, DistillationSettings, InputPlace, PruningSettings, SearchSettings};
use super::{ExperimentError, values};
use crate::int8::Int8Settings;

/// The whole file.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, expecting = "a section")]
pub(super) struct ExperimentFile {
    pub name: String,
    pub seed: u64,
    pub data: DataSettings,
    pub space: SpaceFile,
    pub train: TrainFile,
    pub int8: Int8Settings,
    pub bounds: BoundsFile,
    pub search: SearchSettings,
    pub board: Option<BoardFile>,
}

/// `[space]`
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, expecting = "a section")]
pub(super) struct SpaceFile {
    pub kind: String,
    /// A set's name, or a table in the form of the kind of space.
    pub bounds: Option<Value>,
}

/// `[train]`
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, expecting = "a section")]
pub(super) struct TrainFile {
    pub epochs: u32,
    pub batch: usize,
    #[serde(with = "text_form")]
    pub optimizer: Optimizer,
    pub learning_rate: f64,
    pub momentum: Option<f64>,
    pub weight_decay: f64,
    #[serde(with = "values::schedule")]
    pub schedule: Schedule,
    pub warm_up: f64,
    pub dropout: f64,
    #[serde(with = "values::augment")]
    pub augment: Vec<Augmentation>,
    pub augment_until: f64,
    pub class_weights: bool,
    pub label_smoothing: f64,
    pub gradient_clip: Option<f64>,
    pub kernel_l2: f64,
    pub norm_statistics: NormStatistics,
    pub keep: Keep,
    pub early_stop: Option<u32>,
    pub pruning: Option<PruningSettings>,
    pub distillation: Option<DistillationSettings>,
    pub quantisation: Option<QuantisationFile>,
}

/// `[train.quantisation]`
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, expecting = "a section")]
pub(super) struct QuantisationFile {
    pub epochs: u32,
}

/// `[board]`
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, expecting = "a section")]
pub(super) struct BoardFile {
    #[serde(default)]
    pub name: String,
    /// A table of boards besides munas's own.
    pub file: Option<PathBuf>,
    #[serde(default)]
    pub input: InputPlace,
    /// Inferences per second.
    pub rate: Option<f64>,
}

/// The file form of a table.
///
/// # Errors
/// [`ExperimentError::Value`] with the path of the first key whose value cannot be read.
pub(super) fn read(table: Table) -> Result<ExperimentFile, ExperimentError> {
    serde_path_to_error::deserialize(Value::Table(table)).map_err(|error| ExperimentError::Value {
        key: error.path().to_string(),
        problem: in_plain_words(error.inner().message().trim_end()),
    })
}

/// A message of serde with Rust's names of types replaced.
fn in_plain_words(message: &str) -> String {
    let words = [
        ("a nonzero u64", "a whole number above 0"),
        ("u32", "a whole number"),
        ("u64", "a whole number"),
        ("usize", "a whole number"),
        ("f64", "a number"),
    ];
    let replaced = words.iter().find_map(|(name, plain)| {
        let rest = message.strip_suffix(name)?.strip_suffix("expected ")?;
        Some(format!("{rest}expected {plain}"))
    });
    replaced.unwrap_or_else(|| message.to_owned())
}

/// The text of a file form.
pub(super) fn write(file: &ExperimentFile) -> String {
    toml::to_string(file).expect("the file form has only values that TOML can hold")
}
