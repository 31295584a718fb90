//! The surrogate with what proposals and promotions share: the last fit, and the features of networks that are looked at again and again.
//!
//! A fit is made from the first c results with an error, c = 20 trials, then c + max(8, 5 %), so that it is a function of the history.
//! Nothing in the memo could not be computed anew.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::ehvi::Outcome;
use super::features::{Features, features};
use super::fidelity::Offset;
use super::seen::Seen;
use super::surrogate::{Prediction, Row, Surrogate};
use super::trials::Trials;
use crate::{Candidate, Context, Interrupted, Observed, Problem};

/// The latest trials, which a fit looks at.
const MOST_ROWS: usize = 2_000;

/// What is kept from one decision to the next.
#[derive(Debug, Default)]
pub(super) struct Memo {
    seen: Option<Seen>,
    model: Model,
}

/// What is remembered of the surrogate, for a history that goes on.
#[derive(Debug, Default)]
pub(super) struct Model {
    /// With the number of results that it was made from.
    fit: Option<(usize, Arc<Surrogate>)>,
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

/// What a fit to some results looks at: the latest trials, each with an estimate of its error after a full training.
pub(in crate::algorithms) fn rows(
    context: &Context<'_>,
    results: &[&Observed],
) -> Result<Vec<Row>, Interrupted> {
    let trials = Trials::new(context.problem, results);
    let mut rows = Vec::new();
    for place in trials.all.len().saturating_sub(MOST_ROWS)..trials.all.len() {
        context.go_on()?;
        let Some(estimate) = trials.estimate(place) else { continue };
        let features = features_of(context.problem, &results[trials.all[place].latest].candidate);
        rows.push(Row { features, log_error: estimate.median });
    }
    Ok(rows)
}

impl Memo {
    /// What decisions need of a history, and what is remembered of the surrogate.
    pub fn of(&mut self, context: &Context<'_>) -> (&Seen, &mut Model) {
        let Context { problem, history, .. } = context;
        let Self { seen, model } = self;
        let mut begun = seen.take().filter(|seen| seen.begins(problem, history));
        match &mut begun {
            Some(seen) => seen.catch_up(problem, history),
            None => *model = Model::default(),
        }
        (seen.insert(begun.unwrap_or_else(|| Seen::all(problem, history))), model)
    }
}

impl Model {
    /// The surrogate for a history; `None` as long as there are too few results.
    pub fn fit(&mut self, context: &Context<'_>, seen: &Seen) -> Result<Option<Arc<Surrogate>>, Interrupted> {
        let Some(count) = seen.fitted() else { return Ok(None) };
        if let Some((of, fit)) = &self.fit
            && *of == count
        {
            return Ok(Some(Arc::clone(fit)));
        }
        let results: Vec<&Observed> = context.history.finished().take(count).collect();
        let fit = Arc::new(Surrogate::fit(&rows(context, &results)?, &mut *(context.streams)(count as u64)));
        self.fit = Some((count, Arc::clone(&fit)));
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

#[cfg(test)]
mod tests {
    use super::Moments;
    use crate::algorithms::niche::ehvi::Outcome;
    use crate::algorithms::niche::fidelity::Offset;

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
