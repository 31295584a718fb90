//! Trains one fixed network for ten epochs and prints its test accuracy and the speed of training:
//!
//!     cargo run --release -p munas-train --example fixed_network -- mnist 0
//!
//! The arguments are a dataset (`mnist`, `fashion-mnist`, or any other of 28×28×1) and a seed; the files are looked for
//! where `munas` looks for them (`$MUNAS_DATA`). `bench/accuracy_keras.py` does the same in Keras.
#![expect(clippy::print_stdout, reason = "an example shows its result")]

use std::error::Error;
use std::ops::ControlFlow;
use std::time::Instant;

use munas_data::{LoadOptions, load};
use munas_ir::{Activation, Graph, GraphBuilder, GraphError, Op, Padding, PoolKind, Shape, TensorId, Window};
use munas_train::{TrainSettings, train};

/// Network A of the training benchmarks: 21,692 MACs.
fn network_a(classes: usize) -> Result<Graph, GraphError> {
    let convolution = |filters, size, stride, batch_norm| Op::Conv2d {
        filters,
        kernel: Window::square(size),
        stride: Window::square(stride),
        padding: Padding::Valid,
        batch_norm,
        activation: Activation::Relu,
    };
    let depthwise = Op::DepthwiseConv2d {
        kernel: Window::square(3),
        stride: Window::square(1),
        padding: Padding::Valid,
        batch_norm: false,
        activation: Activation::Relu,
    };
    let ops = [
        convolution(4, 3, 2, true),
        depthwise,
        convolution(8, 1, 1, true),
        Op::Pool { kind: PoolKind::Max, window: Window::square(2) },
        convolution(10, 3, 1, false),
        Op::Dense { units: classes, activation: Activation::None },
    ];
    let mut builder = GraphBuilder::new(Shape::new(28, 28, 1))?;
    let mut last = TensorId::INPUT;
    for op in ops {
        last = builder.push(op, &[last])?;
    }
    builder.finish()
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(source), Some(seed)) = (arguments.next(), arguments.next()) else {
        return Err("usage: fixed_network DATASET SEED".into());
    };
    let seed = seed.parse()?;
    let dataset = load(&source, &LoadOptions { validation: 0.1, seed, ..LoadOptions::default() })?;
    let graph = network_a(dataset.classes())?;
    let settings = TrainSettings::default();
    let start = Instant::now();
    let model = train(&graph, &dataset, &settings, seed, &mut |_| ControlFlow::Continue(()))?;
    let seconds = start.elapsed().as_secs_f64();
    let samples = dataset.train.len() * model.curve.len();
    println!(
        "{source} seed {seed}: test accuracy {:.2} % (last epoch), {:.2} % (best epoch, {}); {:.0} samples/s",
        100.0 * (1.0 - model.last_test_error),
        100.0 * (1.0 - model.test_error),
        model.best_epoch,
        samples as f64 / seconds,
    );
    Ok(())
}
