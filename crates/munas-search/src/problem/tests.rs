use munas_cost::{BoardFigures, MemoryModel, peak_memory};

use super::{BoardModel, Problem, ProblemError};
use crate::testing::{generator, image_problem, random_candidate};
use crate::{Bounds, Objective, Proposal, PruningMode, SparsityRange};
use munas_cost::Resources;

#[test]
fn what_may_be_pruned_until_it_fits_is_priced_where_it_does() {
    let hard = vec![Objective::PeakMemory, Objective::ModelSize, Objective::Macs];
    let (mut fitting, mut refused) = (0, 0);
    for mode in [PruningMode::Structured, PruningMode::Unstructured] {
        let pruning = Some(SparsityRange { mode, min: 0.0, max: 0.9, fits_bounds: true });
        let mut problem = Problem { pruning, ..image_problem() };
        problem.bounds.hard = hard.clone();
        let mut rng = generator(4, 0);
        for _ in 0..300 {
            let architecture = random_candidate(&image_problem(), &mut rng).architecture;
            let sparsity = 0.1;
            let proposal = Proposal { architecture, epochs: 1, sparsity: Some(sparsity) };
            let breaks =
                |candidate: &crate::Candidate| problem.bounds.broken_hard(&candidate.objectives(None));
            let at = |share: f64| {
                let range = SparsityRange { mode, min: 0.0, max: 0.9, fits_bounds: false };
                let exact = Problem { pruning: Some(range), ..problem.clone() };
                exact.candidate(Proposal { sparsity: Some(share), ..proposal.clone() })
            };
            let candidate = problem.candidate(proposal.clone());
            assert_eq!(candidate.sparsity, Some(sparsity), "the target stays the least that is taken");
            if breaks(&at(sparsity)).is_none() {
                assert_eq!(candidate, at(sparsity));
            } else if breaks(&at(0.9)).is_none() {
                fitting += 1;
                assert_eq!(breaks(&candidate), None);
            } else {
                refused += 1;
                assert!(breaks(&candidate).is_some());
            }
        }
    }
    assert!(fitting > 20 && refused > 20, "{fitting} and {refused}");
}

fn check(bounds: Bounds) -> Result<(), ProblemError> {
    Problem { bounds, ..image_problem() }.check()
}

#[test]
fn bounds_are_positive_numbers() {
    assert_eq!(check(Bounds::default()), Ok(()));
    assert_eq!(
        check(Bounds::soft([(Objective::Macs, 0.0)])),
        Err(ProblemError::NotPositive { objective: Objective::Macs, bound: 0.0 })
    );
    for error in [-0.1, 0.0, f64::INFINITY, f64::NAN] {
        let outcome = check(Bounds::soft([(Objective::Error, error)]));
        assert!(matches!(outcome, Err(ProblemError::NotPositive { objective: Objective::Error, .. })));
    }
}

#[test]
fn hard_bounds_exist_and_are_known_before_training() {
    let hard = |objective| Bounds {
        hard: vec![objective],
        ..Bounds::soft([(Objective::Error, 0.1), (Objective::Macs, 9.0)])
    };
    assert_eq!(check(hard(Objective::Macs)), Ok(()));
    assert_eq!(check(hard(Objective::Error)), Err(ProblemError::HardError));
    let missing = ProblemError::HardWithoutBound(Objective::PeakMemory);
    assert_eq!(check(hard(Objective::PeakMemory)), Err(missing));
}

#[test]
fn what_only_a_board_has_needs_and_uses_one() {
    let bounds = Bounds::soft([(Objective::Latency, 5.0)]);
    assert_eq!(check(bounds.clone()), Err(ProblemError::WithoutBoard(Objective::Latency)));
    let board = Some(BoardModel::new(|graph| BoardFigures {
        latency_ms: Some(graph.nodes().len() as f64),
        flash: Some(7),
        ..BoardFigures::default()
    }));
    let problem = Problem { bounds, board, ..image_problem() };
    assert_eq!(problem.check(), Ok(()));
    let candidate = random_candidate(&problem, &mut generator(0, 0));
    let graph = candidate.architecture.lower(problem.input, problem.classes);
    assert_eq!(candidate.on_board.latency_ms, Some(graph.nodes().len() as f64));
    let values = candidate.objectives(None);
    assert_eq!(values[Objective::Latency], candidate.on_board.latency_ms);
    assert_eq!((values[Objective::Energy], values[Objective::Flash]), (None, Some(7.0)));
}

#[test]
fn candidates_carry_their_resources() {
    let problem = image_problem();
    let candidate = random_candidate(&problem, &mut generator(0, 1));
    let graph = candidate.architecture.lower(problem.input, problem.classes);
    assert_eq!(candidate.resources, munas_cost::resources(&graph));
    assert_eq!(candidate.epochs, problem.epochs);
    assert_eq!(candidate.on_board, BoardFigures::default());
}

#[test]
fn the_peak_memory_that_counts_is_that_of_the_model() {
    let (memory, mut rng) = (MemoryModel::STREAMED, generator(0, 1));
    let problem = Problem { memory, ..image_problem() };
    for _ in 0..50 {
        let candidate = random_candidate(&problem, &mut rng);
        let graph = candidate.architecture.lower(problem.input, problem.classes);
        let streamed = peak_memory(&graph, memory);
        assert_eq!(candidate.objectives(None)[Objective::PeakMemory], Some(streamed as f64));
        assert_eq!(candidate.resources.peak_memory, munas_cost::resources(&graph).peak_memory);
        // A bound between the two figures is kept by the one that counts.
        let layers = candidate.resources.peak_memory_with_input;
        if streamed < layers {
            let bounded = |memory| {
                let bounds = Bounds::hard([(Objective::PeakMemory, streamed as f64)]);
                let pruning =
                    SparsityRange { mode: PruningMode::Structured, min: 0.0, max: 0.5, fits_bounds: true };
                let problem = Problem { memory, bounds, pruning: Some(pruning), ..image_problem() };
                let architecture = candidate.architecture.clone();
                let proposal = Proposal { architecture, epochs: 1, sparsity: Some(0.0) };
                problem.candidate(proposal).resources
            };
            assert_eq!(bounded(memory).macs, candidate.resources.macs, "nothing needs to be pruned");
        }
    }
}

#[test]
fn pruned_candidates_are_priced_at_their_target() {
    let architecture = random_candidate(&image_problem(), &mut generator(3, 0)).architecture;
    let priced = |mode, sparsity| {
        let pruning = Some(SparsityRange { mode, min: 0.0, max: 0.9, fits_bounds: false });
        let problem = Problem { pruning, ..image_problem() };
        let proposal = Proposal { architecture: architecture.clone(), epochs: 1, sparsity: Some(sparsity) };
        problem.candidate(proposal).resources
    };
    let dense = munas_cost::resources(&architecture.lower(image_problem().input, 10));
    for mode in [PruningMode::Structured, PruningMode::Unstructured] {
        assert_eq!(priced(mode, 0.0), dense);
    }
    let (channels, weights) = (priced(PruningMode::Structured, 0.5), priced(PruningMode::Unstructured, 0.5));
    assert!(channels.macs < dense.macs && channels.model_size < dense.model_size);
    assert!(weights.model_size < dense.model_size);
    assert_eq!(weights, Resources { model_size: weights.model_size, ..dense });
}
