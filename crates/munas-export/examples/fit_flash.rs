//! Compiles random networks for emulated boards and fits the code sizes of munas-cost to what they take.
//!
//! ```text
//! cargo run --release -p munas-export --example fit_flash > code.toml
//! mv code.toml crates/munas-cost/src/flash/code.toml
//! ```
//!
//! For each core, [`FITTED`] random networks give the bytes of their sections and of the library routines that the linker adds, less
//! those of weights and tables, which are known. The coefficients that fit best, none of them negative, minimise the squares of what is
//! left. [`CHECKED`] further networks give the error that the file states. What makes inputs of raw values is measured on one of them,
//! with and without. Everything is drawn from fixed seeds, so the same compilers give the same file. Progress goes to standard error. An argument restricts it to the cores whose name contains it.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program that prints its result")]

#[path = "fit_latency/networks.rs"]
mod networks;

use std::error::Error;

use munas_cost::{CodeModel, CodeModels, InputCode, KindCode, OperatorKind, constants, operator_counts};
use munas_export::c::{CSettings, TestSamples, generate};
use munas_export::input::{InputConversion, RawType};
use munas_export::verify::{CNetwork, FirmwareOptions, TARGETS, Target, VerifyError, firmware, tool_version};
use munas_ir::{Graph, TensorId};
use munas_quant::QuantisedNetwork;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use networks::{Case, Limits, Ranges, c_source, case, graphs_within};

/// Networks that are fitted.
const FITTED: usize = 60;
/// Networks that the fit is checked on.
const CHECKED: usize = 20;
/// Coefficients: what all networks have, and of each kind what is there once and what each operator has.
const TERMS: usize = 1 + 2 * OperatorKind::ALL.len();
/// Rounds of descent, after which coefficients move by less than a byte.
const ROUNDS: usize = 20_000;

/// A network and what it takes.
struct Observation {
    graph: Graph,
    /// Bytes of program memory.
    bytes: f64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let wanted = std::env::args().nth(1).unwrap_or_default();
    let targets = TARGETS.iter().filter(|target| target.core.contains(&wanted));
    let models: Result<Vec<CodeModel>, _> = targets.map(measure).collect();
    println!(
        "# Written by the example `fit_flash` of munas-export, which says how. Bytes of compiled networks.\n"
    );
    print!("{}", toml::to_string(&CodeModels { model: models? })?);
    Ok(())
}

/// The model of the core of one emulated board.
fn measure(target: &'static Target) -> Result<CodeModel, Box<dyn Error>> {
    let limits = if target.ram <= 16 << 10 { Limits::SMALL } else { Limits::MEDIUM };
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let mut observations = Vec::new();
    let mut input = InputCode::default();
    for graph in graphs_within(limits, 1).take(FITTED + CHECKED) {
        let Case { network, samples } = case(&graph, Ranges::of(0), 1, &mut rng);
        let bytes = flash(&c_source(&network).1, target, TestSamples::Elements(&samples))?;
        if observations.is_empty() {
            input = input_code(&network, target, bytes)?;
        }
        observations.push(Observation { graph: network.graph().clone(), bytes });
    }
    let checked = observations.split_off(FITTED);
    let coefficients = fit(&observations);
    let errors: Vec<f64> = checked
        .iter()
        .map(|seen| {
            let estimate: f64 = known(&seen.graph)
                + terms(&seen.graph).iter().zip(coefficients).map(|(term, bytes)| term * bytes).sum::<f64>();
            (estimate - seen.bytes).abs() / seen.bytes
        })
        .collect();
    let mean_error = errors.iter().sum::<f64>() / errors.len() as f64;
    let max_error = errors.iter().copied().fold(0.0, f64::max);
    eprintln!("{}: {:.1} % mean, {:.1} % largest error", target.core, 100.0 * mean_error, 100.0 * max_error);
    let of = |kind: OperatorKind| {
        let place = OperatorKind::ALL.iter().position(|other| *other == kind).unwrap_or_default();
        let [once, each] = [1, 2].map(|offset| coefficients[2 * place + offset].round());
        KindCode { once, each }
    };
    Ok(CodeModel {
        core: target.core.to_owned(),
        compiler: format!("{} -O2", tool_version(target.compiler())?),
        networks: CHECKED,
        mean_error: rounded(mean_error),
        max_error: rounded(max_error),
        base: coefficients[0].round(),
        conv2d: of(OperatorKind::Conv2d),
        pointwise_conv2d: of(OperatorKind::PointwiseConv2d),
        depthwise_conv2d: of(OperatorKind::DepthwiseConv2d),
        max_pool: of(OperatorKind::MaxPool),
        average_pool: of(OperatorKind::AveragePool),
        add: of(OperatorKind::Add),
        dense: of(OperatorKind::Dense),
        input,
    })
}

/// Bytes of program memory: the network's own, and those of the library routines that it calls.
fn flash(network: &CNetwork, target: &'static Target, samples: TestSamples<'_>) -> Result<f64, VerifyError> {
    let report = firmware(network, target, samples, &FirmwareOptions::default())?;
    Ok((report.network.flash() + report.library) as f64)
}

/// What conversions of raw values add to a network of so many bytes.
fn input_code(
    network: &QuantisedNetwork,
    target: &'static Target,
    without: f64,
) -> Result<InputCode, Box<dyn Error>> {
    let graph = network.graph();
    let samples = [vec![1.0; graph.input_shape().elements()]];
    let with = |raw, scale, offset| -> Result<f64, Box<dyn Error>> {
        let channels = graph.input_shape().channels;
        let conversion =
            InputConversion { raw, scale: vec![scale; channels], offset: vec![offset; channels] };
        let settings = CSettings { conversion: Some(&conversion), ..CSettings::default() };
        let source = CNetwork::new(&generate(network, &settings)?, graph);
        Ok(flash(&source, target, TestSamples::Raw(&samples))? - without)
    };
    // A step of the raw values is one of the input: integers suffice.
    let step = network.quantisation().tensor(TensorId::INPUT).scale;
    Ok(InputCode { integers: with(RawType::U8, step, 0.0)?, floats: with(RawType::F32, 0.37, 0.11)? })
}

/// Bytes that need no fit.
fn known(graph: &Graph) -> f64 {
    let (weights, tables) = constants(graph);
    (weights + tables) as f64
}

/// What the coefficients are multiplied with.
fn terms(graph: &Graph) -> [f64; TERMS] {
    let mut terms = [1.0; TERMS];
    for (place, (_, operators)) in operator_counts(graph).into_iter().enumerate() {
        terms[2 * place + 1] = f64::from(operators > 0);
        terms[2 * place + 2] = operators as f64;
    }
    terms
}

/// Least squares over coefficients that are not negative, one of them after the other.
fn fit(observations: &[Observation]) -> [f64; TERMS] {
    let rows: Vec<[f64; TERMS]> = observations.iter().map(|seen| terms(&seen.graph)).collect();
    let mut left: Vec<f64> = observations.iter().map(|seen| seen.bytes - known(&seen.graph)).collect();
    let mut coefficients = [0.0; TERMS];
    for _ in 0..ROUNDS {
        for term in 0..TERMS {
            let square: f64 = rows.iter().map(|row| row[term] * row[term]).sum();
            if square == 0.0 {
                continue;
            }
            let slope: f64 = rows.iter().zip(&left).map(|(row, left)| row[term] * left).sum();
            let moved = (slope / square).max(-coefficients[term]);
            coefficients[term] += moved;
            rows.iter().zip(&mut left).for_each(|(row, left)| *left -= moved * row[term]);
        }
    }
    coefficients
}

/// The number with four significant digits.
fn rounded(value: f64) -> f64 {
    format!("{value:.3e}").parse().expect("a formatted number is a number")
}
