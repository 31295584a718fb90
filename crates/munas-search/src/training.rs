//! What the training of a network may take.

use std::fmt;
use std::sync::Arc;

use munas_ir::Graph;

/// How much memory the training of a network takes, and how much there is for one.
#[derive(Clone)]
pub struct TrainingMemory {
    /// Bytes that one training may take.
    pub limit: u64,
    bytes: Arc<dyn Fn(&Graph) -> u64 + Send + Sync>,
}

impl TrainingMemory {
    /// A limit, and the bytes that training a graph takes; the function must be pure, so that a search is reproducible.
    pub fn new(limit: u64, bytes: impl Fn(&Graph) -> u64 + Send + Sync + 'static) -> Self {
        Self { limit, bytes: Arc::new(bytes) }
    }
}

impl fmt::Debug for TrainingMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrainingMemory").field("limit", &self.limit).finish_non_exhaustive()
    }
}

/// What the training of one network may take at most; without a limit whatever it needs.
#[derive(Clone, Debug, Default)]
pub struct TrainingLimits {
    /// Memory.
    pub memory: Option<TrainingMemory>,
    /// Multiply-accumulate operations of one inference of the network that is trained, before any pruning.
    pub macs: Option<u64>,
}

/// A limit that a training would exceed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrainingExcess {
    /// Bytes of memory.
    Memory {
        /// What it would take.
        needed: u64,
        /// What there is.
        limit: u64,
    },
    /// Multiply-accumulate operations of one inference.
    Macs {
        /// What the network has.
        needed: u64,
        /// What it may have.
        limit: u64,
    },
}

impl fmt::Display for TrainingExcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory { needed, limit } => {
                write!(f, "would take {needed} bytes of memory (search.training_memory: {limit})")
            }
            Self::Macs { needed, limit } => {
                write!(f, "has {needed} MACs (search.max_training_cost allows {limit})")
            }
        }
    }
}

impl TrainingLimits {
    /// The limit that training a network would exceed, if there is one; it is lowered only where there are limits.
    pub(crate) fn excess(&self, lower: impl FnOnce() -> Graph) -> Option<TrainingExcess> {
        if self.memory.is_none() && self.macs.is_none() {
            return None;
        }
        let graph = lower();
        let macs = munas_cost::macs(&graph);
        if let Some(limit) = self.macs.filter(|limit| macs > *limit) {
            return Some(TrainingExcess::Macs { needed: macs, limit });
        }
        let TrainingMemory { limit, bytes } = self.memory.as_ref()?;
        let needed = bytes(&graph);
        (needed > *limit).then_some(TrainingExcess::Memory { needed, limit: *limit })
    }
}
