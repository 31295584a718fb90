//! Random int8 networks: architectures of the spaces with random weights, calibrated on random inputs.

use munas_ir::{BatchNorm, Graph, LayerWeights, Quantisation, Shape, Weights};
use munas_quant::{Calibration, QuantisedNetwork, calibrate};
use munas_space::Space;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A network with inputs for it.
pub struct Case {
    pub network: QuantisedNetwork,
    pub samples: Vec<Vec<i8>>,
}

/// Where the ranges of activations come from.
#[derive(Clone, Copy, Debug)]
pub enum Ranges {
    Calibrated,
    /// Calibrated, then scaled by up to 1000 either way and widened below 0: multipliers above 1, saturated outputs,
    /// ReLUs whose zero is above −128.
    Distorted,
}

impl Ranges {
    /// Distorted ranges for every third of a sequence of networks.
    pub const fn of(index: usize) -> Self {
        if index % 3 == 1 { Self::Distorted } else { Self::Calibrated }
    }
}

/// A graph with random weights and inputs, the first two of which are extreme.
pub fn case(graph: &Graph, ranges: Ranges, samples: usize, rng: &mut impl Rng) -> Case {
    let weights = random_weights(graph, rng);
    let length = graph.input_shape().elements();
    let inputs: Vec<Vec<f32>> =
        (0..4).map(|_| (0..length).map(|_| rng.random_range(-1.0..1.5)).collect()).collect();
    let calibrated = calibrate(graph, &weights, inputs.iter().map(Vec::as_slice), &Calibration::MinMax);
    let ranges: Vec<[f32; 2]> = match ranges {
        Ranges::Calibrated => calibrated,
        Ranges::Distorted => calibrated.into_iter().map(|range| distorted(range, rng)).collect(),
    };
    let network = QuantisedNetwork::new(graph, &weights, &Quantisation::new(graph, &weights, &ranges));
    let samples = (0..samples).map(|index| match index {
        0 => vec![i8::MIN; length],
        1 => vec![i8::MAX; length],
        _ => (0..length).map(|_| rng.random()).collect(),
    });
    let samples = samples.collect();
    Case { network, samples }
}

fn distorted([smallest, largest]: [f32; 2], rng: &mut impl Rng) -> [f32; 2] {
    let factor = 10.0_f32.powf(rng.random_range(-3.0..3.0));
    [factor * (smallest - 0.5), factor * (largest + 0.1)]
}

/// Graphs of random architectures of all convolutional spaces and of `mlp`, on inputs of several shapes.
pub fn random_graphs(count: usize, seed: u64) -> impl Iterator<Item = Graph> {
    const SPACES: [(&str, &str); 4] =
        [("cnn2d", "munas-2020"), ("cnn2d", "wide"), ("cnn1d", "wide-1d"), ("mlp", "munas-2020")];
    const INPUTS: [Shape; 5] = [
        Shape::new(28, 28, 1),
        Shape::new(17, 17, 3),
        Shape::new(20, 24, 2),
        Shape::new(49, 10, 1),
        Shape::new(64, 1, 6),
    ];
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    (0..count).map(move |index| {
        // Most from the space of the paper.
        let (kind, bounds) = SPACES[(index % 6).saturating_sub(2)];
        let space = Space::named(kind, bounds).expect("the space exists");
        space.sample(&mut rng).lower(INPUTS[rng.random_range(0..INPUTS.len())], 10)
    })
}

fn random_weights(graph: &Graph, rng: &mut impl Rng) -> Weights {
    let layers = graph.ops().map(|(op, _)| {
        let dims = graph.weight_dims(op)?;
        let fan_in = (dims.kernel_len() / dims.outputs) as f32;
        let mut draw = |count: usize, from: f32, to: f32| -> Vec<f32> {
            (0..count).map(|_| rng.random_range(from..to)).collect()
        };
        let reach = (6.0 / fan_in).sqrt();
        let outputs = dims.outputs;
        Some(LayerWeights {
            kernel: draw(dims.kernel_len(), -reach, reach),
            bias: draw(outputs, -0.2, 0.2),
            batch_norm: dims.batch_norm.then(|| BatchNorm {
                gamma: draw(outputs, 0.5, 1.5),
                beta: draw(outputs, -0.3, 0.3),
                mean: draw(outputs, -0.3, 0.3),
                variance: draw(outputs, 0.3, 2.0),
            }),
        })
    });
    Weights::new(graph, layers.collect()).expect("drawn for the graph")
}
