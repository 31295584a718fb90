//! Bias correction: the shift of a channel's mean that rounding causes is taken off its bias.
//!
//! Source: Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction", ICCV 2019, section 4.2 and
//! appendix D (the empirical form). Layers are corrected in their order, each with the layers before it corrected.
//!
//! | symbol | meaning |
//! |---|---|
//! | x, W | windows of a layer's input and its kernel in f32 |
//! | x̃, W̃ | the same as the int8 network represents them |
//! | shift | E[W̃x̃] − E[Wx] = W̃·E[x̃] − W·E[x], before the activation |
//!
//! The mean window is all that is needed, over samples and positions. What remains is the rounding of the biases, in steps that
//! are as a rule much finer than those of the output.

use munas_ir::{
    Graph, KernelLayout, LayerWeights, OpId, Quantisation, TensorId, Weights, Windows, fold_batch_norm,
};

use crate::executor::Operators;
use crate::{FloatExecutor, QuantisedNetwork};

/// The inference form of a network with biases that make up for the shift of the means on samples in (h, w, c) order. Without
/// samples they stay as they are. Keeps all tensors of the int8 network for all samples in memory.
///
/// # Panics
/// If `weights` or `quantisation` do not belong to `graph`, or a sample is not of the length of the network's input.
pub fn bias_correction<'a>(
    graph: &Graph,
    weights: &Weights,
    quantisation: &Quantisation,
    samples: impl Iterator<Item = &'a [f32]> + Clone,
) -> (Graph, Weights) {
    let (folded_graph, folded) = fold_batch_norm(graph, weights);
    let mut network = QuantisedNetwork::new(&folded_graph, &folded, quantisation);
    let float_means = float_mean_windows(FloatExecutor::new(&folded_graph, &folded), samples.clone());
    let mut tensors_of_samples: Vec<Vec<Vec<i8>>> = samples
        .map(|sample| {
            let mut tensors = network.zeroed_tensors();
            network.quantise_input_into(sample, &mut tensors[TensorId::INPUT.index()]);
            tensors
        })
        .collect();
    let mut operators = Operators::new(&network);
    let mut layers = folded.layers().to_vec();
    for (op, node) in folded_graph.ops() {
        if let (Some(layer), Some(float_mean)) = (&mut layers[op.index()], &float_means[op.index()]) {
            let windows = folded_graph.windows(op).expect("layers with weights have windows");
            let parameters = quantisation.tensor(node.inputs[0]);
            let mut mean = MeanWindow::new(&windows);
            for tensors in &tensors_of_samples {
                let values = &tensors[node.inputs[0].index()];
                let values: Vec<f32> = values.iter().map(|&value| parameters.dequantise(value)).collect();
                mean.add(&windows, &values);
            }
            let shifts = Means { float: float_mean, int8: &mean.mean() }.shifts(&network, op, layer);
            for (bias, shift) in layer.bias.iter_mut().zip(shifts) {
                *bias -= shift as f32;
            }
            network.set_linear(op, layer);
        }
        for tensors in &mut tensors_of_samples {
            operators.execute(&network, op, tensors);
        }
    }
    let corrected = Weights::new(&folded_graph, layers).expect("biases keep their lengths");
    (folded_graph, corrected)
}

/// The mean window of the input of each operator with weights.
fn float_mean_windows<'a>(
    mut executor: FloatExecutor,
    samples: impl Iterator<Item = &'a [f32]>,
) -> Vec<Option<Vec<f64>>> {
    let graph = executor.graph().clone();
    let has_weights = |op| graph.weight_dims(op).is_some();
    let mut means: Vec<_> = graph
        .ops()
        .map(|(op, _)| {
            let windows = graph.windows(op).filter(|_| has_weights(op))?;
            Some((windows, MeanWindow::new(&windows)))
        })
        .collect();
    for sample in samples {
        let tensors = executor.run(sample);
        for (mean, node) in means.iter_mut().zip(graph.nodes()) {
            if let Some((windows, mean)) = mean {
                mean.add(windows, &tensors[node.inputs[0].index()]);
            }
        }
    }
    means.into_iter().map(|mean| mean.map(|(_, mean)| mean.mean())).collect()
}

/// The mean of windows, in the order of a kernel.
struct MeanWindow {
    sums: Vec<f64>,
    patch: Vec<f32>,
    count: usize,
}

impl MeanWindow {
    fn new(windows: &Windows) -> Self {
        Self { sums: vec![0.0; windows.elements()], patch: vec![0.0; windows.elements()], count: 0 }
    }

    /// Takes note of all windows of an input.
    fn add(&mut self, windows: &Windows, input: &[f32]) {
        for (y, x) in windows.positions() {
            windows.gather(input, y, x, &mut self.patch);
            for (sum, &value) in self.sums.iter_mut().zip(&self.patch) {
                *sum += f64::from(value);
            }
            self.count += 1;
        }
    }

    /// The mean; zeros if there were no windows.
    fn mean(&self) -> Vec<f64> {
        self.sums.iter().map(|sum| sum / self.count.max(1) as f64).collect()
    }
}

/// The mean windows of a layer in both networks.
struct Means<'a> {
    float: &'a [f64],
    int8: &'a [f64],
}

impl Means<'_> {
    /// The shift of each output channel of a layer that has the parameters `layer` in f32.
    fn shifts(&self, network: &QuantisedNetwork, op: OpId, layer: &LayerWeights) -> Vec<f64> {
        let integers = network.layer(op).linear().expect("operators with weights are linear");
        let scales = network.quantisation().kernel(op).expect("a quantisation has the kernels of its graph");
        let layout = KernelLayout::of(network.graph(), op).expect("operators with weights have a kernel");
        let mut shifts = vec![0.0; layer.bias.len()];
        for (index, (&weight, &integer)) in layer.kernel.iter().zip(&integers.weights).enumerate() {
            let channel = layout.output_of(index);
            // A depthwise kernel is as long as its window; others repeat the window for each channel.
            let element = index % self.float.len();
            let scale = f64::from(scales[channel % scales.len()]);
            shifts[channel] +=
                f64::from(integer) * scale * self.int8[element] - f64::from(weight) * self.float[element];
        }
        shifts
    }
}

#[cfg(test)]
mod tests;
