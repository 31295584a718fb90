//! Shapes of activation tensors.

use std::fmt;

/// The shape of one activation tensor: height × width × channels, batch of one (NHWC).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Shape {
    /// Rows, at least one in a graph; time steps of a series.
    pub height: usize,
    /// Columns, at least one in a graph; 1 for a series.
    pub width: usize,
    /// Channels, or the features of a flat tensor.
    pub channels: usize,
}

impl Shape {
    /// A feature map of `height` × `width` × `channels`.
    pub const fn new(height: usize, width: usize, channels: usize) -> Self {
        Self { height, width, channels }
    }

    /// A flat tensor of `features` elements, as dense layers produce it.
    pub const fn flat(features: usize) -> Self {
        Self::new(1, 1, features)
    }

    /// Number of elements; with one byte per element, also the tensor's bytes.
    pub const fn elements(self) -> usize {
        self.height * self.width * self.channels
    }

    /// Number of spatial positions (height × width).
    pub const fn pixels(self) -> usize {
        self.height * self.width
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}x{}", self.height, self.width, self.channels)
    }
}
