//! Convolutions, depthwise convolutions and dense layers: forward pass, gradients by input and weights. That of the bias
//! is [`Kernels::bias_backward`].
//!
//! | tensor | layout |
//! |---|---|
//! | input, d_input | `[block][in_channels][in_height][in_width][LANES]` |
//! | output, d_output | `[block][out_channels][out_height][out_width][LANES]` |
//! | weights | convolution `[out][in][rows][columns]`, depthwise `[channel][rows][columns]`, dense `[unit][feature]` |
//! | bias | `[out]` |
//!
//! Activations may be longer than `blocks` blocks; only the first `blocks` are read or written. Gradients overwrite
//! what they are written to. Lanes without a sample must hold zeros in `d_output` and finite numbers in `input`.

mod lowering;
mod packing;
mod padding;
mod plane;
mod plane_gradient;
mod prepared;
mod reference;
mod tables;
mod tap_gradient;
mod tap_sum;
#[cfg(test)]
mod tests;
mod winograd;

use std::ops::Range;

use munas_ir::Activation;

use crate::geometry::{ConvGeometry, DenseGeometry};
use crate::norm::StatisticsOf;
use crate::{Isa, Kernels, Scratch};

pub(crate) use lowering::ConvScratch;
pub use prepared::PreparedSums;
use winograd::{Pass, Tiling};

/// Parameters of an affine operator (convolution, depthwise convolution, dense) and the activation fused to it.
#[derive(Clone, Copy, Debug)]
pub struct AffineParameters<'a> {
    /// Weights in the operator's layout.
    pub weights: &'a [f32],
    /// One value per output channel or unit.
    pub bias: &'a [f32],
    /// Applied to the affine function.
    pub activation: Activation,
}

/// Where a forward pass writes.
#[derive(Debug)]
pub struct AffineOutput<'a> {
    /// `[block][out_channels][out_height][out_width][LANES]`, overwritten.
    pub values: &'a mut [f32],
    /// Statistics of the output, where a batch normalisation wants them.
    pub statistics: Option<StatisticsOf<'a>>,
}

impl<'a> From<&'a mut [f32]> for AffineOutput<'a> {
    fn from(values: &'a mut [f32]) -> Self {
        Self { values, statistics: None }
    }
}

impl AffineOutput<'_> {
    /// Blocks `range` of `block_len` elements are there.
    fn finish(&mut self, kernels: &Kernels, range: Range<usize>, block_len: usize) {
        if let Some(statistics) = &mut self.statistics {
            let values = &self.values[range.start * block_len..range.end * block_len];
            statistics.add(kernels, range, values);
        }
    }
}

/// Operands of a weight gradient.
#[derive(Clone, Copy, Debug)]
pub struct AffineActivations<'a> {
    /// Input of the forward pass.
    pub input: &'a [f32],
    /// Gradient of the loss by the output (before a fused activation: see [`Kernels::activation_bias_backward`]).
    pub d_output: &'a [f32],
}

/// An affine operator: a convolution, a depthwise convolution, or a dense layer, which is a convolution of one pixel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Convolution {
    pub(crate) geometry: ConvGeometry,
    pub(crate) depthwise: bool,
}

impl Convolution {
    /// A convolution over all input channels.
    pub fn full(geometry: &ConvGeometry) -> Self {
        Self { geometry: *geometry, depthwise: false }
    }

    /// A dense layer: `output[unit] = Σ weights[unit][feature] · input[feature] + bias[unit]`.
    pub fn dense(geometry: &DenseGeometry) -> Self {
        Self::full(&geometry.as_conv())
    }

    /// A convolution of each channel with its own filter.
    ///
    /// # Panics
    /// If there are not as many output channels as input channels.
    pub fn depthwise(geometry: &ConvGeometry) -> Self {
        assert_eq!(geometry.in_channels, geometry.out_channels, "a depthwise convolution keeps its channels");
        Self { geometry: *geometry, depthwise: true }
    }

    /// Bytes of working memory that the passes over `blocks` blocks take where they are in tiles. The others take little.
    pub fn scratch_bytes(&self, blocks: usize) -> usize {
        let tilings = Pass::ALL.into_iter().filter_map(|pass| Tiling::of(self, pass));
        let lengths = tilings.map(|tiling| tiling.scratch_len(&self.geometry, blocks));
        lengths.max().unwrap_or(0) * size_of::<f32>()
    }

    /// Asserts that the slices have the lengths that the geometry asks for.
    fn check(&self, blocks: usize, weights: &[f32], input: &[f32], output: &[f32]) {
        let g = &self.geometry;
        let expected = if self.depthwise { g.depthwise_weights() } else { g.weights() };
        assert_eq!(weights.len(), expected, "weights of {g:?}");
        self.check_activations(blocks, input, output);
    }

    fn check_activations(&self, blocks: usize, input: &[f32], output: &[f32]) {
        let g = &self.geometry;
        assert!(input.len() >= blocks * g.input_block(), "{blocks} input blocks of {g:?}");
        assert!(output.len() >= blocks * g.output_block(), "{blocks} output blocks of {g:?}");
    }
}

/// The affine operators, one instruction set or the other.
impl Kernels {
    /// `output = weights ∗ input + bias`, and the activation of that.
    pub fn affine_forward(
        &self,
        convolution: &Convolution,
        blocks: usize,
        parameters: &AffineParameters<'_>,
        input: &[f32],
        mut output: AffineOutput<'_>,
        scratch: &mut Scratch,
    ) {
        convolution.check(blocks, parameters.weights, input, output.values);
        assert_eq!(parameters.bias.len(), convolution.geometry.out_channels, "bias");
        match self.isa() {
            Isa::Scalar => {
                reference::forward(convolution, blocks, parameters, input, output.values);
                output.finish(self, 0..blocks, convolution.geometry.output_block());
            }
            _ => self.simd_forward(convolution, blocks, parameters, input, output, &mut scratch.conv),
        }
    }

    /// Gradient by the input of [`Kernels::affine_forward`].
    pub fn affine_backward_input(
        &self,
        convolution: &Convolution,
        blocks: usize,
        weights: &[f32],
        d_output: &[f32],
        d_input: &mut [f32],
        scratch: &mut Scratch,
    ) {
        convolution.check(blocks, weights, d_input, d_output);
        match self.isa() {
            Isa::Scalar => reference::backward_input(convolution, blocks, weights, d_output, d_input),
            _ => self.simd_backward_input(convolution, blocks, weights, d_output, d_input, &mut scratch.conv),
        }
    }

    /// Gradient by the weights of [`Kernels::affine_forward`].
    pub fn affine_backward_weights(
        &self,
        convolution: &Convolution,
        blocks: usize,
        activations: &AffineActivations<'_>,
        d_weights: &mut [f32],
        scratch: &mut Scratch,
    ) {
        convolution.check(blocks, d_weights, activations.input, activations.d_output);
        match self.isa() {
            Isa::Scalar => reference::backward_weights(convolution, blocks, activations, d_weights),
            _ => self.simd_backward_weights(convolution, blocks, activations, d_weights, &mut scratch.conv),
        }
    }
}
