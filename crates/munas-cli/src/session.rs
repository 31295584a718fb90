//! One session of a search, new or resumed: train, show progress, print the front, say what to do next.

use std::sync::Arc;
use std::time::Duration;

use munas_app::records::{FinalistJson, TrialJson};
use munas_app::session::{SessionEnd, all_failed, search};
use munas_app::{UserResult, quoted};
use munas_data::Dataset;
use munas_report::{front_table, objective_text, objective_title, units, visible};
use munas_run::experiment::ENDLESS_TRIALS;
use munas_run::{
    Crew, EndReason, Experiment, Limits, RefineEnd, RefineSummary, Run, RunReader, Status, Summary,
    finalists, front, status,
};
use munas_search::Bounds;
use serde::Serialize;

use crate::args::Format;
use crate::finals;
use crate::output::{GOOD, Output, STRONG};
use crate::stop::Interruption;
use crate::terminal::Terminal;

#[derive(Debug, Serialize)]
struct SessionJson {
    /// Directory of the run.
    dir: String,
    /// Why the session ended: trials, time, target, interrupted, exhausted.
    reason: &'static str,
    /// Trials of this session by how they ended.
    done: u64,
    /// Ends of rungs that trials came to.
    paused: u64,
    failed: u64,
    stopped: u64,
    seconds: f64,
    front: Vec<TrialJson>,
    /// Networks that were trained anew, the best first.
    finalists: Vec<FinalistJson>,
    /// Why their training ended: finalists (all are trained), time, interrupted; null if there was none in this session.
    finalists_reason: Option<&'static str>,
}

/// Searches until a limit is reached or Ctrl-C, trains the finalists where there is time for them, and prints what was found.
///
/// # Errors
/// If the search fails, is interrupted, or all of its trials failed; what it found until then is in the run. A new run
/// without a single trial goes again.
pub fn run(
    run: Run,
    dataset: Dataset,
    crew: Option<&Crew>,
    limits: &Limits,
    format: Format,
    output: &mut Output,
) -> UserResult {
    let interruption = Interruption::watch()?;
    let mut audience = Terminal::new(&interruption);
    let ended = search(run, &Arc::new(dataset), crew, limits, &interruption.stop(), &mut audience);
    let SessionEnd { reader, summary, refined } =
        ended.map_err(|error| if error.is_interruption() { interruption.error() } else { error })?;
    let status = status(&reader)?;
    if format.json {
        print_json(&reader, &summary, refined.as_ref(), output)?;
    } else {
        print_results(&reader, &summary, refined.as_ref(), &status, output)?;
    }
    let is_interrupted = summary.reason == EndReason::Interrupted
        || refined.is_some_and(|refined| refined.reason == RefineEnd::Interrupted);
    match &status.only_failures {
        _ if is_interrupted => Err(interruption.error()),
        Some(failure) => Err(all_failed(failure, reader.dir())),
        None => Ok(()),
    }
}

fn print_results(
    reader: &RunReader,
    summary: &Summary,
    refined: Option<&RefineSummary>,
    status: &Status,
    output: &mut Output,
) -> UserResult {
    print_front(reader, status, output)?;
    finals::print_table(reader, &Bounds::default(), output)?;
    print_end(summary, status, output);
    if let Some(refined) = refined {
        finals::print_end(reader, refined, output);
    }
    print_next(reader, status, output)
}

/// What is searched, in which data, within which bounds, and where the run is; with the time of the search, what part of it is for finalists.
pub fn print_begin(run: &Run, dataset: &Dataset, time: Option<Duration>, output: &mut Output) {
    let experiment: &Experiment = run.experiment();
    let [height, width, channels] = dataset.input;
    output.note(format_args!("{STRONG}run{STRONG:#}      {}", visible(&run.dir().to_string_lossy())));
    output.note(format_args!(
        "{STRONG}data{STRONG:#}     {}: {} training samples of {height}x{width}x{channels}, {} classes",
        visible(&dataset.name),
        dataset.train.len(),
        dataset.classes(),
    ));
    let trials = match experiment.search.trials {
        ENDLESS_TRIALS => "as many trials as there is time for,".to_owned(),
        trials => format!("{trials} trials"),
    };
    output.note(format_args!(
        "{STRONG}search{STRONG:#}   {} in {}, {trials} of up to {} epochs",
        experiment.search.algorithm,
        experiment.space.kind(),
        experiment.train.epochs,
    ));
    if let Some(time) = time
        && experiment.finalists.share > 0.0
    {
        let left = time.saturating_sub(experiment.finalists.time_of_trials(time));
        output.note(format_args!(
            "{STRONG}at last{STRONG:#}  {} in which the best networks are trained anew (final.share)",
            units::duration(left.as_secs_f64())
        ));
    }
    output.note(format_args!("{STRONG}bounds{STRONG:#}   {}\n", bounds_text(experiment)));
}

/// The bounds in one line, and which of them are hard.
pub fn bounds_text(experiment: &Experiment) -> String {
    let bounds = &experiment.bounds;
    let text = |(objective, bound)| {
        let bound = objective_text(objective, bound);
        let hard = if bounds.is_hard(objective) { " (hard)" } else { "" };
        format!("{} ≤ {bound}{hard}", objective_title(objective, experiment.terms()))
    };
    let given: Vec<String> = bounds.values.iter().map(text).collect();
    if given.is_empty() { "none".to_owned() } else { given.join(", ") }
}

fn print_json(
    reader: &RunReader,
    summary: &Summary,
    refined: Option<&RefineSummary>,
    output: &mut Output,
) -> UserResult {
    let found = finalists(reader)?;
    output.json(&SessionJson {
        dir: reader.dir().display().to_string(),
        reason: summary.reason.name(),
        done: summary.done,
        paused: summary.paused,
        failed: summary.failed,
        stopped: summary.stopped,
        seconds: summary.elapsed.as_secs_f64(),
        front: TrialJson::list(&front(reader)?, reader)?,
        finalists: found.iter().map(|finalist| FinalistJson::new(finalist, reader)).collect(),
        finalists_reason: refined.map(|refined| refined.reason.name()),
    })?;
    Ok(())
}

fn print_front(reader: &RunReader, status: &Status, output: &mut Output) -> UserResult {
    let front = front(reader)?;
    if front.is_empty() {
        // That every trial failed is an error, and told as one.
        if status.only_failures.is_none() {
            output.note("no trial is done yet");
        }
    } else {
        output.text(front_table(&front, &reader.experiment().bounds))?;
    }
    Ok(())
}

fn print_end(summary: &Summary, status: &Status, output: &mut Output) {
    let ended = match summary.reason {
        EndReason::Trials => format!("{GOOD}done{GOOD:#}"),
        EndReason::Target { trial } => format!("{GOOD}trial {trial} reached the target{GOOD:#}"),
        EndReason::Time => "the time is up".to_owned(),
        EndReason::Interrupted => "interrupted".to_owned(),
        EndReason::Exhausted => "nothing new is left within the bounds".to_owned(),
    };
    let trained = match summary.paused {
        0 => format!("{} trials", summary.done),
        paused => format!("{} trials trained to their end and {paused} rungs before it", summary.done),
    };
    output.note(format_args!(
        "\n{ended}: {trained} in {}, {} of {} in bounds; {} draws refused before training",
        units::duration(summary.elapsed.as_secs_f64()),
        status.in_bounds,
        status.results,
        status.refused.total(),
    ));
}

fn print_next(reader: &RunReader, status: &Status, output: &mut Output) -> UserResult {
    let dir = quoted(reader.dir());
    let mut next = Vec::new();
    let refined = finalists(reader)?;
    if let Some(best) = refined.iter().find(|finalist| finalist.best().is_some()) {
        next.push((
            format!("munas export {dir} {} -o firmware", best.trial),
            "the best of the finalists as C source",
        ));
    } else if status.done > 0 {
        next.push((
            format!("munas refine {dir}"),
            "the best of the front trained anew, longer, with several seeds",
        ));
    }
    if let Some(best) = status.best_in_bounds.as_ref().or(status.best.as_ref()) {
        next.push((format!("munas show {dir} {}", best.trial), "layers, memory and curve of the best"));
    }
    next.push((format!("munas report {dir}"), "everything as one HTML page"));
    if status.ended() < status.trials_limit {
        next.push((format!("munas resume {dir}"), "the remaining trials"));
    } else {
        next.push((
            format!("munas resume {dir} --trials {}", status.trials_limit.saturating_mul(2)),
            "search on",
        ));
    }
    let width = next.iter().map(|(command, _)| command.chars().count()).max().unwrap_or(0);
    output.note(format_args!("\n{STRONG}next{STRONG:#}"));
    for (command, purpose) in next {
        output.note(format_args!("  {command:<width$}   {purpose}"));
    }
    Ok(())
}
