//! TensorFlow Lite files: a quantised network is written as one, and models of others are read and priced.
//!
//! | item | does |
//! |---|---|
//! | [`write_in_best_order`], [`write()`] | make the file of a network, in the best order or a given one |
//! | [`Model::read`] | reads a file; never panics, whatever it holds |
//! | [`Tflm`] | runs a file in TensorFlow Lite for Microcontrollers, where Python has it |
//! | [`Model::cost`] | memory in the file's order and in the best one, parameters, MACs |

mod cost;
mod error;
mod flow;
mod model;
mod plan;
mod schema;
mod serialise;
mod supported;
mod table;
mod tflm;
mod write;

pub use cost::{ModelCost, OperatorCost};
pub use error::TfliteError;
pub use model::{Model, Operator, OperatorKind, Options, Quantisation, Tensor, TensorIndex, WindowOptions};
pub use schema::{BuiltinOperator, ElementType};
pub use tflm::{Int8Tensor, Tflm, TflmError};
pub use write::{ModelMetadata, tensor_name, write, write_in_best_order};
