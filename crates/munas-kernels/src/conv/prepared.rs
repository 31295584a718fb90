//! Forward passes with weights that do not change.

use munas_ir::Activation;

use super::packing::{PackedWeights, PassWeights};
use super::{AffineParameters, Convolution, reference};
use crate::layout::AlignedBuffer;
use crate::{Isa, Kernels, Scratch};

/// The sums of products of a convolution, without a bias, whose weights are laid out once for many calls.
///
/// They are plain sums, in whatever order: integers are exact if no sum of any of the products of an output exceeds 2²⁴.
#[derive(Clone, Debug)]
pub struct PreparedSums {
    kernels: Kernels,
    convolution: Convolution,
    /// As the instruction set reads them.
    weights: AlignedBuffer,
    no_bias: Vec<f32>,
}

impl PreparedSums {
    /// Lays out `weights`, which are in the layout of `convolution`.
    pub fn new(kernels: &Kernels, convolution: &Convolution, weights: &[f32]) -> Self {
        let no_bias = vec![0.0; convolution.geometry.out_channels];
        let weights = match kernels.isa() {
            Isa::Scalar => AlignedBuffer::from_slice(weights),
            _ => {
                let mut buffer = AlignedBuffer::default();
                let parameters = AffineParameters { weights, bias: &no_bias, activation: Activation::None };
                PassWeights::of_forward(convolution, &parameters).pack(
                    kernels.tile(),
                    convolution.split().0,
                    &mut buffer,
                );
                buffer
            }
        };
        Self { kernels: *kernels, convolution: *convolution, weights, no_bias }
    }

    /// The sums for `blocks` blocks of input.
    pub fn forward(&self, blocks: usize, input: &[f32], output: &mut [f32], scratch: &mut Scratch) {
        let Self { kernels, convolution, weights, no_bias } = self;
        convolution.check_activations(blocks, input, output);
        if kernels.isa() == Isa::Scalar {
            let parameters = AffineParameters { weights, bias: no_bias, activation: Activation::None };
            return reference::forward(convolution, blocks, &parameters, input, output);
        }
        let packed = PackedWeights { values: weights, activation: Activation::None };
        let buffers = (&mut scratch.conv.tables, &mut scratch.conv.padded);
        kernels.tap_sums(convolution, blocks, packed, input, output.into(), buffers);
    }
}
