//! Prints where the time of a training step of the benchmark networks goes, by operator and pass:
//!
//!     cargo run --release -p munas-train --example step_profile -- [ABC] [steps]
//!
//! Shares of the peak are of this core's measured multiply-add peak; `MUNAS_ISA` chooses the instruction set.
#![expect(clippy::print_stdout, reason = "an example shows its result")]

use std::error::Error;
use std::time::{Duration, Instant};

use munas_data::{Dataset, PartSizes, RawData, Samples, SplitOptions, TestPart};
use munas_ir::{Activation, Graph, GraphBuilder, Op, Padding, PoolKind, Shape, TensorId, Window};
use munas_kernels::{Isa, bench::fma_peak_gflops};
use munas_train::{Optimizer, StepProfile, TrainSettings, profile};

const BATCH: usize = 128;
const CLASSES: usize = 10;

fn convolution(filters: usize, size: usize, stride: usize, batch_norm: bool) -> Op {
    Op::Conv2d {
        filters,
        kernel: Window::square(size),
        stride: Window::square(stride),
        padding: Padding::Valid,
        batch_norm,
        activation: Activation::Relu,
    }
}

/// The benchmark network of this name: its input and operators.
fn network(name: char) -> Option<(Shape, Vec<Op>)> {
    let depthwise = Op::DepthwiseConv2d {
        kernel: Window::square(3),
        stride: Window::square(1),
        padding: Padding::Valid,
        batch_norm: false,
        activation: Activation::Relu,
    };
    let pool = Op::Pool { kind: PoolKind::Max, window: Window::square(2) };
    let dense = Op::Dense { units: CLASSES, activation: Activation::None };
    let small = |first, second, third| {
        let (first, second) = (convolution(first, 3, 2, true), convolution(second, 1, 1, true));
        vec![first, depthwise, second, pool, convolution(third, 3, 1, false), dense]
    };
    match name {
        'A' => Some((Shape::new(28, 28, 1), small(4, 8, 10))),
        'B' => Some((Shape::new(32, 32, 3), small(16, 32, 32))),
        'C' => {
            let (first, second) = (convolution(24, 3, 1, true), convolution(48, 3, 1, true));
            let (third, last) = (convolution(64, 1, 1, true), convolution(64, 3, 1, false));
            let ops = vec![first, pool, second, depthwise, third, pool, last, dense];
            Some((Shape::new(32, 32, 3), ops))
        }
        _ => None,
    }
}

fn graph(input: Shape, ops: Vec<Op>) -> Result<Graph, Box<dyn Error>> {
    let mut builder = GraphBuilder::new(input)?;
    let mut last = TensorId::INPUT;
    for op in ops {
        last = builder.push(op, &[last])?;
    }
    Ok(builder.finish()?)
}

/// A batch of samples that differ from pixel to pixel, and one more for each other part.
fn dataset(input: Shape) -> Result<Dataset, Box<dyn Error>> {
    let count = BATCH + 2;
    let samples = (0..count * input.elements()).map(|index| ((index * 2_654_435_761) >> 7) as u8).collect();
    let raw = RawData {
        name: "synthetic".to_owned(),
        input: [input.height, input.width, input.channels],
        class_names: (0..CLASSES).map(|class| class.to_string()).collect(),
        samples: Samples::U8(samples),
        labels: (0..count).map(|index| (index % CLASSES) as u32).collect(),
        parts: PartSizes { train: BATCH, validation: Some(1), test: TestPart::Own(1) },
        full_scale: 255.0,
        refused: 0,
    };
    Ok(raw.into_dataset(&SplitOptions { validation: 0.0, seed: 0, subset: None })?)
}

fn print(name: char, profile: &StepProfile, peak: f64) {
    let total = profile.seconds();
    println!(
        "network {name}: {:.3} µs per sample, {:.0} samples/s",
        total * 1e6 / profile.batch as f64,
        profile.batch as f64 / total
    );
    println!(
        "{:<24} {:<16} {:>9} {:>6} {:>8} {:>6} {:>7}",
        "operator", "pass", "µs/sample", "share", "GFLOP/s", "peak", "GB/s"
    );
    for row in &profile.rows {
        let gflops = row.flops / row.seconds / 1e9;
        println!(
            "{:<24} {:<16} {:>9.4} {:>5.1}% {gflops:>8.1} {:>5.0}% {:>7.1}",
            row.operator,
            format!("{:?}", row.phase),
            row.seconds * 1e6 / profile.batch as f64,
            100.0 * row.seconds / total,
            100.0 * gflops / peak,
            row.bytes / row.seconds / 1e9,
        );
    }
    println!();
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let networks = arguments.next().unwrap_or_else(|| "ABC".to_owned());
    let steps = arguments.next().map_or(Ok(300), |text| text.parse())?;
    let peak = fma_peak_gflops(Isa::detect(), Duration::from_millis(300)).unwrap_or(f64::NAN);
    println!("{}, batch {BATCH}, multiply-add peak {peak:.1} GFLOP/s", Isa::detect());
    let settings = TrainSettings {
        batch: BATCH,
        optimizer: Optimizer::Sgdw { momentum: 0.9 },
        weight_decay: 1e-4,
        ..TrainSettings::default()
    };
    for name in networks.chars() {
        let (input, ops) = network(name).ok_or("the networks are A, B and C")?;
        let (graph, dataset) = (graph(input, ops)?, dataset(input)?);
        let start = Instant::now();
        print(name, &profile(&graph, &dataset, &settings, steps, &mut || start.elapsed())?, peak);
    }
    Ok(())
}
