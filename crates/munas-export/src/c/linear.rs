//! The integers of a convolution or dense layer as the kernels take them.
//!
//! A sum is `Σ (x − z)·w + bias` with the input's zero point z. Without padding it is `Σ x·w + (bias − z·Σ w)`: the
//! constant part is computed here, and the kernels add an offset of 0.

use munas_ir::KernelLayout;
use munas_quant::LinearLayer;

/// Sums below this in magnitude are multiplied in one instruction.
const SMALL_SUM: i64 = 1 << 30;
/// The largest magnitude of an element.
const LARGEST_ELEMENT: i64 = 128;

/// The constants of a convolution or dense layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Linear {
    /// Added to each element of the input.
    pub input_offset: i32,
    pub output_zero_point: i32,
    pub smallest_output: i8,
    /// Below 127 the outputs are limited in a pass of their own, which hardly any network has: a range that was measured behind
    /// an activation ends where the activation does.
    pub largest_output: i8,
    pub weights: Vec<i8>,
    pub biases: Vec<i32>,
    /// Of the multipliers, one for each output.
    pub mantissas: Vec<i32>,
    /// Of the multipliers; below 0 they are left shifts.
    pub right_shifts: Vec<i32>,
    /// Whether every sum is below [`SMALL_SUM`] and every multiplier below ½.
    pub is_small: bool,
}

/// What is added to the products of a layer.
struct Constants {
    input_offset: i64,
    biases: Vec<i64>,
    /// A bound on the magnitude of the layer's sums, partial ones included.
    largest_sum: i64,
}

impl Linear {
    pub(super) fn new(layer: &LinearLayer, layout: KernelLayout, is_padded: bool) -> Self {
        let Constants { input_offset, biases, largest_sum } = constants(layer, layout, is_padded);
        // A multiplier of zero has no shift: any will do.
        let right_shifts: Vec<i32> = layer
            .multipliers
            .iter()
            .map(|multiplier| if multiplier.mantissa == 0 { 1 } else { -multiplier.exponent })
            .collect();
        let to_bits = |sum: i64| i32::try_from(sum).expect("a sum of the layer fits 32 bits");
        Self {
            input_offset: to_bits(input_offset),
            output_zero_point: layer.output_zero_point,
            smallest_output: layer.clamp[0],
            largest_output: layer.clamp[1],
            weights: layer.weights.clone(),
            biases: biases.into_iter().map(to_bits).collect(),
            mantissas: layer.multipliers.iter().map(|multiplier| multiplier.mantissa).collect(),
            is_small: largest_sum < SMALL_SUM && right_shifts.iter().all(|&shift| shift >= 1),
            right_shifts,
        }
    }
}

/// The input's zero point as part of the biases, unless there is padding or a sum could leave 32 bits on the way.
fn constants(layer: &LinearLayer, layout: KernelLayout, is_padded: bool) -> Constants {
    let outputs = layer.bias.len();
    let mut sums = vec![0_i64; outputs];
    let mut magnitudes = vec![0_i64; outputs];
    for (index, &weight) in layer.weights.iter().enumerate() {
        let channel = layout.output_of(index);
        sums[channel] += i64::from(weight);
        magnitudes[channel] += i64::from(weight).abs();
    }
    let zero_point = i64::from(layer.input_zero_point);
    let plain = layer.bias.iter().copied().map(i64::from);
    let with = |input_offset: i64, biases: Vec<i64>| {
        let largest_element = LARGEST_ELEMENT + input_offset.abs();
        let largest =
            biases.iter().zip(&magnitudes).map(|(bias, magnitude)| bias.abs() + magnitude * largest_element);
        Constants { input_offset, largest_sum: largest.max().unwrap_or(0), biases }
    };
    let folded = with(0, plain.clone().zip(&sums).map(|(bias, sum)| bias - zero_point * sum).collect());
    if is_padded || folded.largest_sum > i64::from(i32::MAX) {
        with(-zero_point, plain.collect())
    } else {
        folded
    }
}
