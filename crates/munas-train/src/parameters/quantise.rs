//! What fake quantisation does to parameters.

use std::ops::Range;

use munas_ir::{BATCH_NORM_EPSILON, Graph, TensorQuantisation, fold_batch_norm, kernel_scale};
use munas_kernels::{FakeQuantisation, Kernels};

use super::{ParameterLayout, Parameters};

/// Integers of a kernel reach from −127 to 127.
const LARGEST_WEIGHT: f32 = 127.0;

impl ParameterLayout {
    /// The same places without those of batch norms.
    pub fn without_norms(&self) -> Self {
        let mut layout = self.clone();
        for ranges in layout.layers.iter_mut().flatten() {
            ranges.norm = None;
        }
        layout
    }
}

impl Parameters {
    /// Folds batch norms, which change nothing from then on.
    pub fn fold_norms(&mut self, graph: &Graph, layout: &ParameterLayout) {
        let (_, folded) = fold_batch_norm(graph, &self.to_weights(graph, layout));
        self.load(graph, layout, &folded);
        self.neutralise_norms(layout);
    }

    /// Sets batch norms so that folding them changes nothing, not even a bit: γ/√(σ² + ε) = 1.
    pub fn neutralise_norms(&mut self, layout: &ParameterLayout) {
        for norm in layout.layers().filter_map(|ranges| ranges.norm.as_ref()) {
            self.trained[norm.gamma.clone()].fill((1.0 + BATCH_NORM_EPSILON).sqrt());
            self.trained[norm.beta.clone()].fill(0.0);
            self.moving[norm.mean.clone()].fill(0.0);
            self.moving[norm.variance.clone()].fill(1.0);
        }
    }
}

/// Writes the nearest representable values of the kernels and biases in `from` into `to`; the rest of `to` stays as it
/// is. `activations` are those of the graph's tensors.
pub(crate) fn fake_quantise(
    kernels: &Kernels,
    graph: &Graph,
    layout: &ParameterLayout,
    activations: &[TensorQuantisation],
    from: &[f32],
    to: &mut [f32],
) {
    for (op, node) in graph.ops() {
        let Some(ranges) = layout.layer(op) else { continue };
        let affine = &ranges.affine;
        let input_scale = activations[node.inputs[0].index()].scale;
        let groups = if graph.has_channel_scales(op) { affine.bias.len() } else { 1 };
        let part = |range: &Range<usize>, group: usize| {
            let len = range.len() / groups;
            range.start + group * len..range.start + (group + 1) * len
        };
        for group in 0..groups {
            let (kernel, bias) = (part(&affine.kernel, group), part(&affine.bias, group));
            let largest = |range: &Range<usize>| {
                from[range.clone()].iter().fold(0.0, |most: f32, value| most.max(value.abs()))
            };
            let scale = kernel_scale(largest(&kernel), largest(&bias), input_scale);
            let weights = FakeQuantisation { scale, low: -LARGEST_WEIGHT, high: LARGEST_WEIGHT };
            kernels.fake_quantise(weights, &from[kernel.clone()], &mut to[kernel]);
            let high = i32::MAX as f32;
            let biases = FakeQuantisation { scale: input_scale * scale, low: -high, high };
            kernels.fake_quantise(biases, &from[bias.clone()], &mut to[bias]);
        }
    }
}
