//! A training at rest, to be stored and gone on with: named tensors, and named facts as text.
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
//! | `graph` | the graph's JSON |
//! | `seed`, `budget`, `steps`, `optimizer.steps` | whole numbers |
//! | `best` | epoch, validation error |
//! | `plateau` | multiplier, best loss, epochs without a gain |
//! | `sparsity` | share that the mask leaves out; with pruning |
//! | `curve` | a line for each epoch: the fields of [`EpochReport`](crate::EpochReport) |
//!
//! Numbers are written with as many digits as it takes to read the same number. Random draws depend on seed, purpose and
//! epoch only, so no generator has a state that would have to be kept. What else belongs to a training (ranges of
//! quantisation) are further tensors and facts, which exist where it does.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;

use munas_kernels::AlignedBuffer;

/// Version of the names and layouts in a [`Checkpoint`].
pub const CHECKPOINT_VERSION: u32 = 1;

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
    #[error("checkpoint version {found}, this munas reads version {CHECKPOINT_VERSION}")]
    Version {
        /// The version found.
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
        /// Values asked for.
        expected: usize,
        /// Values found.
        found: usize,
    },
}

impl Checkpoint {
    pub(crate) fn put(&mut self, name: &str, fact: impl Display) {
        self.facts.insert(name.to_owned(), fact.to_string());
    }

    pub(crate) fn put_tensor(&mut self, name: &str, values: &[f32]) {
        self.tensors.insert(name.to_owned(), values.to_vec());
    }

    /// The text of a fact.
    pub(crate) fn text(&self, name: &str) -> Result<&str, CheckpointError> {
        self.facts
            .get(name)
            .map(String::as_str)
            .ok_or_else(|| CheckpointError::Entry { entry: name.to_owned() })
    }

    /// A fact that is a single value.
    pub(crate) fn value<T: FromStr>(&self, name: &str) -> Result<T, CheckpointError> {
        parse(name, self.text(name)?)
    }

    /// A tensor of `expected` elements.
    pub(crate) fn tensor(&self, name: &str, expected: usize) -> Result<AlignedBuffer, CheckpointError> {
        let values =
            self.tensors.get(name).ok_or_else(|| CheckpointError::Entry { entry: name.to_owned() })?;
        if values.len() != expected {
            let (tensor, found) = (name.to_owned(), values.len());
            return Err(CheckpointError::Length { tensor, expected, found });
        }
        Ok(AlignedBuffer::from_slice(values))
    }
}

/// One value of a fact.
pub(crate) fn parse<T: FromStr>(name: &str, text: &str) -> Result<T, CheckpointError> {
    text.parse().map_err(|_| CheckpointError::Entry { entry: name.to_owned() })
}

/// The values of a fact of `N` words.
pub(crate) fn words<'t, const N: usize>(name: &str, text: &'t str) -> Result<[&'t str; N], CheckpointError> {
    let words: Vec<&str> = text.split(' ').collect();
    words.try_into().map_err(|_| CheckpointError::Entry { entry: name.to_owned() })
}
