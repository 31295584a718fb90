//! Which resting trial goes on.
//!
//! At each rung but the last the [`WINDOW`] latest results are compared. The best third of them, by what their errors lead to expect
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
use super::model::Memo;
use super::trials::{Goals, Trial, Trials, constant_error, rung_at};
use crate::rungs::ETA;
use crate::{Context, Interrupted, Observed, Problem};

/// Results of a rung that are compared; what is older rests for ever.
const WINDOW: usize = 256;
/// Results at a rung before the first of them goes on.
const LEAST_RESULTS: usize = 2 * ETA as usize;
/// What training on a sample costs beside the network's MACs, in MACs.
const OVERHEAD_MACS: f64 = 10_000.0;

/// What so many epochs of a network cost, up to a factor that is common to all.
pub(super) fn cost(epochs: u32, macs: u64) -> f64 {
    f64::from(epochs) * (OVERHEAD_MACS + macs as f64)
}

/// For each rung but the last, the places of the trials of its window, latest first.
pub(super) fn windows(trials: &Trials<'_>, problem: &Problem, results: &[Observed]) -> Vec<Vec<usize>> {
    let mut windows = vec![Vec::new(); trials.last_rung()];
    let mut full = 0;
    for result in results.iter().rev().filter(|result| result.error.is_some()) {
        if full == windows.len() {
            break;
        }
        let rung = rung_at(&problem.rungs, result.epochs);
        let Some(window) = windows.get_mut(rung).filter(|window| window.len() < WINDOW) else { continue };
        window.extend(trials.place(result.trial));
        full += usize::from(window.len() == WINDOW);
    }
    windows
}

/// Whether a resting trial's latest result is still in its window.
pub(super) fn is_in_window(problem: &Problem, results: &[Observed], trial: u64) -> bool {
    let Some(latest) = results.iter().rposition(|result| result.trial == trial) else { return false };
    let rung_of = |result: &Observed| rung_at(&problem.rungs, result.epochs);
    let rung = rung_of(&results[latest]);
    let later =
        results[latest + 1..].iter().filter(|result| result.error.is_some() && rung_of(result) == rung);
    results[latest].error.is_some() && rung + 1 < problem.rungs.len() && later.count() < WINDOW
}

/// What trials are judged by.
pub(super) enum Judge<'a> {
    /// By what they are expected to add, by their error at the rung.
    Rung(&'a Field),
    /// By what they are expected to add, by their error at the rung and the model, with which experiments compare.
    Model(&'a mut Memo, &'a Field),
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
    trials: &'a Trials<'a>,
}

impl<'a> Window<'a> {
    /// Those of all rungs but the last.
    fn all(context: &Context<'_>, trials: &'a Trials<'a>) -> Vec<Self> {
        let pending: HashSet<u64> = context.pending.iter().map(|running| running.trial).collect();
        let windows = windows(trials, context.problem, context.history.results());
        let window = |(rung, places): (usize, Vec<usize>)| {
            let is_resting = |place: usize| {
                let trial = trials.all[place];
                trial.rung == rung && trial.is_sound && !pending.contains(&trial.number)
            };
            Self {
                rung,
                places: places.into_iter().map(|place| (place, is_resting(place))).collect(),
                trials,
            }
        };
        windows.into_iter().enumerate().map(window).collect()
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
        goals: &Goals,
        judge: &mut Judge<'_>,
    ) -> Result<Vec<(usize, Standing)>, Interrupted> {
        let Self { rung, places, trials } = self;
        let scores: Vec<f64> = match judge {
            Judge::Ratio => {
                ratios(trials, goals, context.problem, *rung, places.iter().map(|(place, _)| *place))
            }
            Judge::Rung(field) => {
                let score = |&(place, _): &(usize, bool)| {
                    let Some(Offset { median: mean, deviation }) = trials.estimate_at(place, *rung) else {
                        return 0.0;
                    };
                    let Trial { number, candidate, .. } = trials.all[place];
                    field.expected(number, &goals.resources(candidate), &Outcome::Normal { mean, deviation })
                };
                places.iter().map(score).collect()
            }
            Judge::Model(memo, field) => {
                let mut scores = Vec::with_capacity(places.len());
                for &(place, _) in places {
                    context.go_on()?;
                    let trial = trials.all[place];
                    let prediction = memo.predict(context.problem, trial.number, trial.candidate);
                    let outcome = prediction.with(trials.estimate_at(place, *rung));
                    scores.push(field.expected(trial.number, &goals.resources(trial.candidate), &outcome));
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
    trials: &Trials<'_>,
    goals: &Goals,
    mut judge: Judge<'_>,
) -> Result<Vec<Standing>, Interrupted> {
    let mut standings = Vec::new();
    for window in Window::all(context, trials) {
        let ranked = window.ranked(context, goals, &mut judge)?;
        standings.extend(ranked.into_iter().map(|(_, standing)| standing));
    }
    Ok(standings)
}

/// The trial that shall go on.
pub(super) fn promoted(
    context: &Context<'_>,
    trials: &Trials<'_>,
    goals: &Goals,
    mut judge: Judge<'_>,
) -> Result<Option<u64>, Interrupted> {
    let problem = context.problem;
    let mut best: Option<Standing> = None;
    for window in Window::all(context, trials) {
        let share = window.share();
        if window.gone_on() >= share {
            continue;
        }
        let mut ranked = window.ranked(context, goals, &mut judge)?;
        ranked.truncate(share);
        let epochs = problem.rungs[window.rung + 1] - problem.rungs[window.rung];
        for (place, standing) in ranked.into_iter().filter(|(_, standing)| standing.is_resting) {
            let score = match judge {
                // Nothing is to be gained.
                Judge::Model(..) | Judge::Rung(_) if standing.score <= 0.0 => continue,
                Judge::Model(..) | Judge::Rung(_) => {
                    standing.score / cost(epochs, trials.all[place].candidate.resources.macs)
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
fn ratios(
    trials: &Trials<'_>,
    goals: &Goals,
    problem: &Problem,
    rung: usize,
    window: impl Iterator<Item = usize>,
) -> Vec<f64> {
    let constant = constant_error(problem).ln();
    let seen: Vec<(f64, Vec<f64>)> = window
        .map(|place| {
            // What has failed at this rung after all is last.
            let error = trials.curve(place)[rung].unwrap_or(f64::INFINITY);
            (error, goals.resources(trials.all[place].candidate))
        })
        .collect();
    let score = |(own, (error, resources)): (usize, &(f64, Vec<f64>))| {
        let smaller = seen.iter().enumerate().filter(|(other, (_, takes))| {
            *other != own && takes.iter().zip(resources).all(|(other, own)| other <= own)
        });
        let best = smaller.map(|(_, (error, _))| *error).fold(constant, f64::min);
        best - error
    };
    seen.iter().enumerate().map(score).collect()
}
