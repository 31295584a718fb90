//! Architectures: the points of a search space, before they are lowered to a graph.

use std::fmt;

use munas_ir::{Activation, Padding, PoolKind};

use crate::kind::{Kind, LayerKind};

/// One architecture.
///
/// An architecture is *well-formed* on its own ([`Architecture::check_form`]) and *inside the bounds* of a
/// [`Space`](crate::Space) ([`Space::check`](crate::Space::check)). Everything that makes architectures in
/// this crate makes well-formed ones.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Architecture {
    /// See [`Kind::Cnn2d`].
    Cnn2d(Cnn),
    /// See [`Kind::Cnn1d`].
    Cnn1d(Cnn),
    /// See [`Kind::Mlp`].
    Mlp(Mlp),
}

/// A convolutional network: blocks, a pool, hidden dense layers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Cnn {
    /// The blocks, at least one; the first is not a branch.
    pub blocks: Vec<Block>,
    /// The pool after the last block.
    pub pool: Option<Pool>,
    /// Units of each hidden dense layer (all with ReLU).
    pub dense: Vec<usize>,
}

/// A multi-layer perceptron: dense layers on the flattened input, each with an activation, before the one that gives the classes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Mlp {
    /// Units of each hidden dense layer (all with ReLU).
    pub dense: Vec<usize>,
}

/// Layers in series.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Block {
    /// Whether the block runs beside the block before it, on the input of the last block that is not a
    /// branch.
    pub branch: bool,
    /// Whether the block's input is added to its output. Only for blocks that are not a branch.
    pub residual: bool,
    /// The layers, at least one.
    pub layers: Vec<Layer>,
}

/// A convolution with what stands before and after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Layer {
    /// The convolution, with its sizes.
    pub op: LayerOp,
    /// 2×2 max pooling before the convolution.
    pub pre_pool: bool,
    /// Batch norm after the convolution.
    pub batch_norm: bool,
    /// The activation at the end.
    pub activation: Activation,
}

/// The convolution of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LayerOp {
    /// k×k convolution.
    Conv {
        /// Kernel size k.
        kernel: usize,
        /// Output channels.
        filters: usize,
        /// Step between output positions.
        stride: usize,
        /// Treatment of the border.
        padding: Padding,
    },
    /// 1×1 convolution with stride 1.
    Pointwise {
        /// Output channels.
        filters: usize,
    },
    /// k×k depthwise convolution, multiplier 1.
    Depthwise {
        /// Kernel size k.
        kernel: usize,
        /// Step between output positions.
        stride: usize,
        /// Treatment of the border.
        padding: Padding,
    },
}

/// The pool after the last block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Pool {
    /// Windows of size × size.
    Window {
        /// What a window computes.
        kind: PoolKind,
        /// Size of the window, and the step between windows.
        size: usize,
    },
    /// The mean of every channel.
    GlobalAvg,
}

impl Architecture {
    /// The kind of space that the architecture belongs to.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Cnn2d(_) => Kind::Cnn2d,
            Self::Cnn1d(_) => Kind::Cnn1d,
            Self::Mlp(_) => Kind::Mlp,
        }
    }

    /// The convolutional network; `None` for an mlp.
    pub const fn cnn(&self) -> Option<&Cnn> {
        match self {
            Self::Cnn2d(cnn) | Self::Cnn1d(cnn) => Some(cnn),
            Self::Mlp(_) => None,
        }
    }

    /// Units of the hidden dense layers.
    pub fn dense(&self) -> &[usize] {
        match self {
            Self::Cnn2d(cnn) | Self::Cnn1d(cnn) => &cnn.dense,
            Self::Mlp(mlp) => &mlp.dense,
        }
    }
}

/// The JSON form (see [`Architecture::to_json_text`]).
impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_json_text())
    }
}

impl LayerOp {
    /// Which convolution it is.
    pub const fn kind(self) -> LayerKind {
        match self {
            Self::Conv { .. } => LayerKind::Conv,
            Self::Pointwise { .. } => LayerKind::Pointwise,
            Self::Depthwise { .. } => LayerKind::Depthwise,
        }
    }

    /// Kernel size; `None` for pointwise.
    pub const fn kernel(self) -> Option<usize> {
        match self {
            Self::Conv { kernel, .. } | Self::Depthwise { kernel, .. } => Some(kernel),
            Self::Pointwise { .. } => None,
        }
    }

    /// Output channels; `None` for depthwise.
    pub const fn filters(self) -> Option<usize> {
        match self {
            Self::Conv { filters, .. } | Self::Pointwise { filters } => Some(filters),
            Self::Depthwise { .. } => None,
        }
    }

    /// Stride; `None` for pointwise.
    pub const fn stride(self) -> Option<usize> {
        match self {
            Self::Conv { stride, .. } | Self::Depthwise { stride, .. } => Some(stride),
            Self::Pointwise { .. } => None,
        }
    }

    /// Treatment of the border; `None` for pointwise.
    pub const fn padding(self) -> Option<Padding> {
        match self {
            Self::Conv { padding, .. } | Self::Depthwise { padding, .. } => Some(padding),
            Self::Pointwise { .. } => None,
        }
    }

    /// The same convolution with another kernel size; unchanged for pointwise.
    #[must_use]
    pub const fn with_kernel(self, kernel: usize) -> Self {
        match self {
            Self::Conv { filters, stride, padding, .. } => Self::Conv { kernel, filters, stride, padding },
            Self::Depthwise { stride, padding, .. } => Self::Depthwise { kernel, stride, padding },
            Self::Pointwise { .. } => self,
        }
    }

    /// The same convolution with other output channels; unchanged for depthwise.
    #[must_use]
    pub const fn with_filters(self, filters: usize) -> Self {
        match self {
            Self::Conv { kernel, stride, padding, .. } => Self::Conv { kernel, filters, stride, padding },
            Self::Pointwise { .. } => Self::Pointwise { filters },
            Self::Depthwise { .. } => self,
        }
    }

    /// The same convolution with another stride; unchanged for pointwise.
    #[must_use]
    pub const fn with_stride(self, stride: usize) -> Self {
        match self {
            Self::Conv { kernel, filters, padding, .. } => Self::Conv { kernel, filters, stride, padding },
            Self::Depthwise { kernel, padding, .. } => Self::Depthwise { kernel, stride, padding },
            Self::Pointwise { .. } => self,
        }
    }

    /// The same convolution with another padding; unchanged for pointwise.
    #[must_use]
    pub const fn with_padding(self, padding: Padding) -> Self {
        match self {
            Self::Conv { kernel, filters, stride, .. } => Self::Conv { kernel, filters, stride, padding },
            Self::Depthwise { kernel, stride, .. } => Self::Depthwise { kernel, stride, padding },
            Self::Pointwise { .. } => self,
        }
    }
}
