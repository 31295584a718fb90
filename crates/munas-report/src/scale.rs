//! The scale of a plot's axis: which values it spans, where one lies on it, and where the ticks go.

/// Largest ÷ smallest value from which an axis is logarithmic: about an order of magnitude.
const LOG_RATIO: f64 = 8.0;

/// Spacing of an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spacing {
    /// Equal distances are equal differences.
    Linear,
    /// Equal distances are equal ratios; all values are positive.
    Log,
}

/// The span of an axis, ends included.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    spacing: Spacing,
    min: f64,
    max: f64,
    /// Ticks lie at whole numbers only.
    whole: bool,
}

impl Scale {
    /// A linear scale over `[min, max]`; an empty span is widened.
    pub fn linear(min: f64, max: f64) -> Self {
        let max = if max > min { max } else { min + 1.0 };
        Self { spacing: Spacing::Linear, min, max, whole: false }
    }

    /// A linear scale of things that are counted, such as epochs.
    pub fn counting(min: u64, max: u64) -> Self {
        Self { whole: true, ..Self::linear(min as f64, max as f64) }
    }

    /// A scale with some air around `values`, not finite ones left out: logarithmic where they are positive and
    /// span about an order of magnitude or more.
    pub fn around(values: impl IntoIterator<Item = f64>) -> Self {
        let finite = values.into_iter().filter(|value| value.is_finite());
        let (min, max) = finite
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(min, max), value| (min.min(value), max.max(value)));
        if min > max {
            return Self::linear(0.0, 1.0);
        }
        if min > 0.0 && max / min >= LOG_RATIO {
            let air = (max / min).powf(0.04);
            return Self { spacing: Spacing::Log, min: min / air, max: max * air, whole: false };
        }
        let air = if max > min { (max - min) * 0.05 } else { max.abs().max(1.0) * 0.1 };
        // An axis of counts, sizes or errors does not reach below zero.
        let floor = if min >= 0.0 { 0.0 } else { f64::NEG_INFINITY };
        Self::linear((min - air).max(floor), max + air)
    }

    /// The smallest value.
    pub const fn min(&self) -> f64 {
        self.min
    }

    /// The largest value.
    pub const fn max(&self) -> f64 {
        self.max
    }

    /// Where `value` lies: 0 at the smallest, 1 at the largest; outside values are clamped to the ends.
    pub fn fraction(&self, value: f64) -> f64 {
        let fraction = match self.spacing {
            Spacing::Linear => (value - self.min) / (self.max - self.min),
            Spacing::Log => (value.max(self.min) / self.min).ln() / (self.max / self.min).ln(),
        };
        fraction.clamp(0.0, 1.0)
    }

    /// Round values at which to draw ticks, at most about `wanted` of them.
    pub fn ticks(&self, wanted: usize) -> Vec<f64> {
        let ticks = match self.spacing {
            Spacing::Linear => self.linear_ticks(wanted),
            Spacing::Log => self.log_ticks(wanted),
        };
        // A narrow logarithmic span may hold too few of its round values.
        if ticks.len() < 2 { self.linear_ticks(wanted) } else { ticks }
    }

    fn linear_ticks(&self, wanted: usize) -> Vec<f64> {
        let finest = if self.whole { 1.0 } else { 0.0 };
        let rough = f64::max((self.max - self.min) / wanted.max(1) as f64, finest);
        let magnitude = 10f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * magnitude);
        let step = step.into_iter().find(|&step| step >= rough * 0.999).unwrap_or(rough);
        let first = (self.min / step).ceil() as i64;
        let last = (self.max / step + 1e-9).floor() as i64;
        (first..=last).map(|index| index as f64 * step).collect()
    }

    fn log_ticks(&self, wanted: usize) -> Vec<f64> {
        let decades = self.min.log10().floor() as i32..=self.max.log10().ceil() as i32;
        let inside = |digits: &[f64]| -> Vec<f64> {
            let all =
                decades.clone().flat_map(|decade| digits.iter().map(move |digit| digit * 10f64.powi(decade)));
            all.filter(|&tick| tick >= self.min * 0.999 && tick <= self.max * 1.001).collect()
        };
        let candidates = [inside(&[1.0, 2.0, 5.0]), inside(&[1.0, 3.0]), inside(&[1.0])];
        let fits = |ticks: &Vec<f64>| ticks.len() <= wanted;
        candidates.iter().find(|ticks| fits(ticks)).unwrap_or(&candidates[2]).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_positive_spans_are_logarithmic() {
        let scale = Scale::around([100.0, 200_000.0]);
        assert_eq!(scale.spacing, Spacing::Log);
        assert_eq!(scale.ticks(6), [100.0, 1_000.0, 10_000.0, 100_000.0]);
        assert!((scale.fraction(4_472.1) - 0.5).abs() < 1e-3);
    }

    #[test]
    fn narrow_spans_and_spans_with_zero_are_linear() {
        assert_eq!(Scale::around([2.0, 9.0]).spacing, Spacing::Linear);
        let scale = Scale::around([0.0, 500.0]);
        assert_eq!((scale.spacing, scale.min()), (Spacing::Linear, 0.0));
        assert_eq!(scale.ticks(6), [0.0, 100.0, 200.0, 300.0, 400.0, 500.0]);
    }

    #[test]
    fn counts_have_no_ticks_in_between() {
        assert_eq!(Scale::counting(1, 2).ticks(8), [1.0, 2.0]);
        assert_eq!(Scale::counting(0, 200).ticks(6), [0.0, 50.0, 100.0, 150.0, 200.0]);
    }

    #[test]
    fn degenerate_spans_still_have_ticks() {
        for values in [vec![], vec![f64::NAN], vec![0.0], vec![7.0, 7.0], vec![-3.0]] {
            let scale = Scale::around(values.clone());
            assert!(scale.max() > scale.min(), "{values:?}");
            assert!(scale.ticks(6).len() >= 2, "{values:?}: {:?}", scale.ticks(6));
        }
    }

    #[test]
    fn values_outside_stay_on_the_plot() {
        let scale = Scale::around([1.0, 1_000.0]);
        assert_eq!(scale.fraction(0.0), 0.0);
        assert_eq!(scale.fraction(1e9), 1.0);
    }
}
