use std::sync::Arc;

use super::covariance::Ranges;
use super::fit::Fit;
use super::memo::Known;
use super::*;
use crate::testing::{
    context, generator, image_problem, pending, random_candidate, random_history, search, synthetic_error,
};
use crate::{Bounds, History, Objective, Pending};

#[test]
fn a_fit_is_renewed_with_every_seventeenth_result() {
    let problem = image_problem();
    let errors: Vec<Option<f64>> = (0..50).map(|trial| Some(f64::from(trial % 7) / 10.0)).collect();
    let history = random_history(&problem, &errors, 3);
    let algorithm = BayesianOptimisation::new();
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
    let hyper = Ranges::of(&y, false).at(&[0.5; covariance::COUNT]);
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
        .map(|seed| (best(&BayesianOptimisation::new(), seed), best(&crate::algorithms::RandomSearch, seed)))
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
    let algorithm = BayesianOptimisation::new();
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
