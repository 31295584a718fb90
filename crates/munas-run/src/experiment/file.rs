//! The file form of an experiment: one struct per section, one field per key, in the order in which they are written.
//!
//! Keys without a default are optional (`Option`). The structs know how values are written, not which of them make
//! sense; that is checked when they are resolved.

use std::num::NonZero;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use munas_data::{
    Augmentation, Backdrop, Channel, Delimiter, FeatureKind, Folds, GroupChoice, HeaderRow, IndexColumn,
    Layout, NormaliseMode,
};
use munas_quant::Calibration;
use munas_search::{AlgorithmKind, Feasibility, Sampling};
use munas_train::{Keep, NormStatistics, PruningMode, Schedule};

use super::bounds_file::BoundsFile;
use super::{DrivingError, ExperimentError, InputPlace, Metric, values};

/// The whole file.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, expecting = "a section")]
pub(super) struct ExperimentFile {
    pub name: String,
    pub seed: u64,
    pub data: DataFile,
    pub space: SpaceFile,
    pub train: TrainFile,
    pub int8: Int8File,
    pub bounds: BoundsFile,
    pub search: SearchFile,
    pub board: Option<BoardFile>,
}

/// `[data]`
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, expecting = "a section")]
pub(super) struct DataFile {
    pub source: Option<String>,
    pub dir: Option<PathBuf>,
    pub validation: f64,
    #[serde(with = "values::text")]
    pub normalise: NormaliseMode,
    /// Height and width.
    pub size: Option<[usize; 2]>,
    pub fit: bool,
    pub crop: Option<f64>,
    #[serde(with = "values::flag_or_auto")]
    pub grey: Option<bool>,
    pub orientation: bool,
    #[serde(with = "values::or_none")]
    pub backdrop: Option<Backdrop>,
    pub bits: u32,
    pub skip_bad: bool,
    pub subset: Option<usize>,
    #[serde(default, deserialize_with = "values::optional_bytes")]
    pub memory: Option<u64>,
    #[serde(with = "values::text")]
    pub layout: Layout,
    pub arrays: Option<Vec<String>>,
    pub compact_labels: bool,
    pub every_class: bool,
    #[serde(with = "values::name")]
    pub groups: GroupChoice,
    pub csv: CsvFile,
    pub audio: AudioFile,
}

/// `[data.csv]`
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, expecting = "a section")]
pub(super) struct CsvFile {
    #[serde(with = "values::text_or_auto")]
    pub delimiter: Option<Delimiter>,
    #[serde(with = "values::text")]
    pub header: HeaderRow,
    #[serde(with = "values::text")]
    pub index: IndexColumn,
    pub ignore: Vec<String>,
}

/// `[data.audio]`
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, expecting = "a section")]
pub(super) struct AudioFile {
    #[serde(with = "values::text")]
    pub features: FeatureKind,
    pub rate: Option<u32>,
    #[serde(with = "values::text")]
    pub channel: Channel,
    pub clip_ms: f64,
    pub window_ms: f64,
    pub stride_ms: f64,
    pub fft: Option<usize>,
    pub mel_bins: usize,
    pub coefficients: usize,
    pub band: Option<[f64; 2]>,
    pub log_offset: f64,
    pub peak: bool,
    pub range: Option<[f64; 2]>,
    pub renditions: usize,
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
    pub optimizer: OptimizerName,
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
    pub pruning: Option<PruningFile>,
    pub distillation: Option<DistillationFile>,
    pub quantisation: Option<QuantisationFile>,
}

/// Names of the optimisers.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum OptimizerName {
    Sgdw,
    AdamW,
    Adam,
}

/// `[train.pruning]`
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, expecting = "a section")]
pub(super) struct PruningFile {
    pub mode: PruningMode,
    pub start: u32,
    pub finish: u32,
    pub min_sparsity: f64,
    pub max_sparsity: f64,
    #[serde(default)]
    pub fit: PruningFitName,
}

/// What pruning has to reach.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum PruningFitName {
    #[default]
    HardBounds,
    None,
}

/// `[train.distillation]`
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, expecting = "a section")]
pub(super) struct DistillationFile {
    pub teacher: PathBuf,
    #[serde(default = "default_alpha")]
    pub alpha: f64,
    #[serde(default = "default_temperature")]
    pub temperature: f64,
}

/// `[train.quantisation]`
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, expecting = "a section")]
pub(super) struct QuantisationFile {
    pub epochs: u32,
}

fn default_alpha() -> f64 {
    0.3
}

fn default_temperature() -> f64 {
    1.0
}

/// `[int8]`
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, expecting = "a section")]
pub(super) struct Int8File {
    #[serde(with = "values::text")]
    pub calibration: Calibration,
    pub samples: usize,
    pub bias_correction: bool,
}

/// `[search]`
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, expecting = "a section")]
pub(super) struct SearchFile {
    #[serde(with = "values::text")]
    pub algorithm: AlgorithmKind,
    pub trials: u64,
    #[serde(default, with = "values::duration")]
    pub time: Option<Duration>,
    pub target_error: Option<f64>,
    pub population: usize,
    pub sample: usize,
    pub workers: usize,
    #[serde(deserialize_with = "values::bytes")]
    pub worker_memory: u64,
    #[serde(with = "values::text")]
    pub sampling: Sampling,
    #[serde(default, deserialize_with = "values::optional_bytes")]
    pub training_memory: Option<u64>,
    #[serde(default, deserialize_with = "values::optional_count")]
    pub max_training_cost: Option<u64>,
    pub error: DrivingError,
    #[serde(with = "values::text")]
    pub metric: Metric,
    #[serde(with = "values::name")]
    pub folds: Folds,
    pub feasibility: Feasibility,
    pub repeats: bool,
    pub max_draws: NonZero<u64>,
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
