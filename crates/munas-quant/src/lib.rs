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
