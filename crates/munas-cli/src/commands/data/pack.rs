//! `munas data pack`: a dataset in one file that processes share in memory.

use std::path::Path;

use munas_app::{UserError, UserResult};
use munas_report::{units, visible};
use serde::Serialize;

use super::load;
use crate::args::PackArgs;
use crate::output::Output;

#[derive(Debug, Serialize)]
struct PackJson<'a> {
    name: &'a str,
    path: &'a Path,
    /// Of all parts and of none.
    samples: usize,
    /// Of the file.
    bytes: u64,
    fingerprint: &'a str,
}

/// Writes the file and prints what is in it.
pub fn run(args: &PackArgs, output: &mut Output) -> UserResult {
    let dataset = load(&args.dataset, output)?;
    let path = &args.output;
    let bytes = dataset
        .pack(path)
        .map_err(|error| UserError::failure(format_args!("cannot write: {error}")).in_file(path))?;
    let (name, samples, fingerprint) = (&dataset.name, dataset.stored_samples(), &dataset.fingerprint);
    if args.format.json {
        output.json(&PackJson { name, path, samples, bytes, fingerprint })?;
    } else {
        let (name, size) = (visible(name), units::bytes(bytes));
        output.line(format_args!("{name}: {samples} samples, {size}, fingerprint {fingerprint}"))?;
    }
    Ok(())
}
