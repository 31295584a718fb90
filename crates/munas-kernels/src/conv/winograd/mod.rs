//! Convolutions with fewer multiplications: Winograd's minimal filtering in tiles of M × M outputs (Lavin and Gray, arXiv
//! 1509.09308), for square filters of 3, 5 and 7 taps and stride 1.
//!
//! A tile takes N × N inputs, N = M + R − 1, to as many points; at each point the channels of all tiles are a matrix product
//! with the filters, N² products in place of M²·R² (2.3 to 6.3 times fewer); then the products go back to M × M outputs.
//! The products are those of the direct kernels (`TapSum`, `TapGradient`), with tiles as columns.
//!
//! | pass | to points | product | from points |
//! |---|---|---|---|
//! | forward | inputs, filters | filters × channels | outputs |
//! | input gradient | outputs' gradients, filters | channels × filters | inputs' gradients, added where tiles overlap |
//! | weight gradient | inputs, outputs' gradients | summed over tiles | filters' gradients |
//!
//! Gradients take the transposes of the matrices: those of outputs go to the points by the transpose of the outputs' way back.
//!
//! Tiles are worked on in chunks whose points stay in the last-level cache.

mod filters;
mod matrices;
mod passes;
#[cfg(test)]
mod tests;
mod tiling;
mod transform;

use super::tap_sum::Finish;
use super::{AffineActivations, AffineOutput, AffineParameters};
use crate::Kernels;
use crate::geometry::ConvGeometry;
use crate::layout::AlignedBuffer;
use filters::FilterOrder;
use passes::{Chunk, Forward, Gradient, Operands, Sums, TiledPass, Transposed};
use transform::Planes;

pub(super) use tiling::{Pass, Tiling};

/// Working memory of the tiled passes, kept from call to call.
#[derive(Debug, Default)]
pub(super) struct WinogradScratch {
    chunk: Chunk,
    filters: AlignedBuffer,
    packed: AlignedBuffer,
    values: AlignedBuffer,
    results: AlignedBuffer,
    accumulators: AlignedBuffer,
}

impl Kernels {
    /// [`Kernels::affine_forward`] in tiles.
    pub(super) fn winograd_forward(
        &self,
        tiling: Tiling,
        (geometry, blocks): (&ConvGeometry, usize),
        parameters: &AffineParameters<'_>,
        input: &[f32],
        output: AffineOutput<'_>,
        scratch: &mut WinogradScratch,
    ) {
        let pass = TiledPass { kernels: *self, geometry, blocks, tiling };
        let operands = Operands {
            weights: parameters.weights,
            order: FilterOrder {
                rows: geometry.out_channels,
                row_stride: geometry.in_channels * geometry.kernel_pixels(),
                columns: geometry.in_channels,
                column_stride: geometry.kernel_pixels(),
            },
            bias: parameters.bias,
            finish: Finish::Store(parameters.activation),
            values: input,
            planes: input_planes(geometry),
            result_planes: output_planes(geometry),
        };
        tiling.run(Forward(Sums { pass, operands, result: output, scratch }));
    }

    /// [`Kernels::affine_backward_input`] in tiles.
    pub(super) fn winograd_backward_input(
        &self,
        tiling: Tiling,
        (geometry, blocks): (&ConvGeometry, usize),
        weights: &[f32],
        d_output: &[f32],
        d_input: &mut [f32],
        scratch: &mut WinogradScratch,
    ) {
        d_input[..blocks * geometry.input_block()].fill(0.0);
        let pass = TiledPass { kernels: *self, geometry, blocks, tiling };
        let operands = Operands {
            weights,
            order: FilterOrder {
                rows: geometry.in_channels,
                row_stride: geometry.kernel_pixels(),
                columns: geometry.out_channels,
                column_stride: geometry.in_channels * geometry.kernel_pixels(),
            },
            bias: &[],
            finish: Finish::Add,
            values: d_output,
            planes: output_planes(geometry),
            result_planes: input_planes(geometry),
        };
        tiling.run(Transposed(Sums { pass, operands, result: d_input.into(), scratch }));
    }

    /// [`Kernels::affine_backward_weights`] in tiles.
    pub(super) fn winograd_backward_weights(
        &self,
        tiling: Tiling,
        (geometry, blocks): (&ConvGeometry, usize),
        activations: &AffineActivations<'_>,
        d_weights: &mut [f32],
        scratch: &mut WinogradScratch,
    ) {
        let pass = TiledPass { kernels: *self, geometry, blocks, tiling };
        tiling.run(Gradient { pass, activations, d_weights, scratch });
    }
}

fn input_planes(g: &ConvGeometry) -> Planes {
    Planes {
        channels: g.in_channels,
        height: g.in_height,
        width: g.in_width,
        pad_top: g.pad_top,
        pad_left: g.pad_left,
    }
}

fn output_planes(g: &ConvGeometry) -> Planes {
    Planes { channels: g.out_channels, height: g.out_height, width: g.out_width, pad_top: 0, pad_left: 0 }
}
