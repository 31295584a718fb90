//! Morphisms: the one-step changes of an architecture.
//!
//! All morphisms that apply are listed first, as small descriptions; a random one is then carried out. A
//! listing therefore costs no copy of the architecture.

mod cnn;
mod mlp;

pub(crate) use cnn::{CnnMorphism, remove_block};
pub(crate) use mlp::MlpMorphism;

use crate::Range;

/// The list of units after each change of one entry by one of `steps`, as (index, new units).
fn unit_changes<'a>(
    dense: &'a [usize],
    units: Range,
    steps: &'static [isize],
) -> impl Iterator<Item = (usize, usize)> + 'a {
    dense
        .iter()
        .enumerate()
        .flat_map(move |(index, &from)| stepped(from, units, steps).map(move |to| (index, to)))
}

/// `from` changed by each of `steps`, where that lies in the range.
fn stepped(from: usize, range: Range, steps: &'static [isize]) -> impl Iterator<Item = usize> {
    steps.iter().filter_map(move |&step| from.checked_add_signed(step)).filter(move |&to| range.contains(to))
}

/// The values next to `from` in an ascending list.
fn neighbours(values: &[usize], from: usize) -> impl Iterator<Item = usize> {
    let below = values.iter().rev().find(|&&value| value < from);
    let above = values.iter().find(|&&value| value > from);
    below.into_iter().chain(above).copied()
}

#[cfg(test)]
mod tests;
