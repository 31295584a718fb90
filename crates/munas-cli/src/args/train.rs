//! `munas train`. The training options are the keys of an experiment's `[train]` section.

use std::path::PathBuf;

use munas_cost::Runtime;

use super::experiment::Overrides;
use super::values::PruningSpec;
use super::{DataSource, Format};

const EXAMPLES: &str = "\
Examples:
  munas train --space mlp --arch mlp.json --data glyphs --epochs 10
  munas train --space cnn2d --arch net.json --data mnist --epochs 30 \\
              --learning-rate 0.005 --schedule cosine --augment shift:2 \\
              --augment rotate:0.2:0.3 --out trained
  munas train --space cnn2d --arch net.json --preset mnist --epochs 5

`munas cost --help` shows the form of an architecture.";

/// Train one architecture; prints its curve, its test error and its resources
#[derive(Debug, Default, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct TrainArgs {
    /// Kind of the search space: cnn2d, cnn1d or mlp
    #[arg(long, value_name = "KIND")]
    pub space: String,
    /// Architecture as JSON
    #[arg(long, value_name = "FILE.json")]
    pub arch: PathBuf,
    /// A dataset's name, or own data: images:DIR, audio:DIR, csv:FILE, npz:FILE, idx:DIR, packed:FILE [default: the preset's, or glyphs]
    #[arg(long, value_name = "SPEC")]
    pub data: Option<String>,
    /// Take data and training settings from a published experiment
    #[arg(long, value_name = "NAME")]
    pub preset: Option<String>,
    /// Save the model in this directory
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Seed of initialisation, order of samples and augmentation
    #[arg(long, value_name = "S")]
    pub seed: Option<u32>,
    /// How the device runs the network, and what peak memory counts: layers, or streamed (in rows)
    #[arg(long, value_name = "NAME")]
    pub runtime: Option<Runtime>,
    /// Any other key of an experiment file, for example train.gradient_clip=1.0
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    #[command(flatten)]
    pub format: Format,
    #[command(flatten)]
    pub options: TrainingOptions,
    #[command(flatten)]
    pub reading: DataSource,
}

/// The keys of an experiment's `[train]` section; left out, they take the built-in defaults or the preset's values.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Training")]
pub struct TrainingOptions {
    /// Passes over the training samples
    #[arg(long, value_name = "E")]
    pub epochs: Option<u32>,
    /// Samples per step
    #[arg(long, value_name = "N")]
    pub batch: Option<usize>,
    /// sgdw, adamw or adam
    #[arg(long, value_name = "NAME")]
    pub optimizer: Option<String>,
    /// Base learning rate
    #[arg(long, value_name = "RATE")]
    pub learning_rate: Option<f64>,
    /// Momentum of sgdw
    #[arg(long, value_name = "SHARE")]
    pub momentum: Option<f64>,
    /// Decoupled weight decay
    #[arg(long, value_name = "RATE")]
    pub weight_decay: Option<f64>,
    /// constant, cosine, one-cycle, plateau:FACTOR:PATIENCE, or [[EPOCH, RATE], …]
    #[arg(long, value_name = "SCHEDULE")]
    pub schedule: Option<String>,
    /// Dropout before hidden dense layers
    #[arg(long, value_name = "SHARE")]
    pub dropout: Option<f64>,
    /// flip, shift:2, rotate:0.2:0.3, …; may be repeated, `none` for none
    #[arg(long, value_name = "WHAT")]
    pub augment: Vec<String>,
    /// unit (x/255) or mean-std (per channel)
    #[arg(long, value_name = "HOW")]
    pub normalise: Option<String>,
    /// Share of the training samples kept for validation
    #[arg(long, value_name = "SHARE")]
    pub validation: Option<f64>,
    /// Weigh classes by their rarity
    #[arg(long)]
    pub class_weights: bool,
    /// Label smoothing
    #[arg(long, value_name = "SHARE")]
    pub label_smoothing: Option<f64>,
    /// MODE:SHARE or MODE:SHARE:START:FINISH: prune this share of channels (structured) or weights (unstructured) from
    /// epoch START to FINISH, by default a tenth and six tenths of the epochs; a preset's pruning is left out
    #[arg(long, value_name = "HOW")]
    pub pruning: Option<PruningSpec>,
}

impl TrainArgs {
    /// The flags as overrides of experiment keys; `--set` comes last and wins.
    pub fn overrides(&self) -> Vec<String> {
        let mut overrides = Overrides::default();
        overrides.literal("seed", self.seed).text("data.source", self.data.as_deref());
        overrides.text("memory.runtime", self.runtime.map(Runtime::name));
        self.reading.add_to(&mut overrides);
        self.options.add_to(&mut overrides);
        overrides.given(&self.set).take()
    }
}

impl TrainingOptions {
    fn add_to(&self, overrides: &mut Overrides) {
        let augment = match self.augment.as_slice() {
            [] => None,
            [none] if none == "none" => Some(serde_json::Value::from("none")),
            names => Some(serde_json::Value::from(names)),
        };
        let is_pieces = |schedule: &&str| schedule.trim_start().starts_with('[');
        overrides
            .literal("train.epochs", self.epochs)
            .literal("train.batch", self.batch)
            .text("train.optimizer", self.optimizer.as_deref())
            .literal("train.learning_rate", self.learning_rate)
            .literal("train.momentum", self.momentum)
            .literal("train.weight_decay", self.weight_decay)
            .literal("train.schedule", self.schedule.as_deref().filter(is_pieces))
            .text("train.schedule", self.schedule.as_deref().filter(|schedule| !is_pieces(schedule)))
            .literal("train.dropout", self.dropout)
            .literal("train.augment", augment)
            .text("data.normalise", self.normalise.as_deref())
            .literal("data.validation", self.validation)
            .flag("train.class_weights", self.class_weights)
            .literal("train.label_smoothing", self.label_smoothing);
    }
}
