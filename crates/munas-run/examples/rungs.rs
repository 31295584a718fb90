//! Random networks of Fashion-MNIST, trained in several ways, with their validation error at the end of each rung:
//!
//!     cargo run --release -p munas-run --example rungs -- DATA_DIR FIRST LAST SEED WAY...
//!
//! for the networks FIRST to LAST and the ways of the table below. One line per rung, as CSV:
//! `network,seed,way,epochs,error,peak_memory,model_size,macs,architecture`.
//!
//! | way | training | judged at a rung |
//! |---|---|---|
//! | `straight` | one learning-rate cycle over all epochs | the weights as they are |
//! | `annealed` | a cycle that ends at each rung, the next one going on from there | the weights as they are |
//! | `annealed-moving` | the same | the same, with the moving statistics of batch norms |
//! | `averaged` | constant rate, which falls in the last fifth | an exponential moving average of the weights |
#![expect(clippy::print_stdout, reason = "an example shows its result")]

#[path = "rungs/networks.rs"]
mod networks;

use std::error::Error;

use munas_ir::{Graph, LayerWeights, Weights};
use munas_train::{NormStatistics, Schedule, TrainSettings, Trainer, never_stop};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use networks::{EPOCHS, Setting};

/// Epochs at the ends of the rungs.
const RUNGS: [u32; 4] = [1, 3, 9, EPOCHS];
/// Steps from one update of the average to the next.
const AVERAGE_EVERY: usize = 4;
/// Largest share of an average that stays at a step.
const AVERAGE_DECAY: f64 = 0.995;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [dir, first, last, seed, ways @ ..] = &arguments[..] else {
        return Err("usage: rungs DATA_DIR FIRST LAST SEED WAY...".into());
    };
    let (first, last, seed): (u64, u64, u64) = (first.parse()?, last.parse()?, seed.parse()?);
    let setting = Setting::load(dir)?;
    let Setting { experiment, dataset, problem } = &setting;
    for network in first..=last {
        let candidate = setting.draw(network)?;
        let graph = candidate.architecture.lower(problem.input, problem.classes);
        for way in ways {
            let settings = settings(&experiment.train, way)?;
            let trainer = Trainer::new(&graph, dataset, &settings, 1_000 * seed + network)?;
            let errors = if way == "averaged" {
                averaged(trainer, &graph, dataset.train.len(), seed)?
            } else {
                in_rungs(trainer, way != "straight")?
            };
            for (epochs, error) in RUNGS.iter().zip(errors) {
                let munas_cost::Resources { peak_memory, model_size, macs, .. } = candidate.resources;
                let architecture = candidate.architecture.to_json_text().replace('"', "\"\"");
                println!(
                    "{network},{seed},{way},{epochs},{error:.5},{peak_memory},{model_size},{macs},\"{architecture}\""
                );
            }
        }
    }
    Ok(())
}

fn settings(train: &TrainSettings, way: &str) -> Result<TrainSettings, Box<dyn Error>> {
    let train = train.clone();
    match way {
        "straight" | "annealed" => Ok(train),
        "annealed-moving" => Ok(TrainSettings { norm_statistics: NormStatistics::Moving, ..train }),
        "averaged" => {
            let last = EPOCHS / 5;
            let rate = |step: u32| train.learning_rate * (1.0 - f64::from(step + 1) / f64::from(last + 1));
            let pieces = (0..last).map(|step| (EPOCHS - last + step, rate(step))).collect();
            Ok(TrainSettings { schedule: Schedule::Piecewise(pieces), warm_up: 1.0, ..train })
        }
        other => Err(format!("no way of training is called {other}").into()),
    }
}

/// The errors at the ends of the rungs, with a cycle of the learning rate for each or one for all.
fn in_rungs(mut trainer: Trainer<'_>, annealed: bool) -> Result<Vec<f64>, Box<dyn Error>> {
    let mut errors = Vec::new();
    for end in RUNGS {
        trainer.set_budget(if annealed { end } else { EPOCHS });
        while (trainer.curve().len() as u32) < end {
            trainer.epoch(&mut never_stop)?;
        }
        errors.extend(trainer.curve().last().map(|report| report.validation_error));
    }
    Ok(errors)
}

/// The errors of averaged weights.
fn averaged(
    mut trainer: Trainer<'_>,
    graph: &Graph,
    samples: usize,
    seed: u64,
) -> Result<Vec<f64>, Box<dyn Error>> {
    let mut order: Vec<u32> = (0..samples as u32).collect();
    let (mut average, mut steps, mut errors) = (trainer.weights(), 0_usize, Vec::new());
    for epoch in 1..=EPOCHS {
        order.shuffle(&mut ChaCha8Rng::seed_from_u64(1_000 * seed + u64::from(epoch)));
        for positions in order.chunks(32) {
            trainer.step(positions)?;
            steps += 1;
            if steps.is_multiple_of(AVERAGE_EVERY) {
                let decay = AVERAGE_DECAY.min((1 + steps) as f64 / (10 + steps) as f64);
                average = mixed(graph, &average, &trainer.weights(), decay.powi(AVERAGE_EVERY as i32))?;
            }
        }
        if RUNGS.contains(&epoch) {
            let present = trainer.weights();
            trainer.set_weights(&average);
            errors.push(trainer.validate(&mut never_stop)?.error);
            trainer.set_weights(&present);
        }
    }
    Ok(errors)
}

/// The share `decay` of one network's weights and the rest of the other's.
fn mixed(graph: &Graph, one: &Weights, other: &Weights, decay: f64) -> Result<Weights, Box<dyn Error>> {
    let decay = decay as f32;
    let mix = |one: &[f32], other: &[f32]| -> Vec<f32> {
        one.iter().zip(other).map(|(one, other)| decay * one + (1.0 - decay) * other).collect()
    };
    let layer = |(one, other): (&Option<LayerWeights>, &Option<LayerWeights>)| {
        let (one, other) = (one.as_ref()?, other.as_ref()?);
        let norms = one.batch_norm.as_ref().zip(other.batch_norm.as_ref());
        Some(LayerWeights {
            kernel: mix(&one.kernel, &other.kernel),
            bias: mix(&one.bias, &other.bias),
            batch_norm: norms.map(|(one, other)| munas_ir::BatchNorm {
                gamma: mix(&one.gamma, &other.gamma),
                beta: mix(&one.beta, &other.beta),
                ..other.clone()
            }),
        })
    };
    Ok(Weights::new(graph, one.layers().iter().zip(other.layers()).map(layer).collect())?)
}
