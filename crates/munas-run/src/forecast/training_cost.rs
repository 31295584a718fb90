//! The largest network that is worth training in the time that a search has.
//!
//! | symbol | meaning |
//! |---|---|
//! | v | MACs of one inference × samples that one core trains in a second, measured on a network of middle size |
//! | n | samples of one training: those of the training part × epochs |
//! | s | seconds that one training may take |
//! | v · s / n | MACs of one inference that a network may have |
//!
//! It is rounded to a power of two, so that two measurements on one machine mostly give the same, and with the same seed the same
//! search.

use std::time::Duration;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use munas_cost::macs;
use munas_data::Dataset;
use munas_ir::Graph;
use munas_search::Objective;
use munas_space::{Architecture, Space};

use super::pace::seconds_per_epoch;
use crate::executor::limits::Limits;
use crate::experiment::Experiment;
use crate::machine::Machine;
use crate::task::Task;

/// A search has time for at least so many of the longest trainings, over all its workers.
const LEAST_TRAININGS: f64 = 40.0;
/// The longest training as a share of the search, however many workers there are.
const LARGEST_SHARE: f64 = 1.0 / 8.0;
/// Seconds of the longest training where a search has no time of its own.
const WITHOUT_TIME: f64 = 60.0;
/// Seconds that small networks need, however short the search is.
const LEAST_SECONDS: f64 = 3.0;
/// The limit leaves room for at least so many times the MACs of the smallest network of the space.
const ROOM_ABOVE_SMALLEST: u64 = 4;
/// MACs × samples that any core trains in a second: what is done in time even so needs no measurement.
const CERTAIN_PACE: f64 = 2e8;
/// How long it is measured.
const MEASURED: Duration = Duration::from_millis(500);
/// MACs of the network that it is measured on.
const MIDDLE: f64 = 3e5;
/// Structures that are looked at for it, and for the largest.
const STRUCTURES: usize = 64;
/// Factors of their widths; the last makes them as wide as the space allows.
const FACTORS: [f64; 5] = [0.0, 0.25, 1.0, 4.0, 256.0];
/// What they are drawn from.
const SEED: u64 = 0;

impl Machine {
    /// This machine, with the largest network that the experiment has the time to train: half a second of training tells.
    pub fn measured(experiment: &Experiment, dataset: &Dataset) -> Self {
        Self { macs_per_training: affordable_macs(experiment, dataset), ..Self::here(dataset) }
    }
}

/// MACs of one inference of the largest network that the experiment has the time to train; `None` if it has for every one within its
/// space and bounds, or if none could be trained to measure it.
fn affordable_macs(experiment: &Experiment, dataset: &Dataset) -> Option<u64> {
    let task = Task::of(dataset);
    let sizes = Sizes::of(&experiment.space, &task);
    let within = experiment.bounds.limit(Objective::Macs).unwrap_or(f64::INFINITY);
    let largest = (sizes.largest as f64).min(within);
    let in_epoch = experiment.train.samples_in_epoch(dataset.train.len()) as f64;
    let samples = in_epoch * f64::from(experiment.train.epochs);
    let seconds = seconds_of_longest(experiment.search.time, Limits::of(experiment).worker_count());
    if largest * samples <= CERTAIN_PACE * seconds {
        return None;
    }
    let middle = sizes.middle?;
    let per_epoch = seconds_per_epoch(&middle, dataset, &experiment.train, MEASURED).ok()?;
    let pace = macs(&middle) as f64 * in_epoch / per_epoch.max(f64::MIN_POSITIVE);
    Some(affordable(pace, seconds, samples).max(sizes.smallest.saturating_mul(ROOM_ABOVE_SMALLEST)).max(1))
}

fn seconds_of_longest(time: Option<Duration>, workers: usize) -> f64 {
    let seconds = time.map_or(WITHOUT_TIME, |time| {
        let seconds = time.as_secs_f64();
        (seconds * workers.max(1) as f64 / LEAST_TRAININGS).min(seconds * LARGEST_SHARE)
    });
    seconds.max(LEAST_SECONDS)
}

/// The power of two that is nearest to pace · seconds / samples.
fn affordable(pace: f64, seconds: f64, samples: f64) -> u64 {
    let exponent = (pace * seconds / samples.max(1.0)).log2().round().clamp(0.0, 62.0);
    1 << exponent as u32
}

/// How large the networks of a space are, in MACs.
#[derive(Debug)]
struct Sizes {
    smallest: u64,
    /// Of some random structures at their widest.
    largest: u64,
    /// The one of them, at some width, that is nearest to [`MIDDLE`].
    middle: Option<Graph>,
}

impl Sizes {
    fn of(space: &Space, task: &Task) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(SEED);
        let lower = |architecture: &Architecture| architecture.lower(task.input, task.classes());
        let structures: Vec<Architecture> =
            (0..STRUCTURES).map(|_| space.sample_structure(&mut rng)).collect();
        let graphs: Vec<(u64, Graph)> = structures
            .iter()
            .flat_map(|structure| FACTORS.map(|factor| lower(&space.scaled(structure, factor))))
            .map(|graph| (macs(&graph), graph))
            .collect();
        let distance = |(macs, _): &(u64, Graph)| ((*macs).max(1) as f64 / MIDDLE).ln().abs();
        let smallest = space.smallest().iter().map(|architecture| macs(&lower(architecture))).min();
        Self {
            smallest: smallest.unwrap_or(0),
            largest: graphs.iter().map(|(macs, _)| *macs).max().unwrap_or(0),
            middle: graphs
                .into_iter()
                .min_by(|one, other| distance(one).total_cmp(&distance(other)))
                .map(|(_, graph)| graph),
        }
    }
}

#[cfg(test)]
mod tests {
    use munas_ir::Shape;

    use super::*;
    use crate::experiment::Draft;

    fn task(input: Shape) -> Task {
        let class_names = (0..10).map(|class| class.to_string()).collect();
        Task { dataset: "test".to_owned(), fingerprint: String::new(), input, class_names }
    }

    #[test]
    fn a_training_takes_a_share_of_the_search_but_never_less_than_small_networks_need() {
        let seconds = |seconds: u64, workers| seconds_of_longest(Some(Duration::from_secs(seconds)), workers);
        assert_eq!([seconds(600, 1), seconds(600, 2), seconds(600, 64)], [15.0, 30.0, 75.0]);
        assert_eq!([seconds(20, 2), seconds_of_longest(None, 8)], [LEAST_SECONDS, WITHOUT_TIME]);
    }

    #[test]
    fn what_can_be_trained_grows_with_pace_and_time_and_shrinks_with_samples() {
        assert_eq!(affordable(1e9, 10.0, 10_000.0), 1 << 20);
        assert_eq!(affordable(1.3e9, 10.0, 10_000.0), 1 << 20, "a small difference makes none");
        assert_eq!(affordable(1e9, 40.0, 10_000.0), 1 << 22);
        assert_eq!(affordable(1e9, 10.0, 40_000.0), 1 << 18);
        assert_eq!((affordable(0.0, 1.0, 0.0), affordable(f64::INFINITY, 1.0, 1.0)), (1, 1 << 62));
    }

    #[test]
    fn a_network_of_middle_size_is_found_in_every_space_that_has_one() {
        for (kind, bounds, input) in [
            ("cnn2d", "wide", Shape::new(28, 28, 1)),
            ("cnn2d", "munas-2020", Shape::new(96, 96, 3)),
            ("cnn1d", "wide-1d", Shape::new(128, 1, 9)),
        ] {
            let sizes = Sizes::of(&Space::named(kind, bounds).unwrap(), &task(input));
            let middle = macs(&sizes.middle.unwrap());
            assert!((100_000..1_000_000).contains(&middle), "{kind} {bounds}: {middle} MACs");
            assert!(sizes.smallest < middle && middle < sizes.largest, "{kind} {bounds}");
        }
    }

    #[test]
    fn only_what_could_take_too_long_is_measured() {
        let limit = |overrides: &[&str]| {
            let overrides: Vec<String> = overrides.iter().map(|text| (*text).to_owned()).collect();
            let text = "data = { source = \"glyphs\", subset = 300 }";
            let experiment = Draft::from_toml(text, &overrides).unwrap().preliminary().unwrap();
            affordable_macs(&experiment, &experiment.load_data().unwrap())
        };
        assert_eq!(limit(&["space.kind=mlp"]), None, "dense layers on 16x16 pixels are small");
        assert_eq!(limit(&["bounds.macs=10k", "bounds.hard=[\"macs\"]"]), None, "the bound is below");
        let short = limit(&["search.time=1s"]).unwrap();
        let ample = limit(&["search.time=1h"]).unwrap();
        assert!(short < ample, "{short} and {ample} MACs");
        assert!(short.is_power_of_two(), "{short}");
    }
}
