//! Values that follow the data, and the machine, where the user leaves them open.
//!
//! | | images | series | tables |
//! |---|---|---|---|
//! | networks | `cnn2d`, `wide` | `cnn1d`, `wide-1d` | `mlp`, `wide` |
//! | learning rate (AdamW, one-cycle) | 0.02 | 0.01 | 0.03 |
//! | weight decay | 0.1 / steps | 0.1 / steps | 0.1 / steps |
//! | augmentation | shifted, below 1,000 samples turned too | amplitudes and time | none |
//! | label smoothing | 0 | 0 | 0.1 |
//! | epochs | passes, or 18 parts of the training where it is fewer passes | the same | the same |
//! | finalists learn from a teacher | no | no | below 20,000 samples |
//! | weights that are kept | of the last epoch, where the schedule anneals | the same | the same |
//! | error that drives the search | in int8, which is what a device runs | the same | the same |
//!
//! A training has some [`STEPS`] steps whatever the number of samples, in batches of 16 (below 500 samples), 32 or 64 (from 20,000 on).
//! The constants are those of `experiments/recipe`, `experiments/series` and `experiments/shift`.

use toml::{Table, Value};

use munas_data::{Dataset, ElementType, NormaliseMode};
use munas_space::{Kind, Space};

use super::layers;
use super::settings::ENDLESS_TRIALS;
use crate::machine::Machine;

/// Steps of the optimiser in one training, however many samples there are.
const STEPS: usize = 3_000;
/// The fewest passes over the data: fewer leave too few points to judge a training by.
const LEAST_EPOCHS: usize = 5;
/// The most passes over the data.
const MOST_EPOCHS: usize = 300;
/// Where a training is fewer passes than this, its epochs are so many parts of it: a search gives up on most networks long before the end of a pass.
const LEAST_PARTS: usize = 18;
/// A number of samples, and the batch for fewer.
const BATCHES: [(usize, usize); 2] = [(500, 16), (20_000, 32)];
const LARGEST_BATCH: usize = 64;
/// Weight decay of a whole training; that of a step is a share of it.
const WEIGHT_DECAY: f64 = 0.1;
/// Small networks have nothing left for samples that are distorted much where there are so many real ones.
const LEAST_SAMPLES_THAT_DO: usize = 1_000;
/// With fewer samples that are never varied a network of the same size is a good teacher: it keeps the student from learning them by heart. Else what
/// it gets wrong is what the student learns from it (`experiments/finalists`).
const LEAST_SAMPLES_WITHOUT_TEACHER: usize = 20_000;
/// MACs that take as long as what training on a sample takes besides, and for each of its elements: first rungs of MNIST, CIFAR-10 and UCI-HAR were
/// timed (`experiments/goals`).
const SAMPLE_COST: usize = 2_000;
const ELEMENT_COST: usize = 11;
/// Classes are out of balance if the largest has so many times the samples of the smallest.
const IMBALANCE: usize = 3;

/// What of an experiment the data decide.
pub(super) struct Recipe<'a> {
    /// The data.
    pub dataset: &'a Dataset,
    /// What is to be trained on.
    pub machine: &'a Machine,
    /// What the user gives: the rest has to go with it.
    pub given: &'a Table,
}

impl Recipe<'_> {
    /// A layer of an experiment with the keys whose best value depends on the data or the machine.
    pub fn layer(&self) -> Table {
        let data = section([("normalise", Value::from(normalise(self.dataset).to_string()))]);
        layers::merge(
            Table::from_iter([("data".to_owned(), Value::Table(data))]),
            Table::from_iter([
                ("space".to_owned(), Value::Table(self.space())),
                ("train".to_owned(), Value::Table(self.train())),
                ("search".to_owned(), Value::Table(self.search())),
                ("final".to_owned(), Value::Table(self.finalists())),
            ]),
        )
    }

    /// Whether something of the user's counts epochs, which then are the user's too: pruning, training in int8, patience, a schedule of pieces.
    fn counts_epochs(&self) -> bool {
        let counts = |key: &&str| self.given("train", key).is_some();
        ["pruning", "quantisation", "early_stop", "warm_up"].iter().any(counts)
            || self.given("train", "schedule").is_some_and(|schedule| schedule.as_str().is_none())
    }

    fn given(&self, section: &str, key: &str) -> Option<&Value> {
        self.given.get(section)?.get(key)
    }

    /// The kind of networks that the user asks for, or that goes with the shape of the samples, in its wide space.
    fn space(&self) -> Table {
        let asked = self.given("space", "kind").and_then(Value::as_str).and_then(|name| name.parse().ok());
        let kind = asked.unwrap_or_else(|| kind(self.dataset));
        let mut space = section([("kind", Value::from(kind.to_string()))]);
        // Some bounds of the user's are laid over the defaults of their kind, which the file form knows.
        if self.given("space", "bounds").is_none() {
            let wide = Space::bound_names(kind).last().copied().unwrap_or_default();
            space.insert("bounds".to_owned(), Value::from(wide));
        }
        space
    }

    fn train(&self) -> Table {
        let samples = self.dataset.train.len();
        let given_batch = self.given("train", "batch").and_then(Value::as_integer);
        let batch =
            given_batch.and_then(|batch| usize::try_from(batch).ok()).unwrap_or_else(|| batch(samples));
        let given_epochs = self.given("train", "epochs").and_then(Value::as_integer);
        let epochs = given_epochs
            .and_then(|epochs| usize::try_from(epochs).ok())
            .unwrap_or_else(|| epochs(samples, batch));
        let steps = epochs.max(1).saturating_mul(steps_per_epoch(samples, batch));
        let is_open = given_epochs.is_none() && self.given("train", "steps_per_epoch").is_none();
        let parts = (is_open && !self.counts_epochs() && epochs < LEAST_PARTS)
            .then(|| (LEAST_PARTS, steps.div_ceil(LEAST_PARTS)));
        let (learning_rate, label_smoothing) = match kind(self.dataset) {
            Kind::Cnn2d => (0.02, 0.0),
            Kind::Cnn1d => (0.01, 0.0),
            Kind::Mlp => (0.03, 0.1),
        };
        let mut train = section([
            ("batch", integer(batch)),
            ("optimizer", Value::from("adamw")),
            ("learning_rate", Value::from(learning_rate)),
            ("weight_decay", Value::from(WEIGHT_DECAY / steps as f64)),
            ("schedule", Value::from("one-cycle")),
            ("augment", Value::from(augmentation(self.dataset))),
            ("class_weights", Value::from(is_out_of_balance(self.dataset))),
            ("label_smoothing", Value::from(label_smoothing)),
        ]);
        if let Some((epochs, steps)) = parts {
            train.insert("epochs".to_owned(), integer(epochs));
            train.insert("steps_per_epoch".to_owned(), integer(steps));
        } else if !self.counts_epochs() {
            train.insert("epochs".to_owned(), integer(epochs));
        }
        // With a learning rate that ends near 0 the last epoch is better than those that are best on a small validation part
        // by chance. A training that patience may end does not get there.
        let anneals = self.given("train", "schedule").is_none_or(|schedule| {
            schedule.as_str().is_some_and(|name| ["one-cycle", "cosine"].contains(&name))
        });
        if anneals && self.given("train", "early_stop").is_none() {
            train.insert("keep".to_owned(), Value::from("last"));
        }
        // The learning rate of one optimiser is not that of another.
        if self.given("train", "optimizer").is_some() {
            for key in ["learning_rate", "weight_decay"] {
                train.remove(key);
            }
        }
        train
    }

    fn finalists(&self) -> Table {
        let is_varied = kind(self.dataset) != Kind::Mlp;
        let has_teacher = !is_varied && self.dataset.train.len() < LEAST_SAMPLES_WITHOUT_TEACHER;
        section([("distillation", Value::from(has_teacher))])
    }

    fn search(&self) -> Table {
        let mut search = section([
            ("training_memory", Value::from(i64::try_from(self.machine.training_memory).unwrap_or(i64::MAX))),
            ("population", Value::from(30)),
            ("sample", Value::from(10)),
            ("error", Value::from("int8")),
            (
                "sample_cost",
                integer(SAMPLE_COST + ELEMENT_COST * self.dataset.input.iter().product::<usize>()),
            ),
        ]);
        // Most trials are so short that no number of them is what somebody means who gives a time.
        if self.given("search", "time").is_some() {
            let trials = i64::try_from(ENDLESS_TRIALS).unwrap_or(i64::MAX);
            search.insert("trials".to_owned(), Value::from(trials));
        }
        // A training that patience may end has no rungs.
        if self.given("train", "early_stop").is_none() {
            search.insert("algorithm".to_owned(), Value::from("niche"));
        }
        if let Some(macs) = self.machine.macs_per_training {
            search
                .insert("max_training_cost".to_owned(), Value::from(i64::try_from(macs).unwrap_or(i64::MAX)));
        }
        search
    }
}

fn section<const N: usize>(entries: [(&str, Value); N]) -> Table {
    entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

fn integer(value: usize) -> Value {
    Value::from(i64::try_from(value).unwrap_or(i64::MAX))
}

/// Bytes are pictures of a known scale; features of tables and arrays of floats have a scale each, and the largest would
/// drown the others.
fn normalise(dataset: &Dataset) -> NormaliseMode {
    match dataset.element_type() {
        // Sensors of 16 bits use some part of their range.
        ElementType::F32 | ElementType::U16 => NormaliseMode::MeanStd,
        ElementType::U8 | ElementType::I8 | ElementType::I16 => NormaliseMode::Unit,
    }
}

/// Tables have one pixel, series one column.
fn kind(dataset: &Dataset) -> Kind {
    match dataset.input {
        [1, 1, _] => Kind::Mlp,
        [_, 1, _] => Kind::Cnn1d,
        _ => Kind::Cnn2d,
    }
}

fn batch(samples: usize) -> usize {
    BATCHES.iter().find(|(most, _)| samples < *most).map_or(LARGEST_BATCH, |(_, batch)| *batch)
}

fn epochs(samples: usize, batch: usize) -> usize {
    STEPS.div_ceil(steps_per_epoch(samples, batch)).clamp(LEAST_EPOCHS, MOST_EPOCHS)
}

fn steps_per_epoch(samples: usize, batch: usize) -> usize {
    samples.div_ceil(batch.max(1)).max(1)
}

/// Pictures may be somewhat elsewhere; what is mirrored may be another thing. Features of sound are pictures to a network,
/// but not to be turned. Of series, other people's and devices' are larger or smaller, and begin earlier or later.
fn augmentation(dataset: &Dataset) -> Vec<&'static str> {
    let has_many = dataset.train.len() >= LEAST_SAMPLES_THAT_DO;
    match kind(dataset) {
        Kind::Cnn2d if dataset.rate.is_some() && has_many => Vec::new(),
        Kind::Cnn2d if dataset.rate.is_some() => vec!["timeshift:10%"],
        Kind::Cnn2d if has_many => vec!["shift:4%"],
        Kind::Cnn2d => vec!["rotate:0.2:0.3", "shift:10%"],
        Kind::Cnn1d => vec!["amplitude:0.3", "timeshift:6%"],
        Kind::Mlp => Vec::new(),
    }
}

fn is_out_of_balance(dataset: &Dataset) -> bool {
    let counts = dataset.train.class_counts(dataset.classes());
    let least = counts.iter().min().copied().unwrap_or_default();
    counts.iter().max().is_some_and(|most| *most > IMBALANCE * least.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_training_has_as_many_steps_whatever_the_number_of_samples() {
        for samples in [350, 2_000, 7_000, 15_000, 40_000] {
            let batch = batch(samples);
            let steps = epochs(samples, batch) * samples.div_ceil(batch);
            assert!((2_000..=10_000).contains(&steps), "{steps} steps with {samples} samples");
        }
        assert_eq!((epochs(1, 16), epochs(10_000_000, 128)), (MOST_EPOCHS, LEAST_EPOCHS));
    }
}
