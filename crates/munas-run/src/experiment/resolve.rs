//! From the file form to the experiment. What a value may be is checked here.

use munas_cost::boards::BoardBounds;
use munas_cost::period_ms;
use munas_data::{AudioSettings, CsvSettings, DataError, Source};
use munas_search::{Bounds, EvolutionSettings, Objective};
use munas_space::{Space, SpaceError};
use munas_train::{Optimizer, TrainError, TrainSettings};

use super::file::{
    AudioFile, CsvFile, DataFile, DistillationFile, ExperimentFile, OptimizerName, PruningFile,
    PruningFitName, SearchFile, SpaceFile, TrainFile,
};
use super::{
    BoardChoice, DataSettings, DistillationSettings, Experiment, ExperimentError, PruningSettings,
    SearchSettings,
};

use crate::int8::Int8Settings;

/// The most pixels of a picture after it was scaled.
const MOST_PIXELS: usize = 1 << 20;
/// The most members of a population and of a sample of it.
const MOST_MEMBERS: usize = 1_000_000;
/// The most trainings side by side: a thread each.
const MOST_WORKERS: usize = 1_024;
/// The largest whole number that TOML and the journal can hold.
const LARGEST: u64 = i64::MAX as u64;

/// The experiment of a file form, with the board that it names.
pub(super) fn resolve(
    file: ExperimentFile,
    board: Option<BoardChoice>,
) -> Result<Experiment, ExperimentError> {
    let ExperimentFile { name, seed, data, space, train, int8, bounds, search, board: _ } = file;
    require(int8.samples > 0, "int8.samples", "must be at least 1")?;
    require(seed <= LARGEST, "seed", "must be below 2^63")?;
    let pruning = train.pruning.as_ref().map(|pruning| resolve_pruning(pruning, train.epochs)).transpose()?;
    let distillation = train.distillation.as_ref().map(resolve_distillation).transpose()?;
    let settings = train_settings(&train, data.normalise);
    settings.check().map_err(train_error)?;
    let both = pruning.is_some() && settings.quantised_epochs > 0;
    require(!both, "train.quantisation", "cannot be combined with train.pruning")?;
    Ok(Experiment {
        name,
        seed,
        data: resolve_data(data)?,
        space: resolve_space(&space)?,
        train: settings,
        pruning,
        distillation,
        int8: Int8Settings {
            calibration: int8.calibration,
            samples: int8.samples,
            bias_correction: int8.bias_correction,
        },
        bounds: resolve_bounds(bounds.0, board.as_ref())?,
        search: resolve_search(&search)?,
        board,
    })
}

pub(super) fn invalid(key: impl Into<String>, problem: impl Into<String>) -> ExperimentError {
    ExperimentError::Value { key: key.into(), problem: problem.into() }
}

fn require(holds: bool, key: &str, problem: &str) -> Result<(), ExperimentError> {
    if holds { Ok(()) } else { Err(invalid(key, problem)) }
}

fn resolve_data(file: DataFile) -> Result<DataSettings, ExperimentError> {
    let missing = ExperimentError::Missing {
        key: "data.source",
        hint: "the name of a dataset, or images:DIR, audio:DIR, csv:FILE, npz:FILE, idx:DIR",
    };
    let source = file.source.ok_or(missing)?;
    source.parse::<Source>().map_err(|error| {
        let nearest = match &error {
            DataError::UnknownSource { nearest: Some(nearest), .. } => {
                format!(" (did you mean `{nearest}`?)")
            }
            _ => String::new(),
        };
        invalid("data.source", format!("{error}{nearest}"))
    })?;
    require(
        file.validation > 0.0 && file.validation < 1.0,
        "data.validation",
        "must be above 0 and below 1",
    )?;
    require(file.size.is_none_or(|sides| !sides.contains(&0)), "data.size", "must be at least [1, 1]")?;
    let fits =
        |[height, width]: [usize; 2]| height.checked_mul(width).is_some_and(|pixels| pixels <= MOST_PIXELS);
    let too_many = format!("must be at most {MOST_PIXELS} pixels: no microcontroller holds more");
    require(file.size.is_none_or(fits), "data.size", &too_many)?;
    let crop_is_share = file.crop.is_none_or(|share| share > 0.0 && share <= 1.0);
    require(crop_is_share, "data.crop", "must be above 0 and at most 1")?;
    require(file.subset != Some(0), "data.subset", "must be at least 1")?;
    require(matches!(file.bits, 8 | 16), "data.bits", "must be 8 or 16")?;
    let count = file.arrays.as_ref().map_or(2, Vec::len);
    require(
        [2, 4, 6].contains(&count),
        "data.arrays",
        "must be 2, 4 or 6 names: samples and labels of training, then of test, or of validation and of test",
    )?;
    let memory_in_range = file.memory.is_none_or(|bytes| (1..=LARGEST).contains(&bytes));
    require(memory_in_range, "data.memory", "must be at least 1 and below 2^63")?;
    Ok(DataSettings {
        source,
        dir: file.dir,
        validation: file.validation,
        size: file.size.map(|[height, width]| (height, width)),
        fit: file.fit,
        crop: file.crop,
        grey: file.grey,
        orientation: file.orientation,
        backdrop: file.backdrop,
        deep: file.bits == 16,
        skip_bad: file.skip_bad,
        subset: file.subset,
        memory: file.memory,
        layout: file.layout,
        arrays: file.arrays,
        compact_labels: file.compact_labels,
        every_class: file.every_class,
        groups: file.groups,
        csv: resolve_csv(file.csv),
        audio: resolve_audio(&file.audio)?,
    })
}

fn resolve_csv(file: CsvFile) -> CsvSettings {
    let CsvFile { delimiter, header, index, ignore } = file;
    CsvSettings { delimiter, header, index, ignore }
}

fn resolve_audio(file: &AudioFile) -> Result<AudioSettings, ExperimentError> {
    let audio = AudioSettings {
        features: file.features,
        rate: file.rate,
        channel: file.channel,
        clip_ms: file.clip_ms,
        window_ms: file.window_ms,
        stride_ms: file.stride_ms,
        fft: file.fft,
        mel_bins: file.mel_bins,
        coefficients: file.coefficients,
        band: file.band,
        log_offset: file.log_offset,
        peak: file.peak,
        range: file.range,
        renditions: file.renditions,
    };
    audio.check().map_err(|error| invalid("data.audio", error.to_string().trim_start_matches("audio: ")))?;
    Ok(audio)
}

fn resolve_space(file: &SpaceFile) -> Result<Space, ExperimentError> {
    let in_space = |error| match error {
        SpaceError::UnknownKind { .. } => {
            invalid("space.kind", error.to_string().trim_start_matches("kind: "))
        }
        SpaceError::Bound { key, reason } => invalid(format!("space.bounds.{key}"), reason),
        other => invalid("space.bounds", other.to_string().trim_start_matches("bounds: ")),
    };
    let Some(bounds) = &file.bounds else {
        let kind = file.kind.parse().map_err(in_space)?;
        return Space::named(&file.kind, Space::bound_names(kind)[0]).map_err(in_space);
    };
    let bounds = serde_json::to_value(bounds).map_err(|error| invalid("space.bounds", error.to_string()))?;
    Space::from_parts(&file.kind, &bounds).map_err(in_space)
}

fn train_settings(file: &TrainFile, normalise: munas_data::NormaliseMode) -> TrainSettings {
    TrainSettings {
        epochs: file.epochs,
        batch: file.batch,
        optimizer: match file.optimizer {
            OptimizerName::Sgdw => Optimizer::Sgdw { momentum: file.momentum.unwrap_or(0.0) },
            OptimizerName::AdamW => Optimizer::AdamW,
            OptimizerName::Adam => Optimizer::Adam,
        },
        learning_rate: file.learning_rate,
        weight_decay: file.weight_decay,
        schedule: file.schedule.clone(),
        warm_up: file.warm_up,
        dropout: file.dropout,
        augment: file.augment.clone(),
        augment_until: file.augment_until,
        normalise,
        class_weights: file.class_weights,
        label_smoothing: file.label_smoothing,
        gradient_clip: file.gradient_clip,
        kernel_l2: file.kernel_l2,
        norm_statistics: file.norm_statistics,
        keep: file.keep,
        early_stop: file.early_stop,
        // Trials have them: each its own target, and what all must fit.
        pruning: None,
        pruning_goal: None,
        // The teacher is a file: read by `Experiment::train_settings`.
        distillation: None,
        quantised_epochs: file.quantisation.as_ref().map_or(0, |quantisation| quantisation.epochs),
    }
}

fn train_error(error: TrainError) -> ExperimentError {
    match error {
        TrainError::Setting { key, value, reason } => {
            invalid(format!("train.{key}"), format!("{value}: {reason}"))
        }
        other => invalid("train", other.to_string()),
    }
}

fn resolve_pruning(file: &PruningFile, epochs: u32) -> Result<PruningSettings, ExperimentError> {
    let PruningFile { mode, start, finish, min_sparsity, max_sparsity, fit } = *file;
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
    require(min_sparsity <= max_sparsity, "train.pruning.min_sparsity", "must not be above max_sparsity")?;
    let fits_bounds = matches!(fit, PruningFitName::HardBounds);
    Ok(PruningSettings { mode, start, finish, min_sparsity, max_sparsity, fits_bounds })
}

fn resolve_distillation(file: &DistillationFile) -> Result<DistillationSettings, ExperimentError> {
    let positive = |value: f64| value.is_finite() && value > 0.0;
    require(positive(file.alpha), "train.distillation.alpha", "must be above 0")?;
    require(positive(file.temperature), "train.distillation.temperature", "must be above 0")?;
    Ok(DistillationSettings {
        teacher: file.teacher.clone(),
        alpha: file.alpha,
        temperature: file.temperature,
    })
}

/// The bounds of the file, if they make sense.
fn resolve_bounds(bounds: Bounds, board: Option<&BoardChoice>) -> Result<Bounds, ExperimentError> {
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
        check_power(choice, bounds.get(Objective::Energy).is_some())?;
    }
    Ok(bounds)
}

/// A bound on the energy needs all the figures that the energy is made of.
fn check_power(choice: &BoardChoice, is_bounded: bool) -> Result<(), ExperimentError> {
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

/// What a board does not have is out of reach: its memory, and the time from one inference to the next, lower looser bounds and are
/// hard ones.
pub(super) fn cap_by_board(bounds: &mut Bounds, BoardChoice { board, rate, .. }: &BoardChoice) {
    let BoardBounds { peak_memory, flash } = board.bounds();
    bounds.cap(Objective::PeakMemory, peak_memory as f64);
    bounds.cap(Objective::Flash, flash as f64);
    if let Some(rate) = rate {
        bounds.cap(Objective::Latency, period_ms(*rate));
    }
}

fn resolve_search(file: &SearchFile) -> Result<SearchSettings, ExperimentError> {
    let counts =
        [("trials", file.trials), ("max_draws", file.max_draws.get()), ("worker_memory", file.worker_memory)];
    for (key, value) in counts {
        let key = format!("search.{key}");
        require((1..=LARGEST).contains(&value), &key, "must be at least 1 and below 2^63")?;
    }
    let memory_is_some = file.training_memory.is_none_or(|bytes| (1..=LARGEST).contains(&bytes));
    require(memory_is_some, "search.training_memory", "must be at least 1 and below 2^63")?;
    let cost_is_some = file.max_training_cost.is_none_or(|macs| (1..=LARGEST).contains(&macs));
    require(cost_is_some, "search.max_training_cost", "must be at least 1 and below 2^63")?;
    for (key, value, most) in
        [("search.population", file.population, MOST_MEMBERS), ("search.sample", file.sample, MOST_MEMBERS)]
    {
        require((1..=most).contains(&value), key, &format!("must be at least 1 and at most {most}"))?;
    }
    require(file.workers <= MOST_WORKERS, "search.workers", &format!("must be at most {MOST_WORKERS}"))?;
    let target_in_range = file.target_error.is_none_or(|target| (0.0..=1.0).contains(&target));
    require(target_in_range, "search.target_error", "must be within 0 and 1")?;
    Ok(SearchSettings {
        algorithm: file.algorithm,
        evolution: EvolutionSettings { population: file.population, sample: file.sample },
        trials: file.trials,
        time: file.time,
        target_error: file.target_error,
        workers: file.workers,
        worker_memory: file.worker_memory,
        sampling: file.sampling,
        training_memory: file.training_memory,
        max_training_cost: file.max_training_cost,
        error: file.error,
        metric: file.metric,
        folds: file.folds,
        feasibility: file.feasibility,
        repeats: file.repeats,
        max_draws: file.max_draws,
    })
}
