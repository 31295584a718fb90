//! The integers of each operator.
//!
//! | operator | output, clamped |
//! |---|---|
//! | (depthwise) convolution, dense | `(Σ (x − input zero point)·w + bias) × multiplier + output zero point` |
//! | pooling | the largest element, or the mean rounded to the nearest, halves away from zero |
//! | Add, each step | `((a − zₐ)·2ˢ × mₐ + (b − z_b)·2ˢ × m_b) × m + output zero point`, s the left shift |
//!
//! × is [`Multiplier::apply`].

use crate::Multiplier;

/// The range of an output: smallest and largest integer.
pub(crate) type Clamp = [i8; 2];

/// The range without an activation.
pub(crate) const FULL_RANGE: Clamp = [i8::MIN, i8::MAX];

/// The integers of one operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QuantisedLayer {
    /// A convolution, depthwise convolution or dense layer.
    Linear(LinearLayer),
    /// Mean or maximum over windows, as the graph says.
    Pool(PoolLayer),
    /// Sum of two or more tensors.
    Add(AddLayer),
}

impl QuantisedLayer {
    /// The integers of a convolution, depthwise convolution or dense layer.
    pub const fn linear(&self) -> Option<&LinearLayer> {
        match self {
            Self::Linear(layer) => Some(layer),
            Self::Pool(_) | Self::Add(_) => None,
        }
    }
}

/// The integers of a convolution, depthwise convolution or dense layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinearLayer {
    /// Kernel from −127 to 127, in the layouts of `munas_ir::Weights`.
    pub weights: Vec<i8>,
    /// One per output channel or unit, in steps of the input's scale times the kernel's. So small that sums fit 32 bits
    /// whatever the input is (as long as those of the products alone do: up to 66,000 weights per output).
    pub bias: Vec<i32>,
    /// One per output channel or unit.
    pub multipliers: Vec<Multiplier>,
    /// The integer that stands for 0 in the input; also what the border is padded with.
    pub input_zero_point: i32,
    /// The integer that stands for 0 in the output.
    pub output_zero_point: i32,
    /// The range of the output.
    pub clamp: [i8; 2],
}

impl LinearLayer {
    /// The outputs of all channels or units for the sums of their products and biases.
    pub(crate) fn requantise(&self, sums: &[i32], outputs: &mut [i8]) {
        for ((output, &sum), &multiplier) in outputs.iter_mut().zip(sums).zip(&self.multipliers) {
            *output = self.output(multiplier, sum);
        }
    }

    /// The output for a sum of products and bias in a channel or unit with this multiplier.
    #[inline(always)]
    pub(crate) fn output(&self, multiplier: Multiplier, sum: i32) -> i8 {
        clamped(multiplier.apply(sum), self.output_zero_point, self.clamp)
    }
}

/// Pooling, whose output has the parameters of its input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolLayer {
    /// The range of the output.
    pub clamp: [i8; 2],
}

/// A sum of n tensors in n − 1 steps from the left: `((a + b) + c) + …`.
///
/// Partial sums have the parameters of the output. Tensors that are smaller than the output are padded at the bottom and
/// right with their zero point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddLayer {
    /// One for each input after the first.
    pub steps: Vec<AddStep>,
}

/// The sum of two tensors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddStep {
    /// The first input, or the partial sum.
    pub left: AddInput,
    /// The second input, or the next one of a sum of more than two.
    pub right: AddInput,
    /// Bits that inputs are shifted to the left by before they are multiplied.
    pub left_shift: u32,
    /// From the sum to the output; below 1, or TFLM refuses the network.
    pub output: Multiplier,
    /// The integer that stands for 0 in the output.
    pub output_zero_point: i32,
    /// The range of the output.
    pub clamp: [i8; 2],
}

/// How an Add reads one of its inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddInput {
    /// The integer that stands for 0.
    pub zero_point: i32,
    /// From the shifted input to a summand, at most ½.
    pub multiplier: Multiplier,
}

impl AddStep {
    /// The output for a pair of elements.
    #[inline(always)]
    pub fn apply(&self, left: i8, right: i8) -> i8 {
        self.sum(self.summand(self.left, left), self.summand(self.right, right))
    }

    /// What an element contributes to the sum.
    #[inline(always)]
    pub(crate) fn summand(&self, input: AddInput, element: i8) -> i32 {
        input.multiplier.apply((i32::from(element) - input.zero_point) << self.left_shift)
    }

    /// The output for a pair of summands.
    #[inline(always)]
    pub(crate) fn sum(&self, left: i32, right: i32) -> i8 {
        clamped(self.output.apply(left + right), self.output_zero_point, self.clamp)
    }
}

/// The mean of `count` elements with this sum, rounded to the nearest integer, halves away from zero, within a range.
#[inline(always)]
pub(crate) fn rounded_mean(sum: i32, count: i32, clamp: Clamp) -> i8 {
    let half = if sum > 0 { count / 2 } else { -(count / 2) };
    clamped((sum + half) / count, 0, clamp)
}

/// `value + zero_point` within a range.
#[inline(always)]
fn clamped(value: i32, zero_point: i32, [low, high]: Clamp) -> i8 {
    // Without the assertion of `clamp`, which is in the way of vector instructions.
    value.wrapping_add(zero_point).max(i32::from(low)).min(i32::from(high)) as i8
}
