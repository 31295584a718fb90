//! One session of a search, new or resumed: train, show progress, print the front, say what to do next.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use munas_data::Dataset;
use munas_report::{front_table, objective_text, objective_title, units, visible};
use munas_run::{
    EndReason, ExecutionError, Experiment, Failure, Limits, Run, RunReader, Status, StoreError, Summary,
    TrainingEvaluator, execute, front, status,
};
use serde::Serialize;

use crate::args::Format;
use crate::error::{CliError, CliResult};
use crate::live::Live;
use crate::output::{GOOD, Output, STRONG, message};
use crate::records::TrialJson;
use crate::shell::quoted;
use crate::stop::Interruption;

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
}

/// Searches until a limit is reached or Ctrl-C, and prints what was found.
///
/// # Errors
/// If the search fails, is interrupted, or all of its trials failed; what it found until then is in the run. A new run
/// without a single trial goes again.
pub fn run(
    mut run: Run,
    dataset: Dataset,
    limits: &Limits,
    format: Format,
    output: &mut Output,
) -> CliResult {
    let interruption = Interruption::watch()?;
    let (reader, summary) = match search(&mut run, dataset, limits, &interruption) {
        Ok(finished) => finished,
        Err(error) => {
            run.remove_if_unused();
            return Err(error);
        }
    };
    // What is printed next may be read by whoever opens the run the moment it appears.
    drop(run);
    let status = status(&reader)?;
    if format.json {
        print_json(&reader, &summary, output)?;
    } else {
        print_front(&reader, &status, output)?;
        print_end(&reader, &summary, &status, output);
    }
    match (&summary.reason, &status.only_failures) {
        (EndReason::Interrupted, _) => Err(interruption.error()),
        (_, Some(failure)) => Err(all_failed(failure, reader.dir())),
        (_, None) => Ok(()),
    }
}

fn search(
    run: &mut Run,
    dataset: Dataset,
    limits: &Limits,
    interruption: &Interruption,
) -> CliResult<(RunReader, Summary)> {
    let reader = RunReader::open(run.dir())?;
    let evaluator = TrainingEvaluator::new(run.experiment(), Arc::new(dataset))?;
    let mut live = Live::new(run.experiment(), limits, &status(&reader)?);
    run.when_locked(waiting(interruption.clone(), live.voice()));
    let summary = execute(run, &evaluator, limits, &interruption.stop(), &mut |event| live.show(&event));
    live.finish();
    match summary {
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

/// How long another program may keep the journal locked before it is said.
const SILENT_WAIT: Duration = Duration::from_secs(5);

/// Waits while another program keeps the journal locked, until Ctrl-C.
fn waiting(interruption: Interruption, say: impl Fn(&str)) -> impl FnMut(Duration) -> ControlFlow<()> {
    let mut is_said = false;
    move |waited| {
        let is_long = waited >= SILENT_WAIT;
        if is_long && !is_said {
            say("another program keeps journal.db locked; the search waits for it");
        }
        is_said = is_long;
        if interruption.has_come() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

/// What is searched, in which data, within which bounds, and where the run is.
pub fn print_begin(run: &Run, dataset: &Dataset, output: &mut Output) {
    let experiment: &Experiment = run.experiment();
    let [height, width, channels] = dataset.input;
    output.note(format_args!("{STRONG}run{STRONG:#}      {}", visible(&run.dir().to_string_lossy())));
    output.note(format_args!(
        "{STRONG}data{STRONG:#}     {}: {} training samples of {height}x{width}x{channels}, {} classes",
        visible(&dataset.name),
        dataset.train.len(),
        dataset.classes(),
    ));
    output.note(format_args!(
        "{STRONG}search{STRONG:#}   {} in {}, {} trials of up to {} epochs",
        experiment.search.algorithm,
        experiment.space.kind(),
        experiment.search.trials,
        experiment.train.epochs,
    ));
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

fn print_json(reader: &RunReader, summary: &Summary, output: &mut Output) -> CliResult {
    output.json(&SessionJson {
        dir: reader.dir().display().to_string(),
        reason: summary.reason.name(),
        done: summary.done,
        paused: summary.paused,
        failed: summary.failed,
        stopped: summary.stopped,
        seconds: summary.elapsed.as_secs_f64(),
        front: TrialJson::list(&front(reader)?, reader),
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

fn print_end(reader: &RunReader, summary: &Summary, status: &Status, output: &mut Output) {
    let dir = quoted(reader.dir());
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
    let mut next = Vec::new();
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
}
