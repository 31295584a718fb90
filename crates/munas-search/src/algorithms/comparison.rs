//! Algorithms against random search on the synthetic trainer, at equal numbers of trials.

use crate::pareto::hypervolume;
use crate::testing::{image_problem, search, settings};
use crate::{AlgorithmKind, Bounds, History, Objective, Problem};

const SEEDS: u64 = 6;
const TRIALS: u64 = 600;

/// The hypervolume of the trials' objectives below the bounds, as a share of the box between zero and the bounds.
fn share_of_bounds(problem: &Problem, history: &History) -> f64 {
    let bounds = problem.bounds.values;
    let ratios = history.finished().map(|trial| {
        let values = trial.candidate.objectives(trial.error);
        bounds.iter().filter_map(|(objective, bound)| Some(values[objective]? / bound)).collect::<Vec<f64>>()
    });
    let ratios: Vec<Vec<f64>> = ratios.collect();
    hypervolume(&ratios, &vec![1.0; bounds.iter().count()])
}

#[test]
fn aging_evolution_beats_random_search() {
    let bounds = Bounds::soft([
        (Objective::Error, 0.4),
        (Objective::PeakMemory, 5000.0),
        (Objective::ModelSize, 15_000.0),
        (Objective::Macs, 500_000.0),
    ]);
    let problem = Problem { bounds, ..image_problem() };
    let settings = settings(30, 10);
    let outcome = |kind: AlgorithmKind, seed: u64| {
        let (history, error) = search(&problem, &*kind.build(&settings), TRIALS, seed);
        assert_eq!(error, None);
        share_of_bounds(&problem, &history)
    };
    let pairs: Vec<(f64, f64)> = (0..SEEDS)
        .map(|seed| (outcome(AlgorithmKind::Aging, seed), outcome(AlgorithmKind::Random, seed)))
        .collect();
    let better = pairs.iter().filter(|(aging, random)| aging > random).count() as u64;
    let mean = |pick: fn(&(f64, f64)) -> f64| pairs.iter().map(pick).sum::<f64>() / SEEDS as f64;
    assert!(better >= SEEDS - 1, "aging evolution, random search: {pairs:?}");
    assert!(mean(|pair| pair.0) > 1.2 * mean(|pair| pair.1), "aging evolution, random search: {pairs:?}");
}
