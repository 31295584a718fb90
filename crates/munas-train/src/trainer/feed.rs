//! What feeds a training: samples in a fresh order for each epoch, changed at random where the settings say so, and
//! packed into the plan's input.

use munas_data::{Augmenter, Dataset, SampleBuffer};
use munas_kernels::{Kernels, LANES};
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::draws::{Draw, generator};
use crate::TrainSettings;
use crate::batch::{BatchLoader, Selection};

/// Loads the batches of a training.
pub(super) struct Feed {
    seed: u64,
    /// Loads samples as they are, or with room for changed ones.
    pub loader: BatchLoader,
    augmenter: Augmenter,
    /// Generators of the epoch under way.
    pub generators: Generators,
    /// Labels of the present batch.
    pub targets: Vec<u32>,
}

/// The generators of one epoch.
pub(super) struct Generators {
    /// For changes to samples, blends included.
    pub augment: ChaCha8Rng,
    /// For what dropout leaves out.
    pub dropout: ChaCha8Rng,
}

impl Generators {
    fn new(seed: u64, epoch: u32) -> Self {
        Self {
            augment: generator(seed, Draw::Augment, epoch),
            dropout: generator(seed, Draw::Dropout, epoch),
        }
    }
}

impl Feed {
    /// A feed of `dataset` before its first epoch, with the settings' changes and normalisation.
    pub fn new(dataset: &Dataset, settings: &TrainSettings, seed: u64) -> Self {
        let normalisation = dataset.normalisation(settings.normalise);
        let augmenter = Augmenter::new(&settings.augment, dataset.input, dataset.full_scale);
        let augmenter = augmenter.normalised_by(&normalisation);
        let buffers = if augmenter.is_identity() { 0 } else { LANES };
        let buffers = (0..buffers).map(|_| SampleBuffer::new(dataset.element_type())).collect();
        let [height, width, _] = dataset.input;
        Self {
            seed,
            loader: BatchLoader::new(normalisation, height * width, buffers),
            augmenter,
            generators: Generators::new(seed, 1),
            targets: Vec::with_capacity(settings.batch.min(dataset.train.len())),
        }
    }

    /// Begins an epoch, counted from 1, of so many steps: the positions of each step's samples, of all `samples`. Each pass over them has an order of
    /// its own; an epoch goes on in the pass, and with the batch, that the one before has come to.
    pub fn begin_epoch(&mut self, epoch: u32, steps: u64, (samples, batch): (usize, usize)) -> Vec<Vec<u32>> {
        self.generators = Generators::new(self.seed, epoch);
        let batches = samples.div_ceil(batch) as u64;
        let first = u64::from(epoch - 1) * steps;
        let mut pass = (u64::MAX, Vec::new());
        let step = |step: u64| {
            if pass.0 != step / batches {
                let mut order: Vec<u32> = (0..samples as u32).collect();
                // Passes are counted from 1, as epochs are where each is one.
                let number = u32::try_from(step / batches).unwrap_or(u32::MAX).saturating_add(1);
                order.shuffle(&mut generator(self.seed, Draw::Shuffle, number));
                pass = (step / batches, order);
            }
            let begin = (step % batches) as usize * batch;
            pass.1[begin..samples.min(begin + batch)].to_vec()
        };
        (first..first + steps).map(step).collect()
    }

    /// Fills `input` and the targets with a batch, whose samples are changed at random if it `augments`.
    pub fn load(&mut self, kernels: &Kernels, selection: Selection<'_>, augments: bool, input: &mut [f32]) {
        let Selection { split, positions } = selection;
        self.targets.clear();
        self.targets.extend(positions.iter().map(|&position| split.label(position as usize)));
        if !augments || self.augmenter.is_identity() {
            self.loader.load(kernels, selection, input);
        } else {
            let rng = &mut self.generators.augment;
            self.loader.load_augmented(kernels, selection, &self.augmenter, rng, input);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::patterns;

    #[test]
    fn every_pass_takes_each_sample_once_whatever_the_epochs() {
        let (samples, batch) = (23, 5);
        let mut feed = Feed::new(&patterns(4, 8, 8, 1), &TrainSettings::default(), 3);
        // Five steps are a pass; epochs of three steps straddle them.
        let steps: Vec<Vec<u32>> =
            (1..=10).flat_map(|epoch| feed.begin_epoch(epoch, 3, (samples, batch))).collect();
        let mut orders: Vec<Vec<u32>> = steps.chunks(5).map(<[Vec<u32>]>::concat).collect();
        assert_eq!(orders.len(), 6);
        assert_eq!(
            orders[1],
            feed.begin_epoch(2, 5, (samples, batch)).concat(),
            "as if a pass were an epoch"
        );
        assert_ne!(orders[0], orders[1]);
        for order in &mut orders {
            order.sort_unstable();
            assert_eq!(*order, Vec::from_iter(0..samples as u32));
        }
    }
}
