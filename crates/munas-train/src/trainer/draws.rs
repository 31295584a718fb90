//! Random draws: those of an epoch depend on seed, purpose and epoch only, so that a training can go on from a
//! [`Checkpoint`](crate::Checkpoint) without the state of any generator.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// What random draws are for; each purpose has streams of its own.
#[derive(Clone, Copy)]
pub(super) enum Draw {
    Initialise = 0,
    Shuffle = 1,
    Augment = 2,
    Dropout = 3,
    NormStatistics = 4,
}

/// The generator of one purpose in one epoch. Epoch 0 is the time before training.
pub(super) fn generator(seed: u64, draw: Draw, epoch: u32) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(u64::from(epoch) << 8 | draw as u64);
    rng
}
