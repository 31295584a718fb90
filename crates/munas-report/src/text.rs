//! The tables that the command line prints.

use munas_run::{AttemptRecord, Failure, TrialRecord, TrialState, only_failures};
use munas_search::Bounds;
use munas_train::EpochReport;

use crate::objective::memory_head;
use crate::table::{Align, Table};
use crate::{
    error_cells, error_heads, further_objectives, objective_cell, objective_title, trial_outline, units,
    visible,
};

/// Trials with their figures; those beyond a bound say so. Figures of a board stand where there is one.
pub fn front_table(trials: &[TrialRecord], bounds: &Bounds) -> String {
    let right = |title| (title, Align::Right);
    let on_board = further_objectives(trials);
    let terms = trials.first().map(TrialRecord::terms).unwrap_or_default();
    let [validation, in_int8, test] =
        error_heads(terms.driving, trials.iter().any(|trial| trial.stderr().is_some()));
    let memory = memory_head(terms.memory);
    let figures = ["trial", &validation, &in_int8, &test, memory, "model size", "MACs"].map(right);
    let of_board = on_board.iter().map(|&objective| right(objective_title(objective, terms)));
    // Where all were trained in full, nobody asks for how long.
    let in_rungs = !trials.iter().all(TrialRecord::is_whole);
    let trained = in_rungs.then(|| right("epochs"));
    let words = [("in bounds", Align::Left), ("network", Align::Left)];
    let mut table =
        Table::new(&figures.into_iter().chain(of_board).chain(trained).chain(words).collect::<Vec<_>>());
    for trial in trials {
        let candidate = &trial.candidate;
        let [validation, in_int8, test] = error_cells(trial);
        let figures = [
            trial.trial.to_string(),
            validation,
            in_int8,
            test,
            units::bytes(candidate.resources.bounded_peak()),
            units::bytes(candidate.resources.model_size),
            units::count(candidate.resources.macs),
        ];
        let of_board = on_board.iter().map(|&objective| objective_cell(trial, objective));
        let inside = if trial.in_bounds(bounds) { "yes" } else { "no" };
        let trained = in_rungs.then(|| epochs_cell(trial));
        table.row(
            figures
                .into_iter()
                .chain(of_board)
                .chain(trained)
                .chain([inside.to_owned(), trial_outline(trial)]),
        );
    }
    table.render()
}

/// How long a network was trained: `9 of 27` epochs where it rests, or its best result is of an earlier rung.
pub fn epochs_cell(trial: &TrialRecord) -> String {
    let whole = trial.candidate.epochs;
    match trial.outcome() {
        Some(outcome) if outcome.epochs < whole => format!("{} of {whole}", outcome.epochs),
        _ => whole.to_string(),
    }
}

/// A training curve, one row per epoch; `kept` is the epoch whose weights are.
pub fn curve_table(curve: &[EpochReport], kept: Option<u32>) -> String {
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
            if kept == Some(report.epoch) { "kept" } else { "" }.to_owned(),
        ]);
    }
    table.render()
}

/// What workers in other processes were given of a trial, one row per attempt.
pub fn attempts_table(attempts: &[AttemptRecord]) -> String {
    let titles = [
        ("session", Align::Right),
        ("attempt", Align::Right),
        ("node", Align::Left),
        ("process", Align::Right),
        ("munas", Align::Left),
        ("instruction set", Align::Left),
        ("took", Align::Right),
        ("end", Align::Left),
    ];
    let mut table = Table::new(&titles);
    for attempt in attempts {
        let AttemptRecord { session, number, worker, began_ms, ended_ms, given_up, refused } = attempt;
        let took = ended_ms.map(|ended| units::duration(ended.saturating_sub(*began_ms) as f64 / 1000.0));
        let end = match (given_up, took.is_some()) {
            (Some(reason), _) if *refused > 0 => format!("given up: {reason}; {refused} results refused"),
            (Some(reason), _) => format!("given up: {reason}"),
            (None, true) => "in order".to_owned(),
            (None, false) => "not known".to_owned(),
        };
        table.row([
            session.to_string(),
            number.to_string(),
            visible(&worker.node).into_owned(),
            worker.process.to_string(),
            worker.version.clone(),
            worker.instruction_set.clone(),
            took.unwrap_or_else(|| "–".to_owned()),
            visible(&end).into_owned(),
        ]);
    }
    table.render()
}

/// What there is instead of a front when no trial has a result.
pub fn nothing_usable(trials: &[TrialRecord]) -> String {
    match only_failures(trials) {
        None => "no trial is done yet".to_owned(),
        Some(Failure { trial, reason }) => {
            let failed = trials.iter().filter(|record| matches!(record.state, TrialState::Failed(_))).count();
            format!("no trial has a result: {failed} failed, the first (trial {trial}) with: {reason}")
        }
    }
}

/// A trained trial's figures in one line.
pub fn trial_figures(record: &TrialRecord) -> String {
    let resources = &record.candidate.resources;
    format!(
        "{} {}, {} {}, {} parameters, {} MACs",
        record.driving.title(),
        units::percent_with_or_dash(record.error(), record.stderr()),
        units::bytes(resources.bounded_peak()),
        memory_head(record.memory),
        units::bytes(resources.model_size),
        units::count(resources.macs),
    )
}
