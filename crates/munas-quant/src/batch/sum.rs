//! Sums of tensors in the lanes.

use munas_ir::Shape;
use munas_kernels::{LANES, Vectorised};

use super::Lanes;
use crate::{AddInput, AddLayer};

/// The sum of two or more tensors; smaller ones are padded at the bottom and right with their zero points.
pub(super) struct Sum<'a> {
    pub layer: &'a AddLayer,
    /// The tensors with their shapes.
    pub inputs: &'a [(Shape, &'a [Lanes])],
    pub shape: Shape,
    pub output: &'a mut [Lanes],
}

impl Vectorised for Sum<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { layer, inputs, shape, output } = self;
        for (index, output) in output.iter_mut().enumerate() {
            let (row, x) = (index / shape.width, index % shape.width);
            let pixel = (row / shape.height, row % shape.height, x);
            let mut sums = element(inputs[0], layer.steps[0].left, pixel);
            for (step, &input) in layer.steps.iter().zip(&inputs[1..]) {
                let right = element(input, step.right, pixel);
                for lane in 0..LANES {
                    sums[lane] = step.apply(sums[lane], right[lane]);
                }
            }
            *output = sums;
        }
    }
}

/// The element of a tensor at (channel, row, column), its zero point outside of it.
#[inline(always)]
fn element((shape, tensor): (Shape, &[Lanes]), input: AddInput, (c, y, x): (usize, usize, usize)) -> Lanes {
    if y < shape.height && x < shape.width {
        tensor[(c * shape.height + y) * shape.width + x]
    } else {
        [input.zero_point as i8; LANES]
    }
}
