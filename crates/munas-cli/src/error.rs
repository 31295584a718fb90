//! What a failed command tells its user: what went wrong, where, and what may help.
//!
//! ```text
//! error: unknown key `train.epoch`
//!   in experiment.toml
//! hint: did you mean `train.epochs`?
//! ```

mod convert;

use std::fmt;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use anstyle::{AnsiColor, Effects, Style};

use crate::stop::INTERRUPTED;

const ERROR: Style = AnsiColor::Red.on_default().effects(Effects::BOLD);
const HINT: Style = AnsiColor::Cyan.on_default().effects(Effects::BOLD);

/// Who can put it right, which decides the exit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// The arguments or a file they name: status 2.
    Input,
    /// Something failed on the way: status 1.
    Failure,
    /// Nobody: Ctrl-C, status 130.
    Interrupted,
    /// The reader of standard output is gone: nothing is wrong, status 0.
    OutputClosed,
}

/// A failed command.
#[derive(Debug)]
pub struct CliError {
    fault: Fault,
    what: String,
    place: Option<String>,
    hint: Option<String>,
}

/// What a command returns.
pub type CliResult<T = ()> = Result<T, CliError>;

impl CliError {
    /// Wrong usage or input.
    pub fn input(what: impl fmt::Display) -> Self {
        Self { fault: Fault::Input, what: what.to_string(), place: None, hint: None }
    }

    /// A failure on the way.
    pub fn failure(what: impl fmt::Display) -> Self {
        Self { fault: Fault::Failure, ..Self::input(what) }
    }

    /// Ended by Ctrl-C.
    pub fn interrupted() -> Self {
        Self { fault: Fault::Interrupted, ..Self::input("interrupted") }
    }

    /// Says where: a file, a field, a trial.
    pub fn at(mut self, place: impl fmt::Display) -> Self {
        self.place = Some(place.to_string());
        self
    }

    /// Says in which file.
    pub fn in_file(self, path: &Path) -> Self {
        self.at(format_args!("in {}", path.display()))
    }

    /// Says what may help.
    pub fn hint(self, hint: impl fmt::Display) -> Self {
        self.maybe_hint(Some(hint))
    }

    /// Says what may help, where there is something.
    pub fn maybe_hint(mut self, hint: Option<impl fmt::Display>) -> Self {
        self.hint = hint.map(|hint| hint.to_string()).or(self.hint);
        self
    }

    /// The process's exit status.
    pub fn exit_code(&self) -> ExitCode {
        match self.fault {
            Fault::Input => ExitCode::from(2),
            Fault::Failure => ExitCode::FAILURE,
            Fault::Interrupted => ExitCode::from(INTERRUPTED),
            Fault::OutputClosed => ExitCode::SUCCESS,
        }
    }

    /// The message with its styles; empty if there is nothing to say.
    pub fn render(&self) -> String {
        if self.fault == Fault::OutputClosed {
            return String::new();
        }
        let mut text = format!("{ERROR}error:{ERROR:#} {}\n", self.what);
        if let Some(place) = &self.place {
            text.push_str(&format!("  {place}\n"));
        }
        if let Some(hint) = &self.hint {
            text.push_str(&format!("{HINT}hint:{HINT:#} {hint}\n"));
        }
        text
    }
}

/// Printing failed.
impl From<io::Error> for CliError {
    fn from(error: io::Error) -> Self {
        let closed = error.kind() == io::ErrorKind::BrokenPipe;
        let fault = if closed { Fault::OutputClosed } else { Fault::Failure };
        Self { fault, ..Self::input(format_args!("cannot write the output: {error}")) }
    }
}

/// Reads a text file that the user named.
///
/// # Errors
/// An input error that names the file.
pub fn read_input(path: &Path) -> CliResult<String> {
    std::fs::read_to_string(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => CliError::input(format_args!("{} does not exist", path.display())),
        io::ErrorKind::InvalidData => CliError::input(format_args!("{} is not text (UTF-8)", path.display())),
        _ => CliError::input(format_args!("cannot read {}: {error}", path.display())),
    })
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn plain(error: &CliError) -> String {
        anstream::adapter::strip_str(&error.render()).to_string()
    }

    #[test]
    fn an_error_says_what_where_and_what_helps() {
        let error = CliError::input("unknown key `train.epoch`")
            .in_file(Path::new("experiment.toml"))
            .hint("did you mean `train.epochs`?");
        expect![[r#"
            error: unknown key `train.epoch`
              in experiment.toml
            hint: did you mean `train.epochs`?
        "#]]
        .assert_eq(&plain(&error));
        assert_eq!(plain(&CliError::failure("disk full")), "error: disk full\n");
    }

    #[test]
    fn a_closed_pipe_is_no_error() {
        let error = CliError::from(io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!(error.render(), "");
    }
}
