//! Random networks for this crate's tests, and a plain restatement of what their operators read.

use munas_ir::{
    BatchNorm, Graph, LayerWeights, Op, OpId, Padding, Quantisation, Shape, TensorId, Weights, Window,
};
use munas_space::Space;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::{Calibration, QuantisedNetwork, calibrate};

/// Products of a network that tests can afford many of.
const MAX_PRODUCTS: usize = 300_000;

/// A network with weights and inputs.
pub struct Case {
    pub graph: Graph,
    pub weights: Weights,
    pub samples: Vec<Vec<f32>>,
}

impl Case {
    /// A small network of one of the search spaces with `samples` inputs.
    pub fn random(seed: u64, samples: usize) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let graph = loop {
            let graph = random_graph(&mut rng);
            if products(&graph) <= MAX_PRODUCTS {
                break graph;
            }
        };
        Self::of(graph, samples, &mut rng)
    }

    /// Random weights and inputs for a network.
    pub fn of(graph: Graph, samples: usize, rng: &mut impl Rng) -> Self {
        let weights = random_weights(&graph, rng);
        let elements = graph.input_shape().elements();
        let samples =
            (0..samples).map(|_| (0..elements).map(|_| rng.random_range(-1.0..1.5)).collect()).collect();
        Self { graph, weights, samples }
    }

    pub fn samples(&self) -> impl Iterator<Item = &[f32]> + Clone {
        self.samples.iter().map(Vec::as_slice)
    }
}

/// The integers of a case, with ranges measured on its samples.
pub fn quantised(case: &Case) -> QuantisedNetwork {
    let ranges = calibrate(&case.graph, &case.weights, case.samples(), &Calibration::MinMax);
    let quantisation = Quantisation::new(&case.graph, &case.weights, &ranges);
    QuantisedNetwork::new(&case.graph, &case.weights, &quantisation)
}

fn random_graph(rng: &mut impl Rng) -> Graph {
    let spaces = [("cnn2d", "munas-2020"), ("cnn2d", "wide"), ("cnn1d", "wide-1d"), ("mlp", "munas-2020")];
    let (kind, bounds) = spaces[rng.random_range(0..spaces.len())];
    let width = if kind == "cnn1d" { 1 } else { rng.random_range(1..=14) };
    let input = Shape::new(rng.random_range(1..=14), width, rng.random_range(1..=4));
    let architecture = Space::named(kind, bounds).unwrap().sample(rng);
    architecture.lower(input, rng.random_range(2..=5))
}

fn products(graph: &Graph) -> usize {
    let of = |(op, _)| graph.weight_dims(op).map(|dims| dims.kernel_len() * graph.output_shape(op).pixels());
    graph.ops().filter_map(of).sum()
}

/// Kernels that keep the size of activations about the same, with batch norms whose factors vary.
fn random_weights(graph: &Graph, rng: &mut impl Rng) -> Weights {
    let layers = graph.ops().map(|(op, _)| {
        let dims = graph.weight_dims(op)?;
        let mut values =
            |count: usize, low: f32, high: f32| (0..count).map(|_| rng.random_range(low..high)).collect();
        let reach = (4.0 / (dims.kernel_len() / dims.outputs) as f32).sqrt();
        let batch_norm = dims.batch_norm.then(|| BatchNorm {
            gamma: values(dims.outputs, 0.5, 1.5),
            beta: values(dims.outputs, -0.3, 0.3),
            mean: values(dims.outputs, -0.3, 0.3),
            variance: values(dims.outputs, 0.5, 1.5),
        });
        Some(LayerWeights {
            kernel: values(dims.kernel_len(), -reach, reach),
            bias: values(dims.outputs, -0.3, 0.3),
            batch_norm,
        })
    });
    let layers = layers.collect();
    Weights::new(graph, layers).unwrap()
}

/// What one element of an operator's output is made of: the elements of its first input that lie in its window, each with
/// the weight that belongs to it.
pub fn terms(graph: &Graph, op: OpId, element: usize) -> Vec<(usize, usize)> {
    let (input, output) = (graph.first_input_shape(op), graph.output_shape(op));
    let channel = element % output.channels;
    let (x, y) = ((element / output.channels) % output.width, element / output.channels / output.width);
    let (kernel, stride, padding) = match graph.node(op).op {
        Op::Dense { .. } => {
            return (0..input.elements()).map(|index| (index, channel * input.elements() + index)).collect();
        }
        Op::Conv2d { attributes, .. } | Op::DepthwiseConv2d(attributes) => {
            (attributes.kernel, attributes.stride, attributes.padding)
        }
        Op::Pool { window, .. } => (window, window, Padding::Valid),
        Op::Add => panic!("the windows of an Add are its elements"),
    };
    let is_full = matches!(graph.node(op).op, Op::Conv2d { .. });
    let before = match padding {
        Padding::Valid => Window::new(0, 0),
        Padding::Same => Window::new(
            ((output.height - 1) * stride.height + kernel.height).saturating_sub(input.height) / 2,
            ((output.width - 1) * stride.width + kernel.width).saturating_sub(input.width) / 2,
        ),
    };
    let mut terms = Vec::new();
    for (i, j) in (0..kernel.height).flat_map(|i| (0..kernel.width).map(move |j| (i, j))) {
        let row = (y * stride.height + i).checked_sub(before.height).filter(|&row| row < input.height);
        let column = (x * stride.width + j).checked_sub(before.width).filter(|&column| column < input.width);
        let (Some(row), Some(column)) = (row, column) else { continue };
        let pixel = (row * input.width + column) * input.channels;
        let tap = i * kernel.width + j;
        if is_full {
            let first = (channel * kernel.area() + tap) * input.channels;
            terms.extend((0..input.channels).map(|c| (pixel + c, first + c)));
        } else {
            terms.push((pixel + channel, tap * input.channels + channel));
        }
    }
    terms
}

/// The elements of the inputs of an Add that make up an element of its output; `None` where an input is smaller.
pub fn summands(graph: &Graph, op: OpId, element: usize) -> Vec<(TensorId, Option<usize>)> {
    let output = graph.output_shape(op);
    let channel = element % output.channels;
    let (x, y) = ((element / output.channels) % output.width, element / output.channels / output.width);
    let of = |&tensor: &TensorId| {
        let shape = graph.shape(tensor);
        let is_inside = y < shape.height && x < shape.width;
        (tensor, is_inside.then(|| (y * shape.width + x) * shape.channels + channel))
    };
    graph.node(op).inputs.iter().map(of).collect()
}
