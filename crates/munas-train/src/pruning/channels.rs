//! Which channels can be masked, and which are zero where others are.

use munas_ir::{Graph, Op};

/// For each operator, which of its output channels are masked, given those of the chosen layers (`chosen`, by operator;
/// empty for others): a depthwise convolution or a pooling follows what it reads, and an Add is zero where all it reads is.
/// All of it where the activation of 0 is 0.
pub(super) fn masked_channels(graph: &Graph, chosen: &[Vec<bool>]) -> Vec<Vec<bool>> {
    let mut masked: Vec<Vec<bool>> = vec![vec![false; graph.input_shape().channels]];
    for (op, node) in graph.ops() {
        let channels = graph.output_shape(op).channels;
        let keeps_zero = node.op.activation().keeps_zero();
        let is_masked = |channel| match node.op {
            Op::Conv2d { .. } | Op::Dense { .. } => {
                chosen[op.index()].get(channel).is_some_and(|&is_masked| is_masked)
            }
            Op::DepthwiseConv2d { .. } | Op::Pool { .. } | Op::Add => {
                node.inputs.iter().all(|tensor| masked[tensor.index()][channel])
            }
        };
        let channels = (0..channels).map(|channel| keeps_zero && is_masked(channel)).collect();
        masked.push(channels);
    }
    masked.remove(0);
    masked
}

/// For each operator, whether it has parameters that structured pruning may mask.
pub(crate) fn maskable(graph: &Graph) -> Vec<bool> {
    let mut all = vec![Vec::new(); graph.nodes().len()];
    for op in graph.prunable_layers() {
        all[op.index()] = vec![true; graph.output_shape(op).channels];
    }
    let masked = masked_channels(graph, &all);
    graph.ops().map(|(op, _)| graph.weight_dims(op).is_some() && masked[op.index()].contains(&true)).collect()
}
