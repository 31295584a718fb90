//! Whole trainings with pruning.

use std::ops::ControlFlow;

use munas_data::NormaliseMode;

use super::network;
use crate::testing::patterns;
use crate::{
    Keep, Pruning, PruningMode, TrainError, TrainSettings, TrainedModel, Trainer, evaluate, never_stop, train,
};

fn settings(mode: PruningMode, sparsity: f64) -> TrainSettings {
    let pruning = Some(Pruning { mode, sparsity, start: 2, finish: 7 });
    TrainSettings { epochs: 16, batch: 5, learning_rate: 0.005, pruning, ..TrainSettings::default() }
}

fn run(settings: &TrainSettings) -> TrainedModel {
    let (graph, dataset) = (network(), patterns(4, 8, 8, 1));
    train(&graph, &dataset, settings, 7, &mut |_| ControlFlow::Continue(())).unwrap()
}

#[test]
fn channels_are_removed_and_the_figures_are_those_of_what_is_left() {
    let model = run(&settings(PruningMode::Structured, 0.5));
    let dense = network();
    assert_eq!(model.sparsity, Some(0.5));
    assert!(model.best_epoch >= 7, "epoch {} counts", model.best_epoch);
    assert!(model.graph.nodes().iter().all(|node| !node.op.batch_norm()));
    let channels = |graph: &munas_ir::Graph| graph.shapes().iter().map(|shape| shape.channels).sum::<usize>();
    assert!(channels(&model.graph) < channels(&dense));

    let dataset = patterns(4, 8, 8, 1);
    let normalisation = dataset.normalisation(NormaliseMode::Unit);
    let on = |split| evaluate(&model.graph, &model.weights, split, &normalisation, 16).unwrap();
    assert_eq!(on(&dataset.validation).error, model.validation_error);
    assert_eq!(on(&dataset.test).error, model.test_error);
    let report = model.curve[model.best_epoch as usize - 1];
    assert!((on(&dataset.validation).loss - report.validation_loss).abs() < 1e-5);
    assert!(model.test_error < 0.4, "{}", model.test_error);
}

#[test]
fn the_last_epoch_of_a_pruned_network_is_kept() {
    let dataset = patterns(4, 8, 8, 1);
    for mode in [PruningMode::Structured, PruningMode::Unstructured] {
        let model = run(&TrainSettings { keep: Keep::Last, ..settings(mode, 0.5) });
        let best = run(&settings(mode, 0.5));
        assert_eq!((model.best_epoch, &model.curve), (16, &best.curve));
        let normalisation = dataset.normalisation(NormaliseMode::Unit);
        let validation =
            evaluate(&model.graph, &model.weights, &dataset.validation, &normalisation, 16).unwrap();
        assert_eq!((validation.error, model.last_test_error), (model.validation_error, model.test_error));
        assert!((validation.loss - model.curve[15].validation_loss).abs() < 1e-5);
    }
}

#[test]
fn single_weights_are_zero_in_the_same_graph() {
    let model = run(&settings(PruningMode::Unstructured, 0.5));
    assert_eq!(model.graph, network());
    assert!(model.best_epoch >= 7);
    let hidden = model.weights.layers().iter().flatten().rev().skip(1);
    let (mut zeros, mut all) = (0, 0);
    for layer in hidden {
        zeros += layer.kernel.iter().filter(|weight| **weight == 0.0).count();
        all += layer.kernel.len();
    }
    let share = zeros as f64 / all as f64;
    assert!((share - 0.5).abs() < 0.01 && model.sparsity == Some(share), "{share}");
    assert!(model.test_error < 0.4, "{}", model.test_error);
}

#[test]
fn the_seed_decides_and_a_checkpoint_loses_nothing() {
    let (graph, dataset) = (network(), patterns(4, 8, 8, 1));
    for mode in [PruningMode::Structured, PruningMode::Unstructured] {
        let settings = settings(mode, 0.6);
        let model = run(&settings);
        assert_eq!(model, run(&settings));
        let mut trainer = Trainer::new(&graph, &dataset, &settings, 7).unwrap();
        for epoch in 1..=settings.epochs {
            if [1, 4, 8].contains(&epoch) {
                let checkpoint = trainer.checkpoint();
                trainer = Trainer::resume(&graph, &dataset, &settings, 7, &checkpoint).unwrap();
            }
            trainer.epoch(&mut never_stop).unwrap();
        }
        assert_eq!(trainer.finish(&mut never_stop).unwrap(), model);
    }
}

#[test]
fn nothing_changes_before_the_start_and_with_a_sparsity_of_zero() {
    let plain = run(&TrainSettings { pruning: None, ..settings(PruningMode::Structured, 0.0) });
    assert_eq!(plain.sparsity, None);
    for mode in [PruningMode::Structured, PruningMode::Unstructured] {
        assert_eq!(run(&settings(mode, 0.0)).curve, plain.curve);
        let pruned = run(&settings(mode, 0.6));
        assert_eq!(pruned.curve[..2], plain.curve[..2]);
        assert_ne!(pruned.curve[3], plain.curve[3]);
    }
}

#[test]
fn patience_begins_with_the_epochs_that_count() {
    let frozen =
        TrainSettings { learning_rate: 0.0, early_stop: Some(1), ..settings(PruningMode::Structured, 0.0) };
    assert_eq!(run(&frozen).curve.len(), 8);
}

#[test]
fn what_cannot_be_pruned_is_refused() {
    let (graph, dataset) = (network(), patterns(4, 8, 8, 1));
    let pruning = Pruning { mode: PruningMode::Structured, sparsity: 0.5, start: 2, finish: 7 };
    for wrong in [
        Pruning { sparsity: 1.0, ..pruning },
        Pruning { sparsity: f64::NAN, ..pruning },
        Pruning { start: 0, ..pruning },
        Pruning { start: 8, ..pruning },
        Pruning { finish: 17, ..pruning },
    ] {
        let settings = TrainSettings { pruning: Some(wrong), ..settings(PruningMode::Structured, 0.5) };
        let refused = Trainer::new(&graph, &dataset, &settings, 0).err();
        assert!(matches!(refused, Some(TrainError::Setting { .. })), "{wrong:?}");
    }
}
