use std::marker::PhantomData;

use munas_ir::Activation;
use proptest::prelude::*;
use proptest::sample::select;

use super::matrices::{Inputs, Outputs};
use super::transform::{PixelsToPoints, Place, PointsToPixels, point_stride};
use super::*;
use crate::conv::Convolution;
use crate::norm::{BatchStatistics, StatisticsOf};
use crate::simd::{Array, Kernel, Simd};
use crate::testing::{assert_close, every_isa, noise};
use crate::{BatchNormGeometry, Isa, LANES, Scratch};

/// A convolution that can be tiled.
fn geometry(taps: usize) -> impl Strategy<Value = ConvGeometry> {
    let channels = prop_oneof![3 => 1_usize..=5, 1 => 6_usize..=40];
    (channels.clone(), channels, [0_usize..=9, 0..=9], 0..taps).prop_map(
        move |(in_channels, out_channels, beyond, pad)| {
            let [height, width] = beyond.map(|beyond| taps + beyond);
            let padded = [in_channels, height + pad, width + pad];
            let valid = ConvGeometry::valid(padded, out_channels, [taps; 2], [1, 1]);
            ConvGeometry { in_height: height, in_width: width, pad_top: pad, pad_left: pad, ..valid }
        },
    )
}

fn case() -> impl Strategy<Value = (Tiling, ConvGeometry, usize, u64)> {
    select(Tiling::ALL.to_vec()).prop_flat_map(|tiling| {
        (Just(tiling), geometry(tiling.outputs_and_taps().1), 1_usize..=3, 0_u64..1000)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn tiles_compute_what_the_reference_does(cases in prop::collection::vec(case(), 2)) {
        for kernels in every_isa().into_iter().filter(|kernels| kernels.isa() != Isa::Scalar) {
            // One scratch for two layers: what the first leaves there must not show in the second.
            let mut scratch = WinogradScratch::default();
            for (tiling, g, blocks, seed) in &cases {
                check(kernels, (*tiling, g, *blocks), *seed, &mut scratch);
            }
        }
    }
}

fn check(
    kernels: Kernels,
    (tiling, g, blocks): (Tiling, &ConvGeometry, usize),
    seed: u64,
    scratch: &mut WinogradScratch,
) {
    let (weights, bias) = (noise(seed, g.weights()), noise(seed + 1, g.out_channels));
    let input = noise(seed + 2, blocks * g.input_block());
    let d_output = noise(seed + 3, blocks * g.output_block());
    let scalar = Kernels::new(Isa::Scalar);
    let convolution = Convolution::full(g);
    let tolerance = |terms: usize| 5e-5 * (terms as f32).sqrt();
    let layer = (g, blocks);

    let activation = Activation::ALL[seed as usize % Activation::ALL.len()];
    let parameters = AffineParameters { weights: &weights, bias: &bias, activation };
    let mut expected = vec![0.0; d_output.len()];
    scalar.affine_forward(
        &convolution,
        blocks,
        &parameters,
        &input,
        (&mut *expected).into(),
        &mut Scratch::default(),
    );
    let mut output = vec![f32::NAN; d_output.len()];
    let normalised = BatchNormGeometry { channels: g.out_channels, pixels: g.out_pixels() };
    let mut statistics = BatchStatistics::new(g.out_channels);
    let target = AffineOutput {
        values: &mut output,
        statistics: Some(StatisticsOf {
            geometry: normalised,
            batch: blocks * LANES,
            statistics: &mut statistics,
        }),
    };
    kernels.winograd_forward(tiling, layer, &parameters, &input, target, scratch);
    assert_close(&output, &expected, tolerance(g.weights() / g.out_channels));
    let mut of_output = BatchStatistics::new(g.out_channels);
    scalar.batch_statistics(&normalised, blocks * LANES, &output, &mut of_output);
    assert_close(&statistics.mean, &of_output.mean, 1e-4);

    let mut expected = vec![0.0; input.len()];
    scalar.affine_backward_input(
        &convolution,
        blocks,
        &weights,
        &d_output,
        &mut expected,
        &mut Scratch::default(),
    );
    let mut d_input = vec![f32::NAN; input.len()];
    kernels.winograd_backward_input(tiling, layer, &weights, &d_output, &mut d_input, scratch);
    assert_close(&d_input, &expected, tolerance(g.weights() / g.in_channels));

    let activations = AffineActivations { input: &input, d_output: &d_output };
    let mut expected = vec![0.0; weights.len()];
    scalar.affine_backward_weights(
        &convolution,
        blocks,
        &activations,
        &mut expected,
        &mut Scratch::default(),
    );
    let mut d_weights = vec![f32::NAN; weights.len()];
    kernels.winograd_backward_weights(tiling, layer, &activations, &mut d_weights, scratch);
    assert_close(&d_weights, &expected, tolerance(blocks * g.out_pixels() * LANES));
}

/// Two tiles, one of them at the border, to the points and back.
fn there_and_back<S: Simd>(simd: S) -> Vec<f32> {
    let g = ConvGeometry::same([3, 7, 9], 3, [3, 3], [1, 1]);
    let (planes, pixels) = (input_planes(&g), &noise(1, g.input_block()));
    let tiles = &[Place { block: 0, y: 0, x: 4 }, Place { block: 0, y: 4, x: 8 }];
    let (matrix, points) = (PhantomData, &mut vec![0.0; 36 * point_stride(3, 2) * LANES]);
    PixelsToPoints::<Inputs, 6, 6> { matrix, planes, pixels, tiles, points }.run(simd);
    let (matrix, bias, finish) = (PhantomData, &[0.5, -0.5, 0.0], Finish::Store(Activation::Relu));
    let mut pixels = vec![0.0; g.input_block()];
    PointsToPixels::<Outputs, 4, 6> { matrix, planes, points, tiles, bias, finish, pixels: &mut pixels }
        .run(simd);
    pixels
}

/// Over arrays in place of registers: what AVX-512 instantiates is checked on processors without it.
#[test]
fn transforms_do_not_depend_on_the_width_of_registers() {
    let narrow = there_and_back(Array::<4, 16>::new());
    assert!(narrow.iter().any(|&value| value > 0.0));
    assert_eq!(narrow, there_and_back(Array::<16, 32>::new()));
}

#[test]
fn tiles_are_for_layers_with_enough_channels() {
    let tiling = |channels: usize, outputs: usize, taps: usize, stride: usize| {
        let size = (outputs - 1) * stride + taps;
        let g = ConvGeometry::valid([channels, size, size], 32, [taps; 2], [stride; 2]);
        Tiling::of(&Convolution::full(&g), Pass::Forward)
    };
    assert_eq!(tiling(32, 8, 3, 1), Some(Tiling::F4x3));
    assert_eq!(tiling(32, 8, 5, 1), Some(Tiling::F4x5));
    assert_eq!(tiling(32, 6, 7, 1), Some(Tiling::F2x7));
    assert_eq!(tiling(3, 8, 3, 1), None, "few channels are not worth the transforms");
    assert_eq!(tiling(32, 8, 3, 2), None);
    assert_eq!(tiling(32, 8, 1, 1), None);
    let g = ConvGeometry::valid([32, 12, 12], 32, [3, 3], [1, 1]);
    assert_eq!(Tiling::of(&Convolution::depthwise(&g), Pass::Forward), None);
    let fitting = [2, 3, 4, 5, 6, 13].map(|outputs| tiling(32, outputs, 3, 1));
    let expected = [Tiling::F2x3, Tiling::F3x3, Tiling::F4x3, Tiling::F5x3, Tiling::F6x3, Tiling::F5x3];
    assert_eq!(fitting, expected.map(Some), "tiles that the outputs fill");
}

#[test]
fn working_memory_is_that_of_every_pass_in_tiles() {
    // Small enough that only the input gradient gains.
    let g = ConvGeometry::valid([14, 9, 9], 14, [3, 3], [1, 1]);
    let convolution = Convolution::full(&g);
    assert_eq!(Tiling::of(&convolution, Pass::Forward), None);
    let tiling = Tiling::of(&convolution, Pass::InputGradient).unwrap();
    assert_eq!(convolution.scratch_bytes(8), tiling.scratch_len(&g, 8) * size_of::<f32>());
}
