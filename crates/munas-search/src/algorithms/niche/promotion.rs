//! Which resting trial goes on.
//!
//! At each rung but the last the [`WINDOW`] latest results are compared. The best third of them, by what they are expected to add, may
//! go on, as long as fewer than a third have (as the front grows and the model learns, others become the best); of those that have not yet, over all rungs, the one that adds most for what its next rung costs does. A trial that has
//! gone on keeps its place in the comparison, with what was known of it at that rung.
//!
//! Without a model a trial is judged by its error over the best error of the others of the window that take no more of any
//! resource, the error of a constant answer among them.

use std::collections::HashSet;

use super::field::Field;
use super::model::Memo;
use super::trials::{Goals, Trials, constant_error, rung_at};
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
    /// By what they are expected to add.
    Model(&'a mut Memo, &'a Field),
    /// By their error and those of smaller ones.
    Ratio,
}

/// A trial that may go on.
struct Due {
    place: usize,
    /// Larger is better.
    score: f64,
}

/// The trial that shall go on.
pub(super) fn promoted(
    context: &Context<'_>,
    trials: &Trials<'_>,
    goals: &Goals,
    mut judge: Judge<'_>,
) -> Result<Option<u64>, Interrupted> {
    let problem = context.problem;
    let pending: HashSet<u64> = context.pending.iter().map(|running| running.trial).collect();
    let mut best: Option<Due> = None;
    for (rung, window) in windows(trials, problem, context.history.results()).into_iter().enumerate() {
        let is_resting = |place: usize| {
            let trial = trials.all[place];
            trial.rung == rung && trial.is_sound && !pending.contains(&trial.number)
        };
        let share = window.len() / ETA as usize;
        let gone_on = window.iter().filter(|&&place| !is_resting(place)).count();
        if window.len() < LEAST_RESULTS || gone_on >= share {
            continue;
        }
        let mut ranked: Vec<Due> = Vec::with_capacity(window.len());
        match &mut judge {
            Judge::Ratio => ranked.extend(ratios(trials, goals, problem, rung, &window)),
            Judge::Model(memo, field) => {
                for &place in &window {
                    context.go_on()?;
                    let trial = trials.all[place];
                    let prediction = memo.predict(problem, trial.number, trial.candidate);
                    let outcome = prediction.with(trials.estimate_at(place, rung));
                    let score = field.expected(trial.number, &goals.resources(trial.candidate), &outcome);
                    ranked.push(Due { place, score });
                }
            }
        }
        ranked.sort_by(|one, other| other.score.total_cmp(&one.score).then(one.place.cmp(&other.place)));
        ranked.truncate(share);
        for Due { place, score } in ranked.into_iter().filter(|due| is_resting(due.place)) {
            let epochs = problem.rungs[rung + 1] - problem.rungs[rung];
            let score = match judge {
                // Nothing is to be gained.
                Judge::Model(..) if score <= 0.0 => continue,
                Judge::Model(..) => score / cost(epochs, trials.all[place].candidate.resources.macs),
                Judge::Ratio => score,
            };
            if best.as_ref().is_none_or(|best| score > best.score) {
                best = Some(Due { place, score });
            }
        }
    }
    Ok(best.map(|due| trials.all[due.place].number))
}

/// How far below the best of smaller ones the error of each trial of a window is, by logarithms.
fn ratios(trials: &Trials<'_>, goals: &Goals, problem: &Problem, rung: usize, window: &[usize]) -> Vec<Due> {
    let constant = constant_error(problem).ln();
    let seen: Vec<(usize, f64, Vec<f64>)> = window
        .iter()
        .filter_map(|&place| {
            Some((place, trials.curve(place)[rung]?, goals.resources(trials.all[place].candidate)))
        })
        .collect();
    let score = |(own, (place, error, resources)): (usize, &(usize, f64, Vec<f64>))| {
        let smaller = seen.iter().enumerate().filter(|(other, (_, _, takes))| {
            *other != own && takes.iter().zip(resources).all(|(other, own)| other <= own)
        });
        let best = smaller.map(|(_, (_, error, _))| *error).fold(constant, f64::min);
        Due { place: *place, score: best - error }
    };
    seen.iter().enumerate().map(score).collect()
}
