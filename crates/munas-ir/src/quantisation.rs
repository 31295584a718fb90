//! Quantisation parameters of a network: how real numbers become the integers of the TensorFlow Lite int8 specification.
//!
//! | what | real value | integers | parameters |
//! |---|---|---|---|
//! | activation | scale·(q − zero point) | −128..=127 | one pair per tensor |
//! | kernel of a (depthwise) convolution | scale·q | −127..=127 | a scale per output channel |
//! | kernel of a dense layer | scale·q | −127..=127 | one scale: what every version of every runtime computes alike |
//! | bias | scale of the input · scale of the kernel · q | 32 bits | none of its own |
//!
//! Zero is always represented exactly. Pooling hands its input's parameters on. They belong to the inference form of the
//! graph: batch norms are folded before kernels are quantised. Sums of an Add with more than two summands that a runtime
//! computes in between have the parameters of the Add's output.

use crate::{Graph, Op, OpId, TensorId, Weights, fold_batch_norm};

/// Integers of an activation.
const ACTIVATION: [f32; 2] = [-128.0, 127.0];
/// Largest integer of a kernel; the smallest is its negative.
const LARGEST_WEIGHT: f32 = 127.0;

/// The parameters of an activation.
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
    pub fn steps(self) -> [f32; 2] {
        ACTIVATION.map(|end| end - f32::from(self.zero_point))
    }

    /// The nearest integer.
    pub fn quantise(self, value: f32) -> i8 {
        let [low, high] = self.steps();
        ((value / self.scale).round_ties_even().clamp(low, high) + f32::from(self.zero_point)) as i8
    }

    /// The value that an integer stands for.
    pub fn dequantise(self, integer: i8) -> f32 {
        (f32::from(integer) - f32::from(self.zero_point)) * self.scale
    }
}

/// The scale of weights whose largest absolute value is `largest`.
pub fn weight_scale(largest: f32) -> f32 {
    let scale = largest / LARGEST_WEIGHT;
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
        let kernels = graph.ops().map(|(op, node)| {
            let kernel = &folded.layer(op)?.kernel;
            let scales = if graph.has_channel_scales(op) { graph.weight_dims(op)?.outputs } else { 1 };
            let mut largest = vec![0.0_f32; scales];
            for (index, weight) in kernel.iter().enumerate() {
                // As in `fold`: the output channel is the fastest axis of a depthwise kernel, else the slowest.
                let channel = match node.op {
                    Op::DepthwiseConv2d { .. } => index % scales,
                    _ => index / (kernel.len() / scales),
                };
                largest[channel] = largest[channel].max(weight.abs());
            }
            Some(largest.into_iter().map(weight_scale).collect())
        });
        Self { tensors: tensors.collect(), kernels: kernels.collect() }
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
    use super::{TensorQuantisation, quantise_weight, weight_scale};

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
    fn weights_are_symmetric() {
        let scale = weight_scale(2.54);
        let integers = [2.54, -2.54, 0.0, 0.011].map(|weight| quantise_weight(weight, scale));
        assert_eq!(integers, [127, -127, 0, 1]);
        assert_eq!(quantise_weight(0.0, weight_scale(0.0)), 0);
    }
}
