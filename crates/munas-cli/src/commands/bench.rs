//! `munas bench`: training speed on the reference networks, and the share of the core's peak that it is.
//!
//! A step is forward, backward and optimiser on a batch of 128 synthetic samples, on one core. A training step counts
//! as 6 floating-point operations per MAC: a multiplication and an addition each in the forward pass, the gradient of
//! the input and the gradient of the weights.

mod layers;

use std::time::{Duration, Instant};

use munas_app::{UserError, UserResult};
use munas_cost::layer_costs;
use munas_data::{Dataset, PartSizes, RawData, Samples, SplitOptions, TestPart};
use munas_ir::{Graph, Shape};
use munas_kernels::{Isa, bench::fma_peak_gflops};
use munas_report::{Align, Table};
use munas_train::{Optimizer, ReferenceNetwork, TrainSettings, Trainer};
use serde::Serialize;

use crate::args::{BenchArgs, BenchNetwork};
use crate::output::{Output, STRONG};
use layers::LayerRecord;

/// Samples per step.
const BATCH: usize = 128;
/// Measurements per network; the best and the median are printed.
const REPETITIONS: usize = 7;
/// Length of one measurement.
const MEASUREMENT: Duration = Duration::from_millis(400);
/// Classes of the synthetic data.
const CLASSES: usize = 10;
/// Floating-point operations of a training step per MAC of an inference.
const OPERATIONS_PER_MAC: f64 = 6.0;

#[derive(Debug, Serialize)]
struct BenchRecord {
    instruction_set: String,
    fma_peak_gflops: f64,
    batch: usize,
    networks: Vec<NetworkRecord>,
}

#[derive(Debug, Serialize)]
struct NetworkRecord {
    network: &'static str,
    input: [usize; 3],
    /// Of the layers that have weights.
    macs: u64,
    /// Best of the repetitions.
    samples_per_second: f64,
    median_samples_per_second: f64,
    /// Of the best repetition.
    gflops: f64,
    share_of_peak: f64,
    /// Where the time goes, with --layers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    layers: Vec<LayerRecord>,
}

/// One batch of samples, and one more for each other part, since a dataset has all three.
fn dataset(input: Shape) -> UserResult<Dataset> {
    let count = BATCH + 2;
    let elements = count * input.elements();
    // Any values will do; these differ from pixel to pixel and from sample to sample.
    let samples = (0..elements).map(|index| ((index * 2_654_435_761) >> 7) as u8).collect();
    let raw = RawData {
        name: "synthetic".to_owned(),
        input: [input.height, input.width, input.channels],
        class_names: (0..CLASSES).map(|class| class.to_string()).collect(),
        samples: Samples::U8(samples),
        labels: (0..count).map(|index| (index % CLASSES) as u32).collect(),
        parts: PartSizes { train: BATCH, validation: Some(1), test: TestPart::Own(1) },
        full_scale: 255.0,
        ..RawData::default()
    };
    raw.into_dataset(&SplitOptions { validation: 0.0, ..SplitOptions::default() }).map_err(UserError::failure)
}

/// Measures and prints.
pub fn run(args: &BenchArgs, output: &mut Output) -> UserResult {
    let references = match args.network {
        Some(BenchNetwork::A) => vec![ReferenceNetwork::A],
        Some(BenchNetwork::B) => vec![ReferenceNetwork::B],
        Some(BenchNetwork::C) => vec![ReferenceNetwork::C],
        None => ReferenceNetwork::ALL.to_vec(),
    };
    let isa = Isa::detect();
    let peak = fma_peak_gflops(isa, Duration::from_secs(1))
        .ok_or_else(|| UserError::failure(format_args!("this processor has no {isa}")))?;
    let networks = references
        .into_iter()
        .map(|reference| measure(reference, peak, args.layers))
        .collect::<UserResult<_>>()?;
    let record =
        BenchRecord { instruction_set: isa.to_string(), fma_peak_gflops: peak, batch: BATCH, networks };
    if args.format.json {
        output.json(&record)?;
    } else {
        print(&record, output)?;
    }
    Ok(())
}

/// MACs of the layers that have weights, as the figures of other frameworks count them.
fn weight_macs(graph: &Graph) -> u64 {
    layer_costs(graph).iter().filter(|cost| cost.parameters > 0).map(|cost| cost.macs).sum()
}

fn measure(reference: ReferenceNetwork, peak: f64, has_layers: bool) -> UserResult<NetworkRecord> {
    let input = reference.input();
    let (graph, dataset) = (reference.graph(input, CLASSES), dataset(input)?);
    let macs = weight_macs(&graph);
    let settings = TrainSettings {
        batch: BATCH,
        optimizer: Optimizer::Sgdw { momentum: 0.9 },
        weight_decay: 1e-4,
        ..TrainSettings::default()
    };
    let mut trainer = Trainer::new(&graph, &dataset, &settings, 0).map_err(UserError::failure)?;
    let positions: Vec<u32> = (0..BATCH as u32).collect();
    let mut rates = Vec::with_capacity(REPETITIONS);
    // The first measurement warms caches and clock, and does not count.
    for repetition in 0..=REPETITIONS {
        let start = Instant::now();
        let mut steps = 0;
        while start.elapsed() < MEASUREMENT {
            trainer.step(&positions).map_err(UserError::failure)?;
            steps += 1;
        }
        if repetition > 0 {
            rates.push((steps * BATCH) as f64 / start.elapsed().as_secs_f64());
        }
    }
    rates.sort_by(f64::total_cmp);
    let best = rates[REPETITIONS - 1];
    let gflops = OPERATIONS_PER_MAC * macs as f64 * best / 1e9;
    Ok(NetworkRecord {
        network: reference.name(),
        input: [input.height, input.width, input.channels],
        macs,
        samples_per_second: best,
        median_samples_per_second: rates[REPETITIONS / 2],
        gflops,
        share_of_peak: gflops / peak,
        layers: if has_layers { layers::measure(&graph, &dataset, &settings, peak)? } else { Vec::new() },
    })
}

fn print(record: &BenchRecord, output: &mut Output) -> UserResult {
    let BenchRecord { instruction_set, fma_peak_gflops, batch, networks } = record;
    output.line(format_args!(
        "one core, {instruction_set}: FMA peak {fma_peak_gflops:.1} GFLOP/s; training steps on batches of {batch}\n"
    ))?;
    let columns = ["network", "input", "MACs", "samples/s", "median", "GFLOP/s", "of peak"];
    let mut table = Table::new(&columns.map(|title| (title, Align::Right)));
    for network in networks {
        let [height, width, channels] = network.input;
        table.row([
            network.network.to_owned(),
            format!("{height}x{width}x{channels}"),
            network.macs.to_string(),
            format!("{:.0}", network.samples_per_second),
            format!("{:.0}", network.median_samples_per_second),
            format!("{:.1}", network.gflops),
            format!("{:.0} %", network.share_of_peak * 100.0),
        ]);
    }
    output.text(table.render())?;
    output.line(format_args!(
        "\nEvery MAC counts as {OPERATIONS_PER_MAC} operations of a step. Winograd's tiles take fewer and can exceed the peak."
    ))?;
    for network in networks.iter().filter(|network| !network.layers.is_empty()) {
        output.line(format_args!("\n{STRONG}Network {}{STRONG:#}", network.network))?;
        output.text(layers::table(&network.layers).render())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_networks_are_those_published() {
        let macs = ReferenceNetwork::ALL.map(|network| weight_macs(&network.graph(network.input(), CLASSES)));
        assert_eq!(macs, [21_692, 360_640, 3_096_912]);
    }
}
