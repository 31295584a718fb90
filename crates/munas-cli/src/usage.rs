//! Parsing the command line, with wrong usage reported like every other error.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use munas_app::UserError;

use crate::exit::exit_code;
use crate::output::Output;

/// Parsing ended without arguments to act on.
#[derive(Debug)]
pub enum Outcome {
    /// Help or version was asked for.
    Help(clap::Error),
    /// Wrong usage.
    Wrong(UserError),
}

impl Outcome {
    /// Prints what there is to say and returns the exit status.
    pub fn print(self, output: &mut Output) -> ExitCode {
        match self {
            Self::Help(help) => match output.help(help.render().ansi()) {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => exit_code(&UserError::from(error)),
            },
            Self::Wrong(error) => {
                output.error(&error);
                exit_code(&error)
            }
        }
    }
}

/// Arguments from a command line, the program's name first.
///
/// # Errors
/// If help was asked for or the usage is wrong.
pub fn parse<P: Parser>(arguments: impl IntoIterator<Item = OsString>) -> Result<P, Outcome> {
    P::try_parse_from(arguments).map_err(|error| match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Outcome::Help(error),
        _ => Outcome::Wrong(wrong_usage(&error)),
    })
}

/// The parser's error in the form of all others: its first line, the usage as the place, its suggestion as the hint.
fn wrong_usage(error: &clap::Error) -> UserError {
    let plain = error.render().to_string();
    let usage = plain.lines().find(|line| line.starts_with("Usage:")).map(str::to_owned);
    let place = |error: UserError| match &usage {
        Some(usage) => error.at(usage),
        None => error,
    };
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return place(UserError::input("a command is missing")).hint("--help lists the commands");
    }
    let message = plain.split("\n\n").next().unwrap_or_default().trim_start_matches("error: ");
    let message = message.lines().map(str::trim).collect::<Vec<_>>().join(" ");
    let hint = suggestion(error).unwrap_or_else(|| "--help after a command shows its arguments".to_owned());
    place(UserError::input(message)).hint(hint)
}

/// What the parser thinks was meant.
fn suggestion(error: &clap::Error) -> Option<String> {
    let kinds = [ContextKind::SuggestedArg, ContextKind::SuggestedSubcommand, ContextKind::SuggestedValue];
    let meant = kinds.iter().find_map(|&kind| error.get(kind)).map(|value| match value {
        ContextValue::Strings(names) => names.first().cloned().unwrap_or_default(),
        other => other.to_string(),
    })?;
    (!meant.is_empty()).then(|| format!("did you mean `{meant}`?"))
}

#[cfg(test)]
mod tests;
