//! Running the binary in a directory of its own.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// A search that takes a second: dense networks on 300 generated digits, one worker.
pub const TINY: &[&str] = &[
    "--set",
    "data.source=glyphs",
    "--set",
    "data.subset=300",
    "--set",
    "space.kind=mlp",
    "--set",
    "search.sampling=uniform",
    "--set",
    "train.epochs=2",
    "--set",
    "search.rungs=1",
    "--set",
    "search.trials=6",
    "--workers",
    "1",
];

/// A directory in which the binary runs; removed in the end.
pub struct Workspace {
    dir: TempDir,
}

/// What a finished process left.
pub struct Finished {
    /// Exit status; `None` if a signal ended it.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Workspace {
    pub fn new() -> Self {
        Self { dir: TempDir::new().unwrap() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes a file and returns its name.
    pub fn write<'n>(&self, name: &'n str, content: impl AsRef<[u8]>) -> &'n str {
        std::fs::write(self.path(name), content).unwrap();
        name
    }

    /// The command with these arguments, in this directory and with nothing of the user's environment that matters.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_munas"));
        command.args(args).current_dir(self.dir.path()).stdin(Stdio::null());
        command.env_remove("MUNAS_DATA").env("XDG_CACHE_HOME", self.dir.path().join("cache"));
        command
    }

    /// The command in a shell that ignores a signal, and with it the command.
    pub fn command_that_ignores(&self, signal: &str, args: &[&str]) -> Command {
        let direct = self.command(args);
        let mut command = Command::new("sh");
        command.args(["-c", &format!("trap '' {signal}; exec \"$@\""), "sh"]).arg(direct.get_program());
        command.args(direct.get_args()).current_dir(self.dir.path()).stdin(Stdio::null());
        command.env_remove("MUNAS_DATA").env("XDG_CACHE_HOME", self.dir.path().join("cache"));
        command
    }

    pub fn run(&self, args: &[&str]) -> Finished {
        Finished::of(self.command(args).output().unwrap())
    }

    /// Runs a command that must succeed and returns its standard output.
    pub fn ok(&self, args: &[&str]) -> String {
        let finished = self.run(args);
        assert_eq!(finished.code, Some(0), "{args:?}: {}", finished.stderr);
        finished.stdout
    }

    /// Runs a command that must succeed and print one JSON document.
    pub fn json(&self, args: &[&str]) -> Value {
        serde_json::from_str(&self.ok(args)).unwrap()
    }

    /// A tiny search in `dir`, with more arguments.
    pub fn tiny_search<'a>(dir: &'a str, more: &[&'a str]) -> Vec<&'a str> {
        [&["search", "--out", dir], TINY, more].concat()
    }
}

impl Finished {
    fn of(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// What went wrong, with the temporary directory's name taken out.
    pub fn error_in(&self, workspace: &Workspace) -> String {
        self.stderr.replace(&workspace.dir.path().display().to_string(), "DIR")
    }
}

/// A process that is still running; killed when dropped.
pub struct Running {
    child: Child,
    stderr: BufReader<std::process::ChildStderr>,
}

impl Running {
    pub fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        Self { child, stderr }
    }

    /// Reads standard error up to the first line that contains `text`.
    pub fn wait_for(&mut self, text: &str) {
        let mut seen = String::new();
        while !seen.lines().last().unwrap_or_default().contains(text) {
            assert!(self.stderr.read_line(&mut seen).unwrap() > 0, "ended without `{text}`: {seen}");
        }
    }

    /// Number of the process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends Ctrl-C.
    pub fn interrupt(&self) {
        self.signal("-INT");
    }

    /// Sends a signal as `kill` names it.
    pub fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Ends the process as kill -9 does, and waits for it.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Whether it has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Waits for the end; the rest of standard error comes with it.
    pub fn finish(mut self) -> Finished {
        let mut stderr = String::new();
        while self.stderr.read_line(&mut stderr).unwrap() > 0 {}
        let mut stdout = String::new();
        for line in BufReader::new(self.child.stdout.take().unwrap()).lines() {
            stdout.push_str(&line.unwrap());
            stdout.push('\n');
        }
        Finished { code: self.child.wait().unwrap().code(), stdout, stderr }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // A process that has ended cannot be killed, and needs not be.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The fixtures of the resource models.
pub fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures").join(name).canonicalize().unwrap()
}
