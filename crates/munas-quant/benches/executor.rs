//! Speed of the executors on typical networks of the search spaces: `cargo bench -p munas-quant`.

use divan::Bencher;
use divan::counter::ItemsCount;
use munas_ir::{
    Activation, ConvAttributes, Graph, GraphBuilder, LayerWeights, Op, Padding, PoolKind, Quantisation,
    Shape, TensorId, Weights, Window,
};
use munas_quant::{BatchExecutor, Calibration, Executor, FloatExecutor, QuantisedNetwork, calibrate};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn main() {
    divan::main();
}

const NETWORKS: [&str; 4] = ["convolutions", "dense", "depthwise separable", "small"];

fn convolution(filters: usize, kernel: usize, stride: usize) -> Op {
    Op::Conv2d {
        filters,
        attributes: ConvAttributes {
            kernel: Window::square(kernel),
            stride: Window::square(stride),
            padding: Padding::Same,
            batch_norm: false,
            activation: Activation::Relu,
        },
    }
}

fn depthwise(kernel: usize, stride: usize) -> Op {
    Op::DepthwiseConv2d(ConvAttributes {
        kernel: Window::square(kernel),
        stride: Window::square(stride),
        padding: Padding::Same,
        batch_norm: false,
        activation: Activation::Relu,
    })
}

fn dense(units: usize) -> Op {
    Op::Dense { units, activation: Activation::None }
}

/// A depthwise separable network with these output channels of its convolutions.
fn separable(filters: [usize; 3]) -> Vec<Op> {
    let pool = Op::Pool { kind: PoolKind::Max, window: Window::square(2) };
    let [first, second, third] = filters;
    vec![
        convolution(first, 3, 2),
        depthwise(3, 1),
        convolution(second, 1, 1),
        pool,
        convolution(third, 3, 1),
        dense(10),
    ]
}

fn graph(name: &str) -> Graph {
    let rgb = Shape::new(32, 32, 3);
    let (input, ops) = match name {
        "convolutions" => {
            let pool = Op::Pool { kind: PoolKind::Avg, window: Window::square(4) };
            let convolutions = [convolution(16, 3, 1), convolution(24, 3, 2), convolution(32, 3, 2)];
            (rgb, [&convolutions[..], &[pool, dense(10)]].concat())
        }
        "dense" => (rgb, vec![dense(256), dense(128), dense(10)]),
        "depthwise separable" => (rgb, separable([16, 32, 32])),
        _ => (Shape::new(28, 28, 1), separable([4, 8, 10])),
    };
    let mut builder = GraphBuilder::new(input).expect("the input has elements");
    let mut last = TensorId::INPUT;
    for op in ops {
        last = builder.push(op, &[last]).expect("operators fit");
    }
    builder.finish().expect("every tensor is read")
}

struct Case {
    graph: Graph,
    weights: Weights,
    sample: Vec<f32>,
}

impl Case {
    fn new(name: &str) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let graph = graph(name);
        let mut random = |count: usize| (0..count).map(|_| rng.random_range(-0.1..0.1)).collect();
        let layers = graph.ops().map(|(op, _)| {
            let dims = graph.weight_dims(op)?;
            Some(LayerWeights {
                kernel: random(dims.kernel_len()),
                bias: random(dims.outputs),
                batch_norm: None,
            })
        });
        let weights =
            Weights::new(&graph, layers.collect()).expect("weights have the sizes that the graph asks for");
        let sample = random(graph.input_shape().elements());
        Self { graph, weights, sample }
    }

    fn quantised(&self) -> QuantisedNetwork {
        let samples = std::iter::once(self.sample.as_slice());
        let ranges = calibrate(&self.graph, &self.weights, samples, &Calibration::MinMax);
        let quantisation = Quantisation::new(&self.graph, &self.weights, &ranges);
        QuantisedNetwork::new(&self.graph, &self.weights, &quantisation)
    }

    /// Each weight of a kernel is used once for each pixel of the output.
    fn macs(&self, samples: usize) -> ItemsCount {
        let macs = self.graph.ops().filter_map(|(op, _)| {
            let dims = self.graph.weight_dims(op)?;
            Some(dims.kernel_len() * self.graph.output_shape(op).pixels())
        });
        ItemsCount::new(samples * macs.sum::<usize>())
    }
}

#[divan::bench(args = NETWORKS)]
fn int8(bencher: Bencher, name: &str) {
    let case = Case::new(name);
    let network = case.quantised();
    let mut executor = Executor::new(&network);
    bencher.counter(case.macs(1)).bench_local(|| executor.run_real(&case.sample).len());
}

#[divan::bench(args = NETWORKS)]
fn int8_batch(bencher: Bencher, name: &str) {
    let case = Case::new(name);
    let network = case.quantised();
    let mut executor = BatchExecutor::new(&network);
    let samples = case.sample.repeat(BatchExecutor::SAMPLES);
    let macs = case.macs(BatchExecutor::SAMPLES);
    bencher.counter(macs).bench_local(|| executor.run_real(&samples).len());
}

#[divan::bench(args = NETWORKS)]
fn float(bencher: Bencher, name: &str) {
    let case = Case::new(name);
    let mut executor = FloatExecutor::new(&case.graph, &case.weights);
    bencher.counter(case.macs(1)).bench_local(|| executor.run(&case.sample).len());
}
