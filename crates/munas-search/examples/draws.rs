//! How many architectures per second `suggest` draws, prices and judges, on one core and under the bounds of a small
//! microcontroller, layer by layer and in rows: `cargo run --release -p munas-search --example draws [seconds]`.
#![expect(clippy::print_stdout, reason = "an example prints its result")]

use std::time::{Duration, Instant};

use munas_cost::MemoryModel;
use munas_ir::Shape;
use munas_search::{
    AlgorithmKind, AlgorithmSettings, Bounds, Context, History, Objective, Observed, Problem, SearchError,
    suggest,
};
use munas_space::Space;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let seconds: f64 = std::env::args().nth(1).map_or(Ok(2.0), |text| text.parse())?;
    let bounds = Bounds {
        hard: vec![Objective::PeakMemory, Objective::ModelSize],
        ..Bounds::soft([
            (Objective::Error, 0.1),
            (Objective::PeakMemory, 2_000.0),
            (Objective::ModelSize, 2_000.0),
            (Objective::Macs, 1_000_000.0),
        ])
    };
    let space = Space::named("cnn2d", "munas-2020")?;
    for memory in [MemoryModel::PUBLISHED, MemoryModel::STREAMED] {
        let (bounds, space) = (bounds.clone(), space.clone());
        let problem = Problem { bounds, memory, ..Problem::new(space, Shape::new(28, 28, 1), 10, 45) };
        println!("{}", memory.runtime);
        for kind in AlgorithmKind::ALL {
            measure(&problem, kind, Duration::from_secs_f64(seconds))?;
        }
    }
    Ok(())
}

/// Searches for `time`; every trial ends at once, its error made up from its size.
fn measure(problem: &Problem, kind: AlgorithmKind, time: Duration) -> Result<(), SearchError> {
    let algorithm = kind.build(&AlgorithmSettings::default());
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let streams = |number| -> Box<dyn Rng> { Box::new(ChaCha8Rng::seed_from_u64(number)) };
    let mut history = History::new(problem.input);
    let mut draws = 0;
    let start = Instant::now();
    while start.elapsed() < time {
        let suggestion = suggest(
            &*algorithm,
            Context { problem, history: &history, pending: &[], streams: &streams, interruption: &|| false },
            &mut rng,
        )?;
        draws += suggestion.refused.total() + 1;
        let error = Some(1.0 / (1.0 + suggestion.candidate.resources.macs as f64).ln());
        let candidate = suggestion.candidate;
        history.push(Observed { trial: history.len() as u64, epochs: candidate.epochs, candidate, error });
    }
    let per_second = draws as f64 / start.elapsed().as_secs_f64();
    let trials = history.len();
    println!("{kind}: {per_second:.0} draws/s, {draws} draws for {trials} trials");
    Ok(())
}
