//! Experiments and their runs: the file of an experiment, the journal, the workers that train, what came of it.
//!
//! ```text
//! experiment.toml ──► Experiment ──► Run::create(dir) ──► execute(run, evaluator, limits, stop, events)
//!                                        │                    │  propose (munas-search) ─► train on a worker ─► journal
//!                                    Run::open(dir)           ▼
//!                                                         journal.db ──► RunReader ──► status, front, trial, replay
//! ```
//!
//! | room | holds |
//! |---|---|
//! | [`experiment`] | the experiment file, key by key, and the domain [`Experiment`]; errors: [`ExperimentError`] |
//! | [`store`] | the run directory: journal, models, checkpoints, front, lock, what a run has come to; errors: [`StoreError`] |
//! | [`executor`] | the search loop, proposals, backends and evaluators, replay; errors: [`ExecutionError`] |
//! | `workers` | trainings in other processes: messages, the worker, the pool that is a backend |
//! | [`presets`] | the experiments that come with munas |
//! | `refine` | the best networks of a run, trained anew |
//! | `forecast` | what a search would draw, and how far it would come |
//!
//! Arrows run down: workers use the executor, the executor uses the store, the store the experiment, and all of them what the files beside the rooms hold: a
//! [`Task`], a [`TrialRecord`], which error drives ([`Driving`]), how errors are judged ([`Scores`]), the int8 form of a network, the
//! machine and its clock.
//!
//! Deliberately absent: output to a terminal, command line arguments, how networks are trained, how proposals are made.

pub mod executor;
pub mod experiment;
pub mod presets;
pub mod store;

mod clock;
mod driving;
mod finalist;
mod forecast;
mod int8;
mod judge;
mod machine;
mod refine;
mod task;
#[cfg(test)]
mod testing;
mod trial;
mod workers;

pub use clock::ThreadClock;
pub use driving::{Driving, DrivingError, Terms};
pub use executor::backend::{Backend, Ended, Job, Report, WorkerNews};
pub use executor::error::ExecutionError;
pub use executor::evaluator::{Assignment, Evaluated, EvaluationError, Evaluator, FoldScores, Pruned};
pub use executor::event::Event;
pub use executor::limits::{EndReason, Limits, StopFlag, Summary};
pub use executor::replay::{Difference, Replay, replay};
pub use executor::threads::Threads;
pub use executor::trained::TrainedNetwork;
pub use executor::training::TrainingEvaluator;
pub use executor::{execute, execute_on};
pub use experiment::{Draft, Experiment, ExperimentError};
pub use finalist::{Finalist, FinalistOutcome, FinalistRecord, FinalistState, Spread};
pub use forecast::{Draws, Extent, Forecast, MeasuredTrial, MedianResources, forecast};
pub use int8::{Int8Settings, int8_error, int8_predictions, quantise};
pub use judge::{Metric, Scores, UnknownMetric, standard_error};
pub use machine::Machine;
pub use refine::end::{RefineEnd, RefineSummary};
pub use refine::event::FinalistEvent;
pub use refine::length::{Length, LengthError};
pub use refine::plan::{FinalTeacher, NetworkCount, RefineError, RefinePlan, RefineWishes, plan_finalists};
pub use refine::session::{refine, refine_on};
pub use refine::training::FinalistEvaluator;
pub use store::error::StoreError;
pub use store::files::FileError;
pub use store::finalists::{finalist, finalists, refined_model, refined_path};
pub use store::journal::{JournalError, JournalProblem, SCHEMA_VERSION};
pub use store::models::{DataFacts, ModelError, SavedModel};
pub use store::query::{
    Failure, Status, TrialDetails, comparable, front, front_of, model, only_failures, status, trial,
};
pub use store::run::{OWN_ARRAYS, Run, RunReader};
pub use store::session::Session;
pub use task::{DataChanged, Task};
pub use trial::{
    AttemptRecord, COMMON_OBJECTIVES, Confusions, DecisionRecord, Outcome, PromotionRecord, ProposalRecord,
    PrunedNetwork, RungResult, TrialRecord, TrialState, WorkerInfo, front_objectives,
};
pub use workers::{Crew, OpenEvaluator, hire, hire_for_finalists, serve_evaluator, serve_worker};
