//! Noise for recordings: clips of it are samples of the class "silence", and it is mixed into others.
//!
//! The published augmentation mixes noise into the wave, anew for each sample of each epoch. Computing features takes as long as
//! training a small network on them, so it cannot be done in every step; the mixing is done when the recordings are read instead.
//! Each training sample gets some *renditions* with noise, each with its own clip of noise and its own volume, and whenever the
//! sample is wanted with noise, one of them is drawn. What is mixed, and how, is exactly as published; what differs is that a
//! sample has a few noisy forms instead of one per epoch.

use rand::{Rng, RngExt};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// Renditions must be the same in every run, whatever the experiment's seed: they are part of the dataset.
const SEED: u64 = 0x006e_6f69_7365;

/// A part of a dataset. Clips of noise for different parts come from different stretches of the recordings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Train,
    Validation,
    Test,
}

impl Part {
    /// Where its stretch of a recording begins and ends, as shares of the recording.
    fn stretch(self) -> [f64; 2] {
        match self {
            Self::Train => [0.0, 0.8],
            Self::Validation => [0.8, 0.9],
            Self::Test => [0.9, 1.0],
        }
    }
}

/// Recordings of noise, at least one, none of them empty.
#[derive(Debug)]
pub(crate) struct Noise {
    recordings: Vec<Vec<f32>>,
}

impl Noise {
    /// `None` if all recordings are empty.
    pub(crate) fn new(recordings: Vec<Vec<f32>>) -> Option<Self> {
        let recordings: Vec<_> = recordings.into_iter().filter(|recording| !recording.is_empty()).collect();
        (!recordings.is_empty()).then_some(Self { recordings })
    }

    /// A clip of the part's noise with a random volume of up to 1, which `number` decides.
    pub(crate) fn clip(&self, part: Part, number: u32, samples: usize) -> Vec<f32> {
        let mut rng = ChaCha8Rng::seed_from_u64(SEED);
        // Renditions have the streams below 2^32.
        rng.set_stream(((part as u64 + 1) << 32) | u64::from(number));
        let mut clip = vec![0.0; samples];
        self.mix(part, 1.0, &mut rng, &mut clip);
        clip
    }

    /// Adds a random clip of the part's noise to `clip`, with a volume of up to `most`, and limits the sum to ±1.
    pub(crate) fn mix<R: Rng + ?Sized>(&self, part: Part, most: f64, rng: &mut R, clip: &mut [f32]) {
        let recording = &self.recordings[rng.random_range(0..self.recordings.len())];
        let volume = (rng.random::<f64>() * most) as f32;
        let [start, end] = part.stretch().map(|share| (share * recording.len() as f64) as usize);
        let stretch = &recording[start..end];
        // A stretch that is shorter than the clip leaves the rest of it as it is.
        let offset = rng.random_range(0..=stretch.len().saturating_sub(clip.len()));
        for (sample, noise) in clip.iter_mut().zip(&stretch[offset..]) {
            *sample = (*sample + volume * noise).clamp(-1.0, 1.0);
        }
    }
}

/// Makes the renditions of training samples.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mixer<'a> {
    pub(crate) noise: &'a Noise,
    /// Largest volume of the noise, in 0..=1.
    pub(crate) volume: f64,
    /// Renditions of each sample.
    pub(crate) renditions: usize,
}

impl Mixer<'_> {
    /// Calls `emit` with each rendition of the clip of the training sample `index`, which decides the draws.
    pub(crate) fn for_each_rendition(&self, clip: &[f32], index: usize, mut emit: impl FnMut(&[f32])) {
        let mut rng = ChaCha8Rng::seed_from_u64(SEED);
        rng.set_stream(index as u64);
        let mut rendition = vec![0.0; clip.len()];
        for _ in 0..self.renditions {
            rendition.copy_from_slice(clip);
            self.noise.mix(Part::Train, self.volume, &mut rng, &mut rendition);
            emit(&rendition);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn constant(level: f32, samples: usize) -> Vec<f32> {
        vec![level; samples]
    }

    #[test]
    fn volume_is_drawn_up_to_the_limit_and_sums_are_limited() {
        let noise = Noise::new(vec![constant(1.0, 1000), Vec::new()]).unwrap();
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut volumes: Vec<f32> = (0..200)
            .map(|_| {
                let mut clip = constant(0.0, 10);
                noise.mix(Part::Train, 0.1, &mut rng, &mut clip);
                clip[0]
            })
            .collect();
        volumes.sort_by(f32::total_cmp);
        assert!(volumes[0] < 0.01 && volumes[199] > 0.09 && volumes[199] <= 0.1);
        let mut clip = constant(0.99, 10);
        noise.mix(Part::Train, 10.0, &mut rng, &mut clip);
        assert_eq!(clip, constant(1.0, 10));
        assert!(Noise::new(vec![Vec::new()]).is_none());
    }

    #[test]
    fn parts_have_their_own_stretches() {
        let recording: Vec<f32> = (0..1000).map(|at| at as f32 / 1000.0).collect();
        let noise = Noise::new(vec![recording]).unwrap();
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        for (part, stretch) in [(Part::Train, 0.0..0.8), (Part::Validation, 0.8..0.9), (Part::Test, 0.9..1.0)]
        {
            for _ in 0..100 {
                let mut clip = constant(0.0, 20);
                noise.mix(part, 1.0, &mut rng, &mut clip);
                // The ratio of two samples does not depend on the volume: it gives the place away.
                let step = f64::from(clip[19] - clip[0]) / 0.019;
                let start = f64::from(clip[0]) / step;
                assert!(
                    start > stretch.start - 1e-3 && start + 0.019 < stretch.end + 1e-3,
                    "{part:?} {start}"
                );
            }
        }
    }

    #[test]
    fn noise_shorter_than_a_clip_fills_its_beginning() {
        let noise = Noise::new(vec![constant(1.0, 10)]).unwrap();
        let mut clip = constant(0.0, 50);
        noise.mix(Part::Test, 1.0, &mut ChaCha8Rng::seed_from_u64(3), &mut clip);
        assert!(clip[0] > 0.0);
        assert_eq!(clip[1..], [0.0; 49]);
    }

    #[test]
    fn renditions_differ_and_come_again() {
        let recording: Vec<f32> = (0..500).map(|at| (at as f32).sin()).collect();
        let noise = Noise::new(vec![recording]).unwrap();
        let mixer = Mixer { noise: &noise, volume: 0.1, renditions: 3 };
        let renditions = |index| {
            let mut all = Vec::new();
            mixer.for_each_rendition(&constant(0.5, 30), index, |clip| all.push(clip.to_vec()));
            all
        };
        let first = renditions(0);
        assert_eq!(first.len(), 3);
        assert!(first[0] != first[1] && first[1] != first[2]);
        assert_eq!(first, renditions(0));
        assert_ne!(first, renditions(1));
    }
}
