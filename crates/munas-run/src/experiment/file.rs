//! The file form of an experiment: one struct per section, one field per key, in the order in which they are written. Sections that are
//! settings as they stand are those of `settings`.
//!
//! Keys without a default are optional (`Option`). The structs know how values are written, not which of them make
//! sense; that is checked when they are resolved.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use munas_cost::{NetworkInput, Runtime};
use munas_data::{Augmentation, text_form};
use munas_train::{Keep, NormStatistics, Optimizer, Schedule};

use super::bounds_file::BoundsFile;
use super::settings::{
    DataSettings, DistillationSettings, FinalSettings, InputPlace, PruningSettings, SearchSettings,
};
use super::{ExperimentError, values};
use crate::int8::Int8Settings;

/// The whole file.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, expecting = "a section")]
pub(super) struct ExperimentFile {
    /// Name, for reports and the directory of the run.
    pub name: String,
    /// Seed of every random draw: the split of the data, the proposals, the trainings.
    pub seed: u64,
    /// Where the samples come from, and how they are read.
    pub data: DataSettings,
    /// The architectures to choose from.
    pub space: SpaceFile,
    /// How each candidate is trained.
    pub train: TrainFile,
    /// How networks are quantised after training.
    pub int8: Int8Settings,
    /// The limits to search within: the largest value of each objective. Bounds are soft but for those in `hard`.
    pub bounds: BoundsFile,
    /// What peak memory counts: how networks are executed, and where their input is.
    #[serde(default)]
    pub memory: MemoryFile,
    /// How to search, and for how long.
    pub search: SearchSettings,
    /// How the best networks of the front are trained anew at the end of a search.
    #[serde(rename = "final")]
    pub finalists: FinalSettings,
    /// The board to fit: its memory bounds the search, and its clock gives milliseconds.
    pub board: Option<BoardFile>,
}

/// `[space]`
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, expecting = "a section")]
pub(super) struct SpaceFile {
    /// What samples are like: pictures (`cnn2d`), series (`cnn1d`) or tables (`mlp`).
    pub kind: String,
    /// The name of a set of bounds, or a section with the keys below, of which those that are left out are as in `munas-2020`.
    pub bounds: Option<Value>,
}

/// `[train]`; keys without a comment are fields of [`TrainSettings`](munas_train::TrainSettings), which says what they are.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, expecting = "a section")]
pub(super) struct TrainFile {
    pub epochs: u32,
    pub steps_per_epoch: Option<u32>,
    pub batch: usize,
    #[serde(with = "text_form")]
    pub optimizer: Optimizer,
    pub learning_rate: f64,
    /// Share of the last step that the next one of `sgdw` takes over, in [0, 1).
    pub momentum: Option<f64>,
    pub weight_decay: f64,
    /// How the learning rate changes: by a name, or by a list of `[epoch, learning rate]`, each from that epoch on.
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
    /// Pruning during training; without the section, none.
    pub pruning: Option<PruningSettings>,
    /// Learning from a trained model besides the labels; without the section, none.
    pub distillation: Option<DistillationSettings>,
    /// Training as the int8 network computes; without the section, none.
    pub quantisation: Option<QuantisationFile>,
}

/// `[train.quantisation]`
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, expecting = "a section")]
pub(super) struct QuantisationFile {
    /// The last epochs, which are trained so.
    pub epochs: u32,
}

/// `[memory]`
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, expecting = "a section")]
pub(super) struct MemoryFile {
    /// How the device executes a network: `layers`, one operator after the other in full, or `streamed`, in rows where that takes less
    /// memory. With a board it is `streamed` unless you say otherwise: that is what munas exports.
    #[serde(default, with = "values::optional_text")]
    pub runtime: Option<Runtime>,
    /// Where the network's input is: `external`, in memory that is not counted; `buffer`, whole in memory that is; or `rows`: it
    /// comes row by row, as a sensor gives it. Unless you say otherwise, `rows` where networks are streamed for a board, or because you
    /// say so; else `external`.
    #[serde(default, with = "values::optional_text")]
    pub input: Option<NetworkInput>,
}

/// `[board]`
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, expecting = "a section")]
pub(super) struct BoardFile {
    /// Name of the board; `munas boards` lists them.
    #[serde(default)]
    pub name: String,
    /// A table of boards of the user's own (TOML); munas's own if left out.
    pub file: Option<PathBuf>,
    /// Where the input of the network lies while it is computed: in the RAM that the bounds are for, or elsewhere.
    #[serde(default)]
    pub input: InputPlace,
    /// Inferences per second: bounds the latency, and the energy then has the sleep between them in it.
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
pub(super) fn in_plain_words(message: &str) -> String {
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
