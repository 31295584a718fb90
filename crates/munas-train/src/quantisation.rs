//! Awareness of int8: a network computes with the values that its quantised form can represent, and learns to cope.
//!
//! The quantisation is that of `munas_ir::Quantisation`, as exported: inference form, kernels symmetric, activations
//! within a range, biases at the product of both scales. Rounding lets gradients pass; what is out of its range has none
//! (straight through, with clipping). Kernels have no range to leave: their scale follows their largest weight.
//!
//! The last epochs of a training go like this. Batch norms are folded with their moving statistics, for good: what
//! is trained from then on is what is exported. Ranges of activations are first measured on training samples
//! (which is post-training quantisation), then follow those of the batches; optimiser moments start anew, since they
//! belong to other weights. Only epochs of this kind compete for the best, by the error of the quantised network.

use munas_ir::{Graph, TensorId, TensorQuantisation};

/// What a range keeps of itself when it sees another batch.
const RANGE_MOMENTUM: f32 = 0.95;
/// Batches that ranges are measured on.
pub(crate) const CALIBRATION_BATCHES: usize = 64;

/// Moving averages of the smallest and largest value of each tensor.
#[derive(Clone, Debug, PartialEq, Default)]
pub(crate) struct Ranges(pub Vec<[f32; 2]>);

impl Ranges {
    /// Takes note of the ranges in one more batch; the first ones are taken over.
    pub fn update(&mut self, observed: &[[f32; 2]]) {
        if self.0.is_empty() {
            self.0 = observed.to_vec();
        }
        for (range, observed) in self.0.iter_mut().flatten().zip(observed.iter().flatten()) {
            *range = RANGE_MOMENTUM * *range + (1.0 - RANGE_MOMENTUM) * observed;
        }
    }

    /// The quantisation of each tensor of `graph`.
    pub fn tensors(&self, graph: &Graph) -> Vec<TensorQuantisation> {
        let of = |index| {
            let [smallest, largest] = self.0[graph.quantised_as(TensorId::new(index)).index()];
            TensorQuantisation::from_range(smallest, largest)
        };
        (0..self.0.len()).map(of).collect()
    }
}

#[cfg(test)]
mod tests;
