//! The Pareto front, non-dominated ranks and the hypervolume of points that are minimised in every coordinate.
//!
//! | symbol | meaning |
//! |---|---|
//! | point | the values of one trial's objectives, `&[f64]`; all points of a call have the same length |
//! | a dominates b | a ≤ b in every coordinate and a < b in at least one |
//! | front | the points that no other dominates; equal points are all on it |
//! | rank | 0 for the front, k for the front of what is left without ranks below k |
//!
//! Infinity is a valid coordinate; NaN is not, since it cannot be ordered.

mod hypervolume;

pub use hypervolume::hypervolume;

use std::cmp::Ordering;

/// Whether `a` dominates `b`: nowhere worse and somewhere better.
///
/// # Panics
/// If the points differ in length.
pub fn dominates(a: &[f64], b: &[f64]) -> bool {
    assert_eq!(a.len(), b.len(), "points of one comparison have the same objectives");
    let mut better = false;
    for (x, y) in a.iter().zip(b) {
        if x > y {
            return false;
        }
        better |= x < y;
    }
    better
}

/// The indices of the non-dominated points, ascending. Equal points are either all in it or all not.
///
/// # Panics
/// If a coordinate is NaN or the points differ in length.
pub fn front<P: AsRef<[f64]>>(points: &[P]) -> Vec<usize> {
    let mut front: Vec<usize> = Vec::new();
    for index in lexicographic_order(points) {
        let point = points[index].as_ref();
        match front.iter().position(|&member| dominates(points[member].as_ref(), point)) {
            // Who dominates one point is likely to dominate others, and is asked sooner from now on.
            Some(place) => front.swap(place, place / 2),
            None => front.push(index),
        }
    }
    front.sort_unstable();
    front
}

/// The non-dominated rank of every point, in the order of `points`; equal points have equal ranks.
///
/// Efficient non-dominated sort with sequential search (Zhang et al., IEEE TEVC 19(2), 2015, ENS-SS).
///
/// # Panics
/// If a coordinate is NaN or the points differ in length.
pub fn ranks<P: AsRef<[f64]>>(points: &[P]) -> Vec<usize> {
    let mut fronts: Vec<Vec<usize>> = Vec::new();
    let mut ranks = vec![0; points.len()];
    for index in lexicographic_order(points) {
        let point = points[index].as_ref();
        // The latest members are the likeliest to dominate, being the nearest in lexicographic order.
        let accepts =
            |front: &Vec<usize>| !front.iter().rev().any(|&member| dominates(points[member].as_ref(), point));
        let rank = fronts.iter().position(accepts).unwrap_or(fronts.len());
        if rank == fronts.len() {
            fronts.push(Vec::new());
        }
        fronts[rank].push(index);
        ranks[index] = rank;
    }
    ranks
}

/// In this order no point is dominated by a later one.
fn lexicographic_order<P: AsRef<[f64]>>(points: &[P]) -> Vec<usize> {
    assert!(!points.iter().flat_map(AsRef::as_ref).any(|x| x.is_nan()), "an objective is never NaN");
    // The first coordinates mostly decide, and are nearer than the points.
    let first = |index: usize| (points[index].as_ref().first().copied().unwrap_or_default(), index);
    let mut order: Vec<(f64, usize)> = (0..points.len()).map(first).collect();
    order.sort_by(|(x, a), (y, b)| match x.partial_cmp(y) {
        Some(Ordering::Equal) | None => lexicographic(points[*a].as_ref(), points[*b].as_ref()),
        Some(unequal) => unequal,
    });
    order.into_iter().map(|(_, index)| index).collect()
}

fn lexicographic(a: &[f64], b: &[f64]) -> Ordering {
    a.partial_cmp(b).expect("NaN was refused at the entry")
}

#[cfg(test)]
mod tests;
