//! The buffers of a step: plans, the memory that they compute in, and gradients. Every step overwrites them, so that no
//! checkpoint holds any.

use munas_data::Split;
use munas_ir::Graph;
use munas_kernels::{AlignedBuffer, Kernels};

use super::Proceed;
use super::draws::{Draw, generator};
use crate::batch::BatchLoader;
use crate::evaluate::Evaluator;
use crate::norm_statistics::{NormStatistics, StatisticsEstimator};
use crate::parameters::{ParameterLayout, Parameters};
use crate::plan::{Plan, Purpose, Workspace};
use crate::pruning::PruningMode;
use crate::{Evaluation, TrainSettings};

/// What a batch norm's moving statistics keep of themselves in each step.
const BATCH_NORM_MOMENTUM: f32 = 0.99;

/// The plans of a training and all memory that they share.
pub(super) struct TrainingBuffers {
    /// Of training steps, forward and backward.
    pub plan: Plan,
    /// Of evaluations, on the inference form.
    pub evaluator: Evaluator,
    /// Where batch norms' statistics are estimated anew; `None` where they are not, and once they are folded.
    estimator: Option<StatisticsEstimator>,
    pub workspace: Workspace,
    /// Of the loss by the parameters, laid out as these.
    pub gradients: AlignedBuffer,
}

impl TrainingBuffers {
    /// Buffers for `graph` in batches of `batch`, out of `samples` training samples.
    pub fn new(
        graph: &Graph,
        layout: &ParameterLayout,
        settings: &TrainSettings,
        (batch, samples): (usize, usize),
        seed: u64,
    ) -> Self {
        let channel_masks = settings.prunes(PruningMode::Structured);
        let purpose = Purpose::Training { dropout: settings.dropout, channel_masks };
        let plan = Plan::new(graph, layout, batch, purpose);
        let evaluator = Evaluator::new(graph, batch);
        let mut draws = generator(seed, Draw::NormStatistics, 0);
        let re_estimates = settings.norm_statistics == NormStatistics::ReEstimated;
        let estimator = re_estimates
            .then(|| StatisticsEstimator::new(graph, layout, batch, samples, &mut draws))
            .flatten();
        let plans = [&plan, evaluator.plan()].into_iter();
        let plans: Vec<&Plan> = plans.chain(estimator.as_ref().map(StatisticsEstimator::plan)).collect();
        Self {
            workspace: Workspace::for_plans(&plans),
            gradients: AlignedBuffer::zeroed(layout.parameters()),
            plan,
            evaluator,
            estimator,
        }
    }

    /// Goes over to the inference form of `graph` with fake quantisation, on the same parameters.
    pub fn quantise(&mut self, graph: &Graph, layout: &ParameterLayout, settings: &TrainSettings) {
        let batch = self.plan.largest_batch();
        let purpose = Purpose::Training { dropout: settings.dropout, channel_masks: false };
        let folded = graph.without_batch_norm();
        self.plan = Plan::quantised(&folded, &layout.without_norms(), batch, purpose);
        self.evaluator = Evaluator::quantised(graph, batch);
        self.estimator = None;
        self.workspace.replan(&[&self.plan, self.evaluator.plan()]);
        // Batch norms have no gradients any more.
        self.gradients.fill(0.0);
    }

    /// Bytes of all activations and their gradients.
    pub fn activation_bytes(&self) -> usize {
        self.plan.arena_bytes().max(self.evaluator.plan().arena_bytes())
    }

    /// Adds the gradient of λ·Σw² over all kernels of the `present` parameters.
    pub fn add_kernel_penalty(
        &mut self,
        kernels: &Kernels,
        layout: &ParameterLayout,
        lambda: f32,
        present: &[f32],
    ) {
        if lambda == 0.0 {
            return;
        }
        for ranges in layout.layers() {
            let kernel = ranges.affine.kernel.clone();
            kernels.axpy(2.0 * lambda, &present[kernel.clone()], &mut self.gradients[kernel]);
        }
    }

    /// Scales the gradient of all parameters together down to the L2 norm `limit`, if it is longer.
    pub fn clip_gradients(&mut self, kernels: &Kernels, limit: Option<f64>) {
        let Some(limit) = limit else { return };
        let norm = kernels.sum_of_squares(&self.gradients).sqrt();
        if norm > limit {
            kernels.scale((limit / norm) as f32, &mut self.gradients);
        }
    }

    /// Lets the `moving` statistics of the batch norms follow those of the last forward pass.
    pub fn update_moving_statistics(&self, moving: &mut [f32]) {
        for ranges in self.plan.norms() {
            let batch = &self.workspace.statistics()[ranges.index];
            for (range, values) in [(&ranges.mean, &batch.mean), (&ranges.variance, &batch.variance)] {
                for (moving, value) in moving[range.clone()].iter_mut().zip(values) {
                    *moving = BATCH_NORM_MOMENTUM * *moving + (1.0 - BATCH_NORM_MOMENTUM) * value;
                }
            }
        }
    }

    /// Whether statistics of batch norms are estimated anew.
    pub fn estimates_statistics(&self) -> bool {
        self.estimator.is_some()
    }

    /// Statistics of the batch norms with `parameters`, where they are estimated anew; `None` where they are not, or if
    /// `proceed` stops it.
    pub fn estimate_statistics(
        &mut self,
        kernels: &Kernels,
        parameters: &Parameters,
        train: &Split,
        loader: &BatchLoader,
        proceed: Proceed<'_>,
    ) -> Option<Vec<f32>> {
        let Self { estimator, workspace, .. } = self;
        estimator.as_mut()?.estimate(kernels, parameters, train, loader, workspace, proceed)
    }

    /// Loss and error of the weights that the evaluator was loaded with; `None` if `proceed` stops it.
    pub fn evaluate(
        &mut self,
        kernels: &Kernels,
        split: &Split,
        loader: &BatchLoader,
        proceed: Proceed<'_>,
    ) -> Option<Evaluation> {
        self.evaluator.evaluate(kernels, split, loader, &mut self.workspace, proceed)
    }
}
