//! Training of network graphs on one core.
//!
//! Entry points: [`train`] runs a trial, [`Trainer`] single epochs or steps, [`evaluate()`] judges given weights.
//!
//! | module | holds |
//! |---|---|
//! | `settings` | [`TrainSettings`]: every hyper-parameter of a trial |
//! | `trainer` | the loop over epochs and steps: what feeds it, the buffers of a step, its state |
//! | [`checkpoint`] | [`Checkpoint`]: a training at rest |
//! | `plan` | a graph as layers over buffers placed once; forward and backward |
//! | `parameters` | flat parameter buffers, conversion from and to `munas_ir::Weights`, initial values |
//! | `batch` | samples to network inputs: augmentation, normalisation, packing |
//! | `loss`, `optimizer`, `schedule` | what their names say |
//! | `quantisation` | awareness of int8, post-training quantisation |
//! | `pruning` | masks of weights and channels during training |
//! | `distillation`, `mixup` | what changes the loss: a teacher, blends of samples |
//! | `norm_statistics` | statistics of batch norms for the weights that are judged |
//! | `evaluate` | loss and error on the inference graph |
//! | `confusion` | which classes are taken for which |
//! | `report`, `error` | what a trial returns |
//!
//! ```
//! use std::ops::ControlFlow;
//!
//! use munas_data::{LoadOptions, load};
//! use munas_ir::{Activation, GraphBuilder, Op, Shape, TensorId};
//! use munas_train::{TrainSettings, train};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let dataset = load("glyphs", &LoadOptions::default())?; // distorted digits, drawn by munas itself
//! let mut builder = GraphBuilder::new(Shape::new(16, 16, 1))?;
//! builder.push(Op::Dense { units: 10, activation: Activation::None }, &[TensorId::INPUT])?;
//! let settings = TrainSettings { epochs: 3, batch: 32, ..TrainSettings::default() };
//! let model = train(&builder.finish()?, &dataset, &settings, 1, &mut |_| ControlFlow::Continue(()))?;
//! assert_eq!(model.curve.len(), 3);
//! assert!(model.validation_error < 0.6, "nine of ten are wrong by chance: {}", model.validation_error);
//! # Ok(())
//! # }
//! ```
//!
//! Batches are held in lanes, `[block of 16 samples][channel][row][column][16]` (see `munas_kernels`); weights change to
//! and from the layouts of `munas_ir::Weights` at this crate's boundary.
//!
//! Deliberately absent: files, clocks, threads. One trial uses one core; who wants two runs two.

mod batch;
pub mod checkpoint;
mod confusion;
mod distillation;
mod error;
mod evaluate;
#[cfg(test)]
mod gradcheck;
mod loss;
mod memory;
mod mixup;
mod norm_statistics;
mod optimizer;
mod parameters;
mod plan;
mod pruning;
mod quantisation;
mod reference;
mod report;
mod schedule;
mod settings;
#[cfg(test)]
mod testing;
mod trainer;

pub use checkpoint::{CHECKPOINT_VERSION, Checkpoint, CheckpointError};
pub use confusion::Confusion;
pub use distillation::{Distillation, Teacher};
pub use error::TrainError;
pub use evaluate::evaluate;
pub use norm_statistics::NormStatistics;
pub use optimizer::Optimizer;
pub use plan::{Phase, ProfileRow, StepProfile, profile};
pub use pruning::{Pruning, PruningGoal, PruningMode, Remainder};
pub use reference::ReferenceNetwork;
pub use report::{EpochReport, Evaluation, Progress, StepReport, TrainedModel, never_stop};
pub use schedule::{ParseScheduleError, Schedule};
pub use settings::{Keep, TrainSettings};
pub use trainer::{Trainer, train};

/// Name of the instruction set that trainings of this process use. Those of one instruction set come to the same bits.
pub fn instruction_set() -> &'static str {
    munas_kernels::Isa::detect().name()
}
