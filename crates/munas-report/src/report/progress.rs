//! How the search went: the best error within the bounds, and the hypervolume, over the trials in the order of their
//! results.

use maud::{Markup, html};
use munas_run::{TrialRecord, comparable};
use munas_search::Objective;

use super::hypervolume::Hypervolumes;
use super::{RunView, axis_format};
use crate::Scale;
use crate::objective::objective_title;
use crate::plot::{Axis, Line, LinePlot, Shape};

/// The two plots.
pub(super) fn section(view: &RunView<'_>) -> Markup {
    let mut done: Vec<&TrialRecord> = comparable(view.trials).collect();
    done.sort_by_key(|trial| trial.arrival);
    let Hypervolumes { points: volumes, samples } = Hypervolumes::of(view, &done);
    let reached = volumes.last().is_some_and(|(_, volume)| *volume > 0.0);
    html! {
        @if done.len() > 1 {
            h2 { "Progress of the search" }
            div .grid {
                figure .card.search { h3 { "Error" } (error_plot(view, &done)) }
                figure .card {
                    h3 { "Hypervolume" }
                    @if reached {
                        (hypervolume_plot(&done, volumes))
                        figcaption {
                            "Share of the box below the bounds that the front dominates. An objective without a bound \
                            spans to its worst trial."
                            @if let Some(samples) = samples { " Estimated from " (samples) " points of the box." }
                        }
                    } @else {
                        p .muted { "Zero so far: no network is within all bounds." }
                    }
                }
            }
        }
    }
}

fn results_axis(done: &[&TrialRecord]) -> Axis {
    Axis {
        label: "trials".to_owned(),
        scale: Scale::counting(0, done.len() as u64),
        format: |value| format!("{value:.0}"),
    }
}

fn error_plot(view: &RunView<'_>, done: &[&TrialRecord]) -> Markup {
    let errors = done.iter().filter_map(|trial| trial.error());
    let all: Vec<(f64, f64)> = errors.enumerate().map(|(index, error)| (index as f64 + 1.0, error)).collect();
    // An error of 0 meets its bound: the resources alone decide what fits.
    let fits = |trial: &TrialRecord| view.bounds().are_met(&trial.candidate.objectives(Some(0.0)));
    let mut best = Vec::new();
    let mut lowest = f64::INFINITY;
    for ((index, error), trial) in all.iter().zip(done) {
        if fits(trial) && *error < lowest {
            lowest = *error;
            best.push((*index, lowest));
        }
    }
    if lowest.is_finite() {
        best.push((done.len() as f64, lowest));
    }
    let y = Axis {
        label: objective_title(Objective::Error, view.terms()).to_owned(),
        scale: Scale::around(all.iter().map(|(_, error)| *error)),
        format: axis_format(Objective::Error),
    };
    let lines = vec![
        Line { name: "best that fits the device".to_owned(), shape: Shape::Steps, points: best },
        Line { name: "each trial".to_owned(), shape: Shape::Dots, points: all },
    ];
    let plot = LinePlot { width: 560.0, height: 320.0, x: results_axis(done), y, lines };
    plot.draw("Best validation error within the resource bounds over the trials")
}

fn hypervolume_plot(done: &[&TrialRecord], points: Vec<(f64, f64)>) -> Markup {
    let highest = points.iter().map(|(_, volume)| *volume).fold(0.0, f64::max);
    let y = Axis {
        label: "hypervolume".to_owned(),
        scale: Scale::linear(0.0, highest * 1.08),
        format: |value| format!("{value:.3}").trim_end_matches('0').trim_end_matches('.').to_owned(),
    };
    let lines = vec![Line { name: "hypervolume".to_owned(), shape: Shape::Steps, points }];
    let plot = LinePlot { width: 560.0, height: 320.0, x: results_axis(done), y, lines };
    plot.draw("Hypervolume of the Pareto front over the trials")
}
