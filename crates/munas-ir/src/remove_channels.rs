//! Removal of channels that are zero: how a network whose channels were pruned becomes a smaller network.
//!
//! A channel is zero if the weights that make it and its bias are zero and the activation of 0 is 0: convolution and dense
//! layers then give 0 for every input. Nothing that reads the channel depends on it, so that it can go together with
//! the matching inputs of its readers.
//!
//! Tensors that must have the same channels are *coupled*: the input and output of a depthwise convolution or a
//! pooling, and everything that meets in an Add. Coupled tensors lose a channel only if it is zero in all of them.
//! The network's input and output lose none, and every tensor keeps at least one.

use crate::{Graph, GraphBuilder, KernelLayout, LayerWeights, Op, OpId, TensorId, Weights, fold_batch_norm};

/// The network without its zero channels, in inference form (batch norms are folded first). Its outputs are those of
/// `graph` with `weights`, up to the rounding of sums that lost terms of zero.
///
/// # Panics
/// If `weights` do not belong to `graph`.
pub fn remove_zero_channels(graph: &Graph, weights: &Weights) -> (Graph, Weights) {
    let (graph, weights) = fold_batch_norm(graph, weights);
    let kept = KeptChannels::new(&graph, |op, channel| {
        let parameters = KernelLayout::of(&graph, op).zip(weights.layer(op));
        parameters.is_some_and(|(layout, layer)| is_zero(layout, layer, channel))
    });
    let layers = graph.ops().map(|(op, node)| {
        let layer = weights.layer(op)?;
        let (inputs, outputs) = (kept.of(node.inputs[0]), kept.of(op.output()));
        Some(LayerWeights {
            kernel: KernelLayout::of(&graph, op)?.select(&layer.kernel, outputs, inputs),
            bias: outputs.iter().map(|&channel| layer.bias[channel]).collect(),
            batch_norm: None,
        })
    });
    let pruned = kept.of_graph(&graph);
    let weights =
        Weights::new(&pruned, layers.collect()).expect("weights are selected by the channels that are kept");
    (pruned, weights)
}

impl Graph {
    /// The network that [`remove_zero_channels`] leaves if these channels of each operator with weights are zero, and no
    /// others: `is_zero` answers for a channel of an operator's output.
    pub fn without_channels(&self, is_zero: impl Fn(OpId, usize) -> bool) -> Self {
        let graph = self.without_batch_norm();
        KeptChannels::new(&graph, is_zero).of_graph(&graph)
    }

    /// The layers whose channels structured pruning chooses from: convolutions and dense layers of two or more
    /// channels, but the last layer and those that read the network's input.
    pub fn prunable_layers(&self) -> impl Iterator<Item = OpId> {
        self.ops().filter_map(|(op, node)| {
            let is_prunable = matches!(node.op, Op::Conv2d { .. } | Op::Dense { .. })
                && op.output() != self.output()
                && node.op.activation().keeps_zero()
                && node.inputs[0] != TensorId::INPUT
                && self.output_shape(op).channels > 1;
            is_prunable.then_some(op)
        })
    }

    /// The network that is left if every prunable layer loses this share of its channels, rounded down to what stays, at least
    /// one; layers that are coupled to others that cannot be pruned stay whole. `share` lies in [0, 1).
    pub fn evenly_pruned(&self, share: f64) -> Self {
        let sets = self.coupled_channels();
        let mut is_prunable = vec![false; self.nodes().len()];
        for op in self.prunable_layers() {
            is_prunable[op.index()] = true;
        }
        let mut is_whole = vec![false; sets.len()];
        is_whole[sets[TensorId::INPUT.index()]] = true;
        for (op, node) in self.ops() {
            let makes_channels = matches!(node.op, Op::Conv2d { .. } | Op::Dense { .. });
            is_whole[sets[op.output().index()]] |= makes_channels && !is_prunable[op.index()];
        }
        let mut builder = GraphBuilder::new(self.input_shape()).expect("the input keeps its elements");
        for (op, node) in self.ops() {
            let channels = self.output_shape(op).channels;
            let left = ((channels as f64 * (1.0 - share)) as usize).max(1);
            let left = if is_whole[sets[op.output().index()]] { channels } else { left };
            builder
                .push(with_outputs(node.op, left), &node.inputs)
                .expect("coupled tensors keep the same number of channels");
        }
        builder.finish().expect("every tensor has its readers still")
    }
}

/// The channels that each tensor keeps.
struct KeptChannels {
    /// The set that each tensor is coupled in.
    sets: Vec<usize>,
    /// Channels of each set, ascending.
    channels: Vec<Vec<usize>>,
}

impl KeptChannels {
    fn new(graph: &Graph, is_zero: impl Fn(OpId, usize) -> bool) -> Self {
        let sets = graph.coupled_channels();
        let mut alive: Vec<Vec<bool>> =
            graph.shapes().iter().map(|shape| vec![false; shape.channels]).collect();
        alive[sets[TensorId::INPUT.index()]].fill(true);
        for (op, node) in graph.ops().filter(|&(op, _)| graph.weight_dims(op).is_some()) {
            let stays = op.output() == graph.output() || !node.op.activation().keeps_zero();
            for (channel, alive) in alive[sets[op.output().index()]].iter_mut().enumerate() {
                *alive |= stays || !is_zero(op, channel);
            }
        }
        let channels = alive.iter().map(|alive| {
            let kept: Vec<usize> = (0..alive.len()).filter(|&channel| alive[channel]).collect();
            if kept.is_empty() { vec![0] } else { kept }
        });
        Self { channels: channels.collect(), sets }
    }

    /// `graph` with these channels alone.
    fn of_graph(&self, graph: &Graph) -> Graph {
        let mut builder = GraphBuilder::new(graph.input_shape()).expect("the input keeps its elements");
        for (op, node) in graph.ops() {
            builder
                .push(with_outputs(node.op, self.of(op.output()).len()), &node.inputs)
                .expect("coupled tensors keep the same channels");
        }
        builder.finish().expect("every tensor has its readers still")
    }

    fn of(&self, tensor: TensorId) -> &[usize] {
        &self.channels[self.sets[tensor.index()]]
    }
}

fn is_zero(layout: KernelLayout, layer: &LayerWeights, channel: usize) -> bool {
    let mut kernel = (0..layer.kernel.len()).filter(|&index| layout.output_of(index) == channel);
    layer.bias[channel] == 0.0 && kernel.all(|index| layer.kernel[index] == 0.0)
}

fn with_outputs(op: Op, outputs: usize) -> Op {
    match op {
        Op::Conv2d { attributes, .. } => Op::Conv2d { filters: outputs, attributes },
        Op::Dense { activation, .. } => Op::Dense { units: outputs, activation },
        Op::DepthwiseConv2d { .. } | Op::Pool { .. } | Op::Add => op,
    }
}

#[cfg(test)]
mod tests;
