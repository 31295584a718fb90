//! `munas report`: a run as one HTML page.

use std::collections::BTreeMap;
use std::path::PathBuf;

use munas_report::{RunView, detailed, html_report, visible};
use munas_run::{RunReader, finalists, front_of};
use serde::Serialize;

use crate::args::ReportArgs;
use crate::error::{CliError, CliResult};
use crate::output::Output;

const DEFAULT_NAME: &str = "report.html";

#[derive(Debug, Serialize)]
struct ReportJson {
    report: PathBuf,
    bytes: usize,
}

/// Writes the page.
pub fn run(args: &ReportArgs, output: &mut Output) -> CliResult {
    let reader = RunReader::open(&args.dir)?;
    let trials = reader.trials()?;
    let front = front_of(&trials, &reader.experiment().bounds);
    let shown = detailed(&front, &reader.experiment().bounds);
    let curves: BTreeMap<_, _> =
        shown.iter().map(|&member| Ok((member, reader.curve(member)?))).collect::<CliResult<_>>()?;
    let mut confusions = BTreeMap::new();
    for member in shown {
        confusions.extend(reader.confusions(member)?.map(|found| (member, found)));
    }
    let finalists = finalists(&reader)?;
    let page = html_report(&RunView {
        experiment: reader.experiment(),
        task: reader.task(),
        trials: &trials,
        front: &front,
        finalists: &finalists,
        curves: &curves,
        confusions: &confusions,
    });
    let path = args.output.clone().unwrap_or_else(|| args.dir.join(DEFAULT_NAME));
    std::fs::write(&path, &page).map_err(|error| {
        CliError::failure(format_args!("cannot write the report: {error}"))
            .in_file(&path)
            .hint("-o FILE writes it to another place")
    })?;
    if args.format.json {
        output.json(&ReportJson { bytes: page.len(), report: path })?;
    } else {
        output.line(visible(&path.to_string_lossy()))?;
    }
    Ok(())
}
