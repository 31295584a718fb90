//! Trained networks on disk, in the safetensors format.
//!
//! A file holds the tensors of [`Weights`], batch norm apart, in the layouts of `munas-ir`, as
//! `op{N}.kernel`, `op{N}.bias`, `op{N}.batch_norm.{gamma,beta,mean,variance}` with N the operator's position in the
//! graph. An int8 form adds `int8.scale` and `int8.zero_point` of all tensors, and `op{N}.int8_scale` (of the kernel) and
//! `op{N}.int8_bias`; the integers of the kernel follow from those. `normalisation.scale` and `normalisation.offset`,
//! by channel, are what the data were multiplied by and moved by. The metadata hold what it takes to use them: under
//! `munas`, a JSON object with `trial` (number), `space` (the kind of the architecture), `architecture`, `graph`,
//! `data` and the file's `checksum`. It is one entry because the format does not order entries, and equal models
//! shall be equal files.
//!
//! Whoever reads a file checks its checksum. Files of the first version have no checksum and no `data`; they are read
//! as they are.

mod facts;
mod tensors;

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use munas_data::Normalisation;
use munas_ir::{Graph, Weights};
use munas_quant::QuantisedNetwork;
use munas_space::Architecture;
use safetensors::{SafeTensors, serialize};

use crate::store::checksum;
use crate::store::files::{FileError, retain_trial_files, trial_file, write_atomically};
use crate::task::Task;
use crate::trial::TrialRecord;
use facts::{DataForm, Facts};
use tensors::Tensor;

pub use facts::DataFacts;

/// The folder of a run's models.
pub(crate) const DIRECTORY: &str = "models";

/// A trained network with all that is needed to run it.
#[derive(Clone, Debug, PartialEq)]
pub struct SavedModel {
    /// The trial that it comes from.
    pub trial: u64,
    /// The architecture.
    pub architecture: Architecture,
    /// The graph that was trained; after structured pruning, what is left of it, with batch norms folded.
    pub graph: Graph,
    /// The weights of the epoch that was kept.
    pub weights: Weights,
    /// The network in int8, where it was quantised.
    pub int8: Option<QuantisedNetwork>,
    /// What it was trained on, where that is known: files of the first version do not say.
    pub data: Option<DataFacts>,
}

/// The entry of the metadata.
const METADATA: &str = "munas";

/// A model could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("{}: {problem}", path.display())]
pub struct ModelError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong.
    pub problem: String,
    /// Whether it was being written; otherwise the fault is the file's.
    pub writing: bool,
}

impl ModelError {
    pub(crate) fn reading(path: &Path, problem: String) -> Self {
        Self { path: path.to_owned(), problem, writing: false }
    }

    fn writing(path: &Path, problem: String) -> Self {
        Self { path: path.to_owned(), problem, writing: true }
    }
}

/// Where the model of a trial is, or would be.
pub(crate) fn path(dir: &Path, trial: u64) -> PathBuf {
    trial_file(&dir.join(DIRECTORY), trial)
}

/// Removes everything from the run's folder of models but the models of these trials.
pub(crate) fn retain(dir: &Path, keep: impl Fn(u64) -> bool) -> Result<(), FileError> {
    retain_trial_files(&dir.join(DIRECTORY), keep)
}

impl SavedModel {
    /// Writes the model; the file appears whole or not at all.
    ///
    /// # Errors
    /// [`ModelError`] with the path.
    pub fn save(&self, path: &Path) -> Result<(), ModelError> {
        let written = self
            .to_bytes()
            .and_then(|bytes| write_atomically(path, &bytes).map_err(|error| error.to_string()));
        written.map_err(|problem| ModelError::writing(path, problem))
    }

    /// The bytes of the model's file.
    ///
    /// # Errors
    /// Why the format cannot hold it, in words.
    pub fn to_bytes(&self) -> Result<Vec<u8>, String> {
        let mut tensors = tensors::of_weights(&self.graph, &self.weights);
        if let Some(network) = &self.int8 {
            tensors.extend(tensors::of_int8(network));
        }
        if let Some(data) = &self.data {
            tensors.extend(tensors::of_normalisation(&data.normalisation));
        }
        let views: Result<Vec<_>, _> = tensors.iter().map(Tensor::view).collect();
        let facts = Facts {
            trial: self.trial,
            space: self.architecture.kind().to_string(),
            architecture: self.architecture.to_json(),
            graph: self.graph.to_json(),
            data: self.data.as_ref().map(DataForm::of),
            checksum: Some(checksum::PLACEHOLDER.to_owned()),
        };
        let facts = serde_json::to_string(&facts).map_err(|problem| problem.to_string())?;
        let metadata = HashMap::from([(METADATA.to_owned(), facts)]);
        let mut bytes = views
            .and_then(|views| serialize(views, Some(metadata)))
            .map_err(|problem| problem.to_string())?;
        checksum::seal(&mut bytes);
        Ok(bytes)
    }

    /// Reads a model.
    ///
    /// # Errors
    /// [`ModelError`] with the path, if the file cannot be read, is no model, is not as it was written (its checksum
    /// tells), or its weights are not finite or do not fit its graph.
    pub fn load(path: &Path) -> Result<Self, ModelError> {
        let error = |problem: String| ModelError::reading(path, problem);
        let bytes = fs::read(path).map_err(|problem| error(problem.to_string()))?;
        Self::from_bytes(&bytes).map_err(error)
    }

    /// The model of a file with these bytes.
    ///
    /// # Errors
    /// What is wrong with them, in words.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(|error| error.to_string())?;
        let facts = header.metadata().as_ref().and_then(|entries| entries.get(METADATA));
        let facts = facts.ok_or_else(|| format!("the metadata have no `{METADATA}`"))?;
        let Facts { trial, space, architecture, graph, data, checksum } =
            serde_json::from_str(facts).map_err(|error| format!("metadata: {error}"))?;
        if checksum.is_some_and(|claimed| !checksum::holds(bytes, &claimed)) {
            return Err("the file is damaged: its checksum is not that of its content".to_owned());
        }
        let kind = space.parse().map_err(|error| format!("space: {error}"))?;
        let architecture =
            Architecture::from_json(kind, &architecture).map_err(|error| format!("architecture: {error}"))?;
        let graph = Graph::from_json(&graph).map_err(|error| format!("graph: {error}"))?;
        let tensors = SafeTensors::deserialize(bytes).map_err(|error| error.to_string())?;
        let weights = tensors::weights(&graph, &tensors)?;
        let int8 = tensors::int8(&graph, &weights, &tensors)?;
        let normalisation: Option<Normalisation> = tensors::normalisation(&tensors)?;
        let data = match (data, normalisation) {
            (Some(form), Some(normalisation)) => {
                Some(form.with(normalisation, graph.input_shape().channels)?)
            }
            (None, None) => None,
            _ => return Err("it has only a part of what it says about its data".to_owned()),
        };
        Ok(Self { trial, architecture, graph, weights, int8, data })
    }

    /// Checks that this is the model of a trial, read from `path`.
    ///
    /// # Errors
    /// [`ModelError`] if it is that of another trial, of another network, or trained on other data.
    pub(crate) fn require(&self, path: &Path, record: &TrialRecord, task: &Task) -> Result<(), ModelError> {
        let other = |problem: String| Err(ModelError::reading(path, problem));
        let trial = record.trial;
        if self.trial != trial {
            return other(format!("the file is of trial {}, not of trial {trial}", self.trial));
        }
        if self.graph != record.graph(task) || self.architecture != record.candidate.architecture {
            return other(format!("the file has another network than trial {trial} of this run"));
        }
        match &self.data {
            Some(data) if data.fingerprint != task.fingerprint => {
                other("the network in the file was trained on other data than those of this run".to_owned())
            }
            _ => Ok(()),
        }
    }
}

/// A network as the tensors of a file, without what else a file says.
pub(crate) fn network_to_bytes(graph: &Graph, weights: &Weights, int8: Option<&QuantisedNetwork>) -> Vec<u8> {
    let mut tensors = tensors::of_weights(graph, weights);
    tensors.extend(int8.into_iter().flat_map(tensors::of_int8));
    let views: Result<Vec<_>, _> = tensors.iter().map(Tensor::view).collect();
    views.and_then(|views| serialize(views, None)).expect("tensors have the bytes of their shapes")
}

/// The network of a graph in such bytes.
///
/// # Errors
/// What is wrong with them, in words.
pub(crate) fn network_from_bytes(
    graph: &Graph,
    bytes: &[u8],
) -> Result<(Weights, Option<QuantisedNetwork>), String> {
    let tensors = SafeTensors::deserialize(bytes).map_err(|error| error.to_string())?;
    let weights = tensors::weights(graph, &tensors)?;
    let int8 = tensors::int8(graph, &weights, &tensors)?;
    Ok((weights, int8))
}

#[cfg(test)]
mod tests;
