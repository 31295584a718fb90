//! Trained parameters of a graph.
//!
//! | layer | kernel layout | bias |
//! |---|---|---|
//! | Conv2d | `[filters][kernel_h][kernel_w][in_channels]` (OHWI) | `[filters]` |
//! | DepthwiseConv2d | `[kernel_h][kernel_w][channels]` (1HWC) | `[channels]` |
//! | Dense | `[units][features]`, features in (h, w, c) order | `[units]` |
//!
//! These are the layouts of the TFLite format; the trainer converts at its boundary.

use crate::{ConvAttributes, Graph, Op, OpId};

/// ε of every batch norm (added to the variance).
pub const BATCH_NORM_EPSILON: f32 = 1e-3;

/// The sizes of a layer's parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WeightDims {
    /// Dimensions of the kernel, in the layouts of the module's table, with leading 1s to four.
    pub kernel: [usize; 4],
    /// Output channels or units: the length of the bias and of each batch norm vector.
    pub outputs: usize,
    /// Whether the layer has batch norm parameters.
    pub batch_norm: bool,
}

impl WeightDims {
    /// Number of kernel weights.
    pub const fn kernel_len(&self) -> usize {
        self.kernel[0] * self.kernel[1] * self.kernel[2] * self.kernel[3]
    }

    /// Parameters of the inference graph: kernel and bias (batch norm is folded and adds nothing).
    pub const fn inference_parameters(&self) -> usize {
        self.kernel_len() + self.outputs
    }
}

impl Graph {
    /// The sizes of an operator's parameters; `None` for pooling and Add.
    pub fn weight_dims(&self, op: OpId) -> Option<WeightDims> {
        let input = self.first_input_shape(op);
        match self.node(op).op {
            Op::Conv2d { filters, attributes: ConvAttributes { kernel, batch_norm, .. } } => {
                Some(WeightDims {
                    kernel: [filters, kernel.height, kernel.width, input.channels],
                    outputs: filters,
                    batch_norm,
                })
            }
            Op::DepthwiseConv2d(ConvAttributes { kernel, batch_norm, .. }) => Some(WeightDims {
                kernel: [1, kernel.height, kernel.width, input.channels],
                outputs: input.channels,
                batch_norm,
            }),
            Op::Dense { units, .. } => Some(WeightDims {
                kernel: [1, 1, units, input.elements()],
                outputs: units,
                batch_norm: false,
            }),
            Op::Pool { .. } | Op::Add => None,
        }
    }
}

/// Batch norm parameters and running statistics, one value per output channel.
#[derive(Clone, Debug, PartialEq)]
pub struct BatchNorm {
    /// γ: what each normalised channel is multiplied by, `[channels]`.
    pub gamma: Vec<f32>,
    /// β: what is added to each channel afterwards, `[channels]`.
    pub beta: Vec<f32>,
    /// Running mean of each channel in training, `[channels]`.
    pub mean: Vec<f32>,
    /// Running (biased) variance.
    pub variance: Vec<f32>,
}

/// The parameters of one layer, in the layouts of the module's table.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerWeights {
    /// Kernel: one filter for each output channel or unit.
    pub kernel: Vec<f32>,
    /// One bias for each output channel or unit.
    pub bias: Vec<f32>,
    /// Batch norm, where the operator has one.
    pub batch_norm: Option<BatchNorm>,
}

/// Why weights do not belong to a graph.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WeightsError {
    /// The number of layers differs from the number of operators.
    #[error("weights for {found} operators, the graph has {expected}")]
    Count {
        /// Operators of the graph.
        expected: usize,
        /// How many there are instead.
        found: usize,
    },
    /// A layer's parameters are missing, superfluous or of the wrong length.
    #[error("operator {op} ({kind}): {part} has {found} values, expected {expected}")]
    Length {
        /// Position of the operator.
        op: usize,
        /// Name of the operator's kind.
        kind: &'static str,
        /// Which of the layer's vectors.
        part: &'static str,
        /// Values that the graph asks for.
        expected: usize,
        /// How many there are instead.
        found: usize,
    },
}

/// The parameters of every operator of a graph, indexed by [`OpId`].
#[derive(Clone, Debug, PartialEq)]
pub struct Weights {
    layers: Vec<Option<LayerWeights>>,
}

impl Weights {
    /// Weights for `graph`; one entry per operator, `None` for operators without parameters.
    ///
    /// # Errors
    /// [`WeightsError`] if an entry does not have the sizes that the graph asks for.
    pub fn new(graph: &Graph, layers: Vec<Option<LayerWeights>>) -> Result<Self, WeightsError> {
        if layers.len() != graph.nodes().len() {
            return Err(WeightsError::Count { expected: graph.nodes().len(), found: layers.len() });
        }
        for ((op, _), layer) in graph.ops().zip(&layers) {
            check_layer(graph, op, layer.as_ref())?;
        }
        Ok(Self { layers })
    }

    /// The parameters of an operator; `None` for pooling and Add.
    pub fn layer(&self, op: OpId) -> Option<&LayerWeights> {
        self.layers[op.index()].as_ref()
    }

    /// The entries of all operators, in the graph's order.
    pub fn layers(&self) -> &[Option<LayerWeights>] {
        &self.layers
    }
}

fn check_layer(graph: &Graph, op: OpId, layer: Option<&LayerWeights>) -> Result<(), WeightsError> {
    let dims = graph.weight_dims(op);
    let expected_kernel = dims.map_or(0, |dims| dims.kernel_len());
    let outputs = dims.map_or(0, |dims| dims.outputs);
    let normalised = if dims.is_some_and(|dims| dims.batch_norm) { outputs } else { 0 };
    let batch_norm = layer.and_then(|layer| layer.batch_norm.as_ref());
    let length = |part: fn(&BatchNorm) -> &Vec<f32>| batch_norm.map_or(0, |norm| part(norm).len());
    let parts = [
        ("kernel", expected_kernel, layer.map_or(0, |layer| layer.kernel.len())),
        ("bias", outputs, layer.map_or(0, |layer| layer.bias.len())),
        ("batch norm gamma", normalised, length(|norm| &norm.gamma)),
        ("batch norm beta", normalised, length(|norm| &norm.beta)),
        ("batch norm mean", normalised, length(|norm| &norm.mean)),
        ("batch norm variance", normalised, length(|norm| &norm.variance)),
    ];
    for (part, expected, found) in parts {
        if expected != found {
            let kind = graph.node(op).op.kind_name();
            return Err(WeightsError::Length { op: op.index(), kind, part, expected, found });
        }
    }
    Ok(())
}
