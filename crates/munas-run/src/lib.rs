//! Experiments and their runs: the file of an experiment, the journal, the workers that train, what came of it.
//!
//! ```text
//! experiment.toml ──► Experiment ──► Run::create(dir) ──► execute(run, evaluator, limits, stop, events)
//!                                        │                    │  propose (munas-search) ─► train on a worker ─► journal
//!                                    Run::open(dir)           ▼
//!                                                         journal.db ──► RunReader ──► status, front, trial, replay
//! ```
//!
//! | module | holds |
//! |---|---|
//! | [`experiment`] | the experiment file, key by key, and the domain [`Experiment`] |
//! | [`presets`] | the experiments that come with munas |
//! | [`run`] | the run directory: [`Run`] (exclusive), [`RunReader`] (beside a running search) |
//! | `lock` | who may write a run |
//! | `machine` | what the machine has for trainings |
//! | `training_cost`, `pace` | the largest network that a search has the time to train, from how fast a core trains |
//! | `forecast` | what a search would draw, and how far it would come |
//! | `journal` | trials and epochs in SQLite |
//! | `models` | weights worth keeping, as safetensors |
//! | `checkpoints` | trainings under way, for a resume |
//! | `checksum` | whether a file is as it was written |
//! | [`evaluate`] | what turns a proposal into a result: [`Evaluator`], [`TrainingEvaluator`] |
//! | `judge` | errors by several metrics, and their standard errors |
//! | `clock` | how long a training takes |
//! | `proposals` | from journal to proposal: the generators, the history |
//! | [`executor`] | workers, stopping rules, resume |
//! | [`query`] | status, front, single trials |
//! | [`replay`](mod@replay) | whether the journal leads to its proposals |
//!
//! Deliberately absent: output to a terminal, command line arguments, how networks are trained, how proposals are made.

pub mod evaluate;
pub mod executor;
pub mod experiment;
pub mod presets;
pub mod query;
pub mod replay;
pub mod run;

mod checkpoints;
mod checksum;
mod clock;
mod error;
mod files;
mod forecast;
mod int8;
mod journal;
mod judge;
mod kept;
mod lock;
mod machine;
mod models;
mod pace;
mod proposals;
mod pruning_goal;
mod session;
mod task;
#[cfg(test)]
mod testing;
mod training_cost;
mod trial;

pub use clock::ThreadClock;
pub use error::RunError;
pub use evaluate::{
    Assignment, Confusions, Evaluated, EvaluationError, Evaluator, Pruned, TrainingEvaluator,
};
pub use executor::{EndReason, Event, Limits, StopFlag, Summary, execute};
pub use experiment::{Draft, DrivingError, Experiment, ExperimentError};
pub use forecast::{Draws, Extent, Forecast, MeasuredTrial, MedianResources, forecast};
pub use int8::{Int8Settings, int8_error, int8_predictions, quantise};
pub use journal::{JournalError, JournalProblem, SCHEMA_VERSION};
pub use judge::{Metric, Scores, UnknownMetric, standard_error};
pub use machine::Machine;
pub use models::{DataFacts, ModelError, SavedModel};
pub use query::{Failure, Status, TrialDetails, front, front_of, model, only_failures, status, trial};
pub use replay::{Difference, Replay, replay};
pub use run::{Run, RunReader};
pub use session::Session;
pub use task::Task;
pub use trial::{
    COMMON_OBJECTIVES, Driving, Outcome, ProposalRecord, PrunedNetwork, TrialRecord, TrialState,
    front_objectives,
};
