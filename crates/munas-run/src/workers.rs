//! Trainings in other processes, on this machine or on others; `docs/worker.md` says what is said between them.
//!
//! ```text
//! search loop ── Backend ── Pool ── Link ─┬─ Children ── `munas worker`, `munas worker`, …
//!                                         └─ Adapter ─── a scheduler's own processes ── `munas worker`, …
//! ```
//!
//! | file | holds |
//! |---|---|
//! | [`wire`] | a message as bytes: a line of JSON and binary frames |
//! | [`message`] | what a coordinator and a worker say to each other |
//! | [`serve`] | the worker |
//! | [`link`] | how messages get to workers and back: the seam below the pool |
//! | [`children`] | workers that are children of this process |
//! | [`adapter`] | workers that a scheduler starts, through its adapter |
//! | [`pool`] | the backend: who trains what, who is lost, what is refused |

pub(crate) mod adapter;
pub(crate) mod children;
pub(crate) mod link;
pub(crate) mod message;
pub(crate) mod pool;
pub(crate) mod serve;
pub(crate) mod wire;

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use munas_data::Dataset;

use crate::executor::backend::Backend;
use crate::executor::evaluator::Evaluator;
use crate::executor::training::TrainingEvaluator;
use crate::experiment::Experiment;
use crate::refine::training::FinalistEvaluator;
use crate::store::models::{ModelError, SavedModel};
use adapter::{Adapter, Begin};
use children::Children;
use link::Link;
use message::Opening;
use pool::Pool;
use serve::serve;

/// Who trains for a search, besides its own process.
#[derive(Clone, Debug, PartialEq)]
pub enum Crew {
    /// Children of this process.
    Processes {
        /// How many.
        count: usize,
    },
    /// Whatever a Ray cluster has free.
    Ray {
        /// The Python that has Ray.
        python: PathBuf,
        /// `HOST:PORT` of the cluster; `None`: the one that this machine belongs to, or one of this machine alone.
        address: Option<String>,
        /// Cores that are reserved for each worker.
        cpus_per_worker: f64,
        /// The most workers; `None`: as many as there is room for.
        most_workers: Option<usize>,
    },
}

/// A backend whose trials are trained by a crew that runs `program`, on the packed `data` that the evaluator has loaded. The evaluator itself trains
/// nothing; there is at least so much time between two checkpoints of a training.
///
/// # Errors
/// If the crew cannot be started, or the file of the network that others learn from cannot be read.
pub fn hire<'env>(
    crew: &Crew,
    paths: (&Path, &Path),
    experiment: &Experiment,
    evaluator: &'env dyn Evaluator,
    checkpoint_every: Duration,
) -> io::Result<Box<dyn Backend + 'env>> {
    start(crew, paths, Work { experiment, finalists: false, teacher: None }, evaluator, checkpoint_every)
}

/// As [`hire`], to train networks anew, which learn from the network in the file of the teacher, if there is one.
///
/// # Errors
/// As [`hire`].
pub fn hire_for_finalists<'env>(
    crew: &Crew,
    paths: (&Path, &Path),
    (experiment, teacher): (&Experiment, Option<&Path>),
    evaluator: &'env dyn Evaluator,
    checkpoint_every: Duration,
) -> io::Result<Box<dyn Backend + 'env>> {
    start(crew, paths, Work { experiment, finalists: true, teacher }, evaluator, checkpoint_every)
}

/// What a crew is for.
struct Work<'a> {
    experiment: &'a Experiment,
    finalists: bool,
    /// Of finalists, where the experiment names none.
    teacher: Option<&'a Path>,
}

fn start<'env>(
    crew: &Crew,
    (program, data): (&Path, &Path),
    Work { experiment, finalists, teacher }: Work<'_>,
    evaluator: &'env dyn Evaluator,
    checkpoint_every: Duration,
) -> io::Result<Box<dyn Backend + 'env>> {
    let of_experiment = experiment.distillation.as_ref().map(|distillation| distillation.teacher.as_path());
    let teacher = of_experiment.or(teacher).map(fs::read).transpose()?;
    let fingerprint = evaluator.task().fingerprint.clone();
    let (link, path): (Box<dyn Link + 'env>, _) = match crew {
        Crew::Processes { count } => {
            (Box::new(Children::of_program(*count, program)), Some(data.to_string_lossy().into_owned()))
        }
        Crew::Ray { python, address, cpus_per_worker, most_workers } => {
            let begin = Begin {
                version: env!("CARGO_PKG_VERSION").to_owned(),
                address: address.clone(),
                cpus_per_worker: *cpus_per_worker,
                most_workers: *most_workers,
                binary: program.to_string_lossy().into_owned(),
                data: data.to_string_lossy().into_owned(),
                fingerprint: fingerprint.clone(),
            };
            (Box::new(Adapter::ray(python, &begin)?), None)
        }
    };
    let experiment = experiment.to_toml();
    let opening = Opening { experiment, fingerprint, data: path, finalists, teacher };
    Ok(Box::new(Pool::new(link, evaluator, opening, checkpoint_every)))
}

/// Trains for a coordinator that speaks over `input` and `output`, on the packed data that it names, or on `data`. `at_end` is called the moment
/// the input ends, on another thread, whatever is being trained.
///
/// # Errors
/// Why the worker could not do what it was asked for, after it has told the coordinator.
pub fn serve_worker(
    data: Option<&Path>,
    input: impl Read + Send + 'static,
    output: impl Write + Send,
    at_end: impl FnOnce() + Send + 'static,
) -> Result<(), String> {
    let open = |opening: &Opening| -> Result<Box<dyn Evaluator>, String> {
        let path = opening.data.as_deref().map(Path::new).or(data);
        let dataset = Dataset::open_packed(path.ok_or("nobody has said where the data are")?);
        let dataset = Arc::new(dataset.map_err(|error| error.to_string())?);
        let teacher = opening.teacher.as_deref().map(SavedModel::from_bytes).transpose();
        let teacher = teacher.map_err(|problem| format!("the network to learn from: {problem}"))?;
        let experiment = experiment_of(opening)?;
        let text = |error: ModelError| error.to_string();
        Ok(match opening.finalists {
            true => Box::new(FinalistEvaluator::with_teacher(&experiment, teacher, dataset).map_err(text)?),
            false => Box::new(TrainingEvaluator::with_teacher(&experiment, dataset, teacher).map_err(text)?),
        })
    };
    serve(input, output, &open, at_end)
}

fn experiment_of(opening: &Opening) -> Result<Experiment, String> {
    Experiment::from_toml(&opening.experiment, &[]).map_err(|error| error.to_string())
}

/// Makes the evaluator of an experiment, on the data at a path if the coordinator names one; what is wrong, in words.
pub type OpenEvaluator<'a> =
    dyn Fn(&Experiment, Option<&Path>) -> Result<Box<dyn Evaluator + 'a>, String> + 'a;

/// The same with an evaluator of one's own. A program that calls this for the arguments `worker --data PATH` can be what [`hire`] runs; under
/// Ray, what it prints for `--version` has to end with munas' version.
///
/// # Errors
/// As [`serve_worker`].
pub fn serve_evaluator(
    open: &OpenEvaluator<'_>,
    input: impl Read + Send + 'static,
    output: impl Write + Send,
    at_end: impl FnOnce() + Send + 'static,
) -> Result<(), String> {
    let open = |opening: &Opening| open(&experiment_of(opening)?, opening.data.as_deref().map(Path::new));
    serve(input, output, &open, at_end)
}

#[cfg(test)]
mod tests;
