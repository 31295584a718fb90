//! What users are told of an error: what went wrong, where, and what may help.

mod convert;

use std::fmt;
use std::io;
use std::path::Path;

use munas_report::visible;

/// Who can put it right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// What the user has given: arguments, or a file that they name.
    Input,
    /// Something failed on the way.
    Failure,
    /// The reader of the output is gone: nothing is wrong.
    OutputClosed,
    /// The user ended it; with the exit status that says so.
    Interrupted(u8),
}

/// What went wrong, where, and what may help.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserError {
    fault: Fault,
    what: String,
    place: Option<String>,
    hint: Option<String>,
}

/// What is asked for, or what is wrong with it.
pub type UserResult<T = ()> = Result<T, UserError>;

impl UserError {
    /// Wrong usage or input.
    pub fn input(what: impl fmt::Display) -> Self {
        Self { fault: Fault::Input, what: what.to_string(), place: None, hint: None }
    }

    /// A failure on the way.
    pub fn failure(what: impl fmt::Display) -> Self {
        Self { fault: Fault::Failure, ..Self::input(what) }
    }

    /// The end of a command that the user interrupted; there is nothing more to say about it.
    pub fn interrupted(status: u8) -> Self {
        Self { fault: Fault::Interrupted(status), ..Self::input("interrupted") }
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

    /// Who can put it right.
    pub fn fault(&self) -> Fault {
        self.fault
    }

    /// Whether the user ended it.
    pub fn is_interruption(&self) -> bool {
        matches!(self.fault, Fault::Interrupted(_))
    }

    /// What went wrong.
    pub fn what(&self) -> &str {
        &self.what
    }

    /// Where: `in FILE`, `trial 3`.
    pub fn place(&self) -> Option<&str> {
        self.place.as_deref()
    }

    /// What may help.
    pub fn help(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

/// What, where and what may help, a line each.
impl fmt::Display for UserError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        if let Some(place) = &self.place {
            write!(f, "\n  {}", visible(place))?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\nhint: {}", visible(hint))?;
        }
        Ok(())
    }
}

impl std::error::Error for UserError {}

/// Output could not be written.
impl From<io::Error> for UserError {
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
pub fn read_input(path: &Path) -> UserResult<String> {
    std::fs::read_to_string(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => UserError::input(format_args!("{} does not exist", path.display())),
        io::ErrorKind::InvalidData => {
            UserError::input(format_args!("{} is not text (UTF-8)", path.display()))
        }
        _ => UserError::input(format_args!("cannot read {}: {error}", path.display())),
    })
}
