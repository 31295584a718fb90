//! A run on disk: its directory, its journal, its trained networks, its interrupted trainings.
//!
//! | module | holds |
//! |---|---|
//! | [`run`] | the run directory: [`Run`](run::Run) (exclusive), [`RunReader`](run::RunReader) (beside a running search) |
//! | `journal` | trials and epochs in SQLite; `session` the processes that worked on it |
//! | `models` | weights worth keeping, as safetensors; `front` which those are |
//! | `checkpoints` | trainings under way, for a resume |
//! | `finalists` | networks that were trained anew, and those trainings under way |
//! | `lock` | who may write a run |
//! | `files`, `checksum` | files that appear whole or not at all, and whether they are as they were written |
//! | [`query`] | status, front, single trials |
//!
//! Deliberately absent: what a search does next. The store keeps and finds what the executor tells it.

pub(crate) mod checkpoints;
mod checksum;
pub(crate) mod error;
pub(crate) mod files;
pub(crate) mod finalists;
pub(crate) mod front;
pub(crate) mod journal;
pub(crate) mod lock;
pub(crate) mod models;
pub mod query;
pub mod run;
pub(crate) mod session;
