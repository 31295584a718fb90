//! Batch normalisation against its definition in double precision, and its gradients against finite differences.

use proptest::prelude::*;

use super::*;
use crate::geometry::{BatchNormGeometry, PoolGeometry};
use crate::layout::blocks_for;
use crate::testing::{GradientCheck, activation, assert_close, dot, every_isa, noise};
use crate::{Kernels, PoolActivations};

/// A tensor, and the channel and sample of each of its elements.
#[derive(Debug)]
struct Tensor {
    g: BatchNormGeometry,
    batch: usize,
}

impl Tensor {
    fn len(&self) -> usize {
        blocks_for(self.batch) * self.g.block()
    }

    fn channel(&self, element: usize) -> usize {
        element / LANES / self.g.pixels % self.g.channels
    }

    fn is_valid(&self, element: usize) -> bool {
        element / self.g.block() * LANES + element % LANES < self.batch
    }

    fn valid(&self, channel: usize) -> impl Iterator<Item = usize> {
        (0..self.len()).filter(move |&element| self.channel(element) == channel && self.is_valid(element))
    }
}

/// Statistics, block by block, and output.
fn forward(
    kernels: &Kernels,
    tensor: &Tensor,
    parameters: &BatchNormParameters<'_>,
    input: &[f32],
    output: &mut [f32],
    statistics: &mut BatchStatistics,
) {
    let Tensor { g, batch } = *tensor;
    let mut of = StatisticsOf { geometry: g, batch, statistics };
    for (block, values) in input.chunks_exact(g.block()).enumerate() {
        of.add(kernels, block..block + 1, values);
    }
    kernels.batch_norm_forward(&g, batch, parameters, statistics, input, output);
}

fn tensor() -> impl Strategy<Value = Tensor> {
    (1_usize..5, 1_usize..12, 1_usize..40)
        .prop_map(|(channels, pixels, batch)| Tensor { g: BatchNormGeometry { channels, pixels }, batch })
}

proptest! {
    #[test]
    fn output_has_the_asked_moments(tensor in tensor(), activation in activation(), offset in -50.0_f32..50.0, seed: u32) {
        let channels = tensor.g.channels;
        let (gamma, beta) = (noise(seed.into(), channels), noise(u64::from(seed) + 1, channels));
        let parameters = BatchNormParameters { gamma: &gamma, beta: &beta, epsilon: 1e-3, activation };
        let input: Vec<f32> = noise(u64::from(seed) + 2, tensor.len()).iter().map(|x| x + offset).collect();
        for kernels in every_isa() {
            let mut output = vec![f32::NAN; tensor.len()];
            let mut statistics = BatchStatistics::new(channels);
            forward(&kernels, &tensor, &parameters, &input, &mut output, &mut statistics);
            for channel in 0..channels {
                let values: Vec<f64> = tensor.valid(channel).map(|element| f64::from(input[element])).collect();
                let mean = values.iter().sum::<f64>() / values.len() as f64;
                let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / values.len() as f64;
                assert_close(&[statistics.mean[channel]], &[mean as f32], 2e-5);
                assert_close(&[statistics.variance[channel]], &[variance as f32], 2e-5);
                for element in tensor.valid(channel) {
                    let normalised = (f64::from(input[element]) - mean) / (variance + 1e-3).sqrt();
                    let expected = (f64::from(gamma[channel]) * normalised + f64::from(beta[channel])) as f32;
                    let expected = activation.of(expected);
                    assert_close(&[output[element]], &[expected], 2e-3);
                }
            }
            for element in (0..tensor.len()).filter(|&element| !tensor.is_valid(element)) {
                prop_assert_eq!(output[element], 0.0);
            }
        }
    }

    #[test]
    fn gradients_are_those_of_the_forward_pass(tensor in tensor(), activation in activation(), seed: u32) {
        // A variance over fewer samples is so curved that differences say little.
        prop_assume!(tensor.batch * tensor.g.pixels >= 8);
        let channels = tensor.g.channels;
        let gamma: Vec<f32> = noise(seed.into(), channels).iter().map(|x| x + 2.0).collect();
        // With an activation, every value is well above or well below its kinks.
        let beta: Vec<f32> = (0..channels).map(|c| if activation.is_identity() { 0.5 } else { [20.0, -20.0][c % 2] }).collect();
        let (input, d_output) = (noise(u64::from(seed) + 2, tensor.len()), noise(u64::from(seed) + 3, tensor.len()));
        for kernels in every_isa() {
            let loss = |gamma: &[f32], beta: &[f32], input: &[f32]| {
                let parameters = BatchNormParameters { gamma, beta, epsilon: 1e-3, activation };
                let mut output = vec![f32::NAN; tensor.len()];
                let mut statistics = BatchStatistics::new(channels);
                forward(&kernels, &tensor, &parameters, input, &mut output, &mut statistics);
                (dot(&output, &d_output), statistics)
            };
            let parameters = BatchNormParameters { gamma: &gamma, beta: &beta, epsilon: 1e-3, activation };
            let statistics = loss(&gamma, &beta, &input).1;
            let (mut d_gamma, mut d_beta) = (vec![f32::NAN; channels], vec![f32::NAN; channels]);
            let mut d_input = vec![f32::NAN; tensor.len()];
            let operands =
                BatchNormOperands { parameters: &parameters, statistics: &statistics, input: &input, d_output: &d_output };
            let mut gradients = BatchNormGradients { gamma: &mut d_gamma, beta: &mut d_beta };
            kernels.batch_norm_backward(&tensor.g, tensor.batch, &operands, &mut d_input, &mut gradients);
            let check = GradientCheck { step: 2e-2, tolerance: 2e-2, coordinates: 40 };
            check.assert(&gamma, &d_gamma, |gamma| loss(gamma, &beta, &input).0);
            check.assert(&beta, &d_beta, |beta| loss(&gamma, beta, &input).0);
            check.assert(&input, &d_input, |input| loss(&gamma, &beta, input).0);
        }
    }
}

fn pooling() -> impl Strategy<Value = (PoolGeometry, usize)> {
    let windows = prop_oneof![Just([2, 2]), [1_usize..4, 1..4]];
    (1_usize..4, windows, [0_usize..5, 0..5], 1_usize..40).prop_map(|(channels, window, beyond, batch)| {
        (PoolGeometry::new([channels, window[0] + beyond[0], window[1] + beyond[1]], window), batch)
    })
}

proptest! {
    #[test]
    fn with_a_pooling_it_is_what_it_is_step_by_step((g, batch) in pooling(), activation in activation(), seed: u32) {
        let norm = BatchNormGeometry { channels: g.channels, pixels: g.in_height * g.in_width };
        let blocks = blocks_for(batch);
        // Different inputs stay different outputs, so that both ways find the maximum at the same pixel; equal inputs are frequent.
        let gamma: Vec<f32> = noise(seed.into(), g.channels).iter().map(|value| value + value.signum() / 8.0).collect();
        let beta = noise(u64::from(seed) + 1, g.channels);
        let parameters = BatchNormParameters { gamma: &gamma, beta: &beta, epsilon: 1e-3, activation };
        let input = noise(u64::from(seed) + 2, blocks * g.input_block());
        let input: Vec<f32> = input.iter().map(|value| (value * 64.0).round() / 64.0).collect();
        let mut d_pooled = noise(u64::from(seed) + 3, blocks * g.output_block());
        for (element, gradient) in d_pooled.iter_mut().enumerate() {
            if element / g.output_block() * LANES + element % LANES >= batch {
                *gradient = 0.0;
            }
        }
        for kernels in every_isa() {
            let mut statistics = BatchStatistics::new(g.channels);
            kernels.batch_statistics(&norm, batch, &input, &mut statistics);
            let (mut normalised, mut d_normalised) = (vec![f32::NAN; input.len()], vec![f32::NAN; input.len()]);
            let (mut expected, mut expected_d_input) = (vec![f32::NAN; d_pooled.len()], vec![f32::NAN; input.len()]);
            kernels.batch_norm_forward(&norm, batch, &parameters, &statistics, &input, &mut normalised);
            kernels.max_pool_forward(&g, blocks, &normalised, &mut expected);
            let activations = PoolActivations { input: &normalised, output: &expected, d_output: &d_pooled };
            kernels.max_pool_backward(&g, blocks, &activations, &mut d_normalised);
            let (mut expected_d_gamma, mut expected_d_beta) = (vec![f32::NAN; g.channels], vec![f32::NAN; g.channels]);
            let operands = BatchNormOperands {
                parameters: &parameters, statistics: &statistics, input: &input, d_output: &d_normalised,
            };
            let mut gradients = BatchNormGradients { gamma: &mut expected_d_gamma, beta: &mut expected_d_beta };
            kernels.batch_norm_backward(&norm, batch, &operands, &mut expected_d_input, &mut gradients);

            let (mut output, mut d_input) = (vec![f32::NAN; d_pooled.len()], vec![f32::NAN; input.len()]);
            let (mut d_gamma, mut d_beta) = (vec![f32::NAN; g.channels], vec![f32::NAN; g.channels]);
            kernels.batch_norm_max_pool_forward(&g, batch, &parameters, &statistics, &input, &mut output);
            let operands = BatchNormOperands { d_output: &d_pooled, ..operands };
            let mut gradients = BatchNormGradients { gamma: &mut d_gamma, beta: &mut d_beta };
            kernels.batch_norm_max_pool_backward(&g, batch, &operands, &mut d_input, &mut gradients);
            prop_assert_eq!(output, expected);
            assert_close(&d_input, &expected_d_input, 1e-4);
            assert_close(&d_gamma, &expected_d_gamma, 2e-4);
            assert_close(&d_beta, &expected_d_beta, 2e-4);
        }
    }
}

#[test]
fn a_pooled_nan_stays_one() {
    let g = PoolGeometry::new([1, 2, 2], [2, 2]);
    let mut input = noise(1, g.input_block());
    input[LANES] = f32::NAN;
    for kernels in every_isa() {
        let norm = BatchNormGeometry { channels: 1, pixels: 4 };
        let parameters =
            BatchNormParameters { gamma: &[1.0], beta: &[0.0], epsilon: 1e-3, activation: Activation::Relu };
        let mut statistics = BatchStatistics::new(1);
        kernels.batch_statistics(&norm, LANES, &input, &mut statistics);
        let mut output = vec![0.0; g.output_block()];
        kernels.batch_norm_max_pool_forward(&g, LANES, &parameters, &statistics, &input, &mut output);
        assert!(output.iter().all(|value| value.is_nan()));
    }
}

#[test]
fn activations_stop_gradients_at_the_ends_of_their_ranges() {
    let g = BatchNormGeometry { channels: 1, pixels: 4 };
    let (input, d_output) = (noise(1, g.block()), noise(2, g.block()));
    for (kernels, activation) in every_isa().into_iter().flat_map(|isa| Activation::ALL.map(|of| (isa, of))) {
        let gradients_of = |activation, d_output: &[f32]| {
            // The values lie about the middle of the range, and beyond its ends.
            let parameters = BatchNormParameters { gamma: &[5.0], beta: &[3.0], epsilon: 1e-3, activation };
            let (mut output, mut d_input) = (vec![0.0; g.block()], vec![0.0; g.block()]);
            let mut statistics = BatchStatistics::new(1);
            kernels.batch_statistics(&g, LANES, &input, &mut statistics);
            kernels.batch_norm_forward(&g, LANES, &parameters, &statistics, &input, &mut output);
            let operands = BatchNormOperands {
                parameters: &parameters,
                statistics: &statistics,
                input: &input,
                d_output,
            };
            let mut gradients = BatchNormGradients { gamma: &mut [0.0], beta: &mut [0.0] };
            kernels.batch_norm_backward(&g, LANES, &operands, &mut d_input, &mut gradients);
            (output, d_input)
        };
        let (output, d_input) = gradients_of(activation, &d_output);
        let ends = activation.range().into_iter().filter(|end| end.is_finite());
        assert!(
            ends.clone().all(|end| output.contains(&end)),
            "{activation:?} has {:?}",
            ends.collect::<Vec<_>>()
        );
        assert!(output.iter().any(|&value| activation.passes(value)));
        let masked: Vec<f32> =
            d_output.iter().zip(&output).map(|(&d, &y)| if activation.passes(y) { d } else { 0.0 }).collect();
        assert_eq!(d_input, gradients_of(Activation::None, &masked).1, "{activation:?}");
    }
}
