//! A session of a search: trials until a limit, then the finalists in the time that is left.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use munas_data::Dataset;
use munas_run::{
    Crew, EndReason, Event, ExecutionError, Experiment, Failure, FinalistEvent, Length, Limits, RefineError,
    RefinePlan, RefineSummary, RefineWishes, Run, RunReader, Status, StopFlag, StoreError, Summary,
    plan_finalists, status,
};

use crate::crew;
use crate::error::{UserError, UserResult};
use crate::shell::quoted;
use crate::tally::Workers;

/// What is done every half second while another program keeps the journal locked: given for how long it has been, it
/// says whether to wait on.
pub type WhileLocked = Box<dyn FnMut(Duration) -> ControlFlow<()> + Send>;

/// Whoever follows a session: a terminal, a program in Python.
pub trait Audience {
    /// Trials begin, with the run at this status.
    fn search_begins(&mut self, experiment: &Experiment, limits: &Limits, status: &Status);
    /// Something happens during the search.
    fn hears(&mut self, event: &Event<'_>);
    /// No more trials, for now.
    fn search_ends(&mut self);
    /// The networks that are about to be trained anew.
    fn finalists_begin(&mut self, plan: &RefinePlan);
    /// Something happens while they are trained.
    fn hears_of_finalist(&mut self, event: &FinalistEvent<'_>);
    /// They are trained, or the time is up.
    fn finalists_end(&mut self);
    /// Something that is to be said between events.
    fn note(&mut self, text: &str);
    /// What to do while the journal is locked, until the session ends; asked for after a beginning.
    fn while_locked(&self) -> WhileLocked;
}

/// What a session came to.
#[derive(Debug)]
pub struct SessionEnd {
    /// The run, which is free again.
    pub reader: RunReader,
    /// How the search ended.
    pub summary: Summary,
    /// How the training of finalists ended, where there was time for it.
    pub refined: Option<RefineSummary>,
}

/// Searches until a limit is reached or a stop is requested, and trains the finalists where there is time for them.
///
/// # Errors
/// If the search fails; what it found until then is in the run. A new run without a single trial goes again.
pub fn search(
    mut run: Run,
    dataset: &Arc<Dataset>,
    crew: Option<&Crew>,
    limits: &Limits,
    stop: &StopFlag,
    audience: &mut dyn Audience,
) -> UserResult<SessionEnd> {
    let begin = Instant::now();
    let settings = run.experiment().finalists;
    let time = limits.time.map(|time| settings.time_of_trials(time));
    let of_trials = Limits { time, ..limits.clone() };
    let searched = search_trials(&mut run, dataset, crew, &of_trials, stop, audience);
    let (reader, mut summary, most_workers) = match searched {
        Ok(finished) => finished,
        Err(error) => {
            run.remove_if_unused();
            return Err(error);
        }
    };
    let left = limits.time.map(|time| time.saturating_sub(begin.elapsed()));
    let mut refined = None;
    if let Some(left) = left.filter(|_| settings.share > 0.0 && is_over(summary.reason)) {
        // What there is time for follows from how many trained, not from the cores of this machine.
        let workers = most_workers.unwrap_or(limits.workers);
        let limits = Limits { time: Some(left), workers, ..limits.clone() };
        // A search that was over early does not take the rest of its time.
        let fill = left.min(settings.time_after(summary.elapsed));
        if let Some(plan) = plan_in_time(&reader, &limits, fill)? {
            refined = Some(refine(&mut run, dataset, crew, &plan, stop, audience)?);
        } else if summary.reason == EndReason::Time {
            audience.note("the time that is left is too short to train a network anew: the search goes on");
            summary = together(&summary, &search_trials(&mut run, dataset, crew, &limits, stop, audience)?.1);
        }
    }
    Ok(SessionEnd { reader, summary, refined })
}

/// Trains what a plan says, by a crew, or by threads where there is none.
///
/// # Errors
/// If the teacher cannot be read, or the journal or the disk fails; what was trained until then is in the run.
pub fn refine(
    run: &mut Run,
    dataset: &Arc<Dataset>,
    crew: Option<&Crew>,
    plan: &RefinePlan,
    stop: &StopFlag,
    audience: &mut dyn Audience,
) -> UserResult<RefineSummary> {
    audience.finalists_begin(plan);
    run.when_locked(audience.while_locked());
    let summary =
        crew::refine(run, dataset, crew, (plan, stop), &mut |event| audience.hears_of_finalist(&event));
    audience.finalists_end();
    Ok(summary??)
}

/// Whether a search that ended so has found what it will find: one that reached its target, or was interrupted, is at its end.
const fn is_over(reason: EndReason) -> bool {
    matches!(reason, EndReason::Time | EndReason::Trials | EndReason::Exhausted)
}

/// Two trainings are the least that a mean with a deviation is of.
const LEAST_TRAININGS: u64 = 2;

/// The finalists; `None` if no trial has a result, all are trained, or the time is too short to train one of them more than once.
fn plan_in_time(reader: &RunReader, limits: &Limits, fill: Duration) -> UserResult<Option<RefinePlan>> {
    let wishes = RefineWishes::of(reader.experiment(), limits.clone());
    match plan_finalists(reader, &RefineWishes { length: Length::Filling(fill), ..wishes }) {
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

/// Trials until a limit; with the most workers in other processes that there were at a time, if there were any.
fn search_trials(
    run: &mut Run,
    dataset: &Arc<Dataset>,
    crew: Option<&Crew>,
    limits: &Limits,
    stop: &StopFlag,
    audience: &mut dyn Audience,
) -> UserResult<(RunReader, Summary, Option<usize>)> {
    let reader = RunReader::open(run.dir())?;
    audience.search_begins(run.experiment(), limits, &status(&reader)?);
    run.when_locked(audience.while_locked());
    let (mut workers, mut most_workers) = (Workers::default(), None);
    let summary = crew::search(run, dataset, crew, limits, stop, &mut |event| {
        if let Event::Worker(news) = &event {
            workers.count(news);
            most_workers = most_workers.max(usize::try_from(workers.len()).ok());
        }
        audience.hears(&event);
    });
    audience.search_ends();
    match summary? {
        Ok(summary) => Ok((reader, summary, most_workers)),
        Err(ExecutionError::Store(StoreError::Journal(error)))
            if error.is_locked() && stop.is_requested() =>
        {
            audience.note(
                "interrupted while another program kept journal.db locked; a resumed search trains the running trials again",
            );
            Err(UserError::interrupted(CTRL_C_STATUS))
        }
        Err(error) => Err(error.into()),
    }
}

/// That a search has trained nothing that could be used.
pub fn all_failed(failure: &Failure, dir: &Path) -> UserError {
    let Failure { trial, reason } = failure;
    let error =
        UserError::failure(format_args!("every trial failed, the first (trial {trial}) with: {reason}"));
    let hint = if reason.contains("diverged") {
        "a smaller learning rate may help (--set train.learning_rate=0.001), or data on one scale (--set data.normalise=mean-std)"
            .to_owned()
    } else {
        format!("`munas show {} {trial}` shows what was trained", quoted(dir))
    };
    error.hint(hint)
}

/// What shells expect of a program that Ctrl-C ended.
const CTRL_C_STATUS: u8 = 130;
