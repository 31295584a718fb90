mod goal;
mod training;

use munas_ir::{Graph, PoolKind, Shape, remove_zero_channels};
use munas_kernels::{Isa, Kernels, LANES, blocks_for};
use munas_space::Space;
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::channels::maskable;
use super::{Mask, Network, Pruning, PruningMode};
use crate::loss::Loss;
use crate::parameters::{ParameterLayout, Parameters};
use crate::plan::{Pass, Plan, Purpose, Workspace};
use crate::testing::{Conv, Net};

const PRUNING: Pruning = Pruning { mode: PruningMode::Structured, sparsity: 0.8, start: 3, finish: 7 };

#[test]
fn sparsity_rises_along_the_cubic() {
    let shares: Vec<f64> = (1..=9).map(|epoch| PRUNING.sparsity_in(epoch)).collect();
    let rise = [0.25, 0.5, 0.75].map(|progress: f64| 0.8 - 0.8 * (1.0 - progress).powi(3));
    assert_eq!(shares, [0.0, 0.0, 0.0, rise[0], rise[1], rise[2], 0.8, 0.8, 0.8]);
    let updates = |epoch| (0..40).filter(|&step| PRUNING.is_update(epoch, step)).collect::<Vec<u64>>();
    assert_eq!((updates(2), updates(3), updates(8)), (vec![], vec![0, 16, 32], vec![]));
    let short = PRUNING.stretched(20, 5);
    assert_eq!((short.start, short.finish), (1, 2));
    assert_eq!(PRUNING.stretched(20, 1).sparsity_in(1), 0.8);
}

#[test]
fn the_smallest_go_first_and_the_first_of_equals() {
    let magnitudes = [3.0, 1.0, 2.0, 1.0, 1.0];
    let marked = |share| super::select::smallest(&magnitudes, share);
    assert_eq!(marked(0.0), [false; 5]);
    assert_eq!(marked(0.4), [false, true, false, true, false]);
    assert_eq!(marked(0.8), [false, true, true, true, true]);
    assert_eq!(super::select::largest(&[1.0, 4.0, 4.0]), Some(1));
}

/// Layers that read the input, of one channel, chosen, following, and of the output; both summands of an Add.
fn network() -> Graph {
    let net = Net::new(8, 8, 2).conv(6, Conv::new(3, 3).batch_norm());
    let net = net.conv(8, Conv::new(1, 1).batch_norm());
    let trunk = net.last;
    let net = net.depthwise(Conv::new(3, 3).same().batch_norm()).pool(PoolKind::Max, 2, 2);
    let branch = net.last;
    let net = net.from(trunk).conv(8, Conv::new(2, 2).linear());
    let other = net.last;
    let net = net.add(&[other, branch]).depthwise(Conv::new(2, 2));
    net.conv(1, Conv::new(1, 1).linear()).hidden(16).outputs(4)
}

/// Parameters as they may be in the midst of a training.
fn random_parameters(graph: &Graph, layout: &ParameterLayout, rng: &mut ChaCha8Rng) -> Parameters {
    let mut parameters = Parameters::initialise(graph, layout, rng);
    for layer in layout.layers() {
        let norm = layer.norm.iter().flat_map(|norm| [norm.gamma.clone(), norm.beta.clone()]);
        for range in [layer.affine.bias.clone()].into_iter().chain(norm) {
            parameters.trained[range].iter_mut().for_each(|value| *value += rng.random_range(-0.3..0.3));
        }
        if let Some(norm) = &layer.norm {
            parameters.moving[norm.mean.clone()].fill_with(|| rng.random_range(-0.5..0.5));
            parameters.moving[norm.variance.clone()].fill_with(|| rng.random_range(0.3..2.0));
        }
    }
    parameters
}

fn dense_and_mask(graph: &Graph, pruning: Pruning) -> (ParameterLayout, Parameters, Mask) {
    let layout = ParameterLayout::new(graph);
    let parameters = random_parameters(graph, &layout, &mut ChaCha8Rng::seed_from_u64(4));
    let mut mask = Mask::full(pruning.mode, &layout);
    let dense = Network { graph, layout: &layout, dense: &parameters.trained };
    mask.update(&pruning, None, pruning.finish, dense).unwrap();
    (layout, parameters, mask)
}

#[test]
fn channels_go_by_one_threshold_and_never_all_of_a_layer() {
    let graph = network();
    let chosen: Vec<usize> = graph.prunable_layers().map(|op| op.index()).collect();
    assert_eq!(chosen, [1, 4, 8], "convolutions 1 and 4, and the hidden dense layer");
    let masked_layers = maskable(&graph).iter().filter(|maskable| **maskable).count();
    assert_eq!(masked_layers, 5, "and the depthwise layers");
    for sparsity in [0.0, 0.3, 0.8, 0.999] {
        let (layout, parameters, mask) = dense_and_mask(&graph, Pruning { sparsity, ..PRUNING });
        let (mut smallest_kept, mut largest_masked, mut masked) = (f32::INFINITY, 0.0_f32, 0);
        for (op, _) in graph.ops() {
            let Some(ranges) = layout.layer(op) else { continue };
            let factors = &mask.factors()[ranges.affine.bias.clone()];
            assert!(factors.contains(&1.0));
            if !chosen.contains(&op.index()) {
                continue;
            }
            let kernel = &parameters.trained[ranges.affine.kernel.clone()];
            let norms: Vec<f32> = kernel
                .chunks_exact(kernel.len() / factors.len())
                .map(|row| row.iter().map(|weight| weight * weight).sum::<f32>().sqrt())
                .collect();
            let largest = norms.iter().copied().fold(0.0, f32::max);
            for (&norm, &factor) in norms.iter().zip(factors) {
                if factor == 0.0 {
                    masked += 1;
                    largest_masked = largest_masked.max(norm);
                } else if norm < largest {
                    smallest_kept = smallest_kept.min(norm);
                }
            }
        }
        assert!(largest_masked < smallest_kept, "{largest_masked} and {smallest_kept}");
        let all = 8 + 8 + 16;
        let expected = ((sparsity * f64::from(all)).round() as usize).min(all as usize - 3);
        assert!(masked == expected || masked + 1 == expected, "{masked} of {expected}");
        assert_eq!(mask.sparsity, masked as f64 / f64::from(all));
    }
}

#[test]
fn single_weights_go_everywhere_but_in_the_last_layer() {
    let graph = network();
    let pruning = Pruning { mode: PruningMode::Unstructured, sparsity: 0.7, ..PRUNING };
    let (layout, parameters, mask) = dense_and_mask(&graph, pruning);
    let (mut kept, mut gone) = (f32::INFINITY, 0.0_f32);
    let mut count = 0;
    for (op, _) in graph.ops() {
        let Some(ranges) = layout.layer(op) else { continue };
        assert!(!mask.factors()[ranges.affine.bias.clone()].contains(&0.0));
        let kernel = ranges.affine.kernel.clone();
        if op.output() == graph.output() {
            assert!(!mask.factors()[kernel].contains(&0.0));
            continue;
        }
        count += kernel.len();
        for index in kernel {
            let magnitude = parameters.trained[index].abs();
            if mask.factors()[index] == 0.0 {
                gone = gone.max(magnitude);
            } else {
                kept = kept.min(magnitude);
            }
        }
    }
    assert!(gone <= kept);
    assert!((mask.sparsity - 0.7).abs() <= 0.5 / count as f64);
}

/// Logits of random samples, `[block][unit][LANES]`.
fn logits(graph: &Graph, weights: &munas_ir::Weights, batch: usize) -> Vec<f32> {
    let (graph, weights) = munas_ir::fold_batch_norm(graph, weights);
    let layout = ParameterLayout::new(&graph);
    let plan = Plan::new(&graph, &layout, batch, Purpose::Inference);
    let mut parameters = Parameters::zeroed(&layout);
    parameters.load(&graph, &layout, &weights);
    let mut workspace = Workspace::for_plans(&[&plan]);
    let mut rng = ChaCha8Rng::seed_from_u64(9);
    plan.input(batch, &mut workspace).fill_with(|| rng.random_range(0.0..1.0));
    let kernels = Kernels::new(Isa::detect());
    let pass =
        Pass { kernels: &kernels, parameters: &parameters.trained, batch, mask: &[], activations: &[] };
    plan.forward(&pass, &mut workspace);
    plan.logits(batch, &workspace).to_vec()
}

/// Masks each channel of each chosen layer with this probability, but never all of a layer.
fn random_channels(graph: &Graph, share: f64, rng: &mut ChaCha8Rng) -> Vec<Vec<bool>> {
    let mut chosen = vec![Vec::new(); graph.nodes().len()];
    for op in graph.prunable_layers() {
        let mut masked: Vec<bool> =
            (0..graph.output_shape(op).channels).map(|_| rng.random_bool(share)).collect();
        let survivor = rng.random_range(0..masked.len());
        masked[survivor] = false;
        chosen[op.index()] = masked;
    }
    chosen
}

#[test]
fn removal_keeps_the_outputs_of_random_networks() {
    let inputs = [
        ("cnn2d", "munas-2020", Shape::new(12, 11, 2)),
        ("cnn2d", "wide", Shape::new(9, 9, 1)),
        ("cnn1d", "munas-2020-1d", Shape::new(24, 1, 3)),
        ("mlp", "munas-2020", Shape::new(4, 4, 2)),
    ];
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(120) };
    proptest!(config, |(seed: u64, space in 0..inputs.len(), share in 0.0..0.95)| {
        let (kind, bounds, input) = inputs[space];
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let architecture = Space::named(kind, bounds).unwrap().sample(&mut rng);
        let graph = architecture.lower(input, 3);
        let layout = ParameterLayout::new(&graph);
        let mut parameters = random_parameters(&graph, &layout, &mut rng);
        let chosen = random_channels(&graph, share, &mut rng);
        let mut mask = Mask::full(PruningMode::Structured, &layout);
        mask.set_channels(&graph, &layout, &chosen);
        parameters.trained.iter_mut().zip(mask.factors()).for_each(|(value, factor)| *value *= factor);
        let weights = parameters.to_weights(&graph, &layout);

        let (pruned, left) = remove_zero_channels(&graph, &weights);
        let by_mask = graph.without_channels(|op, channel| {
            layout.layer(op).is_some_and(|ranges| mask.factors()[ranges.affine.bias.clone()][channel] == 0.0)
        });
        prop_assert_eq!(&by_mask, &pruned);
        let (expected, found) = (logits(&graph, &weights, 5), logits(&pruned, &left, 5));
        prop_assert_eq!(pruned.output_shape(munas_ir::OpId::new(pruned.nodes().len() - 1)), Shape::flat(3));
        let scale = expected.iter().fold(1.0_f32, |most, value| most.max(value.abs()));
        for (expected, found) in expected.iter().zip(&found) {
            prop_assert!((expected - found).abs() <= 1e-5 * scale, "{} is not {}\n{}", found, expected, graph);
        }
        // Every masked channel of a tensor that is coupled to no other is gone.
        let sets = graph.coupled_channels();
        for (op, channels) in chosen.iter().enumerate().filter(|(_, channels)| !channels.is_empty()) {
            let output = munas_ir::OpId::new(op).output();
            let coupled = sets.iter().filter(|&&set| set == sets[output.index()]).count();
            if coupled == 1 {
                let kept = channels.iter().filter(|is_masked| !**is_masked).count();
                prop_assert_eq!(pruned.shape(output).channels, kept);
            }
        }
    });
}

/// Gradients of all parameters, and the logits that they were taken at.
fn gradients(graph: &Graph, parameters: &[f32], mask: Option<&Mask>) -> (Vec<f32>, Vec<f32>) {
    let (layout, batch) = (ParameterLayout::new(graph), 21);
    let purpose = Purpose::Training { dropout: 0.0, channel_masks: mask.is_some() };
    let plan = Plan::new(graph, &layout, batch, purpose);
    let mut workspace = Workspace::for_plans(&[&plan]);
    let mut rng = ChaCha8Rng::seed_from_u64(9);
    plan.input(batch, &mut workspace).fill_with(|| rng.random_range(-1.0..1.0));
    let kernels = Kernels::new(Isa::detect());
    let mask = mask.map_or(&[][..], Mask::factors);
    let pass = Pass { kernels: &kernels, parameters, batch, mask, activations: &[] };
    plan.forward(&pass, &mut workspace);
    let logits = plan.logits(batch, &workspace).to_vec();
    assert_eq!(logits.len(), blocks_for(batch) * 4 * LANES);
    let targets: Vec<u32> = (0..batch as u32).map(|sample| sample % 4).collect();
    Loss::plain(4).differentiate(&kernels, &plan, &targets, &mut workspace);
    let mut gradients = vec![0.0; layout.parameters()];
    plan.backward(&pass, &mut workspace, &mut gradients);
    (gradients, logits)
}

/// How many kernel weights of masked channels a step gives a gradient, by prunable layer. All other gradients, and the
/// logits, must be those of the masked network.
fn fed_back(graph: &Graph, sparsity: f64) -> Vec<usize> {
    let (layout, parameters, mut mask) = dense_and_mask(graph, Pruning { sparsity, ..PRUNING });
    let masked: Vec<f32> = parameters.trained.iter().zip(mask.factors()).map(|(w, m)| w * m).collect();
    mask.apply(&Kernels::new(Isa::detect()), graph, &layout, &parameters.trained);
    let (found, logits) = gradients(graph, mask.step_parameters(), Some(&mask));
    let (expected, masked_logits) = gradients(graph, &masked, None);
    let close = |a: f32, b: f32| (a - b).abs() <= 1e-5 * (1.0 + b.abs());
    assert!(logits.iter().zip(&masked_logits).all(|(&a, &b)| close(a, b)));
    for index in 0..layout.parameters() {
        let (found, expected) = (found[index], expected[index]);
        assert!(mask.factors()[index] == 0.0 || close(found, expected), "{found} is not {expected}");
    }
    let kernels = graph.prunable_layers().map(|op| layout.layer(op).unwrap().affine.kernel.clone());
    kernels
        .map(|kernel| kernel.filter(|&index| mask.factors()[index] == 0.0 && found[index] != 0.0).count())
        .collect()
}

#[test]
fn steps_with_masked_channels_see_the_masked_network_and_feed_back() {
    // The masked network itself has no gradient for the kernels of masked channels behind ReLU.
    assert!(fed_back(&network(), 0.5).iter().all(|&weights| weights > 0));
}

#[test]
fn feedback_passes_the_depthwise_layers_that_follow() {
    let net = Net::new(8, 8, 2).conv(6, Conv::new(3, 3).batch_norm()).conv(8, Conv::new(1, 1));
    let graph = net.depthwise(Conv::new(3, 3).batch_norm()).outputs(4);
    assert!(fed_back(&graph, 0.5)[0] > 0);
}
