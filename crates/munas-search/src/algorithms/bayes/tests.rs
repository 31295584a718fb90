use super::*;
use crate::testing::{
    context, generator, image_problem, random_candidate, random_history, search, synthetic_error,
};
use crate::{Bounds, History};

#[test]
fn a_fit_is_renewed_with_every_seventeenth_result() {
    let problem = image_problem();
    let errors: Vec<Option<f64>> = (0..50).map(|trial| Some(f64::from(trial % 7) / 10.0)).collect();
    let history = random_history(&problem, &errors, 3);
    let algorithm = BayesianOptimisation::new();
    let mut fits: Vec<Arc<Fit>> = Vec::new();
    for known in RANDOM_STARTS..errors.len() {
        let mut begun = History::new(problem.input);
        history.trials()[..known].iter().for_each(|trial| begun.push(trial.clone()));
        algorithm.proposer(context(&problem, &begun, &[]), &mut generator(1, known as u64));
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
        history.push(Observed { trial, candidate, error });
    }
    let results: Vec<&Observed> = history.finished().collect();
    let y: Vec<f64> = results.iter().map(|result| -result.error.unwrap()).collect();
    let mut memo = Memo::default();
    memo.follow(&problem, &results.iter().map(|result| &result.candidate).collect::<Vec<_>>());
    let hyper = memo.fit(&results, &y, &context(&problem, &history, &[])).likeliest;
    let all = Process::new(hyper, &memo.pairs);
    let coefficients = all.coefficients(&y);
    let foretold: Vec<f64> = unseen
        .iter()
        .map(|candidate| {
            let point = Point::of(&problem, candidate);
            let covariances = memo.points.iter().map(|known| hyper.covariance(&point.pair(known)));
            -all.mean(&coefficients, &DVector::from_iterator(memo.points.len(), covariances))
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
    let mut memo = Memo::default();
    let trained: Vec<&Candidate> = history.trials().iter().map(|trial| &trial.candidate).collect();
    memo.follow(&problem, &trained);
    let y: Vec<f64> = errors.iter().map(|error| -error.unwrap()).collect();
    let hyper = Ranges::of(&y, false).at(&[0.5; kernel::COUNT]);
    let observed = Process::new(hyper, &memo.pairs);
    let point = Point::of(&problem, &running);
    let covariances = |memo: &Memo| {
        let each = memo.points.iter().map(|known| hyper.covariance(&point.pair(known)));
        DVector::from_iterator(memo.points.len(), each)
    };
    let before = observed.variance(&covariances(&memo));
    memo.follow(&problem, &[&trained[..], &[&running]].concat());
    let all = Process::new(hyper, &memo.pairs);
    assert!(
        all.variance(&covariances(&memo)) < 0.5 * before,
        "what is being trained need not be tried again"
    );
}

#[test]
fn it_beats_random_search_where_a_trial_is_dear() {
    let bounds = Bounds {
        error: Some(0.3),
        peak_memory: Some(5000),
        model_size: Some(15_000),
        macs: Some(300_000),
        ..Bounds::default()
    };
    let problem = Problem { bounds, ..image_problem() };
    let best = |algorithm: &dyn Algorithm, seed: u64| {
        let (history, error) = search(&problem, algorithm, 35, seed);
        assert_eq!(error, None);
        // With an error of 0, the bounds that are left are those of the resources.
        let inside = history.finished().filter(|trial| problem.bounds.are_met(&trial.candidate, Some(0.0)));
        inside.filter_map(|trial| trial.error).fold(1.0, f64::min)
    };
    let pairs: Vec<(f64, f64)> = (0..3)
        .map(|seed| (best(&BayesianOptimisation::new(), seed), best(&crate::algorithms::RandomSearch, seed)))
        .collect();
    let better = pairs.iter().filter(|(bayes, random)| bayes < random).count();
    assert!(better >= 2, "smallest errors within the resource bounds, Bayesian and random: {pairs:?}");
}
