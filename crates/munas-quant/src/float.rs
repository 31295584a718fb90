//! Execution of the network in f32: what ranges are measured on, and what the int8 network is compared with.

use munas_ir::{Graph, Op, OpId, PoolKind, Shape, TensorId, Weights, Windows, fold_batch_norm};

/// Sums that a dot product is split in, so that compilers can vectorise it.
const LANES: usize = 8;

/// Runs a network in f32 on one input after the other, in buffers of its own.
#[derive(Clone, Debug)]
pub struct FloatExecutor {
    graph: Graph,
    weights: Weights,
    /// Every tensor, of the last input.
    tensors: Vec<Vec<f32>>,
    /// The partial sums of each Add of more than two tensors, one after the other.
    partial_sums: Vec<(OpId, Vec<f32>)>,
    patch: Vec<f32>,
}

impl FloatExecutor {
    /// Buffers for the inference form of a network: batch norms are folded.
    ///
    /// # Panics
    /// If `weights` do not belong to `graph`.
    pub fn new(graph: &Graph, weights: &Weights) -> Self {
        let (graph, weights) = fold_batch_norm(graph, weights);
        let tensors = graph.shapes().iter().map(|shape| vec![0.0; shape.elements()]).collect();
        let long_sums = graph.ops().filter(|(_, node)| node.inputs.len() > 2);
        let partial_sums = long_sums.map(|(op, _)| (op, Vec::new())).collect();
        Self { graph, weights, tensors, partial_sums, patch: Vec::new() }
    }

    /// The inference form of the graph: no batch norm anywhere.
    pub const fn graph(&self) -> &Graph {
        &self.graph
    }

    /// All tensors for an input, indexed by `TensorId::index`, each in (h, w, c) order.
    ///
    /// # Panics
    /// If `input` is not of the length of the network's input.
    pub fn run(&mut self, input: &[f32]) -> &[Vec<f32>] {
        self.tensors[TensorId::INPUT.index()].copy_from_slice(input);
        for op in 0..self.graph.nodes().len() {
            self.execute(OpId::new(op));
        }
        &self.tensors
    }

    /// All values for an input that share the parameters of a tensor: for each tensor itself, and for those of an Add of more
    /// than two tensors also its partial sums.
    pub(crate) fn observe(&mut self, input: &[f32], mut observe: impl FnMut(TensorId, &[f32])) {
        self.run(input);
        for (index, values) in self.tensors.iter().enumerate() {
            observe(TensorId::new(index), values);
        }
        for (op, values) in &self.partial_sums {
            observe(op.output(), values);
        }
    }

    fn execute(&mut self, op: OpId) {
        let node = self.graph.node(op);
        let (before, after) = self.tensors.split_at_mut(op.output().index());
        let output = &mut after[0];
        let input = &before[node.inputs[0].index()];
        let layer = self.weights.layer(op);
        match (node.op, self.graph.windows(op), layer) {
            (Op::DepthwiseConv2d { .. }, Some(windows), Some(layer)) => {
                let channels = windows.input.channels;
                for ((y, x), output) in windows.positions().zip(output.chunks_exact_mut(channels)) {
                    output.copy_from_slice(&layer.bias);
                    windows.for_each_pixel(y, x, |pixel, tap| {
                        let elements = &input[pixel * channels..][..channels];
                        let weights = &layer.kernel[tap * channels..][..channels];
                        for ((sum, element), weight) in output.iter_mut().zip(elements).zip(weights) {
                            *sum += element * weight;
                        }
                    });
                }
            }
            (Op::Pool { kind, .. }, Some(windows), _) => pool(&windows, kind, input, output),
            (Op::Conv2d { .. } | Op::Dense { .. }, Some(windows), Some(layer)) => {
                self.patch.resize(windows.elements(), 0.0);
                for ((y, x), output) in windows.positions().zip(output.chunks_exact_mut(layer.bias.len())) {
                    windows.gather(input, y, x, &mut self.patch);
                    affine(&layer.kernel, &layer.bias, &self.patch, output);
                }
            }
            (Op::Add, _, _) => {
                let mut partial_sums = self.partial_sums.iter_mut().find(|(of, _)| *of == op);
                if let Some((_, values)) = &mut partial_sums {
                    values.clear();
                }
                let to = self.graph.output_shape(op);
                output.fill(0.0);
                for (position, tensor) in node.inputs.iter().enumerate() {
                    if let Some((_, values)) = &mut partial_sums
                        && position > 1
                    {
                        values.extend_from_slice(output);
                    }
                    add(&before[tensor.index()], self.graph.shape(*tensor), output, to);
                }
            }
            (Op::Conv2d { .. } | Op::DepthwiseConv2d(_) | Op::Pool { .. } | Op::Dense { .. }, _, _) => {
                unreachable!("{:?} has windows, and weights unless it is a pooling", node.op)
            }
        }
        let activation = node.op.activation();
        if !activation.is_identity() {
            output.iter_mut().for_each(|value| *value = activation.of(*value));
        }
    }
}

/// Adds a tensor of shape `from`, padded to shape `to`, to the sum in `output`.
fn add(input: &[f32], from: Shape, output: &mut [f32], to: Shape) {
    let rows = input.chunks_exact(from.width * from.channels);
    for (output, input) in output.chunks_exact_mut(to.width * to.channels).zip(rows) {
        for (sum, element) in output.iter_mut().zip(input) {
            *sum += element;
        }
    }
}

/// All outputs of one window.
fn affine(kernel: &[f32], bias: &[f32], window: &[f32], output: &mut [f32]) {
    for ((output, weights), bias) in output.iter_mut().zip(kernel.chunks_exact(window.len())).zip(bias) {
        *output = bias + dot(window, weights);
    }
}

/// Σ aᵢ·bᵢ, added in [`LANES`] sums and then together.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let (a_blocks, a_rest) = a.as_chunks::<LANES>();
    let (b_blocks, b_rest) = b.as_chunks::<LANES>();
    let mut sums = [0.0_f32; LANES];
    for (a, b) in a_blocks.iter().zip(b_blocks) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f32>() + rest
}

fn pool(windows: &Windows, kind: PoolKind, input: &[f32], output: &mut [f32]) {
    let channels = windows.input.channels;
    let area = windows.kernel.area() as f32;
    let start = match kind {
        PoolKind::Max => f32::NEG_INFINITY,
        PoolKind::Avg => 0.0,
    };
    for ((y, x), output) in windows.positions().zip(output.chunks_exact_mut(channels)) {
        output.fill(start);
        windows.for_each_pixel(y, x, |pixel, _| {
            let elements = &input[pixel * channels..][..channels];
            for (value, element) in output.iter_mut().zip(elements) {
                match kind {
                    PoolKind::Max => *value = value.max(*element),
                    PoolKind::Avg => *value += element / area,
                }
            }
        });
    }
}

#[cfg(test)]
mod tests;
