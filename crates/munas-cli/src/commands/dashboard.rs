//! `munas dashboard`: runs on a live page.

use std::path::PathBuf;

use munas_app::new_run::RUNS;
use munas_app::{UserError, UserResult};
use munas_dashboard::serve;
use serde::Serialize;

use crate::args::DashboardArgs;
use crate::output::Output;
use crate::stop::Interruption;

#[derive(Debug, Serialize)]
struct DashboardJson {
    address: String,
    port: u16,
}

/// Serves the page until Ctrl-C, which is how it ends.
pub fn run(args: &DashboardArgs, output: &mut Output) -> UserResult {
    if let Some(missing) = args.places.iter().find(|place| !place.is_dir()) {
        return Err(UserError::input("there is no such folder")
            .in_file(missing)
            .hint("name runs, or folders of runs; without any, it is the folder runs"));
    }
    let places = if args.places.is_empty() { vec![PathBuf::from(RUNS)] } else { args.places.clone() };
    let interruption = Interruption::watch()?;
    let mut printed = Ok(());
    let ready = |address: &munas_dashboard::Address| {
        printed = if args.format.json {
            output.json(&DashboardJson { address: address.to_string(), port: address.port })
        } else {
            output.line(format_args!("{address}\n\nCtrl-C ends it; the runs stay as they are"))
        };
    };
    serve(places, args.port, ready, || interruption.has_come()).map_err(|error| match args.port {
        Some(port) => UserError::failure(format_args!("cannot serve at port {port}: {error}"))
            .hint("without --port it is one that is free"),
        None => UserError::failure(format_args!("cannot serve: {error}")),
    })?;
    Ok(printed?)
}
