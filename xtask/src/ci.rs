//! What CI runs, in order; the first failure ends it.

use std::path::Path;
use std::time::Instant;

use crate::{cargo, console, tidy};

/// A run of cargo.
struct CargoStep {
    name: &'static str,
    arguments: &'static [&'static str],
}

const CARGO_STEPS: [CargoStep; 4] = [
    CargoStep { name: "fmt", arguments: &["fmt", "--all", "--check"] },
    CargoStep {
        name: "clippy",
        arguments: &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"],
    },
    CargoStep { name: "test", arguments: &["test", "--workspace"] },
    CargoStep { name: "doc", arguments: &["doc", "--workspace", "--no-deps"] },
];

/// Runs every step.
///
/// # Errors
/// The name of the first step that failed, and how.
pub fn run(root: &Path) -> Result<(), String> {
    for CargoStep { name, arguments } in CARGO_STEPS {
        timed(name, || run_cargo(root, arguments))?;
    }
    timed("tidy", || tidy::run(root))
}

fn timed(name: &str, step: impl FnOnce() -> Result<(), String>) -> Result<(), String> {
    console::line(&format!("ci: {name} ..."));
    let start = Instant::now();
    let outcome = step();
    let seconds = start.elapsed().as_secs_f64();
    match outcome {
        Ok(()) => {
            console::line(&format!("ci: {name} passed in {seconds:.1} s"));
            Ok(())
        }
        Err(message) => Err(format!("{message}\nci: {name} failed after {seconds:.1} s")),
    }
}

fn run_cargo(root: &Path, arguments: &[&str]) -> Result<(), String> {
    let shown = format!("cargo {}", arguments.join(" "));
    let status = cargo()
        .args(arguments)
        .current_dir(root)
        .env("RUSTDOCFLAGS", "-D warnings")
        .status()
        .map_err(|error| format!("`{shown}` did not start: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("`{shown}` ended with {status}")) }
}
