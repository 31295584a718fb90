//! Execution of the int8 network on 16 samples at a time: for errors over whole datasets.
//!
//! Values lie as in training, `[channel][row][column][LANES]`, so that every operator vectorises over samples, however few
//! its channels are. Results are those of [`Executor`](crate::Executor) to the bit.

mod elementwise;
mod linear;
mod pool;
mod sum;
#[cfg(test)]
mod tests;

use munas_ir::{Op, OpId, TensorId};
use munas_kernels::{Isa, Kernels, LANES};

use crate::{QuantisedLayer, QuantisedNetwork};
use elementwise::{Pack, unpack};
use linear::{LinearScratch, LinearSums};
use pool::Pool;
use sum::Sum;

/// One value of each sample.
type Lanes = [i8; LANES];

/// Runs a network on up to [`LANES`] inputs at once, in buffers of its own.
#[derive(Debug)]
pub struct BatchExecutor<'a> {
    network: &'a QuantisedNetwork,
    kernels: Kernels,
    /// Of the operators with weights.
    linear: Vec<Option<LinearSums>>,
    /// Every tensor, `[channel][row][column]`.
    tensors: Vec<Vec<Lanes>>,
    scratch: LinearScratch,
    /// The inputs in integers, and then the outputs, each in (h, w, c) order.
    integers: Vec<i8>,
}

impl<'a> BatchExecutor<'a> {
    /// Most inputs of a run.
    pub const SAMPLES: usize = LANES;

    /// Buffers for a network.
    pub fn new(network: &'a QuantisedNetwork) -> Self {
        Self::with_kernels(network, Kernels::new(Isa::detect()))
    }

    fn with_kernels(network: &'a QuantisedNetwork, kernels: Kernels) -> Self {
        let graph = network.graph();
        let largest = graph.shapes().iter().map(|shape| shape.elements()).max().unwrap_or(0);
        Self {
            network,
            kernels,
            linear: graph.ops().map(|(op, _)| LinearSums::new(&kernels, network, op)).collect(),
            tensors: graph.shapes().iter().map(|shape| vec![[0; LANES]; shape.elements()]).collect(),
            scratch: LinearScratch::new(largest),
            integers: Vec::new(),
        }
    }

    /// The network's outputs for the nearest integers to up to [`BatchExecutor::SAMPLES`] inputs; inputs one after the other,
    /// and so the outputs, each in (h, w, c) order.
    ///
    /// # Panics
    /// If there are more inputs, or a part of one.
    pub fn run_real(&mut self, inputs: &[f32]) -> &[i8] {
        let graph = self.network.graph();
        let (input, output) = (graph.input_shape(), graph.shape(graph.output()));
        let samples = inputs.len() / input.elements();
        assert_eq!(inputs.len(), samples * input.elements(), "an input has the elements of its shape");
        assert!(samples <= Self::SAMPLES, "{samples} inputs at once");
        self.kernels.vectorise(Pack {
            parameters: self.network.quantisation().tensor(TensorId::INPUT),
            inputs,
            shape: input,
            integers: &mut self.integers,
            tensor: &mut self.tensors[TensorId::INPUT.index()],
        });
        for (op, _) in graph.ops() {
            self.execute(op);
        }
        unpack(&self.tensors[graph.output().index()], output, samples, &mut self.integers);
        &self.integers
    }

    fn execute(&mut self, op: OpId) {
        let Self { network, kernels, linear, tensors, scratch, .. } = self;
        let graph = network.graph();
        let node = graph.node(op);
        let (before, after) = tensors.split_at_mut(op.output().index());
        let (input, output) = (&*before[node.inputs[0].index()], &mut *after[0]);
        let windows = graph.windows(op);
        match (network.layer(op), windows) {
            (QuantisedLayer::Linear(layer), _) => {
                let sums = linear[op.index()].as_ref().expect("the layer has weights");
                sums.execute(kernels, layer, input, output, scratch);
            }
            (QuantisedLayer::Pool(layer), Some(windows)) => {
                let Op::Pool { kind, .. } = node.op else { unreachable!("a pooling has a kind") };
                kernels.vectorise(Pool { kind, windows, layer, input, output });
            }
            (QuantisedLayer::Add(layer), _) => {
                let inputs =
                    node.inputs.iter().map(|&tensor| (graph.shape(tensor), &*before[tensor.index()]));
                let inputs = &inputs.collect::<Vec<_>>();
                kernels.vectorise(Sum { layer, inputs, shape: graph.output_shape(op), output });
            }
            (QuantisedLayer::Pool(_), None) => unreachable!("a pooling has windows"),
        }
    }
}
