use rand::RngExt;

use super::*;
use crate::pareto;
use crate::testing::{generator, image_problem, random_candidate, random_history};
use crate::{History, Observed};

fn fitted(history: &History) -> Option<usize> {
    Seen::all(&image_problem(), history).fitted()
}

#[test]
fn refits_become_rarer() {
    let results = random_history(&image_problem(), &[Some(0.5); 200], 1);
    let mut history = History::new(image_problem().input);
    let mut counts = vec![fitted(&history)];
    for result in results.results() {
        history.push(result.clone());
        counts.push(fitted(&history));
    }
    assert_eq!((counts[19], counts[20], counts[27], counts[28]), (None, Some(20), Some(20), Some(28)));
    assert!(counts[200].unwrap() > 190 && counts.is_sorted());
}

#[test]
fn results_of_one_trial_count_once_towards_the_first_fit() {
    let mut history = random_history(&image_problem(), &[Some(0.5); 19], 1);
    let again = history.results()[3].clone();
    (0..5).for_each(|_| history.push(again.clone()));
    assert_eq!(fitted(&history), None);
    history.push(Observed { trial: 77, ..again });
    assert_eq!(fitted(&history), Some(25));
}

/// Results as no search has them: of few trials, in any order of rungs, told again, failed, of networks that change, some without error.
fn disorder(problem: &Problem, count: usize, seed: u64) -> History {
    let mut rng = generator(seed, 0);
    let mut history = History::new(problem.input);
    for _ in 0..count {
        let error = rng.random_bool(0.8).then(|| f64::from(rng.random_range(0..20)) / 20.0);
        history.push(Observed {
            trial: rng.random_range(0..count as u64 / 2),
            candidate: random_candidate(problem, &mut rng),
            epochs: problem.rungs[rng.random_range(0..problem.rungs.len())],
            error,
        });
    }
    history
}

fn problems() -> [Problem; 3] {
    let problem = Problem { rungs: vec![1, 3, 9], ..image_problem() };
    let (free, hard) = (Bounds::default(), Bounds::hard([(crate::Objective::Macs, 1e5)]));
    [Problem { bounds: free, ..problem.clone() }, Problem { bounds: hard, ..problem.clone() }, problem]
}

#[test]
fn what_was_kept_is_what_is_made_anew() {
    for (problem, seed) in problems().iter().zip(0..) {
        let results = disorder(problem, 300, seed);
        let mut history = History::new(problem.input);
        let mut kept = Seen::all(problem, &history);
        let mut rng = generator(seed, 1);
        for result in results.results() {
            history.push(result.clone());
            if rng.random_bool(0.5) {
                continue;
            }
            assert!(kept.begins(problem, &history));
            kept.catch_up(problem, &history);
            let anew = Seen::all(problem, &history);
            assert_eq!(kept.digest, anew.digest);
            assert_eq!(format!("{:?}", kept.taken), format!("{:?}", anew.taken));
            assert_eq!(kept.best_whole(), anew.best_whole());
            assert_eq!(kept.best_at_end(), anew.best_at_end());
            let estimates = |seen: &Seen| -> Vec<_> {
                (0..seen.trials.all.len()).map(|place| seen.trials.estimate(place)).collect()
            };
            assert_eq!(estimates(&kept), estimates(&anew));
        }
    }
}

#[test]
fn it_is_of_all_trials() {
    for (problem, seed) in problems().iter().zip(10..) {
        let history = disorder(problem, 300, seed);
        let seen = Seen::all(problem, &history);
        let trials = &seen.trials;
        let whole: Vec<usize> =
            (0..trials.all.len()).filter(|&place| trials.final_error(place).is_some()).collect();
        let error = |place: usize| trials.final_error(place).unwrap();
        assert_eq!(seen.least_final_error(), whole.iter().map(|&place| error(place)).min_by(f64::total_cmp));
        let points: Vec<Vec<f64>> = whole.iter().map(|&place| seen.point(place, error(place))).collect();
        let best = seen.best_whole();
        let of_two = whole.iter().zip(pareto::ranks(&points)).filter(|(_, rank)| *rank < 2);
        let of_two: Vec<usize> = of_two.map(|(&place, _)| place).collect();
        assert!(of_two.iter().all(|place| best.contains(place)) && best.len() < whole.len());
        for number in 0..150 {
            let rung_of = |result: &Observed| problem.rungs.iter().position(|end| *end == result.epochs);
            let results = history.results();
            let latest = results.iter().rposition(|result| result.trial == number);
            let expected = latest.is_some_and(|latest| {
                let later = results[latest + 1..]
                    .iter()
                    .filter(|other| other.error.is_some() && rung_of(other) == rung_of(&results[latest]));
                let is_below = results[latest].epochs < problem.epochs;
                results[latest].error.is_some() && is_below && later.count() < WINDOW
            });
            assert_eq!(seen.is_in_window(number), expected, "{number}");
        }
    }
}

#[test]
fn another_history_or_problem_does_not_begin_so() {
    let [problem, other, _] = problems();
    let history = disorder(&problem, 30, 1);
    let seen = Seen::all(&problem, &history);
    assert!(seen.begins(&problem, &history));
    assert!(!seen.begins(&other, &history), "other bounds");
    assert!(!seen.begins(&Problem { rungs: vec![3, 9], ..problem.clone() }, &history));
    assert!(!seen.begins(&problem, &disorder(&problem, 30, 2)));
    assert!(!seen.begins(&problem, &disorder(&problem, 29, 1)), "it has seen more");
}
