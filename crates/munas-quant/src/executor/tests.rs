use munas_ir::{Op, OpId, PoolKind, TensorId, TensorQuantisation};
use proptest::prelude::*;

use super::Executor;
use crate::testing::{Case, quantised, summands, terms};
use crate::{AddStep, FloatExecutor, Multiplier, QuantisedLayer, QuantisedNetwork};

fn requantised(sum: i64, multiplier: Multiplier, zero_point: i32, [low, high]: [i8; 2]) -> i8 {
    let sum = i32::try_from(sum).expect("the sum of a layer fits 32 bits");
    (multiplier.apply(sum) + zero_point).clamp(i32::from(low), i32::from(high)) as i8
}

fn add(step: &AddStep, left: i8, right: i8) -> i8 {
    let summand = |value: i8, zero_point: i32, multiplier: Multiplier| {
        multiplier.apply((i32::from(value) - zero_point) * (1 << step.left_shift))
    };
    let left = summand(left, step.left.zero_point, step.left.multiplier);
    let right = summand(right, step.right.zero_point, step.right.multiplier);
    requantised(i64::from(left + right), step.output, step.output_zero_point, step.clamp)
}

/// One element of an operator's output, by the formulas of the specification.
fn element(network: &QuantisedNetwork, op: OpId, tensors: &[Vec<i8>], index: usize) -> i8 {
    let graph = network.graph();
    let node = graph.node(op);
    let input = &tensors[node.inputs[0].index()];
    match network.layer(op) {
        QuantisedLayer::Linear(layer) => {
            let channel = index % layer.bias.len();
            let products = terms(graph, op, index).into_iter().map(|(element, weight)| {
                (i64::from(input[element]) - i64::from(layer.input_zero_point))
                    * i64::from(layer.weights[weight])
            });
            let sum = products.sum::<i64>() + i64::from(layer.bias[channel]);
            requantised(sum, layer.multipliers[channel], layer.output_zero_point, layer.clamp)
        }
        QuantisedLayer::Pool(layer) => {
            let terms = terms(graph, op, index);
            let values = terms.iter().map(|&(element, _)| i32::from(input[element]));
            let value = match node.op {
                Op::Pool { kind: PoolKind::Max, .. } => values.max().unwrap(),
                _ => {
                    let mean = f64::from(values.sum::<i32>()) / terms.len() as f64;
                    // `round` takes halves away from zero.
                    mean.round() as i32
                }
            };
            value.clamp(i32::from(layer.clamp[0]), i32::from(layer.clamp[1])) as i8
        }
        QuantisedLayer::Add(layer) => {
            let values = summands(graph, op, index).into_iter().map(|(tensor, element)| match element {
                Some(element) => tensors[tensor.index()][element],
                None => network.quantisation().tensor(tensor).zero_point,
            });
            let values: Vec<i8> = values.collect();
            let steps = layer.steps.iter().zip(&values[1..]);
            steps.fold(values[0], |left, (step, &right)| add(step, left, right))
        }
    }
}

/// The same element in real numbers, from the values that the integers of the input, kernel and bias stand for.
fn real_element(network: &QuantisedNetwork, op: OpId, tensors: &[Vec<i8>], index: usize) -> f64 {
    let graph = network.graph();
    let quantisation = network.quantisation();
    let node = graph.node(op);
    let value = |tensor: TensorId, element: usize| {
        f64::from(quantisation.tensor(tensor).dequantise(tensors[tensor.index()][element]))
    };
    let first = node.inputs[0];
    match network.layer(op) {
        QuantisedLayer::Linear(layer) => {
            let channel = index % layer.bias.len();
            let scales = quantisation.kernel(op).unwrap();
            let scale = f64::from(scales[channel % scales.len()]);
            let bias = f64::from(layer.bias[channel]) * scale * f64::from(quantisation.tensor(first).scale);
            let products = terms(graph, op, index)
                .into_iter()
                .map(|(element, weight)| value(first, element) * f64::from(layer.weights[weight]) * scale);
            let sum = products.sum::<f64>() + bias;
            let [low, high] = node.op.activation().range().map(f64::from);
            sum.clamp(low, high)
        }
        QuantisedLayer::Pool(_) => {
            let terms = terms(graph, op, index);
            let values = terms.iter().map(|&(element, _)| value(first, element));
            match node.op {
                Op::Pool { kind: PoolKind::Max, .. } => values.fold(f64::MIN, f64::max),
                _ => values.sum::<f64>() / terms.len() as f64,
            }
        }
        QuantisedLayer::Add(_) => {
            let values = summands(graph, op, index)
                .into_iter()
                .map(|(tensor, element)| element.map_or(0.0, |element| value(tensor, element)));
            // Partial sums are cut off as the output is.
            let [low, high] = range(quantisation.tensor(op.output()));
            values.reduce(|sum, value| (sum + value).clamp(low, high)).unwrap()
        }
    }
}

/// The real numbers that the smallest and largest integer stand for.
fn range(parameters: TensorQuantisation) -> [f64; 2] {
    [-128, 127].map(|end| f64::from(parameters.dequantise(end)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn every_element_follows_the_specification(seed: u64) {
        let case = Case::random(seed, 3);
        let network = quantised(&case);
        let mut executor = Executor::new(&network);
        for sample in case.samples() {
            executor.run_real(sample);
            let tensors = executor.tensors();
            prop_assert_eq!(&tensors[0], &network.quantise_input(sample));
            for (op, node) in case.graph.ops() {
                let parameters = network.quantisation().tensor(op.output());
                // Each of an Add's sums is rounded, and so are products whose multiplier is near one (see `Multiplier`).
                let steps = 0.76 + 0.5 * (node.inputs.len() - 1) as f64;
                for (index, &found) in tensors[op.output().index()].iter().enumerate() {
                    prop_assert_eq!(found, element(&network, op, tensors, index), "{} at {}", node.op, index);
                    let real = real_element(&network, op, tensors, index);
                    let [low, high] = range(parameters);
                    let error = f64::from(parameters.dequantise(found)) - real.clamp(low, high);
                    let error = error.abs() / f64::from(parameters.scale);
                    prop_assert!(error <= steps, "{} at {}: off by {} steps", node.op, index, error);
                }
            }
        }
    }
}

/// Squared error of the output of a random network, of its square in f32.
fn relative_noise(seed: u64) -> f32 {
    let case = Case::random(seed, 8);
    let network = quantised(&case);
    let mut float = FloatExecutor::new(&case.graph, &case.weights);
    let (mut error, mut signal) = (0.0, 0.0);
    for sample in case.samples() {
        let tensors = network.run(&network.quantise_input(sample));
        let found = network.dequantise_output(tensors.last().unwrap());
        for (found, expected) in found.iter().zip(float.run(sample).last().unwrap()) {
            error += (found - expected).powi(2);
            signal += expected.powi(2);
        }
    }
    error / signal
}

#[test]
fn outputs_are_near_those_in_f32() {
    let mut noise: Vec<f32> = (0..60).map(relative_noise).collect();
    noise.sort_by(f32::total_cmp);
    assert!(noise[30] < 1e-3, "half of the networks: {}", noise[30]);
    assert!(noise[59] < 0.1, "the worst network: {}", noise[59]);
}

#[test]
fn buffers_are_used_again_without_traces() {
    let case = Case::random(11, 4);
    let network = quantised(&case);
    let mut executor = Executor::new(&network);
    for sample in case.samples() {
        let input = network.quantise_input(sample);
        let output = executor.run(&input).to_vec();
        assert_eq!(executor.tensors(), network.run(&input));
        assert_eq!(executor.tensors().last(), Some(&output));
    }
}
