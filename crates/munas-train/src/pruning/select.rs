//! The choice of what is smallest.

/// Marks round(`share` · n) of the n `magnitudes`: the smallest, of equal ones the first.
pub(super) fn smallest(magnitudes: &[f32], share: f64) -> Vec<bool> {
    let count = (share * magnitudes.len() as f64).round() as usize;
    let mut marked = vec![false; magnitudes.len()];
    if count == 0 {
        return marked;
    }
    let mut order: Vec<usize> = (0..magnitudes.len()).collect();
    let by_magnitude = |a: &usize, b: &usize| magnitudes[*a].total_cmp(&magnitudes[*b]).then(a.cmp(b));
    order.select_nth_unstable_by(count - 1, by_magnitude);
    for &index in &order[..count] {
        marked[index] = true;
    }
    marked
}

/// The position of the largest, of equal ones the first.
pub(super) fn largest(magnitudes: &[f32]) -> Option<usize> {
    (0..magnitudes.len()).max_by(|a, b| magnitudes[*a].total_cmp(&magnitudes[*b]).then(b.cmp(a)))
}
