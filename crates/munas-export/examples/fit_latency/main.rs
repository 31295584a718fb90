//! Measures random networks on emulated boards and fits the latency model of munas-cost to the counts.
//!
//! ```text
//! cargo run --release -p munas-export --example fit_latency > instructions.toml
//! mv instructions.toml crates/munas-cost/src/latency/instructions.toml
//! ```
//!
//! For each core, the operators of [`FITTED`] random networks are counted one by one as they run within their networks,
//! and for each operator kind the coefficients are fitted. [`CHECKED`] further networks, counted as a whole, give the
//! error that the file states. Everything is drawn from fixed seeds and the counts are exact, so the same compilers
//! give the same file. Progress and errors go to standard error. An argument restricts it to the cores whose name
//! contains it.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program that prints its result")]

mod fit;
mod networks;

use std::error::Error;

use munas_cost::{CoefficientTable, InstructionModel, InstructionModels, OperatorKind, layer_cost};
use munas_export::verify::{FirmwareOptions, TARGETS, Target, firmware, tool_version, trace};
use munas_ir::Graph;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use fit::{Observation, fit};
use networks::{Case, Limits, Ranges, c_source, case, graphs_within};

/// Networks whose operators are fitted.
const FITTED: usize = 30;
/// Networks that the fit is checked on.
const CHECKED: usize = 20;

fn main() -> Result<(), Box<dyn Error>> {
    let wanted = std::env::args().nth(1).unwrap_or_default();
    let targets = TARGETS.iter().filter(|target| target.core.contains(&wanted));
    let models: Result<Vec<InstructionModel>, _> = targets.map(measure).collect();
    println!(
        "# Written by the example `fit_latency` of munas-export, which says how. Counts of emulators.\n"
    );
    print!("{}", toml::to_string(&InstructionModels { model: models? })?);
    Ok(())
}

/// The model of the core of one emulated board.
fn measure(target: &'static Target) -> Result<InstructionModel, Box<dyn Error>> {
    let limits = if target.ram <= 16 << 10 { Limits::SMALL } else { Limits::MEDIUM };
    let options = FirmwareOptions::default();
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let mut graphs = graphs_within(limits, 0);
    // The first two samples of a case are extreme.
    let mut next_case =
        || graphs.next().map(|graph| case(&graph, Ranges::of(0), 3, &mut rng)).ok_or("no more networks");

    let mut observations: Vec<(OperatorKind, Observation)> = Vec::new();
    for _ in 0..FITTED {
        let Case { network, samples } = next_case()?;
        let graph = network.graph();
        let runs = trace(&c_source(&network).1, graph, target, &samples[2..], &options)?;
        observations.extend(runs.iter().flatten().map(|run| {
            let kind = OperatorKind::of(graph.node(run.op).op);
            (kind, Observation { cost: layer_cost(graph, run.op), count: run.count as f64 })
        }));
    }
    let mut operators = CoefficientTable::default();
    for kind in OperatorKind::ALL {
        let of_kind: Vec<Observation> =
            observations.iter().filter(|(other, _)| *other == kind).map(|(_, seen)| *seen).collect();
        let fitted = fit(&of_kind).ok_or_else(|| format!("too few operators of kind {kind:?}"))?;
        let error = 100.0 * fit::mean_error(&fitted, &of_kind);
        eprintln!("{}: {kind:?}: {} operators, {error:.1} % mean error", target.name, of_kind.len());
        *operators.of_mut(kind) = fitted;
    }

    let mut errors = Vec::new();
    for _ in 0..CHECKED {
        let Case { network, samples } = next_case()?;
        let report = firmware(&c_source(&network).1, target, &samples[2..], &options)?;
        let count = report.samples[0].count as f64;
        errors.push((estimate(&operators, network.graph()) - count).abs() / count);
    }
    let mean_error = errors.iter().sum::<f64>() / errors.len() as f64;
    let max_error = errors.iter().copied().fold(0.0, f64::max);
    eprintln!("{}: {:.1} % mean, {:.1} % largest error", target.name, 100.0 * mean_error, 100.0 * max_error);
    Ok(InstructionModel {
        core: target.core.to_owned(),
        emulator: format!("{} ({})", tool_version(target.emulator())?, target.name),
        compiler: format!("{} -O2", tool_version(target.compiler())?),
        unit: target.unit,
        networks: CHECKED,
        mean_error: fit::rounded(mean_error),
        max_error: fit::rounded(max_error),
        operators,
    })
}

fn estimate(operators: &CoefficientTable, graph: &Graph) -> f64 {
    let counts =
        graph.ops().map(|(op, node)| operators.of(OperatorKind::of(node.op)).count(&layer_cost(graph, op)));
    counts.sum()
}
