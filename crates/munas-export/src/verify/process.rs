//! Running compilers and emulators, which are found on the PATH.

use std::{path::Path, process::Command};

use super::{Tool, VerifyError};
use crate::helper::{self, Finished, HelperError, HelperLimits, Run};

/// Runs a program to its end.
pub(super) fn run(tool: Tool, command: &mut Command, run: &Run<'_>) -> Result<Finished, VerifyError> {
    helper::run(command, run).map_err(|error| match error {
        HelperError::NotFound => VerifyError::MissingTool(tool),
        HelperError::TimedOut(limit) => VerifyError::TimedOut { tool, limit },
        HelperError::Interrupted => VerifyError::Interrupted,
        HelperError::Io { action, path, source } => VerifyError::File { action, path, source },
    })
}

/// Runs a compiler, which must succeed, and returns its warnings.
pub(super) fn compile(
    tool: Tool,
    directory: &Path,
    arguments: impl IntoIterator<Item = impl AsRef<std::ffi::OsStr>>,
    limits: &HelperLimits,
) -> Result<String, VerifyError> {
    let mut command = Command::new(tool.program);
    command.args(arguments).env("LC_ALL", "C");
    let run_of = Run { directory, input: None, limit: limits.compile, interrupt: &limits.interrupt };
    let finished = run(tool, &mut command, &run_of)?;
    if finished.status.success() {
        Ok(finished.messages)
    } else {
        Err(VerifyError::Compiler { tool, messages: finished.messages })
    }
}
