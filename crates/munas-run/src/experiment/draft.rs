//! An experiment as its user wrote it, before the data are known.

use toml::{Table, Value};

use munas_cost::{Interface, MemoryModel, NetworkInput, Runtime, interface_flash};
use munas_data::{Dataset, ElementType, Normalisation, NormaliseMode};
use munas_search::Objective;

use super::check::invalid;
use super::recipe::Recipe;
use super::{BoardChoice, Experiment, ExperimentError, InputPlace, layers, proportion};
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
        if self.given.contains_key("board") {
            // Nothing was published for a board: peak memory is that of what is exported for it.
            defaults.remove("memory");
        }
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

    /// The experiment on these data: what is left open follows them (`recipe`), a board's RAM has to hold the input too where
    /// peak memory does not count it, and its flash what firmware has besides the network.
    ///
    /// # Errors
    /// [`ExperimentError::Value`] if that alone is more than the board can hold.
    pub fn resolve(&self, dataset: &Dataset, machine: &Machine) -> Result<Experiment, ExperimentError> {
        let mut under = self.defaults()?;
        if !self.published {
            under = layers::merge(under, Recipe { dataset, machine, given: &self.given }.layer());
        }
        let mut experiment = Experiment::from_layers(under, self.given.clone())?;
        experiment.search.training_memory.get_or_insert(machine.training_memory);
        experiment.train.batch = experiment.train.batch.min(dataset.train.len().max(1));
        make_room_for_input(&mut experiment, dataset.input.iter().product::<usize>() as u64)?;
        make_room_for_interface(&mut experiment, dataset)?;
        Ok(experiment.settled(dataset))
    }
}

/// The firmware holds the input, one byte per element, unless it is kept elsewhere or comes row by row: beside the activations, or, as
/// peak memory may count it, among them.
fn make_room_for_input(experiment: &mut Experiment, input_bytes: u64) -> Result<(), ExperimentError> {
    let Some(choice) = experiment.board.as_ref().filter(|choice| choice.input == InputPlace::Ram) else {
        return Ok(());
    };
    let MemoryModel { runtime, input } = experiment.memory;
    if (runtime, input) == (Runtime::Streamed, NetworkInput::Rows) {
        return Ok(());
    }
    let ram = choice.board.bounds().peak_memory;
    let left = ram.checked_sub(input_bytes).filter(|left| *left > 0).ok_or_else(|| {
        let problem = format!(
            "{} can spare {ram} bytes of RAM, of which the network's input alone takes {input_bytes}; make the samples \
             smaller, let them come row by row (memory.runtime=streamed, memory.input=rows), or say board.input=external if \
             they are kept elsewhere",
            choice.board.name
        );
        invalid("board.name", problem)
    })?;
    // A figure that has the input in it is bounded by all of the RAM.
    if input == NetworkInput::External {
        experiment.bounds.cap(Objective::PeakMemory, left as f64);
    }
    Ok(())
}

/// The firmware makes the network's input of raw values, and knows what classes are called, beside the network.
fn make_room_for_interface(experiment: &mut Experiment, dataset: &Dataset) -> Result<(), ExperimentError> {
    let Some(BoardChoice { board, .. }) = &experiment.board else { return Ok(()) };
    let flash = board.bounds().flash;
    let taken = interface_flash(&interface(dataset, experiment.data.normalise), board);
    let left = flash.checked_sub(taken).filter(|left| *left > 0).ok_or_else(|| {
        let problem = format!(
            "{} can spare {flash} bytes of flash, of which {taken} go to the conversion of raw values and the names of the classes",
            board.name
        );
        invalid("board.name", problem)
    })?;
    experiment.bounds.cap(Objective::Flash, left as f64);
    Ok(())
}

/// What the firmware has for these data besides a network.
fn interface(dataset: &Dataset, normalise: NormaliseMode) -> Interface {
    let Normalisation { scale, offset } = dataset.normalisation(normalise);
    let differs = |values: &[f32]| values.windows(2).any(|pair| pair[0].to_bits() != pair[1].to_bits());
    let own_channels = if differs(&scale) || differs(&offset) { scale.len() as u64 } else { 0 };
    // Each name has the room of the longest, and a byte behind it.
    let longest = dataset.class_names.iter().map(String::len).max().unwrap_or_default() as u64;
    Interface {
        // Steps of pixels that were scaled together are those of the input; others may be rounded elsewhere.
        in_integers: dataset.element_type() == ElementType::U8 && normalise == NormaliseMode::Unit,
        own_channels,
        names: dataset.classes() as u64 * (longest + 1),
    }
}

#[cfg(test)]
mod tests;
