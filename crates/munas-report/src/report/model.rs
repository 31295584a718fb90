//! Networks of the front one by one: layers, memory timeline, training curve.

use maud::{Markup, html};
use munas_cost::{MemoryModel, NetworkInput, Runtime};
use munas_run::TrialRecord;
use munas_search::Objective;
use munas_train::EpochReport;

use super::{RunView, anchor, axis_format, classes};
use crate::network::{LAYER_COLUMNS, Network, RowsView, shown_input, trial_outline};
use crate::objective::{memory_head, memory_title};
use crate::plot::{Axis, Line, LinePlot, Shape};
use crate::{Scale, units};

/// One foldable part per network; the first is open.
pub(super) fn section(view: &RunView<'_>) -> Markup {
    let shown: Vec<&TrialRecord> = view.front.iter().filter(|trial| view.is_detailed(trial)).collect();
    html! {
        @if !view.front.is_empty() {
            h2 { "Networks of the front" }
            p .muted { (explanation(view)) }
            @if shown.len() < view.front.len() {
                p .muted {
                    "Details of " (shown.len()) " of the " (view.front.len()) " networks: of those within all bounds first, and of \
                    members that lie far apart. " code { "munas show" } " prints those of any other."
                }
            }
            @for (position, trial) in shown.into_iter().enumerate() { (model(view, trial, position == 0)) }
        }
    }
}

/// What the figures of memory are.
fn explanation(view: &RunView<'_>) -> Markup {
    html! {
        "Peak memory is what all tensors take that are alive at once while, as in TensorFlow Lite Micro, one operator after the other \
         runs in full, with its input and output there whole. Streamed, as munas exports networks for a board, parts of the network run \
         row by row: between two operators only a ring of the rows is kept that the next one still reads, with the same arithmetic and \
         the same results. This search bounds the " (memory_title(view.experiment.memory)) "; with input, the buffer of the input \
         counts too, or those of its rows that are kept at once if it comes row by row."
    }
}

/// A network with all that there is to see of it.
pub(super) fn model(view: &RunView<'_>, trial: &TrialRecord, open: bool) -> Markup {
    let architecture = &trial.candidate.architecture;
    let network = Network::new(trial.graph(view.task));
    let resources = &trial.candidate.resources;
    let peak_bound = view.bounds().get(Objective::PeakMemory).map(|bytes| bytes as u64);
    let memory = view.experiment.memory;
    let input = shown_input(memory);
    let rows = network.in_rows(input);
    html! {
        details .model.card id=(anchor(trial.trial)) open[open] {
            summary {
                "Trial " (trial.trial)
                span .figures {
                    (trial.driving.title()) " " (units::percent_with_or_dash(trial.error(), trial.stderr()))
                    " · " (units::bytes(resources.bounded_peak())) " " (memory_head(memory))
                    " · " (units::bytes(resources.model_size)) " parameters"
                    " · " (units::count(resources.macs)) " MACs · " (trial_outline(trial))
                }
            }
            div .grid {
                figure {
                    h3 { "Memory while each operator runs, layer by layer" }
                    (network.memory_plot(peak_bound.filter(|_| memory == MemoryModel::PUBLISHED)).draw("Bytes of the tensors alive at each step"))
                    figcaption {
                        "Peak " (units::bytes(network.peak())) ", " (units::bytes(resources.peak_memory_with_input))
                        " with the input's buffer. One colour per tensor; operators are numbered as in the table."
                        @if !resources.exact { " The operator order is a good one, not provably the best." }
                    }
                }
                figure {
                    h3 { "Memory in rows (streamed)" }
                    @if rows.is_any() {
                        (rows.plot(peak_bound.filter(|_| memory.runtime == Runtime::Streamed)).draw("Bytes of the rows alive in each part"))
                    }
                    figcaption { (rows_note(&rows, input)) }
                }
                @if let Some(curve) = view.curves.get(&trial.trial).filter(|curve| !curve.is_empty()) {
                    figure {
                        h3 { "Training" }
                        (curve_plot(curve))
                        figcaption { (training_note(trial)) }
                    }
                }
            }
            @if let Some(confusions) = view.confusions.get(&trial.trial) {
                (classes::section(&view.task.class_names, confusions))
            }
            div .scroll.below { (layers(&network)) }
            details {
                summary { "Architecture as JSON" }
                pre { (format!("{:#}", architecture.to_json())) }
            }
        }
    }
}

/// What the picture of the rows shows.
fn rows_note(rows: &RowsView<'_>, input: NetworkInput) -> String {
    let with = match input {
        NetworkInput::External => "without the input",
        NetworkInput::Buffer => "with the input's buffer",
        NetworkInput::Rows => "with the input (the rows of it that are kept, if the first part runs in rows)",
    };
    let peak = units::bytes(rows.peak());
    if rows.is_any() {
        format!(
            "Peak {peak} {with}. A bar with several operators is a part that runs row by row; it keeps the rows that each bar's tooltip \
             counts, 32-bit sums of poolings and dense layers, and its output whole. Other operators run in full."
        )
    } else {
        format!(
            "Peak {peak} {with}. No part of this network takes less in rows: every operator runs in full."
        )
    }
}

fn training_note(trial: &TrialRecord) -> String {
    trial.outcome().map_or_else(String::new, |outcome| {
        let int8 = outcome.int8_error.map_or_else(String::new, |error| {
            let loss = 100.0 * (error - outcome.validation_error);
            format!("Validation error {} in int8 ({loss:+.2} points). ", units::percent(error))
        });
        format!(
            "{int8}The weights are those of epoch {}: test error {}; trained in {}.",
            outcome.best_epoch,
            units::percent_and_last(outcome.test_error, outcome.last_test_error),
            units::duration(outcome.train_seconds),
        )
    })
}

fn curve_plot(curve: &[EpochReport]) -> Markup {
    let line = |name: &str, error: fn(&EpochReport) -> f64| Line {
        name: name.to_owned(),
        shape: Shape::Straight,
        points: curve.iter().map(|report| (f64::from(report.epoch), error(report))).collect(),
    };
    let lines = vec![
        line("validation", |report| report.validation_error),
        line("training", |report| report.train_error),
    ];
    let errors = lines.iter().flat_map(|line| line.points.iter().map(|(_, error)| *error));
    let plot = LinePlot {
        width: 560.0,
        height: 260.0,
        x: Axis {
            label: "epoch".to_owned(),
            scale: Scale::counting(1, curve.len() as u64),
            format: |value| format!("{value:.0}"),
        },
        y: Axis {
            label: "error".to_owned(),
            scale: Scale::around(errors),
            format: axis_format(Objective::Error),
        },
        lines,
    };
    plot.draw("Training and validation error over the epochs")
}

fn layers(network: &Network) -> Markup {
    let totals = network
        .layers()
        .iter()
        .fold((0, 0), |(parameters, macs), layer| (parameters + layer.parameters, macs + layer.macs));
    html! {
        table .layers {
            thead { tr { @for (title, is_word) in LAYER_COLUMNS { th .word[is_word] { (title) } } } }
            tbody {
                @for row in network.layer_rows() {
                    tr { @for (cell, (_, is_word)) in row.iter().zip(LAYER_COLUMNS) { td .word[is_word] { (cell) } } }
                }
            }
            tfoot { tr { th {} th .word { "total" } th {} th {} th { (totals.0) } th { (totals.1) } } }
        }
    }
}
