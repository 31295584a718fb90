//! Operators and the shapes they produce.

use crate::{Activation, Shape};

/// Why an operator cannot take its inputs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{op:?} on inputs {inputs:?}: {reason}")]
pub struct ShapeError {
    /// The operator that was to be added.
    pub op: Op,
    /// The shapes it was given.
    pub inputs: Vec<Shape>,
    /// What is wrong, in words: which attribute or input does not fit.
    pub reason: String,
}

/// A height × width pair: a kernel, a stride or a pooling window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Window {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

impl Window {
    /// `size` × `size`.
    pub const fn square(size: usize) -> Self {
        Self { height: size, width: size }
    }

    /// `height` × `width`.
    pub const fn new(height: usize, width: usize) -> Self {
        Self { height, width }
    }

    /// Number of positions (height × width).
    pub const fn area(self) -> usize {
        self.height * self.width
    }
}

/// How a convolution treats the border.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Padding {
    /// No padding: output `floor((n − k)/stride) + 1`.
    Valid,
    /// Zeros so that the output is `ceil(n/stride)`; an odd total puts the extra zero at the bottom and right.
    Same,
}

impl Padding {
    /// Output length and zeros before the first element, along one axis. `None` if the kernel does not fit.
    pub fn along(self, input: usize, kernel: usize, stride: usize) -> Option<(usize, usize)> {
        match self {
            Self::Valid => (kernel <= input).then(|| ((input - kernel) / stride + 1, 0)),
            Self::Same => {
                let output = input.div_ceil(stride);
                let total = ((output - 1) * stride + kernel).saturating_sub(input);
                Some((output, total / 2))
            }
        }
    }
}

/// What a pooling window computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PoolKind {
    /// The largest element of the window.
    Max,
    /// The arithmetic mean of the window.
    Avg,
}

/// What a convolution is besides its channels, and what stands behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ConvAttributes {
    /// Kernel size.
    pub kernel: Window,
    /// Step between output positions.
    pub stride: Window,
    /// Treatment of the border.
    pub padding: Padding,
    /// Whether batch norm stands between the convolution and the activation.
    pub batch_norm: bool,
    /// The activation.
    pub activation: Activation,
}

/// An operator with its attributes. Convolutions and dense layers always have a bias.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    /// Convolution over all input channels.
    Conv2d {
        /// Number of output channels.
        filters: usize,
        /// What it has in common with other convolutions.
        attributes: ConvAttributes,
    },
    /// Convolution of each channel on its own (multiplier 1).
    DepthwiseConv2d(ConvAttributes),
    /// Pooling with stride = window; incomplete windows are dropped.
    Pool {
        /// What a window computes.
        kind: PoolKind,
        /// The window, and the step between windows.
        window: Window,
    },
    /// Sum of two or more tensors with the same channels, zero-padded at the bottom and right to the largest height and width.
    Add,
    /// Fully connected layer on the input flattened in (h, w, c) order.
    Dense {
        /// Number of outputs.
        units: usize,
        /// The activation.
        activation: Activation,
    },
}

impl Op {
    /// The operator's name as the fixtures and the JSON output spell it.
    pub const fn kind_name(self) -> &'static str {
        match self {
            Self::Conv2d { .. } => "Conv2D",
            Self::DepthwiseConv2d { .. } => "DWConv2D",
            Self::Pool { .. } => "Pool",
            Self::Add => "Add",
            Self::Dense { .. } => "Dense",
        }
    }

    /// The activation that the operator applies to its output.
    pub const fn activation(self) -> Activation {
        match self {
            Self::Conv2d { attributes, .. } | Self::DepthwiseConv2d(attributes) => attributes.activation,
            Self::Dense { activation, .. } => activation,
            Self::Pool { .. } | Self::Add => Activation::None,
        }
    }

    /// Whether the operator carries a batch norm.
    pub const fn batch_norm(self) -> bool {
        match self.convolution() {
            Some(attributes) => attributes.batch_norm,
            None => false,
        }
    }

    /// The attributes of a convolution of either kind.
    pub const fn convolution(self) -> Option<ConvAttributes> {
        match self {
            Self::Conv2d { attributes, .. } | Self::DepthwiseConv2d(attributes) => Some(attributes),
            Self::Pool { .. } | Self::Add | Self::Dense { .. } => None,
        }
    }

    /// The operator with other attributes, if it is a convolution.
    #[must_use]
    pub const fn with_convolution(self, attributes: ConvAttributes) -> Self {
        match self {
            Self::Conv2d { filters, .. } => Self::Conv2d { filters, attributes },
            Self::DepthwiseConv2d(_) => Self::DepthwiseConv2d(attributes),
            Self::Pool { .. } | Self::Add | Self::Dense { .. } => self,
        }
    }

    /// The kernel, stride and padding of what slides over an input of this shape; that of a dense layer is its whole input.
    /// `None` for Add.
    pub(crate) const fn window(self, input: Shape) -> Option<(Window, Window, Padding)> {
        match self {
            Self::Conv2d { attributes, .. } | Self::DepthwiseConv2d(attributes) => {
                Some((attributes.kernel, attributes.stride, attributes.padding))
            }
            Self::Pool { window, .. } => Some((window, window, Padding::Valid)),
            Self::Dense { .. } => {
                Some((Window::new(input.height, input.width), Window::square(1), Padding::Valid))
            }
            Self::Add => None,
        }
    }

    /// The shape of the output.
    ///
    /// # Errors
    /// Attributes of zero, a kernel or window larger than its input, or inputs of an Add that disagree in channels.
    pub fn output_shape(self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        let fail = |reason: String| Err(ShapeError { op: self, inputs: inputs.to_vec(), reason });
        if matches!(self, Self::Add) {
            return if inputs.len() < 2 {
                fail("an Add takes two or more inputs".into())
            } else if inputs.iter().any(|shape| shape.channels != inputs[0].channels) {
                fail("the inputs of an Add must have the same channels".into())
            } else {
                let height = inputs.iter().map(|shape| shape.height).max().unwrap_or(0);
                let width = inputs.iter().map(|shape| shape.width).max().unwrap_or(0);
                Ok(Shape::new(height, width, inputs[0].channels))
            };
        }
        let &[input] = inputs else { return fail("the operator takes one input".into()) };
        match self {
            Self::Conv2d { filters: 0, .. } | Self::Dense { units: 0, .. } => fail("no outputs".into()),
            Self::Conv2d { filters: channels, attributes } => match convolved(input, attributes) {
                Some((height, width)) => Ok(Shape::new(height, width, channels)),
                None => fail("the kernel does not fit, or is zero".into()),
            },
            Self::DepthwiseConv2d(attributes) => match convolved(input, attributes) {
                Some((height, width)) => Ok(Shape::new(height, width, input.channels)),
                None => fail("the kernel does not fit, or is zero".into()),
            },
            Self::Pool { window, .. } => {
                if window.area() == 0 || window.height > input.height || window.width > input.width {
                    return fail("the window does not fit, or is zero".into());
                }
                Ok(Shape::new(input.height / window.height, input.width / window.width, input.channels))
            }
            Self::Dense { units, .. } => Ok(Shape::flat(units)),
            Self::Add => unreachable!("handled above"),
        }
    }
}

fn convolved(input: Shape, attributes: ConvAttributes) -> Option<(usize, usize)> {
    let ConvAttributes { kernel, stride, padding, .. } = attributes;
    if kernel.area() == 0 || stride.area() == 0 {
        return None;
    }
    let (height, _) = padding.along(input.height, kernel.height, stride.height)?;
    let (width, _) = padding.along(input.width, kernel.width, stride.width)?;
    Some((height, width))
}
