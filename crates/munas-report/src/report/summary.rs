//! What was searched, in which data, within which bounds, and how far it came.

use maud::{Markup, html};
use munas_cost::{MemoryModel, NetworkInput, Runtime};
use munas_run::experiment::{BoardChoice, ENDLESS_TRIALS};
use munas_run::{DrivingError, TrialRecord, TrialState, comparable};
use munas_search::Objective;

use super::RunView;
use crate::objective::{objective_text, objective_title};
use crate::units;

/// The head of the page.
pub(super) fn section(view: &RunView<'_>) -> Markup {
    let experiment = view.experiment;
    html! {
        h1 { (experiment.name) }
        p .muted {
            "Neural architecture search by munas " (env!("CARGO_PKG_VERSION")) " · " (view.task.dataset) " · "
            (view.task.input) ", " (view.task.classes()) " classes · " (experiment.search.algorithm) " search"
        }
        div .tiles { @for tile in tiles(view) { (tile) } }
        div .grid {
            div .card { h3 { "Experiment" } (facts(view)) }
            div .card { h3 { "Bounds" } (bounds(view)) }
        }
        details {
            summary { "The experiment file, every value resolved" }
            div .card { pre { (experiment.to_toml()) } }
        }
    }
}

fn tile(name: &str, value: &str, note: &str) -> Markup {
    html! {
        div .card.tile {
            div .value { (value) }
            div .name { (name) }
            @if !note.is_empty() { div .note { (note) } }
        }
    }
}

fn tiles(view: &RunView<'_>) -> Vec<Markup> {
    let count =
        |matches: fn(&TrialState) -> bool| view.trials.iter().filter(|trial| matches(&trial.state)).count();
    let done = count(|state| matches!(state, TrialState::Done));
    let results: Vec<&TrialRecord> = comparable(view.trials).collect();
    let others = [
        (count(|state| matches!(state, TrialState::Paused)), "paused"),
        (count(|state| matches!(state, TrialState::Failed(_))), "failed"),
        (count(|state| matches!(state, TrialState::Stopped)), "stopped"),
        (count(|state| matches!(state, TrialState::Running)), "running"),
    ];
    let others = others.iter().filter(|(count, _)| *count > 0).map(|(count, name)| format!("{count} {name}"));
    let inside: Vec<&TrialRecord> =
        results.iter().copied().filter(|trial| trial.in_bounds(view.bounds())).collect();
    let share = if results.is_empty() {
        "–".to_owned()
    } else {
        format!("{:.0} %", 100.0 * inside.len() as f64 / results.len() as f64)
    };
    let best =
        |trials: &[&TrialRecord]| trials.iter().filter_map(|trial| trial.error()).min_by(f64::total_cmp);
    let seconds: f64 =
        view.trials.iter().filter_map(TrialRecord::outcome).map(|outcome| outcome.train_seconds).sum();
    let on = match view.driving().error {
        DrivingError::Float => "on validation",
        DrivingError::Int8 => "on validation, in int8",
    };
    vec![
        tile("trials done", &done.to_string(), &others.collect::<Vec<_>>().join(", ")),
        tile("within all bounds", &share, &format!("{} trials", inside.len())),
        tile("best error within bounds", &units::percent_or_dash(best(&inside)), on),
        tile("best error of all", &units::percent_or_dash(best(&results)), on),
        tile("on the Pareto front", &view.front.len().to_string(), "networks"),
        tile("spent on training", &units::duration(seconds), "sum over workers"),
    ]
}

fn facts(view: &RunView<'_>) -> Markup {
    let experiment = view.experiment;
    let train = &experiment.train;
    html! {
        dl {
            dt { "Data" } dd { (experiment.data.source) " (" (view.task.input) ", " (view.task.classes()) " classes)" }
            dt { "Search space" } dd { (experiment.space.kind()) }
            dt { "Algorithm" }
            dd {
                (experiment.search.algorithm)
                @if experiment.search.trials < ENDLESS_TRIALS { ", up to " (experiment.search.trials) " trials" }
            }
            dt { "Training" } dd { (train.epochs) " epochs" @if let Some(steps) = train.steps_per_epoch { " of " (steps) " steps" } ", batch " (train.batch) ", learning rate " (train.learning_rate) ", " (train.schedule) }
            dt { "Seed" } dd { (experiment.seed) }
            dt { "Peak memory" } dd { (memory_text(experiment.memory)) }
            @if let Some(choice) = &experiment.board {
                dt { "Board" } dd { (choice.board.name) @if let Some(rate) = choice.rate { ", " (rate) " inferences per second" } }
                @if let Some(basis) = energy_basis(choice) { dt { "Energy" } dd { (basis) } }
            }
        }
    }
}

/// What the peak memory that is bounded counts.
fn memory_text(memory: MemoryModel) -> String {
    let runtime = match memory.runtime {
        Runtime::Layers => "layer by layer",
        Runtime::Streamed => "streamed (in rows)",
    };
    let input = match (memory.input, memory.runtime) {
        (NetworkInput::External, _) => "without the input",
        (NetworkInput::Rows, Runtime::Streamed) => "with the input, which comes row by row",
        (NetworkInput::Buffer | NetworkInput::Rows, _) => "with the input",
    };
    format!("{runtime}, {input}")
}

/// What the figures of energy are and rest on, where there are any.
fn energy_basis(BoardChoice { board, rate, .. }: &BoardChoice) -> Option<String> {
    let power = board.power.as_ref()?;
    let of = match (rate, power.asleep_mw) {
        (None, _) => "of one inference",
        (Some(_), Some(_)) => "of one inference and the sleep until the next",
        (Some(_), None) => "of one inference, without the sleep until the next, of which no figure is known",
    };
    Some(format!("{of}: {}", power.basis))
}

fn bounds(view: &RunView<'_>) -> Markup {
    let bounds = view.bounds();
    let given: Vec<(Objective, f64)> = bounds.values.iter().collect();
    html! {
        @if given.is_empty() {
            p .muted { "No bounds were set: the front trades error against every resource freely." }
        } @else {
            dl {
                @for (objective, bound) in given {
                    dt { (objective_title(objective, view.terms())) }
                    dd { "≤ " (objective_text(objective, bound)) @if bounds.is_hard(objective) { " (hard)" } }
                }
            }
        }
    }
}
