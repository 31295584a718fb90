//! The int8 network: calibration, requantisation and a host executor that equals the target to the bit.
//!
//! | step | here |
//! |---|---|
//! | ranges of activations on samples | [`calibrate`], by one of the methods of [`Calibration`] |
//! | parameters | `munas_ir::Quantisation`, from ranges and weights |
//! | shift of the means that rounding causes, undone | [`bias_correction`] |
//! | integers: kernels, biases, multipliers, clamps | [`QuantisedNetwork`] |
//! | execution | [`Executor`] in int8, [`BatchExecutor`] for many samples, [`FloatExecutor`] in f32 |
//! | the class that an output stands for | [`predicted_class`] |
//!
//! ```
//! use munas_ir::{Activation, GraphBuilder, LayerWeights, Op, Quantisation, Shape, TensorId, Weights};
//! use munas_quant::{Calibration, Executor, QuantisedNetwork, calibrate};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut builder = GraphBuilder::new(Shape::flat(2))?;
//! builder.push(Op::Dense { units: 2, activation: Activation::None }, &[TensorId::INPUT])?;
//! let graph = builder.finish()?;
//! let layer = LayerWeights { kernel: vec![1.0, -0.5, -1.0, 0.75], bias: vec![0.1, 0.0], batch_norm: None };
//! let weights = Weights::new(&graph, vec![Some(layer)])?;
//! let samples = [[1.0, 0.0], [0.0, 1.0]];
//! let inputs = samples.iter().map(|sample| &sample[..]);
//!
//! let ranges = calibrate(&graph, &weights, inputs, &Calibration::MinMax);
//! let quantisation = Quantisation::new(&graph, &weights, &ranges);
//! let network = QuantisedNetwork::new(&graph, &weights, &quantisation);
//! let mut executor = Executor::new(&network);
//! let logits = network.dequantise_output(executor.run_real(&[1.0, 0.0]));
//! // 1 + 0.1 and -1 in real numbers; a step of the output's eight bits is about 0.01.
//! assert!((logits[0] - 1.1).abs() < 0.02 && (logits[1] + 1.0).abs() < 0.02, "{logits:?}");
//! let class = network.predicted_class(executor.run_real(&[0.0, 1.0]));
//! assert_eq!(class, 1);
//! # Ok(())
//! # }
//! ```
//!
//! The arithmetic is that of the TensorFlow Lite int8 specification as the reference kernels of TensorFlow Lite for
//! Microcontrollers (TFLM) compute it, with two roundings in each requantisation. Equality with them in every tensor is
//! the definition of correct here. Activations are NHWC with a batch of one.

mod batch;
mod bias_correction;
mod calibration;
mod classes;
mod executor;
mod float;
mod layer;
mod multiplier;
mod network;
#[cfg(test)]
mod testing;

pub use batch::BatchExecutor;
pub use bias_correction::bias_correction;
pub use calibration::{Calibration, UnknownCalibration, calibrate};
pub use classes::predicted_class;
pub use executor::Executor;
pub use float::FloatExecutor;
pub use layer::{AddInput, AddLayer, AddStep, LinearLayer, PoolLayer, QuantisedLayer};
pub use multiplier::Multiplier;
pub use network::QuantisedNetwork;
