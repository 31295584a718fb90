//! The hyper-parameters of a trial.

use serde::{Deserialize, Serialize};

use munas_data::{Augmentation, NormaliseMode};

use crate::{
    Distillation, NormStatistics, Optimizer, Pruning, PruningGoal, PruningMode, Schedule, TrainError,
};

/// Far beyond what any training needs: a learning rate that is still meant to change has long become a typing error.
const MOST_EPOCHS: u32 = 100_000;
/// The largest batch whose buffers are worth having.
const LARGEST_BATCH: usize = 65_536;

/// Which epoch a training is judged by: the one whose weights and errors it ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Keep {
    /// The first with the lowest validation error. Of many epochs, one is best on a small validation part by chance.
    Best,
    /// The last: with a learning rate that ends near 0, the one that the schedule leads to.
    Last,
}

/// Everything that decides how a network is trained, but the network, the data and the seed.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainSettings {
    /// Passes over the training part, or, with `steps_per_epoch`, so many steps each.
    pub epochs: u32,
    /// Steps of an epoch, which then begins where the one before has come to in its pass. A pass if left out.
    pub steps_per_epoch: Option<u32>,
    /// Samples per step; the last step of an epoch may have fewer.
    pub batch: usize,
    /// How gradients become steps.
    pub optimizer: Optimizer,
    /// Base learning rate η of the schedule.
    pub learning_rate: f64,
    /// Share of each weight that a step takes away; 0 with `adam`, which has none.
    pub weight_decay: f64,
    /// How the learning rate changes.
    pub schedule: Schedule,
    /// Epochs of a linear rise from 0 to η before the schedule; may be a fraction.
    pub warm_up: f64,
    /// Probability that an input of a hidden dense layer is dropped.
    pub dropout: f64,
    /// Random changes to each training sample, in this order.
    pub augment: Vec<Augmentation>,
    /// Share of the epochs after which samples are no longer changed, mix-up included: the network ends on samples as they are. In
    /// [0, 1].
    pub augment_until: f64,
    /// How stored samples become network inputs.
    pub normalise: NormaliseMode,
    /// Weigh each class by n/(k·n_c): samples / (classes · samples of the class), in the training part.
    pub class_weights: bool,
    /// Share of the target that is spread evenly over all classes.
    pub label_smoothing: f64,
    /// Largest L2 norm of the gradient of all parameters together; a longer one is scaled down to it. No limit if left out.
    pub gradient_clip: Option<f64>,
    /// λ of the penalty λ·Σw² over all kernels, added to the loss that gradients are taken of.
    pub kernel_l2: f64,
    /// Which statistics batch norms have in evaluations, and in what is kept.
    pub norm_statistics: NormStatistics,
    /// Which epoch's weights the training ends with; patience counts from the best one either way.
    pub keep: Keep,
    /// Epochs without a lower validation error after which training ends early. Never if left out.
    pub early_stop: Option<u32>,
    /// The teacher whose outputs the network learns besides the labels, if there is one.
    pub distillation: Option<Distillation>,
    /// Last epochs in which the network is trained as its int8 form computes; 0 for none. A short budget has none.
    pub quantised_epochs: u32,
    /// How the network is pruned, if it is.
    pub pruning: Option<Pruning>,
    /// What pruning has to reach besides its target sparsity, if anything; means nothing without pruning.
    pub pruning_goal: Option<PruningGoal>,
}

/// Ten epochs of SGD with momentum 0.9 at 0.01, batches of 128, nothing else.
impl Default for TrainSettings {
    fn default() -> Self {
        Self {
            epochs: 10,
            steps_per_epoch: None,
            batch: 128,
            optimizer: Optimizer::Sgdw { momentum: 0.9 },
            learning_rate: 0.01,
            weight_decay: 0.0,
            schedule: Schedule::Constant,
            warm_up: 0.0,
            dropout: 0.0,
            augment: Vec::new(),
            augment_until: 1.0,
            normalise: NormaliseMode::Unit,
            class_weights: false,
            label_smoothing: 0.0,
            gradient_clip: None,
            kernel_l2: 0.0,
            norm_statistics: NormStatistics::Moving,
            keep: Keep::Best,
            early_stop: None,
            distillation: None,
            quantised_epochs: 0,
            pruning: None,
            pruning_goal: None,
        }
    }
}

fn fail(key: &'static str, value: String, reason: &'static str) -> Result<(), TrainError> {
    Err(TrainError::Setting { key, value, reason })
}

fn finite(key: &'static str, value: f64) -> Result<(), TrainError> {
    if value.is_finite() && value >= 0.0 {
        Ok(())
    } else {
        fail(key, value.to_string(), "must be at least 0")
    }
}

fn share(key: &'static str, value: f64) -> Result<(), TrainError> {
    if (0.0..1.0).contains(&value) {
        Ok(())
    } else {
        fail(key, value.to_string(), "must be at least 0 and below 1")
    }
}

impl TrainSettings {
    /// Samples that an epoch trains on, of so many.
    pub fn samples_in_epoch(&self, samples: usize) -> usize {
        self.steps_per_epoch.map_or(samples, |steps| (steps as usize).saturating_mul(self.batch.min(samples)))
    }

    /// Steps of an epoch on so many training samples.
    pub fn steps_in_epoch(&self, samples: usize) -> u64 {
        let pass = samples.div_ceil(self.batch.min(samples).max(1)) as u64;
        self.steps_per_epoch.map_or(pass, u64::from)
    }

    /// Checks every value against its range.
    ///
    /// # Errors
    /// [`TrainError::Setting`] with the first setting that cannot be used.
    pub fn check(&self) -> Result<(), TrainError> {
        if !(1..=MOST_EPOCHS).contains(&self.epochs) {
            return fail("epochs", self.epochs.to_string(), "must be at least 1 and at most 100,000");
        }
        if !(1..=LARGEST_BATCH).contains(&self.batch) {
            return fail("batch", self.batch.to_string(), "must be at least 1 and at most 65,536");
        }
        if self.steps_per_epoch == Some(0) {
            return fail("steps_per_epoch", "0".to_owned(), "must be at least 1");
        }
        finite("learning_rate", self.learning_rate)?;
        share("weight_decay", self.weight_decay)?;
        share("dropout", self.dropout)?;
        share("label_smoothing", self.label_smoothing)?;
        finite("kernel_l2", self.kernel_l2)?;
        finite("warm_up", self.warm_up)?;
        if self.warm_up >= f64::from(self.epochs) {
            return fail("warm_up", self.warm_up.to_string(), "must be below the number of epochs");
        }
        if !(0.0..=1.0).contains(&self.augment_until) {
            return fail("augment_until", self.augment_until.to_string(), "must be at least 0 and at most 1");
        }
        if self.optimizer == Optimizer::Adam && self.weight_decay > 0.0 {
            return fail("weight_decay", self.weight_decay.to_string(), "adam has none; choose adamw, or 0");
        }
        if let Optimizer::Sgdw { momentum } = self.optimizer {
            share("momentum", momentum)?;
        }
        if let Some(limit) = self.gradient_clip
            && (limit.is_nan() || limit <= 0.0)
        {
            return fail("gradient_clip", limit.to_string(), "must be above 0");
        }
        if self.early_stop == Some(0) {
            return fail("early_stop", "0".into(), "must be at least 1");
        }
        self.check_additions()?;
        self.check_mixup()?;
        self.check_schedule()
    }

    /// Pruning, distillation and quantised epochs, which not every training has.
    fn check_additions(&self) -> Result<(), TrainError> {
        if let Some(pruning) = &self.pruning {
            pruning.check(self.epochs)?;
        }
        if let Some(goal) = &self.pruning_goal {
            share("pruning.max_sparsity", goal.max_sparsity)?;
        }
        if let Some(distillation) = &self.distillation {
            let Distillation { alpha, temperature, .. } = *distillation;
            for (key, value) in [("distillation.alpha", alpha), ("distillation.temperature", temperature)] {
                if !(value > 0.0 && value.is_finite()) {
                    return fail(key, value.to_string(), "must be above 0");
                }
            }
        }
        if self.quantised_epochs > 0 {
            let fail = |reason| fail("quantisation.epochs", self.quantised_epochs.to_string(), reason);
            if self.quantised_epochs >= self.epochs {
                return fail("must be below the number of epochs");
            }
            if self.early_stop.is_some() {
                return fail("the last epochs must come; leave out early_stop");
            }
            if self.pruning.is_some() {
                return fail("a network that is pruned keeps its batch norms; leave out one of both");
            }
        }
        Ok(())
    }

    /// At most one mix-up, of a usable parameter.
    fn check_mixup(&self) -> Result<(), TrainError> {
        let mixups: Vec<_> =
            self.augment.iter().filter(|change| matches!(change, Augmentation::MixUp { .. })).collect();
        match mixups[..] {
            [] | [Augmentation::MixUp { alpha: f64::MIN_POSITIVE.. }] => Ok(()),
            [one] => fail("augment", one.to_string(), "the parameter must be above 0"),
            _ => fail("augment", "mixup".into(), "is listed twice"),
        }
    }

    /// The parameter of mix-up, where it is one of the augmentations.
    pub(crate) fn mixup(&self) -> Option<f64> {
        self.augment.iter().find_map(|change| match change {
            Augmentation::MixUp { alpha } => Some(*alpha),
            _ => None,
        })
    }

    /// Whether the network is pruned in this way.
    pub(crate) fn prunes(&self, mode: PruningMode) -> bool {
        self.pruning.is_some_and(|pruning| pruning.mode == mode)
    }

    fn check_schedule(&self) -> Result<(), TrainError> {
        let fail =
            |reason| Err(TrainError::Setting { key: "schedule", value: self.schedule.to_string(), reason });
        match &self.schedule {
            Schedule::Constant | Schedule::Cosine => Ok(()),
            Schedule::OneCycle if self.warm_up > 0.0 => fail("has its own warm-up; set warm_up to 0"),
            Schedule::OneCycle => Ok(()),
            Schedule::Piecewise(pieces) => {
                if pieces.windows(2).any(|pair| pair[0].0 >= pair[1].0) {
                    fail("epochs must increase")
                } else if pieces.iter().any(|(_, rate)| !rate.is_finite() || *rate < 0.0) {
                    fail("learning rates must be at least 0")
                } else {
                    Ok(())
                }
            }
            Schedule::Plateau { factor, patience } => {
                if !(*factor > 0.0 && *factor < 1.0) || *patience == 0 {
                    fail("the factor must lie between 0 and 1, the patience be at least 1")
                } else {
                    Ok(())
                }
            }
        }
    }
}
