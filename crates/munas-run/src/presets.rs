//! The experiments that come with munas: the files under `presets/`, part of the program.
//!
//! Their values are those of the published experiments, but for the quick start, which is munas's own. Each has variants, which
//! are the same file with other values and not another file; suffixes may be combined.
//!
//! | suffix | difference |
//! |---|---|
//! | `-no-pruning` | without the section `[train.pruning]` |
//! | `-bo` | Bayesian optimisation, 800 trials |
//! | `-bo-local` | the same, among the morphisms of past networks |
//! | `-bo-mf` | the same, of multiple fidelities |
//! | `-tuned` | the same data and bounds, which are never crossed; all else is what munas does for data of one's own |

use toml::{Table, Value};

use crate::experiment::{Draft, Experiment, ExperimentError, layers};

/// An experiment that comes with munas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preset {
    /// Its name.
    pub name: &'static str,
    /// What it is, in one line.
    pub description: &'static str,
    /// Whether its networks are pruned.
    pub prunes: bool,
    /// The text of its file.
    pub toml: &'static str,
}

/// Suffixes of variants, with what they change.
const VARIANTS: [(&str, &[&str]); 4] = [
    ("-no-pruning", &["train.pruning="]),
    ("-bo", &["search.algorithm=bayes", "search.trials=800"]),
    ("-bo-local", &["search.algorithm=bayes", "search.trials=800", "search.bayes_variant=local"]),
    ("-bo-mf", &["search.algorithm=bayes", "search.trials=800", "search.bayes_variant=multi-fidelity"]),
];

/// The suffix of the variant with munas's own space, training and search.
const TUNED: &str = "-tuned";

/// The name of the preset that `munas search` runs when nothing is asked for.
pub const QUICK_START: &str = "quick-start";

/// All presets; the first is the quick start.
pub const PRESETS: [Preset; 11] = [
    Preset::dense(
        QUICK_START,
        "drawn digits, two minutes on two cores, nothing to download",
        include_str!("../../../presets/quick-start.toml"),
    ),
    Preset::pruned(
        "mnist",
        "MNIST within 2.5 KB of memory, as muNAS",
        include_str!("../../../presets/mnist.toml"),
    ),
    Preset::pruned(
        "mnist-unstructured",
        "MNIST within 1,000 non-zero weights, as muNAS",
        include_str!("../../../presets/mnist-unstructured.toml"),
    ),
    Preset::pruned(
        "fashion-mnist",
        "Fashion-MNIST within 64 KB, as muNAS",
        include_str!("../../../presets/fashion-mnist.toml"),
    ),
    Preset::pruned(
        "cifar10",
        "CIFAR-10 within 50 KB, as muNAS",
        include_str!("../../../presets/cifar10.toml"),
    ),
    Preset::pruned(
        "cifar10-binary",
        "CIFAR-10 in two classes within 3 KB, as muNAS",
        include_str!("../../../presets/cifar10-binary.toml"),
    ),
    Preset::pruned(
        "chars74k",
        "62 characters in photographs within 20 KB, as muNAS",
        include_str!("../../../presets/chars74k.toml"),
    ),
    Preset::pruned(
        "chars74k-binary",
        "characters in two classes within 1.5 KB, as muNAS",
        include_str!("../../../presets/chars74k-binary.toml"),
    ),
    Preset::pruned(
        "speech-commands",
        "ten spoken words, silence and unknown words within 60 KB, as muNAS",
        include_str!("../../../presets/speech-commands.toml"),
    ),
    Preset::dense(
        "vww",
        "is there a person in the photograph? within 250 KB, as muNAS",
        include_str!("../../../presets/vww.toml"),
    ),
    Preset::dense(
        "mlp-fashion",
        "Fashion-MNIST with dense layers only, within 200 bytes of memory",
        include_str!("../../../presets/mlp-fashion.toml"),
    ),
];

impl Preset {
    const fn dense(name: &'static str, description: &'static str, toml: &'static str) -> Self {
        Self { name, description, prunes: false, toml }
    }

    const fn pruned(name: &'static str, description: &'static str, toml: &'static str) -> Self {
        Self { name, description, prunes: true, toml }
    }

    /// The experiment of a name, with `key=value` overrides: that of a preset or, with suffixes after the name of a preset,
    /// that of its variant.
    ///
    /// # Errors
    /// [`ExperimentError::UnknownPreset`] with the nearest name; those of [`Experiment::from_toml`] with overrides.
    pub fn resolve(name: &str, overrides: &[String]) -> Result<Experiment, ExperimentError> {
        Self::draft(name, overrides)?.preliminary()
    }

    /// The same, with what it leaves to the data still open.
    ///
    /// # Errors
    /// As [`Preset::resolve`].
    pub fn draft(name: &str, overrides: &[String]) -> Result<Draft, ExperimentError> {
        let mut base = name;
        let mut changes = vec![format!("name={name}")];
        let mut tuned = false;
        loop {
            if let Some(shorter) = base.strip_suffix(TUNED) {
                (base, tuned) = (shorter, true);
            } else if let Some((shorter, variant)) =
                VARIANTS.iter().find_map(|(suffix, variant)| Some((base.strip_suffix(suffix)?, variant)))
            {
                base = shorter;
                changes.extend(variant.iter().map(|&change| change.to_owned()));
            } else {
                break;
            }
        }
        let preset = Self::find(base)?;
        let changes = [&changes, overrides].concat();
        match (tuned, preset.name) {
            (true, _) => Draft::from_toml(&preset.task()?, &changes),
            (false, QUICK_START) => Draft::from_toml(preset.toml, &changes),
            (false, _) => Draft::published(preset.toml, &changes),
        }
    }

    /// The text of an experiment with this one's data and bounds alone, all of them hard but that on the error.
    fn task(&self) -> Result<String, ExperimentError> {
        let given = layers::parse(self.toml)?;
        let mut task = Table::new();
        for key in ["data", "bounds"] {
            if let Some(section) = given.get(key) {
                task.insert(key.to_owned(), section.clone());
            }
        }
        if let Some(kind) = given.get("space").and_then(|space| space.get("kind")) {
            let space = Table::from_iter([("kind".to_owned(), kind.clone())]);
            task.insert("space".to_owned(), Value::Table(space));
        }
        if let Some(bounds) = task.get_mut("bounds").and_then(Value::as_table_mut) {
            let resources = bounds.keys().filter(|key| *key != "error" && *key != "hard").cloned();
            let hard = resources.map(Value::String).collect();
            bounds.insert("hard".to_owned(), Value::Array(hard));
        }
        Ok(task.to_string())
    }

    /// The preset of a name.
    ///
    /// # Errors
    /// [`ExperimentError::UnknownPreset`] with the nearest name.
    pub fn find(name: &str) -> Result<&'static Self, ExperimentError> {
        PRESETS.iter().find(|preset| preset.name == name).ok_or_else(|| {
            let names = PRESETS.map(|preset| preset.name);
            let likeness = |known: &str| strsim::jaro_winkler(known, name);
            let best = names.into_iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
            ExperimentError::UnknownPreset {
                name: name.to_owned(),
                known: names.join(", "),
                nearest: best.filter(|best| likeness(best) > 0.8).map(str::to_owned),
            }
        })
    }

    /// The experiment, with `key=value` overrides.
    ///
    /// # Errors
    /// As [`Experiment::from_toml`]; never without overrides.
    pub fn experiment(&self, overrides: &[String]) -> Result<Experiment, ExperimentError> {
        Self::resolve(self.name, overrides)
    }
}

#[cfg(test)]
mod tests;
