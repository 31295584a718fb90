//! Optimisers.
//!
//! Every trained parameter decays: kernels, biases, γ and β, by `weight_decay` times itself per step, whatever the
//! learning rate. That is what the optimisers of TensorFlow Addons do (`SGDW`, `AdamW` with a constant
//! `weight_decay`), which the hyper-parameters of the published muNAS experiments were chosen for. Optimisers that
//! multiply the decay by the learning rate (Keras 3, PyTorch) need `weight_decay / learning_rate` instead.
//!
//! | symbol | meaning |
//! |---|---|
//! | w, g | parameter, gradient of the mean loss of the batch |
//! | η, λ | learning rate of the step, weight decay |
//! | μ | momentum |
//!
//! SGDW (Loshchilov and Hutter, ICLR 2019, algorithm 1): v ← μ·v + η·g; w ← w − v − λ·w.
//! AdamW (algorithm 2): β₁ = 0.9, β₂ = 0.999, ε = 1e-7. Adam is the same without decay.

use std::fmt;
use std::str::FromStr;

use munas_kernels::{AdamState, AdamStep, AlignedBuffer, Kernels, SgdwStep};

const BETA_1: f32 = 0.9;
const BETA_2: f32 = 0.999;
/// ε, as in Keras.
const ADAM_EPSILON: f32 = 1e-7;

/// How gradients become steps; the module of the same name states the formulas.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Optimizer {
    /// Stochastic gradient descent with momentum and decoupled weight decay.
    Sgdw {
        /// Share of the last step that is kept.
        momentum: f64,
    },
    /// Adam with decoupled weight decay.
    AdamW,
    /// Adam, without weight decay.
    Adam,
}

impl Optimizer {
    /// Every optimiser, without momentum.
    pub const ALL: [Self; 3] = [Self::Sgdw { momentum: 0.0 }, Self::AdamW, Self::Adam];

    /// The name used in experiment files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sgdw { .. } => "sgdw",
            Self::AdamW => "adamw",
            Self::Adam => "adam",
        }
    }

    /// The momentum, of an optimiser that has one.
    pub const fn momentum(self) -> Option<f64> {
        match self {
            Self::Sgdw { momentum } => Some(momentum),
            Self::AdamW | Self::Adam => None,
        }
    }

    /// The same with this momentum, if it has one at all.
    pub const fn with_momentum(self, momentum: f64) -> Self {
        match self {
            Self::Sgdw { .. } => Self::Sgdw { momentum },
            Self::AdamW | Self::Adam => self,
        }
    }
}

impl fmt::Display for Optimizer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// The text names no optimiser.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown optimiser `{0}`; there are: sgdw, adamw, adam")]
pub struct UnknownOptimizer(String);

/// An optimiser by its name, without momentum.
impl FromStr for Optimizer {
    type Err = UnknownOptimizer;

    fn from_str(text: &str) -> Result<Self, UnknownOptimizer> {
        let named = Self::ALL.into_iter().find(|optimizer| optimizer.name() == text);
        named.ok_or_else(|| UnknownOptimizer(text.to_owned()))
    }
}

/// An optimiser under way: its moments, in the layout of the parameters.
#[derive(Clone, Debug)]
pub(crate) struct OptimizerState {
    optimizer: Optimizer,
    weight_decay: f32,
    /// Velocity of SGDW, first moment of Adam.
    pub first: AlignedBuffer,
    /// Second moment of Adam; empty for SGDW.
    pub second: AlignedBuffer,
    /// Steps taken, which Adam corrects its moments by.
    pub steps: u32,
}

impl OptimizerState {
    pub fn new(optimizer: Optimizer, weight_decay: f64, parameters: usize) -> Self {
        let (weight_decay, second) = match optimizer {
            Optimizer::Sgdw { .. } => (weight_decay, 0),
            Optimizer::AdamW => (weight_decay, parameters),
            Optimizer::Adam => (0.0, parameters),
        };
        Self {
            optimizer,
            weight_decay: weight_decay as f32,
            first: AlignedBuffer::zeroed(parameters),
            second: AlignedBuffer::zeroed(second),
            steps: 0,
        }
    }

    /// Takes one step along `gradients`.
    pub fn step(&mut self, kernels: &Kernels, learning_rate: f64, parameters: &mut [f32], gradients: &[f32]) {
        self.steps += 1;
        let (learning_rate, weight_decay) = (learning_rate as f32, self.weight_decay);
        if let Optimizer::Sgdw { momentum } = self.optimizer {
            let step = SgdwStep { learning_rate, momentum: momentum as f32, weight_decay };
            return kernels.sgdw_step(&step, parameters, gradients, &mut self.first);
        }
        let step = AdamStep {
            learning_rate,
            beta1: BETA_1,
            beta2: BETA_2,
            epsilon: ADAM_EPSILON,
            l2: 0.0,
            weight_decay,
            step: self.steps,
        };
        let mut state = AdamState { first: &mut self.first, second: &mut self.second };
        kernels.adam_step(&step, parameters, gradients, &mut state);
    }
}
