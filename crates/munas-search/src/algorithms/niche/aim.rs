//! What a decision aims at. Next to its bounds a network has little volume, however good it is; but a user who gives bounds wants most of all
//! the best network within them, and the front besides. So decisions take turns.

use rand::{Rng, RngExt};

use crate::{Objective, Problem};

/// See the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Aim {
    /// The whole front, small networks as well as good ones.
    Front,
    /// The least error within hard bounds, whatever it takes of them.
    Error,
}

impl Aim {
    /// What a new trial aims at.
    pub fn drawn(problem: &Problem, error_share: f64, rng: &mut dyn Rng) -> Self {
        if may_be_error(problem) && rng.random_bool(error_share) { Self::Error } else { Self::Front }
    }

    /// What a promotion aims at after so many results: this share of them at the least error, evenly spread.
    pub fn in_turn(problem: &Problem, error_share: f64, results: usize) -> Self {
        let turns = |results: usize| (results as f64 * error_share).floor();
        let is_turn = turns(results) > turns(results.saturating_sub(1));
        if may_be_error(problem) && is_turn { Self::Error } else { Self::Front }
    }

    /// Of a point, the coordinates that count: the logarithms of the error and of the resources, or of the error alone.
    pub fn of_point(self, mut point: Vec<f64>) -> Vec<f64> {
        if self == Self::Error {
            point.truncate(1);
        }
        point
    }

    /// Of the logarithms of the resources, those that count.
    pub fn of_resources(self, resources: &[f64]) -> &[f64] {
        match self {
            Self::Front => resources,
            Self::Error => &[],
        }
    }

    /// What a gain is worth that costs so much. Where the least error is wanted, time matters less.
    pub fn worth(self, gain: f64, cost: f64) -> f64 {
        match self {
            Self::Front => gain / cost,
            Self::Error => gain / cost.sqrt(),
        }
    }
}

/// Whether no network may be above any bound, and there are bounds: without any the largest would be the best.
fn may_be_error(problem: &Problem) -> bool {
    let bounds = &problem.bounds;
    let bounded = bounds.values.iter().map(|(objective, _)| objective);
    let mut resources = bounded.filter(|one| *one != Objective::Error).peekable();
    resources.peek().is_some() && resources.all(|objective| bounds.is_hard(objective))
}
