//! An experiment as its user wrote it, before the data are known.

use toml::{Table, Value};

use munas_data::Dataset;
use munas_search::Objective;

use super::recipe::Recipe;
use super::{Experiment, ExperimentError, InputPlace, layers, proportion, resolve::invalid};
use crate::machine::Machine;

/// An experiment as its user wrote it: keys that it leaves open, and whose value depends on the data, are filled in by
/// [`Draft::resolve`].
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    given: Table,
    /// Whether what is left open is as published, whatever the data.
    published: bool,
}

impl Draft {
    /// A draft from the text of a file and `key=value` overrides. Pruning stays in proportion to overridden epochs.
    ///
    /// # Errors
    /// [`ExperimentError`], which names the key, or the table of boards that `board.file` names and that cannot be read.
    pub fn from_toml(text: &str, overrides: &[String]) -> Result<Self, ExperimentError> {
        Self::new(&layers::parse(text)?, overrides, false)
    }

    /// The draft of a published experiment: what it leaves open has the values of the first version, which are those of the
    /// paper, and not those that would be best for the data.
    ///
    /// # Errors
    /// As [`Draft::from_toml`].
    pub fn published(text: &str, overrides: &[String]) -> Result<Self, ExperimentError> {
        Self::new(&layers::parse(text)?, overrides, true)
    }

    fn new(before: &Table, overrides: &[String], published: bool) -> Result<Self, ExperimentError> {
        let mut given = before.clone();
        for text in overrides {
            layers::apply_override(&mut given, text)?;
        }
        proportion::stretch_pruning(before, &mut given);
        let draft = Self { given, published };
        draft.preliminary()?;
        Ok(draft)
    }

    /// The experiment with the built-in defaults (`defaults.toml` of this crate) for all that is left open: what the data
    /// are loaded by.
    ///
    /// # Errors
    /// None once [`Draft::from_toml`] has accepted the draft, unless the table of boards has changed since.
    pub fn preliminary(&self) -> Result<Experiment, ExperimentError> {
        Experiment::from_layers(self.defaults()?, self.given.clone())
    }

    fn defaults(&self) -> Result<Table, ExperimentError> {
        if !self.published {
            return layers::parse(super::DEFAULTS);
        }
        let mut defaults = super::implied_by_first_version(&self.given)?;
        let pruning = defaults.get_mut("train").and_then(|train| train.get_mut("pruning"));
        if let Some(pruning) = pruning.and_then(Value::as_table_mut) {
            // Published bounds are soft; hard ones are the user's, and hold for what pruning leaves too.
            pruning.insert("fit".to_owned(), Value::from("hard-bounds"));
        }
        Ok(defaults)
    }

    /// Whether the largest network that is trained follows the machine: whoever searches measures it
    /// ([`Machine::measured`]).
    pub fn leaves_training_cost_open(&self) -> bool {
        let given = self.given.get("search").and_then(|search| search.get("max_training_cost"));
        !self.published && given.is_none()
    }

    /// The experiment on these data: what is left open follows them (`recipe`), and a board's RAM has to hold the input too.
    ///
    /// # Errors
    /// [`ExperimentError::Value`] if the input alone is more than the board's RAM can hold.
    pub fn resolve(&self, dataset: &Dataset, machine: &Machine) -> Result<Experiment, ExperimentError> {
        let mut under = self.defaults()?;
        if !self.published {
            under = layers::merge(under, Recipe { dataset, machine, given: &self.given }.layer());
        }
        let mut experiment = Experiment::from_layers(under, self.given.clone())?;
        experiment.search.training_memory.get_or_insert(machine.training_memory);
        experiment.train.batch = experiment.train.batch.min(dataset.train.len().max(1));
        make_room_for_input(&mut experiment, dataset.input.iter().product::<usize>() as u64)?;
        Ok(experiment.settled(dataset))
    }
}

/// The firmware holds the input, one byte per element, beside the activations, unless it is kept elsewhere.
fn make_room_for_input(experiment: &mut Experiment, input_bytes: u64) -> Result<(), ExperimentError> {
    let Some(choice) = experiment.board.as_ref().filter(|choice| choice.input == InputPlace::Ram) else {
        return Ok(());
    };
    let ram = choice.board.bounds().peak_memory;
    let left = ram.checked_sub(input_bytes).filter(|left| *left > 0).ok_or_else(|| {
        let problem = format!(
            "{} can spare {ram} bytes of RAM, of which the network's input alone takes {input_bytes}; make the samples \
             smaller, or say board.input=external if they are kept elsewhere",
            choice.board.name
        );
        invalid("board.name", problem)
    })?;
    experiment.bounds.cap(Objective::PeakMemory, left as f64);
    Ok(())
}

#[cfg(test)]
mod tests;
