//! Measured speed of this processor and of the convolutions on it.

use std::hint::black_box;
use std::time::{Duration, Instant};

use munas_ir::Activation;

use crate::simd::{Kernel, Simd};
use crate::{
    AffineActivations, AffineParameters, AlignedBuffer, ConvGeometry, Convolution, Isa, Kernels, LANES,
    Scratch,
};

/// Independent sums in flight: enough to hide the latency of two multiply-add units (4 to 5 cycles each), few
/// enough for 16 registers.
const CHAINS: usize = 12;

/// Steps of every chain between two looks at the clock.
const STEPS: usize = 100_000;

struct FmaChains;

impl Kernel for FmaChains {
    type Output = f32;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> f32 {
        let factor = simd.splat(black_box(0.999));
        let summand = simd.splat(black_box(0.001));
        let mut sums = [simd.splat(black_box(1.0)); CHAINS];
        for _ in 0..STEPS {
            for sum in &mut sums {
                *sum = simd.fma(factor, *sum, summand);
            }
        }
        let mut total = simd.splat(0.0);
        for sum in sums {
            total = simd.add(total, sum);
        }
        simd.reduce_sum_4([total; 4])[0]
    }
}

/// The most multiply-adds that one core does with the registers of `isa`, in GFLOP/s (two per multiply-add),
/// measured for about `duration`. `None` when this processor lacks `isa`, or `isa` a multiply-add instruction.
pub fn fma_peak_gflops(isa: Isa, duration: Duration) -> Option<f64> {
    let measurable = isa.is_available() && matches!(isa, Isa::Neon | Isa::Avx2 | Isa::Avx512);
    let kernels = measurable.then(|| Kernels::new(isa))?;
    let flops = (2 * CHAINS * STEPS * kernels.tile().width) as f64;
    let best = fastest(duration, || {
        black_box(kernels.dispatch(FmaChains));
    });
    Some(flops / best.as_secs_f64() / 1e9)
}

/// Shortest of the runs of `work` that fit into `duration`; one run at least.
fn fastest(duration: Duration, mut work: impl FnMut()) -> Duration {
    let start = Instant::now();
    let mut best = Duration::MAX;
    while best == Duration::MAX || start.elapsed() < duration {
        let run = Instant::now();
        work();
        best = best.min(run.elapsed());
    }
    best
}

/// A convolution of one of the benchmark networks.
#[derive(Clone, Copy, Debug)]
pub struct BenchmarkLayer {
    /// Name of the network and the layer.
    pub name: &'static str,
    /// Shape of the layer.
    pub geometry: ConvGeometry,
    /// Whether it is a depthwise convolution.
    pub depthwise: bool,
}

/// Speeds of one layer in GFLOP/s. All three passes count the multiply-adds of the direct forward pass, twice; what takes fewer,
/// in Winograd's tiles, can exceed the peak.
#[derive(Clone, Copy, Debug)]
pub struct LayerSpeed {
    /// Forward pass.
    pub forward: f64,
    /// Gradient by the input.
    pub backward_input: f64,
    /// Gradient by the weights.
    pub backward_weights: f64,
}

/// The convolutions and dense layers of three small networks for 28×28×1 (A) and 32×32×3 (B, C) images,
/// and the largest layers of random candidates for 28×28×1.
pub fn benchmark_layers() -> Vec<BenchmarkLayer> {
    let layer = |name, input, filters, kernel: usize, stride: usize| BenchmarkLayer {
        name,
        geometry: ConvGeometry::valid(input, filters, [kernel; 2], [stride; 2]),
        depthwise: false,
    };
    let depthwise =
        |name, input: [usize; 3]| BenchmarkLayer { depthwise: true, ..layer(name, input, input[0], 3, 1) };
    vec![
        layer("A conv 3x3 /2   1>4", [1, 28, 28], 4, 3, 2),
        depthwise("A depthwise 3x3   4", [4, 13, 13]),
        layer("A pointwise     4>8", [4, 11, 11], 8, 1, 1),
        layer("A conv 3x3     8>10", [8, 5, 5], 10, 3, 1),
        layer("A dense      90>10", [90, 1, 1], 10, 1, 1),
        layer("B conv 3x3 /2  3>16", [3, 32, 32], 16, 3, 2),
        depthwise("B depthwise 3x3  16", [16, 15, 15]),
        layer("B pointwise   16>32", [16, 13, 13], 32, 1, 1),
        layer("B conv 3x3    32>32", [32, 6, 6], 32, 3, 1),
        layer("B dense     512>10", [512, 1, 1], 10, 1, 1),
        layer("C conv 3x3     3>24", [3, 32, 32], 24, 3, 1),
        layer("C conv 3x3    24>48", [24, 15, 15], 48, 3, 1),
        depthwise("C depthwise 3x3  48", [48, 13, 13]),
        layer("C pointwise   48>64", [48, 11, 11], 64, 1, 1),
        layer("C conv 3x3    64>64", [64, 5, 5], 64, 3, 1),
        layer("C dense     576>10", [576, 1, 1], 10, 1, 1),
        layer("large 5x5     24>61", [24, 24, 24], 61, 5, 1),
        layer("large 5x5   110>110", [110, 20, 20], 110, 5, 1),
        layer("large 7x7   126>110", [126, 22, 22], 110, 7, 1),
    ]
}

/// Measures the three passes of a layer over a batch of `blocks` blocks, each for about `duration`.
pub fn layer_speed(
    kernels: &Kernels,
    layer: &BenchmarkLayer,
    blocks: usize,
    duration: Duration,
) -> LayerSpeed {
    let g = &layer.geometry;
    let (weights_len, macs) = if layer.depthwise {
        (g.depthwise_weights(), g.macs() / g.in_channels)
    } else {
        (g.weights(), g.macs())
    };
    let weights = vec![0.01; weights_len];
    let bias = vec![0.1; g.out_channels];
    let mut filled = AlignedBuffer::zeroed(blocks * g.input_block().max(g.output_block()));
    filled.fill(0.5);
    let mut output = AlignedBuffer::zeroed(blocks * g.output_block());
    let mut d_input = AlignedBuffer::zeroed(blocks * g.input_block());
    let mut d_weights = weights.clone();
    let mut scratch = Scratch::default();

    let parameters = AffineParameters { weights: &weights, bias: &bias, activation: Activation::None };
    let activations = AffineActivations { input: &filled, d_output: &filled };
    let gflops = |best: Duration| (2 * macs * blocks * LANES) as f64 / best.as_secs_f64() / 1e9;
    let convolution = &if layer.depthwise { Convolution::depthwise(g) } else { Convolution::full(g) };
    let forward = fastest(duration, || {
        kernels.affine_forward(
            convolution,
            blocks,
            &parameters,
            &filled,
            (&mut *output).into(),
            &mut scratch,
        );
    });
    let backward_input = fastest(duration, || {
        kernels.affine_backward_input(convolution, blocks, &weights, &filled, &mut d_input, &mut scratch);
    });
    let backward_weights = fastest(duration, || {
        kernels.affine_backward_weights(convolution, blocks, &activations, &mut d_weights, &mut scratch);
    });
    LayerSpeed {
        forward: gflops(forward),
        backward_input: gflops(backward_input),
        backward_weights: gflops(backward_weights),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_available_instruction_set_has_a_peak_and_every_layer_a_speed() {
        for isa in Isa::ALL {
            let peak = fma_peak_gflops(isa, Duration::ZERO);
            assert_eq!(peak.is_some(), isa.is_available() && isa > Isa::Portable);
            assert!(peak.is_none_or(|gflops| gflops.is_finite() && gflops > 0.0));
        }
        let kernels = Kernels::new(Isa::fastest());
        for layer in benchmark_layers() {
            let speed = layer_speed(&kernels, &layer, 1, Duration::ZERO);
            for gflops in [speed.forward, speed.backward_input, speed.backward_weights] {
                assert!(gflops.is_finite() && gflops > 0.0, "{}", layer.name);
            }
        }
    }
}
