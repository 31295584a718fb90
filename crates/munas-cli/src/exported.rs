//! The network of a trial in int8, with samples to run it on.

use std::path::Path;

use munas_quant::QuantisedNetwork;
use munas_run::{RunReader, SavedModel};

use crate::args::MovedData;
use crate::error::{CliError, CliResult};
use crate::experiment::load_data_of_run;

/// The int8 network that a trial was measured with.
///
/// # Errors
/// If there is no such trial, its weights are not kept, or they have no int8 form.
pub fn int8_network(reader: &RunReader, trial: u64) -> CliResult<QuantisedNetwork> {
    // The trial is looked up first: that there is none is another error than that its weights are gone.
    munas_run::trial(reader, trial)?;
    let Some(path) = reader.model_path(trial) else {
        return Err(CliError::input(format_args!("the weights of trial {trial} are not kept"))
            .in_file(reader.dir())
            .hint("a run keeps the networks of the Pareto front; `munas front DIR` lists them"));
    };
    let model = SavedModel::load(&path)?;
    model.int8.ok_or_else(|| {
        CliError::input("the model has no int8 form")
            .in_file(&path)
            .hint("an earlier version of munas trained it; search again")
    })
}

/// Test samples as the network reads them, with their classes.
pub struct Samples {
    /// Inputs in int8, in (h, w, c) order.
    pub inputs: Vec<Vec<i8>>,
    /// The class of each.
    pub labels: Vec<u32>,
}

impl Samples {
    /// The first `count` test samples of the run's data, or as many as there are.
    ///
    /// # Errors
    /// If the data cannot be loaded, or are not those of the run.
    pub fn load(
        reader: &RunReader,
        moved: &MovedData,
        network: &QuantisedNetwork,
        count: usize,
    ) -> CliResult<Self> {
        let experiment = reader.experiment();
        let dataset = load_data_of_run(experiment, reader.task(), moved)?;
        let normalisation = dataset.normalisation(experiment.train.normalise);
        let mut real = vec![0.0; network.graph().input_shape().elements()];
        let positions = 0..count.min(dataset.test.len());
        let inputs = positions.clone().map(|position| {
            normalisation.apply(dataset.test.sample(position), &mut real);
            network.quantise_input(&real)
        });
        Ok(Self {
            inputs: inputs.collect(),
            labels: positions.map(|position| dataset.test.label(position)).collect(),
        })
    }
}

/// The name that exported files give for a trial: `RUN, trial N`.
pub fn title(dir: &Path, trial: u64) -> String {
    format!("{}, trial {trial}", run_name(dir))
}

/// The name of a run: that of its directory.
pub fn run_name(dir: &Path) -> String {
    let absolute = dir.canonicalize().unwrap_or_else(|_| dir.to_owned());
    absolute.file_name().map_or_else(|| "run".to_owned(), |name| name.to_string_lossy().into_owned())
}
