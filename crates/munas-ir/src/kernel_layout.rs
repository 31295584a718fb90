//! The two orders of a kernel's weights.

use crate::{Graph, Op, OpId};

/// How the kernel of an operator goes from `[outer][pixels][channels]`, the order of [`LayerWeights`](crate::LayerWeights),
/// to `[outer][channels][pixels]`, that of training, and back. "Pixels" are the kernel's positions, and for a dense layer
/// those of its input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KernelLayout {
    pixels: usize,
    channels: usize,
}

impl KernelLayout {
    /// The layout of an operator's kernel; `None` for pooling and Add.
    pub fn of(graph: &Graph, op: OpId) -> Option<Self> {
        let input = graph.first_input_shape(op);
        let pixels = match graph.node(op).op {
            Op::Conv2d { kernel, .. } | Op::DepthwiseConv2d { kernel, .. } => kernel.area(),
            Op::Dense { .. } => input.pixels(),
            Op::Pool { .. } | Op::Add => return None,
        };
        Some(Self { pixels, channels: input.channels })
    }

    /// Writes a kernel of [`LayerWeights`](crate::LayerWeights) channel by channel. Both are of one length.
    pub fn channels_first<T: Copy>(self, kernel: &[T], to: &mut [T]) {
        transpose_each(self.pixels, self.channels, kernel, to);
    }

    /// The way back: from channels first, as kernels are trained, to the layout of `Weights`.
    pub fn channels_last<T: Copy>(self, kernel: &[T], to: &mut [T]) {
        transpose_each(self.channels, self.pixels, kernel, to);
    }
}

/// Writes each `[rows][columns]` matrix of `from` into `to` as `[columns][rows]`.
fn transpose_each<T: Copy>(rows: usize, columns: usize, from: &[T], to: &mut [T]) {
    let matrices = from.chunks_exact(rows * columns).zip(to.chunks_exact_mut(rows * columns));
    for (from, to) in matrices {
        for (row, values) in from.chunks_exact(columns).enumerate() {
            for (column, &value) in values.iter().enumerate() {
                to[column * rows + row] = value;
            }
        }
    }
}
