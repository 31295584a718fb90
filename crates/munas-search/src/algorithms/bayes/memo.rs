//! What proposals share: the points that the process knows, their distances, and the last fit.
//!
//! Nothing in it could not be computed anew from the history; what does not belong to the present one is dropped.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use munas_space::Architecture;

use super::covariance::{Modelled, Pair, Ranges};
use super::distance::Distances;
use super::features::Network;
use super::fit::Fit;
use crate::{Candidate, Context, Interrupted, Observed, Problem};

/// Results that a fit looks at.
const LARGEST_FIT: usize = 64;
/// Results that the process is conditioned on.
const LARGEST_PROCESS: usize = 80;

/// What the process knows a candidate by.
#[derive(Clone, Debug)]
pub(super) struct Point {
    architecture: Architecture,
    network: Arc<Network>,
    sparsity: f64,
    /// Its epochs as a share of a full training.
    fidelity: f64,
}

impl Point {
    pub fn of(problem: &Problem, candidate: &Candidate) -> Self {
        let graph = candidate.architecture.lower(problem.input, problem.classes);
        Self {
            architecture: candidate.architecture.clone(),
            network: Arc::new(Network::of(&graph)),
            sparsity: candidate.sparsity.unwrap_or(0.0),
            fidelity: fidelity(problem, candidate),
        }
    }

    fn is(&self, problem: &Problem, candidate: &Candidate) -> bool {
        self.architecture == candidate.architecture
            && self.sparsity == candidate.sparsity.unwrap_or(0.0)
            && self.fidelity == fidelity(problem, candidate)
    }

    pub fn pair(&self, other: &Self) -> Pair {
        let distances = Distances::between(&self.network, &other.network);
        Pair { distances, sparsity: self.sparsity - other.sparsity, fidelity: self.fidelity - other.fidelity }
    }
}

fn fidelity(problem: &Problem, candidate: &Candidate) -> f64 {
    f64::from(candidate.epochs) / f64::from(problem.epochs)
}

/// Points with the pairs of each and all before it.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    pub points: Vec<Point>,
    pub pairs: Vec<Vec<Pair>>,
}

impl Known {
    /// The points at these positions, in ascending order.
    pub fn select(&self, positions: &[usize]) -> Self {
        let pairs = |(rank, &position): (usize, &usize)| {
            positions[..rank].iter().map(|&other| self.pairs[position][other]).collect()
        };
        Self {
            points: positions.iter().map(|&position| self.points[position].clone()).collect(),
            pairs: positions.iter().enumerate().map(pairs).collect(),
        }
    }

    /// The points of `candidates`, in this order. What is known of them already is not computed again.
    fn following(&self, context: &Context<'_>, candidates: &[&Candidate]) -> Result<Self, Interrupted> {
        let place =
            |candidate: &Candidate| self.points.iter().position(|point| point.is(context.problem, candidate));
        let places: Vec<Option<usize>> = candidates.iter().map(|candidate| place(candidate)).collect();
        let mut next = Self::default();
        for (rank, candidate) in candidates.iter().enumerate() {
            context.go_on()?;
            let point = match places[rank] {
                Some(place) => self.points[place].clone(),
                None => Point::of(context.problem, candidate),
            };
            let others = places.iter().zip(&next.points);
            let pairs = others.map(|(&place, other)| match (places[rank], place) {
                // The same pair the other way round may differ in its last bit.
                (Some(later), Some(earlier)) if earlier < later => self.pairs[later][earlier],
                _ => point.pair(other),
            });
            next.pairs.push(pairs.collect());
            next.points.push(point);
        }
        Ok(next)
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Memo {
    /// Whether points differ in their fidelity.
    fidelity: bool,
    known: Known,
    /// The last fit, with the digest of the results that it was made from.
    pub fit: Option<(u64, Arc<Fit>)>,
}

/// A process's hyper-parameters, the results that it is conditioned on, and its points: those results, then the running trials.
pub(super) struct Selected {
    pub fit: Arc<Fit>,
    /// Positions among all results.
    pub results: Vec<usize>,
    pub known: Known,
}

impl Memo {
    /// Nothing yet; `fidelity`: whether points will differ in it.
    pub fn new(fidelity: bool) -> Self {
        Self { fidelity, ..Self::default() }
    }

    /// What a proposal needs, from all results and the number of those that the fit is made from.
    pub fn select(
        &mut self,
        context: &Context<'_>,
        results: &[&Observed],
        fitted: usize,
    ) -> Result<Selected, Interrupted> {
        let (shown, chosen) = (spread(&results[..fitted], LARGEST_FIT), spread(results, LARGEST_PROCESS));
        let mut all = [shown.as_slice(), &chosen].concat();
        all.sort_unstable();
        all.dedup();
        let place = |result: &usize| all.binary_search(result).expect("all has each of both");
        let pending = context.pending.iter().map(|running| &running.candidate);
        let candidates = all.iter().map(|&result| &results[result].candidate).chain(pending);
        self.known = self.known.following(context, &candidates.collect::<Vec<_>>())?;
        let fit =
            self.fit(context, &results[..fitted], &shown, &shown.iter().map(place).collect::<Vec<_>>())?;
        let running = all.len()..self.known.points.len();
        let positions: Vec<usize> = chosen.iter().map(place).chain(running).collect();
        Ok(Selected { fit, results: chosen, known: self.known.select(&positions) })
    }

    /// The fit to the first results, of which those `shown` lie at these positions.
    fn fit(
        &mut self,
        context: &Context<'_>,
        results: &[&Observed],
        shown: &[usize],
        positions: &[usize],
    ) -> Result<Arc<Fit>, Interrupted> {
        let digest = digest(results);
        if let Some((of, fit)) = &self.fit
            && *of == digest
        {
            return Ok(Arc::clone(fit));
        }
        let y: Vec<f64> = shown.iter().map(|&result| gain(results[result])).collect();
        let modelled = Modelled { sparsity: context.problem.pruning.is_some(), fidelity: self.fidelity };
        let ranges = Ranges::of(&y, modelled);
        let mut rng = (context.streams)(results.len() as u64);
        let pairs = self.known.select(positions).pairs;
        let fit = Arc::new(Fit::new(&y, &pairs, &ranges, context, &mut *rng)?);
        self.fit = Some((digest, Arc::clone(&fit)));
        Ok(fit)
    }
}

/// What is modelled: −error of a finished trial.
pub(super) fn gain(result: &Observed) -> f64 {
    -result.error.expect("only finished trials are looked at")
}

/// At most `most` of the results, in order: the best half of them, and others spread evenly over time. As results come in,
/// few of them change from one proposal to the next.
fn spread(results: &[&Observed], most: usize) -> Vec<usize> {
    let count = results.len();
    if count <= most {
        return (0..count).collect();
    }
    let mut by_error: Vec<usize> = (0..count).collect();
    by_error.sort_by(|&one, &other| gain(results[other]).total_cmp(&gain(results[one])));
    let mut chosen = by_error[..most / 2].to_vec();
    let stride = count.div_ceil(most - most / 2).next_power_of_two();
    chosen.extend((0..count).step_by(stride));
    chosen.sort_unstable();
    chosen.dedup();
    chosen
}

fn digest(results: &[&Observed]) -> u64 {
    let mut hasher = DefaultHasher::new();
    for Observed { candidate, error, .. } in results {
        candidate.architecture.hash(&mut hasher);
        candidate.sparsity.map(f64::to_bits).hash(&mut hasher);
        candidate.epochs.hash(&mut hasher);
        error.map(f64::to_bits).hash(&mut hasher);
    }
    hasher.finish()
}
