//! Exact hypervolume by the WFG algorithm (While, Bradstreet, Barone, "A Fast Way of Calculating Exact Hypervolumes",
//! IEEE TEVC 16(1), 2012), for any number of objectives.
//!
//! | symbol | meaning |
//! |---|---|
//! | r | reference point: what lies beyond it in some coordinate counts nothing |
//! | hv(S) | volume of the union of the boxes [p, r], p ∈ S |
//! | exclusive(p, S) | hv({p} ∪ S) − hv(S) = box(p) − hv(limit(S, p)) |
//! | limit(S, p) | each q ∈ S moved into the box of p: max(q, p) per coordinate |
//!
//! hv(S) is the sum of exclusive(pᵢ, {pᵢ₊₁, …}). With the points sorted by descending last coordinate, everything in
//! limit({pᵢ₊₁, …}, pᵢ) shares pᵢ's last coordinate, so that each level of the recursion drops one dimension.

use std::mem;

use super::{front, lexicographic};

/// The volume that `points` dominate below `reference`: the usual quality of a front, larger is better.
///
/// With a reference of all ones and points divided by their bounds it lies in [0, 1]. Dominated points, duplicates
/// and points not strictly below the reference in every coordinate add nothing; no points give 0.
///
/// # Panics
/// If a coordinate is NaN or infinite below the reference, or a point and the reference differ in length.
pub fn hypervolume<P: AsRef<[f64]>>(points: &[P], reference: &[f64]) -> f64 {
    assert!(reference.iter().all(|bound| bound.is_finite()), "the reference point is finite");
    // Measured from the reference, the reference itself drops out of the recursion: all gains are positive.
    let mut gains: Vec<Vec<f64>> = Vec::new();
    for point in points {
        let point = point.as_ref();
        assert_eq!(point.len(), reference.len(), "a point and the reference have the same objectives");
        assert!(!point.iter().any(|x| x.is_nan() || *x == f64::NEG_INFINITY), "objectives are bounded below");
        if point.iter().zip(reference).all(|(x, bound)| x < bound) {
            gains.push(point.iter().zip(reference).map(|(x, bound)| x - bound).collect());
        }
    }
    volume(non_dominated(gains), reference.len())
}

/// The volume of distinct, mutually non-dominated points of `dimensions` coordinates that are all below the origin.
/// More than one such point means at least two dimensions.
fn volume(mut points: Vec<Vec<f64>>, dimensions: usize) -> f64 {
    match (points.as_slice(), dimensions) {
        ([], _) => 0.0,
        ([only], _) => box_volume(only, dimensions),
        (_, 2) => staircase(&mut points),
        _ => {
            let last = dimensions - 1;
            points.sort_by(|a, b| b[last].total_cmp(&a[last]).then_with(|| lexicographic(a, b)));
            let slab = |index: usize| {
                let point = &points[index];
                let limited = points[index + 1..].iter().map(|other| limit(other, point, last)).collect();
                let exclusive = box_volume(point, last) - volume(non_dominated(limited), last);
                -point[last] * exclusive
            };
            (0..points.len()).map(slab).sum()
        }
    }
}

fn box_volume(point: &[f64], dimensions: usize) -> f64 {
    point[..dimensions].iter().map(|x| -x).product()
}

/// `other` moved into the box of `point`, in the first `dimensions` coordinates.
fn limit(other: &[f64], point: &[f64], dimensions: usize) -> Vec<f64> {
    other.iter().zip(point).take(dimensions).map(|(a, b)| a.max(*b)).collect()
}

/// The area under a two-dimensional front: a sum of strips.
fn staircase(points: &mut [Vec<f64>]) -> f64 {
    points.sort_by(|a, b| lexicographic(a, b));
    let mut height = 0.0;
    let mut area = 0.0;
    for point in points {
        // Mutually non-dominated: as the first coordinate grows, the second falls.
        area += -point[0] * (height - point[1]);
        height = point[1];
    }
    area
}

/// The front of `points`, each value once.
fn non_dominated(mut points: Vec<Vec<f64>>) -> Vec<Vec<f64>> {
    points.sort_by(|a, b| lexicographic(a, b));
    points.dedup();
    front(&points).into_iter().map(|index| mem::take(&mut points[index])).collect()
}
