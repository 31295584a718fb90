//! Trials of fewer epochs than a full training.

use std::ops::ControlFlow;

use munas_space::Space;
use munas_train::Progress;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::executor::evaluator::{Assignment, Evaluated, Evaluator};
use crate::executor::training::TrainingEvaluator;
use crate::testing::experiment;

/// What comes of a training, with the learning rates of its epochs.
fn trained(evaluator: &TrainingEvaluator, epochs: u32, sparsity: Option<f64>) -> (Evaluated, Vec<f64>) {
    let task = evaluator.task();
    let architecture = Space::named("mlp", "munas-2020").unwrap().sample(&mut ChaCha8Rng::seed_from_u64(3));
    let assignment = Assignment {
        trial: 0,
        graph: architecture.lower(task.input, task.classes()),
        epochs,
        rungs: vec![epochs],
        seed: 5,
        fold: 0,
        sparsity,
        checkpoint: None,
    };
    let mut rates = Vec::new();
    let evaluated = evaluator.evaluate(&assignment, &mut |progress| {
        if let Progress::Epoch(report) = progress {
            rates.push(report.learning_rate);
        }
        ControlFlow::Continue(())
    });
    (evaluated.unwrap(), rates)
}

fn evaluator(overrides: &[&str]) -> TrainingEvaluator {
    let small = [
        "bounds.hard=[]",
        "data.subset=100",
        "train.epochs=10",
        "train.learning_rate=0.01",
        "train.warm_up=0.0",
    ];
    let experiment = experiment(&[&small, overrides].concat());
    TrainingEvaluator::new(&experiment, experiment.load_data().unwrap().into()).unwrap()
}

#[test]
fn schedules_are_stretched_over_it() {
    let evaluator = evaluator(&["train.schedule=[[5, 0.001]]"]);
    let (_, full) = trained(&evaluator, 10, None);
    let (_, brief) = trained(&evaluator, 4, None);
    assert_eq!(full, [[0.01; 5], [0.001; 5]].concat());
    assert_eq!(brief, [0.01, 0.01, 0.001, 0.001]);
}

#[test]
fn more_quantised_epochs_than_it_has_do_not_fail_it() {
    let evaluator = evaluator(&["train.quantisation.epochs=6", "train.schedule=constant"]);
    let (evaluated, rates) = trained(&evaluator, 3, None);
    assert_eq!(rates.len(), 3);
    assert!(evaluated.in_int8.is_some());
}

#[test]
fn pruning_is_done_by_its_end() {
    let evaluator = evaluator(&[
        "train.schedule=constant",
        "train.pruning.mode=unstructured",
        "train.pruning.start=3",
        "train.pruning.finish=8",
        "train.pruning.min_sparsity=0.1",
        "train.pruning.max_sparsity=0.6",
    ]);
    let (evaluated, _) = trained(&evaluator, 3, Some(0.5));
    let sparsity = evaluated.pruned.expect("it is pruned").network.sparsity;
    assert!(sparsity > 0.3, "{sparsity}");
}
