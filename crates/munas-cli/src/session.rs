//! One session of a search, new or resumed: train, show progress, print the front, say what to do next.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use munas_data::Dataset;
use munas_report::{front_table, objective_text, objective_title, units, visible};
use munas_run::experiment::ENDLESS_TRIALS;
use munas_run::{
    Crew, EndReason, ExecutionError, Experiment, Failure, Limits, RefineEnd, RefineError, RefinePlan,
    RefineSummary, RefineWishes, Run, RunReader, Status, StoreError, Summary, finalists, front,
    plan_finalists, status,
};
use munas_search::Bounds;
use serde::Serialize;

use crate::args::Format;
use crate::crew;
use crate::error::{CliError, CliResult};
use crate::finals;
use crate::live::Live;
use crate::output::{GOOD, Output, STRONG, message};
use crate::records::{FinalistJson, TrialJson};
use crate::shell::quoted;
use crate::stop::Interruption;
use crate::waiting::waiting;

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
    mut run: Run,
    dataset: Dataset,
    crew: Option<&Crew>,
    limits: &Limits,
    format: Format,
    output: &mut Output,
) -> CliResult {
    let (interruption, begin) = (Interruption::watch()?, Instant::now());
    let (settings, dataset) = (run.experiment().finalists, Arc::new(dataset));
    let time = limits.time.map(|time| settings.time_of_trials(time));
    let of_trials = Limits { time, ..limits.clone() };
    let (reader, mut summary) = match search(&mut run, &dataset, crew, &of_trials, &interruption) {
        Ok(finished) => finished,
        Err(error) => {
            run.remove_if_unused();
            return Err(error);
        }
    };
    let left = limits.time.map(|time| time.saturating_sub(begin.elapsed()));
    let mut refined = None;
    if let Some(left) = left.filter(|_| settings.share > 0.0 && is_over(summary.reason)) {
        let limits = Limits { time: Some(left), ..limits.clone() };
        if let Some(plan) = plan_in_time(&reader, &limits)? {
            finals::print_plan(&plan, output);
            refined = Some(finals::train(&mut run, dataset, &plan, &interruption)?);
        } else if summary.reason == EndReason::Time {
            output.note("the time that is left is too short to train a network anew: the search goes on");
            summary = together(&summary, &search(&mut run, &dataset, crew, &limits, &interruption)?.1);
        }
    }
    // What is printed next may be read by whoever opens the run the moment it appears.
    drop(run);
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
) -> CliResult {
    print_front(reader, status, output)?;
    finals::print_table(reader, &Bounds::default(), output)?;
    print_end(summary, status, output);
    if let Some(refined) = refined {
        finals::print_end(reader, refined, output);
    }
    print_next(reader, status, output)
}

/// Whether a search that ended so has found what it will find: one that reached its target, or was interrupted, is at its end.
const fn is_over(reason: EndReason) -> bool {
    matches!(reason, EndReason::Time | EndReason::Trials | EndReason::Exhausted)
}

/// Two trainings are the least that a mean with a deviation is of.
const LEAST_TRAININGS: u64 = 2;

/// The finalists; `None` if no trial has a result, all are trained, or the time is too short to train one of them more than once.
fn plan_in_time(reader: &RunReader, limits: &Limits) -> CliResult<Option<RefinePlan>> {
    match plan_finalists(reader, &RefineWishes::of(reader.experiment(), limits.clone())) {
        Err(RefineError::Nothing) => Ok(None),
        Err(error) => Err(error.into()),
        Ok(plan) => {
            let is_worth_it =
                plan.trainings > 0 && plan.affordable.is_none_or(|count| count >= LEAST_TRAININGS);
            Ok(Some(plan).filter(|_| is_worth_it))
        }
    }
}

/// What two parts of a search did.
fn together(first: &Summary, second: &Summary) -> Summary {
    Summary {
        reason: second.reason,
        done: first.done + second.done,
        paused: first.paused + second.paused,
        failed: first.failed + second.failed,
        stopped: second.stopped,
        elapsed: first.elapsed + second.elapsed,
    }
}

fn search(
    run: &mut Run,
    dataset: &Arc<Dataset>,
    crew: Option<&Crew>,
    limits: &Limits,
    interruption: &Interruption,
) -> CliResult<(RunReader, Summary)> {
    let reader = RunReader::open(run.dir())?;
    let mut live = Live::new(run.experiment(), limits, &status(&reader)?);
    run.when_locked(waiting(interruption.clone(), live.voice()));
    let summary =
        crew::search(run, dataset, crew, limits, &interruption.stop(), &mut |event| live.show(&event));
    live.finish();
    match summary? {
        Ok(summary) => Ok((reader, summary)),
        Err(ExecutionError::Store(StoreError::Journal(error)))
            if error.is_locked() && interruption.has_come() =>
        {
            message(
                "interrupted while another program kept journal.db locked; a resumed search trains the running trials again",
            );
            Err(interruption.error())
        }
        Err(error) => Err(error.into()),
    }
}

/// That a search has trained nothing that could be used.
fn all_failed(failure: &Failure, dir: &Path) -> CliError {
    let Failure { trial, reason } = failure;
    let error =
        CliError::failure(format_args!("every trial failed, the first (trial {trial}) with: {reason}"));
    let hint = if reason.contains("diverged") {
        "a smaller learning rate may help (--set train.learning_rate=0.001), or data on one scale (--set data.normalise=mean-std)"
            .to_owned()
    } else {
        format!("`munas show {} {trial}` shows what was trained", quoted(dir))
    };
    error.hint(hint)
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
) -> CliResult {
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

fn print_front(reader: &RunReader, status: &Status, output: &mut Output) -> CliResult {
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

fn print_next(reader: &RunReader, status: &Status, output: &mut Output) -> CliResult {
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
