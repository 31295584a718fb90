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

/// One for each rung; that of the last is 0. Curves may change until they are settled, which brings the offsets up to date.
#[derive(Clone, Debug)]
pub(in crate::algorithms) struct Offsets {
    settled: Vec<Offset>,
    is_settled: bool,
    /// For each rung but the last, the differences of the trials that were seen there and at the last one.
    whole: Vec<Sorted>,
    /// The same to the next rung, where that is not the last.
    steps: Vec<Sorted>,
}

impl Offsets {
    /// Without any curve, for so many rungs.
    ///
    /// # Panics
    /// If there are no rungs.
    pub fn new(rungs: usize) -> Self {
        let below = rungs.checked_sub(1).expect("a full training ends at a rung");
        Self {
            settled: vec![Offset { median: 0.0, deviation: 0.0 }; rungs],
            is_settled: false,
            whole: vec![Sorted::default(); below],
            steps: vec![Sorted::default(); below],
        }
    }

    /// Changes the curve of a trial at a rung; a new curve has no values.
    pub fn set(&mut self, curve: &mut [Option<f64>], rung: usize, value: Option<f64>) {
        self.note(curve, rung, Sorted::remove);
        curve[rung] = value;
        self.note(curve, rung, Sorted::insert);
    }

    /// Tells all differences of a curve that involve a rung.
    fn note(&mut self, curve: &[Option<f64>], rung: usize, note: impl Fn(&mut Sorted, f64)) {
        let last = self.whole.len();
        for from in 0..last {
            let difference = |to: usize| Some(curve[to]? - curve[from]?);
            if [from, last].contains(&rung)
                && let Some(whole) = difference(last)
            {
                note(&mut self.whole[from], whole);
                self.is_settled = false;
            }
            if [from, from + 1].contains(&rung)
                && from + 1 < last
                && let Some(step) = difference(from + 1)
            {
                note(&mut self.steps[from], step);
                self.is_settled &= !self.whole[from].is_empty();
            }
        }
    }

    /// Brings the offsets up to date.
    pub fn settle(&mut self) {
        if self.is_settled {
            return;
        }
        let last = self.whole.len();
        for rung in (0..last).rev() {
            self.settled[rung] = Offset::of(&mut self.whole[rung], last - rung).unwrap_or_else(|| {
                let next = self.settled[rung + 1];
                let step = Offset::of(&mut self.steps[rung], 1)
                    .unwrap_or(Offset { median: 0.0, deviation: UNKNOWN_DEVIATION });
                Offset { median: step.median + next.median, deviation: step.deviation.hypot(next.deviation) }
            });
        }
        self.is_settled = true;
    }

    /// The offset of a rung.
    pub fn of(&self, rung: usize) -> Offset {
        self.settled[rung]
    }

    /// The logarithm of the error after a full training, by the last rung that a trial has been at; with a deviation of 0 where that is
    /// the last rung. `None` for a trial without results.
    pub fn estimate(&self, curve: &[Option<f64>]) -> Option<Offset> {
        let (rung, seen) = curve.iter().enumerate().rev().find_map(|(rung, seen)| Some((rung, (*seen)?)))?;
        let Offset { median, deviation } = self.of(rung);
        Some(Offset { median: seen + median, deviation })
    }
}

impl Offset {
    /// That of trials with these differences over so many rungs; `None` if there are none.
    fn of(seen: &mut Sorted, rungs: usize) -> Option<Self> {
        let seen = seen.values();
        if seen.is_empty() {
            return None;
        }
        let middle = median(seen);
        let mut apart: Vec<f64> = seen.iter().map(|offset| (offset - middle).abs()).collect();
        apart.sort_by(f64::total_cmp);
        let spread = OF_MEDIAN * median(&apart);
        let unknown = UNKNOWN_DEVIATION.powi(2) * rungs as f64;
        let count = seen.len() as f64;
        let variance = (count * spread.powi(2) + UNKNOWN_TRIALS * unknown) / (count + UNKNOWN_TRIALS);
        Some(Self { median: middle, deviation: variance.sqrt() })
    }
}

/// Values that come and go, and are asked for in ascending order.
#[derive(Clone, Debug, Default)]
struct Sorted {
    values: Vec<f64>,
    /// Those behind the first so many are not sorted yet.
    sorted: usize,
}

impl Sorted {
    fn insert(&mut self, value: f64) {
        self.values.push(value);
    }

    /// Takes out a value that was put in.
    fn remove(&mut self, value: f64) {
        let place = self.values().binary_search_by(|one| one.total_cmp(&value));
        self.values.remove(place.expect("what is taken out was put in"));
        self.sorted -= 1;
    }

    fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    fn values(&mut self) -> &[f64] {
        if self.sorted < self.values.len() {
            // Few come behind many that are in order, which takes the time of one pass.
            self.values.sort_by(f64::total_cmp);
            self.sorted = self.values.len();
        }
        &self.values
    }
}

/// The median of at least one value in ascending order; of an even number the mean of the two in the middle.
fn median(values: &[f64]) -> f64 {
    let half = values.len() / 2;
    if values.len() % 2 == 1 { values[half] } else { f64::midpoint(values[half - 1], values[half]) }
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;
    use crate::testing::generator;

    fn offsets<const RUNGS: usize>(curves: &[[Option<f64>; RUNGS]]) -> Offsets {
        let mut offsets = Offsets::new(RUNGS);
        for curve in curves {
            let mut known = [None; RUNGS];
            (0..RUNGS).for_each(|rung| offsets.set(&mut known, rung, curve[rung]));
        }
        offsets.settle();
        offsets
    }

    fn medians(curves: &[[Option<f64>; 3]]) -> [f64; 2] {
        let offsets = offsets(curves);
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
        let offsets = offsets(&none);
        assert_eq!((offsets.of(0).median, offsets.of(1).median), (0.0, 0.0));
        assert!(offsets.of(0).deviation > offsets.of(1).deviation && offsets.of(1).deviation > 0.2);
        // One step is known, the other is not.
        assert!((medians(&[[Some(-0.5), Some(-0.8), None]])[0] - -0.3).abs() < 1e-12);
    }

    #[test]
    fn the_spread_becomes_that_of_the_trials() {
        let curve = |i: u32| [Some(0.0), Some(-1.0 - 0.01 * f64::from(i % 5))];
        let deviation = |count: u32| offsets(&(0..count).map(curve).collect::<Vec<_>>()).of(0).deviation;
        assert!(deviation(1) > 0.2 && deviation(20) < deviation(5));
        assert!((deviation(10_000) - 0.01 * OF_MEDIAN).abs() < 0.003, "{}", deviation(10_000));
    }

    #[test]
    fn an_estimate_starts_from_the_last_rung_seen() {
        let curves = [[Some(-0.5), Some(-0.8), Some(-1.0)]];
        let offsets = offsets(&curves);
        let paused = offsets.estimate(&[Some(-0.4), Some(-0.6), None]).unwrap();
        assert!((paused.median - -0.8).abs() < 1e-12 && paused.deviation > 0.0);
        assert_eq!(offsets.estimate(&curves[0]), Some(Offset { median: -1.0, deviation: 0.0 }));
        assert_eq!(offsets.estimate(&[None; 3]), None);
    }

    #[test]
    fn a_single_rung_needs_no_offset() {
        let offsets = offsets(&[[Some(-1.0)]]);
        assert_eq!(offsets.estimate(&[Some(-1.0)]), Some(Offset { median: -1.0, deviation: 0.0 }));
    }

    #[test]
    fn changed_curves_are_as_if_they_had_always_been_so() {
        let mut rng = generator(1, 0);
        let mut curves = vec![[None; 4]; 12];
        let mut changing = Offsets::new(4);
        for _ in 0..300 {
            let (place, rung) = (rng.random_range(0..12), rng.random_range(0..4));
            let value = rng.random_bool(0.7).then(|| rng.random_range(-9_i32..0).into());
            changing.set(&mut curves[place], rung, value);
            changing.settle();
            assert_eq!(changing.settled, offsets(&curves).settled, "{curves:?}");
        }
    }
}
