//! The HTML report of a run: one self-contained page.
//!
//! | module | section |
//! |---|---|
//! | `summary` | experiment, data, bounds, trials by state |
//! | `front` | error against each resource, and the table of the Pareto front |
//! | `finalists` | networks that were trained anew |
//! | `progress`, `hypervolume` | best error and hypervolume over the trials |
//! | `selection`, `model`, `classes` | of networks on the front: layers, memory timeline, training curve, classes |

mod classes;
mod finalists;
mod front;
mod hypervolume;
mod model;
mod progress;
mod selection;
mod summary;

use std::collections::BTreeMap;

use maud::html;
use munas_run::{Confusions, Driving, Experiment, Finalist, Task, Terms, TrialRecord};
use munas_search::{Bounds, Objective, Unit};
use munas_train::EpochReport;

use crate::objective::{objective_text, objective_title};
use crate::page::page;
use crate::plot::MOST_TITLES;
use crate::units;

pub use selection::detailed;

/// All that a report shows.
#[derive(Clone, Copy, Debug)]
pub struct RunView<'a> {
    /// What was asked for.
    pub experiment: &'a Experiment,
    /// The data.
    pub task: &'a Task,
    /// All trials, in the order of their numbers.
    pub trials: &'a [TrialRecord],
    /// The Pareto front, in the order in which it is shown.
    pub front: &'a [TrialRecord],
    /// The networks that were trained anew, the best first.
    pub finalists: &'a [Finalist],
    /// Training curves of the trials that are shown with all details, which [`detailed`] chooses.
    pub curves: &'a BTreeMap<u64, Vec<EpochReport>>,
    /// Which classes the same trials take for which, where it is known.
    pub confusions: &'a BTreeMap<u64, Confusions>,
}

/// The page of a run.
pub fn html_report(view: &RunView<'_>) -> String {
    let title = format!("munas: {}", view.experiment.name);
    let body = html! {
        (summary::section(view))
        (finalists::section(view))
        (front::section(view))
        (progress::section(view))
        (model::section(view))
    };
    page(&title, &body)
}

/// The section of one trial, whatever else the view has: layers, memory, curve and classes, open.
pub fn trial_html(view: &RunView<'_>, trial: &TrialRecord) -> String {
    model::model(view, trial, true).into_string()
}

/// The section on how the search went; empty where there is nothing to see yet.
pub fn progress_html(view: &RunView<'_>) -> String {
    progress::section(view).into_string()
}

/// The style that sections have.
pub const STYLE: &str = crate::page::STYLE;

impl RunView<'_> {
    fn bounds(&self) -> &Bounds {
        &self.experiment.bounds
    }

    /// The error that drives the search.
    const fn driving(&self) -> Driving {
        self.experiment.search.driving()
    }

    /// What the words of its figures stand for.
    const fn terms(&self) -> Terms {
        self.experiment.terms()
    }

    /// Whether there are so many trials that only some of the points in plots say what they are.
    fn is_large(&self) -> bool {
        self.trials.len() > MOST_TITLES
    }

    /// Whether a trial has a part of its own.
    fn is_detailed(&self, trial: &TrialRecord) -> bool {
        self.curves.contains_key(&trial.trial)
    }
}

/// How ticks of an objective are written.
const fn axis_format(objective: Objective) -> fn(f64) -> String {
    match objective.unit() {
        Unit::Share => units::percent_tick,
        Unit::Bytes => units::bytes_tick,
        Unit::Operations => units::count_tick,
        Unit::Milliseconds => |value| format!("{value:.1}"),
        Unit::Millijoules => units::millijoules,
    }
}

/// Where a trial's section is found within the page.
fn anchor(trial: u64) -> String {
    format!("trial-{trial}")
}

/// A trial with its figures in one line.
fn trial_title(trial: &TrialRecord) -> String {
    let values = trial.candidate.objectives(trial.error());
    let figures = Objective::ALL.into_iter().filter_map(|objective| {
        let value = values[objective]?;
        Some(format!("{} {}", objective_title(objective, trial.terms()), objective_text(objective, value)))
    });
    format!("trial {}: {}", trial.trial, figures.collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests;
