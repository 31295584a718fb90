//! What every algorithm must do, run for each of [`AlgorithmKind::ALL`] in each of its variants.

use std::cell::Cell;
use std::collections::HashSet;

use munas_space::Space;

use crate::algorithms::{BayesSettings, BayesVariant};
use crate::testing::{
    TINY_SPACE, context, generator, image_problem, pending, random_candidate, random_history, search,
    settings, synthetic_error, tiny_problem,
};
use crate::{
    Algorithm, AlgorithmKind, AlgorithmSettings, Candidate, Context, Feasibility, History, Interrupted,
    Observed, Pending, Problem, Proposal, PruningMode, SearchError, SparsityRange, Suggestion, suggest,
};

/// Members of a population that the short searches of these tests fill.
const POPULATION: usize = 6;

/// Settings under which short histories lead each algorithm beyond its random start.
fn small() -> AlgorithmSettings {
    settings(POPULATION, 3)
}

/// Each algorithm in each variant, with its name for messages.
fn variants() -> Vec<(String, AlgorithmKind, AlgorithmSettings)> {
    let with = |kind: AlgorithmKind| match kind {
        AlgorithmKind::Bayes => BayesVariant::ALL
            .map(|variant| {
                let bayes = BayesSettings { variant };
                (format!("{kind} {variant}"), kind, AlgorithmSettings { bayes, ..small() })
            })
            .to_vec(),
        _ => vec![(kind.to_string(), kind, small())],
    };
    AlgorithmKind::ALL.into_iter().flat_map(with).collect()
}

fn for_each_algorithm(check: impl Fn(&str, &dyn Algorithm)) {
    for (name, kind, settings) in variants() {
        assert_eq!(kind.name().parse(), Ok(kind));
        check(&name, &*kind.build(&settings));
    }
}

/// A history in each stage that an algorithm can meet, with running trials.
fn stages(problem: &Problem) -> Vec<(&'static str, History, Vec<Pending>)> {
    let mut rng = generator(99, 0);
    let pending: Vec<Pending> =
        (0..3).map(|trial| pending(1000 + trial, random_candidate(problem, &mut rng))).collect();
    let errors: Vec<Option<f64>> = (0..20).map(|i| Some(f64::from(i % 7) / 10.0)).collect();
    let mixed: Vec<Option<f64>> = errors.iter().enumerate().map(|(i, e)| e.filter(|_| i % 3 > 0)).collect();
    let history = |outcomes: &[Option<f64>]| random_history(problem, outcomes, 7);
    vec![
        ("empty", history(&[]), vec![]),
        ("only pending", history(&[]), pending.clone()),
        ("only failed", history(&[None; 20]), vec![]),
        ("only failed, pending", history(&[None; 20]), pending.clone()),
        ("one short of a population", history(&errors[..POPULATION - 1]), pending.clone()),
        ("some failed", history(&mixed), vec![]),
        ("finished", history(&errors), vec![]),
        ("all alike", history(&[Some(0.5); 20]), vec![]),
        ("finished, pending", history(&errors), pending),
    ]
}

fn draws(algorithm: &dyn Algorithm, context: Context<'_>, seed: u64, count: usize) -> Vec<Proposal> {
    let mut rng = generator(seed, 0);
    let mut proposer = algorithm.proposer(context, &mut rng).unwrap();
    (0..count).map(|_| proposer.propose(&mut rng).unwrap()).collect()
}

fn problems() -> [Problem; 4] {
    let series = Space::named("cnn1d", "wide-1d").unwrap();
    let series = Problem::new(series, munas_ir::Shape::new(50, 1, 3), 2, 4);
    let pruning =
        Some(SparsityRange { mode: PruningMode::Structured, min: 0.2, max: 0.7, fits_bounds: false });
    [image_problem(), tiny_problem(), series, Problem { pruning, ..image_problem() }]
}

#[test]
fn proposals_lie_inside_the_space_and_the_fidelities() {
    for_each_algorithm(|name, algorithm| {
        for problem in &problems() {
            for (stage, history, pending) in stages(problem) {
                let context = context(problem, &history, &pending);
                for proposal in draws(algorithm, context, 1, 50) {
                    problem.space.check(&proposal.architecture).unwrap();
                    let targets = problem.pruning.map(|range| range.min..=range.max);
                    assert_eq!(proposal.sparsity.is_some(), targets.is_some());
                    assert!(proposal.sparsity.iter().all(|one| targets.iter().all(|all| all.contains(one))));
                    let possible = 1..=problem.epochs;
                    assert!(possible.contains(&proposal.epochs), "{name} {stage}: {proposal:?}");
                }
            }
        }
    });
}

#[test]
fn same_context_and_seed_give_the_same_proposals() {
    for_each_algorithm(|name, algorithm| {
        let problem = &image_problem();
        let stages = stages(problem);
        let of = |(_, history, pending): &(_, History, Vec<Pending>), seed| {
            draws(algorithm, context(problem, history, pending), seed, 5)
        };
        // The second round comes after proposals from every other context, which must have left no trace.
        let first: Vec<_> = stages.iter().map(|stage| of(stage, 5)).collect();
        let second: Vec<_> = stages.iter().map(|stage| of(stage, 5)).collect();
        assert_eq!(first, second, "{name}");
        for stage in &stages {
            assert_ne!(of(stage, 5), of(stage, 6), "{name} {}: the seed has no effect", stage.0);
        }
    });
}

#[test]
fn a_proposal_that_is_cut_off_leaves_no_trace() {
    for_each_algorithm(|name, algorithm| {
        let problem = image_problem();
        for (stage, history, pending) in stages(&problem) {
            let quiet = context(&problem, &history, &pending);
            let whole = suggest(algorithm, quiet, &mut generator(5, 0)).unwrap();
            for patience in [0, 1, 7, 100] {
                let asked = Cell::new(0);
                let interruption = || asked.replace(asked.get() + 1) >= patience;
                let cut = Context { interruption: &interruption, ..quiet };
                let cut = suggest(algorithm, cut, &mut generator(5, 0));
                let again = suggest(algorithm, quiet, &mut generator(5, 0)).unwrap();
                assert_eq!(again, whole, "{name} {stage}: after {patience} looks");
                match cut {
                    Ok(suggestion) => assert_eq!(suggestion, whole),
                    Err(error) => assert_eq!(error, SearchError::Interrupted(Interrupted)),
                }
                assert!(patience > 0 || asked.get() > 0, "nobody asked");
            }
        }
    });
}

#[test]
fn a_history_is_all_that_an_algorithm_remembers() {
    const SEED: u64 = 3;
    for (name, kind, settings) in variants() {
        let problem = image_problem();
        let (history, _) = search(&problem, &*kind.build(&settings), 25, SEED);
        let mut resumed = History::new(problem.input);
        for done in history.results() {
            let fresh = kind.build(&settings);
            let context = context(&problem, &resumed, &[]);
            let again = suggest(&*fresh, context, &mut generator(SEED, done.trial)).unwrap();
            assert_eq!(again.candidate, done.candidate, "{name}: trial {} after a resume", done.trial);
            resumed.push(done.clone());
        }
    }
}

#[test]
fn replay_of_the_arrival_order_gives_the_same_proposals() {
    for_each_algorithm(|name, algorithm| {
        let problem = image_problem();
        // Three workers; the results arrive out of order, one trial in five fails.
        let asynchronous = || {
            let mut history = History::new(problem.input);
            let mut running: Vec<(u64, Candidate)> = Vec::new();
            for trial in 0..30 {
                let pending: Vec<Pending> =
                    running.iter().map(|(trial, candidate)| pending(*trial, candidate.clone())).collect();
                let mut rng = generator(4, trial);
                let context = context(&problem, &history, &pending);
                let suggestion = suggest(algorithm, context, &mut rng).unwrap();
                running.push((trial, suggestion.candidate));
                if running.len() == 3 {
                    let (trial, candidate) = running.swap_remove(trial as usize * 7 % 3);
                    let error = (trial % 5 > 0).then(|| synthetic_error(&candidate));
                    history.push(Observed { trial, epochs: candidate.epochs, candidate, error });
                }
            }
            history
        };
        assert_eq!(asynchronous().results(), asynchronous().results(), "{name}");
    });
}

/// Whether what was trained before rules this candidate out: the same, for no fewer epochs.
fn repeats(candidate: &Candidate, before: &Candidate) -> bool {
    before.architecture == candidate.architecture && before.epochs >= candidate.epochs
}

#[test]
fn a_small_space_is_searched_through_without_duplicates() {
    for_each_algorithm(|name, algorithm| {
        let problem = tiny_problem();
        let (history, error) = search(&problem, algorithm, 1000, 11);
        let trained: Vec<&Candidate> = history.results().iter().map(|result| &result.candidate).collect();
        let in_full = trained.iter().filter(|candidate| candidate.epochs == problem.epochs);
        let in_full: HashSet<_> = in_full.map(|candidate| &candidate.architecture).collect();
        assert_eq!(in_full.len(), TINY_SPACE, "{name}: {error:?}");
        for (place, candidate) in trained.iter().enumerate() {
            assert!(
                trained[..place].iter().all(|before| !repeats(candidate, before)),
                "{name}: {candidate:?}"
            );
        }
        assert!(matches!(error, Some(SearchError::Exhausted { .. })), "{name}: {error:?}");
    });
}

#[test]
fn what_is_running_is_not_suggested_again() {
    for_each_algorithm(|name, algorithm| {
        let problem = tiny_problem();
        let mut begun: Vec<Pending> = Vec::new();
        let history = History::new(problem.input);
        let full = loop {
            let trial = begun.len() as u64;
            match suggest(algorithm, context(&problem, &history, &begun), &mut generator(12, trial)) {
                Ok(Suggestion { candidate, .. }) => {
                    assert!(begun.iter().all(|running| !repeats(&candidate, &running.candidate)), "{name}");
                    begun.push(pending(trial, candidate));
                }
                Err(error) => break error,
            }
        };
        let architectures: HashSet<_> = begun.iter().map(|running| &running.candidate.architecture).collect();
        assert_eq!(architectures.len(), TINY_SPACE, "{name}");
        assert!(matches!(full, SearchError::Exhausted { .. }), "{name}: {full:?}");
    });
}

#[test]
fn without_feasibility_the_first_draw_is_trained() {
    for_each_algorithm(|name, algorithm| {
        let problem = Problem { feasibility: Feasibility::Off, ..tiny_problem() };
        let (history, error) = search(&problem, algorithm, 3 * TINY_SPACE as u64, 13);
        assert_eq!(error, None, "{name}");
        assert_eq!(history.len(), 3 * TINY_SPACE, "{name}");
    });
}
