//! Figures as people read them: three significant digits with a unit. Sizes are decimal (1 KB = 1,000 bytes).

/// Bytes: `812 B`, `15.4 KB`, `1.05 MB`.
pub fn bytes(bytes: u64) -> String {
    scaled(bytes as f64, ["B", "KB", "MB", "GB"])
}

/// A plain number: `812`, `384 K`, `4.4 M`.
pub fn count(count: u64) -> String {
    scaled(count as f64, ["", "K", "M", "G"])
}

/// Energy: `1.25 mJ`, `35.1 µJ`.
pub fn millijoules(millijoules: f64) -> String {
    if millijoules < 0.1 { format!("{:.1} µJ", millijoules * 1e3) } else { format!("{millijoules:.2} mJ") }
}

/// A fraction as a percentage: `3.21 %`.
pub fn percent(fraction: f64) -> String {
    format!("{:.2} %", fraction * 100.0)
}

/// The error of the epoch that is kept, and that of the last one where it is another.
pub fn percent_and_last(kept: f64, last: f64) -> String {
    if kept == last {
        percent(kept)
    } else {
        format!("{} (after the last epoch {})", percent(kept), percent(last))
    }
}

/// A fraction as a percentage with its standard error, where that is known: `3.21 ± 0.40 %`.
pub fn percent_with(fraction: f64, stderr: Option<f64>) -> String {
    match stderr {
        Some(stderr) => format!("{:.2} ± {:.2} %", fraction * 100.0, stderr * 100.0),
        None => percent(fraction),
    }
}

/// The same, or a dash where there is no figure.
pub fn percent_with_or_dash(fraction: Option<f64>, stderr: Option<f64>) -> String {
    fraction.map_or_else(|| percent_or_dash(None), |fraction| percent_with(fraction, stderr))
}

/// A percentage, or a dash where there is no figure.
pub fn percent_or_dash(fraction: Option<f64>) -> String {
    fraction.map_or_else(|| "–".to_owned(), percent)
}

/// Bytes at a round value: `500 B`, `2 KB`.
pub fn bytes_tick(value: f64) -> String {
    without_zeros(&bytes(value as u64))
}

/// A count at a round value: `200 K`.
pub fn count_tick(value: f64) -> String {
    without_zeros(&count(value as u64))
}

/// A fraction at a round value: `5 %`, `0.5 %`.
pub fn percent_tick(fraction: f64) -> String {
    // The products of ticks and 100 have rounding errors far below this.
    format!("{} %", (fraction * 1e6).round() / 1e4)
}

/// `2.00 KB` as `2 KB`.
fn without_zeros(text: &str) -> String {
    let (number, unit) = text.split_once(' ').unwrap_or((text, ""));
    let number =
        if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.') } else { number };
    format!("{number} {unit}").trim_end().to_owned()
}

/// A span of time: `0.8 s`, `42 s`, `3 min 05 s`, `2 h 04 min`.
pub fn duration(seconds: f64) -> String {
    if seconds < 9.95 {
        return format!("{:.1} s", seconds.max(0.0));
    }
    let seconds = seconds.round() as u64;
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes} min {seconds:02} s"),
        (hours, minutes, _) => format!("{hours} h {minutes:02} min"),
    }
}

/// `value` with three significant digits and the first unit in which it is below a thousand.
fn scaled(value: f64, units: [&str; 4]) -> String {
    let mut value = value;
    let mut index = 0;
    // 999.5 and more would be printed as 1000.
    while value >= 999.5 && index + 1 < units.len() {
        value /= 1000.0;
        index += 1;
    }
    let digits = match value {
        _ if index == 0 => 0,
        value if value < 9.995 => 2,
        value if value < 99.95 => 1,
        _ => 0,
    };
    format!("{value:.digits$} {}", units[index]).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_three_digits_and_a_decimal_unit() {
        let cases: [(u64, &str); 8] = [
            (0, "0 B"),
            (812, "812 B"),
            (999, "999 B"),
            (1000, "1.00 KB"),
            (15_360, "15.4 KB"),
            (999_499, "999 KB"),
            (999_500, "1.00 MB"),
            (1_048_576, "1.05 MB"),
        ];
        for (value, text) in cases {
            assert_eq!(bytes(value), text);
        }
        assert_eq!(count(384_100), "384 K");
        assert_eq!(count(12), "12");
    }

    #[test]
    fn ticks_have_no_superfluous_digits() {
        assert_eq!([2_000.0, 2_500.0, 100.0, 30_000.0].map(bytes_tick), ["2 KB", "2.5 KB", "100 B", "30 KB"]);
        assert_eq!([1_000_000.0, 50.0].map(count_tick), ["1 M", "50"]);
        assert_eq!([0.05, 0.1 + 0.2, 0.005].map(percent_tick), ["5 %", "30 %", "0.5 %"]);
    }

    #[test]
    fn durations_change_their_unit() {
        let cases =
            [(0.04, "0.0 s"), (9.9, "9.9 s"), (9.96, "10 s"), (65.4, "1 min 05 s"), (7_300.0, "2 h 01 min")];
        for (seconds, text) in cases {
            assert_eq!(duration(seconds), text);
        }
    }
}
