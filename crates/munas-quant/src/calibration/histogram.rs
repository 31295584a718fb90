//! The distribution of a tensor's values, and ranges that fit it.

use munas_ir::TensorQuantisation;

use super::{NO_EXTREMES, extremes_with};

/// Bins of a histogram: eight for each integer of a range that covers all of it.
const BINS: usize = 2048;
/// Candidates for each end of a range: shares of the extreme, evenly spaced.
const CANDIDATES: usize = 100;
/// How often each end is chosen anew, the other one fixed.
const ROUNDS: usize = 2;

/// How much further than it has to a range grows, so that it seldom does.
const GROWTH: f32 = 1.25;

/// Values in equal bins of a range that grows with them.
#[derive(Clone, Debug)]
pub(super) struct Histogram {
    /// The smallest and largest value; of none, ∞ and -∞.
    extremes: [f32; 2],
    /// What the bins cover: the extremes, or more.
    range: [f32; 2],
    bins: Vec<Bin>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Bin {
    count: u64,
    /// Sum of the values: rectified activations have many exact zeros, which the middle of a bin would misplace.
    sum: f64,
}

impl Histogram {
    /// A histogram of nothing yet.
    pub fn new() -> Self {
        Self { extremes: NO_EXTREMES, range: NO_EXTREMES, bins: vec![Bin::default(); BINS] }
    }

    /// Counts values.
    pub fn add(&mut self, values: &[f32]) {
        self.extremes = extremes_with(self.extremes, values);
        if self.extremes[0] < self.range[0] || self.extremes[1] > self.range[1] {
            self.grow();
        }
        let place = self.place();
        for &value in values {
            let bin = &mut self.bins[place(value)];
            bin.count += 1;
            bin.sum += f64::from(value);
        }
    }

    /// The bin of a value in the range.
    fn place(&self) -> impl Fn(f32) -> usize + use<> {
        let [low, high] = self.range;
        let bins_per_unit = if high > low { BINS as f32 / (high - low) } else { 0.0 };
        move |value| (((value - low) * bins_per_unit) as usize).min(BINS - 1)
    }

    /// Covers the extremes. What was counted is where the mean of its bin lies now.
    fn grow(&mut self) {
        let is_first = self.range == NO_EXTREMES;
        let ([low, high], [least, largest]) = (self.range, self.extremes);
        self.range = match is_first {
            true => self.extremes,
            false => [
                if least < low { high - GROWTH * (high - least) } else { low },
                if largest > high { low + GROWTH * (largest - low) } else { high },
            ],
        };
        let place = self.place();
        for counted in std::mem::replace(&mut self.bins, vec![Bin::default(); BINS]) {
            if counted.count > 0 {
                let bin = &mut self.bins[place((counted.sum / counted.count as f64) as f32)];
                bin.count += counted.count;
                bin.sum += counted.sum;
            }
        }
    }

    /// The value below which this share of the values lies, to within the width of a bin; 0 of none.
    pub fn quantile(&self, share: f64) -> f32 {
        let [least, largest] = self.extremes;
        if least > largest { 0.0 } else { self.quantile_in_range(share).clamp(least, largest) }
    }

    fn quantile_in_range(&self, share: f64) -> f32 {
        let [low, high] = self.range.map(f64::from);
        let total: u64 = self.bins.iter().map(|bin| bin.count).sum();
        let rank = share * total as f64;
        let mut below = 0.0;
        for (index, bin) in self.bins.iter().enumerate() {
            let count = bin.count as f64;
            if count > 0.0 && below + count >= rank {
                let position = index as f64 + ((rank - below) / count).max(0.0);
                return (low + (high - low) * position / BINS as f64) as f32;
            }
            below += count;
        }
        high as f32
    }

    /// The range whose quantisation changes the values least in the mean of the squares. Either end is searched for
    /// between zero and the extreme.
    pub fn least_squares_range(&self) -> [f32; 2] {
        // Of nothing, as of zeros.
        let widest = [self.extremes[0].min(0.0), self.extremes[1].max(0.0)];
        let mut best = widest;
        let mut least = self.squared_error(best);
        for end in [1, 0].repeat(ROUNDS) {
            for candidate in 1..=CANDIDATES {
                let mut range = best;
                range[end] = widest[end] * candidate as f32 / CANDIDATES as f32;
                let error = self.squared_error(range);
                if error < least {
                    (least, best) = (error, range);
                }
            }
        }
        best
    }

    /// Sum of the squares of what quantisation to a range changes.
    fn squared_error(&self, [low, high]: [f32; 2]) -> f64 {
        let quantisation = TensorQuantisation::from_range(low, high);
        let bins = self.bins.iter().filter(|bin| bin.count > 0);
        let errors = bins.map(|bin| {
            let mean = (bin.sum / bin.count as f64) as f32;
            let error = f64::from(quantisation.dequantise(quantisation.quantise(mean)) - mean);
            bin.count as f64 * error * error
        });
        errors.sum()
    }
}
