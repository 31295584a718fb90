//! Expected hypervolume improvement where one objective, the error, is uncertain and the resources are exact.
//!
//! | symbol | meaning |
//! |---|---|
//! | d | bounded resources, any number from 0 |
//! | q | logarithms of a candidate's resources, d of them |
//! | X | logarithm of its error, a random variable ([`Outcome`]) |
//! | (e, p) | a point of the front: logarithms of its error and of its resources |
//! | (rₑ, r) | the reference; points that are not below it in every coordinate count nothing |
//! | E(x) | least e of the points with p ≤ x, rₑ where there is none |
//! | Ψ(e) | expectation of (e − X)₊ |
//!
//! The hypervolume that a candidate adds is, at each place x of the box from q to r, what its error is below E(x). So
//!
//! ```text
//! α(q) = ∫ Ψ(E(x)) dx over [q, r]
//! ```
//!
//! E is constant on parts of space that depend on the front alone: [`Improvement::new`] takes them apart into disjoint boxes, once.
//! One candidate then costs a Ψ for each point of the front and a product for each box. All terms are positive, nothing cancels.
//! It is the sum over volumes A_i of Emmerich et al. (IEEE CEC 2011) for exact resources, integrated the other way round.
//!
//! A front of more than [`MOST_POINTS`] points is thinned: the point of least error stays, then again and again the one that those that
//! stay come furthest from dominating (the largest of the least excess, ln of the factor by which some coordinate of every kept
//! point is above its own).

use std::f64::consts::{PI, SQRT_2};

use crate::pareto;

/// Points of the front that count.
pub(super) const MOST_POINTS: usize = 64;
/// What an upper bound is larger by, so that no rounding takes it below what it bounds.
const ROUNDING: f64 = 1e-9;

/// The logarithm of an error, as far as it is known.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Outcome {
    /// A normal distribution; the deviation may be 0.
    Normal {
        /// Its mean.
        mean: f64,
        /// Its standard deviation.
        deviation: f64,
    },
    /// One of some values, each as likely as the others; see [`Outcome::ensemble`].
    Ensemble(Vec<f64>),
}

impl Outcome {
    /// One of these values, of which there is at least one.
    pub fn ensemble(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        Self::Ensemble(values)
    }

    /// Ψ: by how much it is below `level` on average, where it is below.
    pub fn gain(&self, level: f64) -> f64 {
        match self {
            Self::Normal { mean, deviation } if *deviation > 0.0 => {
                let z = (level - mean) / deviation;
                let density = (-0.5 * z * z).exp() / (2.0 * PI).sqrt();
                (deviation * (z * probability_below(z) + density)).max(0.0)
            }
            Self::Normal { mean, .. } => (level - mean).max(0.0),
            Self::Ensemble(values) => {
                let below = values.iter().take_while(|value| **value < level);
                below.map(|value| level - value).sum::<f64>() / values.len() as f64
            }
        }
    }

    /// The probability that it is below `level`.
    pub fn probability_below(&self, level: f64) -> f64 {
        match self {
            Self::Normal { mean, deviation } if *deviation > 0.0 => {
                probability_below((level - mean) / deviation)
            }
            Self::Normal { mean, .. } => f64::from(u8::from(*mean < level)),
            Self::Ensemble(values) => {
                values.partition_point(|value| *value < level) as f64 / values.len() as f64
            }
        }
    }
}

/// Φ, of the standard normal distribution.
fn probability_below(z: f64) -> f64 {
    0.5 * libm::erfc(-z / SQRT_2)
}

/// A front and a reference, prepared for the question what a candidate would add.
#[derive(Clone, Debug)]
pub(super) struct Improvement {
    /// (rₑ, r).
    reference: Vec<f64>,
    /// By ascending error.
    levels: Vec<Level>,
}

/// Where E has one value.
#[derive(Clone, Debug)]
struct Level {
    error: f64,
    /// Disjoint boxes: the d lower ends, then the d upper ones, of one box after the other. A lower end may be −∞.
    boxes: Vec<f64>,
    count: usize,
}

impl Improvement {
    /// `points` are a front, or any points: each its error, then its d resources. What another one dominates counts nothing.
    ///
    /// # Panics
    /// If a point has another length than the reference, or a NaN.
    pub fn new<P: AsRef<[f64]>>(points: &[P], reference: &[f64]) -> Self {
        let inside = |point: &&P| {
            assert_eq!(
                point.as_ref().len(),
                reference.len(),
                "a point and the reference have the same objectives"
            );
            point.as_ref().iter().zip(reference).all(|(value, limit)| value < limit)
        };
        let inside: Vec<&[f64]> = points.iter().filter(inside).map(AsRef::as_ref).collect();
        let mut front: Vec<&[f64]> = pareto::front(&inside).into_iter().map(|place| inside[place]).collect();
        front.sort_by(|one, other| one.partial_cmp(other).expect("the front has refused NaN"));
        front.dedup();
        let mut front = thinned(front);
        front.sort_by(|one, other| one[0].total_cmp(&other[0]));
        let upper = &reference[1..];
        let lowest = vec![f64::NEG_INFINITY; upper.len()];
        let resources: Vec<&[f64]> = front.iter().map(|point| &point[1..]).collect();
        let level = |error: f64, lower: &[f64], better: &[&[f64]]| {
            let mut level = Level { error, boxes: Vec::new(), count: 0 };
            level.add_uncovered(lower, upper, better);
            level
        };
        let own = |(place, point): (usize, &&[f64])| level(point[0], resources[place], &resources[..place]);
        let mut levels: Vec<Level> = front.iter().enumerate().map(own).collect();
        levels.push(level(reference[0], &lowest, &resources));
        Self { reference: reference.to_vec(), levels }
    }

    /// α: the hypervolume that a candidate with these resources is expected to add to the front.
    pub fn expected(&self, resources: &[f64], error: &Outcome) -> f64 {
        let mut expected = 0.0;
        for level in self.levels.iter().rev() {
            let gain = error.gain(level.error);
            // Nor is there anything to gain where the front is better still.
            if gain <= 0.0 {
                break;
            }
            expected += gain * level.volume_above(resources);
        }
        expected
    }

    /// What [`Improvement::expected`] does not exceed, at the price of one Ψ: as if there were no front.
    pub fn bound(&self, resources: &[f64], error: &Outcome) -> f64 {
        let sides = self.reference[1..].iter().zip(resources).map(|(upper, value)| (upper - value).max(0.0));
        error.gain(self.reference[0]) * sides.product::<f64>() * (1.0 + ROUNDING)
    }
}

impl Level {
    /// Adds the part of a box that no point covers, as disjoint boxes; a point covers what is nowhere below it.
    ///
    /// The point that covers most is cut off, which leaves a box beside it for each coordinate, and so on in each of them.
    fn add_uncovered(&mut self, lower: &[f64], upper: &[f64], points: &[&[f64]]) {
        let reaches_in = |point: &&&[f64]| point.iter().zip(upper).all(|(value, end)| value < end);
        let limited = |point: &&[f64]| -> Vec<f64> {
            point.iter().zip(lower).map(|(value, start)| value.max(*start)).collect()
        };
        let mut limited: Vec<Vec<f64>> = points.iter().filter(reaches_in).map(limited).collect();
        limited.sort_by(|one, other| one.partial_cmp(other).expect("the front has refused NaN"));
        limited.dedup();
        let covering: Vec<&[f64]> =
            pareto::front(&limited).into_iter().map(|place| limited[place].as_slice()).collect();
        let covered =
            |point: &[f64]| point.iter().zip(upper).map(|(value, end)| end - value).product::<f64>();
        let Some(most) =
            covering.iter().copied().max_by(|one, other| covered(one).total_cmp(&covered(other)))
        else {
            self.boxes.extend_from_slice(lower);
            self.boxes.extend_from_slice(upper);
            self.count += 1;
            return;
        };
        let (mut start, mut end) = (lower.to_vec(), upper.to_vec());
        for axis in 0..lower.len() {
            if most[axis] > start[axis] {
                end[axis] = most[axis];
                self.add_uncovered(&start, &end, &covering);
            }
            (start[axis], end[axis]) = (most[axis], upper[axis]);
        }
    }

    /// The volume of the part with no coordinate below `resources`.
    fn volume_above(&self, resources: &[f64]) -> f64 {
        let count = resources.len();
        if count == 0 {
            return self.count as f64;
        }
        let volume = |ends: &[f64]| {
            let (lower, upper) = ends.split_at(count);
            let sides = lower.iter().zip(upper).zip(resources);
            sides.map(|((start, end), value)| (end - start.max(*value)).max(0.0)).product::<f64>()
        };
        self.boxes.chunks_exact(2 * count).map(volume).sum()
    }
}

/// See the module.
fn thinned(front: Vec<&[f64]>) -> Vec<&[f64]> {
    if front.len() <= MOST_POINTS {
        return front;
    }
    let excess = |kept: &[f64], point: &[f64]| {
        kept.iter().zip(point).map(|(kept, value)| kept - value).fold(f64::NEG_INFINITY, f64::max)
    };
    // The first has the least error.
    let mut kept = vec![front[0]];
    let mut least: Vec<f64> = front.iter().map(|point| excess(front[0], point)).collect();
    while kept.len() < MOST_POINTS {
        let furthest = (0..front.len())
            .max_by(|&one, &other| least[one].total_cmp(&least[other]).then(other.cmp(&one)))
            .expect("there are more points than are kept");
        kept.push(front[furthest]);
        for (least, point) in least.iter_mut().zip(&front) {
            *least = least.min(excess(front[furthest], point));
        }
    }
    kept
}

#[cfg(test)]
mod tests;
