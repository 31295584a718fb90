//! What awareness of int8 changes in a training; see the module `quantisation`.

use munas_ir::{Graph, Quantisation, TensorQuantisation, Weights};
use munas_kernels::AlignedBuffer;

use super::Trainer;
use super::buffers::TrainingBuffers;
use crate::TrainSettings;
use crate::evaluate::Evaluator;
use crate::optimizer::OptimizerState;
use crate::parameters::fake_quantise;
use crate::quantisation::Ranges;

/// The state of a training whose values are fake-quantised.
#[derive(Clone, Debug)]
pub(super) struct Awareness {
    pub ranges: Ranges,
    /// Representable values of the parameters, at which gradients are taken.
    pub parameters: AlignedBuffer,
    /// Quantisation of each tensor at the present step.
    pub activations: Vec<TensorQuantisation>,
}

impl Awareness {
    pub fn new(ranges: Ranges, parameters: usize) -> Self {
        let parameters = AlignedBuffer::zeroed(parameters);
        Self { ranges, parameters, activations: Vec::new() }
    }
}

impl TrainSettings {
    /// The first epoch in which values are fake-quantised. A budget below the settings' epochs has none: a network that
    /// is to be trained on keeps its batch norms.
    fn first_quantised_epoch(&self, budget: u32) -> Option<u32> {
        let any = self.quantised_epochs > 0 && budget >= self.epochs;
        any.then(|| budget - self.quantised_epochs + 1)
    }
}

impl Trainer<'_> {
    /// Before an epoch: folds batch norms and measures ranges, where it is the first quantised one.
    pub(super) fn begin_quantisation(&mut self) {
        let budget = self.state.learning_rate.horizon.budget;
        let first = self.task.settings.first_quantised_epoch(budget);
        if self.state.awareness.is_some() || first.is_none_or(|first| self.state.epoch_number() < first) {
            return;
        }
        let (settings, layout) = (self.task.settings, &self.layout);
        self.state.parameters.fold_norms(self.task.graph, layout);
        self.state.optimizer =
            OptimizerState::new(settings.optimizer, settings.weight_decay, layout.parameters());
        self.buffers.quantise(self.task.graph, layout, settings);
        let weights = self.weights();
        let TrainingBuffers { evaluator, workspace, .. } = &mut self.buffers;
        evaluator.load_weights(self.task.graph, &weights);
        let train = &self.task.dataset.train;
        let ranges = evaluator.calibrate(&self.kernels, train, &self.feed.loader, workspace);
        let best = &mut self.state.best;
        (best.epoch, best.validation_error) = (0, f64::INFINITY);
        if let Some(kept) = &mut best.kept {
            kept.ranges = Some(ranges.clone());
        }
        self.state.awareness = Some(Awareness::new(ranges, self.layout.parameters()));
    }

    /// Before a step: rounds parameters, and fixes how activations are rounded.
    pub(super) fn quantise_parameters(&mut self) {
        let Some(awareness) = &mut self.state.awareness else { return };
        awareness.activations = awareness.ranges.tensors(self.task.graph);
        let Awareness { activations, parameters, .. } = awareness;
        let trained = &self.state.parameters.trained;
        fake_quantise(&self.kernels, self.task.graph, &self.layout, activations, trained, parameters);
    }

    /// After a step: follows the ranges of its batch, and undoes what weight decay did to the folded batch norms.
    pub(super) fn update_ranges(&mut self) {
        let Some(awareness) = &mut self.state.awareness else { return };
        awareness.ranges.update(self.buffers.workspace.observed());
        self.state.parameters.neutralise_norms(&self.layout);
    }

    /// An evaluator of the network that is kept, and its quantisation where it has `ranges`.
    pub(super) fn kept_evaluator(
        &self,
        graph: &Graph,
        weights: &Weights,
        ranges: Option<&Ranges>,
    ) -> (Evaluator, Option<Quantisation>) {
        let batch = self.buffers.plan.largest_batch();
        let Some(ranges) = ranges else {
            let mut evaluator = Evaluator::new(graph, batch);
            evaluator.load_weights(graph, weights);
            return (evaluator, None);
        };
        let mut evaluator = Evaluator::quantised(graph, batch);
        evaluator.load_weights(graph, weights);
        evaluator.quantise(&self.kernels, ranges.tensors(graph));
        (evaluator, Some(Quantisation::new(graph, weights, &ranges.0)))
    }
}
