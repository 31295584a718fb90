//! Who trains for a search, and the data that they need.

use std::path::PathBuf;
use std::sync::Arc;

use munas_data::Dataset;
use munas_run::{
    Crew, Event, ExecutionError, FinalistEvaluator, FinalistEvent, Limits, RefinePlan, RefineSummary, Run,
    StopFlag, Summary, TrainingEvaluator, execute, execute_on, hire, hire_for_finalists, refine_on,
};
use tempfile::TempDir;

use crate::error::{UserError, UserResult};

/// Names the Python to use where it is not `python3`.
pub const PYTHON_VARIABLE: &str = "MUNAS_PYTHON";

/// The name of the packed data in their folder.
const PACKED: &str = "data.packed";

/// A session of a search, trained by a crew, or by threads where there is none.
///
/// # Errors
/// Those of the search, within those of what is before it: if the crew cannot be started, or the data cannot be packed for it.
pub(crate) fn search(
    run: &mut Run,
    dataset: &Arc<Dataset>,
    crew: Option<&Crew>,
    limits: &Limits,
    stop: &StopFlag,
    events: &mut dyn FnMut(Event<'_>),
) -> UserResult<Result<Summary, ExecutionError>> {
    let evaluator = TrainingEvaluator::new(run.experiment(), Arc::clone(dataset))?;
    let Some(crew) = crew else { return Ok(execute(run, &evaluator, limits, stop, events)) };
    let (folder, program) = (pack(dataset)?, program()?);
    let experiment = run.experiment().clone();
    let hired =
        hire(crew, (&program, &folder.path().join(PACKED)), &experiment, &evaluator, limits.checkpoint_every);
    let mut backend = hired.map_err(|error| cannot_start(crew, &error))?;
    Ok(execute_on(run, &mut *backend, limits, stop, events))
}

/// The training of finalists, by a crew, or by threads where there is none.
///
/// # Errors
/// As [`search`], and if the teacher cannot be read.
pub(crate) fn refine(
    run: &mut Run,
    dataset: &Arc<Dataset>,
    crew: Option<&Crew>,
    (plan, stop): (&RefinePlan, &StopFlag),
    events: &mut dyn FnMut(FinalistEvent<'_>),
) -> UserResult<Result<RefineSummary, ExecutionError>> {
    let teacher = plan.teacher.as_ref().map(|teacher| teacher.path.as_path());
    let experiment = plan.experiment(run.experiment());
    let evaluator = FinalistEvaluator::new(&experiment, teacher, Arc::clone(dataset))?;
    let Some(crew) = crew else { return Ok(munas_run::refine(run, &evaluator, plan, stop, events)) };
    let (folder, program) = (pack(dataset)?, program()?);
    let paths = (&*program, &*folder.path().join(PACKED));
    let hired =
        hire_for_finalists(crew, paths, (&experiment, teacher), &evaluator, plan.limits.checkpoint_every);
    let mut backend = hired.map_err(|error| cannot_start(crew, &error))?;
    Ok(refine_on(run, &mut *backend, plan, stop, events))
}

/// The program that workers are.
fn program() -> UserResult<PathBuf> {
    std::env::current_exe()
        .map_err(|error| UserError::failure(format_args!("cannot find the program of munas: {error}")))
}

/// A folder with the data in a file that workers can map; it goes with the search.
fn pack(dataset: &Dataset) -> UserResult<TempDir> {
    let written = tempfile::Builder::new().prefix("munas-").tempdir().and_then(|folder| {
        dataset.pack(&folder.path().join(PACKED))?;
        Ok(folder)
    });
    written.map_err(|error| {
        UserError::failure(format_args!("cannot write the packed data: {error}"))
            .in_file(&std::env::temp_dir())
            .hint("TMPDIR names another folder for them")
    })
}

fn cannot_start(crew: &Crew, error: &std::io::Error) -> UserError {
    match crew {
        Crew::Processes { .. } => UserError::failure(format_args!("cannot start workers: {error}")),
        Crew::Ray { python, .. } => {
            UserError::failure(format_args!("cannot start {}: {error}", python.display()))
                .hint(format_args!("{PYTHON_VARIABLE} names another Python; it needs the package ray"))
        }
    }
}
