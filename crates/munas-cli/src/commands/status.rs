//! `munas status`: how far a run is.

use munas_app::records::{FinalistJson, TrialJson};
use munas_app::{UserResult, quoted};
use munas_report::{finalist_errors, trial_figures, units};
use munas_run::experiment::ENDLESS_TRIALS;
use munas_run::{Failure, Finalist, RunReader, Status, TrialRecord, finalists, status};
use munas_search::Refusals;
use serde::Serialize;

use crate::args::RunArgs;
use crate::output::Output;

#[derive(Debug, Serialize)]
struct StatusJson<'a> {
    name: &'a str,
    /// Whether a process is working on the run.
    active: bool,
    trials_limit: u64,
    done: u64,
    /// Those that rest at the end of a rung.
    paused: u64,
    failed: u64,
    stopped: u64,
    /// Those that wait for memory included.
    running: u64,
    in_bounds: u64,
    in_bounds_share: Option<f64>,
    refused: RefusedJson,
    trials_per_hour: Option<f64>,
    remaining_seconds: Option<f64>,
    workers: Option<u64>,
    end_reason: Option<&'a str>,
    best: Option<TrialJson>,
    best_in_bounds: Option<TrialJson>,
    /// Networks that were trained anew, the best first.
    finalists: Vec<FinalistJson>,
    /// Why the first trial failed, if every trial that ended did.
    first_failure: Option<FailureJson<'a>>,
}

#[derive(Debug, Serialize)]
struct FailureJson<'a> {
    trial: u64,
    reason: &'a str,
}

/// Draws that were never trained, by reason.
#[derive(Debug, Serialize)]
struct RefusedJson {
    hard: u64,
    soft: u64,
    duplicates: u64,
    /// Their training would have taken more than `search.training_memory` or `search.max_training_cost`.
    training: u64,
}

/// Prints the status.
pub fn run(args: &RunArgs, output: &mut Output) -> UserResult {
    let reader = RunReader::open(&args.dir)?;
    let (status, found) = (status(&reader)?, finalists(&reader)?);
    if args.format.json {
        output.json(&StatusJson::new(&status, &found, &reader))?;
        return Ok(());
    }
    output.facts(facts(&status, &found))?;
    if !status.active && status.ended() < status.trials_limit {
        output.note(format_args!("`munas resume {}` goes on with it", quoted(&args.dir)));
    }
    Ok(())
}

impl<'a> StatusJson<'a> {
    fn new(status: &'a Status, found: &[Finalist], reader: &RunReader) -> Self {
        let trial = |record: &TrialRecord| TrialJson::new(record, reader, found);
        Self {
            name: &status.name,
            active: status.active,
            trials_limit: status.trials_limit,
            done: status.done,
            paused: status.paused,
            failed: status.failed,
            stopped: status.stopped,
            running: status.running,
            in_bounds: status.in_bounds,
            in_bounds_share: status.in_bounds_share(),
            refused: RefusedJson {
                hard: status.refused.hard,
                soft: status.refused.soft,
                duplicates: status.refused.duplicates,
                training: status.refused.training,
            },
            trials_per_hour: status.trials_per_hour,
            remaining_seconds: status.remaining.map(|time| time.as_secs_f64()),
            workers: status.session.as_ref().map(|session| session.workers),
            end_reason: status.session.as_ref().and_then(|session| session.end_reason.as_deref()),
            best: status.best.as_ref().map(trial),
            best_in_bounds: status.best_in_bounds.as_ref().map(trial),
            finalists: found.iter().map(|finalist| FinalistJson::new(finalist, reader)).collect(),
            first_failure: status
                .only_failures
                .as_ref()
                .map(|Failure { trial, reason }| FailureJson { trial: *trial, reason }),
        }
    }
}

fn facts(status: &Status, found: &[Finalist]) -> Vec<(&'static str, String)> {
    let dash = || "–".to_owned();
    let state = match (&status.session, status.active) {
        (_, true) => "searching".to_owned(),
        (None, false) => "not started".to_owned(),
        (Some(session), false) => match &session.end_reason {
            Some(reason) => format!("ended ({reason})"),
            None => "interrupted without an orderly end".to_owned(),
        },
    };
    let mut trials = match status.trials_limit {
        ENDLESS_TRIALS => format!("{} done", status.done),
        limit => format!("{} of {limit} done", status.done),
    };
    let workers = status.session.as_ref().map_or(0, |session| session.workers);
    let training = if status.active { status.running.min(workers) } else { status.running };
    let waiting = status.running - training;
    let counts = [
        (status.paused, "paused"),
        (status.failed, "failed"),
        (status.stopped, "stopped"),
        (training, "running"),
        (waiting, "waiting for memory"),
    ];
    for (count, what) in counts {
        if count > 0 {
            trials.push_str(&format!(", {count} {what}"));
        }
    }
    let rate =
        status.trials_per_hour.map_or_else(dash, |rate| format!("{:.1} trials per minute", rate / 60.0));
    let share = status.in_bounds_share();
    let in_bounds = share.map_or_else(dash, |share| {
        format!("{:.0} % of the trials with a result ({})", share * 100.0, status.in_bounds)
    });
    let left = status.remaining.map_or_else(dash, |time| units::duration(time.as_secs_f64()));
    let mut facts = vec![("experiment", status.name.clone()), ("state", state), ("trials", trials)];
    if let Some(Failure { trial, reason }) = &status.only_failures {
        facts.push(("no result", format!("every trial failed, the first (trial {trial}) with: {reason}")));
    }
    facts.extend([
        ("rate", rate),
        ("in bounds", in_bounds),
        ("refused", refused_text(&status.refused)),
        ("best fitting", trial_line(status.best_in_bounds.as_ref())),
        ("best of all", trial_line(status.best.as_ref())),
        ("time left", left),
    ]);
    if let Some(best) = found.first() {
        let trainings: usize = found.iter().map(|finalist| finalist.trainings.len()).sum();
        let [validation, test] = finalist_errors(best);
        let best = format!("trial {}, val. {validation}, test in int8 {test} (± s.d.)", best.trial);
        facts.push(("finalists", format!("{} networks in {trainings} trainings; best: {best}", found.len())));
    }
    facts
}

fn trial_line(record: Option<&TrialRecord>) -> String {
    record
        .map_or_else(|| "–".to_owned(), |record| format!("trial {}: {}", record.trial, trial_figures(record)))
}

fn refused_text(refused: &Refusals) -> String {
    let total = refused.total();
    match refused.training {
        0 => format!("{total} draws, never trained"),
        training => format!(
            "{total} draws, never trained; {training} of them would take more than search.training_memory or \
             search.max_training_cost"
        ),
    }
}
