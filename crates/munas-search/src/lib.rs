//! Search algorithms, scalarisation and the Pareto front.
//!
//! | module | holds |
//! |---|---|
//! | [`objective`] | the objectives and their bounds |
//! | [`problem`] | what is searched, and by which rules |
//! | [`candidate`] | a proposal, and the candidate that it is with its price |
//! | [`history`] | finished trials in arrival order, the index of duplicates |
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
//! ```
//! use munas_ir::Shape;
//! use munas_search::algorithms::RandomSearch;
//! use munas_search::{Bounds, Context, History, Objective, Observed, Problem, Sampling, suggest};
//! use munas_space::Space;
//! use rand::{Rng, SeedableRng};
//! use rand_chacha::ChaCha8Rng;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let bounds = Bounds::hard([(Objective::PeakMemory, 4000.0), (Objective::ModelSize, 8000.0)]);
//! let space = Space::named("cnn2d", "wide")?;
//! let problem = Problem {
//!     bounds,
//!     sampling: Sampling::Target,
//!     ..Problem::new(space, Shape::new(28, 28, 1), 10, 5)
//! };
//! problem.check()?;
//! let streams = |number| Box::new(ChaCha8Rng::seed_from_u64(number)) as Box<dyn Rng>;
//! let mut history = History::new(problem.input);
//! for trial in 1..=3 {
//!     let context =
//!         Context { problem: &problem, history: &history, pending: &[], streams: &streams, interruption: &|| false };
//!     let mut rng = ChaCha8Rng::seed_from_u64(trial);
//!     let candidate = suggest(&RandomSearch, context, &mut rng)?.candidate;
//!     assert!(candidate.resources.bounded_peak() <= 4000 && candidate.resources.model_size <= 8000);
//!     // Here it would be trained.
//!     history.push(Observed { trial, epochs: candidate.epochs, candidate, error: Some(0.5) });
//! }
//! assert_eq!(history.finished().count(), 3);
//! # Ok(())
//! # }
//! ```
//!
//! An algorithm sees the history and returns proposals. Deliberately absent: training, storage, clocks, output and any
//! knowledge of workers; the generator comes from the caller. Everything an algorithm knows (its population, later its
//! model) is derived from the history, so that the same history and seed give the same proposal, after a resume too.

pub mod algorithm;
pub mod algorithms;
pub mod candidate;
mod density;
pub mod feasibility;
pub mod history;
pub mod objective;
pub mod pareto;
pub mod problem;
pub mod rungs;
pub mod sampling;
pub mod scalarisation;
pub mod sparsity;
pub mod suggest;
pub mod training;

pub use algorithm::{Algorithm, Context, Interrupted, Interruption, Proposer, Streams};
pub use algorithms::{AlgorithmKind, AlgorithmSettings, SettingError};
pub use candidate::{Candidate, Proposal};
pub use feasibility::NearestMiss;
pub use history::{History, Observed, Pending};
pub use munas_ir::PruningMode;
pub use objective::{Bounds, BrokenBound, Objective, ObjectiveValues, Unit};
pub use problem::{BoardModel, Feasibility, Problem, ProblemError, Sampling, UnknownSampling};
pub use scalarisation::Scalarisation;
pub use sparsity::SparsityRange;
pub use suggest::{Decision, Refusals, SearchError, Suggestion, decide, suggest};
pub use training::{TrainingExcess, TrainingLimits, TrainingMemory};

#[cfg(test)]
mod testing;
