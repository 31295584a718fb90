use munas_ir::{Graph, OpId, Quantisation, Weights, fold_batch_norm};

use super::bias_correction;
use crate::testing::{Case, terms};
use crate::{Calibration, Executor, FloatExecutor, QuantisedNetwork, calibrate};

fn quantisation(case: &Case) -> Quantisation {
    let ranges = calibrate(&case.graph, &case.weights, case.samples(), &Calibration::MinMax);
    Quantisation::new(&case.graph, &case.weights, &ranges)
}

/// Adds the outputs of each channel of an operator before its activation to `sums`.
fn accumulate(graph: &Graph, op: OpId, sums: &mut [f64], product: impl Fn(usize, usize, usize) -> f64) {
    for element in 0..graph.output_shape(op).elements() {
        let channel = element % sums.len();
        sums[channel] +=
            terms(graph, op, element).into_iter().map(|(x, w)| product(channel, x, w)).sum::<f64>();
    }
}

/// For each operator with weights, the shift of the mean output of each channel before the activation, in steps of the output,
/// and half a step of the bias in the same unit.
fn shifts(case: &Case, network: &QuantisedNetwork) -> Vec<(Vec<f64>, f64)> {
    let (graph, weights): (Graph, Weights) = fold_batch_norm(&case.graph, &case.weights);
    let mut float = FloatExecutor::new(&graph, &weights);
    let mut int8 = Executor::new(network);
    let with_weights = graph.ops().filter_map(|(op, node)| Some((op, node.inputs[0], weights.layer(op)?)));
    with_weights
        .map(|(op, input, layer)| {
            let integers = network.layer(op).linear().unwrap();
            let quantisation = network.quantisation();
            let scales = quantisation.kernel(op).unwrap();
            let step = |channel: usize| {
                f64::from(quantisation.tensor(input).scale) * f64::from(scales[channel % scales.len()])
            };
            let mut sums = vec![0.0; layer.bias.len()];
            for sample in case.samples() {
                let values = &float.run(sample)[input.index()];
                accumulate(&graph, op, &mut sums, |_, x, w| {
                    -f64::from(values[x]) * f64::from(layer.kernel[w])
                });
                int8.run_real(sample);
                let values = &int8.tensors()[input.index()];
                accumulate(&graph, op, &mut sums, |channel, x, w| {
                    let element = i32::from(values[x]) - integers.input_zero_point;
                    f64::from(element) * f64::from(integers.weights[w]) * step(channel)
                });
            }
            let count = (case.samples.len() * graph.output_shape(op).pixels()) as f64;
            let output_step = f64::from(quantisation.tensor(op.output()).scale);
            let shift = |(channel, sum): (usize, &f64)| {
                let biases =
                    f64::from(integers.bias[channel]) * step(channel) - f64::from(layer.bias[channel]);
                (sum / count + biases) / output_step
            };
            let half_step = (0..sums.len()).map(step).fold(0.0, f64::max) / 2.0 / output_step;
            (sums.iter().enumerate().map(shift).collect(), half_step)
        })
        .collect()
}

#[test]
fn means_are_those_in_f32_again() {
    let (mut before, mut after) = (0.0, 0.0);
    for seed in 0..12 {
        let case = Case::random(seed, 6);
        let quantisation = quantisation(&case);
        let (graph, weights) = bias_correction(&case.graph, &case.weights, &quantisation, case.samples());
        let plain = QuantisedNetwork::new(&case.graph, &case.weights, &quantisation);
        let corrected = QuantisedNetwork::new(&graph, &weights, &quantisation);
        for ((plain, _), (corrected, half_step)) in
            shifts(&case, &plain).iter().zip(shifts(&case, &corrected))
        {
            for (plain, corrected) in plain.iter().zip(corrected) {
                assert!(corrected.abs() <= half_step + 1e-3, "{corrected} of {half_step}, {plain} before");
                // A shift below half a step of the bias is one that no bias corrects.
                if plain.abs() <= half_step {
                    continue;
                }
                before += plain * plain;
                after += corrected * corrected;
            }
        }
    }
    assert!(after < 0.1 * before, "{after} of {before}");
}

#[test]
fn without_samples_nothing_changes() {
    let case = Case::random(2, 4);
    let quantisation = quantisation(&case);
    let corrected = bias_correction(&case.graph, &case.weights, &quantisation, std::iter::empty::<&[f32]>());
    assert_eq!(corrected, fold_batch_norm(&case.graph, &case.weights));
}
