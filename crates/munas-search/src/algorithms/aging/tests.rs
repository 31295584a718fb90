use std::collections::HashMap;

use munas_space::Architecture;

use super::{AgingEvolution, EvolutionSettings, RESTART_AFTER};
use crate::testing::{context, generator, image_problem, random_history};
use crate::{Algorithm, Bounds, History, Objective, Problem};

fn proposals(
    problem: &Problem,
    settings: EvolutionSettings,
    history: &History,
    count: u64,
) -> Vec<Architecture> {
    let algorithm = AgingEvolution::new(settings);
    let mut rng = generator(17, 0);
    let mut proposer = algorithm.proposer(context(problem, history, &[]), &mut rng).unwrap();
    (0..count).map(|_| proposer.propose(&mut rng).unwrap().architecture).collect()
}

/// Whether one morphism leads from the parent to the child. Random parts of morphisms are drawn until they agree, so
/// only children without them are recognised.
fn is_child(problem: &Problem, parent: &Architecture, child: &Architecture) -> bool {
    problem.space.morphisms(parent, &mut generator(0, 0)).contains(child)
}

/// How many of the proposals each trial of the history is seen to be the parent of.
fn parents(problem: &Problem, history: &History, proposals: &[Architecture]) -> HashMap<u64, usize> {
    let mut counts = HashMap::new();
    for child in proposals {
        for trial in history.results() {
            if is_child(problem, &trial.candidate.architecture, child) {
                *counts.entry(trial.trial).or_default() += 1;
            }
        }
    }
    counts
}

/// Only the error counts, so that every λ orders the trials alike.
fn problem_by_error() -> Problem {
    Problem { bounds: Bounds::soft([(Objective::Error, 0.1)]), ..image_problem() }
}

#[test]
fn proposals_are_random_until_the_population_is_full() {
    let problem = problem_by_error();
    let settings = EvolutionSettings { population: 5, sample: 5 };
    let mut outcomes = vec![Some(0.5); 4];
    outcomes.extend([None; 10]);
    let young = random_history(&problem, &outcomes, 1);
    let first = proposals(&problem, settings, &young, 50);
    let random: Vec<_> = {
        let mut rng = generator(17, 0);
        (0..50).map(|_| problem.space.sample(&mut rng)).collect()
    };
    assert_eq!(first, random, "ten failed trials are not members");
    outcomes.push(Some(0.5));
    let full = random_history(&problem, &outcomes, 1);
    let counts = parents(&problem, &full, &proposals(&problem, settings, &full, 50));
    assert!(counts.values().sum::<usize>() > 20, "children of members: {counts:?}");
}

#[test]
fn the_last_finished_trials_are_the_population() {
    let problem = problem_by_error();
    // The best trial, 0, is too old; of the four last finished ones trial 4 is the best; 7 failed.
    let outcomes = [0.01, 0.5, 0.4, 0.3, 0.2, 0.6, 0.7].map(Some);
    let history = random_history(&problem, &[&outcomes[..], &[None, Some(0.8)]].concat(), 2);
    let settings = EvolutionSettings { population: 4, sample: 64 };
    let counts = parents(&problem, &history, &proposals(&problem, settings, &history, 90));
    assert_eq!(counts.keys().collect::<Vec<_>>(), [&4], "a large sample always has the best: {counts:?}");
    let settings = EvolutionSettings { population: 4, sample: 1 };
    let counts = parents(&problem, &history, &proposals(&problem, settings, &history, 90));
    let mut members: Vec<&u64> = counts.keys().collect();
    members.sort_unstable();
    assert_eq!(members, [&4, &5, &6, &8], "a sample of one is a random member: {counts:?}");
}

#[test]
fn tournaments_draw_with_replacement() {
    // Without replacement a sample as large as the population would always have the best.
    let problem = problem_by_error();
    let history = random_history(&problem, &[0.1, 0.2, 0.3].map(Some), 3);
    let settings = EvolutionSettings { population: 3, sample: 3 };
    let draws = 99;
    let counts = parents(&problem, &history, &proposals(&problem, settings, &history, draws));
    assert!(counts.len() == 3, "each member wins sometimes: {counts:?}");
    let seen: usize = counts.values().sum();
    // The best wins 19 of 27 tournaments, the worst 1 of 27.
    let share = counts[&0] as f64 / seen as f64;
    assert!((0.5..0.9).contains(&share), "the best of three wins {share} of the tournaments");
}

#[test]
fn every_hundredth_draw_in_a_row_is_random() {
    let problem = problem_by_error();
    let history = random_history(&problem, &[Some(0.5)], 4);
    let settings = EvolutionSettings { population: 1, sample: 1 };
    let parent = &history.results()[0].candidate.architecture;
    let drawn = proposals(&problem, settings, &history, 2 * RESTART_AFTER);
    // A morphism changes the number of blocks by one at most.
    let blocks = |architecture: &Architecture| architecture.cnn().unwrap().blocks.len();
    let far: Vec<usize> =
        (1..=drawn.len()).filter(|draw| blocks(&drawn[draw - 1]).abs_diff(blocks(parent)) > 1).collect();
    assert!(!far.is_empty());
    assert!(far.iter().all(|draw| (*draw as u64).is_multiple_of(RESTART_AFTER)), "{far:?}");
}

#[test]
#[should_panic(expected = "a tournament has members")]
fn an_empty_sample_is_refused() {
    AgingEvolution::new(EvolutionSettings { population: 10, sample: 0 });
}
