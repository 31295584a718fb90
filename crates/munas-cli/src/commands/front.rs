//! `munas front`: the Pareto front of a run.

use munas_report::{front_table, nothing_usable};
use munas_run::{RunReader, front};

use crate::args::RunArgs;
use crate::error::CliResult;
use crate::output::Output;
use crate::records::TrialJson;

/// Prints the front.
pub fn run(args: &RunArgs, output: &mut Output) -> CliResult {
    let reader = RunReader::open(&args.dir)?;
    let bounds = &reader.experiment().bounds;
    let front = front(&reader)?;
    if args.format.json {
        output.json(&TrialJson::list(&front, bounds))?;
    } else if front.is_empty() {
        output.note(nothing_usable(&reader.trials()?));
    } else {
        output.text(front_table(&front, bounds))?;
    }
    Ok(())
}
