//! The sections of an experiment that are settings as they stand in its file: a field per key, in the order in which keys are written.
//!
//! The attributes say how values are written; which of them make sense is checked in `check`.

use std::num::NonZero;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use munas_cost::boards::Board;
use munas_data::{
    AudioSettings, Backdrop, CsvSettings, Folds, GroupChoice, Layout, NormaliseMode, text_form,
};
use munas_search::algorithms::{
    AlgorithmKind, AlgorithmSettings, BayesSettings, BayesVariant, EvolutionSettings, NicheSettings,
};
use munas_search::{Feasibility, Sampling};
use munas_train::{Pruning, PruningMode};
use serde::{Deserialize, Serialize};

use super::values;
use crate::driving::{Driving, DrivingError};
use crate::judge::Metric;

/// Section `[data]`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, expecting = "a section")]
pub struct DataSettings {
    /// A named dataset, or the user's own data: `images:DIR`, `audio:DIR`, `csv:FILE`, `npz:FILE`, `idx:DIR`, `packed:FILE`.
    #[serde(default)]
    pub source: String,
    /// The folder with the files of named datasets; if left out, `$MUNAS_DATA` or the user's cache.
    pub dir: Option<PathBuf>,
    /// Share of the training samples that is split off for validation, in (0, 1).
    pub validation: f64,
    /// How stored values become inputs of the network.
    #[serde(with = "text_form")]
    pub normalise: NormaliseMode,
    /// Height and width that the user's own images are resized to.
    pub size: Option<[usize; 2]>,
    /// Without a size: whether own images are resized to a common one where they are large or differ.
    pub fit: bool,
    /// Share of each side of the user's own images that is kept around the centre, in (0, 1]; all if left out.
    pub crop: Option<f64>,
    /// Whether colour images are turned grey; `auto`: own ones are read in grey where all of them are grey.
    #[serde(with = "values::flag_or_auto")]
    pub grey: Option<bool>,
    /// Whether own images are turned upright, as their EXIF data say.
    pub orientation: bool,
    /// What own images are laid over where they are transparent; `none`: their opacity is dropped.
    #[serde(with = "values::or_none")]
    pub backdrop: Option<Backdrop>,
    /// Bits that are kept of own images that have 16.
    #[serde(rename = "bits", with = "values::bits")]
    pub deep: bool,
    /// Whether unreadable files are left out instead of being an error.
    pub skip_bad: bool,
    /// Number of training samples to keep (test in proportion); all if left out.
    pub subset: Option<usize>,
    /// Bytes that the samples may take; half of the machine's memory if left out.
    #[serde(default, deserialize_with = "values::optional_bytes")]
    pub memory: Option<u64>,
    /// What the axes of arrays of samples mean.
    #[serde(with = "text_form")]
    pub layout: Layout,
    /// Names of the arrays of an archive: samples and labels of training, then of test, or of validation and of test; the
    /// usual ones if left out.
    pub arrays: Option<Vec<String>>,
    /// Whether the distinct labels of arrays are the classes; if not, labels are the numbers of classes.
    pub compact_labels: bool,
    /// Whether each class has a sample in every part that is drawn.
    pub every_class: bool,
    /// Which samples belong together and stay on one side of every split.
    #[serde(with = "values::name")]
    pub groups: GroupChoice,
    /// How tables of text are read.
    pub csv: CsvSettings,
    /// How recordings become samples.
    pub audio: AudioSettings,
}

/// Section `[board]`, with the board that it names: what the network is for.
#[derive(Clone, Debug, PartialEq)]
pub struct BoardChoice {
    /// The board: its memory bounds the search, and its latency model gives milliseconds.
    pub board: Board,
    /// The user's table that it is from; munas's own if left out.
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
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, expecting = "a section")]
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
    /// What a trial is pruned for beyond its target, up to `max_sparsity`: to meet the hard bounds, or nothing.
    #[serde(rename = "fit", default = "values::pruning_fit::default", with = "values::pruning_fit")]
    pub fits_bounds: bool,
}

impl PruningSettings {
    /// The pruning of a trial with this target.
    pub fn at(&self, sparsity: f64) -> Pruning {
        Pruning { mode: self.mode, sparsity, start: self.start, finish: self.finish }
    }
}

/// Section `[train.distillation]`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, expecting = "a section")]
pub struct DistillationSettings {
    /// Path of the trained model to learn from.
    pub teacher: PathBuf,
    /// Weight of the distillation loss.
    #[serde(default = "DistillationSettings::default_alpha")]
    pub alpha: f64,
    /// Temperature of both soft-maxes.
    #[serde(default = "DistillationSettings::default_temperature")]
    pub temperature: f64,
}

impl DistillationSettings {
    fn default_alpha() -> f64 {
        0.3
    }

    fn default_temperature() -> f64 {
        1.0
    }
}

/// Section `[final]`.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, expecting = "a section")]
pub struct FinalSettings {
    /// Share of the time of a search, its last part, in which networks of the front are trained anew, in [0, 1); 0: none are.
    pub share: f64,
    /// The networks that are trained anew; more are where the time allows the longest trainings of them.
    pub networks: usize,
    /// Trainings of each of them, with a seed each.
    pub seeds: u32,
    /// Epochs of these trainings at least, as a multiple of those in the search.
    pub longer: f64,
    /// Epochs of these trainings at most, as such a multiple: as many as the time allows; if it is below `longer`, that one holds.
    pub longest: f64,
    /// Whether they learn from the outputs of the largest of the best networks of the front besides the labels.
    pub distillation: bool,
    /// Share of their epochs, the last ones, that is trained as the int8 network computes, in [0, 1); 0: none is.
    pub quantised: f64,
}

impl FinalSettings {
    /// How many times as long as in the search a training may be.
    pub const FACTORS: RangeInclusive<f64> = 0.01..=1_000.0;

    /// What of the time of a search is left for trials.
    pub fn time_of_trials(&self, time: Duration) -> Duration {
        time.mul_f64(1.0 - self.share)
    }

    /// What finalists take after trials that took so much time.
    pub fn time_after(&self, trials: Duration) -> Duration {
        trials.mul_f64(self.share / (1.0 - self.share))
    }
}

/// The number of trials of a run that nothing but its time shall end.
pub const ENDLESS_TRIALS: u64 = 1_000_000;

/// Section `[search]`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, expecting = "a section")]
pub struct SearchSettings {
    /// Which algorithm proposes.
    #[serde(with = "text_form")]
    pub algorithm: AlgorithmKind,
    /// Number of trials after which the search ends.
    pub trials: u64,
    /// Wall time after which the search ends, from the start of the process.
    #[serde(default, with = "values::duration")]
    pub time: Option<Duration>,
    /// The search ends with the first trial whose error is at most this and that meets all bounds.
    pub target_error: Option<f64>,
    /// Trials of the population of evolutionary algorithms.
    pub population: usize,
    /// Members of the population that a tournament is held among.
    pub sample: usize,
    /// Rungs of `niche`: a training rests after a third of the epochs, a ninth, and so on, so many times less one, until it is promoted.
    /// 1: every trial is trained to its end. Other algorithms have none.
    pub rungs: NonZero<u32>,
    /// Of `niche`: share of its decisions that aim at the least error within hard bounds, whatever a network takes of them, in [0, 1]. The others
    /// aim at the whole front.
    pub error_share: f64,
    /// Of `niche`: multiply-accumulate operations that take as long as what training on a sample takes besides those of the network. It
    /// decides how much dearer large networks are than small ones.
    #[serde(deserialize_with = "values::count")]
    pub sample_cost: u64,
    /// Of `bayes`: what it proposes from. `local`: the morphisms of a past network alone; `multi-fidelity`: many networks are trained for as
    /// few as 0.3 of the epochs, and the model learns from these too.
    #[serde(with = "text_form")]
    pub bayes_variant: BayesVariant,
    /// Trials side by side; 0: one per core.
    pub workers: usize,
    /// Bytes that a training takes on average over the workers. One that would take the workers beyond their sum waits
    /// until others have ended, and later ones that fit go first.
    #[serde(deserialize_with = "values::bytes")]
    pub worker_memory: u64,
    /// How random architectures are drawn.
    #[serde(with = "text_form")]
    pub sampling: Sampling,
    /// Bytes that one training may take: what needs more is not proposed. If left out, what the machine has for one.
    #[serde(default, deserialize_with = "values::optional_bytes")]
    pub training_memory: Option<u64>,
    /// Multiply-accumulate operations of one inference that a network may have to be trained: what has more is not
    /// proposed. If left out, what follows from the time of the search.
    #[serde(default, deserialize_with = "values::optional_count")]
    pub max_training_cost: Option<u64>,
    /// Which error drives the search.
    pub error: DrivingError,
    /// What counts as an error.
    #[serde(with = "text_form")]
    pub metric: Metric,
    /// Pairs of training and validation parts that networks are judged on which would be on the front.
    #[serde(with = "values::name")]
    pub folds: Folds,
    /// Whether candidates far out of bounds are left untrained.
    pub feasibility: Feasibility,
    /// Whether an architecture that was trained before may be trained again.
    pub repeats: bool,
    /// Refused draws in a row after which the search gives up.
    pub max_draws: NonZero<u64>,
}

impl SearchSettings {
    /// The keys that are settings of algorithms.
    pub const fn algorithm_settings(&self) -> AlgorithmSettings {
        AlgorithmSettings {
            evolution: EvolutionSettings { population: self.population, sample: self.sample },
            bayes: BayesSettings { variant: self.bayes_variant },
            niche: NicheSettings { error_share: self.error_share, sample_cost: self.sample_cost },
        }
    }

    /// The error that drives the search.
    pub const fn driving(&self) -> Driving {
        Driving { error: self.error, metric: self.metric }
    }
}
