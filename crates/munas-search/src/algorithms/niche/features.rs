//! What the surrogate knows a network by: about thirty numbers of its graph.
//!
//! | symbol | meaning |
//! |---|---|
//! | length | elements along the longer axis of an image, time steps of a series |
//! | reach | receptive field of a tensor's element along that axis, in elements of the input |
//! | stride | elements of the input from one element of a tensor to the next, along that axis |
//! | width | output channels of a convolution, units of a hidden dense layer |
//! | cut | a tensor through which every way from the input to the output leads |
//!
//! Resources are those of the candidate, pruned as it is; everything else is of the network as it is trained. What a kind of network
//! does not have (convolutions of an mlp) is a constant, so that it splits no tree. Counts of layers, sizes and ratios that span
//! decades are logarithms.

use munas_cost::{Resources, layer_cost};
use munas_ir::{Activation, Graph, Op, OpId, Padding, PoolKind, Shape, TensorId, Window};

/// How many features there are.
pub(in crate::algorithms) const COUNT: usize = 32;
/// The first features are the logarithms of model size, MACs and peak memory.
pub(in crate::algorithms) const RESOURCES: usize = 3;

/// The features of one candidate; all are finite.
pub(in crate::algorithms) type Features = [f64; COUNT];

/// The features of a candidate with this graph, these resources and this target sparsity (0 without pruning).
pub(super) fn features(graph: &Graph, resources: &Resources, sparsity: f64) -> Features {
    let counts = Counts::of(graph);
    let field = Field::of(graph);
    let widths = Widths::of(graph);
    let costs = Costs::of(graph);
    let classifier = classifier_input(graph);
    let hidden = graph.first_input_shape(last(graph)).elements();
    let convolutions = counts.convolutions();
    [
        logarithm(resources.model_size as f64),
        logarithm(resources.macs as f64),
        logarithm(resources.bounded_peak() as f64),
        logarithm(resources.macs as f64) - logarithm(resources.model_size as f64),
        depth(graph),
        counts.full,
        counts.pointwise,
        counts.depthwise,
        counts.max_pool,
        counts.average_pool,
        counts.dense,
        counts.add,
        counts.small_kernels,
        counts.middle_kernels,
        counts.large_kernels,
        logarithm(field.reach) - logarithm(field.length),
        logarithm(field.stride),
        logarithm(classifier.pixels() as f64),
        logarithm(classifier.elements() as f64),
        logarithm(hidden as f64),
        logarithm(widths.least),
        logarithm(widths.most),
        widths.mean_logarithm,
        logarithm(narrowest_cut(graph) as f64),
        logarithm(first_elements(graph) as f64),
        costs.dense_parameters,
        costs.depthwise_macs,
        counts.batch_norm / convolutions,
        counts.relu / convolutions,
        counts.relu6 / convolutions,
        counts.same / convolutions,
        sparsity,
    ]
}

/// Of 1 for what is below: none of these numbers is meant to be below 1.
fn logarithm(value: f64) -> f64 {
    value.max(1.0).ln()
}

fn last(graph: &Graph) -> OpId {
    graph.output().producer().expect("a network ends with a dense layer")
}

/// The side of a window along the longer axis of the input.
fn along(input: Shape, window: Window) -> usize {
    if input.height >= input.width { window.height } else { window.width }
}

/// How many operators there are of each kind.
#[derive(Default)]
struct Counts {
    full: f64,
    pointwise: f64,
    depthwise: f64,
    max_pool: f64,
    average_pool: f64,
    dense: f64,
    add: f64,
    small_kernels: f64,
    middle_kernels: f64,
    large_kernels: f64,
    batch_norm: f64,
    relu: f64,
    relu6: f64,
    same: f64,
}

impl Counts {
    fn of(graph: &Graph) -> Self {
        let mut counts = Self::default();
        for node in graph.nodes() {
            let kind = match node.op {
                Op::Conv2d { attributes, .. } if attributes.kernel.area() == 1 => &mut counts.pointwise,
                Op::Conv2d { .. } => &mut counts.full,
                Op::DepthwiseConv2d(_) => &mut counts.depthwise,
                Op::Pool { kind: PoolKind::Max, .. } => &mut counts.max_pool,
                Op::Pool { kind: PoolKind::Avg, .. } => &mut counts.average_pool,
                Op::Add => &mut counts.add,
                Op::Dense { .. } => &mut counts.dense,
            };
            *kind += 1.0;
            let Some(attributes) = node.op.convolution() else { continue };
            match attributes.kernel.height.max(attributes.kernel.width) {
                0..=1 => {}
                2..=3 => counts.small_kernels += 1.0,
                4..=5 => counts.middle_kernels += 1.0,
                _ => counts.large_kernels += 1.0,
            }
            match attributes.activation {
                Activation::None => {}
                Activation::Relu => counts.relu += 1.0,
                Activation::Relu6 => counts.relu6 += 1.0,
            }
            counts.batch_norm += f64::from(u8::from(attributes.batch_norm));
            counts.same += f64::from(u8::from(attributes.padding == Padding::Same));
        }
        counts
    }

    /// At least 1, so that shares of it are finite.
    fn convolutions(&self) -> f64 {
        (self.full + self.pointwise + self.depthwise).max(1.0)
    }
}

/// Layers with weights on the longest way.
fn depth(graph: &Graph) -> f64 {
    let mut depths = vec![0.0_f64; graph.shapes().len()];
    for (op, node) in graph.ops() {
        let before = node.inputs.iter().map(|tensor| depths[tensor.index()]).fold(0.0, f64::max);
        let own = match node.op {
            Op::Conv2d { .. } | Op::DepthwiseConv2d(_) | Op::Dense { .. } => 1.0,
            Op::Pool { .. } | Op::Add => 0.0,
        };
        depths[op.output().index()] = before + own;
    }
    depths[graph.output().index()]
}

/// The largest reach and stride of the outputs of convolutions: a global pool behind them sees everything anyway.
struct Field {
    length: f64,
    reach: f64,
    stride: f64,
}

impl Field {
    fn of(graph: &Graph) -> Self {
        let input = graph.input_shape();
        let mut fields = vec![(1, 1); graph.shapes().len()];
        let (mut reach, mut stride) = (1, 1);
        for (op, node) in graph.ops() {
            let (before, step) = node
                .inputs
                .iter()
                .map(|tensor| fields[tensor.index()])
                .fold((1, 1), |one: (usize, usize), other| (one.0.max(other.0), one.1.max(other.1)));
            let (kernel, own) = match node.op {
                Op::Conv2d { attributes, .. } | Op::DepthwiseConv2d(attributes) => {
                    (along(input, attributes.kernel), along(input, attributes.stride))
                }
                Op::Pool { window, .. } => (along(input, window), along(input, window)),
                Op::Add | Op::Dense { .. } => (1, 1),
            };
            let field = (before + (kernel - 1) * step, step * own);
            fields[op.output().index()] = field;
            if node.op.convolution().is_some() {
                (reach, stride) = (reach.max(field.0), stride.max(field.1));
            }
        }
        Self { length: input.height.max(input.width) as f64, reach: reach as f64, stride: stride as f64 }
    }
}

struct Widths {
    least: f64,
    most: f64,
    mean_logarithm: f64,
}

impl Widths {
    /// Those of a network without hidden layers are all 1.
    fn of(graph: &Graph) -> Self {
        let (mut least, mut most, mut sum, mut count) = (f64::INFINITY, 1.0_f64, 0.0, 0.0);
        for (op, node) in graph.ops() {
            if matches!(node.op, Op::Pool { .. } | Op::Add) || op.output() == graph.output() {
                continue;
            }
            let width = graph.output_shape(op).channels as f64;
            (least, most) = (least.min(width), most.max(width));
            (sum, count) = (sum + logarithm(width), count + 1.0);
        }
        if count == 0.0 {
            return Self { least: 1.0, most: 1.0, mean_logarithm: 0.0 };
        }
        Self { least, most, mean_logarithm: sum / count }
    }
}

/// What the first dense layer reads.
fn classifier_input(graph: &Graph) -> Shape {
    let dense = graph.ops().find(|(_, node)| matches!(node.op, Op::Dense { .. }));
    graph.first_input_shape(dense.map_or_else(|| last(graph), |(op, _)| op))
}

/// Elements of the smallest cut behind the input and before the output; of the input where there is none.
fn narrowest_cut(graph: &Graph) -> usize {
    // Going backwards: the first tensor that any later operator reads.
    let mut earliest = graph.output().index();
    let mut narrowest = None;
    for (index, node) in graph.nodes().iter().enumerate().rev() {
        let output = OpId::new(index).output();
        if output != graph.output() && earliest >= output.index() {
            let elements = graph.shape(output).elements();
            narrowest = Some(narrowest.map_or(elements, |least: usize| least.min(elements)));
        }
        earliest = node.inputs.iter().map(|tensor| tensor.index()).fold(earliest, usize::min);
    }
    narrowest.unwrap_or_else(|| graph.input_shape().elements())
}

/// Elements of what the first layer with weights makes of the input.
fn first_elements(graph: &Graph) -> usize {
    let first = graph.ops().find(|(_, node)| !matches!(node.op, Op::Pool { .. } | Op::Add));
    graph.shape(first.map_or(TensorId::INPUT, |(op, _)| op.output())).elements()
}

/// Shares of the network's own costs.
struct Costs {
    dense_parameters: f64,
    depthwise_macs: f64,
}

impl Costs {
    fn of(graph: &Graph) -> Self {
        let (mut parameters, mut in_dense, mut macs, mut in_depthwise) = (0.0, 0.0, 0.0, 0.0);
        for (op, node) in graph.ops() {
            let cost = layer_cost(graph, op);
            parameters += cost.parameters as f64;
            macs += cost.macs as f64;
            match node.op {
                Op::Dense { .. } => in_dense += cost.parameters as f64,
                Op::DepthwiseConv2d(_) => in_depthwise += cost.macs as f64,
                Op::Conv2d { .. } | Op::Pool { .. } | Op::Add => {}
            }
        }
        Self {
            dense_parameters: in_dense / parameters.max(1.0),
            depthwise_macs: in_depthwise / macs.max(1.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use munas_ir::{ConvAttributes, GraphBuilder};
    use munas_space::Space;

    use super::*;
    use crate::Problem;
    use crate::testing::{generator, image_problem, random_candidate};

    fn conv(filters: usize, kernel: usize, stride: usize) -> Op {
        let attributes = ConvAttributes {
            kernel: Window::square(kernel),
            stride: Window::square(stride),
            padding: Padding::Same,
            batch_norm: kernel > 1,
            activation: Activation::Relu,
        };
        Op::Conv2d { filters, attributes }
    }

    /// 16×16×1 → 3×3 conv (8, stride 2) → [5×5 conv (4) + 1×1 conv (4)] → max pool 2 → dense 6 → dense 10.
    fn branched() -> Graph {
        let mut builder = GraphBuilder::new(Shape::new(16, 16, 1)).unwrap();
        let stem = builder.push(conv(8, 3, 2), &[TensorId::INPUT]).unwrap();
        let one = builder.push(conv(4, 5, 1), &[stem]).unwrap();
        let other = builder.push(conv(4, 1, 1), &[stem]).unwrap();
        let sum = builder.push(Op::Add, &[one, other]).unwrap();
        let pool = Op::Pool { kind: PoolKind::Max, window: Window::square(2) };
        let pooled = builder.push(pool, &[sum]).unwrap();
        let hidden = builder.push(Op::Dense { units: 6, activation: Activation::Relu }, &[pooled]).unwrap();
        builder.push(Op::Dense { units: 10, activation: Activation::None }, &[hidden]).unwrap();
        builder.finish().unwrap()
    }

    #[test]
    fn of_a_network_that_can_be_read_off() {
        let graph = branched();
        let resources = munas_cost::resources(&graph);
        let found = features(&graph, &resources, 0.25);
        let ln = |value: usize| (value as f64).ln();
        let (size, macs) =
            ((8 * 9 + 8) + (4 * 200 + 4) + (4 * 8 + 4) + (65 * 6 + 70), resources.macs as usize);
        let dense = (65.0 * 6.0 + 70.0) / size as f64;
        let resources = [ln(size), ln(macs), ln(resources.peak_memory as usize), ln(macs) - ln(size)];
        let depth_and_operators = [4.0, 2.0, 1.0, 0.0, 1.0, 0.0, 2.0, 1.0];
        let kernels = [1.0, 1.0, 0.0];
        // 3 pixels, and 4 steps of 2 more.
        let field = [ln(11) - ln(16), ln(2)];
        let maps = [ln(16), ln(64), ln(6)];
        let mean = (ln(8) + 2.0 * ln(4) + ln(6)) / 4.0;
        let widths = [ln(4), ln(8), mean];
        let cuts = [ln(6), ln(8 * 64)];
        let shares = [dense, 0.0, 2.0 / 3.0, 1.0, 0.0, 1.0, 0.25];
        let expected: Vec<f64> =
            [&resources[..], &depth_and_operators, &kernels, &field, &maps, &widths, &cuts, &shares].concat();
        for (place, (found, expected)) in found.iter().zip(&expected).enumerate() {
            assert!((found - expected).abs() < 1e-12, "{place}: {found} is not {expected}");
        }
        assert_eq!(expected.len(), COUNT);
    }

    #[test]
    fn a_branch_is_no_cut() {
        let mut builder = GraphBuilder::new(Shape::new(8, 8, 2)).unwrap();
        let stem = builder.push(conv(6, 3, 1), &[TensorId::INPUT]).unwrap();
        // The way past these few elements leads through the other branch.
        let one = builder.push(conv(6, 3, 4), &[stem]).unwrap();
        let other = builder.push(conv(6, 3, 1), &[stem]).unwrap();
        let sum = builder.push(Op::Add, &[one, other]).unwrap();
        builder.push(Op::Dense { units: 10, activation: Activation::None }, &[sum]).unwrap();
        assert_eq!(narrowest_cut(&builder.finish().unwrap()), 6 * 64);
    }

    #[test]
    fn every_network_has_finite_ones() {
        let series = Problem::new(Space::named("cnn1d", "wide-1d").unwrap(), Shape::new(50, 1, 3), 2, 4);
        let table = Problem::new(Space::named("mlp", "wide").unwrap(), Shape::flat(4), 3, 9);
        for (seed, problem) in [image_problem(), series, table].iter().enumerate() {
            let mut rng = generator(seed as u64, 0);
            for _ in 0..200 {
                let candidate = random_candidate(problem, &mut rng);
                let graph = candidate.architecture.lower(problem.input, problem.classes);
                let found = features(&graph, &candidate.resources, 0.0);
                assert!(
                    found.iter().all(|value| value.is_finite()),
                    "{found:?} of {}",
                    candidate.architecture
                );
            }
        }
    }
}
