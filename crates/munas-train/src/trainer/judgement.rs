//! Evaluations of a training, and the network that is left of it.

use munas_data::Split;

use super::state::Kept;
use super::{Proceed, Trainer};
use crate::{Confusion, Evaluation, TrainError, TrainedModel};

/// Loss and error on a part, with what was taken for what, all together and sample by sample.
pub(super) type Counted = (Evaluation, (Confusion, Vec<u32>));

impl Trainer<'_> {
    /// The network and weights of the epoch that is kept, and what they and the last weights do on the test part. `proceed`
    /// is asked after every batch of the evaluations.
    ///
    /// # Errors
    /// [`TrainError::Stopped`] where `proceed` breaks.
    ///
    /// # Panics
    /// If no epoch was trained; with pruning, if none was from the one in which the sparsity is reached.
    pub fn finish(mut self, proceed: Proceed<'_>) -> Result<TrainedModel, TrainError> {
        assert!(self.state.best.epoch > 0, "no epoch was trained that counts");
        let (epoch, weights, ranges, last_test_error) = match self.state.best.kept.take() {
            Some(Kept { parameters, ranges }) => {
                self.judged = None;
                let last = self.evaluate_present(&self.task.dataset.test, proceed)?;
                let weights = parameters.to_weights(self.task.graph, &self.layout);
                (self.state.best.epoch, weights, ranges, Some(last.error))
            }
            None => (self.state.curve.len() as u32, self.weights(), self.state.ranges(), None),
        };
        let (graph, weights) = self.without_masked_channels(weights);
        let (evaluator, quantisation) = self.kept_evaluator(&graph, &weights, ranges.as_ref());
        self.buffers.evaluator = evaluator;
        self.buffers.workspace.replan(&[self.buffers.evaluator.plan()]);
        // What pruning removes, and how ranges round, may change the last bits.
        let is_present = self.state.mask.is_none() && quantisation.is_none();
        let (validation, (validation_confusion, validation_predicted)) =
            match self.judged.take().filter(|_| is_present) {
                Some(judged) => judged,
                None => self.count_loaded(&self.task.dataset.validation, proceed)?,
            };
        let (test, (test_confusion, _)) = self.count_loaded(&self.task.dataset.test, proceed)?;
        Ok(TrainedModel {
            best_epoch: epoch,
            validation_error: validation.error,
            test_error: test.error,
            validation_confusion,
            validation_predicted,
            test_confusion,
            last_test_error: last_test_error.unwrap_or(test.error),
            sparsity: self.state.mask.as_ref().map(|mask| mask.sparsity),
            curve: self.state.curve,
            quantisation,
            graph,
            weights,
        })
    }

    /// Statistics of the batch norms for the present weights, where they are estimated anew.
    pub(super) fn estimate_norm_statistics(&mut self, proceed: Proceed<'_>) -> Result<(), TrainError> {
        if !self.buffers.estimates_statistics() {
            return Ok(());
        }
        let Self { task, kernels, feed, buffers, state, .. } = self;
        let parameters = state.present_parameters(kernels);
        let train = &task.dataset.train;
        let statistics = buffers.estimate_statistics(kernels, &parameters, train, &feed.loader, proceed);
        let statistics = statistics.ok_or_else(|| self.stopped())?;
        self.state.parameters.moving.copy_from_slice(&statistics);
        Ok(())
    }

    /// Loss and error of the present weights, as they would be kept.
    fn evaluate_present(&mut self, split: &Split, proceed: Proceed<'_>) -> Result<Evaluation, TrainError> {
        self.load_present();
        self.evaluate_loaded(split, proceed)
    }

    /// Has the present weights evaluated, as they would be kept.
    pub(super) fn load_present(&mut self) {
        let weights = self.weights();
        let evaluator = &mut self.buffers.evaluator;
        evaluator.load_weights(self.task.graph, &weights);
        if let Some(awareness) = &self.state.awareness {
            evaluator.quantise(&self.kernels, awareness.ranges.tensors(self.task.graph));
        }
    }

    fn evaluate_loaded(&mut self, split: &Split, proceed: Proceed<'_>) -> Result<Evaluation, TrainError> {
        let evaluation = self.buffers.evaluate(&self.kernels, split, &self.feed.loader, proceed);
        evaluation.ok_or_else(|| self.stopped())
    }

    /// The same, with what was taken for what, all together and sample by sample.
    pub(super) fn count_loaded(
        &mut self,
        split: &Split,
        proceed: Proceed<'_>,
    ) -> Result<Counted, TrainError> {
        let classes = self.task.dataset.classes();
        self.buffers.evaluator.count_confusion(classes);
        let evaluation = self.evaluate_loaded(split, proceed)?;
        let counted = self.buffers.evaluator.take_confusion();
        Ok((evaluation, counted.unwrap_or_else(|| (Confusion::new(classes), Vec::new()))))
    }
}
