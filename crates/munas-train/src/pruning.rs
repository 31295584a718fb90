//! Pruning during training: Dynamic Model Pruning with Feedback (Lin et al., ICLR 2020, algorithm 1).
//!
//! The dense weights w are trained on; gradients are computed at the masked weights m ⊙ w, so that a weight that was
//! masked too early goes on to learn and may come back: w ← w − η·g(m ⊙ w). Masks are made anew from the magnitudes of the
//! dense weights at every 16th step of the epochs from t₀ to tₙ, then they stay.
//!
//! | symbol | meaning |
//! |---|---|
//! | t, t₀, tₙ | epoch (from 1), [`Pruning::start`], [`Pruning::finish`] |
//! | s_t, s_f | share that is masked in epoch t, [`Pruning::sparsity`]: s_t = s_f − s_f·(1 − (t − t₀)/(tₙ − t₀))³ |
//! | m | mask: 1 or 0 per parameter, in the layout of the parameters |
//!
//! *Unstructured*: single weights of all kernels but the last layer's, by |w|, under one threshold.
//!
//! *Structured*: output channels (or units) of convolutions and hidden dense layers, by the L2 norm of their kernel,
//! under one threshold; layers that read the network's input and layers of one channel are left out, and each layer keeps its
//! largest channel. A masked channel is zero: its kernel, its bias and its batch norm's γ and β are masked together, and
//! a depthwise convolution has masked channels where all it reads is zero. (Were only the kernel masked, as muNAS has
//! it, the channel would go on to send ReLU(β), and could not be removed without changing the network.)
//!
//! Neither ReLU nor a batch norm lets a gradient through to a channel whose γ and β are zero. So that a masked channel gets
//! its feedback, a training step masks the kernels of the layers that channels are chosen from and nothing else, and
//! multiplies masked channels by their mask behind the activation. The loss and the gradients of everything that is
//! not masked are those of the masked network; a masked channel gets the gradient at its masked kernel as if its
//! output were not masked (a straight-through estimate), through depthwise convolutions that follow it too.
//!
//! It matters that the gradient is taken at a kernel of zero. The variance of what the batch norm reads is 0 there, so
//! that the gradient is multiplied by γ/√ε ≈ 32·γ: kernels of channels that are missed grow within a few steps and come back.
//! At the dense kernel, a batch norm lets none of the gradient through that would make it longer. One threshold for
//! all layers then takes all channels but one from layers whose kernels begin short, which are those that widen
//! (Glorot: a norm of about √(2·fan-in/(fan-in + fan-out))): often the first ones.
//!
//! With a [`PruningGoal`], s_f is a lower limit: the share rises as far as it takes to meet hard bounds.
//!
//! After training, zero channels are removed: see `munas_ir::remove_zero_channels`.

mod channels;
mod goal;
mod mask;
mod select;

pub(crate) use channels::maskable;
pub use goal::{PruningGoal, Remainder};
pub(crate) use mask::{ChannelMask, Mask, Network};

pub use munas_ir::PruningMode;

use crate::TrainError;

/// Steps from one update of the masks to the next, counted anew in each epoch.
const UPDATE_STEPS: u64 = 16;

/// How a network is pruned while it is trained; see the documentation of the module for the method.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pruning {
    /// Whether channels or single weights are removed.
    pub mode: PruningMode,
    /// s_f: share of the channels or weights within reach that are masked in the end, in [0, 1).
    pub sparsity: f64,
    /// t₀: the epoch, counted from 1, in which masks are first made (at a sparsity of 0).
    pub start: u32,
    /// tₙ: the epoch in which `sparsity` is reached. Validation counts from this epoch on.
    pub finish: u32,
}

impl Pruning {
    /// s_t: the share that is masked in `epoch`, counted from 1.
    pub fn sparsity_in(&self, epoch: u32) -> f64 {
        if epoch >= self.finish {
            return self.sparsity;
        }
        if epoch <= self.start {
            return 0.0;
        }
        let progress = f64::from(epoch - self.start) / f64::from(self.finish - self.start);
        self.sparsity - self.sparsity * (1.0 - progress).powi(3)
    }

    /// Whether masks are made anew before this step of this epoch; both count from 1 and 0.
    pub(crate) fn is_update(&self, epoch: u32, step: u64) -> bool {
        (self.start..=self.finish).contains(&epoch) && step.is_multiple_of(UPDATE_STEPS)
    }

    /// The same over `budget` epochs instead of `epochs`: the share of the training before the start and the finish stays
    /// about the same, at least one epoch counts.
    #[must_use]
    pub fn stretched(&self, epochs: u32, budget: u32) -> Self {
        let stretch = |epoch: u32| {
            let stretched = (f64::from(epoch) * f64::from(budget) / f64::from(epochs)).round() as u32;
            stretched.clamp(1, budget)
        };
        Self { start: stretch(self.start), finish: stretch(self.finish), ..*self }
    }

    pub(crate) fn check(&self, epochs: u32) -> Result<(), TrainError> {
        let fail = |key, value: String, reason| Err(TrainError::Setting { key, value, reason });
        if !(0.0..1.0).contains(&self.sparsity) {
            return fail("pruning.sparsity", self.sparsity.to_string(), "must be at least 0 and below 1");
        }
        if self.start == 0 {
            return fail("pruning.start", "0".into(), "epochs count from 1");
        }
        if self.start > self.finish {
            return fail("pruning.start", self.start.to_string(), "must not be after pruning.finish");
        }
        if self.finish > epochs {
            return fail("pruning.finish", self.finish.to_string(), "must not be after the last epoch");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
