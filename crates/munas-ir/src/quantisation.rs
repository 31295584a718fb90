//! Quantisation parameters of a network: how real numbers become the integers of the TensorFlow Lite int8 specification.
//!
//! | what | real value | integers | parameters |
//! |---|---|---|---|
//! | activation | scale·(q − zero point) | −128..=127 | one pair per tensor |
//! | kernel of a (depthwise) convolution | scale·q | −127..=127 | a scale per output channel |
//! | kernel of a dense layer | scale·q | −127..=127 | one scale: what every version of every runtime computes alike |
//! | bias | scale of the input · scale of the kernel · q | 32 bits | none of its own |
//!
//! Zero is always represented exactly. Pooling hands its input's parameters on. Scales of kernels leave room for their
//! biases ([`kernel_scale`]). All belong to the inference form of the graph: batch norms are folded before kernels are
//! quantised. Sums of an Add with more than two summands that a runtime computes in between have the parameters of the
//! Add's output.

use crate::{Activation, Graph, KernelLayout, LayerWeights, Op, OpId, TensorId, Weights, fold_batch_norm};

/// Integers of an activation.
const ACTIVATION: [f32; 2] = [-128.0, 127.0];
/// Largest integer of a kernel; the smallest is its negative.
const LARGEST_WEIGHT: f32 = 127.0;
/// Largest integer of a bias that scales are chosen for: half of what 32 bits hold, the rest is for the products.
const LARGEST_BIAS: f32 = (1 << 30) as f32;

/// How the real values of a tensor are held in 8 bits: real = scale × (element − zero point).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TensorQuantisation {
    /// Distance of neighbouring values, above 0.
    pub scale: f32,
    /// The integer that stands for 0.
    pub zero_point: i8,
}

impl TensorQuantisation {
    /// Parameters for values from `smallest` to `largest`, a range that is widened to hold 0.
    pub fn from_range(smallest: f32, largest: f32) -> Self {
        let (smallest, largest) = (smallest.min(0.0), largest.max(0.0));
        let [low, high] = ACTIVATION;
        let scale = (largest - smallest) / (high - low);
        if !(scale.is_normal() && scale.is_finite()) {
            return Self { scale: 1.0, zero_point: 0 };
        }
        Self { scale, zero_point: (low - smallest / scale).round().clamp(low, high) as i8 }
    }

    /// The integers of the represented values, less the zero point.
    #[inline]
    pub fn steps(self) -> [f32; 2] {
        ACTIVATION.map(|end| end - f32::from(self.zero_point))
    }

    /// The nearest integer.
    #[inline]
    pub fn quantise(self, value: f32) -> i8 {
        let [low, high] = self.steps();
        ((value / self.scale).round_ties_even().clamp(low, high) + f32::from(self.zero_point)) as i8
    }

    /// The integers of the ends of an activation's range, as far as there are any: what the activation's outputs are limited
    /// to. Rounded as TensorFlow Lite does.
    pub fn clamp(self, activation: Activation) -> [i8; 2] {
        let [low, high] = ACTIVATION;
        activation.range().map(|end| {
            let steps = (end / self.scale).round();
            (steps + f32::from(self.zero_point)).clamp(low, high) as i8
        })
    }

    /// The value that an integer stands for.
    pub fn dequantise(self, integer: i8) -> f32 {
        (f32::from(integer) - f32::from(self.zero_point)) * self.scale
    }
}

/// The scale of a kernel whose largest absolute value is `largest_weight`, on an input of scale `input_scale`: that of its
/// weights, but large enough for biases up to `largest_bias`. The scale of a kernel of zeros is that of its biases.
pub fn kernel_scale(largest_weight: f32, largest_bias: f32, input_scale: f32) -> f32 {
    let for_bias = (f64::from(largest_bias) / (f64::from(input_scale) * f64::from(LARGEST_BIAS))) as f32;
    let scale = (largest_weight / LARGEST_WEIGHT).max(for_bias);
    if scale.is_normal() { scale } else { 1.0 }
}

/// The nearest integer to a weight.
pub fn quantise_weight(weight: f32, scale: f32) -> i8 {
    (weight / scale).round_ties_even().clamp(-LARGEST_WEIGHT, LARGEST_WEIGHT) as i8
}

impl Graph {
    /// The tensor whose quantisation parameters `tensor` has: itself, or what the pooling that makes it reads.
    pub fn quantised_as(&self, mut tensor: TensorId) -> TensorId {
        while let Some(op) = tensor.producer()
            && matches!(self.node(op).op, Op::Pool { .. })
        {
            tensor = self.node(op).inputs[0];
        }
        tensor
    }

    /// Whether the kernel of an operator has a scale per output channel.
    pub fn has_channel_scales(&self, op: OpId) -> bool {
        matches!(self.node(op).op, Op::Conv2d { .. } | Op::DepthwiseConv2d { .. })
    }
}

/// The parameters of a network.
#[derive(Clone, Debug, PartialEq)]
pub struct Quantisation {
    tensors: Vec<TensorQuantisation>,
    kernels: Vec<Option<Vec<f32>>>,
}

impl Quantisation {
    /// Parameters of `graph` with `weights`, batch norm apart or folded, and the range of values of each tensor. The
    /// ranges of pooled tensors are not used.
    ///
    /// # Panics
    /// If `weights` or `ranges` do not belong to `graph`.
    pub fn new(graph: &Graph, weights: &Weights, ranges: &[[f32; 2]]) -> Self {
        assert_eq!(ranges.len(), graph.shapes().len(), "one range for each tensor");
        let (_, folded) = fold_batch_norm(graph, weights);
        let tensors = (0..ranges.len()).map(|index| {
            let [smallest, largest] = ranges[graph.quantised_as(TensorId::new(index)).index()];
            TensorQuantisation::from_range(smallest, largest)
        });
        let tensors: Vec<TensorQuantisation> = tensors.collect();
        let kernels = graph.ops().map(|(op, node)| {
            let LayerWeights { kernel, bias, .. } = folded.layer(op)?;
            let layout = KernelLayout::of(graph, op)?;
            let scales = if graph.has_channel_scales(op) { bias.len() } else { 1 };
            let mut largest = vec![(0.0_f32, 0.0_f32); scales];
            for (index, weight) in kernel.iter().enumerate() {
                let channel = layout.output_of(index) % scales;
                largest[channel].0 = largest[channel].0.max(weight.abs());
            }
            for (index, bias) in bias.iter().enumerate() {
                let largest = &mut largest[index % scales].1;
                *largest = largest.max(bias.abs());
            }
            let input_scale = tensors[node.inputs[0].index()].scale;
            Some(largest.into_iter().map(|(weight, bias)| kernel_scale(weight, bias, input_scale)).collect())
        });
        let kernels = kernels.collect();
        Self { tensors, kernels }
    }

    /// Parameters given one by one: of all tensors of `graph`, and scales of the kernels of all its operators.
    ///
    /// # Panics
    /// If there are not as many of them as `graph` asks for.
    pub fn from_parts(
        graph: &Graph,
        tensors: Vec<TensorQuantisation>,
        kernels: Vec<Option<Vec<f32>>>,
    ) -> Self {
        assert_eq!(tensors.len(), graph.shapes().len(), "one pair for each tensor");
        assert_eq!(kernels.len(), graph.nodes().len(), "one entry for each operator");
        for ((op, _), scales) in graph.ops().zip(&kernels) {
            let outputs = graph.weight_dims(op).map(|dims| dims.outputs);
            let expected = outputs.map(|outputs| if graph.has_channel_scales(op) { outputs } else { 1 });
            assert_eq!(
                scales.as_ref().map(Vec::len),
                expected,
                "scales of the kernel of operator {}",
                op.index()
            );
        }
        Self { tensors, kernels }
    }

    /// The parameters of all tensors, indexed by [`TensorId::index`].
    pub fn tensors(&self) -> &[TensorQuantisation] {
        &self.tensors
    }

    /// The parameters of a tensor.
    pub fn tensor(&self, tensor: TensorId) -> TensorQuantisation {
        self.tensors[tensor.index()]
    }

    /// The scales of an operator's kernel: one, or one per output channel; `None` for pooling and Add.
    pub fn kernel(&self, op: OpId) -> Option<&[f32]> {
        self.kernels[op.index()].as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::{LARGEST_BIAS, TensorQuantisation, kernel_scale, quantise_weight};
    use crate::Activation;

    #[test]
    fn zero_and_the_ends_are_represented() {
        for (smallest, largest) in
            [(-1.0, 1.0), (0.0, 6.0), (-3.0, 0.1), (2.0, 5.0), (-5.0, -2.0), (0.0, 0.0)]
        {
            let tensor = TensorQuantisation::from_range(smallest, largest);
            assert_eq!(tensor.dequantise(tensor.zero_point), 0.0);
            assert_eq!(tensor.quantise(0.0), tensor.zero_point);
            for end in [smallest, largest] {
                let error = (tensor.dequantise(tensor.quantise(end)) - end).abs();
                assert!(error <= 1.001 * tensor.scale, "{end} of {tensor:?}: {error}");
            }
            assert_eq!((tensor.quantise(1e9), tensor.quantise(-1e9)), (127, -128));
            for integer in i8::MIN..=i8::MAX {
                assert_eq!(tensor.quantise(tensor.dequantise(integer)), integer);
            }
        }
        assert_eq!(
            TensorQuantisation::from_range(0.0, 2.55),
            TensorQuantisation { scale: 0.01, zero_point: -128 }
        );
    }

    #[test]
    fn activations_are_clamps() {
        let tensor = TensorQuantisation { scale: 0.05, zero_point: -20 };
        let clamp = |activation| tensor.clamp(activation);
        assert_eq!(clamp(Activation::None), [-128, 127]);
        assert_eq!(clamp(Activation::Relu), [-20, 127]);
        assert_eq!(clamp(Activation::Relu6), [-20, 100]);
        // A range that was measured behind it ends where it does.
        for largest in [6.0, 5.9, 0.1] {
            assert_eq!(TensorQuantisation::from_range(0.0, largest).clamp(Activation::Relu6), [-128, 127]);
        }
    }

    #[test]
    fn weights_are_symmetric() {
        let scale = kernel_scale(2.54, 0.0, 1.0);
        let integers = [2.54, -2.54, 0.0, 0.011].map(|weight| quantise_weight(weight, scale));
        assert_eq!(integers, [127, -127, 0, 1]);
        assert_eq!(quantise_weight(0.0, kernel_scale(0.0, 0.0, 1.0)), 0);
    }

    #[test]
    fn kernels_leave_room_for_biases() {
        assert_eq!(kernel_scale(2.54, 100.0, 0.01), kernel_scale(2.54, 0.0, 1.0));
        for largest_weight in [1e-9, 1e-30, 0.0] {
            let scale = kernel_scale(largest_weight, 0.5, 0.01);
            let integer = 0.5 / (0.01 * scale);
            assert!(
                (integer / LARGEST_BIAS - 1.0).abs() < 1e-5,
                "{integer} with weights of {largest_weight}"
            );
        }
        assert_eq!(kernel_scale(0.0, 0.0, 0.01), 1.0);
    }
}
