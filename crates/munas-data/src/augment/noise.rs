//! Normal noise from a table: drawing from the distribution itself would cost more than training on the sample.

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_distr::{Distribution, StandardNormal};

use super::element::Element;

/// Bits that choose an entry; five entries are chosen by one 64-bit draw.
const INDEX_BITS: u32 = 12;
const ENTRIES: usize = 1 << INDEX_BITS;
const PER_DRAW: usize = (u64::BITS / INDEX_BITS) as usize;
/// The table is part of the meaning of a seed, and so always the same.
const SEED: u64 = 0x006e_6f69_7365;

/// Normal values with mean 0 and variance 1 exactly, in random order. The default table is empty and of no use.
#[derive(Debug, Clone, Default)]
pub(super) struct NoiseTable {
    values: Vec<f32>,
}

impl NoiseTable {
    pub(super) fn new() -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(SEED);
        let mut values: Vec<f32> = Vec::with_capacity(ENTRIES);
        for _ in 0..ENTRIES / 2 {
            let value: f32 = StandardNormal.sample(&mut rng);
            // Both signs make the mean zero.
            values.extend([value, -value]);
        }
        let variance = values.iter().map(|value| value * value).sum::<f32>() / ENTRIES as f32;
        let factor = variance.sqrt().recip();
        values.iter_mut().for_each(|value| *value *= factor);
        Self { values }
    }

    /// Adds noise of the given deviation to every value.
    pub(super) fn add<T: Element, R: Rng + ?Sized>(&self, deviation: f32, rng: &mut R, values: &mut [T]) {
        for group in values.chunks_mut(PER_DRAW) {
            let mut bits = rng.next_u64();
            for value in group {
                let noise = self.values[bits as usize % ENTRIES];
                *value = T::from_f32(value.to_f32() + deviation * noise);
                bits >>= INDEX_BITS;
            }
        }
    }
}
