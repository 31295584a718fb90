use std::ops::ControlFlow;

use munas_data::{Dataset, NormaliseMode};
use munas_ir::{Graph, PoolKind};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{ChannelTotals, NormStatistics, StatisticsEstimator, samples_for};
use crate::parameters::ParameterLayout;
use crate::testing::{Conv, Net, patterns};
use crate::{Optimizer, Pruning, PruningMode, TrainError, TrainSettings, TrainedModel, evaluate, train};

/// Three batch norms, one of them depthwise and one behind a sum.
fn network() -> Graph {
    let net = Net::new(8, 8, 2).conv(6, Conv::new(3, 3).same().batch_norm());
    let trunk = net.last;
    let net = net.depthwise(Conv::new(3, 3).same().batch_norm());
    let branch = net.last;
    let net = net.add(&[trunk, branch]).pool(PoolKind::Max, 2, 2);
    net.conv(8, Conv::new(1, 1).batch_norm()).pool(PoolKind::Avg, 4, 4).hidden(12).outputs(4)
}

fn settings(norm_statistics: NormStatistics) -> TrainSettings {
    TrainSettings {
        epochs: 4,
        batch: 24,
        optimizer: Optimizer::AdamW,
        learning_rate: 0.02,
        norm_statistics,
        ..TrainSettings::default()
    }
}

fn run(graph: &Graph, dataset: &Dataset, settings: &TrainSettings) -> TrainedModel {
    train(graph, dataset, settings, 7, &mut |_| ControlFlow::Continue(())).unwrap()
}

/// The loss on the training part, with the statistics that `model` keeps.
fn loss_on_training_part(model: &TrainedModel, dataset: &Dataset) -> f64 {
    let normalisation = dataset.normalisation(NormaliseMode::Unit);
    evaluate(&model.graph, &model.weights, &dataset.train, &normalisation, 32).unwrap().loss
}

#[test]
fn statistics_of_a_small_training_part_are_exact_in_every_layer() {
    let (graph, dataset) = (network(), patterns(4, 8, 8, 1));
    // One step per epoch on all samples, which changes nothing: its loss is that of the exact statistics.
    let still = TrainSettings { batch: 70, learning_rate: 0.0, ..settings(NormStatistics::ReEstimated) };
    let prunings = [0.3, 0.6]
        .map(|sparsity| Some(Pruning { mode: PruningMode::Structured, sparsity, start: 1, finish: 2 }));
    for pruning in [None].into_iter().chain(prunings) {
        let model = run(&graph, &dataset, &TrainSettings { pruning, ..still.clone() });
        let expected = model.curve[model.best_epoch as usize - 1].train_loss;
        let found = loss_on_training_part(&model, &dataset);
        assert!((found - expected).abs() < 1e-5, "{found} is not {expected} with {pruning:?}");
    }
    // What dropout and augmentation do to the samples of a step is no part of the statistics.
    let augment = vec!["shift:2".parse().unwrap(), "mixup:0.5".parse().unwrap()];
    let noisy = TrainSettings { dropout: 0.4, augment, ..still.clone() };
    assert_eq!(run(&graph, &dataset, &noisy).weights, run(&graph, &dataset, &still).weights);
}

#[test]
fn totals_over_batches_are_those_of_all_values() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let values: Vec<f64> = (0..50).map(|_| 1000.0 + rng.random_range(-1.0..1.0)).collect();
    let moments = |values: &[f64]| {
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        (mean, squares / values.len() as f64)
    };
    let mut totals = ChannelTotals::default();
    for batch in values.chunks(17) {
        let (mean, variance) = moments(batch);
        totals.add(batch.len() as f64, mean, variance);
    }
    let (mean, variance) = moments(&values);
    assert!((totals.mean - mean).abs() < 1e-9 && (totals.variance() - variance).abs() < 1e-9);
}

#[test]
fn steps_are_the_same_and_evaluations_fit_their_weights() {
    let (graph, dataset) = (network(), patterns(4, 8, 8, 1));
    let moving = run(&graph, &dataset, &settings(NormStatistics::Moving));
    let estimated = run(&graph, &dataset, &settings(NormStatistics::ReEstimated));
    for (moving, estimated) in moving.curve.iter().zip(&estimated.curve) {
        assert_eq!(moving.train_loss, estimated.train_loss);
        // After so few steps, moving statistics are still mostly those before training.
        let (lagging, fitting) = (moving.validation_loss, estimated.validation_loss);
        let share = if moving.epoch < 4 { 1.0 } else { 0.8 };
        assert!(fitting < share * lagging, "epoch {}: {fitting} against {lagging}", moving.epoch);
    }
}

#[test]
fn a_network_without_batch_norm_takes_no_time_for_it() {
    let graph = Net::new(8, 8, 2).conv(4, Conv::new(3, 3)).hidden(8).outputs(4);
    let dataset = patterns(4, 8, 8, 1);
    let batches = |graph: &Graph, norm_statistics| {
        let (settings, mut batches) = (settings(norm_statistics), 0);
        let mut count = |progress: crate::Progress<'_>| {
            batches += u32::from(matches!(progress, crate::Progress::Batch));
            ControlFlow::Continue(())
        };
        (train(graph, &dataset, &settings, 7, &mut count).unwrap(), batches)
    };
    let (moving, estimated) =
        (batches(&graph, NormStatistics::Moving), batches(&graph, NormStatistics::ReEstimated));
    assert_eq!(moving, estimated);
    let (moving, estimated) =
        (batches(&network(), NormStatistics::Moving), batches(&network(), NormStatistics::ReEstimated));
    // One batch holds all 70 samples, in each of four epochs.
    assert_eq!(moving.1 + 4, estimated.1);
}

#[test]
fn a_stop_is_heard_while_statistics_are_estimated() {
    let (graph, dataset) = (network(), patterns(4, 8, 8, 1));
    let settings = settings(NormStatistics::ReEstimated);
    let mut batches = 0;
    let result = train(&graph, &dataset, &settings, 7, &mut |_| {
        batches += 1;
        // Three steps of the first epoch, then the one batch of its statistics.
        if batches == 4 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert_eq!(result, Err(TrainError::Stopped { epochs: 0 }));
}

#[test]
fn samples_are_chosen_once_from_the_whole_training_part() {
    let (graph, samples) = (network(), 6_000);
    let layout = ParameterLayout::new(&graph);
    let choose = |seed| {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        StatisticsEstimator::new(&graph, &layout, 16, samples, &mut rng).unwrap()
    };
    let chosen = choose(1);
    assert_eq!(chosen.positions, choose(1).positions);
    assert_ne!(chosen.positions, choose(2).positions);
    assert!(chosen.positions.is_sorted_by(|a, b| a < b));
    assert!(chosen.positions[0] < 50 && chosen.positions[1_499] > 5_950);
    assert_eq!(chosen.plan.largest_batch(), 512);
    assert_eq!([70, 511, 1_000, 6_000, 54_000].map(samples_for), [70, 511, 512, 1_500, 2_048]);
}
