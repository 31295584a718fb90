//! The experiments that come with munas: the files under `presets/`, part of the program.
//!
//! Their values are those of the published experiments, but for pruning, which this version does not do: a preset leaves
//! it out, so that `fashion-mnist` now is what `fashion-mnist-no-pruning` will stay. Presets for Speech Commands and
//! Visual Wake Words are missing, since there is no source for their data yet.

use crate::experiment::{Experiment, ExperimentError};

/// An experiment that comes with munas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preset {
    /// Its name.
    pub name: &'static str,
    /// What it is, in one line.
    pub description: &'static str,
    /// Whether the published experiment prunes, which the preset leaves out.
    pub leaves_out_pruning: bool,
    /// The text of its file.
    pub toml: &'static str,
}

/// What names the variant without pruning of a preset.
const NO_PRUNING: &str = "-no-pruning";

/// The name of the preset that `munas search` runs when nothing is asked for.
pub const QUICK_START: &str = "quick-start";

/// All presets; the first is the quick start.
pub const PRESETS: [Preset; 8] = [
    Preset::complete(
        QUICK_START,
        "drawn digits, two minutes on two cores, nothing to download",
        include_str!("../../../presets/quick-start.toml"),
    ),
    Preset::unpruned(
        "mnist",
        "MNIST within 2.5 KB of memory, as muNAS but without pruning",
        include_str!("../../../presets/mnist.toml"),
    ),
    Preset::unpruned(
        "fashion-mnist",
        "Fashion-MNIST within 64 KB, as muNAS but without pruning",
        include_str!("../../../presets/fashion-mnist.toml"),
    ),
    Preset::unpruned(
        "cifar10",
        "CIFAR-10 within 50 KB, as muNAS but without pruning",
        include_str!("../../../presets/cifar10.toml"),
    ),
    Preset::unpruned(
        "cifar10-binary",
        "CIFAR-10 in two classes within 3 KB, as muNAS but without pruning",
        include_str!("../../../presets/cifar10-binary.toml"),
    ),
    Preset::unpruned(
        "chars74k",
        "62 characters in photographs within 20 KB, as muNAS but without pruning",
        include_str!("../../../presets/chars74k.toml"),
    ),
    Preset::unpruned(
        "chars74k-binary",
        "characters in two classes within 1.5 KB, as muNAS but without pruning",
        include_str!("../../../presets/chars74k-binary.toml"),
    ),
    Preset::complete(
        "mlp-fashion",
        "Fashion-MNIST with dense layers only, within 200 bytes of memory",
        include_str!("../../../presets/mlp-fashion.toml"),
    ),
];

impl Preset {
    /// A preset that does all that its experiment does.
    const fn complete(name: &'static str, description: &'static str, toml: &'static str) -> Self {
        Self { name, description, leaves_out_pruning: false, toml }
    }

    /// A preset that leaves the pruning of its experiment out.
    const fn unpruned(name: &'static str, description: &'static str, toml: &'static str) -> Self {
        Self { name, description, leaves_out_pruning: true, toml }
    }

    /// The preset of a name; a name with `-no-pruning` means the same preset while none prunes.
    ///
    /// # Errors
    /// [`ExperimentError::UnknownPreset`] with the nearest name.
    pub fn find(name: &str) -> Result<&'static Self, ExperimentError> {
        let unpruned = name.strip_suffix(NO_PRUNING);
        let matches = |preset: &&Self| {
            preset.name == name || (preset.leaves_out_pruning && unpruned == Some(preset.name))
        };
        PRESETS.iter().find(matches).ok_or_else(|| {
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
        Experiment::from_toml(self.toml, overrides)
    }
}

#[cfg(test)]
mod tests;
