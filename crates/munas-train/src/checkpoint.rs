//! A training at rest, to be stored and gone on with: named tensors, and two facts as text.
//!
//! | tensor | values |
//! |---|---|
//! | `parameters`, `parameters.moving` | what is trained, and the batch norms' moving statistics |
//! | `best`, `best.moving` | the same of the best epoch so far, where that one is kept |
//! | `ranges`, `best.ranges` | smallest and largest value of each tensor of the graph, in quantised epochs; the second where the best epoch is kept |
//! | `optimizer.first`, `optimizer.second` | the optimiser's moments, laid out as `parameters` |
//! | `mask` | 1, or 0 where a parameter is masked; with pruning |
//!
//! A tensor holds all layers of the graph one after the other, in the layouts and with the alignment that the module
//! `parameters` describes; it means something to a [`Trainer`](crate::Trainer) for the same graph only.
//!
//! | fact | text |
//! |---|---|
//! | `version` | [`CHECKPOINT_VERSION`] |
//! | `training` | what else it remembers, as JSON |
//!
//! Whoever stores a checkpoint may add facts of its own. Random draws depend on seed, purpose and epoch only, so no generator
//! has a state that would have to be kept. Checkpoints of version 1 are read: see `version_1`.

mod version_1;

use std::collections::BTreeMap;
use std::num::ParseFloatError;

use munas_kernels::AlignedBuffer;
use serde::{Deserialize, Serialize};

/// Version of the names and layouts in a [`Checkpoint`].
pub const CHECKPOINT_VERSION: u32 = 2;

/// A training at rest between two epochs; see the tables of the [module](self). Two checkpoints of equal trainings are equal.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Checkpoint {
    /// Facts by name.
    pub facts: BTreeMap<String, String>,
    /// Flat tensors by name.
    pub tensors: BTreeMap<String, Vec<f32>>,
}

/// A training cannot go on from a checkpoint.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CheckpointError {
    /// Written by a munas with another form.
    #[error("checkpoint version {found}, this munas reads versions up to {CHECKPOINT_VERSION}")]
    Version {
        /// The version in the checkpoint.
        found: u32,
    },
    /// Of another training.
    #[error("the checkpoint is of another {what}")]
    Other {
        /// What differs: graph, seed, …
        what: &'static str,
    },
    /// An entry is not there, or cannot be read.
    #[error("the checkpoint's `{entry}` is missing or not understood")]
    Entry {
        /// Name of the fact or tensor.
        entry: String,
    },
    /// A tensor has not the length that the graph and the optimiser ask for.
    #[error("the checkpoint's `{tensor}` has {found} values, expected {expected}")]
    Length {
        /// Name of the tensor.
        tensor: String,
        /// Values that the graph and the settings ask for.
        expected: usize,
        /// Values that the tensor has.
        found: usize,
    },
}

/// What a training remembers besides its tensors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Record {
    /// The graph's JSON.
    pub graph: String,
    pub seed: u64,
    /// Epochs that the learning rate schedule is stretched over.
    pub budget: u32,
    /// Steps taken since the training began.
    pub steps: u64,
    /// Steps since the optimiser's moments were zero.
    pub optimizer_steps: u32,
    pub best: BestRecord,
    pub plateau: PlateauRecord,
    /// Share that the mask leaves out; with pruning.
    pub sparsity: Option<Exact>,
    /// An entry for each epoch.
    pub curve: Vec<EpochRecord>,
}

/// The epoch with the lowest validation error: 0 and infinity before there is one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BestRecord {
    pub epoch: u32,
    pub validation_error: Exact,
}

/// What a plateau schedule remembers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlateauRecord {
    pub multiplier: Exact,
    /// Infinity before the first epoch.
    pub best_loss: Exact,
    pub epochs_without_gain: u32,
}

/// The fields of an [`EpochReport`](crate::EpochReport).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EpochRecord {
    pub epoch: u32,
    pub learning_rate: Exact,
    pub train_loss: Exact,
    pub train_error: Exact,
    pub validation_loss: Exact,
    pub validation_error: Exact,
}

/// A number as text with as many digits as it takes to read the same number. JSON has no infinities, and its readers may
/// be off by the last bit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Exact(pub f64);

impl From<Exact> for String {
    fn from(Exact(value): Exact) -> Self {
        value.to_string()
    }
}

impl TryFrom<String> for Exact {
    type Error = ParseFloatError;

    fn try_from(text: String) -> Result<Self, ParseFloatError> {
        text.parse().map(Self)
    }
}

impl CheckpointError {
    /// An entry is not there, or cannot be read.
    pub(crate) fn entry(name: &str) -> Self {
        Self::Entry { entry: name.to_owned() }
    }
}

const VERSION: &str = "version";
const TRAINING: &str = "training";

impl Checkpoint {
    /// A checkpoint without tensors.
    pub(crate) fn new(record: &Record) -> Self {
        let json = serde_json::to_string(record).expect("texts and whole numbers have a JSON form");
        let facts = [(VERSION, CHECKPOINT_VERSION.to_string()), (TRAINING, json)];
        Self { facts: facts.map(|(name, text)| (name.to_owned(), text)).into(), tensors: BTreeMap::new() }
    }

    /// What the training remembers besides its tensors.
    ///
    /// # Errors
    /// [`CheckpointError::Version`], [`CheckpointError::Entry`].
    pub(crate) fn record(&self) -> Result<Record, CheckpointError> {
        let version = self.text(VERSION)?.parse().map_err(|_| CheckpointError::entry(VERSION))?;
        match version {
            1 => version_1::record(self),
            CHECKPOINT_VERSION => {
                let record = serde_json::from_str(self.text(TRAINING)?);
                record.map_err(|_| CheckpointError::entry(TRAINING))
            }
            found => Err(CheckpointError::Version { found }),
        }
    }

    pub(crate) fn put_tensor(&mut self, name: &str, values: &[f32]) {
        self.tensors.insert(name.to_owned(), values.to_vec());
    }

    /// The text of a fact.
    fn text(&self, name: &str) -> Result<&str, CheckpointError> {
        self.facts.get(name).map(String::as_str).ok_or_else(|| CheckpointError::entry(name))
    }

    /// A tensor of `expected` elements.
    pub(crate) fn tensor(&self, name: &str, expected: usize) -> Result<AlignedBuffer, CheckpointError> {
        let values = self.tensors.get(name).ok_or_else(|| CheckpointError::entry(name))?;
        if values.len() != expected {
            let (tensor, found) = (name.to_owned(), values.len());
            return Err(CheckpointError::Length { tensor, expected, found });
        }
        Ok(AlignedBuffer::from_slice(values))
    }
}
