//! How long Bayesian optimisation takes for a proposal after so many results, on one core:
//! `cargo run --release -p munas-search --example bayes_speed`.
#![expect(clippy::print_stdout, reason = "an example prints its result")]

use std::time::Instant;

use munas_ir::Shape;
use munas_search::{
    AlgorithmKind, AlgorithmSettings, Bounds, Context, History, Objective, Observed, Problem, SearchError,
    suggest,
};
use munas_space::Space;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Numbers of results after which proposals are timed.
const RESULTS: [u64; 5] = [50, 100, 200, 800, 2_000];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let bounds = Bounds::soft([
        (Objective::Error, 0.1),
        (Objective::PeakMemory, 64_000.0),
        (Objective::ModelSize, 64_000.0),
        (Objective::Macs, 30_000_000.0),
    ]);
    let space = Space::named("cnn2d", "munas-2020")?;
    let problem = Problem { bounds, ..Problem::new(space, Shape::new(28, 28, 1), 10, 45) };
    println!("results  fit and distances, s  proposal, s");
    for results in RESULTS {
        let [first, second] = measure(&problem, results)?;
        println!("{results:7}  {first:20.2}  {second:11.2}");
    }
    Ok(())
}

/// Seconds of the first proposal after so many results, for which everything is computed, and of a second one.
fn measure(problem: &Problem, results: u64) -> Result<[f64; 2], SearchError> {
    let streams = |number| -> Box<dyn Rng> { Box::new(ChaCha8Rng::seed_from_u64(number)) };
    let random = AlgorithmKind::Random.build(&AlgorithmSettings::default());
    let bayes = AlgorithmKind::Bayes.build(&AlgorithmSettings::default());
    let mut history = History::new(problem.input);
    let mut rng = ChaCha8Rng::seed_from_u64(results);
    for trial in 0..results {
        let context =
            Context { problem, history: &history, pending: &[], streams: &streams, interruption: &|| false };
        let candidate = suggest(&*random, context, &mut rng)?.candidate;
        let error = Some(1.0 / (1.0 + candidate.resources.macs as f64).ln());
        history.push(Observed { trial, epochs: candidate.epochs, candidate, error });
    }
    let mut seconds = [0.0; 2];
    for time in &mut seconds {
        let context =
            Context { problem, history: &history, pending: &[], streams: &streams, interruption: &|| false };
        let start = Instant::now();
        suggest(&*bayes, context, &mut rng)?;
        *time = start.elapsed().as_secs_f64();
    }
    seconds[0] -= seconds[1];
    Ok(seconds)
}
