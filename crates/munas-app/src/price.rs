//! What networks take, as documents.

use munas_cost::{MemoryModel, NetworkInput, Runtime, layer_costs, peak_memory, resources};
use munas_export::tflite::{Interface, Model, ModelCost, Unpriced, UnpricedPlace};
use munas_ir::{Graph, Op, Shape};
use serde::Serialize;

/// The resources of one architecture.
#[derive(Debug, Serialize)]
pub struct CostRecord {
    /// Bytes of activations at the worst step of the best operator order, layer by layer.
    pub peak_memory: u64,
    /// The same with the input's buffer.
    pub peak_memory_with_input: u64,
    /// Bytes of activations where parts run in rows.
    pub peak_memory_streamed: u64,
    /// The same with the rows of the input that are kept.
    pub peak_memory_streamed_with_input: u64,
    /// Bytes of parameters, one each.
    pub model_size: u64,
    /// Multiply-accumulates of one inference.
    pub macs: u64,
    /// Whether the operator order is provably the best.
    pub exact: bool,
    /// The operators with their output shapes, in order.
    pub layers: Vec<LayerRecord>,
}

/// One operator.
#[derive(Debug, Serialize)]
pub struct LayerRecord {
    /// Its kind.
    pub kind: &'static str,
    /// Height, width, channels; of a dense layer its units alone.
    pub out: Vec<usize>,
    /// Multiply-accumulates.
    pub macs: u64,
    /// Parameters, a byte each.
    pub parameters: u64,
}

impl CostRecord {
    /// Prices a graph.
    pub fn of(graph: &Graph) -> Self {
        let resources = resources(graph);
        let layers = layer_costs(graph).into_iter().map(|cost| {
            let op = graph.node(cost.op).op;
            let Shape { height, width, channels } = cost.output;
            let out =
                if matches!(op, Op::Dense { .. }) { vec![channels] } else { vec![height, width, channels] };
            LayerRecord { kind: op.kind_name(), out, macs: cost.macs, parameters: cost.parameters }
        });
        let [streamed, streamed_with_input] = [NetworkInput::External, NetworkInput::Rows]
            .map(|input| peak_memory(graph, MemoryModel { runtime: Runtime::Streamed, input }));
        Self {
            peak_memory: resources.peak_memory,
            peak_memory_with_input: resources.peak_memory_with_input,
            peak_memory_streamed: streamed,
            peak_memory_streamed_with_input: streamed_with_input,
            model_size: resources.model_size,
            macs: resources.macs,
            exact: resources.exact,
            layers: layers.collect(),
        }
    }
}

/// The resources of a .tflite model from elsewhere.
#[derive(Debug, Serialize)]
pub struct ModelRecord {
    /// Bytes at the worst step of the best order, without the inputs; an Add may accumulate in place.
    peak_memory: u64,
    peak_memory_with_input: u64,
    /// The same where parts run in rows; null where that has no figure.
    peak_memory_streamed: Option<u64>,
    /// With the rows of the input that are kept.
    peak_memory_streamed_with_input: Option<u64>,
    /// Why there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    not_streamed: Option<String>,
    /// Bytes of the parameters.
    model_size: u64,
    /// Null where an operator's are not known; `macs_at_least` counts the others.
    macs: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    macs_at_least: Option<u64>,
    exact: bool,
    layers: Vec<OperatorRecord>,
    file_order: OrderRecord,
    /// The best order for the file's runtime, which does nothing in place.
    best_order: OrderRecord,
    /// What the figures lack.
    unpriced: Vec<UnpricedRecord>,
    /// How the input is made and what the classes are, in a file that munas wrote.
    #[serde(skip_serializing_if = "Option::is_none")]
    interface: Option<Interface>,
}

/// Something that is not in the figures: an operator or a tensor, by its position.
#[derive(Debug, Serialize)]
struct UnpricedRecord {
    #[serde(skip_serializing_if = "Option::is_none")]
    operator: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tensor: Option<usize>,
    name: String,
    reason: String,
}

#[derive(Debug, Serialize)]
struct OrderRecord {
    peak_memory_with_input: u64,
}

#[derive(Debug, Serialize)]
struct OperatorRecord {
    kind: String,
    out: Vec<u64>,
    macs: Option<u64>,
    parameters: u64,
}

impl ModelRecord {
    /// The record of a model that was priced.
    pub fn of(model: &Model<'_>, cost: &ModelCost) -> Self {
        let layers = cost.operators.iter().map(|operator| OperatorRecord {
            kind: operator.name.clone(),
            out: operator.output_shape.clone(),
            macs: operator.macs,
            parameters: operator.parameters,
        });
        let unpriced = cost.unpriced.iter().map(|Unpriced { place, name, reason }| {
            let (operator, tensor) = match *place {
                UnpricedPlace::Operator(index) => (Some(index), None),
                UnpricedPlace::Tensor(index) => (None, Some(index)),
            };
            UnpricedRecord { operator, tensor, name: name.clone(), reason: reason.clone() }
        });
        let is_whole = knows_all_macs(cost);
        let streamed = cost.streamed.as_ref().ok();
        Self {
            peak_memory: cost.peak_memory,
            peak_memory_with_input: cost.peak_memory_with_input,
            peak_memory_streamed: streamed.map(|streamed| streamed.peak_memory),
            peak_memory_streamed_with_input: streamed.map(|streamed| streamed.peak_memory_with_input),
            not_streamed: cost.streamed.clone().err(),
            model_size: cost.model_size,
            macs: is_whole.then_some(cost.macs),
            macs_at_least: (!is_whole).then_some(cost.macs),
            exact: cost.exact,
            layers: layers.collect(),
            file_order: OrderRecord { peak_memory_with_input: cost.file_order.peak },
            best_order: OrderRecord { peak_memory_with_input: cost.best_order.peak },
            unpriced: unpriced.collect(),
            interface: model.interface(),
        }
    }
}

/// Whether the MACs of all operators are known.
pub fn knows_all_macs(cost: &ModelCost) -> bool {
    cost.operators.iter().all(|operator| operator.macs.is_some())
}
