//! Prints the speed of the convolutions on the layers of the benchmark networks, with the share of the core's
//! measured multiply-add peak: `cargo run --release -p munas-kernels --example kernel_speed [batch]`.
//! `MUNAS_ISA` chooses the instruction set.
#![expect(clippy::print_stdout, reason = "the table is what the example is for")]

use std::time::Duration;

use munas_kernels::bench::{benchmark_layers, fma_peak_gflops, layer_speed};
use munas_kernels::{Isa, Kernels, blocks_for};

fn main() {
    let batch = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(128);
    let kernels = Kernels::new(Isa::detect());
    let slice = Duration::from_millis(100);
    let peak = fma_peak_gflops(Isa::fastest(), slice * 3).unwrap_or(f64::NAN);
    println!("{}, batch {batch}; multiply-add peak of {} {peak:.1} GFLOP/s", kernels.isa(), Isa::fastest());
    println!("{:<22} {:>16} {:>16} {:>16}", "layer", "forward", "d_input", "d_weights");
    for layer in benchmark_layers() {
        let speed = layer_speed(&kernels, &layer, blocks_for(batch), slice);
        let cell = |gflops: f64| format!("{gflops:>8.1} {:>5.0} %", 100.0 * gflops / peak);
        println!(
            "{:<22} {:>16} {:>16} {:>16}",
            layer.name,
            cell(speed.forward),
            cell(speed.backward_input),
            cell(speed.backward_weights)
        );
    }
}
