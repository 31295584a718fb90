//! What the generated C source of some networks takes on an emulated board: instructions or cycles of an inference, bytes
//! of code and tables, arena and stack.
//!
//! `cargo run --release -p munas-export --example c_figures -- mps2-an386 10` for ten random networks. The first row is a
//! small network with a convolution, a depthwise convolution, an Add, poolings and a dense layer. Further arguments are
//! passed to the compiler.

#[path = "../tests/c/networks.rs"]
mod networks;

use std::error::Error;

use munas_export::{
    c::{CSettings, generate},
    verify::{CNetwork, FirmwareOptions, TARGETS, firmware},
};
use munas_ir::{
    Activation, ConvAttributes, Graph, GraphBuilder, GraphError, Op, Padding, PoolKind, Shape, TensorId,
    Window,
};
use munas_quant::Executor;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use networks::{Ranges, case, random_graphs};

/// 386,304 MACs, 4,194 parameters.
fn small_network() -> Result<Graph, GraphError> {
    let (batch_norm, activation) = (true, Activation::Relu);
    let conv = |filters, size, stride, padding| {
        let (kernel, stride) = (Window::square(size), Window::square(stride));
        Op::Conv2d { filters, attributes: ConvAttributes { kernel, stride, padding, batch_norm, activation } }
    };
    let (kernel, stride, padding) = (Window::square(3), Window::square(1), Padding::Same);
    let depthwise = Op::DepthwiseConv2d(ConvAttributes { kernel, stride, padding, batch_norm, activation });
    let pool = |kind, size| Op::Pool { kind, window: Window::square(size) };
    let mut builder = GraphBuilder::new(Shape::new(32, 32, 3))?;
    let first = builder.push(conv(8, 3, 2, Padding::Same), &[TensorId::INPUT])?;
    let branch = builder.push(depthwise, &[first])?;
    let branch = builder.push(conv(8, 1, 1, Padding::Valid), &[branch])?;
    let mut last = builder.push(Op::Add, &[first, branch])?;
    for op in [
        conv(16, 3, 1, Padding::Valid),
        pool(PoolKind::Max, 2),
        depthwise,
        conv(16, 3, 1, Padding::Valid),
        pool(PoolKind::Avg, 5),
        Op::Dense { units: 10, activation: Activation::None },
    ] {
        last = builder.push(op, &[last])?;
    }
    builder.finish()
}

#[expect(clippy::print_stdout, reason = "an example's output")]
fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let board = arguments.next().unwrap_or_else(|| "mps2-an386".to_owned());
    let count = arguments.next().map_or(Ok(4), |count| count.parse())?;
    let target = TARGETS.iter().find(|target| target.name == board).ok_or("there is no such board")?;
    let mut options = FirmwareOptions::default();
    options.model_flags.extend(arguments);
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    println!("{board} {}", options.model_flags.join(" "));
    println!("       MACs  parameters       count  per MAC    code  tables    arena  stack");
    for graph in [small_network()?].into_iter().chain(random_graphs(count, 5)) {
        let case = case(&graph, Ranges::of(0), 3, &mut rng);
        let settings =
            CSettings { title: "figures", samples: (&case.samples).into(), ..CSettings::default() };
        let source = generate(&case.network, &settings)?;
        let report = firmware(&CNetwork::new(&source, &graph), target, &case.samples, &options)?;
        let mut executor = Executor::new(&case.network);
        for (run, sample) in report.samples.iter().zip(&case.samples) {
            assert_eq!(run.output, executor.run(sample), "the board differs from the host");
        }
        let macs = munas_cost::macs(&graph);
        let instructions = report.samples.last().map_or(0, |run| run.count);
        println!(
            "{macs:>11} {:>11} {instructions:>11} {:>8.2} {:>7} {:>7} {:>8} {:>6}",
            munas_cost::model_size(&graph),
            instructions as f64 / macs as f64,
            report.network.text,
            report.network.rodata + report.network.data,
            source.plan.size,
            report.stack,
        );
    }
    Ok(())
}
