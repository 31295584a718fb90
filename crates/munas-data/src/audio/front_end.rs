//! Waves to features.

use std::sync::Arc;

use realfft::num_complex::Complex;
use realfft::{RealFftPlanner, RealToComplex};

use super::settings::{AudioSettings, FeatureKind, Lengths};
use super::tables::{MelFilter, dct, hann, mel_filters};
use crate::error::DataError;

/// Computes features of clips of one sampling rate. It holds tables only and can be shared by threads.
pub struct FrontEnd {
    lengths: Lengths,
    rate: u32,
    peak: bool,
    log_offset: f64,
    window: Vec<f64>,
    filters: Vec<MelFilter>,
    /// One row per coefficient; empty for log-mel features.
    dct: Vec<Vec<f64>>,
    fft: Arc<dyn RealToComplex<f64>>,
    scale: f64,
    zero_point: i32,
}

/// Buffers of a [`FrontEnd`], one set per thread.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    frame: Vec<f64>,
    spectrum: Vec<Complex<f64>>,
    magnitudes: Vec<f64>,
    log_mel: Vec<f64>,
    features: Vec<f64>,
    fft: Vec<Complex<f64>>,
}

impl FrontEnd {
    /// The front-end of `settings` for recordings of `rate` Hz.
    ///
    /// # Errors
    /// [`DataError::Option`] if a setting is out of range, or does not fit the rate.
    pub fn new(settings: &AudioSettings, rate: u32) -> Result<Self, DataError> {
        let lengths = settings.lengths(rate)?;
        let dct = match settings.features {
            FeatureKind::Mfcc => dct(settings.coefficients, settings.mel_bins),
            FeatureKind::LogMel => Vec::new(),
        };
        let [low, high] = settings.feature_range(rate);
        let scale = (high - low) / 255.0;
        Ok(Self {
            rate,
            peak: settings.peak,
            log_offset: settings.log_offset,
            window: hann(lengths.window),
            filters: mel_filters(settings.mel_bins, lengths.fft / 2 + 1, rate, settings.band_at(rate)),
            dct,
            fft: RealFftPlanner::new().plan_fft_forward(lengths.fft),
            scale,
            zero_point: (-128.0 - low / scale).round() as i32,
            lengths,
        })
    }

    /// Sampling rate of the clips in Hz.
    pub fn rate(&self) -> u32 {
        self.rate
    }

    /// Samples of a [`clip`](Self::clip).
    pub fn clip_samples(&self) -> usize {
        self.lengths.clip
    }

    /// Shape of the features: frames, features per frame, 1.
    pub fn shape(&self) -> [usize; 3] {
        let width = if self.dct.is_empty() { self.filters.len() } else { self.dct.len() };
        [self.lengths.frames(), width, 1]
    }

    /// Scale and zero point of the quantised features: feature = scale · (stored - zero point).
    pub fn quantisation(&self) -> (f64, i32) {
        (self.scale, self.zero_point)
    }

    /// The clip of a recording: its beginning, or all of it and zeros, divided by its largest magnitude where the settings ask
    /// for that.
    pub fn clip(&self, recording: &[f32]) -> Vec<f32> {
        let mut clip = recording[..recording.len().min(self.lengths.clip)].to_vec();
        let largest = clip.iter().fold(0.0_f32, |largest, sample| largest.max(sample.abs()));
        if self.peak && largest > 0.0 {
            clip.iter_mut().for_each(|sample| *sample /= largest);
        }
        clip.resize(self.lengths.clip, 0.0);
        clip
    }

    /// The features of a [`clip`](Self::clip), frame by frame, as floats.
    ///
    /// # Panics
    /// When the clip has not [`clip_samples`](Self::clip_samples).
    pub fn features(&self, clip: &[f32]) -> Vec<f64> {
        let mut features = Vec::with_capacity(self.shape().iter().product());
        self.for_each_frame(clip, &mut Scratch::default(), |frame| features.extend_from_slice(frame));
        features
    }

    /// Appends the features of a clip as they are stored.
    pub(crate) fn append_quantised(&self, clip: &[f32], scratch: &mut Scratch, quantised: &mut Vec<i8>) {
        self.for_each_frame(clip, scratch, |frame| {
            quantised.extend(frame.iter().map(|feature| {
                // Conversion to i8 saturates.
                ((feature / self.scale).round() + f64::from(self.zero_point)) as i8
            }));
        });
    }

    fn for_each_frame(&self, clip: &[f32], scratch: &mut Scratch, mut emit: impl FnMut(&[f64])) {
        let Lengths { window, stride, fft, .. } = self.lengths;
        assert_eq!(clip.len(), self.lengths.clip, "a clip of another length");
        scratch.frame.resize(fft, 0.0);
        scratch.spectrum.resize(fft / 2 + 1, Complex::default());
        scratch.fft.resize(self.fft.get_scratch_len(), Complex::default());
        for samples in clip.windows(window).step_by(stride) {
            // The transform leaves its input in disorder: zeros behind the window are written anew each time.
            scratch.frame[window..].fill(0.0);
            for ((value, sample), weight) in scratch.frame.iter_mut().zip(samples).zip(&self.window) {
                *value = f64::from(*sample) * weight;
            }
            self.fft
                .process_with_scratch(&mut scratch.frame, &mut scratch.spectrum, &mut scratch.fft)
                .expect("buffers of the plan's lengths");
            scratch.magnitudes.clear();
            scratch.magnitudes.extend(scratch.spectrum.iter().map(|bin| bin.norm_sqr().sqrt()));
            scratch.log_mel.clear();
            let log_mel = |filter: &MelFilter| (filter.apply(&scratch.magnitudes) + self.log_offset).ln();
            scratch.log_mel.extend(self.filters.iter().map(log_mel));
            if self.dct.is_empty() {
                emit(&scratch.log_mel);
                continue;
            }
            scratch.features.clear();
            let cepstral = |row: &Vec<f64>| row.iter().zip(&scratch.log_mel).map(|(a, b)| a * b).sum::<f64>();
            scratch.features.extend(self.dct.iter().map(cepstral));
            emit(&scratch.features);
        }
    }
}

#[cfg(test)]
mod tests;
