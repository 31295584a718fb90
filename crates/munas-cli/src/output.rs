//! Where results and messages go: results to standard output, everything else to standard error. Styles are written
//! only to a terminal, and not when `NO_COLOR` is set.

use std::fmt;
use std::io::{self, Write};

use anstream::AutoStream;
use anstyle::{AnsiColor, Effects, Style};
use indicatif::ProgressStyle;
use munas_data::Warning;
use serde::Serialize;

use crate::error::HINT;

/// Style of headings and of what to do next.
pub const STRONG: Style = Style::new().effects(Effects::BOLD);
/// Style of what is done.
pub const GOOD: Style = AnsiColor::Green.on_default();
/// Style of the word before a warning.
const WARNING: Style = AnsiColor::Yellow.on_default().effects(Effects::BOLD);

/// The program's two streams.
pub struct Output {
    stdout: AutoStream<io::Stdout>,
    stderr: AutoStream<io::Stderr>,
}

impl Output {
    /// The process's own streams.
    pub fn new() -> Self {
        Self { stdout: AutoStream::auto(io::stdout()), stderr: AutoStream::auto(io::stderr()) }
    }

    /// Prints a part of the results as it is.
    ///
    /// # Errors
    /// If standard output cannot be written.
    pub fn text(&mut self, text: impl fmt::Display) -> io::Result<()> {
        write!(self.stdout, "{text}")
    }

    /// Prints a line of the results.
    ///
    /// # Errors
    /// If standard output cannot be written.
    pub fn line(&mut self, line: impl fmt::Display) -> io::Result<()> {
        writeln!(self.stdout, "{line}")
    }

    /// Prints names with what is to say about them, one per line and in two columns.
    ///
    /// # Errors
    /// If standard output cannot be written.
    pub fn facts<T: fmt::Display>(
        &mut self,
        facts: impl IntoIterator<Item = (&'static str, T)>,
    ) -> io::Result<()> {
        facts.into_iter().try_for_each(|(name, fact)| self.line(format_args!("{name:<14}{fact}")))
    }

    /// Prints the results as one JSON document.
    ///
    /// # Errors
    /// If standard output cannot be written.
    pub fn json(&mut self, document: &impl Serialize) -> io::Result<()> {
        serde_json::to_writer_pretty(&mut self.stdout, document)?;
        writeln!(self.stdout)
    }

    /// Prints a message beside the results. A message that cannot be written is lost: the results matter more.
    pub fn note(&mut self, message: impl fmt::Display) {
        drop(writeln!(self.stderr, "{message}"));
    }

    /// Prints warnings about data, each with its hint.
    pub fn warnings(&mut self, warnings: &[Warning]) {
        for warning in warnings {
            self.note(format_args!("{WARNING}warning:{WARNING:#} {warning}"));
            if let Some(hint) = &warning.hint {
                self.note(format_args!("{HINT}hint:{HINT:#} {hint}"));
            }
        }
    }

    /// Prints a rendered error.
    pub fn error(&mut self, rendered: &str) {
        drop(write!(self.stderr, "{rendered}"));
    }
}

/// Prints a message beside the results, from where no [`Output`] is at hand.
pub fn message(message: impl fmt::Display) {
    drop(writeln!(AutoStream::auto(io::stderr()), "{message}"));
}

/// The style of a progress bar; `template` in indicatif's form.
///
/// # Panics
/// If the template is not of that form: it is a constant of this program.
pub fn bar_style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the template is well-formed").progress_chars("━╸─")
}
