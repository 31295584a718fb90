//! Operator order, peak memory, model size and MACs of a network graph.
//!
//! | item | gives |
//! |---|---|
//! | [`resources`] | all figures that a search bounds, in microseconds |
//! | [`choose_order`] | the operator order with the smallest peak memory |
//! | [`price`] | the memory in use at every step of an order |
//! | [`layer_costs`] | MACs and parameters of every operator |
//!
//! All figures are those of the inference graph: batch norm folded into its convolution, activations fused, a
//! batch of one, one byte per element ([`Resources::with_element_bytes`] for others). Choosing an order and
//! pricing one are two functions that share one account of the memory.
//!
//! Deliberately absent: I/O, clocks, execution.

mod layers;
mod memory;
mod order;
mod resources;

pub use layers::{LayerCost, layer_cost, layer_costs, macs, model_size, model_size_at, sparse_model_size};
pub use memory::{InputMemory, LiveTensor, MemoryRules, Step, Timeline, price};
pub use order::{ChosenOrder, choose_order};
pub use resources::{Resources, resources};
