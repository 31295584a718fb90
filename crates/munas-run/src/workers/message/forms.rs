//! The parts of messages: entries of a curve, and results.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use munas_cost::Resources;
use munas_ir::Graph;
use munas_train::{Checkpoint, Confusion, EpochReport};

use super::MessageError;
use crate::executor::evaluator::{Assignment, Evaluated, Pruned};
use crate::judge::Scores;
use crate::store::models::{network_from_bytes, network_to_bytes};
use crate::trial::{Confusions, PrunedNetwork};

/// What is to be trained, its checkpoint apart.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AssignmentForm {
    trial: u64,
    graph: String,
    epochs: u32,
    rungs: Vec<u32>,
    seed: u64,
    fold: u32,
    sparsity: Option<f64>,
}

impl AssignmentForm {
    pub fn of(assignment: &Assignment) -> Self {
        let Assignment { trial, graph, epochs, rungs, seed, fold, sparsity, checkpoint: _ } = assignment;
        Self {
            trial: *trial,
            graph: graph.to_json(),
            epochs: *epochs,
            rungs: rungs.clone(),
            seed: *seed,
            fold: *fold,
            sparsity: *sparsity,
        }
    }

    pub fn assignment(self, checkpoint: Option<Checkpoint>) -> Result<Assignment, MessageError> {
        let Self { trial, graph, epochs, rungs, seed, fold, sparsity } = self;
        let graph = super::graph_of(&graph)?;
        Ok(Assignment { trial, graph, epochs, rungs, seed, fold, sparsity, checkpoint })
    }
}

/// A number; JSON has no word for those that are not finite.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Value", into = "Value")]
pub(super) struct Number(f64);

impl From<Number> for Value {
    fn from(Number(number): Number) -> Self {
        // `NaN`, `inf`, `-inf`.
        if number.is_finite() { number.into() } else { number.to_string().into() }
    }
}

impl TryFrom<Value> for Number {
    type Error = String;

    fn try_from(value: Value) -> Result<Self, String> {
        let number = match &value {
            Value::String(text) => text.parse().ok().filter(|number: &f64| !number.is_finite()),
            other => other.as_f64(),
        };
        number.map(Self).ok_or_else(|| format!("{value} is no number"))
    }
}

/// An entry of a training curve.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EpochForm {
    epoch: u32,
    learning_rate: Number,
    train_loss: Number,
    train_error: Number,
    validation_loss: Number,
    validation_error: Number,
}

impl From<&EpochReport> for EpochForm {
    fn from(report: &EpochReport) -> Self {
        Self {
            epoch: report.epoch,
            learning_rate: Number(report.learning_rate),
            train_loss: Number(report.train_loss),
            train_error: Number(report.train_error),
            validation_loss: Number(report.validation_loss),
            validation_error: Number(report.validation_error),
        }
    }
}

impl From<EpochForm> for EpochReport {
    fn from(form: EpochForm) -> Self {
        Self {
            epoch: form.epoch,
            learning_rate: form.learning_rate.0,
            train_loss: form.train_loss.0,
            train_error: form.train_error.0,
            validation_loss: form.validation_loss.0,
            validation_error: form.validation_error.0,
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ScoresForm {
    error: Number,
    balanced: Number,
    macro_f1: Number,
}

impl From<Scores> for ScoresForm {
    fn from(Scores { error, balanced, macro_f1 }: Scores) -> Self {
        Self { error: Number(error), balanced: Number(balanced), macro_f1: Number(macro_f1) }
    }
}

impl From<ScoresForm> for Scores {
    fn from(ScoresForm { error, balanced, macro_f1 }: ScoresForm) -> Self {
        Self { error: error.0, balanced: balanced.0, macro_f1: macro_f1.0 }
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ConfusionsForm {
    validation: Vec<Vec<u64>>,
    test: Vec<Vec<u64>>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PrunedForm {
    sparsity: Number,
    graph: String,
    resources: ResourcesForm,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ResourcesForm {
    peak_memory: u64,
    peak_memory_with_input: u64,
    peak_memory_of_model: Option<u64>,
    model_size: u64,
    macs: u64,
    exact: bool,
}

impl From<Resources> for ResourcesForm {
    fn from(resources: Resources) -> Self {
        let Resources { peak_memory, peak_memory_with_input, peak_memory_of_model, model_size, macs, exact } =
            resources;
        Self { peak_memory, peak_memory_with_input, peak_memory_of_model, model_size, macs, exact }
    }
}

impl From<ResourcesForm> for Resources {
    fn from(form: ResourcesForm) -> Self {
        let ResourcesForm {
            peak_memory,
            peak_memory_with_input,
            peak_memory_of_model,
            model_size,
            macs,
            exact,
        } = form;
        Self { peak_memory, peak_memory_with_input, peak_memory_of_model, model_size, macs, exact }
    }
}

/// What came of an evaluation, its network apart.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ResultForm {
    validation: ScoresForm,
    validation_stderr: Option<Number>,
    test: ScoresForm,
    last_test_error: Number,
    in_int8: Option<ScoresForm>,
    test_in_int8: Option<ScoresForm>,
    folds: u32,
    best_epoch: u32,
    confusion: Option<ConfusionsForm>,
    pruned: Option<PrunedForm>,
}

impl ResultForm {
    /// The form of what came of a graph, and its network as bytes.
    pub fn of(evaluated: &Evaluated, graph: &Graph) -> (Self, Option<Vec<u8>>) {
        let rows = |confusion: &Confusion| confusion.rows().map(<[u64]>::to_vec).collect();
        let form = Self {
            validation: evaluated.validation.into(),
            validation_stderr: evaluated.validation_stderr.map(Number),
            test: evaluated.test.into(),
            last_test_error: Number(evaluated.last_test_error),
            in_int8: evaluated.in_int8.map(Into::into),
            test_in_int8: evaluated.test_in_int8.map(Into::into),
            folds: evaluated.folds,
            best_epoch: evaluated.best_epoch,
            confusion: evaluated.confusion.as_ref().map(|Confusions { validation, test }| ConfusionsForm {
                validation: rows(validation),
                test: rows(test),
            }),
            pruned: evaluated.pruned.as_ref().map(|Pruned { network, resources }| PrunedForm {
                sparsity: Number(network.sparsity),
                graph: network.graph.to_json(),
                resources: (*resources).into(),
            }),
        };
        let trained = evaluated.pruned.as_ref().map_or(graph, |pruned| &pruned.network.graph);
        let weights = evaluated.weights.as_ref();
        (form, weights.map(|weights| network_to_bytes(trained, weights, evaluated.int8.as_ref())))
    }

    /// What came of a graph, with its network.
    pub fn evaluated(self, graph: &Graph, network: Option<Vec<u8>>) -> Result<Evaluated, MessageError> {
        let square = |rows: &[Vec<u64>]| {
            Confusion::from_rows(rows).ok_or_else(|| MessageError("a confusion that is no square".to_owned()))
        };
        let confusion = self.confusion.map(|ConfusionsForm { validation, test }| {
            Ok::<_, MessageError>(Confusions { validation: square(&validation)?, test: square(&test)? })
        });
        let pruned = self.pruned.map(|PrunedForm { sparsity, graph, resources }| {
            let network = PrunedNetwork { sparsity: sparsity.0, graph: super::graph_of(&graph)? };
            Ok::<_, MessageError>(Pruned { network, resources: resources.into() })
        });
        let pruned = pruned.transpose()?;
        let trained = pruned.as_ref().map_or(graph, |pruned| &pruned.network.graph);
        let network = network.map(|bytes| network_from_bytes(trained, &bytes));
        let network = network.transpose().map_err(|problem| MessageError(format!("model: {problem}")))?;
        let (weights, int8) = network.map_or((None, None), |(weights, int8)| (Some(weights), int8));
        Ok(Evaluated {
            validation: self.validation.into(),
            validation_stderr: self.validation_stderr.map(|number| number.0),
            test: self.test.into(),
            last_test_error: self.last_test_error.0,
            in_int8: self.in_int8.map(Into::into),
            test_in_int8: self.test_in_int8.map(Into::into),
            folds: self.folds,
            best_epoch: self.best_epoch,
            weights,
            int8,
            pruned,
            confusion: confusion.transpose()?,
        })
    }
}
