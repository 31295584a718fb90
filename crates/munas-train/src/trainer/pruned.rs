//! What pruning changes in a training.

use std::borrow::Cow;

use munas_ir::{Graph, Weights, remove_zero_channels};
use munas_kernels::Kernels;

use super::Trainer;
use super::state::TrainState;
use crate::TrainError;
use crate::parameters::Parameters;
use crate::pruning::{Network, Pruning, PruningMode};

impl Trainer<'_> {
    /// The pruning of the settings; its epochs are stretched over the budget as the learning rate schedule is, unless the budget has
    /// room for them: a training that rests at a rung and goes on is pruned as one that does not.
    pub(super) fn pruning(&self) -> Option<Pruning> {
        let (epochs, budget) = (self.task.settings.epochs, self.state.learning_rate.horizon.budget);
        self.task.settings.pruning.map(|pruning| match pruning.finish <= budget && budget < epochs {
            true => pruning,
            false => pruning.stretched(epochs, budget),
        })
    }

    /// Before a step: makes the mask anew where that is due, and masks the kernels.
    ///
    /// # Errors
    /// [`TrainError::TooLarge`] in the epoch from which the network has to fit.
    pub(super) fn update_mask(&mut self) -> Result<(), TrainError> {
        let Some(pruning) = self.pruning() else { return Ok(()) };
        let epoch = self.state.epoch_number();
        let step = self.state.steps % self.state.learning_rate.horizon.steps_per_epoch;
        let TrainState { mask: Some(mask), parameters, .. } = &mut self.state else { return Ok(()) };
        if pruning.is_update(epoch, step) {
            let network =
                Network { graph: self.task.graph, layout: &self.layout, dense: &parameters.trained };
            let goal = self.task.settings.pruning_goal.as_ref();
            let update = mask.update(&pruning, goal, epoch, network);
            update.map_err(|excess| {
                let sparsity = goal.map_or(pruning.sparsity, |goal| goal.max_sparsity);
                TrainError::TooLarge { sparsity, excess }
            })?;
        }
        mask.apply(&self.kernels, self.task.graph, &self.layout, &parameters.trained);
        Ok(())
    }

    /// The network that `weights` are left with.
    pub(super) fn without_masked_channels(&self, weights: Weights) -> (Graph, Weights) {
        if self.task.settings.prunes(PruningMode::Structured) {
            remove_zero_channels(self.task.graph, &weights)
        } else {
            (self.task.graph.clone(), weights)
        }
    }
}

impl TrainState {
    /// The present parameters; with pruning, the masked ones.
    pub(super) fn present_parameters(&self, kernels: &Kernels) -> Cow<'_, Parameters> {
        let Self { parameters, mask, .. } = self;
        let Some(mask) = mask else { return Cow::Borrowed(parameters) };
        let mut masked = parameters.clone();
        kernels.multiply(&parameters.trained, mask.factors(), &mut masked.trained);
        Cow::Owned(masked)
    }
}
