//! What the front-end is like.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::DataError;
use crate::text_form;

/// What is computed of each frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FeatureKind {
    /// Mel-frequency cepstral coefficients: the first of the DCT of the log-mel spectrum.
    Mfcc,
    /// The log-mel spectrum itself.
    LogMel,
}

impl FeatureKind {
    /// Every kind, in the order that messages list.
    pub const ALL: [Self; 2] = [Self::Mfcc, Self::LogMel];

    /// The name used in experiment files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mfcc => "mfcc",
            Self::LogMel => "log-mel",
        }
    }
}

impl fmt::Display for FeatureKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// The text names no features.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown audio features `{0}`; there are: mfcc, log-mel")]
pub struct UnknownFeatureKind(String);

impl FromStr for FeatureKind {
    type Err = UnknownFeatureKind;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.name() == text)
            .ok_or_else(|| UnknownFeatureKind(text.to_owned()))
    }
}

/// Which channel of a recording counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Channel {
    /// The mean of all.
    #[default]
    Mix,
    /// The first channel of a recording alone.
    Left,
    /// The second; of a recording with one channel, that one.
    Right,
}

impl Channel {
    /// Every choice, in the order that messages list.
    pub const ALL: [Self; 3] = [Self::Mix, Self::Left, Self::Right];

    /// The name used in experiment files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mix => "mix",
            Self::Left => "left",
            Self::Right => "right",
        }
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// The text names no channel.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown channel `{0}`; there are: mix, left, right")]
pub struct UnknownChannel(String);

impl FromStr for Channel {
    type Err = UnknownChannel;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|channel| channel.name() == text)
            .ok_or_else(|| UnknownChannel(text.to_owned()))
    }
}

/// How recordings become features: section `[data.audio]` of an experiment file.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, expecting = "a section")]
pub struct AudioSettings {
    /// What is computed of each frame.
    #[serde(with = "text_form")]
    pub features: FeatureKind,
    /// Sampling rate of the recordings in Hz; that of the first one when left out. No recording is resampled.
    pub rate: Option<u32>,
    /// Which channel of recordings with several counts.
    #[serde(with = "text_form")]
    pub channel: Channel,
    /// Length of a sample in milliseconds: longer recordings are cut, shorter ones followed by zeros.
    pub clip_ms: f64,
    /// Length of a frame in milliseconds.
    pub window_ms: f64,
    /// Distance of two frames in milliseconds.
    pub stride_ms: f64,
    /// Points of the Fourier transform; the smallest power of two that holds a frame when left out.
    pub fft: Option<usize>,
    /// Number of mel filters.
    pub mel_bins: usize,
    /// Number of cepstral coefficients, from the 0th on; of no meaning for `log-mel`.
    pub coefficients: usize,
    /// Lower and upper edge of the mel filters in Hz; when left out, 20 to 4,000 Hz, or to half of the sampling rate.
    pub band: Option<[f64; 2]>,
    /// What is added to the magnitudes before the logarithm.
    pub log_offset: f64,
    /// Whether each recording is divided by its largest magnitude first.
    pub peak: bool,
    /// The features that become -128 and 127; when left out, from digital silence to about the loudest
    /// speech.
    pub range: Option<[f64; 2]>,
    /// Copies of each training sample with noise, among which `background:P:V` chooses.
    pub renditions: usize,
}

impl Default for AudioSettings {
    /// The front-end of MLPerf Tiny's keyword spotting: 49×10 MFCC of one second.
    fn default() -> Self {
        Self {
            features: FeatureKind::Mfcc,
            rate: None,
            channel: Channel::Mix,
            clip_ms: 1000.0,
            window_ms: 30.0,
            stride_ms: 20.0,
            fft: None,
            mel_bins: 40,
            coefficients: 10,
            band: None,
            log_offset: 1e-6,
            peak: true,
            range: None,
            renditions: 4,
        }
    }
}

/// Longest clip in samples, and most points of a transform: they stop absurd settings.
const MOST_SAMPLES: usize = 1 << 24;
const MOST_POINTS: usize = 1 << 16;
/// Most mel filters: beyond any use, and few enough to make at once.
const MOST_BINS: usize = 1024;
/// Most copies of a sample.
const MOST_RENDITIONS: usize = 64;

/// The settings in samples, at a sampling rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lengths {
    /// Samples of a clip.
    pub clip: usize,
    /// Samples of a frame.
    pub window: usize,
    /// Samples between the starts of two frames.
    pub stride: usize,
    /// Points of the Fourier transform.
    pub fft: usize,
}

impl Lengths {
    /// Whole frames in a clip.
    pub fn frames(self) -> usize {
        1 + (self.clip - self.window) / self.stride
    }
}

impl AudioSettings {
    /// Features of each frame.
    pub fn width(&self) -> usize {
        match self.features {
            FeatureKind::Mfcc => self.coefficients,
            FeatureKind::LogMel => self.mel_bins,
        }
    }

    /// The features that become -128 and 127.
    ///
    /// Left to itself, the range begins at that of digital silence, ln(offset) in every mel bin. It ends, for log-mel
    /// features, at ln(samples of a frame), which is twice the magnitude of a full-scale tone, and for MFCC where the mean
    /// over all mel bins is 3, which speech with a largest magnitude of 1 hardly reaches. What is beyond is clipped.
    pub fn feature_range(&self, rate: u32) -> [f64; 2] {
        let floor = self.log_offset.ln();
        self.range.unwrap_or_else(|| match self.features {
            FeatureKind::LogMel => [floor, self.samples(self.window_ms, rate).max(2.0).ln()],
            FeatureKind::Mfcc => [floor, 3.0].map(|mean| mean * (2.0 * self.mel_bins as f64).sqrt()),
        })
    }

    /// The edges of the mel filters in Hz: what was asked for, or 20 to 4,000 Hz, where speech is, and no further than half of
    /// the sampling rate.
    pub fn band_at(&self, rate: u32) -> [f64; 2] {
        self.band.unwrap_or_else(|| {
            let high = (f64::from(rate) / 2.0).min(4000.0);
            [high.min(200.0) / 10.0, high]
        })
    }

    /// Checks the settings that do not depend on the sampling rate.
    ///
    /// # Errors
    /// [`DataError::Option`], which names the setting.
    pub fn check(&self) -> Result<(), DataError> {
        let problem = |text: &str| Err(DataError::Option(format!("audio: {text}")));
        let positive = |value: f64| value.is_finite() && value > 0.0;
        if !positive(self.clip_ms) || !positive(self.window_ms) || !positive(self.stride_ms) {
            return problem("clip_ms, window_ms and stride_ms must be above 0");
        }
        if self.window_ms > self.clip_ms {
            return problem("window_ms must not be above clip_ms");
        }
        if self.rate == Some(0) {
            return problem("rate must be above 0");
        }
        if !(1..=MOST_BINS).contains(&self.mel_bins) {
            return problem(&format!("mel_bins must be from 1 to {MOST_BINS}"));
        }
        if !(1..=self.mel_bins).contains(&self.coefficients) && self.features == FeatureKind::Mfcc {
            return problem("coefficients must be from 1 to mel_bins");
        }
        let is_band = |[low, high]: [f64; 2]| low.is_finite() && high.is_finite() && 0.0 <= low && low < high;
        if !self.band.is_none_or(is_band) {
            return problem("band must be two frequencies, the lower one first");
        }
        if !positive(self.log_offset) || self.log_offset >= 1.0 {
            return problem("log_offset must be above 0 and below 1");
        }
        if self.range.is_some_and(|[low, high]| !(low.is_finite() && high.is_finite() && low < high)) {
            return problem("range must be two numbers, the lower one first");
        }
        if !(1..=MOST_RENDITIONS).contains(&self.renditions) {
            return problem(&format!("renditions must be from 1 to {MOST_RENDITIONS}"));
        }
        Ok(())
    }

    /// The settings in samples.
    ///
    /// # Errors
    /// [`DataError::Option`] if they do not fit together at this rate.
    pub(super) fn lengths(&self, rate: u32) -> Result<Lengths, DataError> {
        self.check()?;
        let problem =
            |text: String| Err(DataError::Option(format!("recordings of {rate} Hz: `data.audio.{text}")));
        if self.samples(self.clip_ms, rate) > MOST_SAMPLES as f64 {
            return problem(format!("clip_ms` {} is too long", self.clip_ms));
        }
        let [clip, window, stride] =
            [self.clip_ms, self.window_ms, self.stride_ms].map(|time| self.samples(time, rate) as usize);
        if window < 2 || stride < 1 {
            return problem("window_ms` or `data.audio.stride_ms` is less than a sample".to_owned());
        }
        let fft = self.fft.unwrap_or(window.next_power_of_two());
        if fft < window || fft > MOST_POINTS {
            return problem(format!("fft` must be from {window}, the samples of a window, to {MOST_POINTS}"));
        }
        let ([low, high], half) = (self.band_at(rate), f64::from(rate) / 2.0);
        if high > half {
            return problem(format!("band` [{low}, {high}] must end at half of that, {half} Hz, or below"));
        }
        Ok(Lengths { clip, window, stride, fft })
    }

    /// Samples in a time, rounded.
    fn samples(&self, milliseconds: f64, rate: u32) -> f64 {
        (f64::from(rate) * milliseconds / 1000.0).round()
    }
}
