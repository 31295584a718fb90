//! Programs of others that are run to their end: compilers, emulators, Python.
//!
//! Each runs in a process group of its own, with its output in files of a temporary directory, where its own
//! temporary files go too. One that takes too long, or an [`Interrupt`], ends the whole group: what a program has
//! started does not outlive it.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// How often a program is looked at.
const PAUSE: Duration = Duration::from_millis(5);

/// Ends helper programs before their time: Ctrl-C. Clones are one and the same.
#[derive(Clone, Debug, Default)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Ends the programs that run with it, and all later ones at once.
    pub fn raise(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it was raised.
    pub fn is_raised(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// An interrupt that is raised with the flag.
impl From<Arc<AtomicBool>> for Interrupt {
    fn from(flag: Arc<AtomicBool>) -> Self {
        Self(flag)
    }
}

/// What helper programs may take.
#[derive(Clone, Debug)]
pub struct HelperLimits {
    /// The time of one compilation.
    pub compile: Duration,
    /// The time of all samples in one emulator, Python or program.
    pub run: Duration,
    /// Ends them before.
    pub interrupt: Interrupt,
}

impl Default for HelperLimits {
    /// Two minutes each.
    fn default() -> Self {
        let limit = Duration::from_secs(120);
        Self { compile: limit, run: limit, interrupt: Interrupt::default() }
    }
}

/// How a program ended and what it wrote.
pub(crate) struct Finished {
    pub status: ExitStatus,
    /// Standard output, as it was written.
    pub output: Vec<u8>,
    /// Standard error; what is no UTF-8 in it is replaced.
    pub messages: String,
}

/// Why a program did not come to its end.
#[derive(Debug)]
pub(crate) enum HelperError {
    /// There is no such program.
    NotFound,
    /// It took too long.
    TimedOut(Duration),
    /// The interrupt was raised.
    Interrupted,
    /// A file or the program could not be opened, written or started.
    Io { action: &'static str, path: PathBuf, source: io::Error },
}

/// Where a program reads from and how long it may take.
pub(crate) struct Run<'a> {
    /// The directory in which it runs, which also receives its output files.
    pub directory: &'a Path,
    /// Standard input; empty without.
    pub input: Option<&'a Path>,
    pub limit: Duration,
    pub interrupt: &'a Interrupt,
}

/// Runs a program to its end.
pub(crate) fn run(command: &mut Command, run: &Run<'_>) -> Result<Finished, HelperError> {
    let (output, messages) = (run.directory.join("stdout"), run.directory.join("stderr"));
    let input = run.input.map(open).transpose()?;
    command
        .current_dir(run.directory)
        .env("TMPDIR", run.directory)
        .stdin(input.map_or_else(Stdio::null, Stdio::from))
        .stdout(create(&output)?)
        .stderr(create(&messages)?);
    in_own_group(command);
    let program = PathBuf::from(command.get_program());
    let mut child = command.spawn().map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => HelperError::NotFound,
        _ => HelperError::Io { action: "run", path: program.clone(), source },
    })?;
    let status = wait(&mut child, run);
    let failed = |source| HelperError::Io { action: "wait for", path: program, source };
    if !matches!(status, Ok(Ok(_))) {
        end_group(&mut child);
    }
    let status = status.map_err(failed)??;
    let read = |path: &Path| {
        fs::read(path).map_err(|source| HelperError::Io { action: "read", path: path.to_owned(), source })
    };
    let messages = String::from_utf8_lossy(&read(&messages)?).into_owned();
    Ok(Finished { status, output: read(&output)?, messages })
}

/// Waits for the end, or for what comes before it.
fn wait(child: &mut Child, run: &Run<'_>) -> io::Result<Result<ExitStatus, HelperError>> {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Ok(status));
        }
        if run.interrupt.is_raised() {
            return Ok(Err(HelperError::Interrupted));
        }
        if start.elapsed() > run.limit {
            return Ok(Err(HelperError::TimedOut(run.limit)));
        }
        thread::sleep(PAUSE);
    }
}

#[cfg(unix)]
fn in_own_group(command: &mut Command) {
    use std::os::unix::process::CommandExt;
    command.process_group(0);
}

#[cfg(not(unix))]
fn in_own_group(_: &mut Command) {}

/// Ends a program that was not waited for, and all of its group. That something has ended already is no failure.
fn end_group(child: &mut Child) {
    #[cfg(unix)]
    let _ = rustix::process::kill_process_group(
        rustix::process::Pid::from_child(child),
        rustix::process::Signal::KILL,
    );
    let _ = child.kill();
    let _ = child.wait();
}

fn open(path: &Path) -> Result<File, HelperError> {
    File::open(path).map_err(|source| HelperError::Io { action: "read", path: path.to_owned(), source })
}

fn create(path: &Path) -> Result<File, HelperError> {
    File::create(path).map_err(|source| HelperError::Io { action: "write", path: path.to_owned(), source })
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    /// A program that starts another one, writes down the ids of both, and waits for it: what a compiler does.
    const FAMILY: &str = "sleep 600 & echo $$ $! > ids.new; mv ids.new ids; wait";

    /// Runs the family with a limit; `then` is called once it has started.
    fn run_family(limit: Duration, interrupt: &Interrupt, then: impl FnOnce() + Send) -> HelperError {
        let directory = tempfile::tempdir().unwrap();
        let ids = directory.path().join("ids");
        let ended = thread::scope(|scope| {
            scope.spawn(|| {
                while !ids.exists() {
                    thread::sleep(PAUSE);
                }
                then();
            });
            let run_of = Run { directory: directory.path(), input: None, limit, interrupt };
            run(Command::new("sh").args(["-c", FAMILY]), &run_of)
        });
        for id in fs::read_to_string(&ids).unwrap().split_whitespace() {
            assert!(is_gone(id), "process {id} lives on");
        }
        match ended {
            Err(error) => error,
            Ok(finished) => panic!("it ended by itself: {}", finished.status),
        }
    }

    /// Whether a process ends soon: what it was told is done by the system, and a parent has to be told.
    fn is_gone(id: &str) -> bool {
        let lives = || {
            let state = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
            !state.is_empty() && !state.contains(") Z ")
        };
        (0..400).any(|_| {
            thread::sleep(PAUSE);
            !lives()
        })
    }

    #[test]
    fn a_program_that_takes_too_long_is_ended_with_what_it_started() {
        let limit = Duration::from_millis(500);
        match run_family(limit, &Interrupt::default(), || {}) {
            HelperError::TimedOut(told) => assert_eq!(told, limit),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_interrupt_ends_a_program_with_what_it_started() {
        let interrupt = Interrupt::default();
        let raised = interrupt.clone();
        let ended = run_family(Duration::from_secs(600), &interrupt, move || raised.raise());
        assert!(matches!(ended, HelperError::Interrupted), "{ended:?}");
        let directory = tempfile::tempdir().unwrap();
        let limit = Duration::from_secs(600);
        let run_of = Run { directory: directory.path(), input: None, limit, interrupt: &interrupt };
        let later = run(Command::new("sleep").arg("600"), &run_of);
        assert!(matches!(later, Err(HelperError::Interrupted)));
    }

    #[test]
    fn temporary_files_of_a_program_are_in_its_directory() {
        let directory = tempfile::tempdir().unwrap();
        let interrupt = Interrupt::default();
        let limit = Duration::from_secs(60);
        let run_of = Run { directory: directory.path(), input: None, limit, interrupt: &interrupt };
        let finished = run(Command::new("sh").args(["-c", "printf %s \"$TMPDIR\""]), &run_of);
        let finished = finished.unwrap_or_else(|error| panic!("{error:?}"));
        assert_eq!(finished.output, directory.path().as_os_str().as_encoded_bytes());
    }
}
