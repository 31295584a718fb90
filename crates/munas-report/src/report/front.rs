//! The Pareto front: error against each resource, and its networks in a table.

use std::collections::BTreeSet;

use maud::{Markup, html};
use munas_run::{COMMON_OBJECTIVES, DrivingError, Terms, TrialRecord, comparable};
use munas_search::Objective;

use super::{RunView, anchor, axis_format, trial_title};
use crate::Scale;
use crate::objective::{
    error_cells, error_heads, further_objectives, memory_head, objective_cell, objective_title,
};
use crate::plot::{Axis, Mark, Point, ScatterPlot};
use crate::text::nothing_usable;

/// What is plotted against what: horizontal and vertical axis.
const PLOTS: [(Objective, Objective); 4] = [
    (Objective::PeakMemory, Objective::Error),
    (Objective::ModelSize, Objective::Error),
    (Objective::Macs, Objective::Error),
    (Objective::ModelSize, Objective::PeakMemory),
];

/// Plots and table.
pub(super) fn section(view: &RunView<'_>) -> Markup {
    html! {
        h2 { "Pareto front" }
        @if view.front.is_empty() {
            p .muted { (sentence(&nothing_usable(view.trials))) }
        } @else {
            p .muted {
                "Each point is a trained network; lower left is better. Point at one "
                @if view.is_large() { "that is large " }
                "for its figures, click one of the front for its details."
            }
            p .keys { (keys(view)) }
            div .grid {
                @for (x, y) in PLOTS.into_iter().chain(bounded_further(view)) {
                    figure .card { h3 { (plot_title(x, y, view.terms())) } (plot(view, x, y)) }
                }
            }
            div .card.scroll.below.tall { (table(view)) }
        }
    }
}

/// What is bounded beside the common objectives, against the error.
fn bounded_further<'a>(view: &'a RunView<'_>) -> impl Iterator<Item = (Objective, Objective)> + 'a {
    let bounded = view.bounds().values.iter().map(|(objective, _)| objective).collect::<Vec<_>>();
    bounded
        .into_iter()
        .filter(|objective| !COMMON_OBJECTIVES.contains(objective))
        .map(|objective| (objective, Objective::Error))
}

fn keys(view: &RunView<'_>) -> Markup {
    let bounded = view.bounds().values.iter().next().is_some();
    let key = |class: &str, text: &str| html! { span { span class=(format!("key {class}")) {} (text) } };
    html! {
        (key("front", "Pareto front"))
        @if bounded {
            (key("front over", "Pareto front, beyond a bound"))
            (key("inside", "within bounds"))
            (key("outside", "beyond a bound"))
            (key("wanted", "bounds"))
        } @else {
            (key("inside", "other trials"))
        }
    }
}

/// `Validation error and peak memory`.
fn plot_title(x: Objective, y: Objective, terms: Terms) -> String {
    format!("{} and {}", capitalised(objective_title(y, terms)), objective_title(x, terms))
}

fn sentence(text: &str) -> String {
    format!("{}.", capitalised(text))
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}", letters.as_str())
}

fn plot(view: &RunView<'_>, x: Objective, y: Objective) -> Markup {
    let front: BTreeSet<u64> = view.front.iter().map(|trial| trial.trial).collect();
    let bounds = view.bounds();
    let point = |trial: &TrialRecord| {
        let values = trial.candidate.objectives(Some(trial.error()?));
        let on_front = front.contains(&trial.trial);
        let mark = match (on_front, trial.in_bounds(bounds)) {
            (true, true) => Mark::Front,
            (true, false) => Mark::FrontOutside,
            (false, true) => Mark::Inside,
            (false, false) => Mark::Outside,
        };
        Some(Point {
            x: values[x]?,
            y: values[y]?,
            mark,
            title: (!view.is_large() || view.is_detailed(trial)).then(|| trial_title(trial)),
            link: view.is_detailed(trial).then(|| format!("#{}", anchor(trial.trial))),
        })
    };
    let points: Vec<Point> = comparable(view.trials).filter_map(point).collect();
    let axis = |objective: Objective, of: fn(&Point) -> f64| Axis {
        label: objective_title(objective, view.terms()).to_owned(),
        scale: Scale::around(points.iter().map(of).chain(bounds.get(objective))),
        format: axis_format(objective),
    };
    let summary = format!("{} of {} trials", plot_title(x, y, view.terms()), points.len());
    let plot = ScatterPlot {
        x: axis(x, |point| point.x),
        y: axis(y, |point| point.y),
        points,
        x_bound: bounds.get(x),
        y_bound: bounds.get(y),
        // Between two resources there is no trade-off to show: both follow the size of the network.
        staircase: y == Objective::Error,
    };
    plot.draw(&summary)
}

fn table(view: &RunView<'_>) -> Markup {
    let known = view.front.iter().any(|trial| trial.stderr().is_some());
    let [validation, in_int8, test] = error_heads(view.driving(), known);
    let on_board = further_objectives(view.front);
    html! {
        table .front {
            thead {
                tr {
                    th { "trial" } th { (validation) } th { (in_int8) } th { (test) } th { (memory_head(view.experiment.memory)) } th { "model size" } th { "MACs" }
                    @for objective in &on_board { th { (objective_title(*objective, view.terms())) } }
                    th .word { "within bounds" } th .word { "network" }
                }
            }
            tbody { @for trial in view.front { (row(view, trial, &on_board)) } }
        }
    }
}

fn row(view: &RunView<'_>, trial: &TrialRecord, on_board: &[Objective]) -> Markup {
    let values = trial.candidate.objectives(trial.error());
    let cell = |objective: Objective| {
        let value = values[objective];
        let over =
            matches!((value, view.bounds().get(objective)), (Some(value), Some(bound)) if value > bound);
        html! {
            td .over[over] { (objective_cell(trial, objective)) }
        }
    };
    let [validation, in_int8, test] = error_cells(trial);
    let inside = trial.in_bounds(view.bounds());
    // The error that drives the search is judged by the bound, the other one is for comparison.
    let bound = view.bounds().get(Objective::Error);
    let over = trial.error().zip(bound).is_some_and(|(error, bound)| error > bound);
    let [float_is_over, int8_is_over] =
        [DrivingError::Float, DrivingError::Int8].map(|error| over && error == trial.driving.error);
    html! {
        tr {
            td {
                @if view.is_detailed(trial) { a href=(format!("#{}", anchor(trial.trial))) { (trial.trial) } }
                @else { (trial.trial) }
            }
            td .over[float_is_over] { (validation) }
            td .over[int8_is_over] { (in_int8) }
            td { (test) }
            (cell(Objective::PeakMemory)) (cell(Objective::ModelSize)) (cell(Objective::Macs))
            @for &objective in on_board { (cell(objective)) }
            td .met[inside] { @if inside { "yes" } @else { "no" } }
            td { (crate::network::trial_outline(trial)) }
        }
    }
}
