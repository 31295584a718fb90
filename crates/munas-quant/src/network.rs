//! From a trained network and its quantisation parameters to integers.
//!
//! Multipliers are computed in the number formats that TFLM uses, so that they agree in every bit: the product of the
//! scales in 64-bit floating point for convolutions and in 32-bit for dense layers.

use munas_ir::{
    Graph, KernelLayout, LayerWeights, Op, OpId, Quantisation, TensorId, TensorQuantisation, Weights,
    fold_batch_norm, quantise_weight,
};

use crate::layer::FULL_RANGE;
use crate::{AddInput, AddLayer, AddStep, LinearLayer, Multiplier, PoolLayer, QuantisedLayer};

/// Bits that inputs of an Add are shifted to the left by.
const ADD_LEFT_SHIFT: u32 = 20;

/// A network in integers.
#[derive(Clone, Debug, PartialEq)]
pub struct QuantisedNetwork {
    graph: Graph,
    quantisation: Quantisation,
    layers: Vec<QuantisedLayer>,
}

impl QuantisedNetwork {
    /// The integers of `graph` with `weights`, batch norm apart or folded.
    ///
    /// # Panics
    /// If `weights` or `quantisation` do not belong to `graph`.
    pub fn new(graph: &Graph, weights: &Weights, quantisation: &Quantisation) -> Self {
        let (graph, folded) = fold_batch_norm(graph, weights);
        assert_eq!(quantisation.tensors().len(), graph.shapes().len(), "one pair for each tensor");
        let layers = graph.ops().map(|(op, node)| match node.op {
            Op::Conv2d { .. } | Op::DepthwiseConv2d { .. } | Op::Dense { .. } => {
                let layer = folded.layer(op).expect("weights have the layers of their graph");
                QuantisedLayer::Linear(linear_layer(&graph, op, layer, quantisation))
            }
            Op::Pool { .. } => QuantisedLayer::Pool(PoolLayer { clamp: FULL_RANGE }),
            Op::Add => QuantisedLayer::Add(add_layer(&node.inputs, op, quantisation)),
        });
        let layers = layers.collect();
        Self { graph, quantisation: quantisation.clone(), layers }
    }

    /// The network with other biases, `Some` for every operator that has any.
    ///
    /// # Panics
    /// If there are more or fewer biases than the network has.
    pub fn with_biases(mut self, biases: Vec<Option<Vec<i32>>>) -> Self {
        assert_eq!(biases.len(), self.layers.len(), "one entry for each operator");
        for (layer, biases) in self.layers.iter_mut().zip(biases) {
            match (layer, biases) {
                (QuantisedLayer::Linear(layer), Some(biases)) => {
                    assert_eq!(layer.bias.len(), biases.len(), "a bias for each output");
                    layer.bias = biases;
                }
                (QuantisedLayer::Linear(_), None) => panic!("an operator without its biases"),
                (_, biases) => assert_eq!(biases, None, "biases of an operator that has none"),
            }
        }
        self
    }

    /// The first operator with a bias so large that a sum could leave 32 bits. Those that [`QuantisedNetwork::new`]
    /// makes never do.
    pub fn overflow(&self) -> Option<OpId> {
        let overflows = |op: &OpId| {
            let Some(layer) = self.layer(*op).linear() else { return false };
            let node = self.graph.node(*op);
            let Some(layout) = KernelLayout::of(&self.graph, *op) else { return false };
            let mut magnitudes = vec![0_i64; layer.bias.len()];
            for (index, weight) in layer.weights.iter().enumerate() {
                magnitudes[layout.output_of(index)] += i64::from(weight.unsigned_abs());
            }
            let input = self.quantisation.tensor(node.inputs[0]);
            let limits = magnitudes.into_iter().map(|magnitude| largest_bias(magnitude, input));
            layer.bias.iter().zip(limits).any(|(bias, limit)| i64::from(*bias).abs() > limit)
        };
        self.graph.ops().map(|(op, _)| op).find(overflows)
    }

    /// The inference form of the graph: no batch norm anywhere.
    pub const fn graph(&self) -> &Graph {
        &self.graph
    }

    /// The parameters that relate integers to real numbers.
    pub const fn quantisation(&self) -> &Quantisation {
        &self.quantisation
    }

    /// The integers of one operator.
    pub fn layer(&self, op: OpId) -> &QuantisedLayer {
        &self.layers[op.index()]
    }

    /// The nearest integers to an input of the network, in (h, w, c) order.
    pub fn quantise_input(&self, input: &[f32]) -> Vec<i8> {
        let mut integers = vec![0; input.len()];
        self.quantise_input_into(input, &mut integers);
        integers
    }

    /// As [`quantise_input`](Self::quantise_input), into a buffer of the same length.
    pub(crate) fn quantise_input_into(&self, input: &[f32], integers: &mut [i8]) {
        assert_eq!(input.len(), integers.len(), "an input has the elements of its shape");
        let parameters = self.quantisation.tensor(TensorId::INPUT);
        for (integer, &value) in integers.iter_mut().zip(input) {
            *integer = parameters.quantise(value);
        }
    }

    /// The real numbers that the integers of the network's output stand for.
    pub fn dequantise_output(&self, output: &[i8]) -> Vec<f32> {
        let parameters = self.quantisation.tensor(self.graph.output());
        output.iter().map(|&integer| parameters.dequantise(integer)).collect()
    }
}

impl QuantisedNetwork {
    /// A buffer for each tensor.
    pub(crate) fn zeroed_tensors(&self) -> Vec<Vec<i8>> {
        self.graph.shapes().iter().map(|shape| vec![0; shape.elements()]).collect()
    }

    /// Replaces the parameters of a convolution, depthwise convolution or dense layer by others.
    pub(crate) fn set_linear(&mut self, op: OpId, layer: &LayerWeights) {
        self.layers[op.index()] =
            QuantisedLayer::Linear(linear_layer(&self.graph, op, layer, &self.quantisation));
    }
}

fn linear_layer(graph: &Graph, op: OpId, layer: &LayerWeights, quantisation: &Quantisation) -> LinearLayer {
    let node = graph.node(op);
    let input = quantisation.tensor(node.inputs[0]);
    let output = quantisation.tensor(op.output());
    let scales = quantisation.kernel(op).expect("a quantisation has the kernels of its graph");
    let outputs = layer.bias.len();
    let scale_of = |channel: usize| scales[channel % scales.len()];
    let layout = KernelLayout::of(graph, op).expect("an operator with weights has a kernel");

    let mut weights = Vec::with_capacity(layer.kernel.len());
    let mut magnitudes = vec![0_i64; outputs];
    for (index, &weight) in layer.kernel.iter().enumerate() {
        let channel = layout.output_of(index);
        let integer = quantise_weight(weight, scale_of(channel));
        magnitudes[channel] += i64::from(integer.unsigned_abs());
        weights.push(integer);
    }
    let bias = layer.bias.iter().zip(&magnitudes).enumerate().map(|(channel, (&bias, magnitude))| {
        let step = f64::from(input.scale) * f64::from(scale_of(channel));
        let limit = largest_bias(*magnitude, input);
        ((f64::from(bias) / step).round() as i64).clamp(-limit, limit) as i32
    });
    let bias = bias.collect();
    let multipliers = (0..outputs).map(|channel| {
        let scale = scale_of(channel);
        let product = match node.op {
            Op::Dense { .. } => f64::from(input.scale * scale),
            Op::Conv2d { .. } | Op::DepthwiseConv2d { .. } => f64::from(input.scale) * f64::from(scale),
            Op::Pool { .. } | Op::Add => unreachable!("has no multipliers of this kind"),
        };
        Multiplier::from_real(product / f64::from(output.scale))
    });
    LinearLayer {
        weights,
        bias,
        multipliers: multipliers.collect(),
        input_zero_point: i32::from(input.zero_point),
        output_zero_point: i32::from(output.zero_point),
        clamp: output.clamp(node.op.activation()),
    }
}

/// The largest bias beside weights of so much in all, with which sums fit 32 bits whatever the input is.
fn largest_bias(magnitude: i64, input: TensorQuantisation) -> i64 {
    let largest_step = input.steps().into_iter().fold(0.0, |most: f32, step| most.max(step.abs())) as i64;
    (i64::from(i32::MAX) - magnitude * largest_step).max(0)
}

fn add_layer(inputs: &[TensorId], op: OpId, quantisation: &Quantisation) -> AddLayer {
    let output = quantisation.tensor(op.output());
    let mut left = quantisation.tensor(inputs[0]);
    let steps = inputs[1..].iter().map(|&input| {
        let step = add_step(left, quantisation.tensor(input), output);
        left = output;
        step
    });
    AddLayer { steps: steps.collect() }
}

fn add_step(left: TensorQuantisation, right: TensorQuantisation, output: TensorQuantisation) -> AddStep {
    let twice_largest = 2.0 * f64::from(left.scale.max(right.scale));
    let read = |input: TensorQuantisation| AddInput {
        zero_point: i32::from(input.zero_point),
        multiplier: Multiplier::from_real(f64::from(input.scale) / twice_largest),
    };
    let shifted = f64::from(1_i32 << ADD_LEFT_SHIFT) * f64::from(output.scale);
    AddStep {
        left: read(left),
        right: read(right),
        left_shift: ADD_LEFT_SHIFT,
        output: Multiplier::from_real(twice_largest / shifted),
        output_zero_point: i32::from(output.zero_point),
        clamp: FULL_RANGE,
    }
}

#[cfg(test)]
mod tests;
