//! What models say of networks that were measured, from some others of them: `experiments/surrogate/run.py` pipes in the networks.
//!
//!     cargo run --release -p munas-search --example surrogates -- REPETITIONS
//!
//! Prints CSV: `part,known,rung,repetition,predictor,network,predicted,deviation,measured`, with errors as logarithms. A repetition takes the errors of one
//! training, the next repetition those of the next.
//!
//! | part | known | asked for |
//! |---|---|---|
//! | `network` | some networks, trained in full | all others, of which there is nothing |
//! | `resting` | the same, and all others up to the end of a rung | those others |
#![expect(clippy::print_stdout, reason = "an example prints its result")]

#[path = "measured/networks.rs"]
mod networks;

use std::error::Error;

use munas_search::algorithms::predictors::{Prediction, Predictor, Resting};
use munas_search::{Candidate, History, Problem};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use networks::{Network, with_context};

/// Networks trained in full that there is a model from.
const KNOWN: [usize; 4] = [20, 25, 50, 75];
/// Networks trained in full beside others that rest.
const FINISHED: [usize; 2] = [5, 25];

fn main() -> Result<(), Box<dyn Error>> {
    let repetitions: u64 = std::env::args().nth(1).ok_or("usage: surrogates REPETITIONS")?.parse()?;
    let problem = networks::problem()?;
    let all = networks::read(std::io::stdin().lock(), &problem)?;
    let trainings = all.first().ok_or("no networks")?.errors.len() as u64;
    for repetition in 0..repetitions {
        let mut order: Vec<&Network> = all.iter().collect();
        order.shuffle(&mut ChaCha8Rng::seed_from_u64(repetition));
        let draw = Draw {
            problem: &problem,
            repetition,
            training: (repetition % trainings) as usize,
            order: &order,
        };
        for known in KNOWN {
            draw.networks(known)?;
        }
        for finished in FINISHED {
            for rung in 0..problem.rungs.len() - 1 {
                draw.resting(finished, rung)?;
            }
        }
    }
    Ok(())
}

/// One repetition.
struct Draw<'a> {
    problem: &'a Problem,
    repetition: u64,
    training: usize,
    /// Those that are known come first.
    order: &'a [&'a Network],
}

impl Draw<'_> {
    fn networks(&self, known: usize) -> Result<(), Box<dyn Error>> {
        let last = self.problem.rungs.len() - 1;
        let (known, asked) = self.order.split_at(known);
        let mut history = History::new(self.problem.input);
        for network in known {
            history.push(network.result(self.problem, self.training, last));
        }
        let candidates: Vec<&Candidate> = asked.iter().map(|network| &network.candidate).collect();
        for predictor in Predictor::ALL {
            let predicted = with_context(self.problem, &history, self.repetition, |context| {
                predictor.log_errors(context, &candidates)
            })?;
            for (network, mean) in asked.iter().zip(predicted) {
                let prefix = format!("network,{},,{},{}", known.len(), self.repetition, predictor.name());
                self.print(&prefix, network, mean, None);
            }
        }
        Ok(())
    }

    fn resting(&self, finished: usize, rung: usize) -> Result<(), Box<dyn Error>> {
        let last = self.problem.rungs.len() - 1;
        let (finished, resting) = self.order.split_at(finished);
        let mut history = History::new(self.problem.input);
        for (networks, end) in [(finished, last), (resting, rung)] {
            for network in networks {
                for rung in 0..=end {
                    history.push(network.result(self.problem, self.training, rung));
                }
            }
        }
        for network in resting {
            let of = |left_out| -> Result<Resting, Box<dyn Error>> {
                let what = with_context(self.problem, &history, self.repetition, |context| {
                    Resting::of(context, network.number, left_out)
                })?;
                what.ok_or_else(|| "a trial that rests has a result".into())
            };
            let print = |name: &str, Prediction { mean, deviation }: Prediction| {
                let epochs = self.problem.rungs[rung];
                let prefix = format!("resting,{},{epochs},{},{name}", finished.len(), self.repetition);
                self.print(&prefix, network, mean, Some(deviation));
            };
            let (left_out, within) = (of(true)?, of(false)?);
            print("rung", left_out.rung);
            print("surrogate", left_out.surrogate);
            print("both", left_out.both);
            print("both with its own", within.both);
        }
        Ok(())
    }

    fn print(&self, prefix: &str, network: &Network, mean: f64, deviation: Option<f64>) {
        let measured = network.errors[self.training].last().map_or(f64::NAN, |error| error.ln());
        let deviation = deviation.map(|value| format!("{value:.4}")).unwrap_or_default();
        println!("{prefix},{},{mean:.4},{deviation},{measured:.4}", network.number);
    }
}
