//! A point of the search before it is trained: as an algorithm proposes it, and with its price.

use munas_cost::{BoardFigures, Resources};
use munas_space::Architecture;

use crate::ObjectiveValues;

/// A point that an algorithm proposes to train.
#[derive(Clone, Debug, PartialEq)]
pub struct Proposal {
    /// The architecture, inside the bounds of the problem's space.
    pub architecture: Architecture,
    /// The fidelity: epochs of training, at least 1.
    pub epochs: u32,
    /// The target sparsity of the pruning, where the problem has pruning.
    pub sparsity: Option<f64>,
}

/// A point that is worth training: an architecture at a fidelity, with what is known about it before training.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// The architecture, as it was proposed (its canonical form is what duplicates are recognised by).
    pub architecture: Architecture,
    /// Its resources: exact without pruning. With pruning an estimate at the target sparsity before the training
    /// ([`Problem::candidate`](crate::Problem::candidate)), and those of what is left after it.
    pub resources: Resources,
    /// What it takes on the experiment's board, where the problem has one.
    pub on_board: BoardFigures,
    /// The fidelity: epochs of training.
    pub epochs: u32,
    /// The target sparsity, where the problem has pruning.
    pub sparsity: Option<f64>,
}

impl Candidate {
    /// The values of all objectives, with `error` as the one that only training can tell.
    pub fn objectives(&self, error: Option<f64>) -> ObjectiveValues {
        ObjectiveValues::of_network(error, &self.resources, &self.on_board)
    }
}
