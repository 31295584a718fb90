//! `munas data fetch`: downloads a dataset.

use std::path::PathBuf;

use indicatif::ProgressBar;
use munas_app::{UserError, UserResult};
use munas_data::data_directories;
use munas_data::fetch::{FetchOptions, FetchProgress, fetch};
use serde::Serialize;

use crate::args::FetchArgs;
use crate::output::{Output, bar_style, message};

#[derive(Debug, Serialize)]
struct FetchJson<'a> {
    name: &'a str,
    /// The folder that holds the files.
    path: PathBuf,
}

/// Downloads and prints where the files are.
pub fn run(args: &FetchArgs, output: &mut Output) -> UserResult {
    let dest = data_directories(args.data_dir.as_deref()).into_iter().next();
    let dest = dest.ok_or_else(|| {
        UserError::input("there is no folder to put the data in").hint("--data-dir or MUNAS_DATA name one")
    })?;
    let options = FetchOptions { from: args.from.clone(), dest };
    let mut progress = Progress::default();
    let fetched = fetch(&args.name, &options, &mut |step| progress.show(&step));
    progress.finish();
    let path = fetched?;
    if args.format.json {
        output.json(&FetchJson { name: &args.name, path })?;
    } else {
        output.line(munas_report::visible(&path.to_string_lossy()))?;
    }
    Ok(())
}

/// A bar per file on a terminal, else a line per file.
#[derive(Default)]
struct Progress {
    current: Option<(String, ProgressBar)>,
}

impl Progress {
    fn show(&mut self, step: &FetchProgress<'_>) {
        if self.current.as_ref().is_none_or(|(file, _)| file != step.file) {
            self.finish();
            let bar = ProgressBar::new(step.total);
            bar.set_style(bar_style("{msg} {bar:30} {bytes}/{total_bytes} {bytes_per_sec}"));
            bar.set_message(step.file.to_owned());
            if bar.is_hidden() {
                message(format_args!("{}: {}", step.file, munas_report::units::bytes(step.total)));
            }
            self.current = Some((step.file.to_owned(), bar));
        }
        if let Some((_, bar)) = &self.current {
            bar.set_position(step.received);
        }
    }

    fn finish(&mut self) {
        if let Some((_, bar)) = self.current.take() {
            bar.finish();
        }
    }
}
