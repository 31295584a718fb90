//! What a training minimises: the loss by the labels, of single samples or of blends, and the term of a teacher.

use munas_data::Dataset;
use munas_ir::Graph;
use munas_kernels::{Kernels, LossSum};
use rand::Rng;

use crate::distillation::{Lessons, Tutor};
use crate::loss::Loss;
use crate::mixup::MixUp;
use crate::plan::{Plan, Workspace};
use crate::{TrainError, TrainSettings};

/// The loss of a training, with what it needs to know of the present batch.
pub(super) struct TrainingLoss {
    loss: Loss,
    mixup: Option<MixUp>,
    /// Whether the samples of the present batch are blends.
    is_blended: bool,
    tutor: Option<Tutor>,
}

impl TrainingLoss {
    /// The loss of training `graph` on `dataset`.
    ///
    /// # Errors
    /// [`TrainError::Teacher`] if the teacher is one of another task.
    pub fn new(graph: &Graph, dataset: &Dataset, settings: &TrainSettings) -> Result<Self, TrainError> {
        let balanced = || Loss::balanced(&dataset.train.class_counts(dataset.classes()));
        let loss = Loss {
            units: graph.shape(graph.output()).channels,
            class_weights: settings.class_weights.then(balanced),
            label_smoothing: settings.label_smoothing as f32,
        };
        if let Some(distillation) = &settings.distillation {
            distillation.teacher.check(graph)?;
        }
        let lessons = Lessons {
            batch: settings.batch,
            normalise: settings.normalise,
            is_augmented: !settings.augment.is_empty(),
        };
        let tutor =
            settings.distillation.as_ref().map(|distillation| Tutor::new(distillation, dataset, lessons));
        Ok(Self { loss, mixup: settings.mixup().map(MixUp::new), is_blended: false, tutor })
    }

    /// Blends the samples of `input`, where they are to be blended and there is an `rng` for it, and asks the teacher about
    /// them.
    pub fn prepare(
        &mut self,
        positions: &[u32],
        targets: &[u32],
        input: &mut [f32],
        rng: Option<&mut impl Rng>,
    ) {
        self.is_blended = false;
        if let Some((mixup, rng)) = self.mixup.as_mut().zip(rng) {
            mixup.blend(targets, input, rng);
            self.is_blended = true;
        }
        if let Some(tutor) = &mut self.tutor {
            tutor.prepare(positions, input);
        }
    }

    /// Sums the loss of the last forward pass and writes the gradient of its mean by the logits.
    pub fn differentiate(
        &mut self,
        kernels: &Kernels,
        plan: &Plan,
        targets: &[u32],
        workspace: &mut Workspace,
    ) -> LossSum {
        let mut sum = match &mut self.mixup {
            Some(mixup) if self.is_blended => {
                mixup.differentiate(&self.loss, kernels, plan, targets, workspace)
            }
            _ => self.loss.differentiate(kernels, plan, targets, workspace),
        };
        if let Some(tutor) = &self.tutor {
            sum.loss += tutor.differentiate(plan, workspace);
        }
        sum
    }
}
