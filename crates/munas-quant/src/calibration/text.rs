//! Names of calibrations, as experiment files have them: `min-max`, `moving-average:0.9`, `percentile:99.99`, `mse`.

use std::fmt;
use std::str::FromStr;

use super::Calibration;

/// Samples of a batch of the moving average.
const BATCH: usize = 32;

/// The text names no calibration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown calibration `{0}`; there are: min-max, moving-average:MOMENTUM (from 0 to below 1), percentile:P (above 50, up to \
     100), mse"
)]
pub struct UnknownCalibration(String);

impl fmt::Display for Calibration {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MinMax => formatter.write_str("min-max"),
            Self::MovingAverage { momentum, .. } => write!(formatter, "moving-average:{momentum}"),
            Self::Percentile(percentile) => write!(formatter, "percentile:{percentile}"),
            Self::Mse => formatter.write_str("mse"),
        }
    }
}

impl FromStr for Calibration {
    type Err = UnknownCalibration;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, number) = match text.split_once(':') {
            Some((name, number)) => (name, Some(number)),
            None => (text, None),
        };
        let number = number.map(str::parse::<f32>).transpose().ok();
        let calibration = match (name, number) {
            ("min-max", Some(None)) => Some(Self::MinMax),
            ("mse", Some(None)) => Some(Self::Mse),
            ("moving-average", Some(Some(momentum))) if (0.0..1.0).contains(&momentum) => {
                Some(Self::MovingAverage { momentum, batch: BATCH })
            }
            ("percentile", Some(Some(percentile))) if percentile > 50.0 && percentile <= 100.0 => {
                Some(Self::Percentile(percentile))
            }
            _ => None,
        };
        calibration.ok_or_else(|| UnknownCalibration(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        for text in ["min-max", "moving-average:0.9", "percentile:99.99", "mse"] {
            assert_eq!(
                text.parse::<Calibration>().map(|calibration| calibration.to_string()),
                Ok(text.into())
            );
        }
        for text in
            ["", "minmax", "mse:1", "percentile", "percentile:50", "moving-average:1", "percentile:NaN"]
        {
            assert!(text.parse::<Calibration>().is_err(), "{text}");
        }
    }
}
