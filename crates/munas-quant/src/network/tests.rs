use munas_ir::{
    Activation, ConvAttributes, Graph, GraphBuilder, LayerWeights, Op, OpId, Padding, Quantisation, Shape,
    TensorId, Weights, Window, fold_batch_norm,
};

use super::QuantisedNetwork;
use crate::testing::Case;
use crate::{Calibration, LinearLayer, Multiplier, QuantisedLayer, calibrate};

/// A network of one operator on one pixel.
fn single(op: Op, features: usize) -> Graph {
    let mut builder = GraphBuilder::new(Shape::flat(features)).unwrap();
    builder.push(op, &[TensorId::INPUT]).unwrap();
    builder.finish().unwrap()
}

fn pointwise(filters: usize, activation: Activation) -> Op {
    Op::Conv2d {
        filters,
        attributes: ConvAttributes {
            kernel: Window::square(1),
            stride: Window::square(1),
            padding: Padding::Valid,
            batch_norm: false,
            activation,
        },
    }
}

fn network(graph: &Graph, kernel: Vec<f32>, bias: Vec<f32>, ranges: [[f32; 2]; 2]) -> QuantisedNetwork {
    let weights = Weights::new(graph, vec![Some(LayerWeights { kernel, bias, batch_norm: None })]).unwrap();
    QuantisedNetwork::new(graph, &weights, &Quantisation::new(graph, &weights, &ranges))
}

fn linear(network: &QuantisedNetwork) -> &LinearLayer {
    network.layer(OpId::new(0)).linear().unwrap()
}

/// Inputs in steps of 0.01 from −1.28, outputs in steps of 0.02.
const RANGES: [[f32; 2]; 2] = [[-1.28, 1.27], [-2.56, 2.54]];

#[test]
fn integers_of_a_layer() {
    let graph = single(pointwise(2, Activation::Relu), 2);
    let network = network(&graph, vec![1.27, -0.5, 0.254, 0.1], vec![0.3, -0.04], RANGES);
    let layer = linear(&network);
    assert_eq!(layer.weights, [127, -50, 127, 50]);
    assert_eq!(layer.bias, [3000, -2000]);
    let multipliers = [0.01 * 0.01 / 0.02, 0.01 * 0.002 / 0.02];
    for (found, expected) in layer.multipliers.iter().zip(multipliers) {
        assert!((found.to_real() / expected - 1.0).abs() < 1e-6, "{found:?}");
    }
    assert_eq!((layer.input_zero_point, layer.output_zero_point, layer.clamp), (0, 0, [0, 127]));
    let tensors = network.run(&network.quantise_input(&[1.0, -0.5]));
    // 1.27 + 0.25 + 0.3 and 0.254 − 0.05 − 0.04.
    assert_eq!(tensors[1], [91, 8]);
    let output = network.dequantise_output(&tensors[1]);
    assert!((output[0] - 1.82).abs() < 1e-6 && (output[1] - 0.16).abs() < 1e-6, "{output:?}");
}

#[test]
fn dense_layers_have_one_multiplier_from_scales_in_32_bits() {
    let graph = single(Op::Dense { units: 3, activation: Activation::None }, 1);
    let network = network(&graph, vec![0.7, -0.3, 0.1], vec![0.0; 3], [[-0.9, 1.1], [-0.3, 0.4]]);
    let quantisation = network.quantisation();
    let scales = quantisation.kernel(OpId::new(0)).unwrap();
    let product = quantisation.tensor(TensorId::INPUT).scale * scales[0];
    let output = quantisation.tensor(TensorId::new(1));
    let expected = Multiplier::from_real(f64::from(product) / f64::from(output.scale));
    assert_eq!(linear(&network).multipliers, [expected; 3]);
    assert_eq!(linear(&network).clamp, [-128, 127]);
}

#[test]
fn channels_without_weights_keep_their_bias() {
    // The second kernel is all zeros, the third so small that its bias would not fit its own scale.
    for (coarse, small) in [(1.0, 1e-9), (100.0, 1e-30), (1.0, 0.0)] {
        let graph = single(pointwise(3, Activation::None), 1);
        let ranges = [[-1.28 * coarse, 1.27 * coarse], RANGES[1]];
        let network = network(&graph, vec![0.5, 0.0, small], vec![0.1, 0.74, -2.1], ranges);
        let tensors = network.run(&[100]);
        let found = network.dequantise_output(&tensors[1]);
        assert!((found[1] - 0.74).abs() < 1e-6 && (found[2] + 2.1).abs() <= 0.011, "{found:?}");
    }
}

#[test]
fn sums_fit_32_bits_whatever_the_bias() {
    let graph = single(Op::Dense { units: 2, activation: Activation::None }, 4);
    let weights = LayerWeights { kernel: vec![1.0; 8], bias: vec![0.0, 0.0], batch_norm: None };
    let calibrated = Weights::new(&graph, vec![Some(weights.clone())]).unwrap();
    let quantisation = Quantisation::new(&graph, &calibrated, &RANGES);
    let weights = LayerWeights { bias: vec![1e12, -1e12], ..weights };
    let weights = Weights::new(&graph, vec![Some(weights)]).unwrap();
    let network = QuantisedNetwork::new(&graph, &weights, &quantisation);
    let limit = i32::MAX - 4 * 127 * 128;
    assert_eq!(linear(&network).bias, [limit, -limit]);
    for input in [-128, 127] {
        assert_eq!(network.run(&[input; 4])[1], [127, -128]);
    }
}

#[test]
fn multipliers_above_one_shift_to_the_left() {
    // Sums come in steps of 0.01·0.1, outputs in steps of a quarter of that.
    let graph = single(pointwise(4, Activation::None), 1);
    let biases = vec![0.0, 0.005, -0.031, 0.032];
    let network = network(&graph, vec![12.7; 4], biases, [RANGES[0], [-0.032, 0.031_75]]);
    for multiplier in &linear(&network).multipliers {
        assert!((multiplier.to_real() - 4.0).abs() < 1e-5 && multiplier.exponent > 1, "{multiplier:?}");
    }
    assert_eq!(network.run(&[0])[1], [0, 20, -124, 127]);
}

#[test]
fn batch_norm_is_folded() {
    let case = (0..)
        .map(|seed| Case::random(seed, 2))
        .find(|case| case.graph.nodes().iter().any(|node| node.op.batch_norm()));
    let case = case.unwrap();
    let ranges = calibrate(&case.graph, &case.weights, case.samples(), &Calibration::MinMax);
    let quantisation = Quantisation::new(&case.graph, &case.weights, &ranges);
    let network = QuantisedNetwork::new(&case.graph, &case.weights, &quantisation);
    let (graph, weights) = fold_batch_norm(&case.graph, &case.weights);
    assert_eq!(network.graph(), &graph);
    assert_eq!(network, QuantisedNetwork::new(&graph, &weights, &quantisation));
}

#[test]
fn sums_of_three_are_two_steps() {
    let mut builder = GraphBuilder::new(Shape::new(2, 3, 1)).unwrap();
    let pool = Op::Pool { kind: munas_ir::PoolKind::Max, window: Window::new(2, 2) };
    let small = builder.push(pool, &[TensorId::INPUT]).unwrap();
    builder.push(Op::Add, &[small, TensorId::INPUT, TensorId::INPUT]).unwrap();
    let graph = builder.finish().unwrap();
    let weights = Weights::new(&graph, vec![None, None]).unwrap();
    let ranges = [[-1.28, 1.27], [0.0, 0.0], [-3.84, 3.81]];
    let quantisation = Quantisation::new(&graph, &weights, &ranges);
    let network = QuantisedNetwork::new(&graph, &weights, &quantisation);
    let QuantisedLayer::Add(layer) = network.layer(OpId::new(1)) else { panic!("an Add") };
    let half = Multiplier::from_real(0.5);
    assert_eq!(layer.steps.len(), 2);
    assert_eq!((layer.steps[0].left.multiplier, layer.steps[0].right.multiplier), (half, half));
    // The partial sum has the output's scale, the larger one.
    assert_eq!(layer.steps[1].left.multiplier, half);
    assert!((layer.steps[1].right.multiplier.to_real() - 1.0 / 6.0).abs() < 1e-6);
    assert_eq!(layer.steps[1].left_shift, 20);
    let tensors = network.run(&[3, 9, -30, 6, -128, 127]);
    assert_eq!(tensors[1], [9]);
    // (9 + 3 + 3)/3, and thirds of 18, −60, 12, −256 and 254, rounded once more on the way.
    assert_eq!(tensors[2], [5, 6, -20, 4, -86, 84]);
}

#[test]
fn a_diverged_network_has_integers_all_the_same() {
    for value in [1e30, f32::MAX, f32::INFINITY, f32::NAN] {
        for op in [pointwise(2, Activation::Relu), Op::Dense { units: 2, activation: Activation::None }] {
            let graph = single(op, 1);
            let network =
                network(&graph, vec![value, 1.0], vec![-value, value], [[0.0, value], [-value, 1e-9]]);
            assert_eq!(network.run(&[7])[1].len(), 2);
        }
    }
}
