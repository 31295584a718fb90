//! Where the time of a training step goes: a roofline in figures. An operator far below the peak in GFLOP/s and near the
//! memory's bandwidth in GB/s waits for memory; one that is far below both waits for itself.

use std::time::Instant;

use munas_app::{UserError, UserResult};
use munas_data::Dataset;
use munas_ir::Graph;
use munas_report::{Align, Table};
use munas_train::{Phase, TrainSettings, profile};
use serde::Serialize;

use super::BATCH;

/// Steps whose shortest times count.
const STEPS: u32 = 200;

/// One operator in one pass.
#[derive(Debug, Serialize)]
pub struct LayerRecord {
    operator: String,
    pass: &'static str,
    microseconds_per_sample: f64,
    share: f64,
    gflops: f64,
    share_of_peak: f64,
    gigabytes_per_second: f64,
}

/// Profiles training steps.
pub fn measure(
    graph: &Graph,
    dataset: &Dataset,
    settings: &TrainSettings,
    peak: f64,
) -> UserResult<Vec<LayerRecord>> {
    let start = Instant::now();
    let profile =
        profile(graph, dataset, settings, STEPS, &mut || start.elapsed()).map_err(UserError::failure)?;
    let total = profile.seconds();
    let records = profile.rows.iter().map(|row| {
        let gflops = row.flops / row.seconds / 1e9;
        LayerRecord {
            operator: row.operator.clone(),
            pass: pass_name(row.phase),
            microseconds_per_sample: row.seconds * 1e6 / BATCH as f64,
            share: row.seconds / total,
            gflops,
            share_of_peak: gflops / peak,
            gigabytes_per_second: row.bytes / row.seconds / 1e9,
        }
    });
    Ok(records.collect())
}

const fn pass_name(phase: Phase) -> &'static str {
    match phase {
        Phase::Load => "load",
        Phase::Forward => "forward",
        Phase::BackwardWeights => "gradient by weights",
        Phase::BackwardInput => "gradient by input",
        Phase::Update => "update",
    }
}

/// The records as a table; operators without multiply-adds have no share of the peak.
pub fn table(records: &[LayerRecord]) -> Table {
    let right = |title| (title, Align::Right);
    let mut table = Table::new(&[
        ("operator", Align::Left),
        ("pass", Align::Left),
        right("µs/sample"),
        right("share"),
        right("GFLOP/s"),
        right("of peak"),
        right("GB/s"),
    ]);
    for record in records {
        let [gflops, peak] = if record.gflops > 0.0 {
            [format!("{:.1}", record.gflops), format!("{:.0} %", 100.0 * record.share_of_peak)]
        } else {
            ["–".to_owned(), "–".to_owned()]
        };
        table.row([
            record.operator.clone(),
            record.pass.to_owned(),
            format!("{:.4}", record.microseconds_per_sample),
            format!("{:.1} %", 100.0 * record.share),
            gflops,
            peak,
            format!("{:.1}", record.gigabytes_per_second),
        ]);
    }
    table
}
