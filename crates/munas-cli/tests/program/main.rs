//! Whole-program tests: the binary with real arguments, files and signals. Searches are tiny (generated digits, dense
//! networks, one or two epochs) and need no network.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test says what happened by failing, or on standard output"
)]

mod cost;
mod data;
mod errors;
mod export;
mod interruption;
mod judging;
mod refine;
mod search;
mod support;
mod train;
#[cfg(unix)]
mod workers;
