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

use munas_data::{Normalisation, Split};
use munas_ir::{Graph, Quantisation, TensorId, TensorQuantisation, Weights};
use munas_kernels::{Isa, Kernels};

use crate::batch::BatchLoader;
use crate::evaluate::{Evaluator, check_task};
use crate::plan::Workspace;
use crate::{Evaluation, TrainError};

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

/// Post-training quantisation of `weights` with ranges measured on up to 64 batches of `split`.
///
/// # Errors
/// As [`evaluate`](crate::evaluate()).
pub fn calibrate(
    graph: &Graph,
    weights: &Weights,
    split: &Split,
    normalisation: &Normalisation,
    batch: usize,
) -> Result<Quantisation, TrainError> {
    check_task(graph, split, normalisation, batch)?;
    let kernels = Kernels::new(Isa::detect());
    let mut evaluator = Evaluator::quantised(graph, batch.min(split.len()));
    evaluator.load_weights(graph, weights);
    let mut workspace = Workspace::for_plans(&[evaluator.plan()]);
    let loader = BatchLoader::new(normalisation.clone(), graph.input_shape().pixels(), Vec::new());
    let ranges = evaluator.calibrate(&kernels, split, &loader, &mut workspace);
    Ok(Quantisation::new(graph, weights, &ranges.0))
}

/// Loss and error of `weights` on `split`, with all values rounded as `quantisation` says: close to those of the int8
/// network, whose sums are rounded in their own way.
///
/// # Errors
/// As [`evaluate`](crate::evaluate()).
pub fn evaluate_quantised(
    graph: &Graph,
    weights: &Weights,
    quantisation: &Quantisation,
    split: &Split,
    normalisation: &Normalisation,
) -> Result<Evaluation, TrainError> {
    const BATCH: usize = 128;
    check_task(graph, split, normalisation, BATCH)?;
    let kernels = Kernels::new(Isa::detect());
    let mut evaluator = Evaluator::quantised(graph, BATCH.min(split.len()));
    evaluator.load_weights(graph, weights);
    evaluator.quantise(&kernels, quantisation.tensors().to_vec());
    let mut workspace = Workspace::for_plans(&[evaluator.plan()]);
    let loader = BatchLoader::new(normalisation.clone(), graph.input_shape().pixels(), Vec::new());
    Ok(evaluator.evaluate(&kernels, split, &loader, &mut workspace))
}

#[cfg(test)]
mod tests;
