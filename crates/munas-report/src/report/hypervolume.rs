//! The hypervolume of the front over the trials of a search.

use munas_run::{COMMON_OBJECTIVES, TrialRecord};
use munas_search::pareto;

use super::RunView;

/// Number of trials at which it is given at most.
const CHECKPOINTS: usize = 120;

/// The most members of a front whose hypervolume is computed exactly: the time grows with the square of their number and
/// more.
const EXACT: usize = 200;

/// Points that tell how much of the box is dominated by a larger front. With so many the standard error is below 0.004 of
/// the box.
const SAMPLES: usize = 20_000;

/// The most comparisons of a trial and a sample.
const COMPARISONS: usize = 400_000_000;

/// A history of the hypervolume.
pub(super) struct Hypervolumes {
    /// Number of results and hypervolume, at evenly spaced checkpoints, as a share of the box below the bounds.
    pub points: Vec<(f64, f64)>,
    /// The number of samples that it was estimated from; `None`: it is exact.
    pub samples: Option<usize>,
}

impl Hypervolumes {
    /// The history of these trials, which are in the order of their results. An objective without a bound spans to its
    /// worst trial.
    pub fn of(view: &RunView<'_>, done: &[&TrialRecord]) -> Self {
        let points: Vec<[f64; 4]> = done.iter().filter_map(|trial| common_point(trial)).collect();
        let reference: Vec<f64> = COMMON_OBJECTIVES
            .iter()
            .enumerate()
            .map(|(index, &objective)| {
                let worst = points.iter().map(|point| point[index]).fold(0.0, f64::max);
                view.bounds().get(objective).unwrap_or(worst).max(f64::MIN_POSITIVE)
            })
            .collect();
        let points: Vec<[f64; 4]> =
            points.iter().map(|point| std::array::from_fn(|axis| point[axis] / reference[axis])).collect();
        if view.front.len() <= EXACT {
            return Self { points: exact(&points), samples: None };
        }
        let samples = SAMPLES.min(COMPARISONS / points.len());
        Self { points: estimated(&points, samples), samples: Some(samples) }
    }
}

/// The trial as a point of the objectives that every network has a value of, if it is done.
pub(super) fn common_point(trial: &TrialRecord) -> Option<[f64; 4]> {
    trial.point(&COMMON_OBJECTIVES)?.try_into().ok()
}

/// After how many results it is given: every so many, and after the last.
fn checkpoints(results: usize) -> impl Iterator<Item = usize> {
    let every = results.div_ceil(CHECKPOINTS).max(1);
    (1..=results).filter(move |count| count % every == 0 || *count == results)
}

fn exact(points: &[[f64; 4]]) -> Vec<(f64, f64)> {
    let unit = [1.0; COMMON_OBJECTIVES.len()];
    let mut front: Vec<[f64; 4]> = Vec::new();
    let mut seen = 0;
    let mut volumes = vec![(0.0, 0.0)];
    for count in checkpoints(points.len()) {
        front.extend(&points[seen..count]);
        seen = count;
        front = pareto::front(&front).into_iter().map(|member| front[member]).collect();
        volumes.push((count as f64, pareto::hypervolume(&front, &unit)));
    }
    volumes
}

/// From the share of sample points that some trial dominates. They lie in the box between the reference and the best value
/// of each objective: nothing outside of it is dominated.
fn estimated(points: &[[f64; 4]], samples: usize) -> Vec<(f64, f64)> {
    let best: [f64; 4] =
        std::array::from_fn(|axis| points.iter().map(|point| point[axis]).fold(1.0, f64::min));
    let volume: f64 = best.iter().map(|low| 1.0 - low).product();
    // For every sample the trial that is the first to dominate it.
    let mut firsts: Vec<usize> = (0..samples)
        .filter_map(|index| {
            let unit = evenly_spread(index);
            let sample: [f64; 4] = std::array::from_fn(|axis| best[axis] + unit[axis] * (1.0 - best[axis]));
            points.iter().position(|point| point.iter().zip(&sample).all(|(low, high)| low <= high))
        })
        .collect();
    firsts.sort_unstable();
    let share = |count: usize| firsts.partition_point(|&first| first < count) as f64 / samples as f64;
    let volumes = checkpoints(points.len()).map(|count| (count as f64, volume * share(count)));
    [(0.0, 0.0)].into_iter().chain(volumes).collect()
}

/// The points of an additive recurrence that fills the unit box evenly, with the powers of the root of x⁵ = x + 1 (M. Roberts,
/// "The Unreasonable Effectiveness of Quasirandom Sequences", 2018).
fn evenly_spread(index: usize) -> [f64; 4] {
    const ROOT: f64 = 1.167_303_978_261_418_7;
    std::array::from_fn(|axis| (0.5 + index as f64 / ROOT.powi(axis as i32 + 1)).fract())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_estimate_is_near_the_exact_history() {
        let point = |index: usize| -> [f64; 4] {
            let [a, b, c, d] = evenly_spread(index * 7 + 3);
            [0.1 + a, 0.2 + b, 0.05 + c, 0.3 + d]
        };
        let points: Vec<[f64; 4]> = (0..500).map(point).collect();
        let (exact, estimated) = (exact(&points), estimated(&points, SAMPLES));
        assert_eq!(exact.len(), estimated.len());
        assert!(exact.last().unwrap().1 > 0.1, "there is something to estimate");
        for ((count, exact), (same, estimated)) in exact.iter().zip(&estimated) {
            assert_eq!(count, same);
            assert!((exact - estimated).abs() < 0.01, "after {count}: {exact} and {estimated}");
        }
    }

    #[test]
    fn beyond_the_reference_there_is_nothing() {
        assert_eq!(estimated(&[[2.0; 4], [0.5, 0.5, 0.5, 1.5]], 100).last(), Some(&(2.0, 0.0)));
    }
}
