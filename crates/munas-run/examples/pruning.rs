//! Trains random networks of the MNIST preset without pruning, with structured and with unstructured pruning:
//!
//!     cargo run --release -p munas-run --example pruning -- 20 10 0.5 0.8 54000
//!
//! The arguments are the number of networks, the epochs of each training, the sparsity of each mode, and the number of
//! training samples. Masks are made
//! over the same share of the training as in the published experiment (epochs 3 to 18 of 30). One line per training, as CSV; sizes are bytes, those
//! of unstructured pruning counting non-zero weights only. Means follow.
#![expect(clippy::print_stdout, reason = "an example shows its result")]

use std::error::Error;
use std::ops::ControlFlow;

use munas_cost::{Resources, resources, sparse_model_size};
use munas_ir::fold_batch_norm;
use munas_run::Task;
use munas_run::presets::Preset;
use munas_search::Objective;
use munas_train::{Pruning, PruningMode, TrainSettings, train};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// Dense networks up to so many multiples of the preset's bounds are trained: those that pruning may bring within them.
const BEYOND_BOUNDS: f64 = 10.0;
/// Larger ones only make the table take longer.
const MACS: u64 = 300_000;

/// Mean test error, peak memory, model size and MACs of one kind of training.
#[derive(Clone, Copy, Default)]
struct Mean([f64; 4]);

fn main() -> Result<(), Box<dyn Error>> {
    let numbers = std::env::args().skip(1).map(|text| text.parse()).collect::<Result<Vec<f64>, _>>()?;
    let &[networks, epochs, structured, unstructured, samples] = &numbers[..] else {
        return Err("usage: pruning NETWORKS EPOCHS STRUCTURED_SPARSITY UNSTRUCTURED_SPARSITY SAMPLES".into());
    };
    let (networks, epochs) = (networks as u64, epochs as u32);
    let experiment = Preset::resolve("mnist-no-pruning", &[format!("data.subset={samples}")])?;
    let dataset = experiment.load_data()?;
    let task = Task::of(&dataset);
    let plain = TrainSettings { epochs, pruning: None, ..experiment.train.clone() };
    let pruned = |mode, sparsity| {
        let (start, finish) = ((epochs / 10).max(1), (epochs * 18).div_ceil(30));
        TrainSettings { pruning: Some(Pruning { mode, sparsity, start, finish }), ..plain.clone() }
    };
    let kinds = [
        ("dense", plain.clone()),
        ("structured", pruned(PruningMode::Structured, structured)),
        ("unstructured", pruned(PruningMode::Unstructured, unstructured)),
    ];
    let mut means = [Mean::default(); 3];
    println!("network,pruning,sparsity,validation_error,test_error,peak_memory,model_size,macs");
    let (mut trained, mut draw) = (0, 0);
    while trained < networks {
        draw += 1;
        let architecture = experiment.space.sample(&mut ChaCha8Rng::seed_from_u64(draw));
        let graph = architecture.lower(task.input, task.classes());
        let Resources { peak_memory, model_size, macs, .. } = resources(&graph);
        let within = |value: u64, objective| {
            let bound = experiment.bounds.get(objective);
            bound.is_none_or(|bound| value as f64 <= BEYOND_BOUNDS * bound)
        };
        let fits = within(peak_memory, Objective::PeakMemory) && within(model_size, Objective::ModelSize);
        if macs > MACS || !fits {
            continue;
        }
        trained += 1;
        for ((kind, settings), mean) in kinds.iter().zip(&mut means) {
            let model = train(&graph, &dataset, settings, draw, &mut |_| ControlFlow::Continue(()))?;
            let Resources { peak_memory, model_size, macs, .. } = resources(&model.graph);
            let is_sparse = settings.pruning.is_some_and(|one| one.mode == PruningMode::Unstructured);
            let (_, folded) = fold_batch_norm(&model.graph, &model.weights);
            let model_size = if is_sparse { sparse_model_size(&folded) } else { model_size };
            let sparsity = model.sparsity.unwrap_or(0.0);
            println!(
                "{draw},{kind},{sparsity:.3},{:.4},{:.4},{peak_memory},{model_size},{macs}",
                model.validation_error, model.test_error,
            );
            let figures = [model.test_error, peak_memory as f64, model_size as f64, macs as f64];
            mean.0.iter_mut().zip(figures).for_each(|(sum, figure)| *sum += figure / networks as f64);
        }
    }
    for ((kind, _), Mean([error, peak_memory, size, macs])) in kinds.iter().zip(means) {
        println!("mean,{kind},,,{error:.4},{peak_memory:.0},{size:.0},{macs:.0}");
    }
    Ok(())
}
