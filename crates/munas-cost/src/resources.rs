//! All figures of a graph that a search bounds.

use munas_ir::Graph;

use crate::{MemoryModel, MemoryRules, layer_cost, order::PeakSolver, peak_memory};

/// What a network needs, for one byte per element and a batch of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Resources {
    /// Bytes of activations alive at the worst step of the best operator order, without the network's input.
    pub peak_memory: u64,
    /// The same with the network's input counted.
    pub peak_memory_with_input: u64,
    /// Peak memory under the [`MemoryModel`] that was asked for, where that is not the one of `peak_memory`.
    pub peak_memory_of_model: Option<u64>,
    /// Bytes of weights and biases, batch norm folded.
    pub model_size: u64,
    /// Multiply-accumulates of one inference.
    pub macs: u64,
    /// Whether the operator orders are known to be the best; if not, the peaks are those of a good order.
    pub exact: bool,
}

impl Resources {
    /// The same network with elements (activations and parameters) of another size.
    #[must_use]
    pub const fn with_element_bytes(self, bytes: u64) -> Self {
        Self {
            peak_memory: self.peak_memory * bytes,
            peak_memory_with_input: self.peak_memory_with_input * bytes,
            peak_memory_of_model: match self.peak_memory_of_model {
                Some(peak) => Some(peak * bytes),
                None => None,
            },
            model_size: self.model_size * bytes,
            ..self
        }
    }

    /// The peak memory that a search under the model bounds.
    pub fn bounded_peak(&self) -> u64 {
        self.peak_memory_of_model.unwrap_or(self.peak_memory)
    }
}

/// The resources of the inference graph.
pub fn resources(graph: &Graph) -> Resources {
    let mut macs: u64 = 0;
    let mut model_size = 0;
    for (op, _) in graph.ops() {
        let cost = layer_cost(graph, op);
        macs = macs.saturating_add(cost.macs);
        model_size += cost.parameters;
    }
    let solve = |rules: MemoryRules| PeakSolver::new(&rules.dataflow(graph)).solve();
    let without_input = solve(MemoryRules::WITHOUT_INPUT);
    let with_input = solve(MemoryRules::WITH_INPUT);
    Resources {
        peak_memory: without_input.peak,
        peak_memory_with_input: with_input.peak,
        peak_memory_of_model: None,
        model_size,
        macs,
        exact: without_input.exact && with_input.exact,
    }
}

/// The resources of the inference graph, with its peak memory under a model.
pub fn resources_under(graph: &Graph, model: MemoryModel) -> Resources {
    let published = resources(graph);
    let peak_memory_of_model = (model != MemoryModel::PUBLISHED).then(|| peak_memory(graph, model));
    Resources { peak_memory_of_model, ..published }
}
