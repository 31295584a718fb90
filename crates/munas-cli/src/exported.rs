//! The network of a trial in int8, with samples to run it on.

use std::path::Path;

use munas_data::{Dataset, Normalisation};
use munas_export::input::{InputConversion, RawType};
use munas_ir::TensorId;
use munas_quant::QuantisedNetwork;
use munas_run::{DataFacts, RunReader};

use crate::args::MovedData;
use crate::error::{CliError, CliResult};
use crate::experiment::load_data_of_run;
use crate::output::Output;

/// The network of a trial, as it is exported.
pub struct Exported {
    /// The int8 network that the trial was measured with.
    pub network: QuantisedNetwork,
    /// From the values of the data to its input; models of the first version do not say.
    pub conversion: Option<InputConversion>,
    /// Names of the classes, in order.
    pub labels: Vec<String>,
    /// Whether the weights have a checksum, which was right; those of the first version have none.
    has_checksum: bool,
}

impl Exported {
    /// Reads the network of a trial.
    ///
    /// # Errors
    /// If there is no such trial, its weights are not kept or not as they were written, or they have no int8 form.
    pub fn load(reader: &RunReader, trial: u64) -> CliResult<Self> {
        let Some(model) = munas_run::model(reader, trial)? else {
            return Err(CliError::input(format_args!("the weights of trial {trial} are not kept"))
                .in_file(reader.dir())
                .hint("a run keeps the networks of the Pareto front; `munas front DIR` lists them"));
        };
        let network = model.int8.ok_or_else(|| {
            CliError::input("the model has no int8 form")
                .at(format_args!("trial {trial} in {}", reader.dir().display()))
                .hint("an earlier version of munas trained it; search again")
        })?;
        Ok(Self {
            network,
            conversion: model.data.as_ref().map(conversion),
            labels: reader.task().class_names.clone(),
            has_checksum: model.data.is_some(),
        })
    }

    /// Says what the user should know of weights without a checksum.
    pub fn note_age(&self, output: &mut Output) {
        if !self.has_checksum {
            output.note(
                "note: an earlier version of munas wrote the weights, without a checksum: damage to the file would not be seen",
            );
        }
    }

    /// The run's data; from them, the conversion where the model does not say it.
    ///
    /// # Errors
    /// If they cannot be loaded, or are not those of the run.
    pub fn load_data(&mut self, reader: &RunReader, moved: &MovedData) -> CliResult<Dataset> {
        let experiment = reader.experiment();
        let dataset = load_data_of_run(experiment, reader.task(), moved)?;
        self.conversion
            .get_or_insert_with(|| conversion(&DataFacts::of(&dataset, experiment.data.normalise)));
        Ok(dataset)
    }
}

/// The conversion of the data that a network was trained on.
fn conversion(data: &DataFacts) -> InputConversion {
    let raw = RawType::named(data.element.name()).expect("every element of a data set is a raw value");
    let Normalisation { scale, offset } = data.normalisation.clone();
    InputConversion { raw, scale, offset }
}

/// Test samples, with their classes.
pub struct Samples {
    /// Values as the data hold them, in (h, w, c) order.
    pub raw: Vec<Vec<f32>>,
    /// The network's inputs for them.
    pub inputs: Vec<Vec<i8>>,
    /// The class of each.
    pub labels: Vec<u32>,
}

impl Samples {
    /// At most `count` test samples, spread over all of them: where they are sorted by class, every class is among
    /// them.
    ///
    /// # Panics
    /// If the data of the network are not loaded.
    pub fn of(exported: &Exported, dataset: &Dataset, count: usize) -> Self {
        let conversion = exported.conversion.as_ref().expect("known once the data are loaded");
        let input = exported.network.quantisation().tensor(TensorId::INPUT);
        let count = count.min(dataset.test.len());
        let positions = (0..count).map(|index| index * dataset.test.len() / count);
        let raw: Vec<Vec<f32>> = positions
            .clone()
            .map(|position| {
                let sample = dataset.test.sample(position);
                (0..sample.len()).map(|index| sample.get(index)).collect()
            })
            .collect();
        Self {
            inputs: raw.iter().map(|sample| conversion.quantise(sample, input)).collect(),
            labels: positions.map(|position| dataset.test.label(position)).collect(),
            raw,
        }
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

#[cfg(test)]
mod tests {
    use munas_data::SampleRef;
    use munas_ir::TensorQuantisation;

    use super::*;

    /// The conversion that is exported is what training and the int8 error go through, in every bit.
    #[test]
    fn the_conversion_is_that_of_the_data() {
        let normalisation = Normalisation { scale: vec![0.017_7, 1.0 / 255.0], offset: vec![-1.91, 0.3] };
        let data = DataFacts {
            fingerprint: String::new(),
            class_names: Vec::new(),
            element: munas_data::ElementType::U8,
            normalisation,
        };
        let input = TensorQuantisation { scale: 0.020_3, zero_point: -7 };
        let raw: Vec<u8> = (0..=255).flat_map(|value| [value, value]).collect();
        let mut real = vec![0.0; raw.len()];
        data.normalisation.apply(SampleRef::U8(&raw), &mut real);
        let expected: Vec<i8> = real.into_iter().map(|value| input.quantise(value)).collect();
        let raw: Vec<f32> = raw.into_iter().map(f32::from).collect();
        assert_eq!(conversion(&data).quantise(&raw, input), expected);
    }
}
