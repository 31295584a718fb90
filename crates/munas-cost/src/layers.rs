//! What each operator costs by itself: MACs and parameters.
//!
//! | operator | MACs | parameters |
//! |---|---|---|
//! | Conv2d | out_h·out_w·out_c·k_h·k_w·in_c | out_c·k_h·k_w·in_c + out_c |
//! | DepthwiseConv2d | out_h·out_w·c·k_h·k_w | c·k_h·k_w + c |
//! | Pool | out_h·out_w·c·p_h·p_w | – |
//! | Add of n tensors | (n − 1)·elements of the output | – |
//! | Dense | in·out | in·out + out |
//!
//! Biases cost no MACs; batch norm is folded into its convolution and costs nothing.

use munas_ir::{Graph, Op, OpId, Shape, Weights};

/// What one operator costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LayerCost {
    /// The operator of the graph that the figures are of.
    pub op: OpId,
    /// Multiply-accumulates of one inference.
    pub macs: u64,
    /// Weights and biases of the inference graph.
    pub parameters: u64,
    /// Shape of what it produces.
    pub output: Shape,
}

/// The cost of one operator.
pub fn layer_cost(graph: &Graph, op: OpId) -> LayerCost {
    let node = graph.node(op);
    let input = graph.first_input_shape(op);
    let output = graph.output_shape(op);
    let terms = match node.op {
        Op::Conv2d { attributes, .. } => attributes.kernel.area() * input.channels,
        Op::DepthwiseConv2d(attributes) => attributes.kernel.area(),
        Op::Pool { window, .. } => window.area(),
        Op::Add => node.inputs.len() - 1,
        Op::Dense { .. } => input.elements(),
    };
    let parameters = graph.weight_dims(op).map_or(0, |dims| dims.inference_parameters());
    let macs = (output.elements() as u64).saturating_mul(terms as u64);
    LayerCost { op, macs, parameters: parameters as u64, output }
}

/// The cost of every operator, in the graph's order.
pub fn layer_costs(graph: &Graph) -> Vec<LayerCost> {
    graph.ops().map(|(op, _)| layer_cost(graph, op)).collect()
}

/// Multiply-accumulates of one inference.
pub fn macs(graph: &Graph) -> u64 {
    graph.ops().fold(0, |sum: u64, (op, _)| sum.saturating_add(layer_cost(graph, op).macs))
}

/// Number of weights and biases of the inference graph; with one byte each, the model's bytes.
pub fn model_size(graph: &Graph) -> u64 {
    graph.ops().map(|(op, _)| layer_cost(graph, op).parameters).sum()
}

/// What [`sparse_model_size`] will be if unstructured pruning takes `share` of the kernel weights of all but the last layer.
pub fn model_size_at(graph: &Graph, share: f64) -> u64 {
    let hidden = graph.ops().filter(|(op, _)| op.output() != graph.output());
    let within_reach: usize =
        hidden.filter_map(|(op, _)| graph.weight_dims(op)).map(|dims| dims.kernel_len()).sum();
    model_size(graph) - (share * within_reach as f64).round() as u64
}

/// Number of non-zero weights, and of biases: what an unstructured-sparse model stores, indices left aside.
pub fn sparse_model_size(weights: &Weights) -> u64 {
    let layers = weights.layers().iter().flatten();
    let stored = layers.map(|layer| {
        let non_zero = layer.kernel.iter().filter(|weight| **weight != 0.0).count();
        (non_zero + layer.bias.len()) as u64
    });
    stored.sum()
}

#[cfg(test)]
mod tests;
