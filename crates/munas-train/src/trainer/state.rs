//! What changes from step to step.

use munas_kernels::Kernels;

use super::quantised::Awareness;
use crate::optimizer::OptimizerState;
use crate::parameters::{ParameterLayout, Parameters};
use crate::plan::Pass;
use crate::pruning::Mask;
use crate::quantisation::Ranges;
use crate::schedule::LearningRate;
use crate::{EpochReport, Keep, TrainSettings};

/// Everything that changes from step to step, apart from buffers that each step overwrites.
#[derive(Clone, Debug)]
pub(super) struct TrainState {
    pub parameters: Parameters,
    pub optimizer: OptimizerState,
    pub learning_rate: LearningRate,
    pub steps: u64,
    pub best: Best,
    pub curve: Vec<EpochReport>,
    /// The mask of pruning; `None` without.
    pub mask: Option<Mask>,
    /// What fake quantisation keeps; `None` before its first epoch.
    pub awareness: Option<Awareness>,
}

/// The epoch with the lowest validation error so far; 0 before there is one.
#[derive(Clone, Debug)]
pub(super) struct Best {
    pub epoch: u32,
    pub validation_error: f64,
    /// What it was evaluated with; `None` where the last epoch is kept.
    pub kept: Option<Kept>,
}

/// What an epoch's evaluation depends on.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub parameters: Parameters,
    /// Ranges of fake quantisation, in its epochs.
    pub ranges: Option<Ranges>,
}

impl TrainState {
    /// A training that begins with `parameters`.
    pub fn new(
        settings: &TrainSettings,
        layout: &ParameterLayout,
        parameters: Parameters,
        learning_rate: LearningRate,
    ) -> Self {
        Self {
            optimizer: OptimizerState::new(settings.optimizer, settings.weight_decay, layout.parameters()),
            learning_rate,
            steps: 0,
            best: Best {
                epoch: 0,
                validation_error: f64::INFINITY,
                kept: (settings.keep == Keep::Best)
                    .then(|| Kept { parameters: parameters.clone(), ranges: None }),
            },
            curve: Vec::with_capacity(settings.epochs as usize),
            mask: settings.pruning.map(|pruning| Mask::full(pruning.mode, layout)),
            awareness: None,
            parameters,
        }
    }

    /// A pass over `batch` samples with the weights that gradients are computed at.
    pub fn pass<'a>(&'a self, kernels: &'a Kernels, batch: usize) -> Pass<'a> {
        if let Some(Awareness { parameters, activations, .. }) = &self.awareness {
            return Pass { kernels, parameters, batch, mask: &[], activations };
        }
        let dense = &*self.parameters.trained;
        match &self.mask {
            None => Pass { kernels, parameters: dense, batch, mask: &[], activations: &[] },
            Some(mask) => Pass {
                kernels,
                parameters: mask.step_parameters(),
                batch,
                mask: mask.factors(),
                activations: &[],
            },
        }
    }

    /// The present ranges of fake quantisation, in its epochs.
    pub fn ranges(&self) -> Option<Ranges> {
        self.awareness.as_ref().map(|awareness| awareness.ranges.clone())
    }

    /// The epoch under way, counted from 1.
    pub fn epoch_number(&self) -> u32 {
        self.curve.len() as u32 + 1
    }

    /// Takes down an epoch; if it `counts` and is the best one so far, what it was evaluated with is kept.
    pub fn finish_epoch(&mut self, report: &EpochReport, counts: bool, kernels: &Kernels) {
        self.learning_rate.finish_epoch(report.validation_loss);
        self.curve.push(*report);
        if counts && report.validation_error < self.best.validation_error {
            let kept = self.best.kept.is_some().then(|| Kept {
                parameters: self.present_parameters(kernels).into_owned(),
                ranges: self.ranges(),
            });
            let (epoch, validation_error) = (report.epoch, report.validation_error);
            self.best = Best { epoch, validation_error, kept };
        }
    }
}
