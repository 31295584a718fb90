//! The two orders of a kernel's weights, and the outputs that they belong to.

use crate::{Graph, Op, OpId};

/// How the kernel of an operator goes from `[outer][pixels][channels]`, the order of [`LayerWeights`](crate::LayerWeights),
/// to `[outer][channels][pixels]`, that of training, and back. "Pixels" are the kernel's positions, and for a dense layer
/// those of its input. "Outer" are the outputs; the outputs of a depthwise convolution are its channels, and outer is 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KernelLayout {
    outputs: usize,
    pixels: usize,
    channels: usize,
    is_depthwise: bool,
}

impl KernelLayout {
    /// The layout of an operator's kernel; `None` for pooling and Add.
    pub fn of(graph: &Graph, op: OpId) -> Option<Self> {
        let input = graph.first_input_shape(op);
        let (outputs, pixels, is_depthwise) = match graph.node(op).op {
            Op::Conv2d { filters, attributes } => (filters, attributes.kernel.area(), false),
            Op::DepthwiseConv2d(attributes) => (input.channels, attributes.kernel.area(), true),
            Op::Dense { units, .. } => (units, input.pixels(), false),
            Op::Pool { .. } | Op::Add => return None,
        };
        Some(Self { outputs, pixels, channels: input.channels, is_depthwise })
    }

    /// The output channel or unit of the weight at `index` in the order of [`LayerWeights`](crate::LayerWeights).
    #[inline]
    pub const fn output_of(self, index: usize) -> usize {
        if self.is_depthwise { index % self.outputs } else { index / (self.pixels * self.channels) }
    }

    /// The weights between these outputs and these input channels, in the order of [`LayerWeights`](crate::LayerWeights). Of a
    /// depthwise convolution they are the same channels.
    pub fn select<T: Copy>(self, kernel: &[T], outputs: &[usize], inputs: &[usize]) -> Vec<T> {
        let rows = if self.is_depthwise { &[0][..] } else { outputs };
        let row_len = self.pixels * self.channels;
        let pixels =
            rows.iter().flat_map(|row| kernel[row * row_len..][..row_len].chunks_exact(self.channels));
        pixels.flat_map(|pixel| inputs.iter().map(|&channel| pixel[channel])).collect()
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

#[cfg(test)]
mod tests {
    use super::KernelLayout;
    use crate::{Activation, ConvAttributes, GraphBuilder, Op, OpId, Padding, Shape, TensorId, Window};

    /// Of an operator on 2 × 2 pixels of 3 channels.
    fn layout(op: Op) -> Option<KernelLayout> {
        let mut builder = GraphBuilder::new(Shape::new(2, 2, 3)).unwrap();
        builder.push(op, &[TensorId::INPUT]).unwrap();
        KernelLayout::of(&builder.finish().unwrap(), OpId::new(0))
    }

    fn outputs(layout: KernelLayout, weights: usize) -> Vec<usize> {
        (0..weights).map(|index| layout.output_of(index)).collect()
    }

    const ACTIVATION: Activation = Activation::None;

    fn conv(filters: usize) -> KernelLayout {
        let (kernel, stride, padding) = (Window::new(2, 1), Window::square(1), Padding::Valid);
        layout(Op::Conv2d {
            filters,
            attributes: ConvAttributes { kernel, stride, padding, batch_norm: false, activation: ACTIVATION },
        })
        .unwrap()
    }

    fn depthwise() -> KernelLayout {
        let (kernel, stride, padding) = (Window::new(2, 1), Window::square(1), Padding::Valid);
        layout(Op::DepthwiseConv2d(ConvAttributes {
            kernel,
            stride,
            padding,
            batch_norm: false,
            activation: ACTIVATION,
        }))
        .unwrap()
    }

    #[test]
    fn outputs_are_the_slowest_axis_but_of_a_depthwise_kernel() {
        assert_eq!(outputs(conv(2), 12), [0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1]);
        assert_eq!(outputs(depthwise(), 6), [0, 1, 2, 0, 1, 2]);
        let dense = layout(Op::Dense { units: 2, activation: ACTIVATION }).unwrap();
        assert_eq!(outputs(dense, 24), [[0; 12], [1; 12]].concat());
        let pool = Op::Pool { kind: crate::PoolKind::Max, window: Window::square(2) };
        assert_eq!(layout(pool), None);
    }

    #[test]
    fn what_is_selected_keeps_its_order() {
        let kernel: Vec<usize> = (0..12).collect();
        assert_eq!(conv(2).select(&kernel, &[1], &[0, 2]), [6, 8, 9, 11]);
        assert_eq!(depthwise().select(&kernel[..6], &[0, 2], &[0, 2]), [0, 2, 3, 5]);
    }
}
