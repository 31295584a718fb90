//! The network graph: what is priced is what is trained is what is exported.
//!
//! A [`Graph`] is a list of operators in a valid execution order over activation tensors in NHWC with a batch
//! of one. Convolutions carry their batch norm and activation as attributes, so the same graph is the training
//! graph (batch norm kept apart) and the inference graph (batch norm folded by [`fold_batch_norm`]). Shapes are
//! inferred when an operator is added; a graph that exists is valid.
//!
//! | term | meaning |
//! |---|---|
//! | tensor | an activation; `TensorId(0)` is the network's input, `TensorId(i + 1)` the output of `OpId(i)` |
//! | flat tensor | `1×1×n`: what a dense layer produces; a dense layer reads any tensor flattened in (h, w, c) order |
//! | weights | see [`Weights`] for the layouts |
//!
//! ```
//! use munas_ir::{Activation, ConvAttributes, GraphBuilder, Op, Padding, Shape, TensorId, Window};
//!
//! # fn main() -> Result<(), munas_ir::GraphError> {
//! let attributes = ConvAttributes {
//!     kernel: Window::square(3),
//!     stride: Window::square(1),
//!     padding: Padding::Valid,
//!     batch_norm: true,
//!     activation: Activation::Relu,
//! };
//! let mut builder = GraphBuilder::new(Shape::new(8, 8, 1))?;
//! let features = builder.push(Op::Conv2d { filters: 4, attributes }, &[TensorId::INPUT])?;
//! let logits = builder.push(Op::Dense { units: 10, activation: Activation::None }, &[features])?;
//! // What does not fit is refused where it is added: no 3x3 window lies in a 1x1 tensor.
//! assert!(builder.push(Op::Conv2d { filters: 4, attributes }, &[logits]).is_err());
//! let graph = builder.finish()?;
//! assert_eq!(graph.shape(features), Shape::new(6, 6, 4));
//! assert_eq!(graph.shape(graph.output()), Shape::flat(10));
//! # Ok(())
//! # }
//! ```
//!
//! Deliberately absent: I/O, random generators, execution. Quantisation is here as parameters and rounding only.

mod activation;
mod fold;
mod graph;
mod json;
mod kernel_layout;
mod op;
mod pruning_mode;
mod quantisation;
mod remove_channels;
mod shape;
mod text;
mod weights;
mod windows;

pub use activation::Activation;
pub use fold::fold_batch_norm;
pub use graph::{Graph, GraphBuilder, GraphError, Node, OpId, TensorId};
pub use json::GraphJsonError;
pub use kernel_layout::KernelLayout;
pub use op::{ConvAttributes, Op, Padding, PoolKind, ShapeError, Window};
pub use pruning_mode::PruningMode;
pub use quantisation::{Quantisation, TensorQuantisation, kernel_scale, quantise_weight};
pub use remove_channels::remove_zero_channels;
pub use shape::Shape;
pub use weights::{BATCH_NORM_EPSILON, BatchNorm, LayerWeights, WeightDims, Weights, WeightsError};
pub use windows::{Covered, Windows};
