//! By which rule a network goes on.

use std::error::Error;

use munas_search::algorithms::{Judging, Niche, Standing};
use munas_search::rungs::ETA;
use munas_search::{Bounds, History, Objective, Problem, pareto};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::networks::with_context;
use super::{Replay, cost, point_at};

/// Results at a rung before the first of them goes on.
const LEAST_RESULTS: usize = 2 * ETA as usize;
/// A soft bound on the error of which the reference of `niche` is the error of one answer for all.
const BOUND_OF_MAJORITY: f64 = 0.3;

/// What the networks at a rung are ranked by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Judge {
    /// Nothing: at random.
    Random,
    /// The error at the rung.
    Error,
    /// Non-dominated ranks, then the crowding distance of NSGA-II.
    Crowding,
    /// Non-dominated ranks, then an epsilon-net: as MO-ASHA.
    EpsilonNet,
    /// The error at the rung over that of smaller ones.
    Ratio,
    /// What it is expected to add, by its error at the rung.
    Rung,
    /// What it is expected to add, by its error at the rung and the model: `niche`.
    Model,
    /// The same, with the error of one answer for all as the reference.
    ModelToMajority,
}

impl Judge {
    /// All of them.
    pub(crate) const ALL: [Self; 8] = [
        Self::Random,
        Self::Error,
        Self::Crowding,
        Self::EpsilonNet,
        Self::Ratio,
        Self::Rung,
        Self::Model,
        Self::ModelToMajority,
    ];

    /// A name for tables.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Random => "random",
            Self::Error => "error",
            Self::Crowding => "sorting + crowding",
            Self::EpsilonNet => "sorting + epsilon-net",
            Self::Ratio => "ratio",
            Self::Rung => "EHVI / cost by rung",
            Self::Model => "EHVI / cost by rung and model",
            Self::ModelToMajority => "the same to majority",
        }
    }

    /// How `niche` judges by it; `None` for what it does not know.
    const fn judging(self) -> Option<Judging> {
        match self {
            Self::Random | Self::Error | Self::Crowding | Self::EpsilonNet => None,
            Self::Ratio => Some(Judging::Ratio),
            Self::Rung => Some(Judging::Rung),
            Self::Model | Self::ModelToMajority => Some(Judging::Model),
        }
    }
}

/// A rule with what it remembers.
pub(crate) struct Rule {
    pub judge: Judge,
    /// Whether nothing goes on from a rung of which a third has.
    pub capped: bool,
    niche: Niche,
    /// Of the random order.
    seed: u64,
}

impl Rule {
    pub(crate) fn new(judge: Judge, capped: bool, seed: u64) -> Self {
        Self { judge, capped, niche: Niche::new(), seed }
    }

    /// The place of the network that goes on now: of the best third at its rung. Where `niche` knows the judge, its score decides between
    /// rungs, else the highest rung comes first.
    pub(crate) fn due(
        &self,
        replay: &Replay<'_>,
        history: &History,
        rungs: &[Option<usize>],
    ) -> Result<Option<usize>, Box<dyn Error>> {
        let (judging, standings) = match self.judge.judging() {
            Some(judging) => self.standings(judging, replay, history)?,
            None => {
                let last = replay.problem.rungs.len() - 1;
                let ranked = (0..last).flat_map(|rung| self.ranked(rung, replay, rungs));
                (None, ranked.collect())
            }
        };
        let place = |trial| replay.all.iter().position(|network| network.number == trial);
        let mut best: Option<(usize, f64)> = None;
        for window in standings.chunk_by(|one, other| one.rung == other.rung) {
            let share = window.len() / ETA as usize;
            let gone_on = window.iter().filter(|standing| !standing.is_resting).count();
            if window.len() < LEAST_RESULTS || (self.capped && gone_on >= share) {
                continue;
            }
            for Standing { trial, rung, score, .. } in window[..share].iter().filter(|one| one.is_resting) {
                let place = place(*trial).ok_or("a trial is a network")?;
                let ends = &replay.problem.rungs;
                let score = match judging {
                    None | Some(Judging::Ratio) => *score,
                    Some(Judging::Rung | Judging::Model) if *score <= 0.0 => continue,
                    Some(Judging::Rung | Judging::Model) => {
                        score / (f64::from(ends[rung + 1] - ends[*rung]) * cost(&replay.all[place]))
                    }
                };
                if best.is_none_or(|(_, best)| score > best) {
                    best = Some((place, score));
                }
            }
        }
        Ok(best.map(|(place, _)| place))
    }

    /// Those of `niche`, which judges by ratio as long as it has no model.
    fn standings(
        &self,
        judging: Judging,
        replay: &Replay<'_>,
        history: &History,
    ) -> Result<(Option<Judging>, Vec<Standing>), Box<dyn Error>> {
        let to_majority;
        let problem = if self.judge == Judge::ModelToMajority {
            let values = replay.problem.bounds.values;
            let hard = replay.problem.bounds.hard.clone();
            let mut bounds = Bounds { values, hard };
            bounds.values[Objective::Error] = Some(BOUND_OF_MAJORITY);
            to_majority = Problem { bounds, ..replay.problem.clone() };
            &to_majority
        } else {
            replay.problem
        };
        with_context(problem, history, replay.number, |context| {
            if let Some(standings) = self.niche.standings(context, judging)? {
                return Ok((Some(judging), standings));
            }
            let standings = self.niche.standings(context, Judging::Ratio)?;
            Ok((Some(Judging::Ratio), standings.ok_or("a ratio needs no model")?))
        })
    }

    /// The networks that have been at a rung, best first.
    fn ranked(&self, rung: usize, replay: &Replay<'_>, rungs: &[Option<usize>]) -> Vec<Standing> {
        let Replay { problem, all, training, .. } = replay;
        let seen: Vec<usize> = (0..all.len()).filter(|&place| rungs[place] >= Some(rung)).collect();
        let points: Vec<Vec<f64>> =
            seen.iter().map(|&place| point_at(problem, &all[place], *training, rung)).collect();
        let order = match self.judge {
            Judge::Random => {
                let mut priorities: Vec<usize> = (0..all.len()).collect();
                priorities.shuffle(&mut ChaCha8Rng::seed_from_u64(!self.seed));
                sorted(seen.len(), |one| priorities[seen[one]] as f64)
            }
            Judge::Crowding => by_ranks(&points, |points| {
                let distances = crowding(points);
                sorted(points.len(), |one| -distances[one])
            }),
            Judge::EpsilonNet => by_ranks(&points, epsilon_net),
            Judge::Error | Judge::Ratio | Judge::Rung | Judge::Model | Judge::ModelToMajority => {
                sorted(seen.len(), |one| points[one][0])
            }
        };
        // The higher rung first, then the better.
        let score = |better: usize| (rung * all.len() + all.len() - better) as f64;
        let standing = |(better, one): (usize, usize)| Standing {
            trial: all[seen[one]].number,
            rung,
            is_resting: rungs[seen[one]] == Some(rung),
            score: score(better),
        };
        order.into_iter().enumerate().map(standing).collect()
    }
}

/// The numbers below `count` by ascending value.
fn sorted(count: usize, value: impl Fn(usize) -> f64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by(|&one, &other| value(one).total_cmp(&value(other)));
    order
}

/// Front by front, each in the order that `within` gives to its points.
fn by_ranks(points: &[Vec<f64>], within: impl Fn(&[&[f64]]) -> Vec<usize>) -> Vec<usize> {
    let ranks = pareto::ranks(points);
    let mut order = Vec::new();
    for rank in 0..=ranks.iter().copied().max().unwrap_or(0) {
        let members: Vec<usize> = (0..points.len()).filter(|&one| ranks[one] == rank).collect();
        let front: Vec<&[f64]> = members.iter().map(|&one| points[one].as_slice()).collect();
        order.extend(within(&front).into_iter().map(|one| members[one]));
    }
    order
}

/// Least and largest value along an axis.
fn range(points: &[&[f64]], axis: usize) -> (f64, f64) {
    let values = points.iter().map(|point| point[axis]);
    values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)))
}

/// The distances of each point's neighbours along every axis, in parts of the whole range.
fn crowding(points: &[&[f64]]) -> Vec<f64> {
    let mut distances = vec![0.0; points.len()];
    for axis in 0..points.first().map_or(0, |point| point.len()) {
        let order = sorted(points.len(), |one| points[one][axis]);
        let (low, high) = range(points, axis);
        for (place, &one) in order.iter().enumerate() {
            distances[one] += match (place.checked_sub(1), order.get(place + 1)) {
                (Some(before), Some(&after)) if high > low => {
                    (points[after][axis] - points[order[before]][axis]) / (high - low)
                }
                (Some(_), Some(_)) => 0.0,
                _ => f64::INFINITY,
            };
        }
    }
    distances
}

/// The point of least error, then again and again the one that is furthest from those before it, with axes of equal range.
fn epsilon_net(points: &[&[f64]]) -> Vec<usize> {
    let axes = points.first().map_or(0, |point| point.len());
    let ranges: Vec<(f64, f64)> = (0..axes).map(|axis| range(points, axis)).collect();
    let distance = |one: usize, other: usize| -> f64 {
        let along = |axis: usize| {
            let (low, high) = ranges[axis];
            (points[one][axis] - points[other][axis]) / (high - low).max(f64::MIN_POSITIVE)
        };
        (0..axes).map(|axis| along(axis).powi(2)).sum::<f64>()
    };
    let mut left = sorted(points.len(), |one| points[one][0]);
    let mut order: Vec<usize> = left.drain(..1.min(left.len())).collect();
    let mut least = vec![f64::INFINITY; points.len()];
    while let Some(&latest) = order.last()
        && !left.is_empty()
    {
        left.iter().for_each(|&one| least[one] = least[one].min(distance(one, latest)));
        let furthest = (0..left.len()).max_by(|&a, &b| least[left[a]].total_cmp(&least[left[b]]));
        order.extend(furthest.map(|place| left.remove(place)));
    }
    order
}
