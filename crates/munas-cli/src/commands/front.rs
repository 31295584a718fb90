//! `munas front`: the Pareto front of a run, or what of it meets the user's limits.

use std::fmt::Write as _;

use munas_app::records::TrialJson;
use munas_app::{UserError, UserResult};
use munas_report::{front_table, nothing_usable, objective_text, objective_title};
use munas_run::{RunReader, Terms, TrialRecord, front};
use munas_search::{Bounds, Objective};

use crate::args::FrontArgs;
use crate::finals;
use crate::output::Output;

/// Prints the front.
pub fn run(args: &FrontArgs, output: &mut Output) -> UserResult {
    let reader = RunReader::open(&args.dir)?;
    let limits = args.limits.bounds();
    let experiment = reader.experiment();
    let on_board =
        limits.values.iter().map(|(objective, _)| objective).find(|objective| objective.needs_board());
    if let Some(objective) = on_board.filter(|_| experiment.board.is_none()) {
        let title = objective_title(objective, experiment.terms());
        return Err(UserError::input(format_args!(
            "a limit on the {title} needs a board, and the run has none"
        ))
        .hint("`munas search --board NAME` searches with one; `munas boards` lists them"));
    }
    let bounds = &experiment.bounds;
    let front = front(&reader)?;
    let within: Vec<TrialRecord> = front.iter().filter(|record| record.in_bounds(&limits)).cloned().collect();
    if within.is_empty() && !front.is_empty() {
        output.note(none_left(&front, &limits, experiment.terms()));
    }
    if args.format.json {
        output.json(&TrialJson::list(&within, &reader)?)?;
    } else if front.is_empty() {
        output.note(nothing_usable(&reader.trials()?));
    } else if !within.is_empty() {
        output.text(front_table(&within, bounds))?;
    }
    if !args.format.json {
        finals::print_table(&reader, &limits, output)?;
    }
    Ok(())
}

/// How far networks are above a limit: 1 and less is within.
fn excess(record: &TrialRecord, objective: Objective, limit: f64) -> f64 {
    let value = value(record, objective);
    if value <= limit { 1.0 } else { value / limit.max(f64::MIN_POSITIVE) }
}

fn value(record: &TrialRecord, objective: Objective) -> f64 {
    record.candidate.objectives(record.error())[objective].unwrap_or(f64::INFINITY)
}

/// Which limits leave nothing of the front, and what comes nearest.
fn none_left(front: &[TrialRecord], limits: &Bounds, terms: Terms) -> String {
    let mut text = String::new();
    for (objective, limit) in limits.values.iter() {
        let least = front.iter().min_by(|a, b| value(a, objective).total_cmp(&value(b, objective)));
        let Some(least) = least.filter(|least| value(least, objective) > limit) else { continue };
        let (title, written) = (objective_title(objective, terms), |value| objective_text(objective, value));
        let line = format!(
            "no network of the front has {title} ≤ {}: the least is {} (trial {})\n",
            written(limit),
            written(value(least, objective)),
            least.trial
        );
        text.push_str(&line);
    }
    if text.is_empty() {
        text.push_str("each of the limits is met by some network of the front, but no network meets all\n");
    }
    let worst = |record: &TrialRecord| {
        let excesses = limits.values.iter().map(|(objective, limit)| excess(record, objective, limit));
        excesses.fold(1.0, f64::max)
    };
    if let Some(nearest) = front.iter().min_by(|a, b| worst(a).total_cmp(&worst(b))) {
        let figures: Vec<String> = limits
            .values
            .iter()
            .map(|(objective, limit)| {
                let value = value(nearest, objective);
                let mark = if value > limit { " (above)" } else { "" };
                let title = objective_title(objective, terms);
                format!("{title} {}{mark}", objective_text(objective, value))
            })
            .collect();
        // Writing to a string cannot fail.
        let _ = write!(text, "the nearest is trial {}: {}", nearest.trial, figures.join(", "));
    }
    text
}
