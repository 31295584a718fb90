//! `munas report`: a run as one HTML page.

use std::path::PathBuf;

use munas_app::{UserError, UserResult, report_page};
use munas_report::visible;
use munas_run::RunReader;
use serde::Serialize;

use crate::args::ReportArgs;
use crate::output::Output;

const DEFAULT_NAME: &str = "report.html";

#[derive(Debug, Serialize)]
struct ReportJson {
    report: PathBuf,
    bytes: usize,
}

/// Writes the page.
pub fn run(args: &ReportArgs, output: &mut Output) -> UserResult {
    let page = report_page(&RunReader::open(&args.dir)?)?;
    let path = args.output.clone().unwrap_or_else(|| args.dir.join(DEFAULT_NAME));
    std::fs::write(&path, &page).map_err(|error| {
        UserError::failure(format_args!("cannot write the report: {error}"))
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
