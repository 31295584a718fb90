//! Search algorithms, scalarisation and the Pareto front.
//!
//! | module | holds |
//! |---|---|
//! | [`objective`] | the objectives and their bounds |
//! | [`problem`] | what is searched, and by which rules |
//! | [`history`] | candidates, finished trials in arrival order, the index of duplicates |
//! | [`scalarisation`] | random scalarisation: the fitness that a tournament compares |
//! | [`sampling`] | random architectures, within the bounds from the first |
//! | [`sparsity`] | target sparsities, where networks are pruned |
//! | [`training`] | what a training may take |
//! | [`algorithm`] | what a search algorithm is: [`Algorithm`] and [`Proposer`] |
//! | [`algorithms`] | one algorithm per file |
//! | [`feasibility`] | which candidates may be trained, and the nearest miss |
//! | [`suggest`](mod@suggest) | the loop that draws until a proposal is worth training |
//! | [`pareto`] | non-dominated front and ranks, hypervolume |
//!
//! An algorithm sees the history and returns proposals. Deliberately absent: training, storage, clocks, output and any
//! knowledge of workers; the generator comes from the caller. Everything an algorithm knows (its population, later its
//! model) is derived from the history, so that the same history and seed give the same proposal, after a resume too.

pub mod algorithm;
pub mod algorithms;
pub mod feasibility;
pub mod history;
pub mod objective;
pub mod pareto;
pub mod problem;
pub mod sampling;
pub mod scalarisation;
pub mod sparsity;
pub mod suggest;
pub mod training;

pub use algorithm::{Algorithm, Context, Interrupted, Interruption, Proposal, Proposer, Streams};
pub use algorithms::{AlgorithmKind, AlgorithmSettings, EvolutionSettings, SettingError};
pub use feasibility::NearestMiss;
pub use history::{Candidate, History, Observed};
pub use munas_ir::PruningMode;
pub use objective::{Bounds, BrokenBound, Objective, ObjectiveValues, Unit};
pub use problem::{BoardModel, Feasibility, Problem, ProblemError, Sampling, UnknownSampling};
pub use scalarisation::Scalarisation;
pub use sparsity::SparsityRange;
pub use suggest::{Refusals, SearchError, Suggestion, suggest};
pub use training::{TrainingExcess, TrainingLimits, TrainingMemory};

#[cfg(test)]
mod testing;
