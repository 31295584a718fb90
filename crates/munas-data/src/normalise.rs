//! From stored values to network inputs: one affine map per channel, `x * scale + offset`.

use std::fmt;
use std::str::FromStr;

use crate::samples::SampleRef;

/// How a dataset is normalised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum NormaliseMode {
    /// Divide by the full scale of the source: `u8` by 255, `i8` by 128, `u16` by what its pictures use of the range, `i16`
    /// by 32768, floats as they are.
    #[default]
    Unit,
    /// Subtract the mean and divide by the standard deviation of each channel, both taken from the training part.
    MeanStd,
}

impl NormaliseMode {
    /// The name used in experiment files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unit => "unit",
            Self::MeanStd => "mean-std",
        }
    }
}

impl fmt::Display for NormaliseMode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// The text names no normalisation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown normalisation `{0}`; there are: unit, mean-std")]
pub struct UnknownNormaliseMode(String);

impl FromStr for NormaliseMode {
    type Err = UnknownNormaliseMode;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Unit, Self::MeanStd]
            .into_iter()
            .find(|mode| mode.name() == text)
            .ok_or_else(|| UnknownNormaliseMode(text.to_owned()))
    }
}

/// An affine map per channel: network input = stored value × `scale[channel]` + `offset[channel]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Normalisation {
    /// One factor per channel.
    pub scale: Vec<f32>,
    /// One summand per channel.
    pub offset: Vec<f32>,
}

impl Normalisation {
    /// Division by `full_scale` in all channels.
    pub fn unit(channels: usize, full_scale: f32) -> Self {
        Self { scale: vec![1.0 / full_scale; channels], offset: vec![0.0; channels] }
    }

    /// The network's input for a stored sample in (h, w, c) order.
    ///
    /// # Panics
    /// If `input` has not as many elements as `sample`.
    pub fn apply(&self, sample: SampleRef<'_>, input: &mut [f32]) {
        assert_eq!(sample.len(), input.len(), "an input has the elements of its sample");
        match sample {
            SampleRef::U8(values) => self.apply_to(values, input),
            SampleRef::I8(values) => self.apply_to(values, input),
            SampleRef::U16(values) => self.apply_to(values, input),
            SampleRef::I16(values) => self.apply_to(values, input),
            SampleRef::F32(values) => self.apply_to(values, input),
        }
    }

    /// One channel, the usual case, is a loop without a loop within, which compilers vectorise.
    fn apply_to<T: Copy + Into<f32>>(&self, values: &[T], input: &mut [f32]) {
        if let ([scale], [offset]) = (&self.scale[..], &self.offset[..]) {
            for (input, &value) in input.iter_mut().zip(values) {
                *input = value.into() * scale + offset;
            }
            return;
        }
        let channels = self.scale.len();
        for (input, values) in input.chunks_exact_mut(channels).zip(values.chunks_exact(channels)) {
            for (channel, (input, &value)) in input.iter_mut().zip(values).enumerate() {
                *input = value.into() * self.scale[channel] + self.offset[channel];
            }
        }
    }

    /// Zero mean and unit variance over all pixels of these samples, per channel; a constant channel is only centred.
    ///
    /// No samples give the identity.
    pub(crate) fn mean_std<'a>(samples: impl Iterator<Item = SampleRef<'a>>, channels: usize) -> Self {
        let (mut moments, mut pixels) = (vec![Moments::default(); channels], 0);
        for sample in samples {
            pixels += sample.len() / channels;
            accumulate(sample, &mut moments);
        }
        let pixels = pixels.max(1) as f64;
        let (scale, offset) = moments.iter().map(|moments| moments.affine(pixels)).unzip();
        Self { scale, offset }
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Moments {
    sum: f64,
    sum_of_squares: f64,
}

impl Moments {
    fn affine(self, pixels: f64) -> (f32, f32) {
        let mean = self.sum / pixels;
        let variance = (self.sum_of_squares / pixels - mean * mean).max(0.0);
        // Below this the variance of a constant channel is rounding of the sums.
        let constant = variance <= 1e-12 * (1.0 + mean * mean);
        let scale = if constant { 1.0 } else { 1.0 / variance.sqrt() };
        (scale as f32, (-mean * scale) as f32)
    }
}

fn accumulate(sample: SampleRef<'_>, moments: &mut [Moments]) {
    fn add<T: Copy + Into<f64>>(values: &[T], moments: &mut [Moments]) {
        for pixel in values.chunks_exact(moments.len()) {
            for (moments, &value) in moments.iter_mut().zip(pixel) {
                let value: f64 = value.into();
                moments.sum += value;
                moments.sum_of_squares += value * value;
            }
        }
    }
    match sample {
        SampleRef::U8(values) => add(values, moments),
        SampleRef::I8(values) => add(values, moments),
        SampleRef::U16(values) => add(values, moments),
        SampleRef::I16(values) => add(values, moments),
        SampleRef::F32(values) => add(values, moments),
    }
}
