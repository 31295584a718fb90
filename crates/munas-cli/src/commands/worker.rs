//! `munas worker`: trains for a search in another process.

use std::io::{stdin, stdout};
use std::process;

use munas_run::serve_worker;

use crate::args::WorkerArgs;
use crate::error::{CliError, CliResult};

/// Trains until standard input ends.
pub fn run(args: &WorkerArgs) -> CliResult {
    // No worker trains on for nobody: what runs is left where it is.
    let at_end = || process::exit(0);
    serve_worker(args.data.as_deref(), stdin(), stdout(), at_end).map_err(CliError::input)
}
