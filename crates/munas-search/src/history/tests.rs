use munas_ir::Shape;
use munas_space::Architecture;

use super::{Duplicates, History, Observed};
use crate::testing::{generator, image_problem, pending, random_candidate};
use crate::{Candidate, Problem, Proposal};

fn with_kernel(kernel: usize) -> Architecture {
    let text = format!(
        r#"{{"blocks":[{{"branch":false,"layers":[{{"op":"conv","kernel":{kernel},"filters":4,"stride":1,
            "pre_pool":false,"batch_norm":true,"relu":true}}]}}],"pool":null,"dense":[10]}}"#
    );
    Architecture::from_json_text(munas_space::Kind::Cnn2d, &text).unwrap()
}

fn candidate(problem: &Problem, kernel: usize, epochs: u32) -> Candidate {
    problem.candidate(Proposal { architecture: with_kernel(kernel), epochs, sparsity: None })
}

fn observed(trial: u64, candidate: Candidate, error: Option<f64>) -> Observed {
    Observed { trial, epochs: candidate.epochs, candidate, error }
}

#[test]
fn duplicates_are_recognised_by_canonical_form() {
    let problem = Problem { input: Shape::new(5, 5, 1), ..image_problem() };
    let mut history = History::new(problem.input);
    history.push(observed(0, candidate(&problem, 7, 9), Some(0.5)));
    let duplicates = Duplicates::new(&history, &[]);
    // Both kernels are clipped to the input.
    assert!(duplicates.contains(&candidate(&problem, 5, 9)));
    assert!(!duplicates.contains(&candidate(&problem, 3, 9)));
    let running = [pending(1, candidate(&problem, 7, 9))];
    let nothing = History::new(problem.input);
    let duplicates = Duplicates::new(&nothing, &running);
    assert!(
        duplicates.contains(&candidate(&problem, 5, 9)) && !duplicates.contains(&candidate(&problem, 3, 9))
    );
}

#[test]
fn failed_and_running_trials_are_trained_too() {
    let problem = image_problem();
    let mut history = History::new(problem.input);
    history.push(observed(0, candidate(&problem, 3, 9), None));
    let running = [pending(9, candidate(&problem, 5, 9))];
    let duplicates = Duplicates::new(&history, &running);
    assert!(duplicates.contains(&candidate(&problem, 3, 9)));
    assert!(duplicates.contains(&candidate(&problem, 5, 9)));
    assert!(!duplicates.contains(&candidate(&problem, 7, 9)));
}

#[test]
fn a_longer_training_is_no_duplicate() {
    let problem = image_problem();
    let mut history = History::new(problem.input);
    history.push(observed(0, candidate(&problem, 3, 9), Some(0.5)));
    history.push(observed(1, candidate(&problem, 3, 1), Some(0.6)));
    let running = [pending(9, candidate(&problem, 5, 3))];
    let duplicates = Duplicates::new(&history, &running);
    assert!(duplicates.contains(&candidate(&problem, 3, 9)));
    assert!(!duplicates.contains(&candidate(&problem, 3, 27)));
    assert!(duplicates.contains(&candidate(&problem, 5, 1)));
    assert!(!duplicates.contains(&candidate(&problem, 5, 9)));
}

#[test]
fn a_trial_in_rungs_has_a_result_for_each() {
    let problem = image_problem();
    let mut history = History::new(problem.input);
    let resting =
        |trial, epochs, error| Observed { epochs, ..observed(trial, candidate(&problem, 3, 9), error) };
    for (trial, epochs, error) in [(0, 1, Some(0.6)), (1, 1, Some(0.5)), (0, 3, Some(0.4)), (0, 9, None)] {
        history.push(resting(trial, epochs, error));
    }
    assert_eq!((history.len(), history.finished().count()), (4, 3));
    let firsts: Vec<_> = history.trials().map(|first| (first.trial, first.epochs)).collect();
    assert_eq!(firsts, [(0, 1), (1, 1)]);
    assert!(Duplicates::new(&history, &[]).contains(&candidate(&problem, 3, 9)), "it is on its way there");
}

#[test]
fn trials_keep_their_arrival_order() {
    let problem = image_problem();
    let mut rng = generator(0, 0);
    let mut history = History::new(problem.input);
    for (trial, error) in [(3, Some(0.3)), (1, None), (2, Some(f64::NAN)), (0, Some(0.1))] {
        history.push(observed(trial, random_candidate(&problem, &mut rng), error));
    }
    let order = |trials: Vec<&Observed>| trials.iter().map(|trial| trial.trial).collect::<Vec<_>>();
    assert_eq!(order(history.results().iter().collect()), [3, 1, 2, 0]);
    assert_eq!(order(history.finished().collect()), [3, 0]);
    assert_eq!(history.len(), 4);
    assert_eq!(history.results()[2].error, None, "an error that is not a number is a failed trial");
}

#[test]
fn target_sparsities_far_apart_are_no_duplicates() {
    let problem = image_problem();
    let at = |sparsity| Candidate { sparsity, ..candidate(&problem, 3, 9) };
    let mut history = History::new(problem.input);
    history.push(observed(1, at(Some(0.5)), Some(0.1)));
    let duplicates = Duplicates::new(&history, &[]);
    for (sparsity, is_duplicate) in [(0.5, true), (0.495, true), (0.505, true), (0.52, false), (0.0, false)] {
        assert_eq!(duplicates.contains(&at(Some(sparsity))), is_duplicate, "{sparsity}");
    }
}

#[test]
fn a_digest_is_of_all_results_so_far_and_of_nothing_else() {
    let problem = image_problem();
    let results = [(1, 3, Some(0.5)), (2, 5, None), (3, 7, Some(0.25))];
    let history = |results: &[(u64, usize, Option<f64>)]| {
        let mut history = History::new(problem.input);
        for &(trial, kernel, error) in results {
            history.push(observed(trial, candidate(&problem, kernel, 9), error));
        }
        history
    };
    let known = history(&results);
    for count in 0..=3 {
        assert_eq!(history(&results[..count]).digest(count), known.digest(count));
    }
    for (other, count) in [
        ([(4, 3, Some(0.5)), results[1], results[2]], 1),
        ([(1, 5, Some(0.5)), results[1], results[2]], 1),
        ([results[0], (2, 5, Some(0.5)), results[2]], 2),
        ([results[1], results[0], results[2]], 1),
    ] {
        let other = history(&other);
        assert_eq!(other.digest(count - 1), known.digest(count - 1));
        assert!((count..=3).all(|count| other.digest(count) != known.digest(count)), "{other:?}");
    }
}

#[test]
fn the_least_error_is_that_of_any_result() {
    let problem = image_problem();
    let mut history = History::new(problem.input);
    let mut least = |error| {
        history.push(observed(1, candidate(&problem, 3, 9), error));
        history.least_error()
    };
    let errors = [None, Some(0.5), Some(f64::NAN), Some(0.75), Some(0.25), None];
    assert_eq!(errors.map(&mut least), [None, Some(0.5), Some(0.5), Some(0.5), Some(0.25), Some(0.25)]);
}

#[test]
fn thinned_trials_are_spread_over_all_of_them() {
    let problem = image_problem();
    let mut history = History::new(problem.input);
    let thinned = |history: &History| history.thinned_trials(4).map(|one| one.trial).collect::<Vec<_>>();
    assert!(thinned(&history).is_empty());
    for trial in 0..9 {
        for _ in 0..2 {
            history.push(observed(trial, candidate(&problem, 3, 9), None));
        }
        if trial == 3 {
            assert_eq!(thinned(&history), [0, 1, 2, 3]);
        }
    }
    assert_eq!(thinned(&history), [0, 3, 6]);
}
