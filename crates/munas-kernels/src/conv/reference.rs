//! Scalar reference implementations of the convolutions, simple on purpose: what the vector kernels must compute.
//!
//! Every sum runs in `f32` in the order of the loops, one lane at a time. Symbols: `f` filter, `c` input channel,
//! `(y, x)` output pixel, `(ky, kx)` tap, `lane` sample of the block.

use super::{AffineActivations, AffineParameters, Convolution};
use crate::geometry::ConvGeometry;
use crate::layout::LANES;

/// A pair of an output pixel and a tap whose input pixel lies inside the input, with the flat indices of all three.
struct Contact {
    /// Row-major index of the output pixel.
    output: usize,
    /// Row-major index of the input pixel.
    input: usize,
    /// Row-major index of the tap.
    tap: usize,
}

/// Calls `visit` for every output pixel and tap that do not meet in the padding.
fn for_each_contact(g: &ConvGeometry, mut visit: impl FnMut(Contact)) {
    for y in 0..g.out_height {
        for x in 0..g.out_width {
            for ky in 0..g.kernel_height {
                for kx in 0..g.kernel_width {
                    let row = (y * g.stride_height + ky).wrapping_sub(g.pad_top);
                    let column = (x * g.stride_width + kx).wrapping_sub(g.pad_left);
                    if row < g.in_height && column < g.in_width {
                        visit(Contact {
                            output: y * g.out_width + x,
                            input: row * g.in_width + column,
                            tap: ky * g.kernel_width + kx,
                        });
                    }
                }
            }
        }
    }
}

/// Start of plane `plane` of block `block` in a tensor of `planes` planes of `pixels` pixels.
fn plane_start(block: usize, planes: usize, plane: usize, pixels: usize) -> usize {
    (block * planes + plane) * pixels * LANES
}

/// Sets every plane of `output` to its channel's bias.
fn fill_bias(g: &ConvGeometry, blocks: usize, bias: &[f32], output: &mut [f32]) {
    for block in 0..blocks {
        for (f, &value) in bias.iter().enumerate() {
            let start = plane_start(block, g.out_channels, f, g.out_pixels());
            output[start..start + g.out_pixels() * LANES].fill(value);
        }
    }
}

/// Which (filter, channel) pairs a convolution connects, and where the weights of a pair start.
fn for_each_pair(convolution: &Convolution, mut visit: impl FnMut(usize, usize, usize)) {
    let g = &convolution.geometry;
    for f in 0..g.out_channels {
        if convolution.depthwise {
            visit(f, f, f * g.kernel_pixels());
        } else {
            for c in 0..g.in_channels {
                visit(f, c, (f * g.in_channels + c) * g.kernel_pixels());
            }
        }
    }
}

pub(super) fn forward(
    convolution: &Convolution,
    blocks: usize,
    parameters: &AffineParameters<'_>,
    input: &[f32],
    output: &mut [f32],
) {
    let g = &convolution.geometry;
    fill_bias(g, blocks, parameters.bias, output);
    for block in 0..blocks {
        for_each_pair(convolution, |f, c, weights_start| {
            let in_start = plane_start(block, g.in_channels, c, g.in_pixels());
            let out_start = plane_start(block, g.out_channels, f, g.out_pixels());
            for_each_contact(g, |contact| {
                let weight = parameters.weights[weights_start + contact.tap];
                for lane in 0..LANES {
                    output[out_start + contact.output * LANES + lane] +=
                        weight * input[in_start + contact.input * LANES + lane];
                }
            });
        });
    }
    if !parameters.activation.is_identity() {
        for value in &mut output[..blocks * g.output_block()] {
            *value = parameters.activation.of(*value);
        }
    }
}

pub(super) fn backward_input(
    convolution: &Convolution,
    blocks: usize,
    weights: &[f32],
    d_output: &[f32],
    d_input: &mut [f32],
) {
    let g = &convolution.geometry;
    d_input[..blocks * g.input_block()].fill(0.0);
    for block in 0..blocks {
        for_each_pair(convolution, |f, c, weights_start| {
            let in_start = plane_start(block, g.in_channels, c, g.in_pixels());
            let out_start = plane_start(block, g.out_channels, f, g.out_pixels());
            for_each_contact(g, |contact| {
                let weight = weights[weights_start + contact.tap];
                for lane in 0..LANES {
                    d_input[in_start + contact.input * LANES + lane] +=
                        weight * d_output[out_start + contact.output * LANES + lane];
                }
            });
        });
    }
}

pub(super) fn backward_weights(
    convolution: &Convolution,
    blocks: usize,
    activations: &AffineActivations<'_>,
    d_weights: &mut [f32],
) {
    let g = &convolution.geometry;
    let AffineActivations { input, d_output } = *activations;
    d_weights.fill(0.0);
    for block in 0..blocks {
        for_each_pair(convolution, |f, c, weights_start| {
            let in_start = plane_start(block, g.in_channels, c, g.in_pixels());
            let out_start = plane_start(block, g.out_channels, f, g.out_pixels());
            for_each_contact(g, |contact| {
                for lane in 0..LANES {
                    d_weights[weights_start + contact.tap] += d_output
                        [out_start + contact.output * LANES + lane]
                        * input[in_start + contact.input * LANES + lane];
                }
            });
        });
    }
}
