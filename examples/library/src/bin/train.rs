//! Trains one network on the embedded data set and quantises it to int8.
//!
//! ```text
//! cargo run --release -p munas-examples --bin train
//! ```

#![expect(clippy::print_stdout, reason = "examples print")]

use std::ops::ControlFlow;

use anyhow::{Context, Result};

use munas_ir::Shape;
use munas_run::{DataFacts, Experiment, TrainedNetwork};
use munas_space::Space;
use munas_train::{Progress, train};

fn main() -> Result<()> {
    let experiment = Experiment::from_toml("data.source = \"glyphs\"\ntrain.epochs = 5", &[])?;
    let dataset = experiment.load_data()?;
    let [height, width, channels] = dataset.input;
    // The smallest networks of a space are where a search begins; the last of them has the most layers.
    let architectures = Space::named("cnn2d", "wide")?.smallest();
    let architecture = architectures.last().context("the space is empty")?;
    let graph = architecture.lower(Shape::new(height, width, channels), dataset.classes());
    let settings = experiment.train_settings(&dataset)?;
    let model = train(&graph, &dataset, &settings, experiment.seed, &mut |progress| {
        if let Progress::Epoch(report) = progress {
            println!("epoch {}: validation error {:.1} %", report.epoch, 100.0 * report.validation_error);
        }
        ControlFlow::Continue(())
    })?;
    let facts = DataFacts::of(&dataset, settings.normalise);
    let proceed = || ControlFlow::Continue(());
    let trained = TrainedNetwork::quantised(model, &dataset, &facts.normalisation, &experiment.int8, proceed)
        .context("broken off")?;
    let error = trained.test_error_in_int8().context("broken off")?;
    println!("test error {:.1} %, in int8 {:.1} %", 100.0 * trained.test().error, 100.0 * error);
    Ok(())
}
