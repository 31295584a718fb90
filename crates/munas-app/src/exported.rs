//! The network of a trial in int8, with samples to run it on.

use std::path::Path;

use munas_data::{Dataset, Normalisation};
use munas_export::input::{InputConversion, RawType};
use munas_ir::TensorId;
use munas_quant::QuantisedNetwork;
use munas_run::{DataFacts, RunReader, SavedModel, finalist, refined_model};

use crate::error::{UserError, UserResult};
use crate::experiment::{Moved, load_data_of_run};
use crate::shell::quoted;

/// The network of a trial, as it is exported.
#[derive(Clone, Debug)]
pub struct Exported {
    /// The int8 network that the trial was measured with.
    pub network: QuantisedNetwork,
    /// From the values of the data to its input; models of the first version do not say.
    pub conversion: Option<InputConversion>,
    /// Names of the classes, in order.
    pub labels: Vec<String>,
    /// The number of the training that it is of, if the trial was trained anew.
    pub refined: Option<u32>,
    /// Whether the weights have a checksum, which was right; those of the first version have none.
    pub has_checksum: bool,
}

impl Exported {
    /// Reads the network of a trial: the best of those that were trained anew, unless there are none or the one of the search is wanted.
    ///
    /// # Errors
    /// If there is no such trial, its weights are not kept or not as they were written, or they have no int8 form.
    pub fn load(reader: &RunReader, trial: u64, as_searched: bool) -> UserResult<Self> {
        let (model, refined) = model(reader, trial, as_searched)?;
        Self::of(&model, refined, reader.task().class_names.clone()).ok_or_else(|| {
            UserError::input("the model has no int8 form")
                .at(format_args!("trial {trial} in {}", reader.dir().display()))
                .hint("an earlier version of munas trained it; search again")
        })
    }

    /// A network whose classes have these names, of the training of this number if its trial was trained anew; `None` if it has no
    /// int8 form.
    pub fn of(model: &SavedModel, refined: Option<u32>, labels: Vec<String>) -> Option<Self> {
        Some(Self {
            network: model.int8.clone()?,
            conversion: model.data.as_ref().map(conversion),
            labels,
            refined,
            has_checksum: model.data.is_some(),
        })
    }

    /// The name that exported files give: `RUN, trial N`.
    pub fn title(&self, dir: &Path, trial: u64) -> String {
        let refined = self.refined.map(|number| format!(", trained anew ({number})"));
        format!("{}, trial {trial}{}", run_name(dir), refined.unwrap_or_default())
    }

    /// The run's data; from them, the conversion where the model does not say it.
    ///
    /// # Errors
    /// If they cannot be loaded, or are not those of the run.
    pub fn load_data(&mut self, reader: &RunReader, moved: &Moved) -> UserResult<Dataset> {
        let experiment = reader.experiment();
        let dataset = load_data_of_run(reader.dir(), experiment, reader.task(), moved)?;
        self.conversion
            .get_or_insert_with(|| conversion(&DataFacts::of(&dataset, experiment.data.normalise)));
        Ok(dataset)
    }
}

/// The model of a trial, and the number of the training that it is of if it was trained anew and not the one of the search is wanted.
///
/// # Errors
/// If there is no such trial, or its weights are not kept or not as they were written.
pub fn model(reader: &RunReader, trial: u64, as_searched: bool) -> UserResult<(SavedModel, Option<u32>)> {
    let finalist = if as_searched { None } else { finalist(reader, trial)? };
    if let Some(best) = finalist.as_ref().and_then(|finalist| finalist.best()) {
        return Ok((refined_model(reader, best)?, Some(best.number)));
    }
    if let Some(model) = munas_run::model(reader, trial)? {
        return Ok((model, None));
    }
    let dir = quoted(reader.dir());
    let mut hint = format!("a run keeps the networks of the Pareto front, which `munas front {dir}` lists");
    if munas_run::trial(reader, trial)?.record.outcome().is_some() {
        hint.push_str(&format!("; `munas refine {dir} --trials {trial}` trains this one anew"));
    }
    Err(UserError::input(format_args!("the weights of trial {trial} are not kept"))
        .in_file(reader.dir())
        .hint(hint))
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
