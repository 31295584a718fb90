//! The loss of a network: softmax cross-entropy over its classes, or sigmoid cross-entropy where it has one output.

use munas_kernels::{CrossEntropy, Kernels, LossSum};

use crate::plan::{Plan, Workspace};

/// Largest mean loss of a batch that training can come back from; guessing among 1,000 classes costs 7.
const LARGEST_LOSS: f64 = 1e4;

/// How logits are judged.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Loss {
    /// Outputs of the network.
    pub units: usize,
    /// Weight of each class's samples; `None` for 1.
    pub class_weights: Option<Vec<f32>>,
    /// Share of the target that is spread evenly over all classes.
    pub label_smoothing: f32,
}

impl Loss {
    /// Plain cross-entropy, by which weights are evaluated.
    pub fn plain(units: usize) -> Self {
        Self { units, class_weights: None, label_smoothing: 0.0 }
    }

    /// The weights n/(k·n_c) of the classes of `counts`; a class without samples has weight 0.
    pub fn balanced(counts: &[usize]) -> Vec<f32> {
        let samples: usize = counts.iter().sum();
        let weight = |&count: &usize| match count {
            0 => 0.0,
            _ => samples as f32 / (counts.len() * count) as f32,
        };
        counts.iter().map(weight).collect()
    }

    /// Sums the loss of the last forward pass and writes the gradient of its mean. The plan must be for training.
    pub fn differentiate(
        &self,
        kernels: &Kernels,
        plan: &Plan,
        targets: &[u32],
        workspace: &mut Workspace,
    ) -> LossSum {
        let (logits, d_logits) = plan.logits_and_gradient(targets.len(), workspace);
        self.sum(kernels, targets, logits, d_logits)
    }

    /// Sums the loss over `targets` and writes the gradient of its mean, both `[block][unit][LANES]`.
    pub fn sum(&self, kernels: &Kernels, targets: &[u32], logits: &[f32], d_logits: &mut [f32]) -> LossSum {
        let loss = CrossEntropy {
            units: self.units,
            batch: targets.len(),
            class_weights: self.class_weights.as_deref(),
            label_smoothing: self.label_smoothing,
            gradient_scale: 1.0 / targets.len() as f32,
        };
        if self.units == 1 {
            kernels.sigmoid_cross_entropy(&loss, logits, targets, d_logits)
        } else {
            kernels.softmax_cross_entropy(&loss, logits, targets, d_logits)
        }
    }
}

/// Whether training with this mean loss of a batch is beyond help.
pub(crate) fn has_diverged(mean_loss: f64) -> bool {
    !mean_loss.is_finite() || mean_loss > LARGEST_LOSS
}
