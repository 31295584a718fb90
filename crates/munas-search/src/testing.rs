//! What the tests of this crate share: problems, a synthetic trainer, whole searches.

use std::num::NonZeroU64;

use munas_ir::Shape;
use munas_space::{Architecture, Cnn, MlpBounds, Range, Space};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::{
    Algorithm, AlgorithmSettings, Bounds, Candidate, Context, Decision, History, Objective, Observed,
    Pending, Problem, Proposal, SearchError, decide, suggest,
};

/// The generator of one trial of a search, as a run makes it: from the search's seed and the trial's number.
pub fn generator(seed: u64, trial: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(trial);
    rng
}

/// A context in which the generators that proposals share are always the same.
pub fn context<'a>(problem: &'a Problem, history: &'a History, pending: &'a [Pending]) -> Context<'a> {
    fn stream(number: u64) -> Box<dyn Rng> {
        Box::new(generator(99, number))
    }
    Context { problem, history, pending, streams: &stream, interruption: &|| false }
}

/// A candidate under way to its end.
pub fn pending(trial: u64, candidate: Candidate) -> Pending {
    Pending { trial, epochs: candidate.epochs, candidate }
}

/// The default settings, but for evolutions a population that short searches fill.
pub fn settings(population: usize, sample: usize) -> AlgorithmSettings {
    let mut settings = AlgorithmSettings::default();
    settings.evolution.population = population;
    settings.evolution.sample = sample;
    settings
}

/// The paper's space on a small image, under bounds that about one random architecture in twenty meets tenfold.
pub fn image_problem() -> Problem {
    let space = Space::named("cnn2d", "munas-2020").unwrap();
    let bounds = Bounds::soft([
        (Objective::Error, 0.1),
        (Objective::PeakMemory, 2000.0),
        (Objective::ModelSize, 2000.0),
        (Objective::Macs, 100_000.0),
    ]);
    Problem { bounds, ..Problem::new(space, Shape::new(20, 20, 1), 10, 9) }
}

/// The architectures of [`tiny_problem`]: one or two hidden layers of one to three units.
pub const TINY_SPACE: usize = 3 + 9;

/// A space that a search exhausts.
pub fn tiny_problem() -> Problem {
    let space =
        Space::Mlp(MlpBounds { dense: Range::new(1, 2), units: Range::new(1, 3), ..MlpBounds::munas_2020() });
    let max_draws = NonZeroU64::new(20_000).unwrap();
    Problem { max_draws, ..Problem::new(space, Shape::flat(4), 3, 9) }
}

/// A random candidate, whatever its resources.
pub fn random_candidate(problem: &Problem, rng: &mut ChaCha8Rng) -> Candidate {
    let architecture = problem.space.sample(rng);
    let sparsity = problem.pruning.map(|range| range.sample(rng));
    problem.candidate(Proposal { architecture, epochs: problem.epochs, sparsity })
}

/// A closed form in place of a training: the error falls with MACs, depth, batch norm and ReLU, each with diminishing
/// returns, so that no single morphism leads to the optimum and bounds on the resources bite.
pub fn synthetic_error(candidate: &Candidate) -> f64 {
    let saturating = |x: f64, scale: f64| 1.0 - (-x / scale).exp();
    let quality = match &candidate.architecture {
        Architecture::Cnn2d(cnn) | Architecture::Cnn1d(cnn) => {
            let macs = candidate.resources.macs as f64;
            let depth = cnn.blocks.iter().map(|block| block.layers.len()).sum::<usize>() as f64;
            let flags = 0.5
                * (fraction(cnn, |layer| layer.batch_norm)
                    + fraction(cnn, |layer| !layer.activation.is_identity()));
            0.4 * saturating(macs, 60_000.0) + 0.3 * saturating(depth, 4.0) + 0.3 * flags
        }
        Architecture::Mlp(mlp) => saturating(mlp.dense.iter().sum::<usize>() as f64, 50.0),
    };
    0.9 * (1.0 - quality)
}

fn fraction(cnn: &Cnn, has: impl Fn(&munas_space::Layer) -> bool) -> f64 {
    let layers = || cnn.blocks.iter().flat_map(|block| &block.layers);
    layers().filter(|layer| has(layer)).count() as f64 / layers().count() as f64
}

/// A history of these outcomes, trained on random architectures: an error, or `None` for a failed trial.
pub fn random_history(problem: &Problem, outcomes: &[Option<f64>], seed: u64) -> History {
    let mut rng = generator(seed, u64::MAX);
    let mut history = History::new(problem.input);
    for (trial, &error) in outcomes.iter().enumerate() {
        let candidate = random_candidate(problem, &mut rng);
        history.push(Observed { trial: trial as u64, epochs: candidate.epochs, candidate, error });
    }
    history
}

/// A search with one worker and the synthetic trainer, until so many trials or the end of the space.
pub fn search(
    problem: &Problem,
    algorithm: &dyn Algorithm,
    trials: u64,
    seed: u64,
) -> (History, Option<SearchError>) {
    let mut history = History::new(problem.input);
    for trial in 0..trials {
        match suggest(algorithm, context(problem, &history, &[]), &mut generator(seed, trial)) {
            Ok(suggestion) => {
                let candidate = suggestion.candidate;
                let error = Some(synthetic_error(&candidate));
                history.push(Observed { trial, epochs: candidate.epochs, candidate, error });
            }
            Err(error) => return (history, Some(error)),
        }
    }
    (history, None)
}

/// The error of the synthetic trainer after some epochs: it falls with them, by a little more or less for each network.
pub fn synthetic_error_after(candidate: &Candidate, epochs: u32) -> f64 {
    let share = f64::from(epochs) / f64::from(candidate.epochs);
    let luck = (candidate.resources.macs % 7) as f64 / 100.0;
    1.0 - (1.0 - synthetic_error(candidate)) * share.powf(0.12 + luck)
}

/// A search in rungs with one worker and the synthetic trainer, until so many epochs are trained.
pub fn search_in_rungs(problem: &Problem, algorithm: &dyn Algorithm, epochs: u32, seed: u64) -> History {
    let mut history = History::new(problem.input);
    let mut trained = 0;
    for decision in 0.. {
        let mut rng = generator(seed, decision);
        let context = context(problem, &history, &[]);
        let (trial, candidate, from) = match decide(algorithm, context, true, &mut rng).unwrap() {
            Some(Decision::Promote(trial)) => {
                let resting = history.results().iter().rfind(|result| result.trial == trial).unwrap();
                (trial, resting.candidate.clone(), resting.epochs)
            }
            Some(Decision::Start(suggestion)) => (decision, suggestion.candidate, 0),
            None => unreachable!("something may always be begun"),
        };
        let to = *problem.rungs.iter().find(|end| **end > from).unwrap();
        trained += to - from;
        if trained > epochs {
            break;
        }
        let error = Some(synthetic_error_after(&candidate, to));
        history.push(Observed { trial, candidate, epochs: to, error });
    }
    history
}
