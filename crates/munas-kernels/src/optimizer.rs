//! Optimiser steps over flat parameter slices.

use crate::Kernels;
use crate::simd::{Kernel, Simd};

/// One step of SGD with momentum and decoupled weight decay (Loshchilov and Hutter, 2019, algorithm 1):
/// v ← momentum·v + learning_rate·g, w ← w − v − weight_decay·w.
#[derive(Clone, Copy, Debug)]
pub struct SgdwStep {
    /// Step size α, the schedule's factor included.
    pub learning_rate: f32,
    /// Momentum β₁; zero for plain SGD.
    pub momentum: f32,
    /// Decay λ of the weights, the schedule's factor included; it is not multiplied by the learning rate.
    pub weight_decay: f32,
}

/// One step of Adam (Kingma and Ba, 2015) with L2 regularisation, of AdamW (Loshchilov and Hutter, 2019), or both:
/// g' = g + l2·w, m ← β₁·m + (1 − β₁)·g', v ← β₂·v + (1 − β₂)·g'²,
/// w ← w − weight_decay·w − learning_rate · m̂ / (√v̂ + ε), with m̂ = m / (1 − β₁ᵗ) and v̂ = v / (1 − β₂ᵗ).
#[derive(Clone, Copy, Debug)]
pub struct AdamStep {
    /// Step size α, the schedule's factor included.
    pub learning_rate: f32,
    /// β₁, 0.9 by custom.
    pub beta1: f32,
    /// β₂, 0.999 by custom.
    pub beta2: f32,
    /// ε.
    pub epsilon: f32,
    /// Weight of the L2 penalty (l2 / 2)·w², whose gradient passes through the moments.
    pub l2: f32,
    /// Decoupled decay; it is not multiplied by the learning rate.
    pub weight_decay: f32,
    /// Number t of this step, from 1.
    pub step: u32,
}

/// Moments of Adam, as long as the parameters.
#[derive(Debug)]
pub struct AdamState<'a> {
    /// First moment m, laid out as the parameters; updated.
    pub first: &'a mut [f32],
    /// Second moment v, laid out as the parameters; updated.
    pub second: &'a mut [f32],
}

impl Kernels {
    /// One step of SGDW. All slices have the parameters' length.
    pub fn sgdw_step(&self, step: &SgdwStep, weights: &mut [f32], gradients: &[f32], velocity: &mut [f32]) {
        assert!(gradients.len() == weights.len() && velocity.len() == weights.len());
        self.dispatch(Sgdw { step, weights, gradients, velocity });
    }

    /// One step of Adam or AdamW. All slices have the parameters' length.
    pub fn adam_step(
        &self,
        step: &AdamStep,
        weights: &mut [f32],
        gradients: &[f32],
        state: &mut AdamState<'_>,
    ) {
        let len = weights.len();
        assert!(gradients.len() == len && state.first.len() == len && state.second.len() == len);
        self.dispatch(Adam { step, weights, gradients, state });
    }
}

struct Sgdw<'a> {
    step: &'a SgdwStep,
    weights: &'a mut [f32],
    gradients: &'a [f32],
    velocity: &'a mut [f32],
}

impl Kernel for Sgdw<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let SgdwStep { learning_rate, momentum, weight_decay } = *self.step;
        for ((weight, &gradient), velocity) in self.weights.iter_mut().zip(self.gradients).zip(self.velocity)
        {
            *velocity = momentum * *velocity + learning_rate * gradient;
            *weight -= *velocity + weight_decay * *weight;
        }
    }
}

struct Adam<'a, 's> {
    step: &'a AdamStep,
    weights: &'a mut [f32],
    gradients: &'a [f32],
    state: &'a mut AdamState<'s>,
}

impl Kernel for Adam<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let AdamStep { learning_rate, beta1, beta2, epsilon, l2, weight_decay, step } = *self.step;
        let exponent = i32::try_from(step).unwrap_or(i32::MAX);
        let first_correction = 1.0 / (1.0 - beta1.powi(exponent));
        let second_correction = 1.0 / (1.0 - beta2.powi(exponent));
        let moments = self.state.first.iter_mut().zip(self.state.second.iter_mut());
        for ((weight, &gradient), (first, second)) in self.weights.iter_mut().zip(self.gradients).zip(moments)
        {
            let gradient = gradient + l2 * *weight;
            *first += (1.0 - beta1) * (gradient - *first);
            *second += (1.0 - beta2) * (gradient * gradient - *second);
            let denominator = (*second * second_correction).sqrt() + epsilon;
            *weight -= learning_rate * (*first * first_correction) / denominator + weight_decay * *weight;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{assert_close, every_isa, noise};

    proptest! {
        /// Several steps of each optimiser against its textbook form in double precision.
        #[test]
        fn optimisers_follow_their_algorithms(len in 1_usize..70, seed in any::<u32>()) {
            let start = noise(seed.into(), len);
            for kernels in every_isa() {
                let (mut sgd_weights, mut velocity) = (start.clone(), vec![0.0; len]);
                let (mut adam_weights, mut first, mut second) = (start.clone(), vec![0.0; len], vec![0.0; len]);
                let mut expected: Vec<Textbook> = start.iter().map(|&w| Textbook::new(w)).collect();
                for step in 1..=4 {
                    let gradients = noise(u64::from(seed) + u64::from(step), len);
                    let sgdw = SgdwStep { learning_rate: 0.1, momentum: 0.9, weight_decay: 0.01 };
                    kernels.sgdw_step(&sgdw, &mut sgd_weights, &gradients, &mut velocity);
                    let adam = AdamStep {
                        learning_rate: 0.02, beta1: 0.9, beta2: 0.999, epsilon: 1e-7, l2: 0.1, weight_decay: 0.003, step,
                    };
                    let mut state = AdamState { first: &mut first, second: &mut second };
                    kernels.adam_step(&adam, &mut adam_weights, &gradients, &mut state);
                    for (textbook, &gradient) in expected.iter_mut().zip(&gradients) {
                        textbook.step(gradient.into(), step as i32);
                    }
                }
                let sgd: Vec<f32> = expected.iter().map(|textbook| textbook.sgd_weight as f32).collect();
                let adam: Vec<f32> = expected.iter().map(|textbook| textbook.adam_weight as f32).collect();
                assert_close(&sgd_weights, &sgd, 1e-5);
                assert_close(&adam_weights, &adam, 1e-4);
            }
        }
    }

    #[derive(Clone, Copy)]
    struct Textbook {
        sgd_weight: f64,
        velocity: f64,
        adam_weight: f64,
        first: f64,
        second: f64,
    }

    impl Textbook {
        fn new(weight: f32) -> Self {
            let weight = f64::from(weight);
            Self { sgd_weight: weight, velocity: 0.0, adam_weight: weight, first: 0.0, second: 0.0 }
        }

        fn step(&mut self, gradient: f64, step: i32) {
            self.velocity = 0.9 * self.velocity + 0.1 * gradient;
            self.sgd_weight = self.sgd_weight - self.velocity - 0.01 * self.sgd_weight;
            let penalised = gradient + 0.1 * self.adam_weight;
            self.first = 0.9 * self.first + 0.1 * penalised;
            self.second = 0.999 * self.second + 0.001 * penalised * penalised;
            let (first, second) =
                (self.first / (1.0 - 0.9_f64.powi(step)), self.second / (1.0 - 0.999_f64.powi(step)));
            self.adam_weight -= 0.003 * self.adam_weight + 0.02 * first / (second.sqrt() + 1e-7);
        }
    }
}
