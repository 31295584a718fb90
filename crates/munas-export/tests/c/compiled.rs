//! Generated files in a folder of their own, compiled for this machine with a program of the test.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use munas_export::c::GeneratedFile;
use tempfile::TempDir;

use crate::STRICT;

/// A folder with sources.
pub struct Project {
    directory: TempDir,
}

impl Project {
    pub fn new<'a>(files: impl IntoIterator<Item = &'a GeneratedFile>) -> Self {
        let project = Self { directory: tempfile::tempdir().expect("a folder for temporary files") };
        for file in files {
            project.write(&file.name, &file.text);
        }
        project
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.path().join(name), text).expect("the folder can be written to");
    }

    /// Compiles without warnings. `None`, with a printed line, if there is no compiler.
    pub fn compile(&self, compiler: &str, arguments: &[&str]) -> Option<()> {
        let finished = self.finish(compiler, arguments)?;
        let messages = String::from_utf8_lossy(&finished.stderr);
        assert!(finished.status.success(), "{compiler} {arguments:?}: {messages}");
        Some(())
    }

    /// Runs a compiler to its end, whatever that is.
    #[expect(clippy::print_stderr, reason = "a skipped test says so")]
    pub fn finish(&self, compiler: &str, arguments: &[&str]) -> Option<Output> {
        let mut command = Command::new(compiler);
        match command.args(STRICT).args(arguments).current_dir(self.path()).output() {
            Ok(output) => Some(output),
            Err(error) => {
                eprintln!("skipped: {compiler}: {error}");
                None
            }
        }
    }

    /// Runs a program of the folder on an input and returns what it wrote.
    pub fn run(&self, program: &str, input: &[u8]) -> Vec<u8> {
        let path: PathBuf = self.path().join(program);
        let mut child = Command::new(path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program was compiled");
        // The input is written beside the reading of the output: neither waits for the other.
        let mut stdin = child.stdin.take().expect("piped");
        let input = input.to_vec();
        let writer = std::thread::spawn(move || stdin.write_all(&input));
        let output = child.wait_with_output().expect("the program runs");
        writer.join().expect("the writer does not panic").expect("the program reads its input");
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{program}: {text}");
        output.stdout
    }
}
