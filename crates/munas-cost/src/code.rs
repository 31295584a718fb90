//! Bytes of code that a network takes on a core.
//!
//! They are fitted, for each core, to the sizes of the C source that munas writes for random networks of its search spaces, compiled with
//! `-O2`, library routines included. The file `flash/code.toml` holds them with the error of the fit; the example `fit_flash` of
//! munas-export compiles the networks and writes the file.

use std::sync::LazyLock;

use munas_ir::Graph;
use serde::{Deserialize, Serialize};

use crate::instructions::OperatorKind;

/// Bytes of code of one kind of operators.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KindCode {
    /// Of the functions, which all operators of the kind share.
    pub once: f64,
    /// Of each operator.
    pub each: f64,
}

/// Bytes of code, and of the library routines that it calls, which make inputs of raw values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputCode {
    /// In integers, as for pixels that were scaled together.
    pub integers: f64,
    /// In floating point.
    pub floats: f64,
}

/// Bytes of code on a core, and how well they are known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CodeModel {
    /// The core whose code was measured, such as `cortex-m4`.
    pub core: String,
    /// The compiler and its options.
    pub compiler: String,
    /// The number of networks that the fit was checked on; they took no part in it.
    pub networks: usize,
    /// Mean over those networks of |estimate − size| / size, of the whole of weights, tables and code.
    pub mean_error: f64,
    /// The largest such error.
    pub max_error: f64,
    /// Bytes of what every network has.
    pub base: f64,
    /// Convolutions with a kernel of more than one element.
    pub conv2d: KindCode,
    /// Convolutions with a 1×1 kernel.
    pub pointwise_conv2d: KindCode,
    /// Depthwise convolutions.
    pub depthwise_conv2d: KindCode,
    /// Maxima over windows.
    pub max_pool: KindCode,
    /// Means over windows.
    pub average_pool: KindCode,
    /// Sums of tensors.
    pub add: KindCode,
    /// Fully connected layers.
    pub dense: KindCode,
    /// From raw values to inputs, which is no part of the network.
    pub input: InputCode,
}

/// The file of the fitted code sizes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CodeModels {
    /// One for each core.
    pub model: Vec<CodeModel>,
}

/// The fitted code sizes of all cores.
pub fn code_models() -> &'static [CodeModel] {
    static MODELS: LazyLock<CodeModels> = LazyLock::new(|| {
        let models = toml::from_str(include_str!("flash/code.toml"));
        models.expect("the file of the crate is valid: a test reads it")
    });
    &MODELS.model
}

impl CodeModel {
    /// The bytes of a kind.
    pub const fn of(&self, kind: OperatorKind) -> KindCode {
        match kind {
            OperatorKind::Conv2d => self.conv2d,
            OperatorKind::PointwiseConv2d => self.pointwise_conv2d,
            OperatorKind::DepthwiseConv2d => self.depthwise_conv2d,
            OperatorKind::MaxPool => self.max_pool,
            OperatorKind::AveragePool => self.average_pool,
            OperatorKind::Add => self.add,
            OperatorKind::Dense => self.dense,
        }
    }

    /// Estimated bytes of code for a network.
    pub fn code(&self, graph: &Graph) -> f64 {
        let mut bytes = self.base;
        for (kind, operators) in operator_counts(graph) {
            let KindCode { once, each } = self.of(kind);
            bytes += if operators > 0 { once + each * operators as f64 } else { 0.0 };
        }
        bytes
    }
}

/// How many operators of each kind a network has.
pub fn operator_counts(graph: &Graph) -> [(OperatorKind, usize); OperatorKind::ALL.len()] {
    let count = |kind| graph.ops().filter(|(_, node)| OperatorKind::of(node.op) == kind).count();
    OperatorKind::ALL.map(|kind| (kind, count(kind)))
}
