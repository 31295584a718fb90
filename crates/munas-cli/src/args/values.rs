//! How single values are written on the command line. Sizes, counts and durations are those of experiment files.

use std::str::FromStr;
use std::time::Duration;

use munas_app::architecture::check_classes;
use munas_run::Length;
use munas_run::experiment::quantity;
use munas_train::{Pruning, PruningMode};

/// Bytes: `16KB`, `16KiB`, `16000`.
pub fn bytes(text: &str) -> Result<u64, String> {
    quantity::parse_bytes(text).map_err(|error| error.to_string())
}

/// A count: `1M`, `400k`, `30000`.
pub fn count(text: &str) -> Result<u64, String> {
    quantity::parse_count(text).map_err(|error| error.to_string())
}

/// A duration: `30m`, `1h30m`.
pub fn duration(text: &str) -> Result<Duration, String> {
    quantity::parse_duration(text).map_err(|error| error.to_string())
}

/// Milliseconds: `50ms`, `2.5ms`, `0.1s`; a bare number is milliseconds.
pub fn milliseconds(text: &str) -> Result<f64, String> {
    let (number, factor) = match text.strip_suffix("ms") {
        Some(number) => (number, 1.0),
        None => text.strip_suffix('s').map_or((text, 1.0), |number| (number, 1000.0)),
    };
    let value = number.trim().parse::<f64>().ok().map(|value| value * factor);
    value
        .filter(|value| value.is_finite() && *value > 0.0)
        .ok_or_else(|| "not a latency, such as 50ms".to_owned())
}

/// Millijoules: `0.5mJ`, `500uJ`, `500µJ`, `0.0005J`; a bare number is millijoules.
pub fn millijoules(text: &str) -> Result<f64, String> {
    let units = [("mJ", 1.0), ("uJ", 1e-3), ("µJ", 1e-3), ("J", 1e3)];
    let found = units.into_iter().find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, factor)));
    let (number, factor) = found.unwrap_or((text, 1.0));
    let value = number.trim().parse::<f64>().ok().map(|value| value * factor);
    value
        .filter(|value| value.is_finite() && *value > 0.0)
        .ok_or_else(|| "not an energy, such as 0.5mJ or 500uJ".to_owned())
}

/// A rate per second: `2`, `0.5`, `2/s`, `30/min`, `4/h`; a bare number is per second.
pub fn rate(text: &str) -> Result<f64, String> {
    let (number, unit) = text.split_once('/').unwrap_or((text, "s"));
    let seconds = match unit.trim() {
        "s" => Some(1.0),
        "min" => Some(60.0),
        "h" => Some(3600.0),
        _ => None,
    };
    let value = number.trim().parse::<f64>().ok().zip(seconds).map(|(number, seconds)| number / seconds);
    value
        .filter(|value| value.is_finite() && *value > 0.0)
        .ok_or_else(|| "not a rate, such as 2 (per second), 30/min or 4/h".to_owned())
}

/// A share of samples: `0.1`, `.1`, `10%`.
pub fn error_rate(text: &str) -> Result<f64, String> {
    let value = match text.strip_suffix('%') {
        Some(percent) => percent.trim().parse::<f64>().ok().map(|value| value / 100.0),
        None => text.parse().ok(),
    };
    value
        .filter(|value| *value > 0.0 && *value <= 1.0)
        .ok_or_else(|| "not an error rate above 0 and at most 1, such as 0.1 or 10%".to_owned())
}

/// A share of samples that are classified rightly: `0.95`, `95%`.
pub fn accuracy(text: &str) -> Result<f64, String> {
    let (number, whole) = text.strip_suffix('%').map_or((text, 1.0), |number| (number.trim(), 100.0));
    let value = number.parse::<f64>().ok();
    value
        .map(|value| value / whole)
        .filter(|value| (0.0..=1.0).contains(value))
        .ok_or_else(|| "not an accuracy from 0 to 1, such as 0.95 or 95%".to_owned())
}

/// How many times as long a training is as in the search: `10`, `7.5`.
pub fn longer(text: &str) -> Result<Length, String> {
    let factor = text.parse().map_err(|_| "not a factor, such as 10 or 7.5".to_owned())?;
    Length::times(factor).map_err(|error| error.to_string())
}

/// Number of classes: at least 2.
pub fn classes(text: &str) -> Result<usize, String> {
    text.parse().map_err(|_| "not a whole number of classes".to_owned()).and_then(check_classes)
}

/// How one network is pruned while it is trained: `structured:0.5`, or with epochs `structured:0.5:3:18`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PruningSpec {
    mode: PruningMode,
    sparsity: f64,
    /// Start and finish.
    epochs: Option<(u32, u32)>,
}

impl PruningSpec {
    /// The pruning of a training of so many epochs.
    pub fn over(self, epochs: u32) -> Pruning {
        let (start, finish) =
            self.epochs.unwrap_or_else(|| ((epochs / 10).max(1), (epochs * 6).div_ceil(10)));
        Pruning { mode: self.mode, sparsity: self.sparsity, start, finish }
    }
}

impl FromStr for PruningSpec {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts: Vec<&str> = text.split(':').collect();
        let (mode, sparsity, epochs) = match parts[..] {
            [mode, sparsity] => (mode, sparsity, None),
            [mode, sparsity, start, finish] => {
                let epoch = |text: &str| text.parse::<u32>().map_err(|_| format!("{text} is no epoch"));
                (mode, sparsity, Some((epoch(start)?, epoch(finish)?)))
            }
            _ => return Err("not of the form MODE:SHARE or MODE:SHARE:START:FINISH".to_owned()),
        };
        let mode = PruningMode::from_name(mode)
            .ok_or_else(|| format!("{mode} is neither structured nor unstructured"))?;
        let sparsity = sparsity.parse().ok().filter(|share| (0.0..1.0).contains(share));
        let sparsity = sparsity.ok_or("the share must be at least 0 and below 1")?;
        Ok(Self { mode, sparsity, epochs })
    }
}

#[cfg(test)]
mod tests {
    use munas_app::architecture::InputDims;

    use super::*;

    #[test]
    fn sizes_are_decimal_unless_binary_is_said() {
        assert_eq!(bytes("16KB"), Ok(16_000));
        assert_eq!(bytes("16KiB"), Ok(16_384));
        assert_eq!(count("1M"), Ok(1_000_000));
        assert!(count("1MB").is_err());
    }

    #[test]
    fn latencies_are_milliseconds_or_carry_their_unit() {
        for (text, expected) in [("50ms", 50.0), ("2.5", 2.5), ("0.1s", 100.0)] {
            assert_eq!(milliseconds(text), Ok(expected), "{text}");
        }
        for text in ["", "ms", "-1ms", "0", "inf", "5us"] {
            assert!(milliseconds(text).is_err(), "{text}");
        }
    }

    #[test]
    fn rates_are_per_second_or_carry_their_unit() {
        for (text, expected) in [("2", 2.0), ("0.5/s", 0.5), ("30/min", 0.5), ("1.8 / h", 0.0005)] {
            assert_eq!(rate(text), Ok(expected), "{text}");
        }
        for text in ["", "/s", "0", "-1/s", "inf", "5/d", "1/2/s"] {
            assert!(rate(text).is_err(), "{text}");
        }
    }

    #[test]
    fn energies_are_millijoules_or_carry_their_unit() {
        for (text, expected) in
            [("0.5mJ", 0.5), ("2.5", 2.5), ("500 uJ", 0.5), ("2µJ", 0.002), ("0.25J", 250.0)]
        {
            assert_eq!(millijoules(text), Ok(expected), "{text}");
        }
        for text in ["", "mJ", "-1mJ", "0", "inf", "5kJ"] {
            assert!(millijoules(text).is_err(), "{text}");
        }
    }

    #[test]
    fn error_rates_are_shares_or_percentages() {
        for (text, expected) in [(".1", 0.1), ("10%", 0.1), ("1", 1.0)] {
            assert_eq!(error_rate(text), Ok(expected), "{text}");
        }
        for text in ["0", "1.5", "150%", "nan", "-0.1", ""] {
            assert!(error_rate(text).is_err(), "{text}");
        }
    }

    #[test]
    fn input_dimensions_are_checked() {
        assert_eq!("28x30x1".parse(), Ok(InputDims { height: 28, width: 30, channels: 1 }));
        for (text, problem) in [
            ("28x28", "not of the form"),
            ("28x28x1x1", "not of the form"),
            ("28x-1x1", "not of the form"),
            ("0x28x1", "at least 1"),
            ("1000000x1x1", "too large"),
            ("60000x60000x1", "too many"),
            ("99999999999999999999x1x1", "not of the form"),
        ] {
            let error = text.parse::<InputDims>().unwrap_err();
            assert!(error.contains(problem), "{text}: {error}");
        }
    }

    #[test]
    fn pruning_names_mode_share_and_epochs() {
        let over_ten = |text: &str| text.parse::<PruningSpec>().map(|spec| spec.over(10));
        let structured = Pruning { mode: PruningMode::Structured, sparsity: 0.5, start: 1, finish: 6 };
        assert_eq!(over_ten("structured:0.5"), Ok(structured));
        let unstructured = Pruning { mode: PruningMode::Unstructured, start: 3, finish: 8, ..structured };
        assert_eq!(over_ten("unstructured:0.5:3:8"), Ok(unstructured));
        for text in ["", "structured", "blocks:0.5", "structured:1", "structured:0.5:3", "structured:0.5:a:8"]
        {
            assert!(over_ten(text).is_err(), "{text}");
        }
    }

    #[test]
    fn one_class_is_not_a_task() {
        assert_eq!(classes("2"), Ok(2));
        for text in ["0", "1", "-3", "ten", "99999999"] {
            assert!(classes(text).is_err(), "{text}");
        }
    }
}
