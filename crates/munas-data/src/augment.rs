//! Random transformations of training samples, on the stored type and without allocation.
//!
//! | spec | does | source |
//! |---|---|---|
//! | `flip` | mirror left-right with probability ½ | – |
//! | `shift:E` | move by up to E pixels down or up and right or left; what comes in is mirrored at the border | muNAS |
//! | `rotate:R[:P]` | with probability P (1 if left out) turn by up to R radians, bilinear, zeros outside | muNAS |
//! | `cutout:E` | fill a square of E pixels around a random centre with the channel means | DeVries & Taylor 2017 |
//! | `timeshift:E` | move along the first axis by up to E steps; border steps are repeated | – |
//! | `background:P:V` | with probability P take a form of the sample with background noise, mixed in with a volume of up to V | Warden 2018 |
//! | `noise:S` | add normal noise of standard deviation S, relative to the full scale of the dataset | – |
//! | `scale:S` | multiply each channel by a factor of its own between 1 − S and 1 + S | Um et al. 2017 |
//! | `amplitude:S` | the same for how far values are from what [normalisation](crate::Normalisation) makes 0, which is the mean where that is one of means | – |
//! | `timemask:E` | fill up to E consecutive steps of the first axis with the channel means | SpecAugment (Park et al. 2019) |
//! | `freqmask:E` | fill up to E consecutive columns with the channel means | SpecAugment |
//!
//! | `mixup:A` | blend two samples and their losses with a share drawn from Beta(A, A); done by the trainer, after the others | Zhang et al. 2018 |
//!
//! E is a number of pixels (or steps), or a share of the axis such as `10%`. The transformations of a list are applied
//! in its order.

mod apply;
mod buffer;
mod element;
mod frame;
mod noise;
mod rotate;
mod warp;

use std::fmt;
use std::str::FromStr;

pub use apply::Augmenter;
pub use buffer::SampleBuffer;

/// Specs as listed in errors and help texts.
const KNOWN: &str = "flip, shift:2, shift:10%, rotate:0.2:0.3, cutout:4, timeshift:2, background:0.8:0.1, noise:0.05, scale:0.1, amplitude:0.3, timemask:4, freqmask:2, mixup:0.2";

/// A length along an axis of the sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Extent {
    /// Pixels, steps, rows or columns.
    Pixels(usize),
    /// Share of the axis, 0..=1.
    Fraction(f64),
}

impl Extent {
    /// In pixels along an axis of the given length: rounded, and never longer than the axis.
    pub fn resolve(self, axis: usize) -> usize {
        match self {
            Self::Pixels(pixels) => pixels.min(axis),
            Self::Fraction(fraction) => ((fraction * axis as f64).round() as usize).min(axis),
        }
    }
}

/// One random transformation. Specs, meanings and sources are listed in the [module's documentation](self).
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Augmentation {
    /// Mirror left-right with probability ½.
    Flip,
    /// Move in both directions, with symmetric padding.
    Shift {
        /// Largest distance, per axis.
        by: Extent,
    },
    /// Turn around the centre.
    Rotate {
        /// Largest angle, either way.
        radians: f64,
        /// Probability of turning at all.
        probability: f64,
    },
    /// Blank a square.
    CutOut {
        /// Length of the sides of the square.
        size: Extent,
    },
    /// Move along time (the first axis).
    TimeShift {
        /// Largest distance, either way.
        by: Extent,
    },
    /// Take one of the sample's [renditions](crate::Split::rendition) instead of the sample, before everything else.
    Background {
        /// Probability of taking one.
        probability: f64,
        /// Largest volume of the noise in them, relative to full scale; they are made when the data are loaded.
        volume: f64,
    },
    /// Add normal noise.
    Noise {
        /// Standard deviation relative to [`ElementType::full_scale`](crate::ElementType::full_scale).
        deviation: f64,
    },
    /// Multiply each channel by a factor of its own.
    Scale {
        /// Largest distance of a factor from 1, either way.
        deviation: f64,
    },
    /// Multiply, by a factor for each channel, how far its values are from the one that normalisation makes 0.
    Amplitude {
        /// Largest distance of a factor from 1, either way.
        deviation: f64,
    },
    /// Blank consecutive time steps (the first axis).
    TimeMask {
        /// Most steps that are blanked together.
        width: Extent,
    },
    /// Blank consecutive frequencies (the second axis).
    FrequencyMask {
        /// Most columns that are blanked together.
        width: Extent,
    },
    /// Blend two samples. It needs labels and is therefore the trainer's; an [`Augmenter`] passes over it.
    MixUp {
        /// Both parameters of the Beta distribution that the share of the second sample is drawn from.
        alpha: f64,
    },
}

/// A text is no augmentation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("augmentation `{text}`: {problem}")]
pub struct ParseAugmentationError {
    text: String,
    problem: String,
}

impl FromStr for Augmentation {
    type Err = ParseAugmentationError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut fields = text.trim().split(':');
        let name = fields.next().unwrap_or_default();
        let arguments: Vec<&str> = fields.collect();
        let parsed = match (name, arguments.as_slice()) {
            ("flip", []) => Ok(Self::Flip),
            ("shift", [by]) => parse_extent(by).map(|by| Self::Shift { by }),
            ("rotate", [radians]) => parse_rotation(radians, "1"),
            ("rotate", [radians, probability]) => parse_rotation(radians, probability),
            ("cutout", [size]) => parse_extent(size).map(|size| Self::CutOut { size }),
            ("timeshift", [by]) => parse_extent(by).map(|by| Self::TimeShift { by }),
            ("background", [probability, volume]) => parse_background(probability, volume),
            ("noise", [deviation]) => {
                parse_number(deviation, "deviation", 1.0).map(|deviation| Self::Noise { deviation })
            }
            ("scale", [deviation]) => {
                parse_number(deviation, "deviation", 1.0).map(|deviation| Self::Scale { deviation })
            }
            ("amplitude", [deviation]) => {
                parse_number(deviation, "deviation", 1.0).map(|deviation| Self::Amplitude { deviation })
            }
            ("timemask", [width]) => parse_extent(width).map(|width| Self::TimeMask { width }),
            ("freqmask", [width]) => parse_extent(width).map(|width| Self::FrequencyMask { width }),
            ("mixup", [alpha]) => parse_number(alpha, "parameter", 100.0).map(|alpha| Self::MixUp { alpha }),
            _ => Err(format!("not understood; there are: {KNOWN}")),
        };
        parsed.map_err(|problem| ParseAugmentationError { text: text.to_owned(), problem })
    }
}

fn parse_rotation(radians: &str, probability: &str) -> Result<Augmentation, String> {
    Ok(Augmentation::Rotate {
        radians: parse_number(radians, "angle in radians", std::f64::consts::PI)?,
        probability: parse_number(probability, "probability", 1.0)?,
    })
}

fn parse_background(probability: &str, volume: &str) -> Result<Augmentation, String> {
    Ok(Augmentation::Background {
        probability: parse_number(probability, "probability", 1.0)?,
        volume: parse_number(volume, "volume", 1.0)?,
    })
}

fn parse_extent(text: &str) -> Result<Extent, String> {
    if let Some(percent) = text.strip_suffix('%') {
        return Ok(Extent::Fraction(parse_number(percent, "percentage", 100.0)? / 100.0));
    }
    text.parse()
        .map(Extent::Pixels)
        .map_err(|_| format!("`{text}` is neither a number of pixels nor a percentage"))
}

fn parse_number(text: &str, what: &str, most: f64) -> Result<f64, String> {
    let value: f64 = text.parse().map_err(|_| format!("`{text}` is not a number ({what})"))?;
    if (0.0..=most).contains(&value) {
        Ok(value)
    } else {
        Err(format!("{what} {text} is not within 0 and {most}"))
    }
}

impl fmt::Display for Extent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pixels(pixels) => write!(formatter, "{pixels}"),
            // The product with 100 may be off by an ulp (0.07 * 100); twelve digits are more than anyone writes.
            Self::Fraction(fraction) => write!(formatter, "{}%", (fraction * 1e14).round() / 1e12),
        }
    }
}

impl fmt::Display for Augmentation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flip => formatter.write_str("flip"),
            Self::Shift { by } => write!(formatter, "shift:{by}"),
            Self::Rotate { radians, probability } => write!(formatter, "rotate:{radians}:{probability}"),
            Self::CutOut { size } => write!(formatter, "cutout:{size}"),
            Self::TimeShift { by } => write!(formatter, "timeshift:{by}"),
            Self::Background { probability, volume } => {
                write!(formatter, "background:{probability}:{volume}")
            }
            Self::Noise { deviation } => write!(formatter, "noise:{deviation}"),
            Self::Scale { deviation } => write!(formatter, "scale:{deviation}"),
            Self::Amplitude { deviation } => write!(formatter, "amplitude:{deviation}"),
            Self::TimeMask { width } => write!(formatter, "timemask:{width}"),
            Self::FrequencyMask { width } => write!(formatter, "freqmask:{width}"),
            Self::MixUp { alpha } => write!(formatter, "mixup:{alpha}"),
        }
    }
}

#[cfg(test)]
mod tests;
