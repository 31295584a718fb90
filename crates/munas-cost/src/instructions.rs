//! How much a core executes for an operator: counts that are linear in the operator's figures.
//!
//! For an operator with *M* MACs, *P* positions of its output (height × width) and *C* channels of it,
//!
//! instructions = per_call + per_position·P + per_covered·M/C + per_output·P·C + per_mac·M
//!
//! with coefficients of its kind. M/C is the number of input elements that the kernel covers at all positions: what a
//! convolution gathers before it multiplies. The coefficients are never negative, so that more work is never faster.
//!
//! The coefficients are fitted, for each core, to counts that emulators gave for the C source that munas writes for
//! random networks of its search space. The file `latency/instructions.toml` holds them with the error of the fit; the
//! example `fit_latency` of munas-export measures the networks and writes the file. What the emulators do not know is
//! left to the core's cycles per instruction: wait states of the flash, caches, and pairs of instructions that the
//! Cortex-M7 issues together.

use std::sync::LazyLock;

use munas_ir::{Op, PoolKind};
use serde::{Deserialize, Serialize};

use crate::layers::LayerCost;

/// What emulators count on a core.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CountUnit {
    /// Executed instructions, whatever each of them takes.
    Instructions,
    /// Clock cycles of the core.
    Cycles,
}

/// The kinds of operators that have coefficients of their own: those for which different loops are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OperatorKind {
    /// Convolution with a kernel of more than one element.
    Conv2d,
    /// Convolution with a 1×1 kernel.
    PointwiseConv2d,
    /// Depthwise convolution, of any kernel size.
    DepthwiseConv2d,
    /// Maximum over windows, each channel by itself.
    MaxPool,
    /// Mean over windows, each channel by itself, global ones included.
    AveragePool,
    /// Elementwise sum of two tensors or more.
    Add,
    /// Fully connected layer: one product for each pair of input and unit.
    Dense,
}

impl OperatorKind {
    /// All kinds, in the order of the file.
    pub const ALL: [Self; 7] = [
        Self::Conv2d,
        Self::PointwiseConv2d,
        Self::DepthwiseConv2d,
        Self::MaxPool,
        Self::AveragePool,
        Self::Add,
        Self::Dense,
    ];

    /// The kind of an operator.
    pub const fn of(op: Op) -> Self {
        match op {
            Op::Conv2d { attributes, .. } if attributes.kernel.area() == 1 => Self::PointwiseConv2d,
            Op::Conv2d { .. } => Self::Conv2d,
            Op::DepthwiseConv2d { .. } => Self::DepthwiseConv2d,
            Op::Pool { kind: PoolKind::Max, .. } => Self::MaxPool,
            Op::Pool { kind: PoolKind::Avg, .. } => Self::AveragePool,
            Op::Add => Self::Add,
            Op::Dense { .. } => Self::Dense,
        }
    }
}

/// Coefficients of one operator kind, in counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OperatorCoefficients {
    /// For each execution of the operator, whatever its size.
    pub per_call: f64,
    /// For each position of the output.
    pub per_position: f64,
    /// For each element of the input that the kernel covers, position by position.
    pub per_covered: f64,
    /// For each element of the output.
    pub per_output: f64,
    /// For each multiply-accumulate, as [`LayerCost::macs`] counts them.
    pub per_mac: f64,
}

impl OperatorCoefficients {
    /// Number of coefficients, and length of [`Self::terms`].
    pub const TERMS: usize = 5;

    /// What the coefficients are multiplied with, in the order of the fields.
    pub fn terms(cost: &LayerCost) -> [f64; Self::TERMS] {
        let (macs, output) = (cost.macs as f64, cost.output);
        [1.0, output.pixels() as f64, macs / output.channels as f64, output.elements() as f64, macs]
    }

    /// The coefficients in the order of the fields.
    pub const fn to_array(self) -> [f64; Self::TERMS] {
        [self.per_call, self.per_position, self.per_covered, self.per_output, self.per_mac]
    }

    /// The coefficients from the order of the fields.
    pub const fn from_array(values: [f64; Self::TERMS]) -> Self {
        let [per_call, per_position, per_covered, per_output, per_mac] = values;
        Self { per_call, per_position, per_covered, per_output, per_mac }
    }

    /// The count that the coefficients give for an operator.
    pub fn count(&self, cost: &LayerCost) -> f64 {
        self.to_array().iter().zip(Self::terms(cost)).map(|(coefficient, term)| coefficient * term).sum()
    }
}

/// The coefficients of all operator kinds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "named as the operator kinds")]
pub struct CoefficientTable {
    pub conv2d: OperatorCoefficients,
    pub pointwise_conv2d: OperatorCoefficients,
    pub depthwise_conv2d: OperatorCoefficients,
    pub max_pool: OperatorCoefficients,
    pub average_pool: OperatorCoefficients,
    pub add: OperatorCoefficients,
    pub dense: OperatorCoefficients,
}

impl CoefficientTable {
    /// The coefficients of a kind.
    pub const fn of(&self, kind: OperatorKind) -> &OperatorCoefficients {
        match kind {
            OperatorKind::Conv2d => &self.conv2d,
            OperatorKind::PointwiseConv2d => &self.pointwise_conv2d,
            OperatorKind::DepthwiseConv2d => &self.depthwise_conv2d,
            OperatorKind::MaxPool => &self.max_pool,
            OperatorKind::AveragePool => &self.average_pool,
            OperatorKind::Add => &self.add,
            OperatorKind::Dense => &self.dense,
        }
    }

    /// The coefficients of a kind, to be set.
    pub const fn of_mut(&mut self, kind: OperatorKind) -> &mut OperatorCoefficients {
        match kind {
            OperatorKind::Conv2d => &mut self.conv2d,
            OperatorKind::PointwiseConv2d => &mut self.pointwise_conv2d,
            OperatorKind::DepthwiseConv2d => &mut self.depthwise_conv2d,
            OperatorKind::MaxPool => &mut self.max_pool,
            OperatorKind::AveragePool => &mut self.average_pool,
            OperatorKind::Add => &mut self.add,
            OperatorKind::Dense => &mut self.dense,
        }
    }
}

/// How much a core executes for a network, and how well that is known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InstructionModel {
    /// The core whose code was counted, such as `cortex-m4`.
    pub core: String,
    /// The emulator that counted.
    pub emulator: String,
    /// The compiler and its options.
    pub compiler: String,
    /// What was counted: the unit of the coefficients.
    pub unit: CountUnit,
    /// The number of networks that the fit was checked on; they took no part in it.
    pub networks: usize,
    /// Mean over those networks of |estimate − count| / count.
    pub mean_error: f64,
    /// The largest such error.
    pub max_error: f64,
    /// The coefficients, in `unit`, by kind of operator.
    pub operators: CoefficientTable,
}

/// The file of the fitted models.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InstructionModels {
    /// One for each core.
    pub model: Vec<InstructionModel>,
}

/// The fitted models of all cores.
pub fn instruction_models() -> &'static [InstructionModel] {
    static MODELS: LazyLock<InstructionModels> = LazyLock::new(|| {
        let models = toml::from_str(include_str!("latency/instructions.toml"));
        models.expect("the file of the crate is valid: a test reads it")
    });
    &MODELS.model
}
