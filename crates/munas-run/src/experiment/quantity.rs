//! Sizes, counts and durations as people write them.
//!
//! | quantity | written | meaning |
//! |---|---|---|
//! | bytes | `64000`, `"64KB"`, `"16KiB"`, `"1.5MB"` | K, M, G are powers of 1,000; Ki, Mi, Gi powers of 1,024 |
//! | count (MACs) | `30000000`, `"30M"`, `"400k"` | powers of 1,000 |
//! | duration | `"30m"`, `"1h30m"`, `"45s"`, `"250ms"` | one or more numbers with ms, s, m, h or d, largest first |

use std::time::Duration;

/// A text is not a quantity of the kind asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {expected}")]
pub struct QuantityError {
    text: String,
    expected: &'static str,
}

const BYTES: &str = "a size in bytes, such as 64000, 64KB (64,000) or 64KiB (65,536)";
const COUNT: &str = "a count, such as 30000000, 30M or 400k";
const DURATION: &str = "a duration, such as 45s, 30m or 1h30m";

/// Units of a duration with their milliseconds, largest first.
const TIME_UNITS: [(&str, u64); 5] =
    [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// Bytes from a text such as `64000`, `64KB` or `16KiB`.
///
/// # Errors
/// If the text is no such size, or not a whole number of bytes.
pub fn parse_bytes(text: &str) -> Result<u64, QuantityError> {
    let (number, unit) = split_unit(text);
    let multiple = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => Some(1),
        "k" | "kb" => Some(1_000),
        "m" | "mb" => Some(1_000_000),
        "g" | "gb" => Some(1_000_000_000),
        "kib" => Some(1 << 10),
        "mib" => Some(1 << 20),
        "gib" => Some(1 << 30),
        _ => None,
    };
    multiple.and_then(|multiple| scaled(number, multiple)).ok_or_else(|| error(text, BYTES))
}

/// A count from a text such as `30000000`, `30M` or `400k`.
///
/// # Errors
/// If the text is no such count, or not a whole number.
pub fn parse_count(text: &str) -> Result<u64, QuantityError> {
    let (number, unit) = split_unit(text);
    let multiple = match unit.to_ascii_lowercase().as_str() {
        "" => Some(1),
        "k" => Some(1_000),
        "m" => Some(1_000_000),
        "g" => Some(1_000_000_000),
        _ => None,
    };
    multiple.and_then(|multiple| scaled(number, multiple)).ok_or_else(|| error(text, COUNT))
}

/// A duration from a text such as `30m` or `1h30m`; never zero.
///
/// # Errors
/// If the text is no such duration.
pub fn parse_duration(text: &str) -> Result<Duration, QuantityError> {
    let invalid = || error(text, DURATION);
    let mut rest = text.trim();
    let mut total: u64 = 0;
    let mut units = TIME_UNITS.iter();
    while !rest.is_empty() {
        let (number, after) = split_unit(rest);
        let letters = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        let (unit, next) = after.split_at(letters);
        // Advancing one iterator makes every unit smaller than the one before.
        let milliseconds =
            units.find(|(name, _)| *name == unit).and_then(|&(_, multiple)| scaled(number, multiple));
        total = milliseconds.and_then(|part| total.checked_add(part)).ok_or_else(invalid)?;
        rest = next;
    }
    if total == 0 { Err(invalid()) } else { Ok(Duration::from_millis(total)) }
}

/// The text that [`parse_duration`] reads back; whole milliseconds.
pub fn format_duration(duration: Duration) -> String {
    let mut rest = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let mut text = String::new();
    for (unit, multiple) in TIME_UNITS {
        if rest >= multiple {
            text.push_str(&format!("{}{unit}", rest / multiple));
            rest %= multiple;
        }
    }
    text
}

fn error(text: &str, expected: &'static str) -> QuantityError {
    QuantityError { text: text.to_owned(), expected }
}

/// The leading number and what follows it.
fn split_unit(text: &str) -> (&str, &str) {
    let text = text.trim();
    let end = text.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '_')).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    (number, unit.trim_start())
}

/// `number` × `multiple`, if the number is decimal and the product a whole number.
fn scaled(number: &str, multiple: u64) -> Option<u64> {
    let number = number.replace('_', "");
    let (whole, fraction) = number.split_once('.').unwrap_or((&number, ""));
    let whole: u64 = whole.parse().ok()?;
    let scale = 10_u64.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let fraction: u64 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
    let rest = fraction.checked_mul(multiple)?;
    if rest % scale != 0 {
        return None;
    }
    whole.checked_mul(multiple)?.checked_add(rest / scale)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn bytes_are_decimal_with_kb_and_binary_with_kib() {
        for (text, bytes) in [
            ("64000", 64_000),
            ("64KB", 64_000),
            ("64 kb", 64_000),
            ("16KiB", 16_384),
            ("1.5MB", 1_500_000),
            ("0.5KiB", 512),
            ("64_000", 64_000),
            ("2G", 2_000_000_000),
        ] {
            assert_eq!(parse_bytes(text), Ok(bytes), "{text}");
        }
        for text in ["", "KB", "-1", "1.0001KB", "12XB", "1e3", "99999999999999999999", "1.5", "1.2.3"] {
            assert!(parse_bytes(text).is_err(), "{text}");
        }
    }

    #[test]
    fn counts_have_no_bytes() {
        assert_eq!(parse_count("30M"), Ok(30_000_000));
        assert_eq!(parse_count("400k"), Ok(400_000));
        assert!(parse_count("30MB").is_err());
        assert!(parse_count("30MiB").is_err());
    }

    #[test]
    fn durations_go_from_large_to_small_units() {
        assert_eq!(parse_duration("30m"), Ok(Duration::from_secs(1800)));
        assert_eq!(parse_duration("1h30m"), Ok(Duration::from_secs(5400)));
        assert_eq!(parse_duration("1.5s"), Ok(Duration::from_millis(1500)));
        assert_eq!(parse_duration("250ms"), Ok(Duration::from_millis(250)));
        for text in ["", "30", "m", "0s", "30m1h", "1m1m", "5 parsecs", "1h 30"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_formatted_duration_reads_back(milliseconds in 1_u64..400_000_000_000) {
            let duration = Duration::from_millis(milliseconds);
            prop_assert_eq!(parse_duration(&format_duration(duration)), Ok(duration));
        }

        #[test]
        fn no_text_panics(text in "\\PC*") {
            let _ = (parse_bytes(&text), parse_count(&text), parse_duration(&text));
        }
    }
}
