//! Trained networks on disk, in the safetensors format.
//!
//! A file holds the tensors of [`Weights`], batch norm apart, in the layouts of `munas-ir`, as
//! `op{N}.kernel`, `op{N}.bias`, `op{N}.batch_norm.{gamma,beta,mean,variance}` with N the operator's position in the
//! graph. Its metadata hold what it takes to use them: under `munas`, a JSON object with `trial` (number), `space` (the kind
//! of the architecture), `architecture` and `graph`. It is one entry because the format does not order entries, and equal
//! models shall be equal files.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use safetensors::tensor::{Dtype, TensorView};
use safetensors::{SafeTensors, serialize};
use serde::{Deserialize, Serialize};

use munas_ir::{BatchNorm, Graph, LayerWeights, Weights};
use munas_space::Architecture;

use crate::error::RunError;
use crate::files::write_atomically;

/// The folder of a run's models.
pub(crate) const DIRECTORY: &str = "models";
const PREFIX: &str = "trial-";
const SUFFIX: &str = ".safetensors";

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
}

/// Where the model of a trial is, or would be.
pub(crate) fn path(dir: &Path, trial: u64) -> PathBuf {
    dir.join(DIRECTORY).join(format!("{PREFIX}{trial}{SUFFIX}"))
}

/// Removes everything from the run's folder of models but the models of these trials.
pub(crate) fn retain(dir: &Path, keep: impl Fn(u64) -> bool) -> Result<(), RunError> {
    let folder = dir.join(DIRECTORY);
    let unreadable = RunError::io("read", &folder);
    let entries: Vec<_> = fs::read_dir(&folder).and_then(Iterator::collect).map_err(unreadable)?;
    let trial_of =
        |name: &str| -> Option<u64> { name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?.parse().ok() };
    for entry in entries {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        // Other files, which someone else put there, are left alone.
        if name.starts_with(PREFIX) && !trial_of(&name).is_some_and(&keep) {
            let path = entry.path();
            fs::remove_file(&path).map_err(RunError::io("remove", &path))?;
        }
    }
    Ok(())
}

impl SavedModel {
    /// Writes the model; the file appears whole or not at all.
    ///
    /// # Errors
    /// [`ModelError`] with the path.
    pub fn save(&self, path: &Path) -> Result<(), ModelError> {
        let error = |problem: String| ModelError { path: path.to_owned(), problem };
        let tensors = self.tensors();
        let views = tensors.iter().map(|(name, shape, bytes)| {
            TensorView::new(Dtype::F32, shape.clone(), bytes).map(|view| (name.as_str(), view))
        });
        let views: Result<Vec<_>, _> = views.collect();
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
        let error = |problem: String| ModelError { path: path.to_owned(), problem };
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
        let layers = graph.ops().map(|(op, _)| read_layer(&tensors, op.index())).collect::<Result<_, _>>()?;
        let weights = Weights::new(&graph, layers).map_err(|error| error.to_string())?;
        Ok(Self { trial, architecture, graph, weights })
    }

    /// Name, shape and bytes of every tensor.
    fn tensors(&self) -> Vec<(String, Vec<usize>, Vec<u8>)> {
        let mut tensors = Vec::new();
        for (op, _) in self.graph.ops() {
            let (Some(dims), Some(layer)) = (self.graph.weight_dims(op), self.weights.layer(op)) else {
                continue;
            };
            let mut push = |part: &str, shape: Vec<usize>, values: &[f32]| {
                let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
                tensors.push((format!("op{}.{part}", op.index()), shape, bytes));
            };
            push("kernel", dims.kernel.to_vec(), &layer.kernel);
            push("bias", vec![dims.outputs], &layer.bias);
            if let Some(norm) = &layer.batch_norm {
                let parts = [
                    ("gamma", &norm.gamma),
                    ("beta", &norm.beta),
                    ("mean", &norm.mean),
                    ("variance", &norm.variance),
                ];
                for (part, values) in parts {
                    push(&format!("batch_norm.{part}"), vec![dims.outputs], values);
                }
            }
        }
        tensors
    }
}

/// The parameters of one operator; `None` where the file has none for it.
fn read_layer(tensors: &SafeTensors<'_>, op: usize) -> Result<Option<LayerWeights>, String> {
    let read = |part: &str| read_tensor(tensors, &format!("op{op}.{part}"));
    let (Some(kernel), Some(bias)) = (read("kernel")?, read("bias")?) else { return Ok(None) };
    let norm = |part: &str| {
        let name = format!("batch_norm.{part}");
        read(&name)?.ok_or_else(|| format!("there is no tensor op{op}.{name}"))
    };
    let batch_norm = if read("batch_norm.gamma")?.is_some() {
        let (gamma, beta) = (norm("gamma")?, norm("beta")?);
        Some(BatchNorm { gamma, beta, mean: norm("mean")?, variance: norm("variance")? })
    } else {
        None
    };
    Ok(Some(LayerWeights { kernel, bias, batch_norm }))
}

fn read_tensor(tensors: &SafeTensors<'_>, name: &str) -> Result<Option<Vec<f32>>, String> {
    let Ok(view) = tensors.tensor(name) else { return Ok(None) };
    if view.dtype() != Dtype::F32 {
        return Err(format!("{name} is of type {:?}, not F32", view.dtype()));
    }
    let values = view.data().as_chunks::<4>().0;
    Ok(Some(values.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()))
}

#[cfg(test)]
mod tests;
