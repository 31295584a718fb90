//! `munas refine`: the best networks of a run, trained anew.

use std::sync::Arc;

use munas_app::experiment::load_data_of_run;
use munas_app::records::FinalistJson;
use munas_app::session::refine;
use munas_app::{UserResult, quoted};
use munas_run::{
    Limits, NetworkCount, RefineEnd, RefinePlan, RefineSummary, RefineWishes, Run, RunReader, finalists,
    plan_finalists, status,
};
use munas_search::Bounds;
use serde::Serialize;

use crate::args::RefineArgs;
use crate::crew::crew;
use crate::finals;
use crate::output::Output;
use crate::session;
use crate::stop::Interruption;
use crate::terminal::Terminal;

#[derive(Debug, Serialize)]
struct RefineJson {
    /// Directory of the run.
    dir: String,
    /// Why it ended: finalists (all are trained), time, interrupted.
    reason: &'static str,
    /// Trainings of this session by how they ended, and those that are left.
    done: u64,
    failed: u64,
    left: u64,
    seconds: f64,
    /// The best first.
    finalists: Vec<FinalistJson>,
}

/// Trains the finalists and prints them.
pub fn run(args: &RefineArgs, output: &mut Output) -> UserResult {
    let mut run = Run::open(&args.dir)?;
    let reader = RunReader::open(&args.dir)?;
    let plan = plan_finalists(&reader, &wishes(args, &reader)?)?;
    let moved = (&args.moved).into();
    let dataset = Arc::new(load_data_of_run(&args.dir, run.experiment(), run.task(), &moved)?);
    let interruption = Interruption::watch()?;
    session::print_begin(&run, &dataset, None, output);
    let mut audience = Terminal::new(&interruption);
    let crew = crew(&args.backend, &plan.limits);
    let summary = refine(&mut run, &dataset, crew.as_ref(), &plan, &interruption.stop(), &mut audience)?;
    // What is printed next may be read by whoever opens the run the moment it appears.
    drop(run);
    if args.format.json {
        print_json(&reader, &summary, output)?;
    } else {
        finals::print_table(&reader, &Bounds::default(), output)?;
        finals::print_end(&reader, &summary, output);
        print_next(&reader, &plan, output)?;
    }
    match summary.reason {
        RefineEnd::Interrupted => Err(interruption.error()),
        RefineEnd::Done | RefineEnd::Time => Ok(()),
    }
}

fn wishes(args: &RefineArgs, reader: &RunReader) -> UserResult<RefineWishes> {
    let experiment = reader.experiment();
    let trials = status(reader)?.trials_limit;
    let limits = Limits { trials, time: args.time, ..Limits::of(experiment) };
    let wishes = RefineWishes::of(experiment, limits);
    Ok(RefineWishes {
        networks: args.networks.map_or(wishes.networks, |count| {
            NetworkCount::AtMost(usize::try_from(count).unwrap_or(usize::MAX))
        }),
        seeds: args.seeds.unwrap_or(wishes.seeds),
        trials: args.trials.clone(),
        length: args.longer.unwrap_or(wishes.length),
        ..wishes
    })
}

fn print_json(reader: &RunReader, summary: &RefineSummary, output: &mut Output) -> UserResult {
    let found = finalists(reader)?;
    Ok(output.json(&RefineJson {
        dir: reader.dir().display().to_string(),
        reason: summary.reason.name(),
        done: summary.done,
        failed: summary.failed,
        left: summary.left,
        seconds: summary.elapsed.as_secs_f64(),
        finalists: found.iter().map(|finalist| FinalistJson::new(finalist, reader)).collect(),
    })?)
}

fn print_next(reader: &RunReader, plan: &RefinePlan, output: &mut Output) -> UserResult {
    let found = finalists(reader)?;
    if plan.trainings == 0 {
        output.note("there was nothing left to train: --networks, --seeds and --trials ask for more");
    }
    if let Some(best) = found.iter().find(|finalist| finalist.best().is_some()) {
        output.note(format_args!(
            "`munas export {} {} -o DIR` writes the best network for firmware",
            quoted(reader.dir()),
            best.trial
        ));
    }
    Ok(())
}
