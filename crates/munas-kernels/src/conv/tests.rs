//! The vector kernels against the scalar reference, and the reference against finite differences.

use proptest::prelude::*;

use super::packing::{WeightOrder, pack_weights, packed_len};
use super::tables::{Columns, Offsets, even_tiles};
use super::tap_gradient::{TapGradient, accumulators_len};
use super::tap_sum::{Finish, TapSum};
use super::*;
use crate::LANES;
use crate::simd::{Array, Kernel, Simd, Tile};
use crate::testing::{GradientCheck, activation, assert_close, dot, every_isa, noise};

/// One convolution of either kind with its data.
#[derive(Debug)]
struct Case {
    convolution: Convolution,
    blocks: usize,
    activation: Activation,
    seed: u64,
}

/// Everything that the three passes compute.
struct Results {
    output: Vec<f32>,
    d_input: Vec<f32>,
    d_weights: Vec<f32>,
    d_bias: Vec<f32>,
}

/// Elements behind the last block, which no kernel may touch.
const BEHIND: usize = 40;

impl Case {
    fn weights(&self) -> Vec<f32> {
        let g = &self.convolution.geometry;
        noise(self.seed, if self.convolution.depthwise { g.depthwise_weights() } else { g.weights() })
    }

    fn bias(&self) -> Vec<f32> {
        noise(self.seed + 1, self.convolution.geometry.out_channels)
    }

    fn input(&self) -> Vec<f32> {
        noise(self.seed + 2, self.blocks * self.convolution.geometry.input_block())
    }

    fn d_output(&self) -> Vec<f32> {
        noise(self.seed + 3, self.blocks * self.convolution.geometry.output_block())
    }

    /// Runs all passes into buffers full of NaN, so that whatever is not written shows.
    fn run(&self, kernels: &Kernels, scratch: &mut Scratch) -> Results {
        let blocks = self.blocks;
        let (weights, bias, input, d_output) = (self.weights(), self.bias(), self.input(), self.d_output());
        let mut output = vec![f32::NAN; d_output.len() + BEHIND];
        let mut d_input = vec![f32::NAN; input.len() + BEHIND];
        let mut d_weights = vec![f32::NAN; weights.len()];
        let mut d_bias = vec![f32::NAN; bias.len()];
        kernels.bias_backward(blocks, &d_output, &mut d_bias);
        let parameters = AffineParameters { weights: &weights, bias: &bias, activation: self.activation };
        let activations = AffineActivations { input: &input, d_output: &d_output };
        let convolution = &self.convolution;
        kernels.affine_forward(convolution, blocks, &parameters, &input, (&mut *output).into(), scratch);
        kernels.affine_backward_input(convolution, blocks, &weights, &d_output, &mut d_input, scratch);
        kernels.affine_backward_weights(convolution, blocks, &activations, &mut d_weights, scratch);
        for (written, len) in [(&mut output, d_output.len()), (&mut d_input, input.len())] {
            assert!(written[len..].iter().all(|value| value.is_nan()), "wrote behind the last block");
            written.truncate(len);
        }
        Results { output, d_input, d_weights, d_bias }
    }
}

fn channels() -> impl Strategy<Value = usize> {
    prop_oneof![4 => 1_usize..=9, 1 => 10_usize..=70]
}

fn case() -> impl Strategy<Value = Case> {
    let kernel = prop_oneof![[1_usize..=7, 1..=7], (1_usize..=7).prop_map(|size| [size; 2])];
    let stride = [1_usize..=2, 1..=2];
    let beyond = prop_oneof![4 => [0_usize..=5, 0..=5], 1 => [6_usize..=14, 6..=14]];
    let padding = prop_oneof![2 => Just(None), 1 => Just(Some(0_usize)), 1 => (1_usize..=3).prop_map(Some)];
    let shape = (channels(), channels(), kernel, stride, beyond, padding);
    (shape, (any::<bool>(), activation(), any::<u32>()), 1_usize..=3).prop_map(
        |(shape, (depthwise, activation, seed), blocks)| {
            let (in_channels, out_channels, kernel, stride, beyond, padding) = shape;
            let out_channels = if depthwise { in_channels } else { out_channels };
            let input = [in_channels, kernel[0] + beyond[0], kernel[1] + beyond[1]];
            let geometry = match padding {
                None => ConvGeometry::valid(input, out_channels, kernel, stride),
                Some(0) => ConvGeometry::same(
                    [in_channels, 1 + beyond[0], 1 + beyond[1]],
                    out_channels,
                    kernel,
                    stride,
                ),
                // Padding above and left only, whatever the kernel.
                Some(pad) => {
                    let padded = [in_channels, input[1] + pad, input[2] + pad];
                    let valid = ConvGeometry::valid(padded, out_channels, kernel, stride);
                    ConvGeometry {
                        in_height: input[1],
                        in_width: input[2],
                        pad_top: pad,
                        pad_left: pad,
                        ..valid
                    }
                }
            };
            Case {
                convolution: Convolution { geometry, depthwise },
                blocks,
                activation,
                seed: u64::from(seed),
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn every_instruction_set_computes_what_the_reference_does(cases in prop::collection::vec(case(), 2)) {
        for kernels in every_isa() {
            // One scratch for two layers: what the first leaves there must not show in the second.
            let mut scratch = Scratch::default();
            for case in &cases {
                let actual = case.run(&kernels, &mut scratch);
                let expected = case.run(&Kernels::new(Isa::Scalar), &mut Scratch::default());
                let g = &case.convolution.geometry;
                // Sums in another order; those that go through Winograd's transforms lose two bits more.
                let tolerance = |terms: usize| 4e-5 * (terms as f32).sqrt();
                let terms_per_output = g.weights() / g.out_channels;
                let terms_per_input = g.weights() / g.in_channels;
                let terms_per_weight = case.blocks * g.out_pixels() * LANES;
                assert_close(&actual.output, &expected.output, tolerance(terms_per_output));
                assert_close(&actual.d_input, &expected.d_input, tolerance(terms_per_input));
                assert_close(&actual.d_weights, &expected.d_weights, tolerance(terms_per_weight));
                assert_close(&actual.d_bias, &expected.d_bias, tolerance(terms_per_weight));
            }
        }
    }

    #[test]
    fn prepared_sums_of_integers_are_exact(case in case()) {
        let integers = |values: Vec<f32>| values.iter().map(|value| (100.0 * value).round()).collect::<Vec<_>>();
        let (weights, input) = (integers(case.weights()), integers(case.input()));
        let Case { convolution, blocks, .. } = case;
        let no_bias = &vec![0.0; convolution.geometry.out_channels];
        let parameters = AffineParameters { weights: &weights, bias: no_bias, activation: Activation::None };
        let mut expected = vec![0.0; blocks * convolution.geometry.output_block()];
        reference::forward(&convolution, blocks, &parameters, &input, &mut expected);
        for kernels in every_isa() {
            let sums = PreparedSums::new(&kernels, &convolution, &weights);
            let mut scratch = Scratch::default();
            for _ in 0..2 {
                let mut output = vec![f32::NAN; expected.len()];
                sums.forward(blocks, &input, &mut output, &mut scratch);
                prop_assert_eq!(&output, &expected);
            }
        }
    }

    #[test]
    fn reference_gradients_are_those_of_the_reference_forward_pass(case in case()) {
        let case = Case { activation: Activation::None, ..case };
        let scalar = Kernels::new(Isa::Scalar);
        let results = case.run(&scalar, &mut Scratch::default());
        let (weights, bias, input, d_output) = (case.weights(), case.bias(), case.input(), case.d_output());
        let loss = |weights: &[f32], bias: &[f32], input: &[f32]| {
            let mut output = vec![0.0; d_output.len()];
            let parameters = AffineParameters { weights, bias, activation: Activation::None };
            reference::forward(&case.convolution, case.blocks, &parameters, input, &mut output);
            dot(&output, &d_output)
        };
        // The operator is linear in each operand, so a large step only reduces the rounding.
        let check = GradientCheck { step: 1.0, tolerance: 2e-3, coordinates: 4 };
        check.assert(&weights, &results.d_weights, |weights| loss(weights, &bias, &input));
        check.assert(&bias, &results.d_bias, |bias| loss(&weights, bias, &input));
        check.assert(&input, &results.d_input, |input| loss(&weights, &bias, input));
    }

    #[test]
    fn tiles_are_even_and_complete(most in 1_usize..9, rows in 1_usize..200) {
        let tiles: Vec<_> = even_tiles(most, rows).iter().flat_map(|tiles| tiles.each()).collect();
        prop_assert_eq!(tiles.iter().cloned().flatten().collect::<Vec<_>>(), (0..rows).collect::<Vec<_>>());
        let (least, largest) = (tiles.iter().map(|t| t.len()).min(), tiles.iter().map(|t| t.len()).max());
        prop_assert!(largest <= Some(most) && largest <= least.map(|least| least + 1));
    }

    /// The tiles for 32 registers, over arrays in place of registers: what AVX-512 and NEON instantiate is checked on
    /// processors without them.
    #[test]
    fn tiles_for_32_registers_compute_the_sums(
        rows in 1_usize..20, taps in 1_usize..30, columns in 1_usize..20, strip in 1_usize..8, seed in any::<u32>(),
    ) {
        let problem = TapProblem { rows, taps, columns, strip, seed: u64::from(seed) };
        problem.check(Array::<4, 32>::new());
        problem.check(Array::<16, 32>::new());
    }
}

/// A matrix product in the form of offset tables: rows × taps weights, taps × columns inputs.
struct TapProblem {
    rows: usize,
    taps: usize,
    columns: usize,
    strip: usize,
    seed: u64,
}

impl TapProblem {
    fn check<S: Simd>(&self, simd: S) {
        let &Self { rows, taps, columns, strip, seed } = self;
        let line = columns * S::WIDTH;
        let (mut row_table, mut tap_table, mut column_table) =
            (Offsets::default(), Offsets::default(), Columns::default());
        (0..rows).for_each(|row| row_table.push(row * line));
        (0..taps).for_each(|tap| tap_table.push(tap * line));
        (0..columns).for_each(|column| column_table.push(column * S::WIDTH, column * S::WIDTH));
        let (weights, input) = (noise(seed, rows * taps), noise(seed + 1, taps * line));
        let output = noise(seed + 2, rows * line);

        let tile = Tile::of::<S>();
        let mut packed = vec![0.0; packed_len(rows, taps)];
        let order =
            WeightOrder { rows, row_stride: taps, outer: 1, outer_stride: 0, inner: taps, flipped: false };
        pack_weights(tile.sum_rows, &order, None, &weights, &mut packed);
        let mut sums = output.clone();
        TapSum {
            taps: &tap_table,
            rows: &row_table,
            columns: &column_table,
            weights: &packed,
            finish: Finish::Add,
            input: &input,
            output: &mut sums,
        }
        .run(simd);
        let mut d_weights = weights.clone();
        TapGradient {
            taps: &tap_table,
            rows: &row_table,
            columns: &column_table,
            strip,
            input: &input,
            d_output: &output,
            accumulators: &mut vec![f32::NAN; accumulators_len(tile, taps)],
            d_weights: &mut d_weights,
        }
        .run(simd);

        for row in 0..rows {
            for at in 0..line {
                let products = (0..taps).map(|tap| weights[row * taps + tap] * input[tap * line + at]);
                let expected = output[row * line + at] + products.sum::<f32>();
                assert_close(&sums[row * line + at..][..1], &[expected], 1e-5);
            }
            for tap in 0..taps {
                let expected = dot(&output[row * line..][..line], &input[tap * line..][..line]) as f32;
                let actual = d_weights[row * taps + tap] - weights[row * taps + tap];
                assert_close(&[actual], &[expected], 1e-4);
            }
        }
    }
}

#[test]
fn a_dense_layer_is_a_matrix_product() {
    let g = DenseGeometry { features: 37, units: 5 };
    let (weights, bias) = (noise(1, 37 * 5), noise(2, 5));
    let blocks = 2;
    let input = noise(3, blocks * 37 * LANES);
    for kernels in every_isa() {
        let mut output = vec![f32::NAN; blocks * 5 * LANES];
        let parameters = AffineParameters { weights: &weights, bias: &bias, activation: Activation::Relu };
        kernels.affine_forward(
            &Convolution::dense(&g),
            blocks,
            &parameters,
            &input,
            (&mut *output).into(),
            &mut Scratch::default(),
        );
        for sample in 0..blocks * LANES {
            let (block, lane) = (sample / LANES, sample % LANES);
            for unit in 0..5 {
                let features = (0..37).map(|f| input[(block * 37 + f) * LANES + lane]);
                let sum: f32 = features.zip(&weights[unit * 37..]).map(|(x, w)| x * w).sum();
                let expected = Activation::Relu.of(sum + bias[unit]);
                assert_close(&[output[(block * 5 + unit) * LANES + lane]], &[expected], 1e-5);
            }
        }
    }
}

#[test]
fn fused_activations_let_nan_pass() {
    for (depthwise, activation) in
        [false, true].into_iter().flat_map(|flag| Activation::ALL.map(|of| (flag, of)))
    {
        let geometry = ConvGeometry::valid([1, 5, 5], 1, [3, 3], [1, 1]);
        let (weights, mut input) = ([1.0; 9], vec![-1.0; geometry.input_block()]);
        input[0] = f32::NAN;
        for kernels in every_isa() {
            let mut output = vec![0.5; geometry.output_block()];
            let parameters = AffineParameters { weights: &weights, bias: &[0.0], activation };
            let convolution = Convolution { geometry, depthwise };
            kernels.affine_forward(
                &convolution,
                1,
                &parameters,
                &input,
                (&mut *output).into(),
                &mut Scratch::default(),
            );
            assert!(output[0].is_nan(), "{}", kernels.isa());
            assert!(output[1..].iter().all(|&value| value == activation.of(-9.0)), "{}", kernels.isa());
        }
    }
}
