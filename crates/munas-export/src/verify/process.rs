//! Running compilers and emulators: found on the PATH, output captured, ended when they take too long.

use std::{
    fs::{self, File},
    io,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use super::{Tool, VerifyError};

/// Time limit of compilers and of the host's programs.
pub(super) const BUILD_LIMIT: Duration = Duration::from_secs(120);

/// How a program ended and what it wrote.
pub(super) struct Finished {
    pub status: ExitStatus,
    /// Standard output.
    pub output: Vec<u8>,
    /// Standard error.
    pub messages: String,
}

/// Where a program reads from and how long it may take.
pub(super) struct Run<'a> {
    /// The directory in which it runs, which also receives its output files.
    pub directory: &'a Path,
    /// Standard input; empty without.
    pub input: Option<&'a Path>,
    pub limit: Duration,
}

/// Runs a program to its end.
pub(super) fn run(tool: Tool, command: &mut Command, run: &Run<'_>) -> Result<Finished, VerifyError> {
    let (output, messages) = (run.directory.join("stdout"), run.directory.join("stderr"));
    let input = run.input.map(open).transpose()?;
    command
        .current_dir(run.directory)
        .stdin(input.map_or_else(Stdio::null, Stdio::from))
        .stdout(create(&output)?)
        .stderr(create(&messages)?);
    let child = command.spawn().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => VerifyError::MissingTool(tool),
        _ => VerifyError::file("run", Path::new(tool.program), error),
    })?;
    let status = wait(child, tool, run.limit)?;
    let read = |path: &Path| fs::read(path).map_err(|error| VerifyError::file("read", path, error));
    let messages = String::from_utf8_lossy(&read(&messages)?).into_owned();
    Ok(Finished { status, output: read(&output)?, messages })
}

/// Runs a compiler, which must succeed, and returns its warnings.
pub(super) fn compile(
    tool: Tool,
    directory: &Path,
    arguments: impl IntoIterator<Item = impl AsRef<std::ffi::OsStr>>,
) -> Result<String, VerifyError> {
    let mut command = Command::new(tool.program);
    command.args(arguments).env("LC_ALL", "C");
    let finished = run(tool, &mut command, &Run { directory, input: None, limit: BUILD_LIMIT })?;
    if finished.status.success() {
        Ok(finished.messages)
    } else {
        Err(VerifyError::Compiler { tool, messages: finished.messages })
    }
}

fn wait(mut child: Child, tool: Tool, limit: Duration) -> Result<ExitStatus, VerifyError> {
    const PAUSE: Duration = Duration::from_millis(5);
    let failed = |error| VerifyError::file("wait for", Path::new(tool.program), error);
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().map_err(failed)? {
            return Ok(status);
        }
        if start.elapsed() > limit {
            child.kill().map_err(failed)?;
            child.wait().map_err(failed)?;
            return Err(VerifyError::TimedOut { tool, limit });
        }
        thread::sleep(PAUSE);
    }
}

fn open(path: &Path) -> Result<File, VerifyError> {
    File::open(path).map_err(|error| VerifyError::file("read", path, error))
}

fn create(path: &Path) -> Result<File, VerifyError> {
    File::create(path).map_err(|error| VerifyError::file("write", path, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_does_not_end_is_ended() {
        let tool = Tool { program: "sleep", packages: "coreutils" };
        let directory = tempfile::tempdir().unwrap();
        let limit = Duration::from_millis(20);
        let run_limits = Run { directory: directory.path(), input: None, limit };
        match run(tool, Command::new(tool.program).arg("600"), &run_limits) {
            Err(VerifyError::TimedOut { limit: told, .. }) => assert_eq!(told, limit),
            Err(VerifyError::MissingTool(_)) => {}
            other => panic!("{:?}", other.map(|finished| finished.status)),
        }
    }
}
