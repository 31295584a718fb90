//! Cross-entropy losses from logits, with their gradients.
//!
//! Logits and their gradients are `[block][class][LANES]`. These run once per sample, not per pixel or weight, so
//! there is one scalar implementation.

use crate::Kernels;
use crate::layout::{LANES, blocks_for, valid_lanes};

/// Settings of a cross-entropy loss.
#[derive(Clone, Copy, Debug)]
pub struct CrossEntropy<'a> {
    /// Number of logits per sample: the classes, or 1 for a sigmoid.
    pub units: usize,
    /// Valid samples of the batch.
    pub batch: usize,
    /// Weight of each class's samples in the loss; 1 when absent. A sigmoid has two classes.
    pub class_weights: Option<&'a [f32]>,
    /// Share ε of the target that is spread evenly over all classes.
    pub label_smoothing: f32,
    /// Factor of the gradient: 1 / batch for the gradient of the mean loss.
    pub gradient_scale: f32,
}

impl CrossEntropy<'_> {
    fn class_weight(&self, class: usize) -> f32 {
        self.class_weights.map_or(1.0, |weights| weights[class])
    }
}

/// Sums over the samples of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LossSum {
    /// Σ weighted loss in nats.
    pub loss: f64,
    /// Samples whose largest logit (the first one of equals) is the target's.
    pub correct: usize,
}

/// Calls `visit(sample, element)` for every valid sample with the element of its first logit.
fn for_each_sample(units: usize, batch: usize, mut visit: impl FnMut(usize, usize)) {
    for block in 0..blocks_for(batch) {
        for lane in 0..valid_lanes(batch, block) {
            visit(block * LANES + lane, block * units * LANES + lane);
        }
    }
}

impl Kernels {
    /// Softmax cross-entropy against class indices: `targets[sample] < units`. `d_logits` gets the gradient, zero in
    /// lanes without a sample.
    pub fn softmax_cross_entropy(
        &self,
        loss: &CrossEntropy<'_>,
        logits: &[f32],
        targets: &[u32],
        d_logits: &mut [f32],
    ) -> LossSum {
        let units = loss.units;
        let smoothed = loss.label_smoothing / units as f32;
        let mut total = LossSum::default();
        d_logits[..blocks_for(loss.batch) * units * LANES].fill(0.0);
        for_each_sample(units, loss.batch, |sample, first| {
            let target = targets[sample] as usize;
            let logit = |class: usize| logits[first + class * LANES];
            let mut best = 0;
            for class in 1..units {
                if logit(class) > logit(best) {
                    best = class;
                }
            }
            let maximum = logit(best);
            let mut sum = 0.0;
            for class in 0..units {
                let exponential = (logit(class) - maximum).exp();
                d_logits[first + class * LANES] = exponential;
                sum += exponential;
            }
            let log_sum = sum.ln() + maximum;
            let weight = loss.class_weight(target);
            let mut cross_entropy = 0.0;
            for class in 0..units {
                let wanted = if class == target { 1.0 - loss.label_smoothing } else { 0.0 } + smoothed;
                // 0 · ∞ would turn a logit of −∞ into NaN.
                if wanted != 0.0 {
                    cross_entropy += wanted * (log_sum - logit(class));
                }
                let gradient = &mut d_logits[first + class * LANES];
                *gradient = (*gradient / sum - wanted) * weight * loss.gradient_scale;
            }
            total.loss += f64::from(cross_entropy * weight);
            total.correct += usize::from(best == target);
        });
        total
    }

    /// Sigmoid cross-entropy of one unit against targets 0 and 1; a positive logit predicts class 1.
    pub fn sigmoid_cross_entropy(
        &self,
        loss: &CrossEntropy<'_>,
        logits: &[f32],
        targets: &[u32],
        d_logits: &mut [f32],
    ) -> LossSum {
        assert_eq!(loss.units, 1, "a sigmoid loss has one unit");
        let mut total = LossSum::default();
        d_logits[..blocks_for(loss.batch) * LANES].fill(0.0);
        for_each_sample(1, loss.batch, |sample, element| {
            let (logit, target) = (logits[element], targets[sample]);
            let wanted = target as f32 * (1.0 - loss.label_smoothing) + 0.5 * loss.label_smoothing;
            let weight = loss.class_weight(target as usize);
            // log(1 + e^x) − wanted·x, without overflow.
            let cross_entropy = logit.max(0.0) - wanted * logit + (-logit.abs()).exp().ln_1p();
            let probability = 1.0 / (1.0 + (-logit).exp());
            d_logits[element] = (probability - wanted) * weight * loss.gradient_scale;
            total.loss += f64::from(cross_entropy * weight);
            total.correct += usize::from((logit > 0.0) == (target == 1));
        });
        total
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Isa;
    use crate::testing::{GradientCheck, noise};

    /// Loss of one sample by definition: −Σ wanted · ln probability.
    fn cross_entropy(logits: &[f64], target: usize, smoothing: f64) -> f64 {
        let sum: f64 = logits.iter().map(|logit| logit.exp()).sum();
        let share = smoothing / logits.len() as f64;
        let wanted = |class| if class == target { 1.0 - smoothing + share } else { share };
        -logits.iter().enumerate().map(|(class, logit)| wanted(class) * (logit.exp() / sum).ln()).sum::<f64>()
    }

    fn targets(seed: u32, batch: usize, classes: usize) -> Vec<u32> {
        let classes = classes as f32;
        noise(seed.into(), batch).iter().map(|x| ((x + 1.0) / 2.0 * classes) as u32).collect()
    }

    proptest! {
        #[test]
        fn softmax_loss_and_gradient(
            units in 2_usize..12, batch in 1_usize..40, label_smoothing in 0.0_f32..0.5, weighted: bool, seed: u32,
        ) {
            let kernels = Kernels::new(Isa::Scalar);
            let weights: Vec<f32> = noise(u64::from(seed) + 9, units).iter().map(|x| x + 1.5).collect();
            let loss = CrossEntropy {
                units, batch, label_smoothing, gradient_scale: 1.0, class_weights: weighted.then_some(&weights[..]),
            };
            let targets = targets(seed, batch, units);
            let logits: Vec<f32> =
                noise(u64::from(seed) + 1, blocks_for(batch) * units * LANES).iter().map(|x| 4.0 * x).collect();
            let mut gradient = vec![f32::NAN; logits.len()];
            let total = kernels.softmax_cross_entropy(&loss, &logits, &targets, &mut gradient);

            let mut rows = vec![0.0; batch * units];
            kernels.unpack_rows(units, &logits, &mut rows);
            let (mut expected, mut correct) = (0.0, 0);
            for (row, &target) in rows.chunks(units).zip(&targets) {
                let row: Vec<f64> = row.iter().map(|&logit| logit.into()).collect();
                let weight = if weighted { weights[target as usize] } else { 1.0 };
                expected += f64::from(weight) * cross_entropy(&row, target as usize, label_smoothing.into());
                correct += usize::from(row.iter().all(|&logit| logit <= row[target as usize]));
            }
            prop_assert!((total.loss - expected).abs() < 1e-4 * batch as f64, "{} {}", total.loss, expected);
            prop_assert_eq!(total.correct, correct);
            let check = GradientCheck { step: 2e-2, tolerance: 2e-3, coordinates: 60 };
            check.assert(&logits, &gradient, |logits| {
                kernels.softmax_cross_entropy(&loss, logits, &targets, &mut vec![0.0; logits.len()]).loss
            });
        }

        #[test]
        fn sigmoid_is_the_softmax_of_zero_and_its_logit(
            batch in 1_usize..40, label_smoothing in 0.0_f32..0.5, seed: u32,
        ) {
            let kernels = Kernels::new(Isa::Scalar);
            let targets = targets(seed, batch, 2);
            let logits: Vec<f32> =
                noise(u64::from(seed) + 1, blocks_for(batch) * LANES).iter().map(|x| 8.0 * x).collect();
            let class_weights = Some(&[0.5, 2.0][..]);
            let loss = CrossEntropy { units: 1, batch, class_weights, label_smoothing, gradient_scale: 0.25 };
            let mut gradient = vec![f32::NAN; logits.len()];
            let total = kernels.sigmoid_cross_entropy(&loss, &logits, &targets, &mut gradient);

            let pairs: Vec<f32> = logits.chunks(LANES).flat_map(|block| [&[0.0; LANES], block].concat()).collect();
            let mut pair_gradient = vec![f32::NAN; pairs.len()];
            let expected = kernels.softmax_cross_entropy(
                &CrossEntropy { units: 2, ..loss }, &pairs, &targets, &mut pair_gradient,
            );
            prop_assert!((total.loss - expected.loss).abs() < 1e-4 * batch as f64);
            prop_assert_eq!(total.correct, expected.correct);
            for (block, pair) in gradient.chunks(LANES).zip(pair_gradient.chunks(2 * LANES)) {
                crate::testing::assert_close(block, &pair[LANES..], 1e-5);
            }
        }
    }

    #[test]
    fn losses_stay_finite_at_extreme_logits() {
        let kernels = Kernels::new(Isa::Scalar);
        let loss = CrossEntropy {
            units: 2,
            batch: 1,
            class_weights: None,
            label_smoothing: 0.1,
            gradient_scale: 1.0,
        };
        let mut logits = vec![0.0; 2 * LANES];
        (logits[0], logits[LANES]) = (1e4, -1e4);
        let mut gradient = vec![f32::NAN; 2 * LANES];
        assert!(kernels.softmax_cross_entropy(&loss, &logits, &[1], &mut gradient).loss.is_finite());
        let loss = CrossEntropy { units: 1, ..loss };
        assert!(kernels.sigmoid_cross_entropy(&loss, &logits, &[0], &mut gradient).loss.is_finite());
        assert!(gradient.iter().all(|value| value.is_finite()));
    }
}
