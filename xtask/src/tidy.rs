//! What the compiler and clippy do not check.
//!
//! | module | checks |
//! |---|---|
//! | [`crate_table`] | the crate table of ARCHITECTURE.md against the manifests |
//! | [`sources`] | lengths of files, forbidden words |
//! | [`circles`] | files of a crate that import each other |
//! | [`recipes`] | paths that docs/extending names |
//! | [`wildcards`] | matches on operators and activations that do not name all of them |

mod circles;
mod crate_table;
mod lexer;
mod recipes;
mod sources;
mod tokens;
mod wildcards;

use std::fmt;
use std::path::{Path, PathBuf};

use crate::console;

/// Something that is wrong at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Finding {
    /// Relative to the workspace.
    path: PathBuf,
    /// 1-based; `None` for the file as a whole.
    line: Option<usize>,
    message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.path.display())?;
        if let Some(line) = self.line {
            write!(f, "{line}:")?;
        }
        write!(f, " {}", self.message)
    }
}

/// Runs all checks and prints what they find.
///
/// # Errors
/// The findings, one per line; or why a check could not be made.
pub fn run(root: &Path) -> Result<(), String> {
    let mut findings = crate_table::check(root)?;
    let files = sources::read(root)?;
    console::line(&sources::length_summary(&files));
    findings.extend(files.iter().flat_map(sources::check));
    findings.extend(circles::check(&files));
    findings.extend(recipes::check(root)?);
    findings.extend(files.iter().flat_map(wildcards::check));
    if findings.is_empty() {
        return Ok(());
    }
    let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
    Err(format!("{}\ntidy: {} findings", lines.join("\n"), findings.len()))
}
