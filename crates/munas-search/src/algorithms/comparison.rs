//! Algorithms against random search on the synthetic trainer, at equal numbers of trials.

use crate::pareto::hypervolume;
use crate::rungs::rungs;
use crate::testing::{image_problem, search, search_in_rungs, settings};
use crate::{AlgorithmKind, Bounds, History, Objective, Problem, Sampling};

const SEEDS: u64 = 6;
const TRIALS: u64 = 600;

/// The hypervolume of the trials' objectives below the bounds, as a share of the box between zero and the bounds.
fn share_of_bounds(problem: &Problem, history: &History) -> f64 {
    let bounds = problem.bounds.values;
    let trained = history.finished().filter(|result| result.epochs == problem.epochs);
    let ratios = trained.map(|trial| {
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

/// In logarithms, which is what niche adds to: a front of all sizes counts, not the corner of the box near zero. In shares of the
/// bounds, as above, evolution is ahead on this trainer, where it trains more networks to their end.
#[test]
fn niche_has_more_volume_in_logarithms_than_evolution_at_three_times_its_epochs() {
    const EPOCHS: u32 = 27;
    let limits =
        [(Objective::PeakMemory, 5000.0), (Objective::ModelSize, 15_000.0), (Objective::Macs, 200_000.0)];
    let problem = Problem {
        bounds: Bounds::hard(limits),
        sampling: Sampling::Target,
        epochs: EPOCHS,
        rungs: rungs(EPOCHS, 4, 1),
        ..image_problem()
    };
    let settings = settings(30, 10);
    let volume = |history: &History| {
        let trained = history.finished().filter(|result| result.epochs == EPOCHS);
        let logarithms = trained.map(|result| {
            let values = result.candidate.objectives(result.error);
            let resources = limits.iter().filter_map(|(objective, _)| values[*objective]);
            result.error.into_iter().chain(resources).map(f64::ln).collect::<Vec<f64>>()
        });
        let reference: Vec<f64> =
            [0.9].into_iter().chain(limits.map(|(_, limit)| limit)).map(f64::ln).collect();
        hypervolume(&logarithms.collect::<Vec<_>>(), &reference)
    };
    for seed in 0..3 {
        let niche = search_in_rungs(&problem, &*AlgorithmKind::Niche.build(&settings), 50 * EPOCHS, seed);
        let (aging, error) = search(&problem, &*AlgorithmKind::Aging.build(&settings), 150, seed);
        assert_eq!(error, None);
        let (niche, aging) = (volume(&niche), volume(&aging));
        assert!(niche > aging, "niche {niche}, evolution {aging}");
    }
}
