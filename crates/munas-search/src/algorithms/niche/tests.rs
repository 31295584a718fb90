use std::collections::HashMap;

use super::children::Children;
use super::ehvi::Improvement;
use super::*;
use crate::rungs::rungs;
use crate::testing::{context, generator, image_problem, pending, random_candidate, search_in_rungs};
use crate::{Bounds, Candidate, Decision, History, Objective, Observed, Pending, Problem, Sampling, decide};

/// Two rungs, and hard bounds that random candidates are not held to.
fn problem() -> Problem {
    Problem { rungs: vec![3, 9], ..image_problem() }
}

fn candidates(problem: &Problem, count: usize) -> Vec<Candidate> {
    let mut rng = generator(8, 0);
    (0..count).map(|_| random_candidate(problem, &mut rng)).collect()
}

/// One candidate under these numbers and errors, at the first rung.
fn alike(problem: &Problem, errors: &[Option<f64>]) -> History {
    let candidate = candidates(problem, 1).remove(0);
    let mut history = History::new(problem.input);
    for (trial, &error) in (0..).zip(errors) {
        history.push(Observed { trial, candidate: candidate.clone(), epochs: problem.rungs[0], error });
    }
    history
}

fn promotion(problem: &Problem, history: &History, pending: &[Pending]) -> Option<u64> {
    Niche::new().promotion(context(problem, history, pending)).unwrap()
}

#[test]
fn nothing_goes_on_before_six_results_and_then_the_best_third_does() {
    let problem = problem();
    let errors = [0.6, 0.5, 0.2, 0.7, 0.3, 0.4, 0.8].map(Some);
    assert_eq!(promotion(&problem, &alike(&problem, &errors[..5]), &[]), None);
    let mut history = alike(&problem, &errors);
    assert_eq!(promotion(&problem, &history, &[]), Some(2));
    // What runs is not promoted again, what has gone on keeps its place among the third.
    let running = Pending { trial: 2, candidate: history.results()[2].candidate.clone(), epochs: 9 };
    assert_eq!(promotion(&problem, &history, &[running]), Some(4));
    for trial in [2, 4] {
        let resting = history.results()[trial as usize].clone();
        history.push(Observed { epochs: 9, error: Some(0.9), ..resting });
    }
    assert_eq!(promotion(&problem, &history, &[]), None);
}

#[test]
fn what_has_failed_and_what_a_constant_answer_equals_does_not_go_on_first() {
    let problem = problem();
    let mut history = alike(&problem, &[0.9, 0.91, 0.92, 0.93, 0.94, 0.95].map(Some));
    let best = history.results()[0].clone();
    history.push(Observed { epochs: 9, error: None, ..best });
    assert_eq!(promotion(&problem, &history, &[]), Some(1), "the best has failed on its way");
}

#[test]
fn a_small_network_is_judged_among_small_ones() {
    let problem = problem();
    let mut all = candidates(&problem, 8);
    all.sort_by_key(|candidate| candidate.resources.macs);
    let [small, large] = [&all[0], &all[7]];
    let takes_less = |objective| small.objectives(None)[objective] <= large.objectives(None)[objective];
    assert!(Objective::ALL.into_iter().all(takes_less), "a candidate that takes less of everything");
    let mut history = History::new(problem.input);
    // The large ones lie behind the small ones of half their MACs, but for one.
    let errors = [(small, 0.6), (small, 0.5), (small, 0.55), (large, 0.49), (large, 0.48), (large, 0.45)];
    for (trial, (candidate, error)) in (0..).zip(errors) {
        history.push(Observed { trial, candidate: candidate.clone(), epochs: 3, error: Some(error) });
    }
    assert_eq!(promotion(&problem, &history, &[]), Some(1), "0.5 of 0.55 and less than 0.45 of 0.48");
}

#[test]
fn only_the_latest_results_may_go_on() {
    let problem = problem();
    let mut errors = vec![Some(0.5); 300];
    errors[10] = Some(0.1);
    errors[299] = None;
    let history = alike(&problem, &errors);
    let niche = Niche::new();
    let may = |trial| niche.may_promote(context(&problem, &history, &[]), trial);
    assert_eq!([10, 42, 43, 298, 299, 300].map(may), [false, false, true, true, false, false]);
    assert_ne!(promotion(&problem, &history, &[]), Some(10));
}

fn rung_problem() -> Problem {
    let bounds = Bounds::hard([(Objective::PeakMemory, 5000.0), (Objective::ModelSize, 15_000.0)]);
    Problem { bounds, sampling: Sampling::Target, epochs: 27, rungs: rungs(27, 4, 1), ..image_problem() }
}

#[test]
fn about_a_third_of_each_rung_goes_on_to_the_next() {
    let problem = rung_problem();
    let history = search_in_rungs(&problem, &Niche::new(), 1200, 1);
    let mut counts: HashMap<u32, usize> = HashMap::new();
    for result in history.results() {
        *counts.entry(result.epochs).or_default() += 1;
    }
    for pair in problem.rungs.windows(2) {
        let (below, above) = (counts[&pair[0]], counts[&pair[1]]);
        // A window forgets who went on long ago, so that some more than a third do.
        assert!(above * 5 <= below * 2 + 4 && above * 4 + 8 >= below, "{counts:?}");
    }
}

#[test]
fn what_goes_on_is_a_resting_one_of_the_best_third_of_its_rung() {
    // Nothing is bounded: all decisions aim at the whole front, as standings do.
    let problem = Problem { bounds: Bounds::default(), ..rung_problem() };
    let history = search_in_rungs(&problem, &Niche::new(), 150, 3);
    let mut known = History::new(problem.input);
    let (niche, mut promotions) = (Niche::new(), 0);
    for done in history.results() {
        known.push(done.clone());
        let context = context(&problem, &known, &[]);
        let Some(standings) = niche.standings(context, Judging::Rung).unwrap() else { continue };
        let Some(trial) = niche.promotion(context).unwrap() else { continue };
        let windows: Vec<&[Standing]> = standings.chunk_by(|one, other| one.rung == other.rung).collect();
        let resting = |one: &&Standing| one.trial == trial && one.is_resting;
        let window = windows.iter().find(|window| window.iter().any(|one| resting(&one))).unwrap();
        assert!(window.is_sorted_by(|better, worse| better.score >= worse.score), "best first");
        assert!(window[..window.len() / 3].iter().any(|one| resting(&one)), "{trial} of {window:?}");
        promotions += 1;
    }
    assert!(promotions > 10, "{promotions}");
}

#[test]
fn under_hard_bounds_every_second_promotion_is_of_a_low_error() {
    let problem = rung_problem();
    let history = search_in_rungs(&problem, &Niche::new(), 400, 3);
    let mut known = History::new(problem.input);
    let (niche, mut by_error) = (Niche::new(), 0);
    for done in history.results() {
        known.push(done.clone());
        let context = context(&problem, &known, &[]);
        let Some(trial) = niche.promotion(context).unwrap() else { continue };
        if known.len().is_multiple_of(2) && known.trials().count() > 60 {
            // Of its rung, it is one of the third with the least errors.
            let own = known.results().iter().rev().find(|result| result.trial == trial).unwrap();
            let rung: Vec<&Observed> =
                known.results().iter().filter(|result| result.epochs == own.epochs).collect();
            let better = rung.iter().filter(|result| result.error < own.error).count();
            assert!(3 * better <= rung.len(), "{better} of {} are better than {own:?}", rung.len());
            by_error += 1;
        }
    }
    assert!(by_error > 4, "{by_error}");
}

#[test]
fn the_least_error_is_looked_for_with_what_the_bounds_allow() {
    let problem = rung_problem();
    // The share of the later trials that take half of the memory or more.
    let at_bounds = |error_share: f64| {
        let history = search_in_rungs(
            &problem,
            &Niche::with(NicheSettings { error_share, ..NicheSettings::default() }),
            300,
            4,
        );
        let later: Vec<&Observed> = history.trials().skip(60).collect();
        let large = later.iter().filter(|result| result.candidate.resources.peak_memory > 2500);
        large.count() as f64 / later.len() as f64
    };
    let (front_alone, in_turns) = (at_bounds(0.0), at_bounds(0.5));
    assert!(in_turns > front_alone + 0.05, "{in_turns} against {front_alone}");
}

#[test]
fn every_decision_follows_from_the_history_alone() {
    let problem = rung_problem();
    let history = search_in_rungs(&problem, &Niche::new(), 300, 2);
    assert!(history.trials().count() > 60, "there is a model");
    let mut resumed = History::new(problem.input);
    for (number, done) in (0..).zip(history.results()) {
        let fresh = Niche::new();
        let decision =
            decide(&fresh, context(&problem, &resumed, &[]), true, &mut generator(2, number)).unwrap();
        match decision.unwrap() {
            Decision::Promote(trial) => assert!(trial == done.trial && done.epochs > 1),
            Decision::Start(new) => assert_eq!((new.candidate, 1), (done.candidate.clone(), done.epochs)),
        }
        resumed.push(done.clone());
    }
}

#[test]
fn what_is_remembered_changes_no_decision() {
    let unbounded = Problem { bounds: Bounds::default(), ..rung_problem() };
    let soft = Problem { bounds: image_problem().bounds, ..rung_problem() };
    for (problem, seed) in [rung_problem(), unbounded, soft].iter().zip(1..) {
        let mut rng = generator(seed, 0);
        let mut history = History::new(problem.input);
        let kept = Niche::new();
        for number in 0..150 {
            // Some fail, some do not err at all, some results of a trial come in a disorder in which no search has them.
            history.push(Observed {
                trial: rng.random_range(0..=number),
                candidate: random_candidate(problem, &mut rng),
                epochs: problem.rungs[rng.random_range(0..problem.rungs.len())],
                error: rng
                    .random_bool(0.9)
                    .then(|| rng.random_range(0_u32..20).into())
                    .map(|e: f64| e / 20.0),
            });
            if number % 5 > 0 {
                continue;
            }
            let pending = [rng.random_range(0..=number), 1000]
                .map(|trial| pending(trial, random_candidate(problem, &mut rng)));
            let decided = |niche: &Niche| {
                let context = context(problem, &history, &pending);
                decide(niche, context, true, &mut generator(seed, number)).unwrap()
            };
            assert_eq!(decided(&kept), decided(&Niche::new()), "{number}");
        }
    }
}

#[test]
fn a_soft_bound_that_nobody_meets_gives_way_to_the_median() {
    let mut problem = problem();
    let history = alike(&problem, &[Some(0.5); 4]);
    let macs = history.results()[0].candidate.resources.macs as f64;
    let reference =
        |problem: &Problem| Goals::new(problem, &Seen::all(problem, &history), &[], Aim::Front).reference;
    problem.bounds = Bounds::soft([(Objective::Error, 0.1), (Objective::Macs, macs / 2.0)]);
    let found = reference(&problem);
    assert!((found[0] - 0.3_f64.ln()).abs() < 1e-9 && (found[1] - macs.ln()).abs() < 1e-9, "{found:?}");
    problem.bounds = Bounds::soft([(Objective::Macs, 2.0 * macs)]);
    let found = reference(&problem);
    assert!(
        (found[0] - 0.9_f64.ln()).abs() < 1e-9 && (found[1] - (2.0 * macs).ln()).abs() < 1e-5,
        "{found:?}"
    );
    problem.bounds = Bounds::hard([(Objective::Macs, macs / 2.0)]);
    assert!((reference(&problem)[1] - (5.0 * macs).ln()).abs() < 1e-9, "what is at a hard bound counts");
    problem.bounds = Bounds::default();
    let found = reference(&problem);
    assert!(found.len() == 4 && (found[2] - (1.1 * macs).ln()).abs() < 1e-9, "{found:?}");
}

#[test]
fn without_a_bound_errors_far_above_the_least_do_not_count() {
    let problem = Problem { bounds: Bounds::hard([(Objective::Macs, 1e6)]), ..problem() };
    let mut history = alike(&problem, &[Some(0.01), Some(0.5)]);
    let reference = |history: &History| {
        Goals::new(&problem, &Seen::all(&problem, history), &[], Aim::Front).reference[0].exp()
    };
    assert!((reference(&history) - 0.9).abs() < 1e-9, "a rung is not the end");
    let resting = history.results()[1].clone();
    history.push(Observed { epochs: 9, error: Some(0.1), ..resting });
    assert!((reference(&history) - 0.4).abs() < 1e-9);
}

#[test]
fn a_trial_of_the_front_is_judged_without_itself() {
    let mut rng = generator(4, 0);
    let reference = vec![0.0; 4];
    let all: Vec<Competitor> = (0..60)
        .map(|trial| Competitor { trial, point: (0..4).map(|_| rng.random_range(-2.0..0.2)).collect() })
        .collect();
    let problem = problem();
    let mut goals = Goals::new(&problem, &Seen::all(&problem, &History::new(problem.input)), &[], Aim::Front);
    goals.reference.clone_from(&reference);
    let field = Field::new(&goals, all.clone());
    for Competitor { trial, point } in &all {
        let others: Vec<&[f64]> =
            all.iter().filter(|one| one.trial != *trial).map(|one| one.point.as_slice()).collect();
        let outcome = ehvi::Outcome::Normal { mean: point[0], deviation: 0.3 };
        let expected = Improvement::new(&others, &reference).expected(&point[1..], &outcome);
        let found = field.expected(*trial, &point[1..], &outcome);
        assert!((found - expected).abs() < 1e-9, "{trial}: {found} is not {expected}");
    }
}

#[test]
fn children_come_by_what_they_add_for_their_cost() {
    let problem = rung_problem();
    let history = search_in_rungs(&problem, &Niche::new(), 300, 3);
    let context = context(&problem, &history, &[]);
    let mut memo = Memo::default();
    let (seen, model) = memo.of(&context);
    let surrogate = model.fit(&context, seen).unwrap().unwrap();
    let known = Known::new(&context, seen, Aim::Front);
    let improvement = known.field(model).unwrap().into_improvement();
    let worth = |proposal: &Proposal| {
        let candidate = problem.candidate(proposal.clone());
        let prediction = surrogate.predict(&model::features_of(&problem, &candidate));
        let outcome = ehvi::Outcome::ensemble(prediction.ensemble());
        let expected = improvement.expected(&known.goals.resources(&candidate), &outcome);
        (expected / promotion::cost(1, candidate.resources.macs, 10_000), -prediction.mean())
    };
    let pool = known.pool().unwrap();
    let mut children = Children::of(
        Family { pool: &pool, fresh: Vec::new() },
        &surrogate,
        improvement.clone(),
        &known.goals,
        &context,
        10_000,
        &mut generator(5, 0),
    )
    .unwrap();
    let order: Vec<(f64, f64)> = std::iter::from_fn(|| children.next()).map(|child| worth(&child)).collect();
    assert!(order.len() > 100 && order[0].0 > 0.0, "{} children", order.len());
    assert!(order.is_sorted_by(|one, other| one >= other));
}
