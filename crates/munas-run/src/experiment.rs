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
//! | `settings`, `check` | sections that are settings as they stand, and which of their values make sense |
//! | `resolve` | file form → [`Experiment`] and back |
//! | [`quantity`] | the texts of sizes, counts and durations |

mod bounds_file;
mod check;
mod draft;
mod error;
mod file;
mod keys;
pub(crate) mod layers;
mod problem;
mod proportion;
pub mod quantity;
mod recipe;
mod recorded;
mod resolve;
mod settings;
mod settle;
mod values;

use std::fs;
use std::io;
use std::path::{self, Path, PathBuf};

use toml::Table;

use munas_cost::MemoryModel;
use munas_cost::boards::{self, BoardTable};
use munas_data::{Augmentation, DataError, Dataset, LoadOptions, Source};
use munas_search::Bounds;
use munas_space::Space;
use munas_train::TrainSettings;

pub use draft::Draft;
pub use error::ExperimentError;
pub use munas_train::PruningMode;
pub use recorded::{Changes, FREE_KEYS};
pub use settings::{
    BoardChoice, DataSettings, DistillationSettings, ENDLESS_TRIALS, FinalSettings, InputPlace,
    PruningSettings, SearchSettings,
};

use crate::driving::Terms;
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
    /// What peak memory counts.
    pub memory: MemoryModel,
    /// How to search, and for how long.
    pub search: SearchSettings,
    /// How the best networks are trained anew.
    pub finalists: FinalSettings,
    /// The board to fit.
    pub board: Option<BoardChoice>,
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
        file::write(&resolve::file_form(self))
    }

    /// What the words of its figures stand for.
    pub const fn terms(&self) -> Terms {
        Terms { driving: self.search.driving(), memory: self.memory }
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
            size: data.size.map(|[height, width]| (height, width)),
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
            Ok(Source::Packed(path)) => Source::Packed(absolute(&path)?),
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
