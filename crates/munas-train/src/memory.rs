//! How much memory a training takes, known before it begins.

use munas_ir::Graph;

use crate::evaluate::Evaluator;
use crate::norm_statistics::StatisticsEstimator;
use crate::parameters::ParameterLayout;
use crate::plan::{Plan, Purpose};
use crate::{Keep, NormStatistics, Optimizer, PruningMode, TrainSettings};

impl TrainSettings {
    /// Bytes that a training of `graph` takes with these settings: the arena of activations and gradients, the kernels'
    /// working memory, and all copies of the parameters. The data and what does not grow with the network are left out.
    pub fn memory(&self, graph: &Graph) -> u64 {
        let layout = ParameterLayout::new(graph);
        let channel_masks = self.prunes(PruningMode::Structured);
        let purpose = Purpose::Training { dropout: self.dropout, channel_masks };
        let plan = Plan::new(graph, &layout, self.batch, purpose);
        let (mut arena, scratch) = (plan.arena_bytes(), plan.scratch_bytes());
        arena = arena.max(Evaluator::new(graph, self.batch).plan().arena_bytes());
        if self.norm_statistics == NormStatistics::ReEstimated {
            let plan = StatisticsEstimator::largest_plan(graph, &layout, self.batch);
            arena = arena.max(plan.map_or(0, |plan| plan.arena_bytes()));
        }
        if self.quantised_epochs > 0 {
            let (folded, layout) = (graph.without_batch_norm(), layout.without_norms());
            arena = arena.max(Plan::quantised(&folded, &layout, self.batch, purpose).arena_bytes());
            arena = arena.max(Evaluator::quantised(graph, self.batch).plan().arena_bytes());
        }
        if let Some(distillation) = &self.distillation {
            arena += Evaluator::new(distillation.teacher.graph(), self.batch).plan().arena_bytes();
        }
        (arena + scratch + self.parameter_copies() * layout.parameters() * size_of::<f32>()) as u64
    }

    /// The parameters, their gradients, those of the evaluator, of the result and of the best epoch if it is kept, and
    /// what the optimiser, pruning and quantisation keep.
    fn parameter_copies(&self) -> usize {
        let moments = match self.optimizer {
            Optimizer::Sgdw { .. } => 1,
            Optimizer::AdamW | Optimizer::Adam => 2,
        };
        let masks = if self.pruning.is_some() { 2 } else { 0 };
        let best = usize::from(self.keep == Keep::Best);
        4 + best + moments + masks + usize::from(self.quantised_epochs > 0)
    }
}
