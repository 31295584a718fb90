//! Checks of the workspace: `cargo xtask tidy` and `cargo xtask ci`.
//!
//! | module | holds |
//! |---|---|
//! | [`ci`] | the steps that a change must pass, in order |
//! | [`tidy`] | what the compiler and clippy do not check: the crate table, file lengths, forbidden words, circles of files |
//! | [`console`] | output, all of it on stderr |

mod ci;
mod console;
mod tidy;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask <command>

  tidy   check the crate table of ARCHITECTURE.md, file lengths, forbidden words, circles of files and wildcards on operators
  ci     run everything that CI runs: fmt, clippy, test, doc, tidy";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match arguments.as_slice() {
        ["tidy"] => tidy::run(&workspace_root()),
        ["ci"] => ci::run(&workspace_root()),
        _ => Err(USAGE.to_owned()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            console::line(&message);
            ExitCode::FAILURE
        }
    }
}

/// The folder that holds this crate's folder.
fn workspace_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the workspace").to_owned()
}

/// The cargo that runs this program.
fn cargo() -> std::process::Command {
    std::process::Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}
