//! Mix-up (Zhang et al., arXiv 1710.09412): a batch of blends of two samples each, with blends of their losses.
//!
//! One share λ ~ Beta(α, α) is drawn per batch; of λ and 1 − λ the larger is the sample's own share, so that a blend
//! belongs more to its own label. Partners are the samples of a block in reverse: the order of samples is drawn anew in
//! each epoch, so any two meet as likely as any other.

use munas_kernels::{Kernels, LANES, LossSum};
use rand::{Rng, RngExt};
use rand_distr::Beta;

use crate::loss::Loss;
use crate::plan::{Plan, Workspace};

/// Blends batches, one share for each.
pub(crate) struct MixUp {
    shares: Beta<f64>,
    /// Share of each sample in its own blend, in 0.5..=1.
    own_share: f32,
    /// Targets of the partners.
    partners: Vec<u32>,
    /// Gradient by the partners' targets.
    d_partners: Vec<f32>,
}

impl MixUp {
    /// # Panics
    /// If `alpha` is not above 0.
    pub fn new(alpha: f64) -> Self {
        let shares = Beta::new(alpha, alpha).expect("checked with the settings: above 0 and finite");
        Self { shares, own_share: 1.0, partners: Vec::new(), d_partners: Vec::new() }
    }

    /// Draws the share and blends the samples of `input`, `[block][element][LANES]`, whose labels are `targets`.
    pub fn blend(&mut self, targets: &[u32], input: &mut [f32], rng: &mut impl Rng) {
        let share: f64 = rng.sample(self.shares);
        self.own_share = share.max(1.0 - share) as f32;
        self.partners.clear();
        let block_len = input.len() / targets.len().div_ceil(LANES);
        for (block, targets) in input.chunks_exact_mut(block_len).zip(targets.chunks(LANES)) {
            self.partners.extend(targets.iter().rev());
            blend_block(self.own_share, targets.len(), block);
        }
    }

    /// As [`Loss::differentiate`] for the blends of the last [`MixUp::blend`].
    pub fn differentiate(
        &mut self,
        loss: &Loss,
        kernels: &Kernels,
        plan: &Plan,
        targets: &[u32],
        workspace: &mut Workspace,
    ) -> LossSum {
        let of_partners = loss.differentiate(kernels, plan, &self.partners, workspace);
        let (_, d_logits) = plan.logits_and_gradient(targets.len(), workspace);
        self.d_partners.clear();
        self.d_partners.extend_from_slice(d_logits);
        let own = loss.differentiate(kernels, plan, targets, workspace);
        let (_, d_logits) = plan.logits_and_gradient(targets.len(), workspace);
        kernels.scale(self.own_share, d_logits);
        kernels.axpy(1.0 - self.own_share, &self.d_partners, d_logits);
        let share = f64::from(self.own_share);
        LossSum { loss: share * own.loss + (1.0 - share) * of_partners.loss, correct: own.correct }
    }
}

/// Blends the first `count` lanes with themselves in reverse.
fn blend_block(own_share: f32, count: usize, block: &mut [f32]) {
    for lanes in block.as_chunks_mut::<LANES>().0 {
        let mut reversed = *lanes;
        reversed[..count].reverse();
        for (value, partner) in lanes[..count].iter_mut().zip(reversed) {
            *value = own_share * *value + (1.0 - own_share) * partner;
        }
    }
}

#[cfg(test)]
mod tests {
    use munas_kernels::LANES;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::MixUp;

    #[test]
    fn a_blend_is_its_sample_and_its_partner_in_shares() {
        let (batch, elements) = (21, 3);
        let targets: Vec<u32> = (0..batch).collect();
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut mixup = MixUp::new(0.2);
        let mut shares = Vec::new();
        for _ in 0..50 {
            // The value of a sample is its target, in every element.
            let mut input = vec![0.0; 2 * elements * LANES];
            let place = |sample: usize, element: usize| {
                sample / LANES * elements * LANES + element * LANES + sample % LANES
            };
            for sample in 0..batch as usize {
                (0..elements).for_each(|element| input[place(sample, element)] = sample as f32);
            }
            mixup.blend(&targets, &mut input, &mut rng);
            let share = mixup.own_share;
            assert!((0.5..=1.0).contains(&share));
            shares.push(share);
            for (sample, (&own, &partner)) in targets.iter().zip(&mixup.partners).enumerate() {
                assert_eq!(own + partner, if sample < LANES { 15 } else { 36 });
                for element in 0..elements {
                    let expected = share * own as f32 + (1.0 - share) * partner as f32;
                    assert!((input[place(sample, element)] - expected).abs() < 1e-5);
                }
            }
            assert!(input[place(batch as usize, 0)..][..LANES - 5].iter().all(|&value| value == 0.0));
        }
        // Beta(0.2, 0.2) lies near its ends: E[max(λ, 1 − λ)] is 0.91.
        let mean = shares.iter().sum::<f32>() / 50.0;
        assert!((0.85..0.97).contains(&mean), "{mean}");
    }
}
