//! What a trial returns.

use std::ops::ControlFlow;

use munas_ir::{Graph, Quantisation, Weights};

use crate::{Checkpoint, Confusion};

/// One epoch of a training curve. Losses are means per sample in nats, without weight decay and penalties.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EpochReport {
    /// Epochs trained, this one included (1 is the first).
    pub epoch: u32,
    /// Learning rate of the epoch's last step.
    pub learning_rate: f64,
    /// Mean over the epoch's batches, each taken before its step, with augmentation, dropout, class weights and
    /// the teacher's term.
    pub train_loss: f64,
    /// Share of training samples that were misclassified in the same passes.
    pub train_error: f64,
    /// Mean loss on the validation part after the epoch, without label smoothing and class weights.
    pub validation_loss: f64,
    /// Share of the validation part that is misclassified after the epoch.
    pub validation_error: f64,
}

/// What a training tells its observer, whose answer decides whether it goes on.
#[derive(Clone, Copy)]
pub enum Progress<'a> {
    /// One more batch was trained on or evaluated.
    Batch,
    /// An epoch is finished; or was, before the checkpoint that the training goes on from.
    Epoch(&'a EpochReport),
    /// The training is between two epochs and makes a checkpoint of itself when it is asked to.
    Resting(&'a dyn Fn() -> Checkpoint),
}

/// The answer of those who let a training go on whatever it tells: for [`Trainer::epoch`](crate::Trainer::epoch) and
/// [`Trainer::finish`](crate::Trainer::finish).
pub fn never_stop() -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// One step of a training.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepReport {
    /// Learning rate of the step.
    pub learning_rate: f64,
    /// Mean loss of the batch before the step, in nats, with class weights, label smoothing and the teacher's term.
    pub loss: f64,
    /// Samples of the batch that were classified correctly before the step.
    pub correct: usize,
}

/// Loss and error of given weights on one part of a dataset.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Evaluation {
    /// Mean cross-entropy per sample, in nats.
    pub loss: f64,
    /// Share of samples that are misclassified.
    pub error: f64,
}

/// A trained network: the weights of the epoch that [`Keep`](crate::Keep) says.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainedModel {
    /// The network that the weights belong to. After structured pruning, this is the smaller one that is left, with batch
    /// norms folded; else it is the network that was trained.
    pub graph: Graph,
    /// Weights of the epoch that is kept, batch norm apart where the graph has any.
    pub weights: Weights,
    /// With quantised epochs, how int8 integers stand for the values; the errors below are then those of the network with
    /// all values rounded accordingly, and the batch norms of `weights` change nothing. `None` without.
    pub quantisation: Option<Quantisation>,
    /// Share of the channels or weights within reach of pruning that are gone; `None` without pruning.
    pub sparsity: Option<f64>,
    /// One entry per epoch.
    pub curve: Vec<EpochReport>,
    /// The epoch that `weights` were taken after: the first of those with the lowest validation error, or the last one
    /// trained. With pruning, only epochs from the one in which the sparsity is reached count.
    pub best_epoch: u32,
    /// Validation error of `weights`.
    pub validation_error: f64,
    /// Test error of `weights`.
    pub test_error: f64,
    /// Test error of the weights after the last epoch, as muNAS reports it.
    pub last_test_error: f64,
    /// Which classes of the validation part `weights` take for which.
    pub validation_confusion: Confusion,
    /// The class that each sample of the validation part is taken for.
    pub validation_predicted: Vec<u32>,
    /// The same of the test part.
    pub test_confusion: Confusion,
}
