//! From a quantised network to files for a device: TFLite, C source, and checks on emulated boards.
//!
//! ```
//! use munas_export::{c, tflite};
//! use munas_ir::{Activation, GraphBuilder, LayerWeights, Op, Quantisation, Shape, TensorId, Weights};
//! use munas_quant::{Calibration, QuantisedNetwork, calibrate};
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
//! let source = c::generate(&network, &c::CSettings::default())?;
//! assert!(source.files.iter().any(|file| file.name == "model.c"));
//! // The arena of the firmware is the peak memory that was priced before training: here the two logits.
//! assert_eq!((source.plan.size, source.plan.predicted), (2, 2));
//! let model = tflite::write_in_best_order(&network, &tflite::ModelMetadata::default());
//! assert_eq!(&model[4..8], b"TFL3");
//! # Ok(())
//! # }
//! ```

pub mod arena;
pub mod c;
pub mod helper;
pub mod input;
pub mod tflite;
pub mod verify;
