//! Applies a list of augmentations to one sample after the other.

use rand::{Rng, RngExt};

use super::Augmentation;
use super::buffer::{Pair, Planes, SampleBuffer};
use super::frame::Frame;
use super::noise::NoiseTable;
use super::rotate::{Rotation, Turn};
use super::warp::{Offset, Rectangle, fill_with_means, flip, shift, shift_time, stretch};
use crate::normalise::Normalisation;
use crate::samples::SampleRef;
use crate::split::Split;

/// Applies augmentations to samples of one shape.
#[derive(Debug, Clone)]
pub struct Augmenter {
    /// Those that are applied to a sample's values, in order.
    augmentations: Vec<Augmentation>,
    /// Probability of taking a rendition.
    background: Option<f64>,
    frame: Frame,
    /// Stored magnitude that noise is relative to.
    full_scale: f32,
    /// The stored value of each channel that normalisation makes 0.
    centres: Vec<f32>,
    noise: NoiseTable,
}

impl Augmenter {
    /// For samples of `input` = height, width, channels, in which the magnitude `full_scale` stands for 1 (see
    /// [`Dataset::full_scale`](crate::Dataset::full_scale)).
    ///
    /// # Panics
    /// When an extent is zero.
    pub fn new(augmentations: &[Augmentation], input: [usize; 3], full_scale: f32) -> Self {
        let [height, width, channels] = input;
        assert!(height * width * channels > 0, "input {input:?} is empty");
        let noisy =
            augmentations.iter().any(|augmentation| matches!(augmentation, Augmentation::Noise { .. }));
        let background = augmentations.iter().find_map(|augmentation| match augmentation {
            Augmentation::Background { probability, .. } => Some(*probability),
            _ => None,
        });
        let of_single_samples = augmentations.iter().filter(|augmentation| {
            !matches!(augmentation, Augmentation::MixUp { .. } | Augmentation::Background { .. })
        });
        Self {
            background,
            augmentations: of_single_samples.copied().collect(),
            frame: Frame { height, width, channels },
            full_scale,
            centres: vec![0.0; channels],
            noise: if noisy { NoiseTable::new() } else { NoiseTable::default() },
        }
    }

    /// The same for samples of this normalisation.
    ///
    /// # Panics
    /// If it is one of another number of channels.
    #[must_use]
    pub fn normalised_by(self, normalisation: &Normalisation) -> Self {
        let Normalisation { scale, offset } = normalisation;
        assert_eq!(scale.len(), self.frame.channels, "a normalisation of these samples");
        let centres = scale.iter().zip(offset).map(|(scale, offset)| -offset / scale).collect();
        Self { centres, ..self }
    }

    /// True when [`apply_to`](Self::apply_to) would only copy.
    pub fn is_identity(&self) -> bool {
        self.augmentations.is_empty() && self.background.is_none()
    }

    /// Writes a transformed copy of sample `index` of `split`, or of one of its renditions, into `out`.
    ///
    /// # Panics
    /// As [`apply`](Self::apply), and when `split` is no training part but has renditions.
    pub fn apply_to<R: Rng + ?Sized>(
        &self,
        split: &Split,
        index: usize,
        rng: &mut R,
        out: &mut SampleBuffer,
    ) {
        let renditions = split.renditions();
        let taken = self.background.filter(|&share| renditions > 0 && rng.random_bool(share));
        let sample = match taken {
            Some(_) => split.rendition(index, rng.random_range(0..renditions)),
            None => split.sample(index),
        };
        self.apply(sample, rng, out);
    }

    /// Writes a transformed copy of `sample` into `out`. The draws depend on `rng` and the list alone, not on the
    /// values.
    ///
    /// # Panics
    /// When the sample is not of the shape given to [`new`](Self::new).
    pub fn apply<R: Rng + ?Sized>(&self, sample: SampleRef<'_>, rng: &mut R, out: &mut SampleBuffer) {
        let Frame { height, width, channels } = self.frame;
        assert_eq!(sample.len(), height * width * channels, "sample of another shape than {:?}", self.frame);
        match (sample, &mut out.planes) {
            (SampleRef::U8(values), Planes::U8(pair)) => self.transform(values, rng, pair),
            (SampleRef::I8(values), Planes::I8(pair)) => self.transform(values, rng, pair),
            (SampleRef::U16(values), Planes::U16(pair)) => self.transform(values, rng, pair),
            (SampleRef::I16(values), Planes::I16(pair)) => self.transform(values, rng, pair),
            (SampleRef::F32(values), Planes::F32(pair)) => self.transform(values, rng, pair),
            (sample, _) => {
                *out = SampleBuffer::new(sample.element_type());
                self.apply(sample, rng, out);
            }
        }
    }

    fn transform<T: Turn, R: Rng + ?Sized>(&self, sample: &[T], rng: &mut R, pair: &mut Pair<T>) {
        pair.load(sample);
        for augmentation in &self.augmentations {
            self.transform_once(augmentation, rng, pair);
        }
    }

    fn transform_once<T: Turn, R: Rng + ?Sized>(
        &self,
        augmentation: &Augmentation,
        rng: &mut R,
        pair: &mut Pair<T>,
    ) {
        let frame = self.frame;
        match *augmentation {
            Augmentation::Flip => {
                if rng.random_bool(0.5) {
                    pair.rewrite(|from, to, _| flip(frame, from, to));
                }
            }
            Augmentation::Shift { by } => {
                let down = symmetric(by.resolve(frame.height), rng);
                let right = symmetric(by.resolve(frame.width), rng);
                if (down, right) != (0, 0) {
                    pair.rewrite(|from, to, _| shift(frame, Offset { down, right }, from, to));
                }
            }
            Augmentation::Rotate { radians, probability } => {
                if rng.random_bool(probability) {
                    let rotation = Rotation::new(frame, rng.random_range(-radians..=radians));
                    pair.rewrite(|from, to, scratch| T::turn(rotation, from, to, scratch));
                }
            }
            Augmentation::CutOut { size } => {
                let centre = (rng.random_range(0..frame.height), rng.random_range(0..frame.width));
                let rows = around(centre.0, size.resolve(frame.height), frame.height);
                let columns = around(centre.1, size.resolve(frame.width), frame.width);
                fill_with_means(frame, &Rectangle { rows, columns }, pair);
            }
            Augmentation::TimeShift { by } => {
                let later = symmetric(by.resolve(frame.height), rng);
                shift_time(frame, later, &mut pair.front);
            }
            Augmentation::Noise { deviation } => {
                self.noise.add(deviation as f32 * self.full_scale, rng, &mut pair.front);
            }
            Augmentation::Scale { deviation } => {
                stretch_channels(frame, deviation, |_| 0.0, rng, &mut pair.front);
            }
            Augmentation::Amplitude { deviation } => {
                stretch_channels(frame, deviation, |channel| self.centres[channel], rng, &mut pair.front);
            }
            Augmentation::TimeMask { width } => {
                let rows = band(width.resolve(frame.height), frame.height, rng);
                fill_with_means(frame, &Rectangle { rows, columns: 0..frame.width }, pair);
            }
            Augmentation::FrequencyMask { width } => {
                let columns = band(width.resolve(frame.width), frame.width, rng);
                fill_with_means(frame, &Rectangle { rows: 0..frame.height, columns }, pair);
            }
            Augmentation::MixUp { .. } | Augmentation::Background { .. } => {
                unreachable!("left out of the list")
            }
        }
    }
}

fn symmetric<R: Rng + ?Sized>(most: usize, rng: &mut R) -> isize {
    rng.random_range(-(most as i64)..=most as i64) as isize
}

/// `size` positions around `centre`, cut off at the ends of the axis.
fn around(centre: usize, size: usize, axis: usize) -> std::ops::Range<usize> {
    let start = centre as isize - (size / 2) as isize;
    start.max(0) as usize..(start + size as isize).clamp(0, axis as isize) as usize
}

/// Up to `most` consecutive positions anywhere on the axis.
fn band<R: Rng + ?Sized>(most: usize, axis: usize, rng: &mut R) -> std::ops::Range<usize> {
    let width = rng.random_range(0..=most);
    let start = rng.random_range(0..=axis - width);
    start..start + width
}

/// Multiplies how far the values of each channel are from its centre by a factor of its own, between 1 − `deviation` and 1 + `deviation`.
fn stretch_channels<T: Turn, R: Rng + ?Sized>(
    frame: Frame,
    deviation: f64,
    centre: impl Fn(usize) -> f32,
    rng: &mut R,
    values: &mut [T],
) {
    for channel in 0..frame.channels {
        let factor = rng.random_range(1.0 - deviation..=1.0 + deviation);
        stretch(frame, channel, (centre(channel), factor as f32), values);
    }
}
