//! Which values of settings make sense.

use munas_data::{DataError, Source};
use munas_search::{Bounds, Objective};

use super::ExperimentError;
use super::settings::{
    BoardChoice, DataSettings, DistillationSettings, FinalSettings, PruningSettings, SearchSettings,
};

/// The most pixels of a picture after it was scaled.
const MOST_PIXELS: usize = 1 << 20;
/// The most trainings side by side: a thread each.
const MOST_WORKERS: usize = 1_024;
/// The most trainings of one finalist: beyond, a mean is known better than anyone needs.
const MOST_SEEDS: u32 = 1_000;
/// The largest whole number that TOML and the journal can hold.
pub(super) const LARGEST: u64 = i64::MAX as u64;

/// The error of a key whose value makes no sense.
pub(super) fn invalid(key: impl Into<String>, problem: impl Into<String>) -> ExperimentError {
    ExperimentError::Value { key: key.into(), problem: problem.into() }
}

/// That error, unless something holds.
pub(super) fn require(holds: bool, key: &str, problem: &str) -> Result<(), ExperimentError> {
    if holds { Ok(()) } else { Err(invalid(key, problem)) }
}

/// Section `[data]`.
pub(super) fn data(data: &DataSettings) -> Result<(), ExperimentError> {
    if data.source.is_empty() {
        return Err(ExperimentError::Missing {
            key: "data.source",
            hint: "the name of a dataset, or images:DIR, audio:DIR, csv:FILE, npz:FILE, idx:DIR, packed:FILE",
        });
    }
    data.source.parse::<Source>().map_err(|error| {
        let nearest = match &error {
            DataError::UnknownSource { nearest: Some(nearest), .. } => {
                format!(" (did you mean `{nearest}`?)")
            }
            _ => String::new(),
        };
        invalid("data.source", format!("{error}{nearest}"))
    })?;
    require(
        data.validation > 0.0 && data.validation < 1.0,
        "data.validation",
        "must be above 0 and below 1",
    )?;
    require(data.size.is_none_or(|sides| !sides.contains(&0)), "data.size", "must be at least [1, 1]")?;
    let fits =
        |[height, width]: [usize; 2]| height.checked_mul(width).is_some_and(|pixels| pixels <= MOST_PIXELS);
    let too_many = format!("must be at most {MOST_PIXELS} pixels: no microcontroller holds more");
    require(data.size.is_none_or(fits), "data.size", &too_many)?;
    let crop_is_share = data.crop.is_none_or(|share| share > 0.0 && share <= 1.0);
    require(crop_is_share, "data.crop", "must be above 0 and at most 1")?;
    require(data.subset != Some(0), "data.subset", "must be at least 1")?;
    let count = data.arrays.as_ref().map_or(2, Vec::len);
    require(
        [2, 4, 6].contains(&count),
        "data.arrays",
        "must be 2, 4 or 6 names: samples and labels of training, then of test, or of validation and of test",
    )?;
    let memory_in_range = data.memory.is_none_or(|bytes| (1..=LARGEST).contains(&bytes));
    require(memory_in_range, "data.memory", "must be at least 1 and below 2^63")?;
    let audio = data.audio.check();
    audio.map_err(|error| invalid("data.audio", error.to_string().trim_start_matches("audio: ")))
}

/// Section `[train.pruning]` of trainings of so many epochs.
pub(super) fn pruning(pruning: &PruningSettings, epochs: u32) -> Result<(), ExperimentError> {
    let PruningSettings { start, finish, min_sparsity, max_sparsity, .. } = *pruning;
    require(start >= 1, "train.pruning.start", "must be at least 1: epochs count from 1")?;
    require(start < finish, "train.pruning.start", "must be before train.pruning.finish")?;
    require(finish <= epochs, "train.pruning.finish", "must not be after the last epoch (train.epochs)")?;
    let sparsity = 0.0..1.0;
    require(
        sparsity.contains(&min_sparsity),
        "train.pruning.min_sparsity",
        "must be at least 0 and below 1",
    )?;
    require(
        sparsity.contains(&max_sparsity),
        "train.pruning.max_sparsity",
        "must be at least 0 and below 1",
    )?;
    require(min_sparsity <= max_sparsity, "train.pruning.min_sparsity", "must not be above max_sparsity")
}

/// Section `[train.distillation]`.
pub(super) fn distillation(distillation: &DistillationSettings) -> Result<(), ExperimentError> {
    let positive = |value: f64| value.is_finite() && value > 0.0;
    require(positive(distillation.alpha), "train.distillation.alpha", "must be above 0")?;
    require(positive(distillation.temperature), "train.distillation.temperature", "must be above 0")
}

/// Section `[bounds]`, for a search for this board.
pub(super) fn bounds(bounds: &Bounds, board: Option<&BoardChoice>) -> Result<(), ExperimentError> {
    for objective in Objective::ALL {
        let key = format!("bounds.{objective}");
        let Some(bound) = bounds.get(objective) else {
            require(
                !bounds.is_hard(objective),
                "bounds.hard",
                &format!("lists {objective}, which has no bound"),
            )?;
            continue;
        };
        require(bound.is_finite() && bound > 0.0, &key, "must be above 0")?;
        require(bound <= LARGEST as f64, &key, "must be below 2^63")?;
        require(!objective.needs_board() || board.is_some(), &key, "needs a board (section [board])")?;
    }
    let error = bounds.get(Objective::Error);
    require(error.is_none_or(|error| error <= 1.0), "bounds.error", "is a share, at most 1")?;
    require(
        !bounds.is_hard(Objective::Error),
        "bounds.hard",
        "lists error, which is known only after training",
    )?;
    if let Some(choice) = board {
        power(choice, bounds.get(Objective::Energy).is_some())?;
    }
    Ok(())
}

/// A bound on the energy needs all the figures that the energy is made of.
fn power(choice: &BoardChoice, is_bounded: bool) -> Result<(), ExperimentError> {
    let rate_is_one = choice.rate.is_none_or(|rate| rate.is_finite() && rate > 0.0);
    require(rate_is_one, "board.rate", "is inferences per second, a number above 0")?;
    let power = choice.board.power.as_ref();
    require(
        !is_bounded || power.is_some(),
        "bounds.energy_mj",
        "needs a board of known power (active_power_mw or [board.power] in a table of your own)",
    )?;
    require(
        !is_bounded || choice.rate.is_none() || power.is_some_and(|power| power.asleep_mw.is_some()),
        "bounds.energy_mj",
        "at a rate (board.rate) needs a board whose current asleep is known (power.sleep_ua in a table of your own); \
         without the rate, the energy of an inference alone is bounded",
    )
}

/// Section `[final]`.
pub(super) fn finalists(finalists: &FinalSettings) -> Result<(), ExperimentError> {
    let FinalSettings { share, networks, seeds, longer, longest, quantised, .. } = *finalists;
    require((0.0..1.0).contains(&share), "final.share", "must be at least 0 and below 1")?;
    require(networks >= 1, "final.networks", "must be at least 1")?;
    require(
        (1..=MOST_SEEDS).contains(&seeds),
        "final.seeds",
        &format!("must be at least 1 and at most {MOST_SEEDS}"),
    )?;
    let factors = FinalSettings::FACTORS;
    let range = format!("must be at least {} and at most {}", factors.start(), factors.end());
    for (key, factor) in [("final.longer", longer), ("final.longest", longest)] {
        require(factors.contains(&factor), key, &range)?;
    }
    require((0.0..1.0).contains(&quantised), "final.quantised", "must be at least 0 and below 1")
}

/// Section `[search]`.
pub(super) fn search(search: &SearchSettings) -> Result<(), ExperimentError> {
    let counts = [
        ("trials", search.trials),
        ("max_draws", search.max_draws.get()),
        ("worker_memory", search.worker_memory),
    ];
    for (key, value) in counts {
        let key = format!("search.{key}");
        require((1..=LARGEST).contains(&value), &key, "must be at least 1 and below 2^63")?;
    }
    let memory_is_some = search.training_memory.is_none_or(|bytes| (1..=LARGEST).contains(&bytes));
    require(memory_is_some, "search.training_memory", "must be at least 1 and below 2^63")?;
    let cost_is_some = search.max_training_cost.is_none_or(|macs| (1..=LARGEST).contains(&macs));
    require(cost_is_some, "search.max_training_cost", "must be at least 1 and below 2^63")?;
    let settings = search.algorithm_settings().check();
    settings.map_err(|error| invalid(format!("search.{}", error.key), error.reason))?;
    require(search.workers <= MOST_WORKERS, "search.workers", &format!("must be at most {MOST_WORKERS}"))?;
    let target_in_range = search.target_error.is_none_or(|target| (0.0..=1.0).contains(&target));
    require(target_in_range, "search.target_error", "must be within 0 and 1")
}
