//! Kinds of search spaces and of convolutions.

use std::fmt;

use crate::names::Named;

/// The kind of a search space, and of every architecture in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Convolutional networks on images (H×W×C).
    Cnn2d,
    /// Convolutional networks on time series (L×1×C): kernels, strides and pools act along the height only.
    Cnn1d,
    /// Dense layers on the flattened input.
    Mlp,
}

/// The kinds of [`LayerOp`](crate::LayerOp).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LayerKind {
    /// See [`LayerOp::Conv`](crate::LayerOp::Conv).
    Conv,
    /// See [`LayerOp::Pointwise`](crate::LayerOp::Pointwise).
    Pointwise,
    /// See [`LayerOp::Depthwise`](crate::LayerOp::Depthwise).
    Depthwise,
}

impl Named for Kind {
    const NAMES: &'static [(&'static str, Self)] =
        &[("cnn2d", Self::Cnn2d), ("cnn1d", Self::Cnn1d), ("mlp", Self::Mlp)];
}

impl Named for LayerKind {
    const NAMES: &'static [(&'static str, Self)] =
        &[("conv", Self::Conv), ("pointwise", Self::Pointwise), ("depthwise", Self::Depthwise)];
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
