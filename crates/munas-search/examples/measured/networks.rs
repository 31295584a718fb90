//! Networks whose errors at the ends of rungs were measured, as the scripts of experiments hand them over.

use std::error::Error;
use std::io::BufRead;

use munas_ir::Shape;
use munas_search::rungs::rungs;
use munas_search::{Bounds, Candidate, Context, History, Objective, Observed, Problem, Proposal, Sampling};
use munas_space::{Architecture, Kind, Space};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Epochs of a full training.
const EPOCHS: u32 = 27;

/// A network with the errors of some trainings.
pub(crate) struct Network {
    pub number: u64,
    pub candidate: Candidate,
    /// By training (its seed, from 0), then by rung.
    pub errors: Vec<Vec<f64>>,
}

/// What the networks were drawn for: Fashion-MNIST within 8 KB of memory, as much of parameters and 100,000 MACs.
pub(crate) fn problem() -> Result<Problem, Box<dyn Error>> {
    let bounds = Bounds::hard([
        (Objective::PeakMemory, 8_000.0),
        (Objective::ModelSize, 8_000.0),
        (Objective::Macs, 100_000.0),
    ]);
    let new = Problem::new(Space::named("cnn2d", "wide")?, Shape::new(28, 28, 1), 10, EPOCHS);
    Ok(Problem { bounds, sampling: Sampling::Target, rungs: rungs(EPOCHS, 4, 1), ..new })
}

/// The networks of some lines `NUMBER ERROR … ERROR ARCHITECTURE`, apart by tabulators: an error for each rung of one training, then for each
/// of the next.
pub(crate) fn read(lines: impl BufRead, problem: &Problem) -> Result<Vec<Network>, Box<dyn Error>> {
    let mut networks = Vec::new();
    for line in lines.lines() {
        let line = line?;
        let fields: Vec<&str> = line.split('\t').collect();
        let [number, errors @ .., architecture] = fields.as_slice() else {
            return Err(format!("no network: {line}").into());
        };
        let errors: Vec<f64> = errors.iter().map(|error| error.parse()).collect::<Result<_, _>>()?;
        let architecture = Architecture::from_json_text(Kind::Cnn2d, architecture)?;
        let candidate = problem.candidate(Proposal { architecture, epochs: EPOCHS, sparsity: None });
        let errors = errors.chunks_exact(problem.rungs.len()).map(<[f64]>::to_vec).collect();
        networks.push(Network { number: number.parse()?, candidate, errors });
    }
    Ok(networks)
}

impl Network {
    /// The result of one training at a rung.
    pub(crate) fn result(&self, problem: &Problem, training: usize, rung: usize) -> Observed {
        Observed {
            trial: self.number,
            candidate: self.candidate.clone(),
            epochs: problem.rungs[rung],
            error: Some(self.errors[training][rung]),
        }
    }
}

/// Calls a function with the context of a history in which nothing runs.
pub(crate) fn with_context<T>(
    problem: &Problem,
    history: &History,
    seed: u64,
    call: impl FnOnce(Context<'_>) -> T,
) -> T {
    let streams = |number: u64| -> Box<dyn Rng> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(number);
        Box::new(rng)
    };
    call(Context { problem, history, pending: &[], streams: &streams, interruption: &|| false })
}
