//! What a search of very many trials asks of its coordinator: the real search loop, journal and algorithm, with workers that are not there
//! and curves of networks that were trained before:
//!
//! ```text
//! cargo run --release -p munas-run --example simulate -- niche 1000 10000 --curves experiments/rungs
//! ```
//!
//! searches once until the largest of these numbers of trials has a first result, and prints a line at each of them. All times are of
//! the coordinator's thread, in milliseconds per trial since the line before, and are without what the virtual workers take;
//! `wall` is what passes, the others are processor time. Memory and journal are those at the line.
//!
//! | option | |
//! |---|---|
//! | `--workers N` | virtual workers; 1,000 without it |
//! | `--curves DIR` | `networks.csv` and `results.csv` as in `experiments/rungs`; without it, curves are made up from the networks' sizes |
//! | `--dir DIR` | where the run is made; a temporary folder without it |
#![expect(clippy::print_stdout, reason = "an example shows its result")]

#[path = "scale/curves.rs"]
mod curves;
#[path = "scale/made_up.rs"]
mod made_up;
#[path = "scale/virtual_workers.rs"]
mod virtual_workers;

use std::cell::RefCell;
use std::error::Error;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

use munas_run::{
    Assignment, Backend, DataFacts, Event, Job, Limits, Report, Run, StopFlag, Task, ThreadClock, execute_on,
};

use curves::Curves;
use virtual_workers::VirtualWorkers;

/// Epochs of a whole training: those of the curves that were measured.
const EPOCHS: u32 = 27;

const USAGE: &str = "usage: simulate ALGORITHM TRIALS... [--workers N] [--curves DIR] [--dir DIR]";

struct Arguments {
    algorithm: String,
    marks: Vec<u64>,
    workers: usize,
    curves: Curves,
    dir: Option<PathBuf>,
}

impl Arguments {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, Box<dyn Error>> {
        let algorithm = arguments.next().ok_or(USAGE)?;
        let mut parsed =
            Self { algorithm, marks: Vec::new(), workers: 1000, curves: Curves::MadeUp, dir: None };
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or(USAGE);
            match argument.as_str() {
                "--workers" => parsed.workers = value()?.parse()?,
                "--curves" => parsed.curves = Curves::read(Path::new(&value()?))?,
                "--dir" => parsed.dir = Some(value()?.into()),
                trials => parsed.marks.push(trials.parse().map_err(|_| USAGE)?),
            }
        }
        parsed.marks.sort_unstable();
        if parsed.marks.is_empty() { Err(USAGE.into()) } else { Ok(parsed) }
    }
}

/// What the coordinator's thread does.
#[derive(Clone, Copy, PartialEq)]
enum Work {
    /// Deciding what is trained next, and recording it.
    Proposals,
    /// Recording epochs, attempts and checkpoints.
    Reports,
    /// Recording results, and what is kept of the front's networks.
    Results,
    /// What is not the coordinator's.
    Aside,
}

/// Splits the time of the coordinator's thread.
struct Meter {
    work: Work,
    clock: ThreadClock,
    wall: Instant,
    times: Times,
}

#[derive(Clone, Copy, Default)]
struct Times {
    proposals: Duration,
    reports: Duration,
    results: Duration,
    /// That passed meanwhile.
    wall: Duration,
}

impl Meter {
    fn start() -> Rc<RefCell<Self>> {
        let (clock, wall, times) = (ThreadClock::start(), Instant::now(), Times::default());
        Rc::new(RefCell::new(Self { work: Work::Proposals, clock, wall, times }))
    }

    /// From now on the time is for something else.
    fn turn(&mut self, to: Work) {
        let (worked, passed) = (self.clock.elapsed(), self.wall.elapsed());
        match self.work {
            Work::Proposals => self.times.proposals += worked,
            Work::Reports => self.times.reports += worked,
            Work::Results => self.times.results += worked,
            Work::Aside => {}
        }
        if self.work != Work::Aside {
            self.times.wall += passed;
        }
        (self.work, self.clock, self.wall) = (to, ThreadClock::start(), Instant::now());
    }
}

/// Virtual workers whose calls turn a meter: what passes between two of them is the coordinator's.
struct Watched {
    workers: VirtualWorkers,
    meter: Rc<RefCell<Meter>>,
}

impl Backend for Watched {
    fn task(&self) -> &Task {
        self.workers.task()
    }

    fn data(&self, fold: u32) -> Option<&DataFacts> {
        self.workers.data(fold)
    }

    fn memory(&self, assignment: &Assignment) -> u64 {
        self.workers.memory(assignment)
    }

    fn memory_limit(&self) -> u64 {
        self.workers.memory_limit()
    }

    fn workers(&self) -> Option<usize> {
        self.workers.workers()
    }

    fn folds(&self) -> u32 {
        self.workers.folds()
    }

    fn start(&mut self, job: Job) -> io::Result<()> {
        self.meter.borrow_mut().turn(Work::Aside);
        let started = self.workers.start(job);
        self.meter.borrow_mut().turn(Work::Proposals);
        started
    }

    fn poll(&mut self, timeout: Duration) -> Option<Report> {
        self.meter.borrow_mut().turn(Work::Aside);
        let report = self.workers.poll(timeout);
        let is_end = matches!(report, Some(Report::Ended(_)));
        self.meter.borrow_mut().turn(if is_end { Work::Results } else { Work::Reports });
        report
    }

    fn stop(&mut self, trial: u64) {
        self.workers.stop(trial);
    }

    fn pause(&mut self, trial: u64) {
        self.workers.pause(trial);
    }
}

/// Prints a line at each mark.
struct Table {
    dir: PathBuf,
    marks: Vec<u64>,
    trials: u64,
    results: u64,
    printed: Printed,
}

/// What the last line was of.
#[derive(Clone, Copy, Default)]
struct Printed {
    trials: u64,
    times: Times,
}

impl Table {
    /// Notes a result, the first of its trial or a later one.
    fn count(&mut self, is_first: bool, times: Times) -> io::Result<()> {
        self.results += 1;
        if !is_first {
            return Ok(());
        }
        self.trials += 1;
        if self.marks.contains(&self.trials) { self.print(times) } else { Ok(()) }
    }

    fn print(&mut self, times: Times) -> io::Result<()> {
        let Self { trials, results, printed: before, .. } = *self;
        let count = (trials - before.trials) as f64;
        let each = |now: Duration, then: Duration| 1000.0 * (now - then).as_secs_f64() / count;
        println!(
            "{trials:>8} {results:>8} {:>10.2} {:>10.2} {:>10.2} {:>10.2} {:>9} {:>9.1} {:>9.1}",
            each(times.proposals, before.times.proposals),
            each(times.reports, before.times.reports),
            each(times.results, before.times.results),
            each(times.wall, before.times.wall),
            peak_memory()?,
            bytes_below(&self.dir, |name| name.starts_with("journal.db"))? as f64 / 1e6,
            bytes_below(&self.dir, |name| !name.starts_with("journal.db"))? as f64 / 1e6,
        );
        self.printed = Printed { trials, times };
        Ok(())
    }
}

/// The most memory that this process had, in MB, as the system counts it.
fn peak_memory() -> io::Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kibibytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    let kibibytes = kibibytes.ok_or_else(|| io::Error::other("no VmHWM in /proc/self/status"))?;
    Ok(kibibytes * 1024 / 1_000_000)
}

/// Bytes of all files in a folder whose names are wanted.
fn bytes_below(folder: &Path, is_wanted: fn(&str) -> bool) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            bytes += bytes_below(&entry.path(), is_wanted)?;
        } else if entry.file_name().to_str().is_some_and(is_wanted) {
            bytes += entry.metadata()?.len();
        }
    }
    Ok(bytes)
}

fn main() -> Result<(), Box<dyn Error>> {
    let Arguments { algorithm, marks, workers, curves, dir } = Arguments::parse(std::env::args().skip(1))?;
    let temporary = tempfile::tempdir()?;
    let dir = dir.unwrap_or_else(|| temporary.path().join("run"));
    let mut run = Run::create(&dir, made_up::experiment(&algorithm, EPOCHS)?, &made_up::task())?;
    let trials = marks.last().copied().unwrap_or(0);
    let limits = Limits { trials, time: None, workers, ..Limits::of(run.experiment()) };
    println!(
        "{:>8} {:>8} {:>10} {:>10} {:>10} {:>10} {:>9} {:>9} {:>9}",
        "trials", "results", "proposals", "reports", "results", "wall", "memory MB", "journal", "other MB"
    );
    let meter = Meter::start();
    let mut backend = Watched { workers: VirtualWorkers::new(workers, curves), meter: Rc::clone(&meter) };
    let mut table = Table { dir, marks, trials: 0, results: 0, printed: Printed::default() };
    let mut printed = Ok(());
    let summary = execute_on(&mut run, &mut backend, &limits, &StopFlag::default(), &mut |event| {
        if let Event::TrialFinished { is_first, .. } = event {
            let mut meter = meter.borrow_mut();
            meter.turn(Work::Aside);
            printed = std::mem::replace(&mut printed, Ok(())).and(table.count(is_first, meter.times));
            meter.turn(Work::Proposals);
        }
    })?;
    printed?;
    let hours = backend.workers.now().as_secs_f64() / 3600.0;
    println!("{algorithm}: {summary:?}, {hours:.1} virtual hours of {workers} workers");
    Ok(())
}
