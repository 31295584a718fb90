//! `munas search`: a new run, or what it would be.

mod dry_run;

use std::path::{Path, PathBuf};

use munas_run::presets::QUICK_START;
use munas_run::{Draft, Experiment, Limits, Run, StoreError, Task};

use crate::args::SearchArgs;
use crate::crew::crew;
use crate::error::{CliError, CliResult};
use crate::experiment::{self, Base, check_source, resolve_to_search};
use crate::output::Output;
use crate::session;

/// Where runs go that were not given a directory.
const RUNS: &str = "runs";

/// Searches in a new run, or says what the search would be.
pub fn run(args: &SearchArgs, output: &mut Output) -> CliResult {
    let draft = draft(args)?;
    if let Some(dir) = &args.out {
        // Before minutes go into loading data.
        Run::require_free(dir)?;
    }
    let (experiment, dataset) = resolve_to_search(&draft, output)?;
    if args.dry_run {
        return dry_run::run(&experiment, &dataset, args.format, output);
    }
    // Before there is a run: one whose teacher cannot be read would be left behind empty.
    experiment.train_settings(&dataset)?;
    let limits = Limits::of(&experiment);
    let run = create(args.out.as_deref(), experiment, &Task::of(&dataset))?;
    session::print_begin(&run, &dataset, limits.time, output);
    let crew = crew(&args.backend, &limits);
    session::run(run, dataset, crew.as_ref(), &limits, args.format, output)
}

/// The experiment that the arguments describe. With neither a file, a preset nor data of one's own it is the quick start.
fn draft(args: &SearchArgs) -> CliResult<Draft> {
    check_source(args.data.as_deref())?;
    let mut overrides = args.overrides();
    let base = match (&args.file, &args.preset) {
        (Some(path), _) => Base::File(path),
        (None, Some(preset)) => Base::Preset(preset),
        (None, None) if names_data(&overrides) => {
            if let Some(data) = &args.data {
                overrides.insert(0, format!("name={}", serde_json::Value::from(data.as_str())));
            }
            Base::Defaults
        }
        (None, None) => Base::Preset(QUICK_START),
    };
    experiment::draft(base, &overrides)
}

fn names_data(overrides: &[String]) -> bool {
    overrides.iter().any(|text| text.split_once('=').is_some_and(|(key, _)| key.trim() == "data.source"))
}

/// The run in the directory asked for, or in the first free one of `runs/NAME-1`, `runs/NAME-2`, …
fn create(out: Option<&Path>, experiment: Experiment, task: &Task) -> CliResult<Run> {
    if let Some(dir) = out {
        return Ok(Run::create(dir, experiment, task)?);
    }
    let name = directory_name(&experiment.name);
    for number in 1_u32.. {
        let dir = PathBuf::from(RUNS).join(format!("{name}-{number}"));
        // Another process may take the directory in between; then the next number is tried.
        if dir.exists() {
            continue;
        }
        match Run::create(&dir, experiment.clone(), task) {
            Err(StoreError::Exists { .. } | StoreError::InUse { .. } | StoreError::Locked { .. }) => {}
            created => return Ok(created?),
        }
    }
    Err(CliError::failure("no directory is free").in_file(Path::new(RUNS)).hint("give one with --out"))
}

/// The experiment's name with everything but letters, digits, dots, dashes and underscores replaced.
fn directory_name(name: &str) -> String {
    let safe: String =
        name.chars().map(|c| if c.is_alphanumeric() || "-_.".contains(c) { c } else { '-' }).collect();
    let safe = safe.trim_matches(|c| c == '-' || c == '.');
    if safe.is_empty() { "run".to_owned() } else { safe.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directory_names_stay_within_their_folder() {
        for (name, expected) in [
            ("mnist", "mnist"),
            ("csv:../my data.csv", "csv-..-my-data.csv"),
            ("../..", "run"),
            ("", "run"),
            ("é1", "é1"),
        ] {
            assert_eq!(directory_name(name), expected, "{name}");
        }
    }

    #[test]
    fn the_quick_start_is_the_base_unless_data_are_named() {
        let experiment = |args: &SearchArgs| draft(args).unwrap().preliminary().unwrap();
        let quick = experiment(&SearchArgs::default());
        assert_eq!(quick.data.source, "glyphs");
        let own = SearchArgs { data: Some("csv:a.csv".into()), ..SearchArgs::default() };
        let own = experiment(&own);
        assert_eq!((own.data.source.as_str(), own.name.as_str()), ("csv:a.csv", "csv:a.csv"));
        assert_ne!(own.train.epochs, quick.train.epochs);
    }
}
