//! How long `niche` takes for a proposal and for the decision on a promotion after so many trials, on one core:
//! `cargo run --release -p munas-search --example niche_speed -- [TRIALS...]`.
#![expect(clippy::print_stdout, reason = "an example prints its result")]

use std::time::Instant;

use munas_ir::Shape;
use munas_search::{
    AlgorithmKind, AlgorithmSettings, Bounds, Candidate, Context, History, Objective, Observed, Problem,
    Proposal, Sampling, SearchError, rungs, suggest,
};
use munas_space::Space;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Numbers of trials after which decisions are timed.
const TRIALS: [u64; 5] = [20, 200, 2_000, 20_000, 100_000];
/// Architectures that are drawn; the others are their descendants, which are faster to make.
const DRAWN: u64 = 100;
/// Decisions of each kind of which the mean is told.
const DECISIONS: u32 = 30;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let bounds = Bounds::hard([
        (Objective::PeakMemory, 8_000.0),
        (Objective::ModelSize, 16_000.0),
        (Objective::Macs, 1_000_000.0),
    ]);
    let problem = Problem {
        bounds,
        sampling: Sampling::Target,
        rungs: rungs::rungs(27, 4, 1),
        ..Problem::new(Space::named("cnn2d", "wide")?, Shape::new(28, 28, 1), 10, 27)
    };
    println!("trials  results  first, ms  proposal, ms  promotion, ms");
    let asked: Vec<u64> = std::env::args().skip(1).map(|trials| trials.parse()).collect::<Result<_, _>>()?;
    for trials in if asked.is_empty() { TRIALS.to_vec() } else { asked } {
        measure(&problem, trials)?;
    }
    Ok(())
}

/// Times the first decision, which includes a fit and all that is derived from the history, then proposals and promotions.
fn measure(problem: &Problem, trials: u64) -> Result<(), SearchError> {
    let mut rng = ChaCha8Rng::seed_from_u64(trials);
    let history = history(problem, trials, &mut rng)?;
    let streams = |number| -> Box<dyn Rng> { Box::new(ChaCha8Rng::seed_from_u64(number)) };
    let context =
        Context { problem, history: &history, pending: &[], streams: &streams, interruption: &|| false };
    let niche = AlgorithmKind::Niche.build(&AlgorithmSettings::default());
    let milliseconds = |start: Instant| 1e3 * start.elapsed().as_secs_f64();
    let start = Instant::now();
    niche.promotion(context)?;
    let first = milliseconds(start);
    let start = Instant::now();
    for _ in 0..DECISIONS {
        niche.promotion(context)?;
    }
    let promotion = milliseconds(start) / f64::from(DECISIONS);
    let start = Instant::now();
    for _ in 0..DECISIONS {
        suggest(&*niche, context, &mut rng)?;
    }
    let proposal = milliseconds(start) / f64::from(DECISIONS);
    println!("{trials:6}  {:7}  {first:9.1}  {proposal:12.1}  {promotion:13.1}", history.len());
    Ok(())
}

/// Trials with made-up errors, of which a third goes on at each rung.
fn history(problem: &Problem, trials: u64, rng: &mut ChaCha8Rng) -> Result<History, SearchError> {
    let streams = |number| -> Box<dyn Rng> { Box::new(ChaCha8Rng::seed_from_u64(number)) };
    let random = AlgorithmKind::Random.build(&AlgorithmSettings::default());
    let mut history = History::new(problem.input);
    let mut candidates: Vec<Candidate> = Vec::new();
    for trial in 0..trials {
        let candidate = if trial < DRAWN {
            let context = Context {
                problem,
                history: &history,
                pending: &[],
                streams: &streams,
                interruption: &|| false,
            };
            suggest(&*random, context, rng)?.candidate
        } else {
            descendant(problem, &candidates, rng)
        };
        candidates.push(candidate.clone());
        let luck: f64 = rng.random_range(0.7..1.4);
        for (rung, &epochs) in problem.rungs.iter().enumerate() {
            if rung > 0 && !trial.is_multiple_of(3_u64.pow(rung as u32)) {
                break;
            }
            let error = luck * 3.0 / (candidate.resources.macs as f64).ln() / (1.0 + rung as f64);
            let candidate = candidate.clone();
            history.push(Observed { trial, candidate, epochs, error: Some(error.min(0.9)) });
        }
    }
    Ok(history)
}

/// A child of one of them, within the bounds.
fn descendant(problem: &Problem, parents: &[Candidate], rng: &mut ChaCha8Rng) -> Candidate {
    loop {
        let parent = &parents[rng.random_range(0..parents.len())].architecture;
        let Some(architecture) = problem.space.mutate(parent, rng) else { continue };
        let candidate = problem.candidate(Proposal { architecture, epochs: problem.epochs, sparsity: None });
        if problem.bounds.are_met(&candidate.objectives(None)) {
            return candidate;
        }
    }
}
