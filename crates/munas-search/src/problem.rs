//! What is searched: the space, the task, the bounds and the rules of the search.

use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;
use std::sync::Arc;

use munas_cost::{BoardFigures, MemoryModel, Resources, resources_under};
use munas_ir::{Graph, PruningMode, Shape};
use munas_space::{Architecture, Space};
use serde::{Deserialize, Serialize};

use crate::sparsity::SparsityRange;
use crate::training::{TrainingExcess, TrainingLimits};
use crate::{Bounds, Candidate, Objective, ObjectiveValues, Proposal};

/// Predicts what a graph takes on a board.
#[derive(Clone)]
pub struct BoardModel(Arc<dyn Fn(&Graph) -> BoardFigures + Send + Sync>);

impl BoardModel {
    /// A model from a function; it must be pure, so that a search is reproducible.
    pub fn new(figures: impl Fn(&Graph) -> BoardFigures + Send + Sync + 'static) -> Self {
        Self(Arc::new(figures))
    }

    /// What the graph takes.
    pub fn figures(&self, graph: &Graph) -> BoardFigures {
        (self.0)(graph)
    }
}

impl fmt::Debug for BoardModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BoardModel")
    }
}

/// How random architectures are drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sampling {
    /// As the space draws them, uniform over its variables: most are far too large for tight bounds, and the rest are cripples.
    #[default]
    Uniform,
    /// Resources within the bounds are drawn first, then an architecture that has them (see [`sampling`](mod@crate::sampling)).
    Target,
}

impl Sampling {
    /// All ways.
    pub const ALL: [Self; 2] = [Self::Uniform, Self::Target];

    /// The name in experiment files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Uniform => "uniform",
            Self::Target => "target",
        }
    }
}

impl fmt::Display for Sampling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is no way of sampling.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a way of sampling (uniform, target)")]
pub struct UnknownSampling(pub String);

impl FromStr for Sampling {
    type Err = UnknownSampling;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|sampling| sampling.name() == name);
        found.ok_or_else(|| UnknownSampling(name.to_owned()))
    }
}

/// Which proposals are trained.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Feasibility {
    /// Duplicates, and what breaks a hard bound or ten times a soft one, are not trained: the algorithm draws again.
    #[default]
    Skip,
    /// The first draw that there is memory for is trained, whatever it is, as in muNAS.
    Off,
}

/// What is searched, and by which rules.
#[derive(Clone, Debug)]
pub struct Problem {
    /// The architectures, with their bounds.
    pub space: Space,
    /// The shape of the network's input.
    pub input: Shape,
    /// Number of classes.
    pub classes: usize,
    /// The user's bounds on the objectives.
    pub bounds: Bounds,
    /// Epochs of a full training.
    pub epochs: u32,
    /// Epochs at the ends of the rungs of algorithms that have some, ascending; the last is the full training.
    pub rungs: Vec<u32>,
    /// Which proposals are trained.
    pub feasibility: Feasibility,
    /// Whether an architecture that was trained before may be trained again.
    pub repeats: bool,
    /// After so many refused draws for one proposal the search gives up.
    pub max_draws: NonZeroU64,
    /// What peak memory counts: the bound on it, and the objective, are of this figure.
    pub memory: MemoryModel,
    /// The board; without one, candidates have none of its figures.
    pub board: Option<BoardModel>,
    /// What the target sparsity of each trial is drawn from; `None`: nothing is pruned.
    pub pruning: Option<SparsityRange>,
    /// What a training may take.
    pub training: TrainingLimits,
    /// How random architectures are drawn.
    pub sampling: Sampling,
}

/// Halvings after which the share that meets the hard bounds is known to a thousandth.
const SHARE_BISECTIONS: u32 = 10;

/// What a proposal is priced by before training.
#[derive(Clone, Debug)]
pub(crate) struct Foreseen {
    /// The network; structured pruning makes it smaller.
    pub graph: Graph,
    /// Its size in bytes; unstructured pruning makes it smaller.
    pub model_size: u64,
}

impl Foreseen {
    fn new(dense: &Graph, mode: PruningMode, share: f64) -> Self {
        match mode {
            PruningMode::Structured => {
                let graph = dense.evenly_pruned(share);
                Self { model_size: munas_cost::model_size(&graph), graph }
            }
            PruningMode::Unstructured => {
                Self { graph: dense.clone(), model_size: munas_cost::model_size_at(dense, share) }
            }
        }
    }
}

/// Why a problem cannot be searched.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ProblemError {
    /// A bound of zero, a negative one, or no number.
    #[error("the bound on {objective} is {bound}, it must be a positive number")]
    NotPositive {
        /// The objective.
        objective: Objective,
        /// Its bound.
        bound: f64,
    },
    /// A hard bound without a value.
    #[error("{0} is listed as a hard bound, but has no bound")]
    HardWithoutBound(Objective),
    /// The error cannot be checked before training.
    #[error("the bound on the error cannot be hard: the error is known only after training")]
    HardError,
    /// A bound on what only a board has.
    #[error("a bound on {0} needs a board")]
    WithoutBoard(Objective),
}

impl Problem {
    /// The default of `max_draws`: tight experiments are feasible once in some thousands of draws, so that a million
    /// leaves ample room, and still ends within a minute at the speed of the cost models.
    pub const DEFAULT_MAX_DRAWS: NonZeroU64 = NonZeroU64::new(1_000_000).expect("a million is not zero");

    /// A problem without bounds, with default rules.
    pub fn new(space: Space, input: Shape, classes: usize, epochs: u32) -> Self {
        Self {
            space,
            input,
            classes,
            bounds: Bounds::default(),
            epochs,
            rungs: vec![epochs],
            feasibility: Feasibility::default(),
            repeats: false,
            max_draws: Self::DEFAULT_MAX_DRAWS,
            memory: MemoryModel::default(),
            board: None,
            pruning: None,
            training: TrainingLimits::default(),
            sampling: Sampling::default(),
        }
    }

    /// Checks that the bounds can be searched under. Whoever reads them from a user calls this once.
    ///
    /// # Errors
    /// [`ProblemError`], which names the bound.
    pub fn check(&self) -> Result<(), ProblemError> {
        for (objective, bound) in self.bounds.values.iter() {
            if !(bound.is_finite() && bound > 0.0) {
                return Err(ProblemError::NotPositive { objective, bound });
            }
        }
        for &objective in &self.bounds.hard {
            if objective == Objective::Error {
                return Err(ProblemError::HardError);
            }
            if self.bounds.get(objective).is_none() {
                return Err(ProblemError::HardWithoutBound(objective));
            }
        }
        let mut bounded = self.bounds.values.iter().map(|(objective, _)| objective);
        match bounded.find(|objective| objective.needs_board() && self.board.is_none()) {
            Some(objective) => Err(ProblemError::WithoutBoard(objective)),
            None => Ok(()),
        }
    }

    /// A proposal with what is known about it before training: its graph is built, priced and dropped.
    ///
    /// With pruning, the resources are an estimate of what will be left: structured pruning takes the target share of every
    /// layer's channels ([`Graph::evenly_pruned`]; its global threshold will take more of some layers and less of others),
    /// unstructured pruning the target share of the weights within its reach, which is exact. What is refused by
    /// it is too large even at its target sparsity. Where pruning goes on until the hard bounds are met, it is the smallest share
    /// beyond the target that meets them, and what is refused is too large at the largest.
    pub fn candidate(&self, proposal: Proposal) -> Candidate {
        let foreseen = self.foresee(&proposal);
        self.price(proposal, &foreseen)
    }

    /// The network of a proposal, pruned as far as can be foreseen.
    pub(crate) fn foresee(&self, proposal: &Proposal) -> Foreseen {
        let dense = proposal.architecture.lower(self.input, self.classes);
        let (Some(range), Some(target)) = (self.pruning, proposal.sparsity) else {
            return Foreseen { model_size: munas_cost::model_size(&dense), graph: dense };
        };
        let at_target = Foreseen::new(&dense, range.mode, target);
        if !range.fits_bounds || self.meets_hard_bounds(&at_target) {
            return at_target;
        }
        let mut smallest = Foreseen::new(&dense, range.mode, range.max);
        if !self.meets_hard_bounds(&smallest) {
            return smallest;
        }
        let (mut above, mut fits) = (target, range.max);
        for _ in 0..SHARE_BISECTIONS {
            let middle = f64::midpoint(above, fits);
            let foreseen = Foreseen::new(&dense, range.mode, middle);
            if self.meets_hard_bounds(&foreseen) {
                (fits, smallest) = (middle, foreseen);
            } else {
                above = middle;
            }
        }
        smallest
    }

    /// Whether no hard bound is broken; what is computed fastest is compared first.
    fn meets_hard_bounds(&self, foreseen: &Foreseen) -> bool {
        let Foreseen { graph, model_size } = foreseen;
        let bounds = &self.bounds;
        let within = |objective, value: &dyn Fn() -> Option<f64>| {
            let bound = bounds.get(objective).filter(|_| bounds.is_hard(objective));
            bound.is_none_or(|bound| value().is_none_or(|value| value <= bound))
        };
        within(Objective::ModelSize, &|| Some(*model_size as f64))
            && within(Objective::Macs, &|| Some(munas_cost::macs(graph) as f64))
            && self.is_within_board(graph)
            && self.is_within_resources(foreseen)
    }

    /// Whether the hard bounds are met that need all resources of a network.
    fn is_within_resources(&self, Foreseen { graph, model_size }: &Foreseen) -> bool {
        let compared = |objective: &Objective| {
            objective.needs_board() || matches!(objective, Objective::ModelSize | Objective::Macs)
        };
        if self.bounds.hard.iter().all(compared) {
            return true;
        }
        let resources = Resources { model_size: *model_size, ..self.resources(graph) };
        let values = ObjectiveValues::of_network(None, &resources, &BoardFigures::default());
        self.bounds.broken_hard(&values).is_none()
    }

    /// The candidate of a proposal of which this is foreseen.
    pub(crate) fn price(&self, proposal: Proposal, foreseen: &Foreseen) -> Candidate {
        let Proposal { architecture, epochs, sparsity } = proposal;
        let Foreseen { graph, model_size } = foreseen;
        let resources = Resources { model_size: *model_size, ..self.resources(graph) };
        Candidate { architecture, resources, on_board: self.on_board(graph), epochs, sparsity }
    }

    /// What the graph takes, its peak memory as the problem counts it.
    pub fn resources(&self, graph: &Graph) -> Resources {
        resources_under(graph, self.memory)
    }

    /// The limit that training an architecture would exceed, if there is one; who proposes it anyway has it refused.
    pub fn training_excess(&self, architecture: &Architecture) -> Option<TrainingExcess> {
        self.training.excess(|| architecture.lower(self.input, self.classes))
    }

    /// What the graph takes on the board, if there is one.
    pub fn on_board(&self, graph: &Graph) -> BoardFigures {
        self.board.as_ref().map(|model| model.figures(graph)).unwrap_or_default()
    }

    /// Whether the graph is within the hard bounds on what only a board has.
    fn is_within_board(&self, graph: &Graph) -> bool {
        let Some(model) = &self.board else { return true };
        let bounds = &self.bounds;
        let mut hard = bounds.hard.iter().filter(|objective| objective.needs_board()).peekable();
        if hard.peek().is_none() {
            return true;
        }
        let nothing = Resources {
            peak_memory: 0,
            peak_memory_with_input: 0,
            peak_memory_of_model: None,
            model_size: 0,
            macs: 0,
            exact: true,
        };
        let values = ObjectiveValues::of_network(None, &nothing, &model.figures(graph));
        bounds.broken_hard(&values).is_none()
    }
}

#[cfg(test)]
mod tests;
