use std::ops::ControlFlow;

use munas_data::{Dataset, NormaliseMode, Split};
use munas_ir::{Graph, PoolKind, Quantisation, TensorId, TensorQuantisation, Weights, fold_batch_norm};
use munas_kernels::{Isa, Kernels, LANES, blocks_for};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::Ranges;
use crate::batch::BatchLoader;
use crate::evaluate::Evaluator;
use crate::loss::Loss;
use crate::parameters::{ParameterLayout, Parameters};
use crate::plan::{Pass, Plan, Purpose, Workspace};
use crate::testing::{Conv, Net, patterns};
use crate::{Evaluation, Keep, TrainSettings, TrainedModel, Trainer, evaluate, never_stop, train};

/// Every kind of operator on 8×8×2 pixels.
fn network() -> Graph {
    let net = Net::new(8, 8, 2).conv(6, Conv::new(3, 3).batch_norm());
    let trunk = net.last;
    let net = net.depthwise(Conv::new(3, 3).batch_norm().linear()).pool(PoolKind::Max, 2, 2);
    let branch = net.last;
    let net = net.add(&[trunk, branch]).pool(PoolKind::Avg, 2, 2);
    net.hidden(16).outputs(4)
}

fn settings() -> TrainSettings {
    TrainSettings { epochs: 12, batch: 24, learning_rate: 0.03, ..TrainSettings::default() }
}

fn run(settings: &TrainSettings) -> TrainedModel {
    train(&network(), &patterns(4, 8, 8, 1), settings, 7, &mut |_| ControlFlow::Continue(())).unwrap()
}

/// The evaluator of a network's quantised form, with weights and what it reads samples with.
struct Quantised {
    graph: Graph,
    weights: Weights,
    evaluator: Evaluator,
    kernels: Kernels,
    loader: BatchLoader,
    workspace: Workspace,
}

impl Quantised {
    fn new(graph: &Graph, weights: &Weights, dataset: &Dataset) -> Self {
        let normalisation = dataset.normalisation(NormaliseMode::Unit);
        let mut evaluator = Evaluator::quantised(graph, 24);
        evaluator.load_weights(graph, weights);
        Self {
            workspace: Workspace::for_plans(&[evaluator.plan()]),
            loader: BatchLoader::new(normalisation, graph.input_shape().pixels(), Vec::new()),
            kernels: Kernels::new(Isa::detect()),
            graph: graph.clone(),
            weights: weights.clone(),
            evaluator,
        }
    }

    fn calibrate(&mut self, split: &Split) -> Quantisation {
        let Self { evaluator, kernels, loader, workspace, .. } = self;
        let ranges = evaluator.calibrate(kernels, split, loader, workspace);
        Quantisation::new(&self.graph, &self.weights, &ranges.0)
    }

    fn evaluate(&mut self, quantisation: &Quantisation, split: &Split) -> Evaluation {
        let Self { evaluator, kernels, loader, workspace, .. } = self;
        evaluator.load_weights(&self.graph, &self.weights);
        evaluator.quantise(kernels, quantisation.tensors().to_vec());
        evaluator.evaluate(kernels, split, loader, workspace, &mut never_stop).unwrap()
    }
}

#[test]
fn folding_in_place_gives_neutral_batch_norms() {
    let (graph, model) = (network(), run(&settings()));
    let layout = ParameterLayout::new(&graph);
    let mut parameters = Parameters::zeroed(&layout);
    parameters.load(&graph, &layout, &model.weights);
    let (folded_graph, folded) = fold_batch_norm(&graph, &model.weights);
    parameters.fold_norms(&graph, &layout);
    let neutral = parameters.to_weights(&graph, &layout);
    assert_eq!(fold_batch_norm(&graph, &neutral), (folded_graph, folded));
}

#[test]
fn post_training_quantisation_costs_little_and_rounds_everything() {
    let (graph, dataset, model) = (network(), patterns(4, 8, 8, 1), run(&settings()));
    let normalisation = dataset.normalisation(NormaliseMode::Unit);
    let mut quantised = Quantised::new(&graph, &model.weights, &dataset);
    let quantisation = quantised.calibrate(&dataset.train);
    let input = quantisation.tensor(TensorId::INPUT);
    assert!(input.zero_point == -128 && (input.scale * 255.0 - 0.9).abs() < 0.1, "{input:?}");
    for (op, node) in graph.ops() {
        let tensor = quantisation.tensor(op.output());
        assert_eq!(tensor, quantisation.tensor(graph.quantised_as(op.output())));
        let is_positive = node.op.activation().range()[0] == 0.0;
        assert!(!is_positive || tensor.zero_point == -128, "{tensor:?} behind {:?}", node.op.activation());
        let scales = quantisation.kernel(op).map(<[f32]>::len);
        assert_eq!(scales, [Some(6), Some(6), None, None, None, Some(1), Some(1)][op.index()]);
    }
    let float = evaluate(&graph, &model.weights, &dataset.test, &normalisation, 24).unwrap();
    let int8 = quantised.evaluate(&quantisation, &dataset.test);
    assert_ne!(int8.loss, float.loss);
    assert!((int8.loss - float.loss).abs() < 0.05, "{} against {}", int8.loss, float.loss);
}

#[test]
fn quantised_epochs_give_a_quantised_network() {
    let (graph, dataset) = (network(), patterns(4, 8, 8, 1));
    let settings = TrainSettings { quantised_epochs: 4, weight_decay: 1e-4, ..settings() };
    let model = run(&settings);
    assert!((9..=12).contains(&model.best_epoch), "{}", model.best_epoch);
    // Few steps leave moving statistics behind, so that folding costs at first.
    assert!(model.curve[11].train_loss < model.curve[8].train_loss, "{:?}", model.curve);
    assert!(model.test_error < 0.25, "{}", model.test_error);
    let quantisation = model.quantisation.unwrap();
    let mut quantised = Quantised::new(&graph, &model.weights, &dataset);
    let mut of = |split| quantised.evaluate(&quantisation, split);
    assert_eq!(of(&dataset.test).error, model.test_error);
    let validation = of(&dataset.validation);
    assert_eq!(validation.error, model.validation_error);
    let reported = model.curve[model.best_epoch as usize - 1].validation_loss;
    assert!((validation.loss - reported).abs() < 1e-5, "{} against {reported}", validation.loss);
    // Without quantised epochs, and up to them, the training is the plain one.
    let plain = run(&TrainSettings { quantised_epochs: 0, ..settings });
    assert_eq!(plain.curve[..8], model.curve[..8]);
    assert_eq!(plain.quantisation, None);
}

#[test]
fn the_last_quantised_epoch_is_kept_with_its_ranges() {
    let (graph, dataset) = (network(), patterns(4, 8, 8, 1));
    let model = run(&TrainSettings { quantised_epochs: 4, keep: Keep::Last, ..settings() });
    assert_eq!((model.best_epoch, model.last_test_error), (12, model.test_error));
    let quantisation = model.quantisation.unwrap();
    let mut quantised = Quantised::new(&graph, &model.weights, &dataset);
    let validation = quantised.evaluate(&quantisation, &dataset.validation);
    let reported = model.curve[11];
    assert_eq!(
        (validation.error, model.validation_error),
        (model.validation_error, reported.validation_error)
    );
    assert!((validation.loss - reported.validation_loss).abs() < 1e-5, "{}", validation.loss);
    assert_eq!(quantised.evaluate(&quantisation, &dataset.test).error, model.test_error);
}

#[test]
fn a_short_budget_keeps_its_batch_norms() {
    let (graph, dataset) = (network(), patterns(4, 8, 8, 1));
    let settings = TrainSettings { quantised_epochs: 4, ..settings() };
    let mut trainer = Trainer::new(&graph, &dataset, &settings, 7).unwrap();
    trainer.set_budget(4);
    for _ in 0..4 {
        trainer.epoch(&mut never_stop).unwrap();
    }
    assert_eq!(trainer.finish(&mut never_stop).unwrap().quantisation, None);
}

/// A quantised plan with random parameters and inputs, as in `gradcheck`.
struct Case {
    graph: Graph,
    layout: ParameterLayout,
    plan: Plan,
    parameters: Parameters,
    input: Vec<f32>,
    targets: Vec<u32>,
    workspace: Workspace,
}

impl Case {
    fn new(graph: Graph, batch: usize) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let layout = ParameterLayout::new(&graph);
        let purpose = Purpose::Training { dropout: 0.0, channel_masks: false };
        let plan = Plan::quantised(&graph, &layout, batch, purpose);
        let input = vec![0.0_f32; blocks_for(batch) * graph.input_shape().elements() * LANES];
        Self {
            parameters: Parameters::initialise(&graph, &layout, &mut rng),
            input: input.iter().map(|_| rng.random_range(-1.0..1.0)).collect(),
            targets: (0..batch).map(|_| rng.random_range(0..3)).collect(),
            workspace: Workspace::for_plans(&[&plan]),
            graph,
            layout,
            plan,
        }
    }

    fn loss(&mut self, activations: &[TensorQuantisation]) -> f64 {
        let kernels = Kernels::new(Isa::detect());
        let batch = self.targets.len();
        let pass =
            Pass { kernels: &kernels, parameters: &self.parameters.trained, batch, mask: &[], activations };
        self.plan.input(batch, &mut self.workspace).copy_from_slice(&self.input);
        self.plan.forward(&pass, &mut self.workspace);
        let loss = Loss::plain(3).differentiate(&kernels, &self.plan, &self.targets, &mut self.workspace);
        loss.loss / batch as f64
    }

    fn gradients(&mut self, activations: &[TensorQuantisation]) -> Vec<f32> {
        self.loss(activations);
        let kernels = Kernels::new(Isa::detect());
        let batch = self.targets.len();
        let pass =
            Pass { kernels: &kernels, parameters: &self.parameters.trained, batch, mask: &[], activations };
        let mut gradients = vec![0.0; self.parameters.trained.len()];
        self.plan.backward(&pass, &mut self.workspace, &mut gradients);
        gradients
    }
}

#[test]
fn straight_through_gradients_are_those_of_clipping() {
    let net = Net::new(6, 6, 2).conv(4, Conv::new(3, 3).linear());
    let trunk = net.last;
    let net = net.depthwise(Conv::new(2, 2).linear());
    let branch = net.last;
    let net = net.add(&[trunk, branch]).pool(PoolKind::Avg, 2, 2);
    let mut case = Case::new(net.outputs(3), 19);
    case.loss(&[]);
    let mut ranges = Ranges::default();
    ranges.update(case.workspace.observed());
    // Rounding shifts values: those at the ends would be cut off.
    let wider = Ranges(ranges.0.iter().map(|range| range.map(|end| 1.05 * end)).collect());
    let tensors = wider.tensors(&case.graph);
    let coarse = case.gradients(&tensors);
    // Much of each range is cut off, so that clipping has work to do.
    let mut clipped: Vec<_> = ranges.0.iter().map(|[low, high]| [0.6 * low, 0.6 * high]).collect();
    clipped[0] = ranges.0[0];
    let cut = Ranges(clipped).tensors(&case.graph);
    let with_clipping = case.gradients(&cut);
    let difference = |a: &[f32], b: &[f32]| {
        let norm =
            |values: &mut dyn Iterator<Item = f32>| values.map(|value| value * value).sum::<f32>().sqrt();
        norm(&mut a.iter().zip(b).map(|(a, b)| a - b)) / norm(&mut b.iter().copied())
    };
    let float = {
        let mut plain = Case::new(case.graph.clone(), 19);
        let purpose = Purpose::Training { dropout: 0.0, channel_masks: false };
        plain.plan = Plan::new(&plain.graph, &plain.layout, 19, purpose);
        plain.workspace = Workspace::for_plans(&[&plain.plan]);
        plain.gradients(&[])
    };
    let deviation = difference(&coarse, &float);
    assert!(deviation < 0.05, "rounding alone changes gradients little, not by {deviation}");
    assert!(difference(&with_clipping, &float) > 0.1, "clipping changes them");

    // A gradient step on the rounded network lowers its loss about as much as the gradient says.
    for (tensors, gradients) in [(tensors, coarse), (cut, with_clipping)] {
        let before = case.loss(&tensors);
        let squares: f32 = gradients.iter().map(|gradient| gradient * gradient).sum();
        let saved = case.parameters.clone();
        let step = 0.05 / squares.sqrt();
        for (value, gradient) in case.parameters.trained.iter_mut().zip(&gradients) {
            *value -= step * gradient;
        }
        let gain = (before - case.loss(&tensors)) / f64::from(step * squares);
        assert!((0.7..1.1).contains(&gain), "{gain} of the promised gain");
        case.parameters.clone_from(&saved);
    }
}
