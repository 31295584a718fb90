//! What pruning has to reach in a training: the hard bounds of the search.

use munas_cost::Resources;
use munas_search::{ObjectiveValues, Problem, SparsityRange};
use munas_train::{PruningGoal, Remainder};

/// The goal of every training, if there are bounds to reach.
pub(crate) fn of(problem: &Problem) -> Option<PruningGoal> {
    let SparsityRange { max, fits_bounds, .. } = problem.pruning?;
    if !fits_bounds || problem.bounds.hard.is_empty() {
        return None;
    }
    let problem = problem.clone();
    Some(PruningGoal::new(max, move |remainder: Remainder<'_>| {
        let found = problem.resources(remainder.graph);
        let left = Resources { model_size: remainder.stored.unwrap_or(found.model_size), ..found };
        let on_board = problem.on_board(remainder.graph);
        let broken = problem.bounds.broken_hard(&ObjectiveValues::of_network(None, &left, &on_board));
        broken.map_or(Ok(()), |broken| Err(broken.to_string()))
    }))
}
