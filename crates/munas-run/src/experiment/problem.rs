//! What an experiment searches, as `munas-search` takes it.

use munas_cost::board_figures;
use munas_search::rungs::rungs;
use munas_search::{BoardModel, Problem, SparsityRange, TrainingLimits, TrainingMemory};

use super::{BoardChoice, Experiment};
use crate::task::Task;

impl Experiment {
    /// Epochs at the ends of the rungs at which trials rest, ascending; the last is the end of their training.
    pub fn rungs(&self) -> Vec<u32> {
        let has_rungs = self.search.algorithm.build(&self.search.algorithm_settings()).has_rungs();
        // Nothing rests before pruning is done.
        let least = self.pruning.map_or(1, |pruning| pruning.finish);
        rungs(self.train.epochs, if has_rungs { self.search.rungs.get() } else { 1 }, least)
    }

    /// The problem that the search solves for this task.
    pub(crate) fn problem(&self, task: &Task) -> Problem {
        let Self { space, bounds, train, search, .. } = self;
        Problem {
            rungs: self.rungs(),
            bounds: bounds.clone(),
            memory: self.memory,
            feasibility: search.feasibility,
            repeats: search.repeats,
            max_draws: search.max_draws,
            pruning: self.pruning.map(|pruning| SparsityRange {
                mode: pruning.mode,
                min: pruning.min_sparsity,
                max: pruning.max_sparsity,
                fits_bounds: pruning.fits_bounds,
            }),
            board: self.board.as_ref().map(|BoardChoice { board, rate, .. }| {
                let (board, rate) = (board.clone(), *rate);
                BoardModel::new(move |graph| board_figures(graph, &board, rate))
            }),
            training: TrainingLimits {
                memory: search.training_memory.map(|limit| {
                    let settings = train.clone();
                    TrainingMemory::new(limit, move |graph| settings.memory(graph))
                }),
                macs: search.max_training_cost,
            },
            sampling: search.sampling,
            ..Problem::new(space.clone(), task.input, task.classes(), train.epochs)
        }
    }
}
