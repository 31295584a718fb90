use proptest::prelude::*;

use super::{dominates, front, hypervolume, ranks};

/// Up to `most` points of `dimensions` coordinates on a coarse grid, so that ties and duplicates are common.
fn grid_points(dimensions: usize, most: usize) -> impl Strategy<Value = Vec<Vec<f64>>> {
    prop::collection::vec(prop::collection::vec((0..GRID).prop_map(f64::from), dimensions), 0..most)
}

/// Any number of dimensions that a search can have, with points of it.
fn any_grid_points() -> impl Strategy<Value = (usize, Vec<Vec<f64>>)> {
    (1_usize..=5).prop_flat_map(|dimensions| grid_points(dimensions, 30).prop_map(move |p| (dimensions, p)))
}

const GRID: u32 = 5;

fn front_by_definition(points: &[Vec<f64>]) -> Vec<usize> {
    let dominated = |point: &Vec<f64>| points.iter().any(|other| dominates(other, point));
    (0..points.len()).filter(|&index| !dominated(&points[index])).collect()
}

/// Takes front after front off the points.
fn ranks_by_peeling(points: &[Vec<f64>]) -> Vec<usize> {
    let mut ranks = vec![0; points.len()];
    let mut left: Vec<usize> = (0..points.len()).collect();
    let mut rank = 0;
    while !left.is_empty() {
        let values: Vec<Vec<f64>> = left.iter().map(|&index| points[index].clone()).collect();
        let peeled: Vec<usize> = front_by_definition(&values).into_iter().map(|at| left[at]).collect();
        for &index in &peeled {
            ranks[index] = rank;
        }
        left.retain(|index| !peeled.contains(index));
        rank += 1;
    }
    ranks
}

/// Counts the unit cells of the grid below `reference` that some point dominates.
fn volume_by_cells(points: &[Vec<f64>], reference: u32, dimensions: usize) -> f64 {
    let cells = reference.pow(dimensions as u32);
    let corner =
        |cell: u32| (0..dimensions as u32).map(move |axis| f64::from(cell / reference.pow(axis) % reference));
    let covered =
        |cell: &u32| points.iter().any(|point| point.iter().zip(corner(*cell)).all(|(x, y)| *x <= y));
    f64::from((0..cells).filter(covered).count() as u32)
}

/// Inclusion and exclusion over all subsets: the intersection of boxes is the box of the coordinates' maxima.
fn volume_by_inclusion(points: &[Vec<f64>], reference: &[f64]) -> f64 {
    let signed_volume = |subset: u32| {
        let members =
            || points.iter().enumerate().filter(|(i, _)| subset >> i & 1 == 1).map(|(_, point)| point);
        let side = |axis: usize| {
            let corner = members().map(|point| point[axis]).fold(f64::NEG_INFINITY, f64::max);
            (reference[axis] - corner).max(0.0)
        };
        let sign = if members().count() % 2 == 1 { 1.0 } else { -1.0 };
        sign * (0..reference.len()).map(side).product::<f64>()
    };
    (1..1_u32 << points.len()).map(signed_volume).sum()
}

proptest! {
    #[test]
    fn front_is_the_definition((_, points) in any_grid_points()) {
        prop_assert_eq!(front(&points), front_by_definition(&points));
    }

    #[test]
    fn ranks_are_peeled_fronts((_, points) in any_grid_points()) {
        prop_assert_eq!(ranks(&points), ranks_by_peeling(&points));
    }

    #[test]
    fn hypervolume_counts_cells((dimensions, points) in any_grid_points(), reference in 1..=GRID) {
        let found = hypervolume(&points, &vec![f64::from(reference); dimensions]);
        prop_assert_eq!(found, volume_by_cells(&points, reference, dimensions));
    }

    #[test]
    fn hypervolume_of_real_points(
        (points, reference) in (1_usize..=5).prop_flat_map(|dimensions| {
            let point = prop::collection::vec(-3.0..3.0, dimensions);
            (prop::collection::vec(point, 0..9), prop::collection::vec(-1.0..3.0, dimensions))
        })
    ) {
        let found = hypervolume(&points, &reference);
        let expected = volume_by_inclusion(&points, &reference);
        prop_assert!((found - expected).abs() <= 1e-9 * expected.max(1.0), "{found} is not {expected}");
    }

    #[test]
    fn dominated_points_add_no_volume((dimensions, points) in any_grid_points()) {
        let reference = vec![f64::from(GRID); dimensions];
        let kept: Vec<&Vec<f64>> = front(&points).into_iter().map(|index| &points[index]).collect();
        prop_assert_eq!(hypervolume(&kept, &reference), hypervolume(&points, &reference));
    }
}

#[test]
fn equal_points_share_front_and_rank() {
    let points = [[1.0, 2.0], [2.0, 2.0], [1.0, 2.0], [0.0, 3.0]];
    assert_eq!(front(&points), [0, 2, 3]);
    assert_eq!(ranks(&points), [0, 1, 0, 0]);
}

#[test]
fn nothing_has_an_empty_front_and_no_volume() {
    let none: [[f64; 2]; 0] = [];
    assert_eq!(front(&none), [0; 0]);
    assert_eq!(ranks(&none), [0; 0]);
    assert_eq!(hypervolume(&none, &[1.0, 1.0]), 0.0);
}

#[test]
fn points_beyond_the_reference_add_nothing() {
    let reference = [1.0, 1.0, 1.0];
    assert_eq!(hypervolume(&[[0.0, 0.0, 1.0]], &reference), 0.0);
    assert_eq!(hypervolume(&[[0.0, 0.0, f64::INFINITY], [0.5, 0.5, 0.5]], &reference), 0.125);
}

#[test]
fn infinity_is_the_worst_value() {
    let points = [[f64::INFINITY, 0.0], [f64::INFINITY, 1.0], [0.0, 5.0]];
    assert_eq!(front(&points), [0, 2]);
}

#[test]
#[should_panic(expected = "never NaN")]
fn nan_is_refused() {
    front(&[[0.0, f64::NAN], [1.0, 2.0]]);
}
