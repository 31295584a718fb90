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
        let augmenter = Augmenter::new(&settings.augment, dataset.input, dataset.full_scale);
        let buffers = if augmenter.is_identity() { 0 } else { LANES };
        let buffers = (0..buffers).map(|_| SampleBuffer::new(dataset.element_type())).collect();
        let normalisation = dataset.normalisation(settings.normalise);
        let [height, width, _] = dataset.input;
        Self {
            seed,
            loader: BatchLoader::new(normalisation, height * width, buffers),
            augmenter,
            generators: Generators::new(seed, 1),
            targets: Vec::with_capacity(settings.batch.min(dataset.train.len())),
        }
    }

    /// Begins an epoch, counted from 1: positions of all `samples` in its order.
    pub fn begin_epoch(&mut self, epoch: u32, samples: usize) -> Vec<u32> {
        self.generators = Generators::new(self.seed, epoch);
        let mut order: Vec<u32> = (0..samples as u32).collect();
        order.shuffle(&mut generator(self.seed, Draw::Shuffle, epoch));
        order
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
