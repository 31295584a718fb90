//! Numbers of bytes for people.

/// A number of bytes as a person reads it: `640 B`, `3.04 GB`.
pub(crate) fn in_words(bytes: u64) -> String {
    const UNITS: [(u64, &str); 4] =
        [(1_000_000_000_000, "TB"), (1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "KB")];
    match UNITS.iter().find(|(size, _)| bytes >= *size) {
        Some(&(size, unit)) => {
            let value = bytes as f64 / size as f64;
            let decimals = if value < 10.0 { 2 } else { usize::from(value < 100.0) };
            format!("{value:.decimals$} {unit}")
        }
        None => format!("{bytes} B"),
    }
}

#[cfg(test)]
mod tests {
    use super::in_words;

    #[test]
    fn sizes_have_three_digits() {
        let texts = [999, 1_000, 12_345, 999_499_999, 3_042_000_000].map(in_words);
        assert_eq!(texts, ["999 B", "1.00 KB", "12.3 KB", "999 MB", "3.04 GB"]);
    }
}
