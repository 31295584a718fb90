//! A good order without search.

use super::{
    LocalOrder,
    budget::{Budget, OutOfBudget},
    segment::{Move, Segment},
};

/// Runs one row of operators after the other, chosen by Liu's rule for independent rows (J. W. H. Liu, "An
/// application of generalized tree pebbling to sparse matrix factorization", 1987): first those that end with
/// no more alive than now, the lowest peak first; then the others, the largest fall from peak to end first.
pub(super) fn greedy<const W: usize>(
    segment: &Segment<W>,
    budget: &mut Budget,
) -> Result<LocalOrder, OutOfBudget> {
    let mut state = segment.start;
    let mut found = LocalOrder { order: Vec::new(), peak: 0 };
    while state.done != segment.all {
        budget.spend(segment.effort(&state))?;
        let rank = |row: &Move<W>| {
            let releases = row.state.live <= state.live;
            (!releases, if releases { row.peak } else { u64::MAX - (row.peak - row.state.live) })
        };
        let rows = state.ready.iter().filter_map(|op| segment.follow(&state, op, u64::MAX));
        let row = rows.min_by_key(rank).expect("an operator is ready until all have run");
        found.order.extend(segment.operators(&state, &row));
        found.peak = found.peak.max(row.peak);
        state = row.state;
    }
    Ok(found)
}
