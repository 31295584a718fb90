//! What the front-end computes once: window, mel filters, DCT.

use std::f64::consts::PI;

/// The periodic Hann window of `len` points, `tf.signal.hann_window`.
pub(super) fn hann(len: usize) -> Vec<f64> {
    (0..len).map(|index| 0.5 - 0.5 * (2.0 * PI * index as f64 / len as f64).cos()).collect()
}

/// The HTK mel scale.
fn mel(hertz: f64) -> f64 {
    1127.0 * (hertz / 700.0).ln_1p()
}

/// A triangular filter: the weights of consecutive bins of the spectrum.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct MelFilter {
    /// The first bin with a weight.
    pub first: usize,
    /// Weights from there on.
    pub weights: Vec<f64>,
}

impl MelFilter {
    /// The weighted sum of a spectrum.
    pub fn apply(&self, spectrum: &[f64]) -> f64 {
        self.weights.iter().zip(&spectrum[self.first..]).map(|(weight, value)| weight * value).sum()
    }
}

/// The filters of `tf.signal.linear_to_mel_weight_matrix`: `count` triangles of height 1, linear in mel, whose corners are
/// equally spaced in mel between the edges of `band`. `bins` is the number of bins of the spectrum, up to half of the rate.
pub(super) fn mel_filters(count: usize, bins: usize, rate: u32, band: [f64; 2]) -> Vec<MelFilter> {
    let [low, high] = band.map(mel);
    let spacing = (high - low) / (count + 1) as f64;
    let bin_width = f64::from(rate) / 2.0 / (bins - 1) as f64;
    let filter = |index: usize| {
        let [left, centre, right] = [0, 1, 2].map(|corner| low + spacing * (index + corner) as f64);
        let weight = |bin: usize| {
            // The constant component belongs to no filter.
            let at = if bin == 0 { return 0.0 } else { mel(bin as f64 * bin_width) };
            ((at - left) / (centre - left)).min((right - at) / (right - centre)).max(0.0)
        };
        let weights: Vec<f64> = (0..bins).map(weight).collect();
        let first = weights.iter().position(|&weight| weight > 0.0).unwrap_or(0);
        let end = weights.iter().rposition(|&weight| weight > 0.0).map_or(first, |last| last + 1);
        MelFilter { first, weights: weights[first..end].to_vec() }
    };
    (0..count).map(filter).collect()
}

/// The first `coefficients` rows of the DCT-II over `bins` values, each with the factor √(2/bins).
pub(super) fn dct(coefficients: usize, bins: usize) -> Vec<Vec<f64>> {
    let factor = (2.0 / bins as f64).sqrt();
    let row = |coefficient: usize| {
        let angle = |bin: usize| PI * coefficient as f64 * (2 * bin + 1) as f64 / (2 * bins) as f64;
        (0..bins).map(|bin| factor * angle(bin).cos()).collect()
    };
    (0..coefficients).map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_periodic_window_starts_at_zero_and_peaks_in_the_middle() {
        let window = hann(8);
        assert_eq!((window[0], window[4]), (0.0, 1.0));
        assert!((window[1] - window[7]).abs() < 1e-15);
    }

    #[test]
    fn inside_the_band_neighbouring_filters_add_up_to_one() {
        let filters = mel_filters(10, 257, 16_000, [20.0, 4000.0]);
        let corner = |index: usize| {
            let at = mel(20.0) + (mel(4000.0) - mel(20.0)) / 11.0 * index as f64;
            700.0 * ((at / 1127.0).exp() - 1.0)
        };
        let bin_width = 8000.0 / 256.0;
        for bin in (corner(1) / bin_width).ceil() as usize..=(corner(10) / bin_width) as usize {
            let mut spectrum = vec![0.0; 257];
            spectrum[bin] = 1.0;
            let sum: f64 = filters.iter().map(|filter| filter.apply(&spectrum)).sum();
            assert!((sum - 1.0).abs() < 1e-12, "bin {bin}: {sum}");
        }
    }

    #[test]
    fn a_filter_between_two_bins_is_empty() {
        let filters = mel_filters(40, 33, 16_000, [20.0, 4000.0]);
        assert!(filters.iter().any(|filter| filter.weights.is_empty()));
        assert!(filters.iter().all(|filter| filter.apply(&[1.0; 33]) >= 0.0));
    }

    #[test]
    fn the_rows_of_the_dct_are_orthogonal() {
        let rows = dct(40, 40);
        for (index, row) in rows.iter().enumerate() {
            for (other_index, other) in rows.iter().enumerate() {
                let product: f64 = row.iter().zip(other).map(|(a, b)| a * b).sum();
                // The first row, a constant, is longer by √2 than in the orthonormal form.
                let expected = f64::from(u8::from(index == other_index)) * if index == 0 { 2.0 } else { 1.0 };
                assert!((product - expected).abs() < 1e-12, "rows {index} and {other_index}");
            }
        }
    }
}
