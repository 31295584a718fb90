//! Execution of the int8 network on the host.
//!
//! Elements and weights are widened to 16 bits and the input's zero point is taken off beforehand: products of 16-bit
//! integers added in 32 bits are what compilers make vector instructions of, and the padding of the border becomes zero.
//! Sums of integers do not depend on their order, so results are those of the reference kernels to the bit.

use munas_ir::{Op, OpId, PoolKind, Shape, TensorId, Windows};

use crate::layer::rounded_mean;
use crate::{AddInput, AddStep, LinearLayer, PoolLayer, QuantisedLayer, QuantisedNetwork};

/// Elements that are multiplied and added together.
const BLOCK: usize = 16;
type Block = [i16; BLOCK];

/// Values of an 8-bit integer.
const BYTE_VALUES: usize = 256;

/// Runs a network on one input after the other, in buffers of its own.
#[derive(Clone, Debug)]
pub struct Executor<'a> {
    network: &'a QuantisedNetwork,
    operators: Operators,
    /// Every tensor, of the last input.
    tensors: Vec<Vec<i8>>,
}

impl<'a> Executor<'a> {
    /// Buffers for a network.
    pub fn new(network: &'a QuantisedNetwork) -> Self {
        Self { network, operators: Operators::new(network), tensors: network.zeroed_tensors() }
    }

    /// The network's output for an input in (h, w, c) order.
    ///
    /// # Panics
    /// If `input` is not of the length of the network's input.
    pub fn run(&mut self, input: &[i8]) -> &[i8] {
        self.tensors[TensorId::INPUT.index()].copy_from_slice(input);
        self.execute()
    }

    /// The network's output for the nearest integers to an input in (h, w, c) order.
    ///
    /// # Panics
    /// If `input` is not of the length of the network's input.
    pub fn run_real(&mut self, input: &[f32]) -> &[i8] {
        self.network.quantise_input_into(input, &mut self.tensors[TensorId::INPUT.index()]);
        self.execute()
    }

    /// All tensors of the last input, indexed by `TensorId::index`, each in (h, w, c) order.
    pub fn tensors(&self) -> &[Vec<i8>] {
        &self.tensors
    }

    /// As [`tensors`](Self::tensors), for good.
    pub fn into_tensors(self) -> Vec<Vec<i8>> {
        self.tensors
    }

    fn execute(&mut self) -> &[i8] {
        for (op, _) in self.network.graph().ops() {
            self.operators.execute(self.network, op, &mut self.tensors);
        }
        &self.tensors[self.network.graph().output().index()]
    }
}

impl QuantisedNetwork {
    /// All tensors for an input, indexed by `TensorId::index`, each in (h, w, c) order. For many inputs an [`Executor`]
    /// is faster.
    ///
    /// # Panics
    /// If `input` is not of the length of the network's input.
    pub fn run(&self, input: &[i8]) -> Vec<Vec<i8>> {
        let mut executor = Executor::new(self);
        executor.run(input);
        executor.into_tensors()
    }
}

/// What the operators of a network need besides its integers.
#[derive(Clone, Debug)]
pub(crate) struct Operators {
    kernels: Vec<Kernel>,
    scratch: Scratch,
}

/// A kernel in 16 bits.
#[derive(Clone, Debug)]
enum Kernel {
    /// Of a convolution or dense layer: the weights of each output, filled up with zeros to whole blocks.
    Rows(Vec<Block>),
    /// Of a depthwise convolution, `[kernel_h·kernel_w][channels]`.
    Taps(Vec<i16>),
    /// Of pooling and Add.
    None,
}

/// Buffers that only one operator uses.
#[derive(Clone, Debug, Default)]
struct Scratch {
    /// The input of an operator, zero point taken off.
    widened: Vec<i16>,
    /// One window of it, filled up with zeros to whole blocks.
    patch: Vec<Block>,
    /// The sums of the channels of one pixel.
    sums: Vec<i32>,
}

impl Kernel {
    fn new(network: &QuantisedNetwork, op: OpId) -> Self {
        let Some(layer) = network.layer(op).linear() else { return Self::None };
        let widened = layer.weights.iter().map(|&weight| i16::from(weight));
        if matches!(network.graph().node(op).op, Op::DepthwiseConv2d { .. }) {
            return Self::Taps(widened.collect());
        }
        let weights: Vec<i16> = widened.collect();
        let rows = weights.chunks_exact(weights.len() / layer.bias.len());
        let blocks = rows.flat_map(|row| {
            row.chunks(BLOCK).map(|weights| {
                let mut block = [0; BLOCK];
                block[..weights.len()].copy_from_slice(weights);
                block
            })
        });
        Self::Rows(blocks.collect())
    }
}

impl Operators {
    pub fn new(network: &QuantisedNetwork) -> Self {
        let kernels = network.graph().ops().map(|(op, _)| Kernel::new(network, op));
        Self { kernels: kernels.collect(), scratch: Scratch::default() }
    }

    /// Computes the output of one operator of `network`, whose kernels are those given to [`Operators::new`], from the tensors
    /// before it.
    pub fn execute(&mut self, network: &QuantisedNetwork, op: OpId, tensors: &mut [Vec<i8>]) {
        let (graph, scratch) = (network.graph(), &mut self.scratch);
        let node = graph.node(op);
        let (before, after) = tensors.split_at_mut(op.output().index());
        let (input, output) = (&before[node.inputs[0].index()], &mut after[0]);
        match network.layer(op) {
            QuantisedLayer::Linear(layer) => {
                let windows = graph.windows(op).expect("layers with weights have windows");
                scratch.widen(input, layer.input_zero_point);
                match &self.kernels[op.index()] {
                    Kernel::Rows(rows) => convolve(&windows, layer, rows, scratch, output),
                    Kernel::Taps(taps) => depthwise(&windows, layer, taps, scratch, output),
                    Kernel::None => unreachable!("the layer has weights"),
                }
            }
            QuantisedLayer::Pool(layer) => {
                let windows = graph.windows(op).expect("a pooling has windows");
                let Op::Pool { kind, .. } = node.op else { unreachable!("a pooling has a kind") };
                match kind {
                    PoolKind::Max => max_pool(&windows, layer, input, output),
                    PoolKind::Avg => average_pool(&windows, layer, input, scratch, output),
                }
            }
            QuantisedLayer::Add(layer) => {
                let shape = graph.output_shape(op);
                pad(input, graph.shape(node.inputs[0]), layer.steps[0].left, output, shape);
                for (step, right) in layer.steps.iter().zip(&node.inputs[1..]) {
                    add(step, &before[right.index()], graph.shape(*right), output, shape);
                }
            }
        }
    }
}

impl Scratch {
    fn widen(&mut self, input: &[i8], zero_point: i32) {
        self.widened.clear();
        self.widened.extend(input.iter().map(|&element| i16::from(element) - zero_point as i16));
    }
}

/// Σ aᵢ·bᵢ.
fn dot(a: &[Block], b: &[Block]) -> i32 {
    // A sum for each element of a block: compilers pair neighbours and multiply and add them in one instruction.
    let mut sums = [0_i32; BLOCK];
    for (a, b) in a.iter().zip(b) {
        for element in 0..BLOCK {
            sums[element] += i32::from(a[element]) * i32::from(b[element]);
        }
    }
    sums.iter().sum()
}

/// A convolution or dense layer.
fn convolve(
    windows: &Windows,
    layer: &LinearLayer,
    rows: &[Block],
    scratch: &mut Scratch,
    output: &mut [i8],
) {
    let blocks = windows.elements().div_ceil(BLOCK);
    scratch.patch.clear();
    scratch.patch.resize(blocks, [0; BLOCK]);
    scratch.sums.resize(layer.bias.len(), 0);
    for ((y, x), output) in windows.positions().zip(output.chunks_exact_mut(layer.bias.len())) {
        let patch = &mut scratch.patch.as_flattened_mut()[..windows.elements()];
        windows.gather(&scratch.widened, y, x, patch);
        for ((sum, row), bias) in scratch.sums.iter_mut().zip(rows.chunks_exact(blocks)).zip(&layer.bias) {
            *sum = bias + dot(&scratch.patch, row);
        }
        layer.requantise(&scratch.sums, output);
    }
}

fn depthwise(windows: &Windows, layer: &LinearLayer, taps: &[i16], scratch: &mut Scratch, output: &mut [i8]) {
    let channels = windows.input.channels;
    let sums = &mut scratch.sums;
    for ((y, x), output) in windows.positions().zip(output.chunks_exact_mut(channels)) {
        sums.clone_from(&layer.bias);
        windows.for_each_pixel(y, x, |pixel, tap| {
            let elements = &scratch.widened[pixel * channels..][..channels];
            let weights = &taps[tap * channels..][..channels];
            for ((sum, &element), &weight) in sums.iter_mut().zip(elements).zip(weights) {
                *sum += i32::from(element) * i32::from(weight);
            }
        });
        layer.requantise(sums, output);
    }
}

/// The largest element of each window.
fn max_pool(windows: &Windows, layer: &PoolLayer, input: &[i8], output: &mut [i8]) {
    let channels = windows.input.channels;
    for ((y, x), output) in windows.positions().zip(output.chunks_exact_mut(channels)) {
        output.fill(layer.clamp[0]);
        windows.for_each_pixel(y, x, |pixel, _| {
            for (most, &element) in output.iter_mut().zip(&input[pixel * channels..]) {
                *most = (*most).max(element);
            }
        });
        for most in output {
            *most = (*most).min(layer.clamp[1]);
        }
    }
}

/// The mean of each window.
fn average_pool(
    windows: &Windows,
    layer: &PoolLayer,
    input: &[i8],
    scratch: &mut Scratch,
    output: &mut [i8],
) {
    let channels = windows.input.channels;
    scratch.sums.resize(channels, 0);
    let sums = &mut scratch.sums[..channels];
    for ((y, x), output) in windows.positions().zip(output.chunks_exact_mut(channels)) {
        sums.fill(0);
        windows.for_each_pixel(y, x, |pixel, _| {
            for (sum, &element) in sums.iter_mut().zip(&input[pixel * channels..]) {
                *sum += i32::from(element);
            }
        });
        for (output, &sum) in output.iter_mut().zip(&*sums) {
            *output = rounded_mean(sum, windows.kernel.area() as i32, layer.clamp);
        }
    }
}

/// Copies a tensor to the top left of one of shape `to`, and fills the rest with its zero point.
fn pad(input: &[i8], from: Shape, parameters: AddInput, output: &mut [i8], to: Shape) {
    output.fill(parameters.zero_point as i8);
    let row = from.width * from.channels;
    for (input, output) in input.chunks_exact(row).zip(output.chunks_exact_mut(to.width * to.channels)) {
        output[..row].copy_from_slice(input);
    }
}

/// Adds a tensor of shape `from`, padded to shape `to`, to the partial sum in `output`.
fn add(step: &AddStep, right: &[i8], from: Shape, output: &mut [i8], to: Shape) {
    let table = |input: AddInput| -> [i32; BYTE_VALUES] {
        std::array::from_fn(|byte| step.summand(input, byte as u8 as i8))
    };
    let (left_summands, right_summands) = (table(step.left), table(step.right));
    let row = from.width * from.channels;
    for (y, output) in output.chunks_exact_mut(to.width * to.channels).enumerate() {
        let right = if y < from.height { &right[y * row..][..row] } else { &[] };
        let (covered, rest) = output.split_at_mut(right.len());
        for (output, &right) in covered.iter_mut().zip(right) {
            let left = left_summands[usize::from(*output as u8)];
            *output = step.sum(left, right_summands[usize::from(right as u8)]);
        }
        for output in rest {
            *output = step.sum(left_summands[usize::from(*output as u8)], 0);
        }
    }
}

#[cfg(test)]
mod tests;
