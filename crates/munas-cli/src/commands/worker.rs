//! `munas worker`: trains for a search in another process.

use std::io::{stdin, stdout};
use std::process;

use munas_app::{UserError, UserResult};
use munas_run::serve_worker;

use crate::args::WorkerArgs;

/// Trains until standard input ends.
pub fn run(args: &WorkerArgs) -> UserResult {
    // No worker trains on for nobody: what runs is left where it is.
    let at_end = || process::exit(0);
    serve_worker(args.data.as_deref(), stdin(), stdout(), at_end).map_err(UserError::input)
}
