//! Which resting trial goes on.
//!
//! At each rung but the last the [`WINDOW`](super::seen::WINDOW) latest results are compared. The best third of them, by what their errors lead to expect
//! that they add, may go on, as long as fewer than a third have (as the front grows, others become the best); of those that have not
//! yet, over all rungs, the one that adds most for what its next rung costs does. A trial that has gone on keeps its place in the
//! comparison, with what was known of it at that rung.
//!
//! As long as there is no model a trial is judged by its error over the best error of the others of the window that take no more of any
//! resource, the error of a constant answer among them.

use std::collections::HashSet;

use super::ehvi::Outcome;
use super::fidelity::Offset;
use super::field::Field;
use super::goals::constant_error;
use super::model::Model;
use super::seen::Seen;
use crate::rungs::ETA;
use crate::{Context, Interrupted, Problem};

/// Results at a rung before the first of them goes on.
const LEAST_RESULTS: usize = 2 * ETA as usize;
/// What so many epochs of a network cost, up to a factor that is common to all, where training on a sample costs `sample_cost` MACs beside the
/// network's.
pub(super) fn cost(epochs: u32, macs: u64, sample_cost: u64) -> f64 {
    f64::from(epochs) * (sample_cost as f64 + macs as f64)
}

/// What trials are judged by.
pub(super) enum Judge<'a> {
    /// By what they are expected to add, by their error at the rung.
    Rung(&'a Field),
    /// By what they are expected to add, by their error at the rung and the model, with which experiments compare.
    Model(&'a mut Model, &'a Field),
    /// By their error and those of smaller ones.
    Ratio,
}

/// A trial of a window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Standing {
    /// Its number.
    pub trial: u64,
    /// The rung of the window, from 0.
    pub rung: usize,
    /// Whether it may go on from there: it has neither gone on already nor failed.
    pub is_resting: bool,
    /// What it is ranked by, larger is better: hypervolume, or a logarithm of a ratio.
    pub score: f64,
}

/// The trials of a rung's window in the order of the results, latest first.
struct Window<'a> {
    rung: usize,
    /// With whether each may go on.
    places: Vec<(usize, bool)>,
    seen: &'a Seen,
}

impl<'a> Window<'a> {
    /// Those of all rungs but the last.
    fn all(context: &Context<'_>, seen: &'a Seen) -> Vec<Self> {
        let pending: HashSet<u64> = context.pending.iter().map(|running| running.trial).collect();
        let is_resting = |place: usize, rung: usize| {
            let trial = seen.trials.all[place];
            trial.rung == rung && trial.is_sound && !pending.contains(&trial.number)
        };
        let windows = seen.windows().enumerate();
        let window = windows.map(|(rung, places)| Self {
            rung,
            places: places.map(|place| (place, is_resting(place, rung))).collect(),
            seen,
        });
        window.collect()
    }

    /// How many may go on in all.
    fn share(&self) -> usize {
        if self.places.len() < LEAST_RESULTS { 0 } else { self.places.len() / ETA as usize }
    }

    fn gone_on(&self) -> usize {
        self.places.iter().filter(|(_, is_resting)| !is_resting).count()
    }

    /// Best first.
    fn ranked(
        &self,
        context: &Context<'_>,
        judge: &mut Judge<'_>,
    ) -> Result<Vec<(usize, Standing)>, Interrupted> {
        let Self { rung, places, seen } = self;
        let Seen { trials, taken, .. } = seen;
        let scores: Vec<f64> = match judge {
            Judge::Ratio => ratios(seen, context.problem, *rung, places.iter().map(|(place, _)| *place)),
            Judge::Rung(field) => {
                let score = |&(place, _): &(usize, bool)| {
                    let Some(Offset { median: mean, deviation }) = trials.estimate_at(place, *rung) else {
                        return 0.0;
                    };
                    let outcome = Outcome::Normal { mean, deviation };
                    field.expected(
                        trials.all[place].number,
                        field.aim.of_resources(taken.of(place)),
                        &outcome,
                    )
                };
                places.iter().map(score).collect()
            }
            Judge::Model(model, field) => {
                let mut scores = Vec::with_capacity(places.len());
                for &(place, _) in places {
                    context.go_on()?;
                    let trial = trials.all[place];
                    let candidate = &context.history.results()[trial.latest].candidate;
                    let prediction = model.predict(context.problem, trial.number, candidate);
                    let outcome = prediction.with(trials.estimate_at(place, *rung));
                    let resources = field.aim.of_resources(taken.of(place));
                    scores.push(field.expected(trial.number, resources, &outcome));
                }
                scores
            }
        };
        let standing = |(&(place, is_resting), score): (&(usize, bool), f64)| {
            (place, Standing { trial: trials.all[place].number, rung: *rung, is_resting, score })
        };
        let mut ranked: Vec<(usize, Standing)> = places.iter().zip(scores).map(standing).collect();
        ranked.sort_by(|one, other| other.1.score.total_cmp(&one.1.score).then(one.0.cmp(&other.0)));
        Ok(ranked)
    }
}

/// All trials of all windows, those of each rung best first.
pub(super) fn standings(
    context: &Context<'_>,
    seen: &Seen,
    mut judge: Judge<'_>,
) -> Result<Vec<Standing>, Interrupted> {
    let mut standings = Vec::new();
    for window in Window::all(context, seen) {
        let ranked = window.ranked(context, &mut judge)?;
        standings.extend(ranked.into_iter().map(|(_, standing)| standing));
    }
    Ok(standings)
}

/// The trial that shall go on.
pub(super) fn promoted(
    context: &Context<'_>,
    seen: &Seen,
    mut judge: Judge<'_>,
    sample_cost: u64,
) -> Result<Option<u64>, Interrupted> {
    let problem = context.problem;
    let mut best: Option<Standing> = None;
    for window in Window::all(context, seen) {
        let share = window.share();
        if window.gone_on() >= share {
            continue;
        }
        let mut ranked = window.ranked(context, &mut judge)?;
        ranked.truncate(share);
        let epochs = problem.rungs[window.rung + 1] - problem.rungs[window.rung];
        for (place, standing) in ranked.into_iter().filter(|(_, standing)| standing.is_resting) {
            let score = match judge {
                // Nothing is to be gained.
                Judge::Model(..) | Judge::Rung(_) if standing.score <= 0.0 => continue,
                Judge::Model(_, field) | Judge::Rung(field) => {
                    let latest = &context.history.results()[seen.trials.all[place].latest];
                    let macs = latest.candidate.resources.macs;
                    field.aim.worth(standing.score, cost(epochs, macs, sample_cost))
                }
                Judge::Ratio => standing.score,
            };
            if best.as_ref().is_none_or(|best| score > best.score) {
                best = Some(Standing { score, ..standing });
            }
        }
    }
    Ok(best.map(|best| best.trial))
}

/// How far below the best of smaller ones the error of each trial of a window is, by logarithms.
fn ratios(seen: &Seen, problem: &Problem, rung: usize, window: impl Iterator<Item = usize>) -> Vec<f64> {
    let constant = constant_error(problem).ln();
    let compared: Vec<(f64, &[f64])> = window
        .map(|place| {
            // What has failed at this rung after all is last.
            (seen.trials.curve(place)[rung].unwrap_or(f64::INFINITY), seen.taken.of(place))
        })
        .collect();
    let score = |(own, (error, resources)): (usize, &(f64, &[f64]))| {
        let smaller = compared.iter().enumerate().filter(|(other, (_, takes))| {
            *other != own && takes.iter().zip(*resources).all(|(other, own)| other <= own)
        });
        let best = smaller.map(|(_, (error, _))| *error).fold(constant, f64::min);
        best - error
    };
    compared.iter().enumerate().map(score).collect()
}
