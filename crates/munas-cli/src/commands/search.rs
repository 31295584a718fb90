//! `munas search`: a new run, or what it would be.

mod dry_run;

use munas_app::experiment::{self, Base, check_source, resolve_to_search};
use munas_app::{UserResult, new_run};
use munas_run::presets::QUICK_START;
use munas_run::{Draft, Limits, Run, Task};

use crate::args::SearchArgs;
use crate::crew::crew;
use crate::output::Output;
use crate::reading::load_to_train;
use crate::session;

/// Searches in a new run, or says what the search would be.
pub fn run(args: &SearchArgs, output: &mut Output) -> UserResult {
    let draft = draft(args)?;
    if let Some(dir) = &args.out {
        // Before minutes go into loading data.
        Run::require_free(dir)?;
    }
    let dataset = load_to_train(&draft, output)?;
    let experiment = resolve_to_search(&draft, &dataset)?;
    if args.dry_run {
        return dry_run::run(&experiment, &dataset, args.format, output);
    }
    let limits = Limits::of(&experiment);
    let run = new_run::create(args.out.as_deref(), &experiment, &Task::of(&dataset))?;
    session::print_begin(&run, &dataset, limits.time, output);
    let crew = crew(&args.backend, &limits);
    session::run(run, dataset, crew.as_ref(), &limits, args.format, output)
}

/// The experiment that the arguments describe. With neither a file, a preset nor data of one's own it is the quick start.
fn draft(args: &SearchArgs) -> UserResult<Draft> {
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

#[cfg(test)]
mod tests {
    use super::*;

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
