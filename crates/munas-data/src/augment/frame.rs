//! The shape that transformations work in.

/// Shape of the samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) height: usize,
    pub(super) width: usize,
    pub(super) channels: usize,
}

impl Frame {
    /// Values per row of pixels.
    pub(super) fn row(self) -> usize {
        self.width * self.channels
    }
}
