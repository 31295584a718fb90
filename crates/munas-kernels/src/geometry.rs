//! Shapes of the operators.

use munas_ir::Windows;

use crate::layout::LANES;

/// A two-dimensional convolution, or a depthwise one when `out_channels == in_channels` and a depthwise function
/// reads it. Zeros pad the input: `pad_top` rows and `pad_left` columns before it, and after it as many as the
/// output size asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ConvGeometry {
    /// Channels of the input.
    pub in_channels: usize,
    /// Rows of the input.
    pub in_height: usize,
    /// Columns of the input.
    pub in_width: usize,
    /// Channels of the output.
    pub out_channels: usize,
    /// Rows of a filter.
    pub kernel_height: usize,
    /// Columns of a filter.
    pub kernel_width: usize,
    /// Input rows from one output row to the next.
    pub stride_height: usize,
    /// Input columns from one output column to the next.
    pub stride_width: usize,
    /// Rows of zeros above the input.
    pub pad_top: usize,
    /// Columns of zeros left of the input.
    pub pad_left: usize,
    /// Rows of the output.
    pub out_height: usize,
    /// Columns of the output.
    pub out_width: usize,
}

/// The geometry of a convolution of either kind.
impl From<Windows> for ConvGeometry {
    fn from(windows: Windows) -> Self {
        let Windows { input, output, kernel, stride, before } = windows;
        Self {
            in_channels: input.channels,
            in_height: input.height,
            in_width: input.width,
            out_channels: output.channels,
            kernel_height: kernel.height,
            kernel_width: kernel.width,
            stride_height: stride.height,
            stride_width: stride.width,
            pad_top: before.height,
            pad_left: before.width,
            out_height: output.height,
            out_width: output.width,
        }
    }
}

impl ConvGeometry {
    /// A convolution without padding. `input` is `[channels, height, width]`; `kernel` and `stride` are
    /// `[rows, columns]`, the kernel no larger than the input.
    pub fn valid(input: [usize; 3], out_channels: usize, kernel: [usize; 2], stride: [usize; 2]) -> Self {
        let [in_channels, in_height, in_width] = input;
        assert!(kernel[0] <= in_height && kernel[1] <= in_width, "kernel {kernel:?} exceeds input {input:?}");
        Self {
            in_channels,
            in_height,
            in_width,
            out_channels,
            kernel_height: kernel[0],
            kernel_width: kernel[1],
            stride_height: stride[0],
            stride_width: stride[1],
            pad_top: 0,
            pad_left: 0,
            out_height: (in_height - kernel[0]) / stride[0] + 1,
            out_width: (in_width - kernel[1]) / stride[1] + 1,
        }
    }

    /// A convolution whose output has ⌈input / stride⌉ rows and columns, padded as TensorFlow's `SAME`: half of
    /// the zeros before the input, an odd one after it. Arguments as in [`ConvGeometry::valid`].
    pub fn same(input: [usize; 3], out_channels: usize, kernel: [usize; 2], stride: [usize; 2]) -> Self {
        let [in_channels, in_height, in_width] = input;
        let out_height = in_height.div_ceil(stride[0]);
        let out_width = in_width.div_ceil(stride[1]);
        let before = |axis: usize, size: usize, out: usize| {
            ((out - 1) * stride[axis] + kernel[axis]).saturating_sub(size) / 2
        };
        Self {
            in_channels,
            in_height,
            in_width,
            out_channels,
            kernel_height: kernel[0],
            kernel_width: kernel[1],
            stride_height: stride[0],
            stride_width: stride[1],
            pad_top: before(0, in_height, out_height),
            pad_left: before(1, in_width, out_width),
            out_height,
            out_width,
        }
    }

    /// Elements of one input block.
    pub fn input_block(&self) -> usize {
        self.in_channels * self.in_height * self.in_width * LANES
    }

    /// Elements of one output block.
    pub fn output_block(&self) -> usize {
        self.out_channels * self.out_height * self.out_width * LANES
    }

    /// Elements of the weights `[out][in][rows][columns]`.
    pub fn weights(&self) -> usize {
        self.out_channels * self.in_channels * self.kernel_height * self.kernel_width
    }

    /// Elements of the weights `[channel][rows][columns]` when read as a depthwise convolution.
    pub fn depthwise_weights(&self) -> usize {
        self.in_channels * self.kernel_height * self.kernel_width
    }

    /// Multiply-accumulate operations of one sample's forward pass.
    pub fn macs(&self) -> usize {
        self.weights() * self.out_height * self.out_width
    }

    /// Pixels of one input plane.
    pub(crate) fn in_pixels(&self) -> usize {
        self.in_height * self.in_width
    }

    /// Pixels of one output plane.
    pub(crate) fn out_pixels(&self) -> usize {
        self.out_height * self.out_width
    }

    /// Taps of one filter plane.
    pub(crate) fn kernel_pixels(&self) -> usize {
        self.kernel_height * self.kernel_width
    }
}

/// A fully connected layer: `units` outputs, each a weighted sum of all `features` inputs. A flattened
/// activation tensor is already in the order (channel, row, column) that the weights count features in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DenseGeometry {
    /// Inputs of the layer.
    pub features: usize,
    /// Outputs of the layer.
    pub units: usize,
}

impl DenseGeometry {
    /// The pointwise convolution over one pixel that this layer is; memory layouts agree.
    pub(crate) fn as_conv(&self) -> ConvGeometry {
        ConvGeometry::valid([self.features, 1, 1], self.units, [1, 1], [1, 1])
    }
}

/// Pooling with a stride equal to the window; incomplete windows at the bottom and right are dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PoolGeometry {
    /// Channels of input and output.
    pub channels: usize,
    /// Rows of the input.
    pub in_height: usize,
    /// Columns of the input.
    pub in_width: usize,
    /// Rows of a window.
    pub window_height: usize,
    /// Columns of a window.
    pub window_width: usize,
    /// Rows of the output.
    pub out_height: usize,
    /// Columns of the output.
    pub out_width: usize,
}

impl PoolGeometry {
    /// Pooling of `input` = `[channels, height, width]` by `window` = `[rows, columns]`, no larger than the input.
    pub fn new(input: [usize; 3], window: [usize; 2]) -> Self {
        let [channels, in_height, in_width] = input;
        assert!(window[0] <= in_height && window[1] <= in_width, "window {window:?} exceeds input {input:?}");
        Self {
            channels,
            in_height,
            in_width,
            window_height: window[0],
            window_width: window[1],
            out_height: in_height / window[0],
            out_width: in_width / window[1],
        }
    }

    /// Elements of one input block.
    pub fn input_block(&self) -> usize {
        self.channels * self.in_height * self.in_width * LANES
    }

    /// Elements of one output block.
    pub fn output_block(&self) -> usize {
        self.channels * self.out_height * self.out_width * LANES
    }
}

/// Zero padding at the bottom and right, from the size of one summand of an addition to the size of the sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PadGeometry {
    /// Channels of input and output.
    pub channels: usize,
    /// Rows of the input.
    pub in_height: usize,
    /// Columns of the input.
    pub in_width: usize,
    /// Rows of the output, at least those of the input.
    pub out_height: usize,
    /// Columns of the output, at least those of the input.
    pub out_width: usize,
}

impl PadGeometry {
    /// Elements of one input block.
    pub fn input_block(&self) -> usize {
        self.channels * self.in_height * self.in_width * LANES
    }

    /// Elements of one output block.
    pub fn output_block(&self) -> usize {
        self.channels * self.out_height * self.out_width * LANES
    }
}

/// The tensor that a batch normalisation runs over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BatchNormGeometry {
    /// Channels, each with its own statistics.
    pub channels: usize,
    /// Rows × columns of one plane.
    pub pixels: usize,
}

impl BatchNormGeometry {
    /// Elements of one block.
    pub fn block(&self) -> usize {
        self.channels * self.pixels * LANES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_sizes_follow_the_padding_rule() {
        let size = |g: ConvGeometry| (g.out_height, g.out_width, g.pad_top, g.pad_left);
        assert_eq!(size(ConvGeometry::valid([1, 7, 8], 1, [3, 3], [1, 2])), (5, 3, 0, 0));
        assert_eq!(size(ConvGeometry::same([1, 7, 8], 1, [3, 3], [1, 2])), (7, 4, 1, 0));
        assert_eq!(size(ConvGeometry::same([1, 7, 8], 1, [4, 5], [1, 1])), (7, 8, 1, 2));
        assert_eq!(size(ConvGeometry::same([1, 7, 8], 1, [1, 1], [2, 2])), (4, 4, 0, 0));
    }

    #[test]
    fn incomplete_windows_are_dropped() {
        let g = PoolGeometry::new([2, 7, 6], [2, 4]);
        assert_eq!((g.out_height, g.out_width), (3, 1));
    }
}
