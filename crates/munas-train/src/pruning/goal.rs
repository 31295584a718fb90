//! Pruning to fit: the share that is masked rises until what is left meets a goal.

use std::fmt;
use std::sync::Arc;

use munas_ir::Graph;

/// What pruning has to reach, whatever the target sparsity, which is then the least that is masked.
///
/// At each update of the masks the smallest share with which what is left would fit takes the place of s_f in the rise from t₀ to
/// tₙ, so that the network fits from tₙ on, and is pruned no further than it takes.
#[derive(Clone)]
pub struct PruningGoal {
    /// Largest share of the channels or weights within reach that may be masked, in [0, 1).
    pub max_sparsity: f64,
    judge: Arc<Judge>,
}

type Judge = dyn Fn(Remainder<'_>) -> Result<(), String> + Send + Sync;

/// What a mask leaves of a network.
#[derive(Clone, Copy, Debug)]
pub struct Remainder<'a> {
    /// The network, batch norms folded; masked channels are gone.
    pub graph: &'a Graph,
    /// Weights that are not zero, and biases, where single weights are masked.
    pub stored: Option<u64>,
}

impl PruningGoal {
    /// A goal that `judge` says whether it is reached, or what is still too much. It must be pure, and agree to all that is
    /// smaller than what it agrees to.
    pub fn new(
        max_sparsity: f64,
        judge: impl Fn(Remainder<'_>) -> Result<(), String> + Send + Sync + 'static,
    ) -> Self {
        Self { max_sparsity, judge: Arc::new(judge) }
    }

    pub(super) fn judge(&self, remainder: Remainder<'_>) -> Result<(), String> {
        (self.judge)(remainder)
    }
}

impl fmt::Debug for PruningGoal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PruningGoal").field("max_sparsity", &self.max_sparsity).finish_non_exhaustive()
    }
}

/// Equal goals share their function.
impl PartialEq for PruningGoal {
    fn eq(&self, other: &Self) -> bool {
        self.max_sparsity == other.max_sparsity && Arc::ptr_eq(&self.judge, &other.judge)
    }
}
