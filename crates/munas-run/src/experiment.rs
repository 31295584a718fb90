//! Experiments: what to search for, in which data, and how. Page-long TOML in, every value resolved out.
//!
//! ```text
//! defaults.toml ◄── recipe ◄── file or preset ◄── --set key=value     layers: the right one wins, key by key
//!        └──────────────────┬──────────────────────┘
//!                  toml::Table ──► keys (unknown?) ──► file form (serde) ──► Experiment (checked, domain types)
//!                                                          ▲                     │
//!                                                          └── experiment.toml ◄─┘  reads back to the same Experiment
//! ```
//!
//! The recipe follows the data. The file of a run has every value; what it lacks is younger than the run, and is that of
//! `first_version.toml`.
//!
//! | module | holds |
//! |---|---|
//! | [`Draft`] | an experiment before its data are known |
//! | `recipe` | values that follow the data |
//! | `file` | the file form: one struct per section, one field per key |
//! | `values` | how single values are written: sizes, durations, schedules, lists |
//! | `keys` | unknown keys and their nearest known ones |
//! | `recorded` | what may change between the sessions of a run |
//! | `layers` | merging tables, `key=value` overrides |
//! | `settle` | what is left to the data |
//! | `resolve`, `file_form` | file form → [`Experiment`] and back |
//! | [`quantity`] | the texts of sizes, counts and durations |

mod bounds_file;
mod draft;
mod error;
mod file;
mod file_form;
mod keys;
pub(crate) mod layers;
mod problem;
mod proportion;
pub mod quantity;
mod recipe;
mod recorded;
mod resolve;
mod settle;
mod values;

use std::fs;
use std::io;
use std::num::NonZero;
use std::path::{self, Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use toml::Table;

use munas_cost::boards::{self, Board, BoardTable};
use munas_data::{
    AudioSettings, Augmentation, Backdrop, CsvSettings, DataError, Dataset, Folds, GroupChoice, Layout,
    LoadOptions, Source,
};
use munas_search::{AlgorithmKind, Bounds, EvolutionSettings, Feasibility, Sampling};
use munas_space::Space;
use munas_train::{Pruning, TrainSettings};

pub use draft::Draft;
pub use error::ExperimentError;
pub use munas_train::PruningMode;
pub use recorded::{Changes, FREE_KEYS};

use crate::driving::{Driving, DrivingError};
use crate::int8::Int8Settings;
use crate::judge::Metric;

/// A search, fully described: the same experiment on the same data gives the same trials.
#[derive(Clone, Debug, PartialEq)]
pub struct Experiment {
    /// Name, for reports.
    pub name: String,
    /// Seed of every random draw: the split of the data, the proposals, the trainings.
    pub seed: u64,
    /// Where the samples come from.
    pub data: DataSettings,
    /// The architectures to choose from.
    pub space: Space,
    /// How each candidate is trained, but for the teacher, which [`Experiment::train_settings`] reads.
    pub train: TrainSettings,
    /// Pruning during training; `None`: none.
    pub pruning: Option<PruningSettings>,
    /// Distillation from a trained model; `None`: none.
    pub distillation: Option<DistillationSettings>,
    /// How networks are quantised after training.
    pub int8: Int8Settings,
    /// The limits to search within.
    pub bounds: Bounds,
    /// How to search, and for how long.
    pub search: SearchSettings,
    /// The board to fit.
    pub board: Option<BoardChoice>,
}

/// Section `[data]`, but `normalise`, which is one of the [`TrainSettings`].
#[derive(Clone, Debug, PartialEq)]
pub struct DataSettings {
    /// A name or the user's own data, as [`munas_data::load`] takes it.
    pub source: String,
    /// The folder with the files of named datasets; `None`: `$MUNAS_DATA` or the user's cache.
    pub dir: Option<PathBuf>,
    /// Share of the training samples that is split off for validation, in (0, 1).
    pub validation: f64,
    /// Height and width that the user's own images are resized to.
    pub size: Option<(usize, usize)>,
    /// Without a size: whether they are resized to a common one where they are large or differ.
    pub fit: bool,
    /// Share of each side of the user's own images that is kept around the centre, in (0, 1]; `None`: all.
    pub crop: Option<f64>,
    /// Whether colour images are turned grey; `None`: own ones are read in grey where all of them are grey.
    pub grey: Option<bool>,
    /// Whether own images are turned upright, as their EXIF data say.
    pub orientation: bool,
    /// What own images are laid over where they are transparent; `None`: their opacity is dropped.
    pub backdrop: Option<Backdrop>,
    /// Whether 16 bits are kept of own images that have them, instead of 8.
    pub deep: bool,
    /// Whether unreadable files are left out instead of being an error.
    pub skip_bad: bool,
    /// Number of training samples to keep (test in proportion); `None`: all.
    pub subset: Option<usize>,
    /// Bytes that the samples may take; `None`: half of the machine's memory.
    pub memory: Option<u64>,
    /// What the axes of arrays of samples mean.
    pub layout: Layout,
    /// Names of the arrays of an archive: samples and labels of training, then of test, or of validation and of test; `None`: the
    /// usual ones.
    pub arrays: Option<Vec<String>>,
    /// Whether the distinct labels of arrays are the classes; if not, labels are the numbers of classes.
    pub compact_labels: bool,
    /// Whether each class has a sample in every part that is drawn.
    pub every_class: bool,
    /// Which samples belong together and stay on one side of every split.
    pub groups: GroupChoice,
    /// How tables of text are read.
    pub csv: CsvSettings,
    /// How recordings become samples.
    pub audio: AudioSettings,
}

/// Section `[board]`.
#[derive(Clone, Debug, PartialEq)]
pub struct BoardChoice {
    /// The board: its memory bounds the search, and its latency model gives milliseconds.
    pub board: Board,
    /// The user's table that it is from; `None`: munas's own.
    pub file: Option<PathBuf>,
    /// Where the network's input lies while it is computed.
    pub input: InputPlace,
    /// Inferences per second: a bound on the latency, and energy has the sleep between them in it. `None`: one alone.
    pub rate: Option<f64>,
}

/// Where the input of a network lies on the board, one byte per element.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum InputPlace {
    /// In the RAM that the bounds are for, beside the activations.
    #[default]
    Ram,
    /// Elsewhere: the buffer of a camera, another memory. It takes nothing of the bounds.
    External,
}

/// Section `[train.pruning]`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PruningSettings {
    /// What is removed.
    pub mode: PruningMode,
    /// Epoch from which masks are computed.
    pub start: u32,
    /// Epoch at which the final sparsity is reached.
    pub finish: u32,
    /// Smallest final sparsity, in [0, 1).
    pub min_sparsity: f64,
    /// Largest final sparsity, in [0, 1).
    pub max_sparsity: f64,
    /// Whether a trial is pruned beyond its target, up to `max_sparsity`, where it takes that to meet the hard bounds.
    pub fits_bounds: bool,
}

impl PruningSettings {
    /// The pruning of a trial with this target.
    pub fn at(&self, sparsity: f64) -> Pruning {
        Pruning { mode: self.mode, sparsity, start: self.start, finish: self.finish }
    }
}

/// Section `[train.distillation]`.
#[derive(Clone, Debug, PartialEq)]
pub struct DistillationSettings {
    /// Path of the trained model to learn from.
    pub teacher: PathBuf,
    /// Weight of the distillation loss.
    pub alpha: f64,
    /// Temperature of both soft-maxes.
    pub temperature: f64,
}

/// Section `[search]`.
#[derive(Clone, Debug, PartialEq)]
pub struct SearchSettings {
    /// Which algorithm proposes.
    pub algorithm: AlgorithmKind,
    /// Population and sample of evolutionary algorithms.
    pub evolution: EvolutionSettings,
    /// Number of trials after which the search ends.
    pub trials: u64,
    /// Wall time after which the search ends, from the start of the process.
    pub time: Option<Duration>,
    /// The search ends with the first trial whose error is at most this and that meets all bounds.
    pub target_error: Option<f64>,
    /// Trials side by side; 0: one per core.
    pub workers: usize,
    /// Bytes that a training takes on average over the workers. One that would take the workers beyond their sum waits
    /// until others have ended, and later ones that fit go first.
    pub worker_memory: u64,
    /// Bytes that one training may take: what needs more is not proposed. `None`: whatever it needs.
    pub training_memory: Option<u64>,
    /// Multiply-accumulate operations of one inference that a network may have to be trained: what has more is not
    /// proposed. `None`: as many as it has.
    pub max_training_cost: Option<u64>,
    /// How random architectures are drawn.
    pub sampling: Sampling,
    /// Which error drives the search.
    pub error: DrivingError,
    /// What counts as an error.
    pub metric: Metric,
    /// Pairs of training and validation parts that networks are judged on which would be on the front.
    pub folds: Folds,
    /// Whether candidates far out of bounds are left untrained.
    pub feasibility: Feasibility,
    /// Whether an architecture that was trained before may be trained again.
    pub repeats: bool,
    /// Refused draws in a row after which the search gives up.
    pub max_draws: NonZero<u64>,
}

impl SearchSettings {
    /// The error that drives the search.
    pub const fn driving(&self) -> Driving {
        Driving { error: self.error, metric: self.metric }
    }
}

impl Experiment {
    /// An experiment from the text of a file and `key=value` overrides; keys that neither has take the values of the
    /// built-in defaults (`defaults.toml` of this crate), whatever the data. [`Draft`] lets them follow the data.
    ///
    /// # Errors
    /// As [`Draft::from_toml`].
    pub fn from_toml(text: &str, overrides: &[String]) -> Result<Self, ExperimentError> {
        Draft::from_toml(text, overrides)?.preliminary()
    }

    /// The experiment of a run, from the file in its directory. Keys that it lacks are younger than the run; they have the
    /// value that the version which made it implied (`first_version.toml` of this crate).
    ///
    /// # Errors
    /// As [`Experiment::from_toml`].
    pub fn from_run_file(text: &str) -> Result<Self, ExperimentError> {
        let given = layers::parse(text)?;
        // What its board bounds was written down when the run was made.
        Self::as_written(implied_by_first_version(&given)?, given)
    }

    /// The experiment of two layers, bounded by what its board has.
    fn from_layers(under: Table, over: Table) -> Result<Self, ExperimentError> {
        let mut experiment = Self::as_written(under, over)?;
        if let Some(choice) = &experiment.board {
            resolve::cap_by_board(&mut experiment.bounds, choice);
        }
        Ok(experiment)
    }

    fn as_written(under: Table, over: Table) -> Result<Self, ExperimentError> {
        keys::check(&over)?;
        let file = file::read(layers::merge(under, over))?;
        let board = file.board.as_ref().map(resolve_board).transpose()?;
        resolve::resolve(file, board)
    }

    /// The text of a file with every value written out; [`Experiment::from_toml`] reads the same experiment from it.
    pub fn to_toml(&self) -> String {
        file::write(&file_form::file_form(self))
    }

    /// Loads the data, split with the experiment's seed.
    ///
    /// # Errors
    /// [`DataError`], which names the file.
    pub fn load_data(&self) -> Result<Dataset, DataError> {
        let data = self.data.clone();
        let background = self.train.augment.iter().find_map(|change| match change {
            Augmentation::Background { volume, .. } => Some(*volume),
            _ => None,
        });
        let options = LoadOptions {
            data_dir: data.dir,
            validation: data.validation,
            seed: self.seed,
            size: data.size,
            fit: data.fit,
            crop: data.crop,
            grey: data.grey,
            orientation: data.orientation,
            backdrop: data.backdrop,
            deep: data.deep,
            audio: data.audio,
            background,
            skip_bad: data.skip_bad,
            subset: data.subset,
            memory: data.memory,
            layout: data.layout,
            arrays: data.arrays,
            compact_labels: data.compact_labels,
            every_class: data.every_class,
            groups: data.groups,
            folds: self.search.folds,
            balanced: self.search.metric != Metric::Error,
            csv: data.csv,
        };
        munas_data::load(&data.source, &options)
    }

    /// The same experiment with absolute paths, so that it can be gone on with from anywhere.
    ///
    /// # Errors
    /// If the current folder is not known, or its path is no Unicode, which TOML cannot hold.
    pub fn with_absolute_paths(mut self) -> io::Result<Self> {
        if let Some(dir) = &mut self.data.dir {
            *dir = absolute(dir)?;
        }
        if let Some(BoardChoice { file: Some(file), .. }) = &mut self.board {
            *file = absolute(file)?;
        }
        if let Some(distillation) = &mut self.distillation {
            distillation.teacher = absolute(&distillation.teacher)?;
        }
        let source = match self.data.source.parse() {
            Ok(Source::Images(path)) => Source::Images(absolute(&path)?),
            Ok(Source::Audio(path)) => Source::Audio(absolute(&path)?),
            Ok(Source::Csv { path, label }) => Source::Csv { path: absolute(&path)?, label },
            Ok(Source::Npz(path)) => Source::Npz(absolute(&path)?),
            Ok(Source::Idx(path)) => Source::Idx(absolute(&path)?),
            _ => return Ok(self),
        };
        self.data.source = source.to_string();
        Ok(self)
    }
}

/// The board that a section names, from the table that it names.
fn resolve_board(file: &file::BoardFile) -> Result<BoardChoice, ExperimentError> {
    if file.name.is_empty() {
        let problem = "no board is named (`munas boards` lists them)".to_owned();
        return Err(ExperimentError::Value { key: "board.name".to_owned(), problem });
    }
    let table = match &file.file {
        None => boards::builtin().clone(),
        Some(path) => {
            let text = fs::read_to_string(path).map_err(|error| error.to_string());
            let table = text.and_then(|text| BoardTable::parse(&text).map_err(|error| error.to_string()));
            table.map_err(|problem| ExperimentError::Value {
                key: "board.file".to_owned(),
                problem: format!("{}: {problem}", path.display()),
            })?
        }
    };
    let board = table.find(&file.name).map_err(|error| {
        let hint = format!(" ({})", error.advice("`board.file` names a table with boards of your own"));
        ExperimentError::Value { key: "board.name".to_owned(), problem: format!("{error}{hint}") }
    })?;
    Ok(BoardChoice { board: board.clone(), file: file.file.clone(), input: file.input, rate: file.rate })
}

fn absolute(path: &Path) -> io::Result<PathBuf> {
    let absolute = path::absolute(path)?;
    match absolute.to_str() {
        Some(_) => Ok(absolute),
        None => Err(io::Error::new(io::ErrorKind::InvalidFilename, "the path is not Unicode")),
    }
}

/// What lies under the keys of a run's file: the defaults, and what the first version implied. An optional section that the run
/// does not have stays away: the keys that are younger would make it one.
fn implied_by_first_version(given: &Table) -> Result<Table, ExperimentError> {
    let mut implied = layers::parse(FIRST_VERSION)?;
    layers::drop_absent_section(&mut implied, given, ["train", "pruning"]);
    Ok(layers::merge(layers::parse(DEFAULTS)?, implied))
}

/// The value of every key that has one without being asked for.
const DEFAULTS: &str = include_str!("experiment/defaults.toml");

/// The value of every key younger than the first version in the runs that it made.
const FIRST_VERSION: &str = include_str!("experiment/first_version.toml");

#[cfg(test)]
mod tests;
