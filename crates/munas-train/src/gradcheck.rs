//! Every layer's backward pass against finite differences.
//!
//! A network's loss is differentiated by each trained parameter with central differences. Parameters before a layer
//! test the gradient by its input, those of the layer itself the gradient by its parameters. Deviations are relative
//! to the largest gradient of the tensor. Where the two one-sided differences disagree, a ReLU or a maximum switches
//! in between, and the parameter is left out; a quarter at most may be. Every geometry is also checked without those.

use munas_ir::{Graph, Op, PoolKind};
use munas_kernels::{Isa, Kernels, LANES, LossSum, blocks_for};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::loss::Loss;
use crate::parameters::{ParameterLayout, Parameters};
use crate::plan::{Pass, Plan, Purpose, Workspace};
use crate::testing::{Conv, Net};

/// How finely gradients are compared.
#[derive(Clone, Copy)]
struct Precision {
    /// Half the distance of a central difference.
    step: f32,
    /// Largest deviation of an element, relative to the largest gradient of its tensor.
    deviation: f32,
    /// Largest disagreement of the one-sided differences, relative to the same.
    jump: f32,
}

const SMOOTH: Precision = Precision { step: 1e-2, deviation: 4e-3, jump: f32::INFINITY };
const KINKED: Precision = Precision { step: 1e-3, deviation: 2e-2, jump: 1e-2 };
/// Largest difference between the gradients of two instruction sets, relative to the largest of the tensor.
const VECTORISED: f32 = 1e-4;

impl Precision {
    fn of(graph: &Graph) -> Self {
        let has_kink =
            |op: Op| !op.activation().is_identity() || matches!(op, Op::Pool { kind: PoolKind::Max, .. });
        if graph.nodes().iter().any(|node| has_kink(node.op)) { KINKED } else { SMOOTH }
    }
}

/// A network with random parameters, inputs and targets.
struct Case {
    kernels: Kernels,
    plan: Plan,
    loss: Loss,
    ranges: Vec<std::ops::Range<usize>>,
    parameters: Parameters,
    input: Vec<f32>,
    targets: Vec<u32>,
    workspace: Workspace,
}

/// What is checked besides the network.
#[derive(Clone)]
struct Options {
    batch: usize,
    dropout: f64,
    label_smoothing: f32,
    class_weights: Option<Vec<f32>>,
    /// Factor of the inputs and of every γ.
    amplitude: f32,
}

impl Default for Options {
    fn default() -> Self {
        Self { batch: 19, dropout: 0.0, label_smoothing: 0.0, class_weights: None, amplitude: 1.0 }
    }
}

impl Case {
    fn new(graph: &Graph, options: &Options, isa: Isa) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(11);
        let Options { batch, dropout, label_smoothing, amplitude, .. } = *options;
        let layout = ParameterLayout::new(graph);
        let plan = Plan::new(graph, &layout, batch + 20, Purpose::Training { dropout, channel_masks: false });
        let mut parameters = Parameters::initialise(graph, &layout, &mut rng);
        let mut ranges = Vec::new();
        for layer in layout.layers() {
            let norm = layer.norm.iter().flat_map(|norm| [norm.gamma.clone(), norm.beta.clone()]);
            ranges.extend([layer.affine.kernel.clone(), layer.affine.bias.clone()].into_iter().chain(norm));
        }
        for range in &ranges {
            for value in &mut parameters.trained[range.clone()] {
                *value += rng.random_range(-0.3..0.3);
            }
        }
        for norm in layout.layers().filter_map(|layer| layer.norm.as_ref()) {
            parameters.trained[norm.gamma.clone()].iter_mut().for_each(|gamma| *gamma *= amplitude);
        }
        let units = graph.shape(graph.output()).channels;
        let mut workspace = Workspace::for_plans(&[&plan]);
        plan.draw_masks(batch, &mut workspace, &mut rng);
        let mut input = vec![0.0; blocks_for(batch) * graph.input_shape().elements() * LANES];
        let block_len = input.len() / blocks_for(batch);
        for (index, value) in input.iter_mut().enumerate() {
            if index / block_len * LANES + index % LANES < batch {
                *value = amplitude * rng.random_range(-1.0..1.0);
            }
        }
        Self {
            kernels: Kernels::new(isa),
            plan,
            loss: Loss { units, class_weights: options.class_weights.clone(), label_smoothing },
            ranges,
            parameters,
            input,
            targets: (0..batch).map(|_| rng.random_range(0..units.max(2) as u32)).collect(),
            workspace,
        }
    }

    /// Forward pass and loss; leaves the gradient of the logits in the workspace.
    fn run(&mut self) -> LossSum {
        let batch = self.targets.len();
        let pass = Pass {
            kernels: &self.kernels,
            parameters: &self.parameters.trained,
            batch,
            mask: &[],
            activations: &[],
        };
        self.plan.input(batch, &mut self.workspace).copy_from_slice(&self.input);
        self.plan.forward(&pass, &mut self.workspace);
        self.loss.differentiate(&self.kernels, &self.plan, &self.targets, &mut self.workspace)
    }

    fn mean_loss(&mut self) -> f64 {
        self.run().loss / self.targets.len() as f64
    }

    fn gradients(&mut self) -> Vec<f32> {
        self.run();
        let mut gradients = vec![0.0; self.parameters.trained.len()];
        let batch = self.targets.len();
        let pass = Pass {
            kernels: &self.kernels,
            parameters: &self.parameters.trained,
            batch,
            mask: &[],
            activations: &[],
        };
        self.plan.backward(&pass, &mut self.workspace, &mut gradients);
        gradients
    }

    /// The differences of the loss below and above parameter `index`.
    fn differences(&mut self, index: usize, step: f32) -> [f32; 2] {
        let value = self.parameters.trained[index];
        let mut loss_at = |value| {
            self.parameters.trained[index] = value;
            self.mean_loss()
        };
        let (below, above, here) = (loss_at(value - step), loss_at(value + step), loss_at(value));
        [here - below, above - here].map(|difference| (difference / f64::from(step)) as f32)
    }
}

fn largest(values: &[f32]) -> f32 {
    values.iter().fold(0.0, |most, value| most.max(value.abs()))
}

#[track_caller]
fn gradcheck_with(graph: &Graph, options: &Options) {
    let precision = Precision::of(graph);
    let mut case = Case::new(graph, options, Isa::Scalar);
    let gradients = case.gradients();
    let instruction_sets = Isa::ALL.into_iter().filter(|&isa| isa != Isa::Scalar && isa.is_available());
    let vectorised: Vec<(Isa, Vec<f32>)> =
        instruction_sets.map(|isa| (isa, Case::new(graph, options, isa).gradients())).collect();
    let scale_of_all = largest(&gradients);
    let (mut compared, mut kinks) = (0, 0);
    for (tensor, range) in case.ranges.clone().into_iter().enumerate() {
        // A bias before a batch norm has no influence; what is left is rounding.
        let scale = largest(&gradients[range.clone()]).max(5e-2 * scale_of_all);
        for index in range.clone() {
            let (element, found) = (index - range.start, gradients[index]);
            for (isa, by_lanes) in &vectorised {
                let by_lanes = by_lanes[index];
                assert!(
                    (found - by_lanes).abs() <= VECTORISED * scale,
                    "tensor {tensor}[{element}]: {by_lanes} by {isa}, {found} by the scalar kernels\n{graph}"
                );
            }
            let [below, above] = case.differences(index, precision.step);
            let expected = f32::midpoint(below, above);
            compared += 1;
            // Two kinks, one on either side, bend both differences alike: nearer ones then differ from both.
            let mut nearer = || {
                let [below, above] = case.differences(index, precision.step / 4.0);
                f32::midpoint(below, above)
            };
            let most = precision.jump * scale;
            if (above - below).abs() > most || (most.is_finite() && (nearer() - expected).abs() > most) {
                kinks += 1;
                continue;
            }
            assert!(
                (found - expected).abs() <= precision.deviation * scale,
                "tensor {tensor}[{element}]: {found}, not {expected} (scale {scale})\n{graph}"
            );
        }
    }
    assert!(kinks * 4 <= compared, "{kinks} of {compared} parameters lie at a kink\n{graph}");
}

#[track_caller]
fn gradcheck(graph: &Graph) {
    gradcheck_with(graph, &Options::default());
}

/// Two channels of 7×6 pixels, behind a convolution whose gradients need those of everything after it.
fn start() -> Net {
    Net::new(7, 6, 2).conv(3, Conv::new(1, 1).linear())
}

#[test]
fn convolution_and_its_options() {
    gradcheck(&start().conv(4, Conv::new(3, 3)).outputs(3));
    gradcheck(&start().conv(4, Conv::new(3, 2).linear()).outputs(3));
    gradcheck(&start().conv(4, Conv::new(3, 3).stride(2, 2).linear()).outputs(3));
    gradcheck(&start().conv(4, Conv::new(3, 3).same().linear()).outputs(3));
    gradcheck(&start().conv(4, Conv::new(3, 2).same().stride(2, 1).linear()).outputs(3));
    gradcheck(&start().conv(4, Conv::new(1, 1).stride(2, 3).linear()).outputs(3));
}

#[test]
fn depthwise_convolution_and_its_options() {
    gradcheck(&start().depthwise(Conv::new(3, 3)).outputs(3));
    gradcheck(&start().depthwise(Conv::new(2, 3).linear()).outputs(3));
    gradcheck(&start().depthwise(Conv::new(3, 3).stride(2, 2).linear()).outputs(3));
    gradcheck(&start().depthwise(Conv::new(4, 3).same().stride(2, 1).linear()).outputs(3));
}

#[test]
fn batch_norm_behind_both_convolutions() {
    gradcheck(&start().conv(3, Conv::new(3, 3).batch_norm()).outputs(3));
    gradcheck(&start().conv(3, Conv::new(3, 3).batch_norm().linear()).outputs(3));
    gradcheck(&start().depthwise(Conv::new(3, 3).batch_norm()).outputs(3));
    gradcheck(&start().depthwise(Conv::new(3, 3).same().batch_norm().linear()).outputs(3));
    gradcheck_with(
        &start().conv(3, Conv::new(3, 3).batch_norm()).outputs(3),
        &Options { batch: 32, ..Options::default() },
    );
}

#[test]
fn activations_that_end_above() {
    // So large that outputs lie at both ends of the range and between them.
    let graphs = |conv: fn(Conv) -> Conv| {
        [
            (12.0, start().conv(4, conv(Conv::new(3, 3))).outputs(3)),
            (12.0, start().depthwise(conv(Conv::new(3, 3))).outputs(3)),
            (4.0, start().conv(3, conv(Conv::new(3, 3).batch_norm())).outputs(3)),
            (4.0, start().conv(3, conv(Conv::new(3, 3).batch_norm())).pool(PoolKind::Max, 2, 2).outputs(3)),
        ]
    };
    for ((amplitude, limited), (_, open)) in graphs(Conv::relu6).into_iter().zip(graphs(|relu| relu)) {
        let options = Options { amplitude, ..Options::default() };
        gradcheck_with(&limited, &options);
        let gradients = [&limited, &open].map(|graph| Case::new(graph, &options, Isa::Scalar).gradients());
        assert!(gradients[0] != gradients[1], "no output lies above the end\n{limited}");
    }
}

#[test]
fn pooling_drops_incomplete_windows() {
    gradcheck(&start().pool(PoolKind::Max, 2, 2).outputs(3));
    gradcheck(&start().pool(PoolKind::Max, 3, 1).outputs(3));
    gradcheck(&start().pool(PoolKind::Avg, 2, 2).outputs(3));
    gradcheck(&start().pool(PoolKind::Avg, 7, 6).outputs(3));
}

#[test]
fn dense_layers_with_and_without_dropout() {
    let graph = start().pool(PoolKind::Avg, 2, 2).hidden(6).hidden(5).outputs(4);
    gradcheck(&graph);
    gradcheck_with(&graph, &Options { dropout: 0.4, ..Options::default() });
}

#[test]
fn add_pads_the_smaller_summands() {
    let net = start();
    let trunk = net.last;
    let net = net.conv(3, Conv::new(3, 3).stride(2, 1).linear());
    let branch = net.last;
    let net = net.from(trunk).pool(PoolKind::Avg, 2, 2);
    let pooled = net.last;
    gradcheck(&net.add(&[branch, trunk, pooled]).conv(2, Conv::new(2, 2).linear()).outputs(3));
}

#[test]
fn tensors_read_several_times_sum_their_gradients() {
    let net = start();
    let trunk = net.last;
    let net = net.conv(3, Conv::new(3, 3).same().linear());
    let branch = net.last;
    let net = net.add(&[trunk, branch, trunk]);
    let sum = net.last;
    let net = net.depthwise(Conv::new(3, 3).batch_norm().linear());
    let deeper = net.last;
    gradcheck(&net.add(&[deeper, sum]).outputs(3));
}

#[test]
fn layers_before_the_first_parameters_have_no_gradient() {
    gradcheck(&Net::new(8, 6, 2).pool(PoolKind::Max, 2, 2).conv(3, Conv::new(2, 2)).outputs(3));
    gradcheck(&Net::new(8, 6, 2).pool(PoolKind::Avg, 2, 3).hidden(4).outputs(3));
}

#[test]
fn losses_and_their_options() {
    let softmax = start().conv(2, Conv::new(3, 3)).outputs(3);
    gradcheck_with(&softmax, &Options { label_smoothing: 0.1, ..Options::default() });
    let class_weights = Some(vec![0.5, 2.0, 1.25]);
    gradcheck_with(&softmax, &Options { class_weights, ..Options::default() });
    let sigmoid = start().conv(2, Conv::new(3, 3)).outputs(1);
    gradcheck(&sigmoid);
    let class_weights = Some(vec![0.5, 2.0]);
    gradcheck_with(&sigmoid, &Options { label_smoothing: 0.1, class_weights, ..Options::default() });
}

#[test]
fn empty_lanes_have_no_influence() {
    let graph = start()
        .conv(3, Conv::new(3, 3).same().batch_norm())
        .depthwise(Conv::new(2, 2))
        .pool(PoolKind::Max, 2, 2)
        .hidden(4)
        .outputs(3);
    for (isa, batch) in [(Isa::Scalar, 5), (Isa::detect(), 5), (Isa::detect(), 21)] {
        let mut case = Case::new(&graph, &Options { batch, ..Options::default() }, isa);
        let (gradients, loss) = (case.gradients(), case.run());
        let block_len = case.input.len() / blocks_for(batch);
        for (index, value) in case.input.iter_mut().enumerate() {
            if index / block_len * LANES + index % LANES >= batch {
                *value = 100.0 - index as f32;
            }
        }
        assert_eq!(case.run(), loss);
        assert_eq!(case.gradients(), gradients);
    }
}

#[test]
fn gradients_are_means_over_the_batch() {
    let graph = start().conv(3, Conv::new(3, 3)).hidden(4).outputs(3);
    let gradients_of = |batch: usize| {
        let mut case = Case::new(&graph, &Options { batch: 32, ..Options::default() }, Isa::detect());
        case.targets.truncate(batch);
        case.input.truncate(case.input.len() / 2 * blocks_for(batch));
        case.gradients()
    };
    let (few, many) = (gradients_of(16), gradients_of(32));
    let mut second_half = Case::new(&graph, &Options { batch: 32, ..Options::default() }, Isa::detect());
    second_half.targets.drain(..16);
    second_half.input.drain(..second_half.input.len() / 2);
    for ((few, rest), many) in few.iter().zip(second_half.gradients()).zip(many) {
        assert!((f32::midpoint(*few, rest) - many).abs() < 1e-5);
    }
}
