//! What an error at a rung says of the error after a full training.
//!
//! | symbol | meaning |
//! |---|---|
//! | rung | the epochs after which a trial may rest, ascending; the last one is the full training |
//! | curve | for one trial, the logarithm of its error at each rung, where it has been there |
//! | offset | what is to be added to a logarithm at a rung for an estimate of the one at the last rung |
//!
//! The offset of a rung is the median over the trials that were seen at both. Where there are none, the step to the next rung is
//! taken, and the offset from there.

/// The deviation of an offset as long as nothing is known of it, one for each rung that it leads over.
const UNKNOWN_DEVIATION: f64 = 0.3;
/// The trials that [`UNKNOWN_DEVIATION`] counts as, beside those that were seen: few of them lie close to their own median by chance.
const UNKNOWN_TRIALS: f64 = 4.0;
/// The standard deviation of a normal distribution over its median absolute deviation.
const OF_MEDIAN: f64 = 1.4826;

/// From a rung to the last one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::algorithms) struct Offset {
    /// Of the logarithm of the error.
    pub median: f64,
    /// Standard deviation of single trials about it.
    pub deviation: f64,
}

/// One for each rung; that of the last is 0.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::algorithms) struct Offsets(Vec<Offset>);

impl Offsets {
    /// From the curves of all trials, each with a place for every one of `rungs` rungs.
    ///
    /// # Panics
    /// If there are no rungs.
    pub fn new<C: AsRef<[Option<f64>]>>(curves: &[C], rungs: usize) -> Self {
        let last = rungs.checked_sub(1).expect("a full training ends at a rung");
        let mut offsets = vec![Offset { median: 0.0, deviation: 0.0 }; rungs];
        for rung in (0..last).rev() {
            offsets[rung] = Self::between(curves, rung, last).unwrap_or_else(|| {
                let next = offsets[rung + 1];
                let step = Self::between(curves, rung, rung + 1)
                    .unwrap_or(Offset { median: 0.0, deviation: UNKNOWN_DEVIATION });
                Offset { median: step.median + next.median, deviation: step.deviation.hypot(next.deviation) }
            });
        }
        Self(offsets)
    }

    /// From one rung to a later one; `None` if no trial was seen at both.
    fn between<C: AsRef<[Option<f64>]>>(curves: &[C], from: usize, to: usize) -> Option<Offset> {
        let offset = |curve: &C| Some(curve.as_ref()[to]? - curve.as_ref()[from]?);
        let mut seen: Vec<f64> = curves.iter().filter_map(offset).collect();
        if seen.is_empty() {
            return None;
        }
        let middle = median(&mut seen);
        let mut apart: Vec<f64> = seen.iter().map(|offset| (offset - middle).abs()).collect();
        let spread = OF_MEDIAN * median(&mut apart);
        let unknown = UNKNOWN_DEVIATION.powi(2) * (to - from) as f64;
        let count = seen.len() as f64;
        let variance = (count * spread.powi(2) + UNKNOWN_TRIALS * unknown) / (count + UNKNOWN_TRIALS);
        Some(Offset { median: middle, deviation: variance.sqrt() })
    }

    /// The offset of a rung.
    pub fn of(&self, rung: usize) -> Offset {
        self.0[rung]
    }

    /// The logarithm of the error after a full training, by the last rung that a trial has been at; with a deviation of 0 where that is
    /// the last rung. `None` for a trial without results.
    pub fn estimate(&self, curve: &[Option<f64>]) -> Option<Offset> {
        let (rung, seen) = curve.iter().enumerate().rev().find_map(|(rung, seen)| Some((rung, (*seen)?)))?;
        let Offset { median, deviation } = self.of(rung);
        Some(Offset { median: seen + median, deviation })
    }
}

/// The median of at least one value; of an even number the mean of the two in the middle.
fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    let half = values.len() / 2;
    if values.len() % 2 == 1 { values[half] } else { f64::midpoint(values[half - 1], values[half]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn medians(curves: &[[Option<f64>; 3]]) -> [f64; 2] {
        let offsets = Offsets::new(curves, 3);
        assert_eq!(offsets.of(2), Offset { median: 0.0, deviation: 0.0 });
        [offsets.of(0).median, offsets.of(1).median]
    }

    #[test]
    fn trials_at_both_ends_are_what_counts() {
        let whole = |first, end| [Some(first), Some(-1.0), Some(end)];
        // A paused trial that improved a lot says nothing of the last rung.
        let curves = [whole(-0.5, -1.2), whole(-0.4, -1.3), whole(-0.1, -1.1), [Some(0.0), Some(-5.0), None]];
        let [first, second] = medians(&curves);
        assert!((first - -0.9).abs() < 1e-12 && (second - -0.2).abs() < 1e-12, "{first}, {second}");
    }

    #[test]
    fn steps_are_chained_where_nobody_went_all_the_way() {
        let curves = [[Some(-0.5), Some(-0.8), None], [None, Some(-1.0), Some(-1.4)]];
        let [first, second] = medians(&curves);
        assert!((first - -0.7).abs() < 1e-12 && (second - -0.4).abs() < 1e-12, "{first}, {second}");
    }

    #[test]
    fn what_nobody_knows_is_0_with_a_wide_spread() {
        let none: [[Option<f64>; 3]; 0] = [];
        let offsets = Offsets::new(&none, 3);
        assert_eq!((offsets.of(0).median, offsets.of(1).median), (0.0, 0.0));
        assert!(offsets.of(0).deviation > offsets.of(1).deviation && offsets.of(1).deviation > 0.2);
        // One step is known, the other is not.
        assert!((medians(&[[Some(-0.5), Some(-0.8), None]])[0] - -0.3).abs() < 1e-12);
    }

    #[test]
    fn the_spread_becomes_that_of_the_trials() {
        let curve = |i: u32| [Some(0.0), Some(-1.0 - 0.01 * f64::from(i % 5))];
        let deviation =
            |count: u32| Offsets::new(&(0..count).map(curve).collect::<Vec<_>>(), 2).of(0).deviation;
        assert!(deviation(1) > 0.2 && deviation(20) < deviation(5));
        assert!((deviation(10_000) - 0.01 * OF_MEDIAN).abs() < 0.003, "{}", deviation(10_000));
    }

    #[test]
    fn an_estimate_starts_from_the_last_rung_seen() {
        let curves = [[Some(-0.5), Some(-0.8), Some(-1.0)]];
        let offsets = Offsets::new(&curves, 3);
        let paused = offsets.estimate(&[Some(-0.4), Some(-0.6), None]).unwrap();
        assert!((paused.median - -0.8).abs() < 1e-12 && paused.deviation > 0.0);
        assert_eq!(offsets.estimate(&curves[0]), Some(Offset { median: -1.0, deviation: 0.0 }));
        assert_eq!(offsets.estimate(&[None; 3]), None);
    }

    #[test]
    fn a_single_rung_needs_no_offset() {
        let offsets = Offsets::new(&[[Some(-1.0)]], 1);
        assert_eq!(offsets.estimate(&[Some(-1.0)]), Some(Offset { median: -1.0, deviation: 0.0 }));
    }
}
