//! From the file form to the experiment, and back. The two differ where a training has what is a section or a file of its own, in the
//! search space and in the board.

use toml::Value;

use munas_cost::boards::BoardBounds;
use munas_cost::{MemoryModel, NetworkInput, Runtime, period_ms};
use munas_search::{Bounds, Objective};
use munas_space::{Space, SpaceError};
use munas_train::{TrainError, TrainSettings};

use super::bounds_file::BoundsFile;
use super::check::{self, LARGEST, invalid, require};
use super::file::{
    BoardFile, ExperimentFile, MemoryFile, QuantisationFile, SpaceFile, TrainFile, in_plain_words,
};
use super::{BoardChoice, Experiment, ExperimentError, InputPlace};

/// The experiment of a file form, with the board that it names.
pub(super) fn resolve(
    file: ExperimentFile,
    board: Option<BoardChoice>,
) -> Result<Experiment, ExperimentError> {
    let ExperimentFile { name, seed, data, space, train, int8, bounds, memory, search, finalists, board: _ } =
        file;
    require(int8.samples > 0, "int8.samples", "must be at least 1")?;
    require(seed <= LARGEST, "seed", "must be below 2^63")?;
    if let Some(pruning) = &train.pruning {
        check::pruning(pruning, train.epochs)?;
    }
    if let Some(distillation) = &train.distillation {
        check::distillation(distillation)?;
    }
    let settings = train_settings(&train, data.normalise);
    settings.check().map_err(train_error)?;
    let both = train.pruning.is_some() && settings.quantised_epochs > 0;
    require(!both, "train.quantisation", "cannot be combined with train.pruning")?;
    check::data(&data)?;
    let space = resolve_space(&space)?;
    check::bounds(&bounds.0, board.as_ref())?;
    check::search(&search)?;
    check::finalists(&finalists)?;
    let rests = search.rungs.get() > 1 && search.algorithm.build(&search.algorithm_settings()).has_rungs();
    require(
        !rests || settings.early_stop.is_none(),
        "train.early_stop",
        &format!("{} ends trainings by itself; leave it out, or set search.rungs to 1", search.algorithm),
    )?;
    let TrainFile { pruning, distillation, .. } = train;
    let (bounds, memory) = (bounds.0, resolve_memory(&memory, board.as_ref()));
    Ok(Experiment {
        name,
        seed,
        data,
        space,
        train: settings,
        pruning,
        distillation,
        int8,
        bounds,
        memory,
        search,
        finalists,
        board,
    })
}

/// The file form of an experiment, every value written out.
pub(super) fn file_form(experiment: &Experiment) -> ExperimentFile {
    let Experiment { name, seed, data, space, int8, bounds, memory, search, finalists, board, .. } =
        experiment.clone();
    ExperimentFile {
        name,
        seed,
        data,
        space: space_file(&space),
        train: train_file(experiment),
        int8,
        bounds: BoundsFile(bounds),
        memory: MemoryFile { runtime: Some(memory.runtime), input: Some(memory.input) },
        search,
        finalists,
        board: board.map(|BoardChoice { board, file, input, rate }| BoardFile {
            name: board.name,
            file,
            input,
            rate,
        }),
    }
}

/// What is left open of the memory: for a board, what munas exports; else what is published.
fn resolve_memory(file: &MemoryFile, board: Option<&BoardChoice>) -> MemoryModel {
    let for_all = if board.is_some() { MemoryModel::STREAMED } else { MemoryModel::PUBLISHED };
    let runtime = file.runtime.unwrap_or(for_all.runtime);
    let kept_elsewhere = board.is_some_and(|choice| choice.input == InputPlace::External);
    let input = file.input.unwrap_or(match runtime {
        Runtime::Streamed if !kept_elsewhere => NetworkInput::Rows,
        Runtime::Streamed | Runtime::Layers => NetworkInput::External,
    });
    MemoryModel { runtime, input }
}

fn resolve_space(file: &SpaceFile) -> Result<Space, ExperimentError> {
    let in_space = |error| match error {
        SpaceError::UnknownKind { .. } => {
            invalid("space.kind", error.to_string().trim_start_matches("kind: "))
        }
        SpaceError::Bound { key, reason } => invalid(format!("space.bounds.{key}"), reason),
        other => invalid("space.bounds", in_plain_words(other.to_string().trim_start_matches("bounds: "))),
    };
    let Some(bounds) = &file.bounds else {
        let kind = file.kind.parse().map_err(in_space)?;
        return Space::named(&file.kind, Space::bound_names(kind)[0]).map_err(in_space);
    };
    let bounds = serde_json::to_value(bounds).map_err(|error| invalid("space.bounds", error.to_string()))?;
    Space::from_parts(&file.kind, &bounds).map_err(in_space)
}

fn space_file(space: &Space) -> SpaceFile {
    let bounds = match space {
        Space::Cnn2d(bounds) | Space::Cnn1d(bounds) => Value::try_from(bounds),
        Space::Mlp(bounds) => Value::try_from(bounds),
    };
    let bounds = bounds.expect("bounds are numbers, flags and names");
    SpaceFile { kind: space.kind().to_string(), bounds: Some(bounds) }
}

fn train_settings(file: &TrainFile, normalise: munas_data::NormaliseMode) -> TrainSettings {
    TrainSettings {
        epochs: file.epochs,
        steps_per_epoch: file.steps_per_epoch,
        batch: file.batch,
        optimizer: file.optimizer.with_momentum(file.momentum.unwrap_or(0.0)),
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

fn train_file(experiment: &Experiment) -> TrainFile {
    let train = &experiment.train;
    TrainFile {
        epochs: train.epochs,
        steps_per_epoch: train.steps_per_epoch,
        batch: train.batch,
        optimizer: train.optimizer,
        learning_rate: train.learning_rate,
        momentum: train.optimizer.momentum(),
        weight_decay: train.weight_decay,
        schedule: train.schedule.clone(),
        warm_up: train.warm_up,
        dropout: train.dropout,
        augment: train.augment.clone(),
        augment_until: train.augment_until,
        class_weights: train.class_weights,
        label_smoothing: train.label_smoothing,
        gradient_clip: train.gradient_clip,
        kernel_l2: train.kernel_l2,
        norm_statistics: train.norm_statistics,
        keep: train.keep,
        early_stop: train.early_stop,
        pruning: experiment.pruning,
        distillation: experiment.distillation.clone(),
        quantisation: (train.quantised_epochs > 0)
            .then_some(QuantisationFile { epochs: train.quantised_epochs }),
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
