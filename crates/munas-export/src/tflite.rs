//! TensorFlow Lite files: a quantised network is written as one, and models of others are read and priced.
//!
//! | item | does |
//! |---|---|
//! | [`write_in_best_order`], [`write()`] | make the file of a network, in the best order or a given one |
//! | [`Model::read`] | reads a file; never panics, whatever it holds |
//! | [`Tflm`] | runs a file in TensorFlow Lite for Microcontrollers, where Python has it |
//! | [`ModelMetadata`] | what a file says besides the network: where it is from, how its input is made, what its classes are |
//! | [`Model::cost`] | memory in the file's order, in the best one and in rows, parameters, MACs |
//! | [`Model::latency`] | time on a board, of the operators that munas has kernels for |

mod cost;
mod error;
mod flow;
mod interface;
mod latency;
mod metadata;
mod model;
mod plan;
mod rows;
mod schema;
mod serialise;
mod sizes;
mod standard;
mod supported;
mod table;
mod tflm;
mod write;

pub use cost::{ModelCost, OperatorCost, Unpriced, UnpricedPlace};
pub use error::TfliteError;
pub use interface::{Interface, LABEL_FILE};
pub use latency::ModelLatency;
pub use metadata::ModelMetadata;
pub use model::{Model, Operator, OperatorKind, Options, Quantisation, Tensor, TensorIndex, WindowOptions};
pub use rows::StreamedMemory;
pub use schema::{BuiltinOperator, ElementType};
pub use tflm::{Int8Tensor, Tflm, TflmError};
pub use write::{tensor_name, write, write_in_best_order};
