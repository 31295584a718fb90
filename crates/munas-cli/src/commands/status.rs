//! `munas status`: how far a run is.

use munas_app::records::StatusJson;
use munas_app::{UserResult, quoted};
use munas_report::{finalist_errors, trial_figures, units};
use munas_run::experiment::ENDLESS_TRIALS;
use munas_run::{Failure, Finalist, RunReader, Status, TrialRecord, finalists, status};
use munas_search::Refusals;

use crate::args::RunArgs;
use crate::output::Output;

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
