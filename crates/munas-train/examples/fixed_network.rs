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
use munas_ir::Shape;
use munas_train::{ReferenceNetwork, TrainSettings, train};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(source), Some(seed)) = (arguments.next(), arguments.next()) else {
        return Err("usage: fixed_network DATASET SEED".into());
    };
    let seed = seed.parse()?;
    let dataset = load(&source, &LoadOptions { validation: 0.1, seed, ..LoadOptions::default() })?;
    let [height, width, channels] = dataset.input;
    let graph = ReferenceNetwork::A.graph(Shape::new(height, width, channels), dataset.classes());
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
