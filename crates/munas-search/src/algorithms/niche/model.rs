//! The surrogate with what proposals and promotions share: the last fit, and the features of networks that are looked at again and again.
//!
//! A fit is made from the first c results, c = 20 trials, then c + max(8, 5 %), so that it is a function of the history. Nothing in
//! the memo could not be computed anew.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use super::ehvi::Outcome;
use super::features::{Features, features};
use super::fidelity::Offset;
use super::surrogate::{Prediction, Row, Surrogate};
use super::trials::Trials;
use crate::{Candidate, Context, Interrupted, Observed, Problem};

/// Trials with a result before there is a model.
const FIRST_FIT: usize = 20;
/// New results between two fits: so many at least, and that share.
const LEAST_NEW: usize = 8;
const NEW_SHARE: f64 = 0.05;
/// The latest trials, which a fit looks at.
const MOST_ROWS: usize = 2_000;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Memo {
    /// With the digest of what it was made from.
    fit: Option<(u64, Arc<Surrogate>)>,
    /// By the trial's number; another candidate of that number is another search's.
    known: HashMap<u64, Known>,
}

/// A trial that is looked at again and again.
#[derive(Debug)]
struct Known {
    candidate: Candidate,
    features: Features,
    /// By the last fit.
    moments: Option<Moments>,
}

/// Mean and variance of a prediction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::algorithms) struct Moments {
    pub mean: f64,
    pub variance: f64,
}

/// The features of a candidate as it will be, or is, trained.
pub(in crate::algorithms) fn features_of(problem: &Problem, candidate: &Candidate) -> Features {
    let graph = candidate.architecture.lower(problem.input, problem.classes);
    features(&graph, &candidate.resources, candidate.sparsity.unwrap_or(0.0))
}

/// What a fit looks at: the latest trials, each with an estimate of its error after a full training.
pub(in crate::algorithms) fn rows(
    context: &Context<'_>,
    trials: &Trials<'_>,
) -> Result<Vec<Row>, Interrupted> {
    let mut rows = Vec::new();
    for place in trials.all.len().saturating_sub(MOST_ROWS)..trials.all.len() {
        context.go_on()?;
        let Some(estimate) = trials.estimate(place) else { continue };
        let features = features_of(context.problem, trials.all[place].candidate);
        rows.push(Row { features, log_error: estimate.median });
    }
    Ok(rows)
}

/// The number of results that the fit is made from, once there are enough.
fn fitted(results: &[&Observed]) -> Option<usize> {
    let mut trials = HashSet::new();
    let first = results.iter().position(|result| trials.insert(result.trial) && trials.len() == FIRST_FIT)?;
    let mut count = first + 1;
    loop {
        let next = count + LEAST_NEW.max((NEW_SHARE * count as f64).ceil() as usize);
        if next > results.len() {
            return Some(count);
        }
        count = next;
    }
}

impl Memo {
    /// The surrogate for a history with these finished results; `None` as long as there are too few.
    pub fn fit(
        &mut self,
        context: &Context<'_>,
        results: &[&Observed],
    ) -> Result<Option<Arc<Surrogate>>, Interrupted> {
        let Some(count) = fitted(results) else { return Ok(None) };
        let results = &results[..count];
        let digest = digest(context.problem, results);
        if let Some((of, fit)) = &self.fit
            && *of == digest
        {
            return Ok(Some(Arc::clone(fit)));
        }
        let trials = Trials::new(context.problem, results);
        let fit = Arc::new(Surrogate::fit(&rows(context, &trials)?, &mut *(context.streams)(count as u64)));
        self.fit = Some((digest, Arc::clone(&fit)));
        self.known.values_mut().for_each(|known| known.moments = None);
        Ok(Some(fit))
    }

    /// What the last fit says of a trial's candidate; there must have been one.
    pub fn predict(&mut self, problem: &Problem, trial: u64, candidate: &Candidate) -> Moments {
        let (_, fit) = self.fit.as_ref().expect("who predicts has fitted");
        let is_known = self.known.get(&trial).is_some_and(|known| known.candidate == *candidate);
        if !is_known {
            let features = features_of(problem, candidate);
            self.known.insert(trial, Known { candidate: candidate.clone(), features, moments: None });
        }
        let known = self.known.get_mut(&trial).expect("it was put there");
        *known.moments.get_or_insert_with(|| Moments::of(&fit.predict(&known.features)))
    }

    /// Forgets all trials but these.
    pub fn keep(&mut self, trials: &HashSet<u64>) {
        self.known.retain(|trial, _| trials.contains(trial));
    }
}

impl Moments {
    /// Those of a prediction.
    pub fn of(prediction: &Prediction) -> Self {
        Self { mean: prediction.mean(), variance: prediction.variance() }
    }

    /// Together with what the result at a rung says: normal distributions, weighted by their precisions.
    pub fn updated(self, Offset { median, deviation }: Offset) -> Self {
        if deviation == 0.0 {
            return Self { mean: median, variance: 0.0 };
        }
        let (one, other) = (self.variance.recip(), deviation.powi(2).recip());
        Self { mean: (self.mean * one + median * other) / (one + other), variance: (one + other).recip() }
    }

    /// A normal distribution, together with what the result at a rung says where there is one.
    pub(super) fn with(self, at_rung: Option<Offset>) -> Outcome {
        let Self { mean, variance } = at_rung.map_or(self, |offset| self.updated(offset));
        Outcome::Normal { mean, deviation: variance.sqrt() }
    }
}

/// Of all that a fit depends on. It sees no architecture of trials that are older than those it looks at, which saves most of the time.
fn digest(problem: &Problem, results: &[&Observed]) -> u64 {
    let mut trials = HashSet::new();
    let first = |(place, result): (usize, &&Observed)| trials.insert(result.trial).then_some(place);
    let first_results: Vec<usize> = results.iter().enumerate().filter_map(first).collect();
    let oldest = first_results.len().checked_sub(MOST_ROWS).map_or(0, |before| first_results[before]);
    let mut hasher = DefaultHasher::new();
    (problem.input, problem.classes, &problem.rungs).hash(&mut hasher);
    for (place, Observed { trial, candidate, epochs, error }) in results.iter().enumerate() {
        (trial, epochs, error.map(f64::to_bits)).hash(&mut hasher);
        if place >= oldest {
            candidate.architecture.hash(&mut hasher);
            candidate.resources.hash(&mut hasher);
            candidate.sparsity.map(f64::to_bits).hash(&mut hasher);
        }
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::{Moments, fitted};
    use crate::Observed;
    use crate::algorithms::niche::ehvi::Outcome;
    use crate::algorithms::niche::fidelity::Offset;
    use crate::testing::{image_problem, random_history};

    #[test]
    fn refits_become_rarer() {
        let history = random_history(&image_problem(), &[Some(0.5); 200], 1);
        let results: Vec<&Observed> = history.finished().collect();
        let counts: Vec<_> = (0..=200).map(|known| fitted(&results[..known])).collect();
        assert_eq!((counts[19], counts[20], counts[27], counts[28]), (None, Some(20), Some(20), Some(28)));
        assert!(counts[200].unwrap() > 190 && counts.is_sorted());
    }

    #[test]
    fn results_of_one_trial_count_once_towards_the_first_fit() {
        let mut history = random_history(&image_problem(), &[Some(0.5); 19], 1);
        let again = history.results()[3].clone();
        (0..5).for_each(|_| history.push(again.clone()));
        assert_eq!(fitted(&history.finished().collect::<Vec<_>>()), None);
        history.push(Observed { trial: 77, ..again });
        assert_eq!(fitted(&history.finished().collect::<Vec<_>>()), Some(25));
    }

    #[test]
    fn the_surer_of_two_statements_counts_more() {
        let prediction = Moments { mean: -1.0, variance: 0.04 };
        let seen = |median, deviation| Some(Offset { median, deviation });
        assert_eq!(prediction.with(None), Outcome::Normal { mean: -1.0, deviation: 0.2 });
        assert_eq!(prediction.with(seen(-2.0, 0.0)), Outcome::Normal { mean: -2.0, deviation: 0.0 });
        let Outcome::Normal { mean, deviation } = prediction.with(seen(-2.0, 0.1)) else { unreachable!() };
        assert!((mean - -1.8).abs() < 1e-12 && (deviation - 0.008_f64.sqrt()).abs() < 1e-12);
    }
}
