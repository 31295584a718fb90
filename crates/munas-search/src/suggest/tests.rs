use std::num::NonZeroU64;

use munas_cost::BoardFigures;
use rand_chacha::ChaCha8Rng;

use super::{Refusals, SearchError, Suggestion, suggest};
use crate::algorithms::RandomSearch;
use crate::testing::{context, generator, image_problem, random_candidate, search, tiny_problem};
use crate::{
    BoardModel, Bounds, Candidate, History, Objective, Problem, TrainingExcess, TrainingLimits,
    TrainingMemory,
};

/// Suggestions of a random search under an empty history can be told from the draws of the same generator.
fn draws(problem: &Problem, rng: &mut ChaCha8Rng, count: usize) -> Vec<Candidate> {
    (0..count).map(|_| random_candidate(problem, rng)).collect()
}

#[test]
fn the_first_feasible_draw_is_suggested_and_the_others_are_counted() {
    let bounds = Bounds {
        hard: vec![Objective::PeakMemory],
        ..Bounds::soft([(Objective::PeakMemory, 3000.0), (Objective::ModelSize, 3000.0)])
    };
    let problem = Problem { bounds, ..image_problem() };
    let mut reasons = Refusals::default();
    for seed in 0..30 {
        let history = History::new(problem.input);
        let suggestion =
            suggest(&RandomSearch, context(&problem, &history, &[]), &mut generator(seed, 0)).unwrap();
        let total = suggestion.refused.total() as usize;
        let draws = draws(&problem, &mut generator(seed, 0), total + 1);
        let breaks_hard = |candidate: &&Candidate| candidate.resources.peak_memory > 3000;
        let breaks_soft = |candidate: &&Candidate| candidate.resources.model_size > 30_000;
        let hard = draws.iter().filter(breaks_hard).count();
        let soft = draws.iter().filter(|draw| breaks_soft(draw) && !breaks_hard(draw)).count();
        assert_eq!(suggestion.candidate, draws[total]);
        assert!(!breaks_hard(&&draws[total]) && !breaks_soft(&&draws[total]));
        assert_eq!(
            suggestion.refused,
            Refusals { hard: hard as u64, soft: soft as u64, ..Refusals::default() }
        );
        reasons.hard += suggestion.refused.hard;
        reasons.soft += suggestion.refused.soft;
    }
    assert!(
        reasons.hard > 0 && reasons.soft > 0,
        "the bounds of this test refuse for both reasons: {reasons:?}"
    );
}

#[test]
fn bounds_that_nothing_meets_end_with_the_nearest_miss() {
    const DRAWS: u64 = 200;
    let bounds = Bounds { hard: vec![Objective::PeakMemory], ..Bounds::soft([(Objective::PeakMemory, 5.0)]) };
    let problem = Problem { bounds, max_draws: NonZeroU64::new(DRAWS).unwrap(), ..image_problem() };
    let history = History::new(problem.input);
    let error = suggest(&RandomSearch, context(&problem, &history, &[]), &mut generator(1, 0)).unwrap_err();
    let draws = draws(&problem, &mut generator(1, 0), DRAWS as usize);
    let nearest_draw = draws.iter().min_by_key(|draw| draw.resources.peak_memory).unwrap();
    let smallest = nearest_draw.resources.peak_memory;
    let expected = format!(
        "no architecture within the bounds in 200 draws: the nearest has peak_memory {smallest}, \
         above the hard bound of 5 (smallest peak_memory seen: {smallest})"
    );
    assert_eq!(error.to_string(), expected);
    let SearchError::NothingFeasible { draws: DRAWS, nearest } = error else { panic!("{error}") };
    assert_eq!((nearest.objective, nearest.bound, nearest.hard), (Objective::PeakMemory, 5.0, true));
    assert_eq!(nearest.value, smallest as f64);
    assert_eq!(&nearest.candidate, nearest_draw);
}

#[test]
fn the_latency_bound_is_kept() {
    let board = Some(BoardModel::new(|graph| BoardFigures {
        latency_ms: Some(graph.nodes().len() as f64),
        ..BoardFigures::default()
    }));
    let bounds = Bounds { hard: vec![Objective::Latency], ..Bounds::soft([(Objective::Latency, 9.0)]) };
    let problem = Problem { bounds, board, ..image_problem() };
    problem.check().unwrap();
    let (history, error) = search(&problem, &RandomSearch, 20, 5);
    assert_eq!(error, None);
    assert!(history.results().iter().all(|trial| trial.candidate.on_board.latency_ms.unwrap() <= 9.0));
}

#[test]
fn an_exhausted_space_is_told_apart_from_infeasible_bounds() {
    let (_, error) = search(&tiny_problem(), &RandomSearch, 1000, 2);
    let expected =
        "nothing new within the bounds in 20000 draws: 20000 were trained before, the others break a bound";
    assert_eq!(error.unwrap().to_string(), expected);
}

#[test]
fn repeats_are_trained_when_asked_for() {
    let problem = Problem { repeats: true, ..tiny_problem() };
    let (history, error) = search(&problem, &RandomSearch, 100, 2);
    assert_eq!(error, None);
    assert_eq!(history.len(), 100);
}

#[test]
fn what_takes_too_much_memory_to_train_is_not_suggested() {
    let bytes = |graph: &munas_ir::Graph| graph.nodes().len() as u64;
    let limited = |limit| {
        let memory = Some(TrainingMemory::new(limit, bytes));
        Problem { training: TrainingLimits { memory, macs: None }, ..image_problem() }
    };
    let problem = limited(9);
    for seed in 0..20 {
        let history = History::new(problem.input);
        let suggest = |problem| {
            suggest(&RandomSearch, context(problem, &history, &[]), &mut generator(seed, 0)).unwrap()
        };
        let Suggestion { candidate, refused } = suggest(&problem);
        let nodes = candidate.architecture.lower(problem.input, problem.classes).nodes().len();
        assert!(nodes <= 9);
        let unlimited = suggest(&image_problem());
        assert_eq!(refused.training == 0, unlimited.candidate == candidate);
    }
    let problem = Problem { max_draws: NonZeroU64::new(50).unwrap(), ..limited(1) };
    let history = History::new(problem.input);
    let error = suggest(&RandomSearch, context(&problem, &history, &[]), &mut generator(1, 0)).unwrap_err();
    let SearchError::TooDear { refused, excess: TrainingExcess::Memory { needed, limit: 1 } } = error else {
        panic!("{error}")
    };
    assert!(refused.training > 0 && needed > 1);
}

#[test]
fn what_takes_too_long_to_train_is_not_suggested() {
    let problem = Problem {
        training: TrainingLimits { memory: None, macs: Some(20_000) },
        bounds: Bounds::default(),
        ..image_problem()
    };
    let (history, error) = search(&problem, &RandomSearch, 20, 5);
    assert_eq!(error, None);
    assert!(history.results().iter().all(|trial| trial.candidate.resources.macs <= 20_000));
}
