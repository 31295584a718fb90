//! Random networks of Fashion-MNIST: the task, and how one is drawn.

use std::error::Error;

use munas_data::Dataset;
use munas_run::{Experiment, Task};
use munas_search::algorithms::RandomSearch;
use munas_search::{Candidate, Context, History, Problem, Sampling, suggest};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// Epochs of a full training.
pub(crate) const EPOCHS: u32 = 27;
/// 4,000 samples for training and as many for validation, so that the final error is known to half a percent.
const EXPERIMENT: &str = "[data]\nsource = 'fashion-mnist'\nsubset = 8000\nvalidation = 0.5\nnormalise = 'mean-std'\n\
    [space]\nkind = 'cnn2d'\nbounds = 'wide'\n\
    [bounds]\npeak_memory = '8KB'\nmodel_size = '8KB'\nmacs = 100000\nhard = ['peak_memory', 'model_size', 'macs']\n\
    [train]\nepochs = 27\nbatch = 32\noptimizer = 'adamw'\nlearning_rate = 0.02\nweight_decay = 3e-5\n\
    schedule = 'one-cycle'\nkeep = 'last'";

/// What networks are drawn for and trained with.
pub(crate) struct Setting {
    pub experiment: Experiment,
    pub dataset: Dataset,
    pub problem: Problem,
}

impl Setting {
    /// The setting, with Fashion-MNIST in a folder of datasets.
    pub(crate) fn load(data_dir: &str) -> Result<Self, Box<dyn Error>> {
        let experiment = Experiment::from_toml(EXPERIMENT, &[format!("data.dir={data_dir}")])?;
        let dataset = experiment.load_data()?;
        let task = Task::of(&dataset);
        let problem = Problem {
            bounds: experiment.bounds.clone(),
            sampling: Sampling::Target,
            ..Problem::new(experiment.space.clone(), task.input, task.classes(), EPOCHS)
        };
        Ok(Self { experiment, dataset, problem })
    }

    /// The network of this number.
    pub(crate) fn draw(&self, network: u64) -> Result<Candidate, Box<dyn Error>> {
        let history = History::new(self.problem.input);
        let streams = |number| -> Box<dyn rand::Rng> { Box::new(ChaCha8Rng::seed_from_u64(number)) };
        let context = Context {
            problem: &self.problem,
            history: &history,
            pending: &[],
            streams: &streams,
            interruption: &|| false,
        };
        Ok(suggest(&RandomSearch, context, &mut ChaCha8Rng::seed_from_u64(network))?.candidate)
    }
}
