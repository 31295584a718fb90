//! What a teacher and quantised epochs are worth: the small benchmark network A on a dataset of 28×28×1 samples, alone,
//! taught by the wider network B, and with its last epochs quantised; each network with several seeds.
//!
//! ```text
//! cargo run --release -p munas-run --example teacher_and_int8 -- DATASET EPOCHS SEEDS
//! ```

#![expect(clippy::print_stdout, reason = "an example prints what it measures")]

use std::error::Error;
use std::ops::ControlFlow;
use std::sync::Arc;

use munas_data::{Dataset, LoadOptions, load};
use munas_ir::{Graph, Shape};
use munas_quant::Calibration;
use munas_run::{Int8Settings, int8_error, quantise};
use munas_train::{Distillation, ReferenceNetwork, Schedule, Teacher, TrainSettings, TrainedModel, train};

/// Test errors in percent: of the float network, and of its int8 form.
fn errors(dataset: &Dataset, settings: &TrainSettings, model: &TrainedModel) -> [f64; 2] {
    let normalisation = dataset.normalisation(settings.normalise);
    let int8 = Int8Settings { calibration: Calibration::MinMax, samples: 512, bias_correction: false };
    let network = quantise(model, dataset, &normalisation, &int8);
    let always = || ControlFlow::Continue(());
    let error = int8_error(&network, &dataset.test, &normalisation, always).expect("nothing stops it");
    [model.test_error, error].map(|error| 100.0 * error)
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [source, epochs, seeds] = &arguments[..] else {
        return Err("usage: teacher_and_int8 DATASET EPOCHS SEEDS".into());
    };
    let (epochs, seeds): (u32, u64) = (epochs.parse()?, seeds.parse()?);
    let dataset = load(source, &LoadOptions { validation: 0.1, ..LoadOptions::default() })?;
    let [height, width, channels] = dataset.input;
    let [student, wide] = [ReferenceNetwork::A, ReferenceNetwork::B]
        .map(|network| network.graph(Shape::new(height, width, channels), dataset.classes()));
    let plain =
        TrainSettings { epochs, learning_rate: 0.05, schedule: Schedule::Cosine, ..TrainSettings::default() };
    let run = |graph: &Graph, settings: &TrainSettings, seed| {
        train(graph, &dataset, settings, seed, &mut |_| ControlFlow::Continue(()))
    };
    let teacher = run(&wide, &plain, 0)?;
    println!("teacher: float {:.2} %", 100.0 * teacher.test_error);
    let teacher = Arc::new(Teacher::new(wide, teacher.weights));
    let taught = |alpha, temperature| {
        let distillation = Some(Distillation { teacher: Arc::clone(&teacher), alpha, temperature });
        TrainSettings { distillation, ..plain.clone() }
    };
    let quantised = TrainSettings { quantised_epochs: epochs.div_ceil(5), ..plain.clone() };
    for (name, settings) in [
        ("alone", &plain),
        ("taught, α 0.3, T 1", &taught(0.3, 1.0)),
        ("taught, α 1, T 4", &taught(1.0, 4.0)),
        ("quantised epochs", &quantised),
    ] {
        let mut sums = [0.0; 2];
        let mut each = Vec::new();
        for seed in 1..=seeds {
            let found = errors(&dataset, settings, &run(&student, settings, seed)?);
            each.push(format!("{:.2}/{:.2}", found[0], found[1]));
            sums = [sums[0] + found[0], sums[1] + found[1]];
        }
        let [float, int8] = sums.map(|sum| sum / seeds as f64);
        println!("{name}: float {float:.2} %, int8 {int8:.2} %  ({})", each.join(", "));
    }
    Ok(())
}
