//! The tables that the command line prints.

use munas_run::TrialRecord;
use munas_search::Bounds;
use munas_train::EpochReport;

use crate::table::{Align, Table};
use crate::{trial_outline, units};

/// Trials with their figures; those beyond a bound say so.
pub fn front_table(trials: &[TrialRecord], bounds: &Bounds) -> String {
    let right = |title| (title, Align::Right);
    let mut table = Table::new(&[
        right("trial"),
        right("val. error"),
        right("test error"),
        right("peak memory"),
        right("model size"),
        right("MACs"),
        ("in bounds", Align::Left),
        ("network", Align::Left),
    ]);
    for trial in trials {
        let resources = &trial.candidate.resources;
        table.row([
            trial.trial.to_string(),
            units::percent_or_dash(trial.validation_error()),
            units::percent_or_dash(trial.outcome().map(|outcome| outcome.test_error)),
            units::bytes(resources.peak_memory),
            units::bytes(resources.model_size),
            units::count(resources.macs),
            if trial.in_bounds(bounds) { "yes" } else { "no" }.to_owned(),
            trial_outline(trial),
        ]);
    }
    table.render()
}

/// A training curve, one row per epoch; `best` is the epoch whose weights are kept.
pub fn curve_table(curve: &[EpochReport], best: Option<u32>) -> String {
    let titles = ["epoch", "learning rate", "train loss", "train error", "val. loss", "val. error"];
    let mut columns: Vec<(&str, Align)> = titles.iter().map(|title| (*title, Align::Right)).collect();
    columns.push(("", Align::Left));
    let mut table = Table::new(&columns);
    for report in curve {
        table.row([
            report.epoch.to_string(),
            format!("{:.6}", report.learning_rate).trim_end_matches('0').trim_end_matches('.').to_owned(),
            format!("{:.4}", report.train_loss),
            units::percent(report.train_error),
            format!("{:.4}", report.validation_loss),
            units::percent(report.validation_error),
            if best == Some(report.epoch) { "best" } else { "" }.to_owned(),
        ]);
    }
    table.render()
}

/// A trained trial's figures in one line.
pub fn trial_figures(record: &TrialRecord) -> String {
    let resources = &record.candidate.resources;
    format!(
        "error {}, {} peak memory, {} parameters, {} MACs",
        units::percent_or_dash(record.validation_error()),
        units::bytes(resources.peak_memory),
        units::bytes(resources.model_size),
        units::count(resources.macs),
    )
}
