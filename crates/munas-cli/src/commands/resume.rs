//! `munas resume`: goes on with a run.

use munas_app::UserResult;
use munas_app::experiment::load_data_of_run;
use munas_run::{Limits, Run, RunReader, status};

use crate::args::ResumeArgs;
use crate::crew::crew;
use crate::output::Output;
use crate::session;

/// Goes on with a run.
pub fn run(args: &ResumeArgs, output: &mut Output) -> UserResult {
    let run = Run::open(&args.dir)?;
    let mut limits = Limits::of(run.experiment());
    limits.trials = args.length.trials.unwrap_or(limits.trials);
    limits.time = args.length.time.or(limits.time);
    let status = status(&RunReader::open(&args.dir)?)?;
    if status.ended() >= limits.trials {
        output.note(format_args!(
            "all {} trials are done; --trials with a larger number searches on",
            limits.trials
        ));
    }
    let dataset = load_data_of_run(&args.dir, run.experiment(), run.task(), &(&args.moved).into())?;
    session::print_begin(&run, &dataset, limits.time, output);
    let crew = crew(&args.backend, &limits);
    session::run(run, dataset, crew.as_ref(), &limits, args.format, output)
}
