//! Which networks of a front are trained anew.
//!
//! | symbol | |
//! |---|---|
//! | e | validation error that drives the search |
//! | q | the bounded resources of a network; peak memory, model size and MACs where none is bounded |
//! | r | reference: 1.1 times each bound, or the largest q where none is bounded, and [`ERRORS_UP_TO`] times the least e |
//! | exclusive | hypervolume over (ln(e + ε), ln q) below ln r that a network alone dominates |
//!
//! The network of least error comes first, since next to a bound it has no volume however good it is; then those of largest exclusive
//! volume. Each brings its neighbours: networks whose error is within one standard error of its own may well be the better ones.
//!
//! The choice is a function of the trials: the same run has the same finalists.

use munas_search::{Bounds, Objective, pareto};

use crate::finalist::bounded_resources;
use crate::trial::TrialRecord;

/// Networks with so many times the least error are not trained anew.
const ERRORS_UP_TO: f64 = 3.0;
/// An error that is low, whatever the least one.
const LOW_ERROR: f64 = 0.05;
/// What is added to errors before their logarithm: differences below it are none.
const LEAST_ERROR: f64 = 1e-3;
/// How far the reference is beyond the bounds, so that a network at a bound counts.
const BEYOND_BOUNDS: f64 = 1.1;
/// The most neighbours that a network brings: finalists shall be far apart too.
const NEIGHBOURS: usize = 2;
/// The most networks that are compared: the time grows with more than the square of their number.
const MOST_COMPARED: usize = 300;

/// The networks of a front to train anew, at most so many, those first that are worth it most.
pub fn choose(front: &[TrialRecord], bounds: &Bounds, count: usize) -> Vec<u64> {
    let entrants = entrants(front, bounds);
    let mut chosen: Vec<u64> = Vec::new();
    for head in heads(&entrants, bounds) {
        for entrant in [head].into_iter().chain(neighbours(head, &entrants)) {
            if chosen.len() < count && !chosen.contains(&entrant.trial) {
                chosen.push(entrant.trial);
            }
        }
    }
    chosen
}

/// A network with the error that it has.
#[derive(Clone, Copy)]
struct Entrant<'a> {
    trial: u64,
    error: f64,
    record: &'a TrialRecord,
}

/// The networks within all bounds, the error's included if any meets it; if none is within those on resources, the nearest one. By error.
fn entrants<'a>(front: &'a [TrialRecord], bounds: &Bounds) -> Vec<Entrant<'a>> {
    let mut resources_alone = bounds.clone();
    resources_alone.values[Objective::Error] = None;
    let measured = front
        .iter()
        .filter_map(|record| record.error().map(|error| Entrant { trial: record.trial, error, record }));
    let measured: Vec<Entrant<'a>> = measured.collect();
    let within = |bounds: &Bounds| -> Vec<Entrant<'a>> {
        measured.iter().filter(|entrant| entrant.record.in_bounds(bounds)).copied().collect()
    };
    let mut entrants = within(bounds);
    if entrants.is_empty() {
        entrants = within(&resources_alone);
    }
    if entrants.is_empty() {
        let excess = |entrant: &Entrant<'_>| worst_excess(entrant.record, bounds);
        entrants.extend(measured.iter().min_by(|a, b| excess(a).total_cmp(&excess(b))));
    }
    entrants.sort_by(|a, b| a.error.total_cmp(&b.error).then(a.trial.cmp(&b.trial)));
    let most = entrants.first().map_or(0.0, |least| (ERRORS_UP_TO * least.error).max(LOW_ERROR));
    entrants.retain(|entrant| entrant.error <= most);
    entrants.truncate(MOST_COMPARED);
    entrants
}

/// How many times the bound a network takes of the resource that it takes most of.
fn worst_excess(record: &TrialRecord, bounds: &Bounds) -> f64 {
    let values = record.candidate.objectives(record.error());
    bounded_resources(bounds)
        .map(|(objective, bound)| values[objective].map_or(f64::INFINITY, |value| value / bound))
        .fold(0.0, f64::max)
}

/// In the order in which they are wanted.
fn heads<'a>(entrants: &[Entrant<'a>], bounds: &Bounds) -> Vec<Entrant<'a>> {
    let volumes = exclusive_volumes(&points(entrants, bounds));
    let mut order: Vec<usize> = (0..entrants.len()).collect();
    // The first is the one of least error; a stable sort keeps the lower error first among equal volumes.
    if let Some(others) = order.get_mut(1..) {
        others.sort_by(|&a, &b| volumes[b].total_cmp(&volumes[a]));
    }
    order.into_iter().map(|index| entrants[index]).collect()
}

/// Those whose error is within one standard error of that of `head`, the nearest first.
fn neighbours<'a>(
    head: Entrant<'a>,
    entrants: &[Entrant<'a>],
) -> impl Iterator<Item = Entrant<'a>> + use<'a> {
    let reach = head.record.stderr().unwrap_or(0.0);
    let distance = |entrant: &Entrant<'a>| (entrant.error - head.error).abs();
    let is_near = |entrant: &&Entrant<'a>| entrant.trial != head.trial && distance(entrant) <= reach;
    let mut near: Vec<Entrant<'a>> = entrants.iter().filter(is_near).copied().collect();
    near.sort_by(|a, b| distance(a).total_cmp(&distance(b)).then(a.trial.cmp(&b.trial)));
    near.into_iter().take(NEIGHBOURS)
}

/// The logarithms of error and resources, less those of the reference: below 0 is what counts.
fn points(entrants: &[Entrant<'_>], bounds: &Bounds) -> Vec<Vec<f64>> {
    let mut objectives: Vec<(Objective, Option<f64>)> =
        bounded_resources(bounds).map(|(objective, bound)| (objective, Some(bound))).collect();
    if objectives.is_empty() {
        objectives =
            [Objective::PeakMemory, Objective::ModelSize, Objective::Macs].map(|free| (free, None)).to_vec();
    }
    let value = |entrant: &Entrant<'_>, objective: Objective| {
        let values = entrant.record.candidate.objectives(None);
        values[objective].unwrap_or(f64::INFINITY).clamp(1e-9, f64::MAX)
    };
    let largest = |objective: Objective| {
        entrants.iter().map(|entrant| value(entrant, objective)).fold(f64::MIN_POSITIVE, f64::max)
    };
    let references: Vec<(Objective, f64)> = objectives
        .into_iter()
        .map(|(objective, bound)| {
            (objective, (BEYOND_BOUNDS * bound.unwrap_or_else(|| largest(objective))).ln())
        })
        .collect();
    let least = entrants.first().map_or(0.0, |least| least.error);
    let of_error = ((ERRORS_UP_TO * least).max(LOW_ERROR) + LEAST_ERROR).ln();
    let point = |entrant: &Entrant<'_>| {
        let error = (entrant.error + LEAST_ERROR).ln() - of_error;
        let resources =
            references.iter().map(|(objective, reference)| value(entrant, *objective).ln() - reference);
        [error].into_iter().chain(resources).collect()
    };
    entrants.iter().map(point).collect()
}

/// The volume below the origin that each point alone dominates.
fn exclusive_volumes(points: &[Vec<f64>]) -> Vec<f64> {
    let of = |index: usize| {
        let point = &points[index];
        let origin = vec![0.0; point.len()];
        let alone = pareto::hypervolume(&[point], &origin);
        let others = points.iter().enumerate().filter(|(other, _)| *other != index);
        let limited: Vec<Vec<f64>> = others
            .map(|(_, other)| other.iter().zip(point).map(|(other, own)| other.max(*own)).collect())
            .collect();
        (alone - pareto::hypervolume(&limited, &origin)).max(0.0)
    };
    (0..points.len()).map(of).collect()
}

/// How many of the first of these costs, in seconds, a budget covers; at least one.
pub fn affordable(costs: &[f64], budget: f64) -> usize {
    let sums = costs.iter().scan(0.0, |sum, cost| {
        *sum += cost;
        Some(*sum)
    });
    sums.take_while(|sum| *sum <= budget).count().max(1)
}

#[cfg(test)]
mod tests;
