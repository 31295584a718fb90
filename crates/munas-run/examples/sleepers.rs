//! How many workers a coordinator keeps busy, with workers that only sleep as long as a training would:
//!
//! ```text
//! cargo run --release -p munas-run --example sleepers -- 2 8 32
//! cargo run --release -p munas-run --example sleepers -- 2 8 32 --ray 127.0.0.1:6379
//! ```
//!
//! measures one worker and then as many as each number says. Counted is from when all of them have joined: the trials of each worker from its
//! first end to its last, so that no trial is counted in part. Linux only; Ray's Python is that of `MUNAS_PYTHON`.
//!
//! | option | |
//! |---|---|
//! | `--seconds S` | of a trial; 3 without it |
//! | `--for S` | seconds that each number is measured for, more than two trials; 60 without it |
//! | `--ray ADDRESS` | workers of this cluster, which has to have a core for each (`ray start --head --num-cpus 32`), instead of children |
//!
//! | column | |
//! |---|---|
//! | `trials/h` | trials of all workers per hour |
//! | `of N` | the same over N times those of one worker |
//! | `coordinator`, `adapter` | processor time of the two processes, in percent of a core |
//! | `per 100` | both, for 100 workers with trials of this length |
//!
//! The program is its own worker.
#![expect(clippy::print_stdout, reason = "an example shows its result")]

#[path = "scale/made_up.rs"]
mod made_up;

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::io::{stdin, stdout};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process;
use std::thread;
use std::time::{Duration, Instant};

use munas_run::{
    Assignment, Crew, Evaluated, EvaluationError, Evaluator, Event, Experiment, Limits, Run, StopFlag, Task,
    WorkerNews, execute_on, hire, serve_evaluator,
};
use munas_train::Progress;

/// Epochs of each trial.
const EPOCHS: u32 = 27;
/// Slices of an epoch's sleep, between which a worker looks whether it is to stop.
const SLICES: u32 = 4;
/// Ticks of a second in `/proc`, on every Linux there is.
const TICKS: f64 = 100.0;

const USAGE: &str = "usage: sleepers WORKERS... [--seconds S] [--for S] [--ray ADDRESS]";

/// Evaluates by sleeping.
struct Sleeper {
    task: Task,
    trial: Duration,
}

impl Evaluator for Sleeper {
    fn task(&self) -> &Task {
        &self.task
    }

    fn memory(&self, _: &Assignment) -> u64 {
        0
    }

    fn evaluate(
        &self,
        assignment: &Assignment,
        observer: &mut dyn FnMut(Progress<'_>) -> ControlFlow<()>,
    ) -> Result<Evaluated, EvaluationError> {
        let (begin, end) = (Instant::now(), assignment.end());
        let mut error = 1.0;
        for slice in 1..=SLICES * end {
            let due = self.trial * slice / (SLICES * end);
            thread::sleep(due.saturating_sub(begin.elapsed()));
            let mut heard = observer(Progress::Batch);
            if slice.is_multiple_of(SLICES) && heard.is_continue() {
                let epoch = slice / SLICES;
                error = 0.1 + 0.8 / f64::from(epoch) + (assignment.seed % 1000) as f64 / 10_000.0;
                heard = observer(Progress::Epoch(&made_up::epoch_report(epoch, error)));
            }
            if heard.is_break() {
                return Err(EvaluationError::Stopped);
            }
        }
        let evaluated = made_up::evaluated(&assignment.graph, error, end);
        evaluated.map_err(|error| EvaluationError::Failed(error.to_string()))
    }
}

struct Arguments {
    counts: Vec<usize>,
    trial: Duration,
    window: Duration,
    ray: Option<String>,
}

impl Arguments {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, Box<dyn Error>> {
        let (trial, window) = (Duration::from_secs(3), Duration::from_secs(60));
        let mut parsed = Self { counts: Vec::new(), trial, window, ray: None };
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or(USAGE);
            match argument.as_str() {
                "--seconds" => parsed.trial = Duration::try_from_secs_f64(value()?.parse()?)?,
                "--for" => parsed.window = Duration::try_from_secs_f64(value()?.parse()?)?,
                "--ray" => parsed.ray = Some(value()?),
                count => parsed.counts.push(count.parse().map_err(|_| USAGE)?),
            }
        }
        if parsed.counts.is_empty() { Err(USAGE.into()) } else { Ok(parsed) }
    }

    fn crew(&self, count: usize) -> Crew {
        match &self.ray {
            None => Crew::Processes { count },
            Some(address) => Crew::Ray {
                python: std::env::var_os("MUNAS_PYTHON").map_or_else(|| "python3".into(), PathBuf::from),
                address: Some(address.clone()),
                cpus_per_worker: 1.0,
                most_workers: Some(count),
            },
        }
    }
}

/// What is seen of a search while it goes on.
#[derive(Default)]
struct Watch {
    joined: usize,
    /// Since when all workers are there.
    begin: Option<Spent>,
    /// Who trains which trial: node and process.
    places: BTreeMap<u64, (String, u32)>,
    /// For each worker, its first end, its latest, and how many lie after the first.
    ends: BTreeMap<(String, u32), (Instant, Instant, u32)>,
}

/// Processor time of the two processes until some time.
struct Spent {
    time: Instant,
    coordinator: Result<f64, Box<dyn Error>>,
    adapter: Result<f64, Box<dyn Error>>,
}

impl Spent {
    fn now(adapter: Option<&str>) -> Self {
        let coordinator = processor_seconds("self");
        Self { time: Instant::now(), coordinator, adapter: adapter.map_or(Ok(0.0), processor_seconds) }
    }
}

impl Watch {
    fn see(&mut self, event: Event<'_>) {
        match event {
            Event::Worker(WorkerNews::Joined(_)) => self.joined += 1,
            Event::Worker(WorkerNews::Began { trial, worker, .. }) => {
                self.places.insert(*trial, (worker.node.clone(), worker.process));
            }
            Event::TrialFinished { record, .. } if record.outcome.is_some() => {
                let place = self.places.remove(&record.trial);
                if let (Some(place), Some(_)) = (place, &self.begin) {
                    let now = Instant::now();
                    let ends = self.ends.entry(place).and_modify(|(_, latest, count)| {
                        *latest = now;
                        *count += 1;
                    });
                    ends.or_insert((now, now, 0));
                }
            }
            _ => {}
        }
    }

    /// Trials of all workers per second.
    fn rate(&self) -> f64 {
        let of_worker = |&(first, latest, count): &(Instant, Instant, u32)| match count {
            0 => 0.0,
            count => f64::from(count) / (latest - first).as_secs_f64(),
        };
        self.ends.values().map(of_worker).sum()
    }
}

/// What so many workers came to.
struct Measured {
    /// Trials per second.
    rate: f64,
    /// Shares of a core.
    coordinator: f64,
    adapter: f64,
}

fn measure(arguments: &Arguments, count: usize) -> Result<Measured, Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    // What the workers get for data: how long they are to sleep.
    let data = folder.path().join("data");
    fs::write(&data, arguments.trial.as_secs_f64().to_string())?;
    let experiment = made_up::experiment("random", EPOCHS)?;
    let evaluator = Sleeper { task: made_up::task(), trial: arguments.trial };
    let limits = Limits { trials: u64::MAX >> 1, time: None, workers: count, ..Limits::of(&experiment) };
    let mut run = Run::create(&folder.path().join("run"), experiment.clone(), &evaluator.task)?;
    let program = std::env::current_exe()?;
    let (crew, every) = (arguments.crew(count), limits.checkpoint_every);
    let mut backend = hire(&crew, (&program, &data), &experiment, &evaluator, every)?;
    let adapter = if arguments.ray.is_some() { Some(only_child()?) } else { None };
    let (stop, mut watch) = (StopFlag::default(), Watch::default());
    let mut end = None;
    execute_on(&mut run, &mut *backend, &limits, &stop, &mut |event| {
        watch.see(event);
        match &watch.begin {
            None if watch.joined >= count => watch.begin = Some(Spent::now(adapter.as_deref())),
            Some(begin) if end.is_none() && begin.time.elapsed() >= arguments.window => {
                end = Some((Spent::now(adapter.as_deref()), watch.rate()));
                stop.request();
            }
            _ => {}
        }
    })?;
    let (end, rate) = end.ok_or("the search ended before it was measured")?;
    let begin = watch.begin.ok_or("not all workers have joined")?;
    let wall = (end.time - begin.time).as_secs_f64();
    let share = |end: f64, begin: f64| (end - begin) / wall;
    Ok(Measured {
        rate,
        coordinator: share(end.coordinator?, begin.coordinator?),
        adapter: share(end.adapter?, begin.adapter?),
    })
}

/// Seconds for which a process has worked, all its threads together, from `/proc`; `self` is this one.
fn processor_seconds(process: &str) -> Result<f64, Box<dyn Error>> {
    let text = fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The program's name, in parentheses, may hold anything.
    let (_, fields) = text.rsplit_once(')').ok_or("no name in /proc/…/stat")?;
    let ticks = fields.split_whitespace().skip(11).take(2);
    Ok(ticks.map(str::parse::<f64>).sum::<Result<f64, _>>()? / TICKS)
}

/// The number of the process that this one has started.
fn only_child() -> Result<String, Box<dyn Error>> {
    let parent = process::id().to_string();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let Ok(stat) = fs::read_to_string(format!("/proc/{name}/stat")) else { continue };
        let fields = stat.rsplit_once(')').map(|(_, fields)| fields);
        if fields.and_then(|fields| fields.split_whitespace().nth(1)) == Some(parent.as_str()) {
            return Ok(name);
        }
    }
    Err("no adapter has started".into())
}

fn compare(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    println!(
        "{:>8} {:>10} {:>8} {:>12} {:>10} {:>10}",
        "workers", "trials/h", "of N", "coordinator", "adapter", "per 100"
    );
    let mut one = None;
    for count in std::iter::once(1).chain(arguments.counts.iter().copied()) {
        let Measured { rate, coordinator, adapter } = measure(arguments, count)?;
        let one = *one.get_or_insert(rate);
        println!(
            "{count:>8} {:>10.0} {:>8.3} {:>10.2} % {:>8.2} % {:>8.2} %",
            3600.0 * rate,
            rate / one / count as f64,
            100.0 * coordinator,
            100.0 * adapter,
            100.0 * (coordinator + adapter) * 100.0 / count as f64,
        );
    }
    Ok(())
}

/// Trains for a coordinator.
fn serve(data: &Path) -> Result<(), Box<dyn Error>> {
    let open = |_: &Experiment, _: Option<&Path>| -> Result<Box<dyn Evaluator>, String> {
        let seconds = fs::read_to_string(data).map_err(|error| error.to_string())?;
        let seconds = seconds.parse().map_err(|_| "no number of seconds".to_owned())?;
        let trial = Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())?;
        Ok(Box::new(Sleeper { task: made_up::task(), trial }))
    };
    Ok(serve_evaluator(&open, stdin(), stdout(), || process::exit(0))?)
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["worker", "--data", data] => serve(Path::new(data)),
        ["--version"] => {
            println!("sleepers {}", env!("CARGO_PKG_VERSION"));
            Ok(())
        }
        _ => compare(&Arguments::parse(arguments.into_iter())?),
    }
}
