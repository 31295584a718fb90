//! From the experiment to the file form, every value written out. The counterpart of `resolve`.

use toml::Value;

use munas_data::{AudioSettings, CsvSettings};
use munas_space::Space;
use munas_train::Optimizer;

use super::Experiment;
use super::bounds_file::BoundsFile;
use super::file::{
    AudioFile, BoardFile, CsvFile, DataFile, DistillationFile, ExperimentFile, Int8File, OptimizerName,
    PruningFile, PruningFitName, QuantisationFile, SearchFile, SpaceFile, TrainFile,
};

/// The file form of an experiment, every value written out.
pub(super) fn file_form(experiment: &Experiment) -> ExperimentFile {
    let Experiment { data, train, int8, bounds, search, .. } = experiment;
    ExperimentFile {
        name: experiment.name.clone(),
        seed: experiment.seed,
        data: DataFile {
            source: Some(data.source.clone()),
            dir: data.dir.clone(),
            validation: data.validation,
            normalise: train.normalise,
            size: data.size.map(|(height, width)| [height, width]),
            fit: data.fit,
            crop: data.crop,
            grey: data.grey,
            orientation: data.orientation,
            backdrop: data.backdrop,
            bits: if data.deep { 16 } else { 8 },
            skip_bad: data.skip_bad,
            subset: data.subset,
            memory: data.memory,
            layout: data.layout,
            arrays: data.arrays.clone(),
            compact_labels: data.compact_labels,
            every_class: data.every_class,
            groups: data.groups.clone(),
            csv: csv_file(&data.csv),
            audio: audio_file(&data.audio),
        },
        space: space_file(&experiment.space),
        train: train_file(experiment),
        int8: Int8File {
            calibration: int8.calibration,
            samples: int8.samples,
            bias_correction: int8.bias_correction,
        },
        bounds: BoundsFile(bounds.clone()),
        search: SearchFile {
            algorithm: search.algorithm,
            trials: search.trials,
            time: search.time,
            target_error: search.target_error,
            population: search.evolution.population,
            sample: search.evolution.sample,
            workers: search.workers,
            worker_memory: search.worker_memory,
            sampling: search.sampling,
            training_memory: search.training_memory,
            max_training_cost: search.max_training_cost,
            error: search.error,
            metric: search.metric,
            folds: search.folds,
            feasibility: search.feasibility,
            repeats: search.repeats,
            max_draws: search.max_draws,
        },
        board: experiment.board.as_ref().map(|choice| BoardFile {
            name: choice.board.name.clone(),
            file: choice.file.clone(),
            input: choice.input,
            rate: choice.rate,
        }),
    }
}

fn csv_file(csv: &CsvSettings) -> CsvFile {
    let CsvSettings { delimiter, header, index, ignore } = csv.clone();
    CsvFile { delimiter, header, index, ignore }
}

fn audio_file(audio: &AudioSettings) -> AudioFile {
    AudioFile {
        features: audio.features,
        rate: audio.rate,
        channel: audio.channel,
        clip_ms: audio.clip_ms,
        window_ms: audio.window_ms,
        stride_ms: audio.stride_ms,
        fft: audio.fft,
        mel_bins: audio.mel_bins,
        coefficients: audio.coefficients,
        band: audio.band,
        log_offset: audio.log_offset,
        peak: audio.peak,
        range: audio.range,
        renditions: audio.renditions,
    }
}

fn space_file(space: &Space) -> SpaceFile {
    let bounds = match space {
        Space::Cnn2d(bounds) | Space::Cnn1d(bounds) => Value::try_from(bounds),
        Space::Mlp(bounds) => Value::try_from(bounds),
    };
    let bounds = bounds.expect("bounds are numbers, flags and names");
    SpaceFile { kind: space.kind().to_string(), bounds: Some(bounds) }
}

fn train_file(experiment: &Experiment) -> TrainFile {
    let train = &experiment.train;
    let (optimizer, momentum) = match train.optimizer {
        Optimizer::Sgdw { momentum } => (OptimizerName::Sgdw, Some(momentum)),
        Optimizer::AdamW => (OptimizerName::AdamW, None),
        Optimizer::Adam => (OptimizerName::Adam, None),
    };
    TrainFile {
        epochs: train.epochs,
        batch: train.batch,
        optimizer,
        learning_rate: train.learning_rate,
        momentum,
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
        pruning: experiment.pruning.map(|pruning| PruningFile {
            mode: pruning.mode,
            start: pruning.start,
            finish: pruning.finish,
            min_sparsity: pruning.min_sparsity,
            max_sparsity: pruning.max_sparsity,
            fit: if pruning.fits_bounds { PruningFitName::HardBounds } else { PruningFitName::None },
        }),
        distillation: experiment.distillation.clone().map(|distillation| DistillationFile {
            teacher: distillation.teacher,
            alpha: distillation.alpha,
            temperature: distillation.temperature,
        }),
        quantisation: (train.quantised_epochs > 0)
            .then_some(QuantisationFile { epochs: train.quantised_epochs }),
    }
}
