//! Pruning to fit a goal.

use std::cell::Cell;
use std::ops::ControlFlow;

use munas_ir::{Graph, remove_zero_channels};
use munas_space::Space;
use proptest::prelude::*;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::{Mask, Network, PRUNING, Pruning, PruningMode, network, random_parameters};
use crate::parameters::ParameterLayout;
use crate::pruning::{PruningGoal, Remainder};
use crate::testing::patterns;
use crate::{TrainError, TrainSettings, never_stop, train};

/// Kernel weights and biases, those that are stored.
fn size(remainder: &Remainder<'_>) -> u64 {
    let dims = remainder.graph.ops().filter_map(|(op, _)| remainder.graph.weight_dims(op));
    let all: usize = dims.map(|dims| dims.kernel_len() + dims.outputs).sum();
    remainder.stored.unwrap_or(all as u64)
}

/// A bound on the size.
fn goal(bound: u64, max_sparsity: f64) -> PruningGoal {
    PruningGoal::new(max_sparsity, move |remainder: Remainder<'_>| {
        let size = size(&remainder);
        if size <= bound { Ok(()) } else { Err(format!("{size} of {bound}")) }
    })
}

/// The size of what a mask leaves, from its factors.
fn size_under(mask: &Mask, mode: PruningMode, graph: &Graph, layout: &ParameterLayout, dense: &[f32]) -> u64 {
    let mut parameters = crate::parameters::Parameters::zeroed(layout);
    for ((value, factor), dense) in parameters.trained.iter_mut().zip(mask.factors()).zip(dense) {
        *value = dense * factor;
    }
    let weights = parameters.to_weights(graph, layout);
    match mode {
        PruningMode::Structured => {
            let (left, _) = remove_zero_channels(graph, &weights);
            size(&Remainder { graph: &left, stored: None })
        }
        PruningMode::Unstructured => {
            let layers = weights.layers().iter().flatten();
            let stored =
                layers.map(|layer| layer.kernel.iter().filter(|w| **w != 0.0).count() + layer.bias.len());
            stored.sum::<usize>() as u64
        }
    }
}

#[test]
fn what_is_left_fits_and_no_more_is_taken_than_that_takes() {
    let spaces = [("cnn2d", "munas-2020"), ("cnn2d", "wide"), ("mlp", "munas-2020")];
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(40) };
    let (beyond, impossible) = (Cell::new(0), Cell::new(0));
    proptest!(config, |(seed: u64, space in 0..3_usize, structured: bool, bound in 0.05..1.0, least in 0.0..0.6)| {
        let (kind, bounds) = spaces[space];
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let architecture = Space::named(kind, bounds).unwrap().sample(&mut rng);
        let graph = architecture.lower(munas_ir::Shape::new(10, 10, 1), 4);
        let layout = ParameterLayout::new(&graph);
        let parameters = random_parameters(&graph, &layout, &mut rng);
        let mode = if structured { PruningMode::Structured } else { PruningMode::Unstructured };
        let whole = size(&Remainder { graph: &graph, stored: None });
        let bound = (bound * whole as f64) as u64;
        let goal = goal(bound, 0.8);
        let pruning = Pruning { mode, sparsity: least, ..PRUNING };
        let dense = Network { graph: &graph, layout: &layout, dense: &parameters.trained };
        let mut mask = Mask::full(mode, &layout);
        let size_at = |share| {
            let mut mask = Mask::full(mode, &layout);
            let pruning = Pruning { sparsity: share, ..pruning };
            mask.update(&pruning, None, pruning.finish, dense).unwrap();
            size_under(&mask, mode, &graph, &layout, &parameters.trained)
        };
        match mask.update(&pruning, Some(&goal), pruning.finish, dense) {
            Ok(()) => {
                let found = size_under(&mask, mode, &graph, &layout, &parameters.trained);
                prop_assert!(found <= bound, "{} above {}", found, bound);
                if size_at(least) <= bound {
                    prop_assert_eq!(found, size_at(least));
                } else {
                    beyond.set(beyond.get() + 1);
                    let reach = mask.reach(dense) as f64;
                    let share = (1..=reach as u64).map(|count| count as f64 / reach);
                    // Steps of one channel; of weights it would take too long to try them all.
                    if structured {
                        let smallest = share.clone().find(|&share| size_at(share) <= bound).unwrap();
                        prop_assert_eq!(found, size_at(smallest));
                    }
                }
            }
            Err(excess) => {
                impossible.set(impossible.get() + 1);
                prop_assert!(size_at(0.8) > bound, "{}", excess);
                // Before the finish, magnitudes may yet change.
                prop_assert!(mask.update(&pruning, Some(&goal), pruning.finish - 1, dense).is_ok());
            }
        }
    });
    assert!(beyond.get() > 5 && impossible.get() > 3, "{beyond:?} and {impossible:?}");
}

#[test]
fn trainings_end_with_a_network_that_fits_or_say_what_is_too_much() {
    let (graph, dataset) = (network(), patterns(4, 8, 8, 1));
    let whole = size(&Remainder { graph: &graph, stored: None });
    for mode in [PruningMode::Structured, PruningMode::Unstructured] {
        let pruning = Some(Pruning { mode, sparsity: 0.1, start: 1, finish: 4 });
        let settings = |bound, max_sparsity| TrainSettings {
            epochs: 6,
            batch: 5,
            learning_rate: 0.005,
            pruning,
            pruning_goal: Some(goal(bound, max_sparsity)),
            ..TrainSettings::default()
        };
        let run = |settings: &TrainSettings| {
            train(&graph, &dataset, settings, 7, &mut |_| ControlFlow::Continue(()))
        };
        let model = run(&settings(whole * 6 / 10, 0.9)).unwrap();
        let stored = (mode == PruningMode::Unstructured).then(|| {
            let layers = model.weights.layers().iter().flatten();
            layers.map(|l| (l.kernel.iter().filter(|w| **w != 0.0).count() + l.bias.len()) as u64).sum()
        });
        assert!(size(&Remainder { graph: &model.graph, stored }) <= whole * 6 / 10);
        assert!(model.sparsity.unwrap() > 0.2 && model.best_epoch >= 4, "{:?}", model.sparsity);
        // Nothing is taken beyond the target where that fits.
        let loose = run(&settings(whole, 0.9)).unwrap();
        assert!(loose.sparsity.unwrap() < 0.15, "{:?}", loose.sparsity);

        let refused = run(&settings(whole * 6 / 10, 0.1)).unwrap_err();
        assert!(matches!(refused, TrainError::TooLarge { sparsity: 0.1, .. }), "{refused}");
        assert!(refused.to_string().starts_with("with 10 % pruned the network still has "), "{refused}");
    }
}

#[test]
fn a_checkpoint_of_pruning_to_fit_loses_nothing() {
    let (graph, dataset) = (network(), patterns(4, 8, 8, 1));
    let bound = size(&Remainder { graph: &graph, stored: None }) / 2;
    let settings = TrainSettings {
        epochs: 5,
        batch: 5,
        pruning: Some(Pruning { mode: PruningMode::Structured, sparsity: 0.1, start: 1, finish: 3 }),
        pruning_goal: Some(goal(bound, 0.9)),
        ..TrainSettings::default()
    };
    let whole = train(&graph, &dataset, &settings, 7, &mut |_| ControlFlow::Continue(())).unwrap();
    let mut trainer = crate::Trainer::new(&graph, &dataset, &settings, 7).unwrap();
    for _ in 0..5 {
        trainer.epoch(&mut never_stop).unwrap();
        trainer = crate::Trainer::resume(&graph, &dataset, &settings, 7, &trainer.checkpoint()).unwrap();
    }
    assert_eq!(trainer.finish(&mut never_stop).unwrap(), whole);
}
