use std::collections::HashSet;

use super::*;
use crate::testing::{context, generator, image_problem, random_candidate, random_history, synthetic_error};
use crate::{History, Problem};

fn candidates(problem: &Problem, count: usize, seed: u64) -> Vec<Candidate> {
    let mut rng = generator(seed, 0);
    (0..count).map(|_| random_candidate(problem, &mut rng)).collect()
}

/// Kendall's tau, by all pairs.
fn tau(one: &[f64], other: &[f64]) -> f64 {
    let pairs = || (0..one.len()).flat_map(|a| (0..a).map(move |b| (a, b)));
    let agreement = |(a, b): (usize, usize)| ((one[a] - one[b]) * (other[a] - other[b])).signum();
    pairs().map(agreement).sum::<f64>() / pairs().count() as f64
}

#[test]
fn every_model_ranks_networks_that_it_has_not_seen() {
    let problem = image_problem();
    let mut history = History::new(problem.input);
    for (trial, candidate) in (0..).zip(candidates(&problem, 60, 1)) {
        let error = Some(synthetic_error(&candidate));
        history.push(Observed { trial, epochs: candidate.epochs, candidate, error });
    }
    let asked = candidates(&problem, 40, 2);
    let errors: Vec<f64> = asked.iter().map(synthetic_error).collect();
    let asked: Vec<&Candidate> = asked.iter().collect();
    let mut said = HashSet::new();
    for predictor in Predictor::ALL {
        let predicted = predictor.log_errors(context(&problem, &history, &[]), &asked).unwrap();
        let agreement = tau(&predicted, &errors);
        assert!(agreement > 0.2, "{}: {agreement}", predictor.name());
        assert!(predicted.iter().all(|value| value.is_finite()));
        said.insert(predicted.into_iter().map(f64::to_bits).collect::<Vec<_>>());
    }
    assert_eq!(said.len(), Predictor::ALL.len(), "they are different models");
}

#[test]
fn both_together_lie_between_and_are_surer_than_either() {
    let problem = Problem { rungs: vec![3, image_problem().epochs], ..image_problem() };
    let mut history = random_history(&problem, &[Some(0.3), Some(0.2), Some(0.6), Some(0.5), Some(0.4)], 3);
    let candidate = candidates(&problem, 1, 4).remove(0);
    history.push(Observed { trial: 99, candidate, epochs: 3, error: Some(0.05) });
    let of = |trial, left_out| Resting::of(context(&problem, &history, &[]), trial, left_out).unwrap();
    let Resting { rung, surrogate, both } = of(99, true).unwrap();
    assert!(rung.mean < both.mean && both.mean < surrogate.mean, "{rung:?} {both:?} {surrogate:?}");
    assert!(both.deviation < rung.deviation.min(surrogate.deviation));
    assert!((rung.mean - 0.05_f64.ln()).abs() < 1e-12, "nothing tells how it goes on");
    let within = of(99, false).unwrap();
    assert!(within.surrogate.mean < surrogate.mean, "the model has seen how good it is");
    assert_eq!(of(100, true), None);
}
