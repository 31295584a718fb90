use munas_cost::{MemoryModel, NetworkInput, Runtime};
use munas_ir::Shape;
use munas_space::Space;

use super::*;
use crate::testing::{context, generator, random_history};
use crate::{Bounds, History, PruningMode, SparsityRange, TrainingLimits};

fn problem(kind: &str, bounds: &str, input: Shape, limits: Bounds) -> Problem {
    let space = Space::named(kind, bounds).unwrap();
    Problem { bounds: limits, sampling: Sampling::Target, ..Problem::new(space, input, 10, 9) }
}

fn within(peak_memory: u64, model_size: u64, macs: u64) -> Bounds {
    Bounds::soft([
        (Objective::PeakMemory, peak_memory as f64),
        (Objective::ModelSize, model_size as f64),
        (Objective::Macs, macs as f64),
    ])
}

fn problems() -> Vec<Problem> {
    let image = Shape::new(28, 28, 1);
    let pruning =
        Some(SparsityRange { mode: PruningMode::Structured, min: 0.1, max: 0.8, fits_bounds: false });
    vec![
        problem("cnn2d", "wide", image, within(488, 480, 28_600)),
        problem("cnn2d", "munas-2020", image, within(2_500, 4_500, 30_000_000)),
        problem("cnn2d", "wide", Shape::new(48, 48, 3), within(16_000, 16_000, 1_000_000)),
        problem("cnn1d", "wide-1d", Shape::new(128, 1, 9), within(10_800, 19_300, 53_100)),
        problem("mlp", "wide", Shape::flat(64), within(60, 1_640, 10_000)),
        Problem { pruning, ..problem("cnn2d", "wide", image, within(2_000, 1_000, 60_000)) },
        problem("cnn2d", "wide", image, Bounds::soft([(Objective::PeakMemory, 8_000.0)])),
        Problem {
            memory: MemoryModel::STREAMED,
            ..problem("cnn2d", "wide", Shape::new(32, 32, 3), within(900, 2_000, 400_000))
        },
        Problem {
            memory: MemoryModel { runtime: Runtime::Streamed, input: NetworkInput::External },
            ..problem("cnn1d", "wide-1d", Shape::new(128, 1, 9), within(200, 2_000, 60_000))
        },
        // A pool before the first layer would take 768 bytes beside the 256 of its output.
        problem("cnn2d", "wide", Shape::new(32, 32, 3), within(909, 685, 41_200)),
    ]
}

#[test]
fn every_draw_is_within_the_bounds() {
    for problem in problems() {
        let history = History::new(problem.input);
        let sampler = Sampler::new(&context(&problem, &history, &[]));
        let mut rng = generator(3, 0);
        for _ in 0..20 {
            let candidate = problem.candidate(sampler.draw(&mut rng));
            problem.space.check(&candidate.architecture).unwrap();
            assert!(
                problem.bounds.are_met(&candidate.objectives(Some(0.0))),
                "{:?}: {candidate:?}",
                problem.bounds
            );
        }
    }
}

#[test]
fn draws_spread_over_two_orders_of_magnitude() {
    let problem = problem("cnn2d", "wide", Shape::new(28, 28, 1), within(64_000, 64_000, 3_000_000));
    let history = History::new(problem.input);
    let sampler = Sampler::new(&context(&problem, &history, &[]));
    let mut rng = generator(4, 0);
    let sizes: Vec<u64> =
        (0..60).map(|_| problem.candidate(sampler.draw(&mut rng)).resources.model_size).collect();
    let share_below =
        |size: u64| sizes.iter().filter(|&&found| found < size).count() as f64 / sizes.len() as f64;
    assert!(share_below(1_000) > 0.1 && share_below(8_000) < 0.9, "{sizes:?}");
}

#[test]
fn what_was_tried_is_avoided() {
    let problem = problem("cnn2d", "wide", Shape::new(28, 28, 1), within(8_000, 8_000, 1_000_000));
    let nothing = History::new(problem.input);
    let sampler = Sampler::new(&context(&problem, &nothing, &[]));
    let mut rng = generator(5, 0);
    let candidates: Vec<Candidate> = (0..200).map(|_| problem.candidate(sampler.draw(&mut rng))).collect();
    let aims = aims(&problem);
    let all = Density::new(candidates.iter().map(|candidate| logarithms(candidate, &aims)).collect());
    let history = {
        let mut history = History::new(problem.input);
        for (trial, candidate) in (0..).zip(candidates) {
            history.push(crate::Observed { trial, epochs: candidate.epochs, candidate, error: Some(0.5) });
        }
        history
    };
    let knowing = Sampler::new(&context(&problem, &history, &[]));
    let mean = |sampler: &Sampler<'_>| {
        let mut rng = generator(6, 0);
        let draws = (0..60).map(|_| problem.candidate(sampler.draw(&mut rng)));
        draws.map(|candidate| all.at(&logarithms(&candidate, &aims))).sum::<f64>() / 60.0
    };
    assert!(mean(&knowing) < 0.9 * mean(&sampler), "{} and {}", mean(&knowing), mean(&sampler));
}

#[test]
fn bounds_that_nothing_meets_are_answered_at_once() {
    let problem = problem("cnn2d", "wide", Shape::new(28, 28, 1), within(488, 5, 28_600));
    let history = random_history(&problem, &[], 1);
    let sampler = Sampler::new(&context(&problem, &history, &[]));
    let mut rng = generator(3, 0);
    let (one, other) = (sampler.draw(&mut rng), sampler.draw(&mut rng));
    assert_eq!(one, other, "the smallest network");
    assert!(problem.candidate(one).resources.model_size > 5);
}

#[test]
fn without_bounds_the_cost_of_training_is_the_limit() {
    let mut problem = problem("cnn2d", "wide", Shape::new(28, 28, 1), Bounds::default());
    problem.training = TrainingLimits { memory: None, macs: Some(100_000) };
    let history = History::new(problem.input);
    let sampler = Sampler::new(&context(&problem, &history, &[]));
    let mut rng = generator(3, 0);
    for _ in 0..20 {
        assert!(problem.candidate(sampler.draw(&mut rng)).resources.macs <= 100_000);
    }
}

#[test]
fn no_walk_of_shrinking_changes_finds_much_less_than_the_smallest_networks() {
    let inputs = [Shape::new(32, 32, 3), Shape::new(28, 28, 1), Shape::new(96, 96, 3), Shape::new(49, 10, 1)];
    let spaces = ["munas-2020", "wide"].map(|bounds| ("cnn2d", bounds, inputs.as_slice()));
    let series = [Shape::new(128, 1, 9), Shape::new(1_000, 1, 1)];
    for (kind, bounds, inputs) in spaces.into_iter().chain([("cnn1d", "wide-1d", series.as_slice())]) {
        for &input in inputs {
            let space = Space::named(kind, bounds).unwrap();
            let sizes = |architecture: &Architecture| {
                let graph = architecture.lower(input, 2);
                let streamed = |input| {
                    let model = MemoryModel { runtime: Runtime::Streamed, input };
                    munas_cost::peak_memory(&graph, model)
                };
                let resources = munas_cost::resources(&graph);
                let streamed = [NetworkInput::External, NetworkInput::Rows].map(streamed);
                [resources.peak_memory, resources.model_size, resources.macs, streamed[0], streamed[1]]
            };
            let of = |smallest: Vec<Architecture>| -> Vec<[u64; 5]> { smallest.iter().map(sizes).collect() };
            let (layers, rows) = (of(space.smallest()), of(space.smallest_in_rows()));
            let smallest = |resource: usize| {
                let known = if resource < 3 { &layers } else { &rows };
                known.iter().map(|sizes| sizes[resource]).min().unwrap()
            };
            let mut rng = generator(3, 0);
            for _ in 0..10 {
                let mut architecture = space.sample_structure(&mut rng);
                while let Some(smaller) = space.shrunk(&architecture, &mut rng) {
                    architecture = smaller;
                    let found = sizes(&space.scaled(&architecture, 0.0));
                    for (resource, found) in found.into_iter().enumerate() {
                        let least = smallest(resource);
                        assert!(
                            least as f64 <= found as f64 * SMALLEST_ERROR,
                            "{kind} {bounds} {input}: {found} < {least}: {architecture}"
                        );
                    }
                }
            }
        }
    }
}
