//! Prints the time per element of the operators that are bound by memory rather than by arithmetic:
//! `cargo run --release -p munas-kernels --example lanewise_speed`. `MUNAS_ISA` chooses the instruction set.
#![expect(clippy::print_stdout, reason = "the table is what the example is for")]

use std::time::{Duration, Instant};

use munas_ir::Activation;
use munas_kernels::{
    AdamState, AdamStep, BatchNormGeometry, BatchNormGradients, BatchNormOperands, BatchNormParameters,
    BatchStatistics, CrossEntropy, Isa, Kernels, PackGeometry, PoolActivations, PoolGeometry, SgdwStep,
};

/// Prints the shortest of the runs within a tenth of a second, per element.
fn report(name: &str, elements: usize, mut work: impl FnMut()) {
    let (start, mut best) = (Instant::now(), Duration::MAX);
    while start.elapsed() < Duration::from_millis(100) {
        let run = Instant::now();
        work();
        best = best.min(run.elapsed());
    }
    println!("{name:<24} {:>8.3} ns per element", best.as_secs_f64() * 1e9 / elements as f64);
}

fn main() {
    let kernels = Kernels::new(Isa::detect());
    println!("{}, batch 128, input of a batch normalisation or pooling 16×14×14", kernels.isa());
    let (blocks, batch) = (8, 128);

    let g = BatchNormGeometry { channels: 16, pixels: 14 * 14 };
    let len = blocks * g.block();
    let input: Vec<f32> = (0..len).map(|index| (index % 97) as f32 / 50.0 - 1.0).collect();
    let (mut output, mut d_input) = (input.clone(), input.clone());
    let (gamma, beta) = (vec![1.0; 16], vec![0.0; 16]);
    let parameters =
        BatchNormParameters { gamma: &gamma, beta: &beta, epsilon: 1e-3, activation: Activation::Relu };
    let mut statistics = BatchStatistics::new(16);
    report("batch statistics", len, || kernels.batch_statistics(&g, batch, &input, &mut statistics));
    report("batch norm", len, || {
        kernels.batch_norm_forward(&g, batch, &parameters, &statistics, &input, &mut output);
    });
    let operands = BatchNormOperands {
        parameters: &parameters,
        statistics: &statistics,
        input: &input,
        d_output: &input,
    };
    report("batch norm, gradient", len, || {
        let mut gradients = BatchNormGradients { gamma: &mut [0.0; 16], beta: &mut [0.0; 16] };
        kernels.batch_norm_backward(&g, batch, &operands, &mut d_input, &mut gradients);
    });
    report("ReLU and bias gradient", len, || {
        kernels.activation_bias_backward(Activation::Relu, blocks, &input, &mut d_input, &mut [0.0; 16]);
    });

    let g = PoolGeometry::new([16, 14, 14], [2, 2]);
    let mut pooled = vec![0.0; blocks * g.output_block()];
    report("max pool", len, || kernels.max_pool_forward(&g, blocks, &input, &mut pooled));
    let activations = PoolActivations { input: &input, output: &pooled, d_output: &pooled };
    report("max pool, gradient", len, || kernels.max_pool_backward(&g, blocks, &activations, &mut d_input));
    let mut means = pooled.clone();
    report("batch norm, max pool", len, || {
        kernels.batch_norm_max_pool_forward(&g, batch, &parameters, &statistics, &input, &mut pooled);
    });
    let operands = BatchNormOperands { d_output: &pooled, ..operands };
    report("the same, gradient", len, || {
        let mut gradients = BatchNormGradients { gamma: &mut [0.0; 16], beta: &mut [0.0; 16] };
        kernels.batch_norm_max_pool_backward(&g, batch, &operands, &mut d_input, &mut gradients);
    });
    report("mean pool", len, || kernels.avg_pool_forward(&g, blocks, &input, &mut means));
    report("mean pool, gradient", len, || kernels.avg_pool_backward(&g, blocks, &means, &mut d_input));

    let g = PackGeometry { pixels: 32 * 32, scale: &[1.0 / 255.0; 3], offset: &[0.0; 3] };
    let bytes = vec![7_u8; 16 * 3 * 32 * 32];
    let samples: Vec<&[u8]> = bytes.chunks(3 * 32 * 32).collect();
    let mut block = vec![0.0; g.block()];
    report("pack u8", g.block(), || kernels.pack_block(&g, &samples, &mut block));
    let floats = vec![7_f32; 16 * 3 * 32 * 32];
    let samples: Vec<&[f32]> = floats.chunks(3 * 32 * 32).collect();
    report("pack f32", g.block(), || kernels.pack_block(&g, &samples, &mut block));

    let (mut weights, mut velocity, mut second) = (vec![0.1; 20_000], vec![0.0; 20_000], vec![0.0; 20_000]);
    let gradients = vec![0.01; 20_000];
    let sgdw = SgdwStep { learning_rate: 1e-3, momentum: 0.9, weight_decay: 1e-5 };
    report("SGDW", weights.len(), || kernels.sgdw_step(&sgdw, &mut weights, &gradients, &mut velocity));
    let adam = AdamStep {
        learning_rate: 1e-3,
        beta1: 0.9,
        beta2: 0.999,
        epsilon: 1e-7,
        l2: 0.0,
        weight_decay: 1e-5,
        step: 3,
    };
    report("AdamW", weights.len(), || {
        let mut state = AdamState { first: &mut velocity, second: &mut second };
        kernels.adam_step(&adam, &mut weights, &gradients, &mut state);
    });
    report("sum of squares", input.len(), || {
        std::hint::black_box(kernels.sum_of_squares(&input));
    });

    let loss = CrossEntropy {
        units: 10,
        batch,
        class_weights: None,
        label_smoothing: 0.0,
        gradient_scale: 1.0 / 128.0,
    };
    let (targets, mut d_logits) = (vec![3; batch], vec![0.0; 10 * batch]);
    report("softmax cross-entropy", 10 * batch, || {
        kernels.softmax_cross_entropy(&loss, &input[..10 * batch], &targets, &mut d_logits);
    });
}
