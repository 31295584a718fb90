//! The memory of an operator order, step by step.

use munas_ir::{OpId, TensorId};

/// The memory in use at every step of an operator order. `T` names tensors: of a graph, or of a [`Dataflow`](crate::Dataflow).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeline<T = TensorId> {
    /// One step per operator, in the order of execution.
    pub steps: Vec<Step<T>>,
    /// The largest `bytes` of a step.
    pub peak: u64,
}

/// The memory in use while one operator runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step<T = TensorId> {
    /// The operator that runs at this step.
    pub op: OpId,
    /// The tensors alive, in the order of their ids; an input that is not counted is left out.
    pub live: Vec<LiveTensor<T>>,
    /// The input that the operator writes its output over; the output then takes no memory of its own.
    pub in_place: Option<T>,
    /// Sum of the live tensors' bytes.
    pub bytes: u64,
}

/// A tensor that takes memory at a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LiveTensor<T = TensorId> {
    /// The tensor that is alive.
    pub tensor: T,
    /// Its bytes; 0 for an output that lies in an input's memory.
    pub bytes: u64,
}
