//! Both runtimes of the generated C source on an emulated board: RAM, instructions and code of random networks, executed layer by layer with
//! the input in a buffer, and in rows with an input that comes in rows. Outputs are compared with the host's.
//!
//! `cargo run --release -p munas-export --example runtimes -- mps2-an386 20` for twenty networks. RAM is the static memory of the network
//! (arena, counters), the stack of a call and what the caller holds of the input: all of it, or a row.

#[path = "../tests/c/networks.rs"]
mod networks;

use std::error::Error;

use munas_cost::{MemoryModel, macs};
use munas_export::{
    c::{CSettings, generate},
    verify::{CNetwork, FirmwareOptions, FirmwareReport, TARGETS, Target, firmware},
};
use munas_quant::Executor;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use networks::{Case, Ranges, case, random_graphs};

/// What a network takes under a runtime.
struct Figures {
    arena: usize,
    predicted: usize,
    ram: u64,
    instructions: u64,
    code: u64,
    warnings: String,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let board = arguments.next().unwrap_or_else(|| "mps2-an386".to_owned());
    let count = arguments.next().map_or(Ok(20), |count| count.parse())?;
    let target =
        Target::find(&board).map_err(|_| format!("there is no board {board} among {}", TARGETS.len()))?;
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut ratios: [Vec<f64>; 2] = Default::default();
    print_line(
        "      MACs   arena: layers, rows   RAM: layers, rows, ratio   instructions: layers, rows, ratio   code: layers, rows",
    );
    // Every sixth of the random networks has no convolutions.
    for graph in random_graphs(2 * count, 5).filter(|graph| graph.input_shape().height > 1).take(count) {
        let case = case(&graph, Ranges::of(0), 3, &mut rng);
        let [layers, rows] =
            [MemoryModel::PUBLISHED, MemoryModel::STREAMED].map(|memory| figures(&case, memory, target));
        let (layers, rows) = match (layers, rows) {
            (Ok(layers), Ok(rows)) => (layers, rows),
            (Err(error), _) | (_, Err(error)) => {
                print_line(&format!("{:>10} {error}", macs(&graph)));
                continue;
            }
        };
        let ratio = |rows: u64, layers: u64| rows as f64 / layers as f64;
        let (ram, instructions) =
            (ratio(rows.ram, layers.ram), ratio(rows.instructions, layers.instructions));
        ratios[0].push(ram);
        ratios[1].push(instructions);
        print_line(&format!(
            "{:>10} {:>8} {:>7}{} {:>8} {:>7} {ram:>6.2} {:>14} {:>12} {instructions:>6.3} {:>9} {:>6}  {}{}",
            macs(&graph),
            layers.arena,
            rows.arena,
            if rows.arena == rows.predicted { " " } else { "!" },
            layers.ram,
            rows.ram,
            layers.instructions,
            rows.instructions,
            layers.code,
            rows.code,
            graph.input_shape(),
            rows.warnings,
        ));
    }
    for (name, ratios) in ["RAM", "instructions"].iter().zip(&mut ratios) {
        ratios.sort_by(f64::total_cmp);
        let (median, most) = (ratios[ratios.len() / 2], ratios[ratios.len() - 1]);
        print_line(&format!("{name}, rows / layers: median {median:.3}, most {most:.3}"));
    }
    Ok(())
}

fn figures(case: &Case, memory: MemoryModel, target: &'static Target) -> Result<Figures, Box<dyn Error>> {
    let graph = case.network.graph();
    let settings = CSettings { memory, ..CSettings::default() };
    let source = generate(&case.network, &settings)?;
    let report: FirmwareReport =
        firmware(&CNetwork::new(&source, graph), target, &case.samples, &FirmwareOptions::default())?;
    let mut executor = Executor::new(&case.network);
    for (run, sample) in report.samples.iter().zip(&case.samples) {
        assert_eq!(run.output, executor.run(sample), "the board differs from the host in\n{graph}");
    }
    let input = graph.input_shape();
    let held =
        if memory == MemoryModel::STREAMED { input.elements() / input.height } else { input.elements() };
    Ok(Figures {
        arena: source.plan.size,
        predicted: source.plan.predicted,
        ram: report.network.bss + report.network.data + report.stack + held as u64,
        instructions: report.samples.last().map_or(0, |run| run.count),
        code: report.network.text,
        warnings: report.warnings,
    })
}

#[expect(clippy::print_stdout, reason = "an example's output")]
fn print_line(line: &str) {
    println!("{line}");
}
