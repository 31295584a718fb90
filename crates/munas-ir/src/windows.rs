//! Where the windows of an operator lie in its input.

use std::ops::Range;

use crate::{Graph, OpId, Shape, Window};

/// The windows of a convolution, depthwise convolution, dense layer or pooling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windows {
    /// The tensor that they lie on.
    pub input: Shape,
    /// One position for each of them.
    pub output: Shape,
    /// Their size.
    pub kernel: Window,
    /// The step from one to the next.
    pub stride: Window,
    /// Rows above and columns left of the input that the first window covers.
    pub before: Window,
}

/// The part of a window that lies in the input: rows and columns of the window, and where they begin in the input.
#[derive(Clone, Debug)]
pub struct Covered {
    /// Rows of the window.
    pub rows: Range<usize>,
    /// Columns of the window.
    pub columns: Range<usize>,
    /// Row of the input under the first of `rows`.
    pub top: usize,
    /// Column of the input under the first of `columns`.
    pub left: usize,
}

impl Graph {
    /// The windows of an operator; `None` for Add. That of a dense layer is its whole input.
    pub fn windows(&self, op: OpId) -> Option<Windows> {
        let (input, output) = (self.first_input_shape(op), self.output_shape(op));
        let (kernel, stride, padding) = self.node(op).op.window(input)?;
        let before = |length, size, stride| padding.along(length, size, stride).map(|(_, before)| before);
        let before = Window {
            height: before(input.height, kernel.height, stride.height)?,
            width: before(input.width, kernel.width, stride.width)?,
        };
        Some(Windows { input, output, kernel, stride, before })
    }
}

impl Windows {
    /// Whether a window reaches beyond the input anywhere.
    pub const fn are_padded(&self) -> bool {
        let Self { input, output, kernel, stride, before } = *self;
        before.height > 0
            || before.width > 0
            || (output.height - 1) * stride.height + kernel.height > input.height
            || (output.width - 1) * stride.width + kernel.width > input.width
    }

    /// Elements of a window.
    pub const fn elements(&self) -> usize {
        self.kernel.area() * self.input.channels
    }

    /// The positions of the output, row by row.
    pub fn positions(&self) -> impl Iterator<Item = (usize, usize)> + use<> {
        let width = self.output.width;
        (0..self.output.height).flat_map(move |y| (0..width).map(move |x| (y, x)))
    }

    /// The part in the input of the window whose output is at row `y` and column `x`.
    #[inline(always)]
    pub fn covered(&self, y: usize, x: usize) -> Covered {
        let along = |position: usize, stride, before: usize, size, length: usize| {
            let start = position * stride;
            let first = before.saturating_sub(start);
            let end = (length + before).saturating_sub(start).min(size);
            (first..end, (start + first) - before)
        };
        let (rows, top) =
            along(y, self.stride.height, self.before.height, self.kernel.height, self.input.height);
        let (columns, left) =
            along(x, self.stride.width, self.before.width, self.kernel.width, self.input.width);
        Covered { rows, columns, top, left }
    }

    /// Calls `visit` with each pixel of the input under the window at (`y`, `x`) and its place in the window, both counted
    /// row by row.
    #[inline(always)]
    pub fn for_each_pixel(&self, y: usize, x: usize, mut visit: impl FnMut(usize, usize)) {
        let covered = self.covered(y, x);
        for (input_row, row) in covered.rows.clone().enumerate() {
            let pixel = (covered.top + input_row) * self.input.width + covered.left;
            let tap = row * self.kernel.width + covered.columns.start;
            for column in 0..covered.columns.len() {
                visit(pixel + column, tap + column);
            }
        }
    }

    /// Copies the window at (`y`, `x`) of `input` into `patch`, in the order of a kernel: rows, columns, channels. What
    /// lies outside of the input is zero.
    pub fn gather<T: Copy + Default>(&self, input: &[T], y: usize, x: usize, patch: &mut [T]) {
        let channels = self.input.channels;
        let covered = self.covered(y, x);
        if covered.rows.len() < self.kernel.height || covered.columns.len() < self.kernel.width {
            patch.fill(T::default());
        }
        let run = covered.columns.len() * channels;
        for (input_row, row) in covered.rows.clone().enumerate() {
            let from = ((covered.top + input_row) * self.input.width + covered.left) * channels;
            let to = (row * self.kernel.width + covered.columns.start) * channels;
            patch[to..to + run].copy_from_slice(&input[from..from + run]);
        }
    }
}
