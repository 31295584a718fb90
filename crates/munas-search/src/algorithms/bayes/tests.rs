use std::sync::Arc;

use munas_ir::Shape;
use munas_space::{Architecture, MlpBounds, Range, Space};
use nalgebra::DVector;

use super::covariance::{COUNT, LOG_FIDELITY_LENGTH, Modelled, Ranges};
use super::fit::Fit;
use super::memo::{Known, Point};
use super::process::Process;
use super::*;
use crate::testing::{
    context, generator, image_problem, pending, random_candidate, random_history, search, synthetic_error,
    synthetic_error_after, tiny_problem,
};
use crate::{
    Bounds, History, Objective, Pending, Problem, PruningMode, Scalarisation, SparsityRange, suggest,
};

#[test]
fn a_fit_is_renewed_with_every_seventeenth_result() {
    let problem = image_problem();
    let errors: Vec<Option<f64>> = (0..50).map(|trial| Some(f64::from(trial % 7) / 10.0)).collect();
    let history = random_history(&problem, &errors, 3);
    let algorithm = BayesianOptimisation::default();
    let mut fits: Vec<Arc<Fit>> = Vec::new();
    for known in RANDOM_STARTS..errors.len() {
        let mut begun = History::new(problem.input);
        history.results()[..known].iter().for_each(|trial| begun.push(trial.clone()));
        drop(algorithm.proposer(context(&problem, &begun, &[]), &mut generator(1, known as u64)).unwrap());
        let (_, fit) = algorithm.memo.lock().unwrap().fit.clone().unwrap();
        if fits.last().is_none_or(|last| !Arc::ptr_eq(last, &fit)) {
            assert_eq!((known - RANDOM_STARTS) % REFIT_EVERY, 0, "{known}");
            fits.push(fit);
        }
    }
    assert_eq!(fits.len(), 3);
    assert!(fits.windows(2).all(|pair| pair[0] != pair[1]));
}

#[test]
fn the_process_ranks_networks_that_it_has_not_seen() {
    let problem = image_problem();
    let mut rng = generator(8, 0);
    let mut candidates: Vec<Candidate> = (0..140).map(|_| random_candidate(&problem, &mut rng)).collect();
    let unseen = candidates.split_off(100);
    let mut history = History::new(problem.input);
    for (trial, candidate) in (0..).zip(candidates) {
        let error = Some(synthetic_error(&candidate));
        history.push(Observed { trial, epochs: candidate.epochs, candidate, error });
    }
    let results: Vec<&Observed> = history.finished().collect();
    let context = context(&problem, &history, &[]);
    let Selected { fit, known, results: chosen } =
        Memo::default().select(&context, &results, results.len()).unwrap();
    let y: Vec<f64> = chosen.iter().map(|&result| -results[result].error.unwrap()).collect();
    let hyper = fit.likeliest;
    let all = Process::new(hyper, &known.pairs);
    let coefficients = all.coefficients(&y);
    let foretold: Vec<f64> = unseen
        .iter()
        .map(|candidate| {
            let point = Point::of(&problem, candidate);
            let covariances = known.points.iter().map(|known| hyper.covariance(&point.pair(known)));
            -all.mean(&coefficients, &DVector::from_iterator(known.points.len(), covariances))
        })
        .collect();
    let errors: Vec<f64> = unseen.iter().map(synthetic_error).collect();
    let (mut concordant, mut pairs) = (0, 0);
    for one in 0..errors.len() {
        for other in 0..one {
            pairs += 1;
            concordant += i32::from((errors[one] < errors[other]) == (foretold[one] < foretold[other]));
        }
    }
    let tau = f64::from(2 * concordant - pairs) / f64::from(pairs);
    assert!(tau > 0.5, "Kendall's τ of predictions is {tau}");
}

#[test]
fn running_trials_lower_the_variance_and_leave_the_mean() {
    let problem = image_problem();
    let errors: Vec<Option<f64>> = (0..20).map(|trial| Some(f64::from(trial % 5) / 10.0)).collect();
    let history = random_history(&problem, &errors, 4);
    let running = random_candidate(&problem, &mut generator(6, 0));
    let results: Vec<&Observed> = history.finished().collect();
    let known = |pending: &[Pending]| {
        let context = context(&problem, &history, pending);
        Memo::default().select(&context, &results, results.len()).unwrap().known
    };
    let (trained, all) = (known(&[]), known(&[pending(20, running.clone())]));
    let y: Vec<f64> = results.iter().map(|result| gain(result)).collect();
    let hyper = Ranges::of(&y, Modelled::default()).at(&[0.5; COUNT]);
    let point = Point::of(&problem, &running);
    let variance = |known: &Known| {
        let each = known.points.iter().map(|known| hyper.covariance(&point.pair(known)));
        Process::new(hyper, &known.pairs).variance(&DVector::from_iterator(known.points.len(), each))
    };
    assert_eq!((trained.points.len(), all.points.len()), (20, 21));
    assert!(variance(&all) < 0.5 * variance(&trained), "what is being trained need not be tried again");
}

#[test]
fn it_beats_random_search_where_a_trial_is_dear() {
    let bounds = Bounds::soft([
        (Objective::Error, 0.3),
        (Objective::PeakMemory, 5000.0),
        (Objective::ModelSize, 15_000.0),
        (Objective::Macs, 300_000.0),
    ]);
    let problem = Problem { bounds, ..image_problem() };
    let best = |algorithm: &dyn Algorithm, seed: u64| {
        let (history, error) = search(&problem, algorithm, 35, seed);
        assert_eq!(error, None);
        // With an error of 0, the bounds that are left are those of the resources.
        let inside =
            history.finished().filter(|trial| problem.bounds.are_met(&trial.candidate.objectives(Some(0.0))));
        inside.filter_map(|trial| trial.error).fold(1.0, f64::min)
    };
    let pairs: Vec<(f64, f64)> = (0..3)
        .map(|seed| {
            (best(&BayesianOptimisation::default(), seed), best(&crate::algorithms::RandomSearch, seed))
        })
        .collect();
    let better = pairs.iter().filter(|(bayes, random)| bayes < random).count();
    assert!(better >= 2, "smallest errors within the resource bounds, Bayesian and random: {pairs:?}");
}

#[test]
fn of_many_results_the_best_are_known_and_few_change_with_one_more() {
    let problem = image_problem();
    let errors: Vec<Option<f64>> =
        (0..400_u32).map(|trial| Some(f64::from(trial * 7_919 % 1_009) / 1_009.0)).collect();
    let history = random_history(&problem, &errors, 5);
    let results: Vec<&Observed> = history.finished().collect();
    let algorithm = BayesianOptimisation::default();
    let mut memo = algorithm.memo.lock().unwrap();
    let mut before: Vec<usize> = Vec::new();
    let context = context(&problem, &history, &[]);
    // The fit is none of this test's business: one that was made is kept.
    for known in 300..310 {
        let chosen = memo.select(&context, &results[..known], 15).unwrap().results;
        assert!((40..=80).contains(&chosen.len()));
        let best = (0..known).max_by(|&one, &other| gain(results[one]).total_cmp(&gain(results[other])));
        assert!(chosen.contains(&best.unwrap()));
        let new = chosen.iter().filter(|result| !before.contains(result)).count();
        assert!(before.is_empty() || new <= 2, "{new} new ones");
        before = chosen;
    }
}

#[test]
fn the_default_search_is_the_published_one() {
    let pruning = SparsityRange { mode: PruningMode::Structured, min: 0.2, max: 0.7, fits_bounds: false };
    let macs = |pruning: Option<SparsityRange>, seed: u64| -> Vec<u64> {
        let problem = Problem { pruning, ..image_problem() };
        let (history, _) = search(&problem, &BayesianOptimisation::default(), 20, seed);
        history.results()[RANDOM_STARTS..].iter().map(|result| result.candidate.resources.macs).collect()
    };
    assert_eq!(macs(None, 1), [558_442, 14_720, 1_073, 258_636, 7_308]);
    assert_eq!(macs(None, 2), [54_099, 331_389, 67_394, 177_685, 46_727]);
    assert_eq!(macs(Some(pruning), 3), [1_387, 13_764, 17_907, 32_172, 74_748]);
}

fn in_variant(variant: BayesVariant) -> BayesianOptimisation {
    BayesianOptimisation::new(BayesSettings { variant })
}

#[test]
fn all_morphisms_are_ranked_by_their_score() {
    let problem = image_problem();
    let parent = random_candidate(&problem, &mut generator(2, 0));
    let history = History::new(problem.input);
    let error = |candidate: &Candidate, _: &mut dyn Rng| synthetic_error(candidate);
    let context = context(&problem, &history, &[]);
    let ranked = acquisition::ranked_morphisms(&context, &parent, error, &mut generator(3, 0)).unwrap();
    let mut rng = generator(3, 0);
    let scalarisation = Scalarisation::draw(&problem.bounds, &mut rng);
    let all = problem.space.morphisms(&parent.architecture, &mut rng);
    assert!(all.len() > 10 && all.len() == ranked.len());
    assert!(all.iter().all(|morphism| ranked.iter().any(|draw| draw.architecture == *morphism)));
    let score = |draw: &Proposal| {
        let candidate = problem.candidate(draw.clone());
        scalarisation.fitness(&candidate.objectives(Some(synthetic_error(&candidate))))
    };
    assert!(ranked.windows(2).all(|pair| score(&pair[0]) <= score(&pair[1])));
}

#[test]
fn local_candidates_are_the_neighbours_of_past_points() {
    let space = Space::Mlp(MlpBounds {
        dense: Range::new(3, 3),
        units: Range::new(1, 900),
        ..MlpBounds::munas_2020()
    });
    let problem = Problem::new(space, Shape::flat(4), 3, 9);
    let history = random_history(&problem, &[Some(0.5); RANDOM_STARTS], 4);
    let algorithm = in_variant(BayesVariant::Local);
    let mut rng = generator(3, 0);
    let mut proposer = algorithm.proposer(context(&problem, &history, &[]), &mut rng).unwrap();
    let draws = (0..2 * RESTART_AFTER).map(|_| proposer.propose(&mut rng).unwrap());
    let units = |architecture: &Architecture| match architecture {
        Architecture::Mlp(mlp) => mlp.dense.clone(),
        other => panic!("{other:?}"),
    };
    // A morphism of three layers, where three are allowed, changes one of them.
    let is_near = |draw: &Proposal| {
        let draw = units(&draw.architecture);
        history.finished().any(|past| {
            let past = units(&past.candidate.architecture);
            past.iter().zip(&draw).filter(|(past, draw)| past != draw).count() <= 1
        })
    };
    let far = (1..).zip(draws).filter(|(_, draw)| !is_near(draw)).map(|(place, _)| place);
    assert_eq!(far.collect::<Vec<u64>>(), [RESTART_AFTER, 2 * RESTART_AFTER]);
}

/// Results of these epochs, with the synthetic trainer's errors after them.
fn history_of(problem: &Problem, epochs: &[u32]) -> History {
    let mut rng = generator(21, 0);
    let mut history = History::new(problem.input);
    for (trial, &epochs) in (0..).zip(epochs) {
        let in_full = random_candidate(problem, &mut rng);
        let error = Some(synthetic_error_after(&in_full, epochs));
        history.push(Observed { trial, epochs, candidate: Candidate { epochs, ..in_full }, error });
    }
    history
}

#[test]
fn fidelities_reach_from_three_tenths_to_the_whole() {
    let range = |epochs| fidelity::range(&Problem { epochs, ..image_problem() });
    assert_eq!([1, 3, 4, 10, 130].map(range), [1..=1, 1..=3, 1..=4, 3..=10, 39..=130]);
    assert_eq!(range(u32::MAX), 1_288_490_188..=u32::MAX);
}

#[test]
fn random_starts_are_of_all_fidelities_and_half_of_them_in_full() {
    let problem = Problem { epochs: 10, ..tiny_problem() };
    let history = History::new(problem.input);
    let algorithm = in_variant(BayesVariant::MultiFidelity);
    let mut rng = generator(1, 0);
    let mut proposer = algorithm.proposer(context(&problem, &history, &[]), &mut rng).unwrap();
    let mut counts = [0; 11];
    (0..1600).for_each(|_| counts[proposer.propose(&mut rng).unwrap().epochs as usize] += 1);
    assert_eq!(counts[..3], [0, 0, 0]);
    assert!(counts[3..10].iter().all(|count| (60..140).contains(count)), "{counts:?}");
    assert!((820..980).contains(&counts[10]), "{counts:?}");
}

#[test]
fn the_threshold_follows_the_share_of_full_trainings() {
    let problem = image_problem();
    let coefficient = |epochs: &[u32]| {
        let history = history_of(&problem, epochs);
        fidelity::coefficient(&history.finished().collect::<Vec<_>>(), &problem)
    };
    let after = |epochs: &[u32]| coefficient(&[&[9; RANDOM_STARTS], epochs].concat());
    assert_eq!(after(&[]), 1.0, "random starts say nothing");
    assert_eq!(after(&[2]), 1.1);
    assert!((after(&[2; 5]) - 1.1_f64.powi(5)).abs() < 1e-12);
    assert!((after(&[9; 5]) - 1.1_f64.powi(-5)).abs() < 1e-12);
    let third = [[9, 2, 2]; 30].concat();
    let settled = after(&third[..60]);
    assert_eq!(after(&third), settled, "a third of full trainings is as it should be");
    assert_eq!(after(&[2; 90]), 100.0);
}

#[test]
fn networks_are_trained_briefly_only_where_that_tells_enough() {
    let problem = Problem { epochs: 10, ..image_problem() };
    let history = history_of(&problem, &[[10, 3, 5].repeat(5), vec![10; 5]].concat());
    let results: Vec<&Observed> = history.finished().collect();
    let context = context(&problem, &history, &[]);
    let Selected { known, results: chosen, .. } =
        Memo::new(true).select(&context, &results, RANDOM_STARTS).unwrap();
    let y: Vec<f64> = chosen.iter().map(|&result| gain(results[result])).collect();
    let epochs_at = |log_length: f64, proposal: &Proposal| {
        let modelled = Modelled { sparsity: false, fidelity: true };
        let mut hyper = Ranges::of(&y, modelled).at(&[0.5; COUNT]);
        hyper.0[LOG_FIDELITY_LENGTH] = log_length;
        let model = Model::new(hyper, known.clone(), &y);
        Boca::new(&context, &results).epochs(&model, proposal)
    };
    let fresh = random_candidate(&problem, &mut generator(77, 0)).architecture;
    let propose = |architecture: &Architecture| Proposal {
        architecture: architecture.clone(),
        epochs: problem.epochs,
        sparsity: None,
    };
    assert_eq!(epochs_at(1.0, &propose(&fresh)), 3, "where epochs hardly matter, few of them tell all");
    let trained = |place: usize| propose(&results[place].candidate.architecture);
    assert_eq!(epochs_at(-2.3, &trained(0)), 10, "trained in full, nothing is left to train");
    assert!(epochs_at(1.0, &trained(1)) > 3, "what was trained for three epochs is trained for more");
    assert!(epochs_at(1.0, &trained(2)) > 5);
}

#[test]
fn multi_fidelity_trains_some_networks_briefly_and_some_in_full() {
    let problem = Problem { epochs: 10, ..image_problem() };
    let algorithm = in_variant(BayesVariant::MultiFidelity);
    let mut history = History::new(problem.input);
    for trial in 0..45 {
        let found = suggest(&algorithm, context(&problem, &history, &[]), &mut generator(6, trial)).unwrap();
        let Candidate { epochs, .. } = found.candidate;
        let in_full = Candidate { epochs: problem.epochs, ..found.candidate.clone() };
        let error = Some(synthetic_error_after(&in_full, epochs));
        history.push(Observed { trial, epochs, candidate: found.candidate, error });
    }
    let epochs: Vec<u32> = history.results()[RANDOM_STARTS..].iter().map(|result| result.epochs).collect();
    let full = epochs.iter().filter(|&&epochs| epochs == problem.epochs).count();
    assert!((5..=22).contains(&full), "of 30, {full} in full: {epochs:?}");
    assert!(epochs.iter().all(|epochs| fidelity::range(&problem).contains(epochs)));
}
