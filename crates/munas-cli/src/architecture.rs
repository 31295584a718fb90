//! Architectures that the user names: from a file to a checked value.

use std::path::Path;

use munas_space::{Architecture, Kind};

use crate::error::{CliError, CliResult, read_input};

/// The kind of a search space by its name.
///
/// # Errors
/// If there is no such kind.
pub fn parse_kind(name: &str) -> CliResult<Kind> {
    name.parse()
        .map_err(|_| CliError::input(format_args!("--space: there is no kind of search space `{name}`")))
        .map_err(|error: CliError| error.hint("the kinds are cnn2d, cnn1d and mlp"))
}

/// The architecture in a JSON file.
///
/// # Errors
/// If the file cannot be read or is not a well-formed architecture of this kind.
pub fn read_architecture(kind: Kind, path: &Path) -> CliResult<Architecture> {
    Architecture::from_json_text(kind, &read_input(path)?).map_err(|error| {
        CliError::input(format_args!("not an architecture of kind {kind}: {error}"))
            .in_file(path)
            .hint("`munas cost --help` shows the form")
    })
}
