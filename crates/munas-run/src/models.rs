//! Trained networks on disk, in the safetensors format.
//!
//! A file holds the tensors of [`Weights`], batch norm apart, in the layouts of `munas-ir`, as
//! `op{N}.kernel`, `op{N}.bias`, `op{N}.batch_norm.{gamma,beta,mean,variance}` with N the operator's position in the
//! graph. An int8 form adds `int8.scale` and `int8.zero_point` of all tensors, and `op{N}.int8_scale` (of the kernel) and
//! `op{N}.int8_bias`; the integers of the kernel follow from those. Its metadata hold what it takes to use them: under `munas`, a JSON object with `trial` (number), `space` (the kind
//! of the architecture), `architecture` and `graph`. It is one entry because the format does not order entries, and equal
//! models shall be equal files.

mod tensors;

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use safetensors::{SafeTensors, serialize};
use serde::{Deserialize, Serialize};

use munas_ir::{Graph, Weights};
use munas_quant::QuantisedNetwork;
use munas_space::Architecture;

use crate::error::RunError;
use crate::files::{retain_trial_files, trial_file, write_atomically};
use tensors::Tensor;

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
    /// The weights of its best epoch.
    pub weights: Weights,
    /// The network in int8, where it was quantised.
    pub int8: Option<QuantisedNetwork>,
}

/// The entry of the metadata.
const METADATA: &str = "munas";

/// The content of that entry.
#[derive(Debug, Deserialize, Serialize)]
struct Facts {
    trial: u64,
    space: String,
    architecture: serde_json::Value,
    /// The graph's JSON, as text.
    graph: String,
}

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
pub(crate) fn retain(dir: &Path, keep: impl Fn(u64) -> bool) -> Result<(), RunError> {
    retain_trial_files(&dir.join(DIRECTORY), keep)
}

impl SavedModel {
    /// Writes the model; the file appears whole or not at all.
    ///
    /// # Errors
    /// [`ModelError`] with the path.
    pub fn save(&self, path: &Path) -> Result<(), ModelError> {
        let error = |problem: String| ModelError::writing(path, problem);
        let mut tensors = tensors::of_weights(&self.graph, &self.weights);
        if let Some(network) = &self.int8 {
            tensors.extend(tensors::of_int8(network));
        }
        let views: Result<Vec<_>, _> = tensors.iter().map(Tensor::view).collect();
        let facts = Facts {
            trial: self.trial,
            space: self.architecture.kind().to_string(),
            architecture: self.architecture.to_json(),
            graph: self.graph.to_json(),
        };
        let facts = serde_json::to_string(&facts).map_err(|problem| error(problem.to_string()))?;
        let metadata = HashMap::from([(METADATA.to_owned(), facts)]);
        let bytes = views
            .and_then(|views| serialize(views, Some(metadata)))
            .map_err(|problem| error(problem.to_string()))?;
        write_atomically(path, &bytes).map_err(|problem| error(problem.to_string()))
    }

    /// Reads a model.
    ///
    /// # Errors
    /// [`ModelError`] with the path, if the file cannot be read, is no model, or its weights do not fit its graph.
    pub fn load(path: &Path) -> Result<Self, ModelError> {
        let error = |problem: String| ModelError::reading(path, problem);
        let bytes = fs::read(path).map_err(|problem| error(problem.to_string()))?;
        Self::from_bytes(&bytes).map_err(error)
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(|error| error.to_string())?;
        let facts = header.metadata().as_ref().and_then(|entries| entries.get(METADATA));
        let facts = facts.ok_or_else(|| format!("the metadata have no `{METADATA}`"))?;
        let Facts { trial, space, architecture, graph } =
            serde_json::from_str(facts).map_err(|error| format!("metadata: {error}"))?;
        let kind = space.parse().map_err(|error| format!("space: {error}"))?;
        let architecture =
            Architecture::from_json(kind, &architecture).map_err(|error| format!("architecture: {error}"))?;
        let graph = Graph::from_json(&graph).map_err(|error| format!("graph: {error}"))?;
        let tensors = SafeTensors::deserialize(bytes).map_err(|error| error.to_string())?;
        let weights = tensors::weights(&graph, &tensors)?;
        let int8 = tensors::int8(&graph, &weights, &tensors)?;
        Ok(Self { trial, architecture, graph, weights, int8 })
    }
}

#[cfg(test)]
mod tests;
