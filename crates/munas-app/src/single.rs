//! One network, trained as an experiment would train it, without a run.

use std::ops::ControlFlow;
use std::path::PathBuf;

use munas_cost::{MemoryModel, peak_memory};
use munas_data::Dataset;
use munas_ir::Shape;
use munas_run::{DataFacts, Driving, DrivingError, Experiment, SavedModel, ThreadClock, TrainedNetwork};
use munas_space::Architecture;
use munas_train::{EpochReport, Progress, Pruning};
use serde::Serialize;

use crate::error::UserResult;
use crate::price::CostRecord;
use crate::records::EpochJson;

/// What a training came to. Errors are shares in [0, 1].
#[derive(Debug, Serialize)]
pub struct TrainedJson {
    data: String,
    fingerprint: String,
    seed: u64,
    epochs: u32,
    /// Validation error of the network in floats.
    pub val_error: f64,
    /// Test error of the same weights.
    pub test_error: f64,
    /// Test error after the last epoch, as muNAS reports it.
    pub last_test_error: f64,
    /// Validation error of the network in int8.
    pub int8_error: Option<f64>,
    /// Test error of the network in int8.
    pub int8_test_error: Option<f64>,
    /// What counts as the error (`search.metric`): error, balanced or macro-f1.
    metric: &'static str,
    /// Standard error of the validation error by that metric.
    pub val_stderr: f64,
    /// Validation error where each class counts alike.
    pub balanced_error: f64,
    /// The same of the test part.
    pub balanced_test_error: f64,
    /// 1 - macro-F1.
    pub macro_f1_error: f64,
    /// The same of the test part.
    pub macro_f1_test_error: f64,
    /// The epoch whose weights are kept.
    pub best_epoch: u32,
    /// Time that the training took.
    pub seconds: f64,
    /// Share of the channels or weights within reach of pruning that are gone; null without pruning. Costs are those of what is left.
    pub sparsity: Option<f64>,
    /// What the network takes.
    #[serde(flatten)]
    pub cost: CostRecord,
    /// The peak memory that a search would bound (`memory.runtime`, `memory.input`).
    pub objective_peak_memory: u64,
    curve: Vec<EpochJson>,
    /// Where the model was saved.
    pub model: Option<PathBuf>,
}

/// A network that was trained.
#[derive(Debug)]
pub struct Trained {
    /// With its int8 form; of no trial, which is 0.
    pub model: SavedModel,
    /// Its curve.
    pub curve: Vec<EpochReport>,
    /// What came of it.
    pub document: TrainedJson,
}

/// Trains an architecture as an experiment would on its data, with this pruning if any. `proceed` is asked after every epoch whether
/// to go on.
///
/// # Errors
/// If the training diverges, is broken off, or the teacher cannot be read.
pub fn train(
    architecture: &Architecture,
    (experiment, dataset): (&Experiment, &Dataset),
    pruning: Option<Pruning>,
    proceed: &mut dyn FnMut(&EpochReport) -> ControlFlow<()>,
) -> UserResult<Trained> {
    let [height, width, channels] = dataset.input;
    let graph = architecture.lower(Shape::new(height, width, channels), dataset.classes());
    let mut settings = experiment.train_settings(dataset)?;
    settings.pruning = pruning;
    let clock = ThreadClock::start();
    let trained =
        munas_train::train(&graph, dataset, &settings, experiment.seed, &mut |event| match event {
            Progress::Epoch(report) => proceed(report),
            _ => ControlFlow::Continue(()),
        })?;
    let seconds = clock.elapsed().as_secs_f64();
    let data = DataFacts::of(dataset, settings.normalise);
    let whole = || ControlFlow::Continue(());
    let trained = TrainedNetwork::quantised(trained, dataset, &data.normalisation, &experiment.int8, whole)
        .expect("nothing breaks it off");
    let resources = trained.resources(pruning.map(|pruning| pruning.mode), MemoryModel::PUBLISHED);
    let cost = CostRecord { model_size: resources.model_size, ..CostRecord::of(&trained.model.graph) };
    let metric = experiment.search.metric;
    let (validation, test) = (trained.validation(), trained.test());
    let document = TrainedJson {
        data: dataset.name.clone(),
        fingerprint: dataset.fingerprint.clone(),
        seed: experiment.seed,
        epochs: experiment.train.epochs,
        val_error: trained.model.validation_error,
        test_error: trained.model.test_error,
        last_test_error: trained.model.last_test_error,
        int8_error: Some(trained.validation_in_int8().error),
        int8_test_error: trained.test_error_in_int8(),
        metric: metric.name(),
        val_stderr: trained.standard_error(Driving { error: DrivingError::Float, metric }),
        balanced_error: validation.balanced,
        balanced_test_error: test.balanced,
        macro_f1_error: validation.macro_f1,
        macro_f1_test_error: test.macro_f1,
        best_epoch: trained.model.best_epoch,
        seconds,
        sparsity: trained.model.sparsity,
        objective_peak_memory: peak_memory(&trained.model.graph, experiment.memory),
        cost,
        curve: trained.model.curve.iter().map(EpochJson::from).collect(),
        model: None,
    };
    let (int8, trained) = (trained.int8, trained.model);
    let model = SavedModel {
        trial: 0,
        architecture: architecture.clone(),
        graph: trained.graph,
        weights: trained.weights,
        int8: Some(int8),
        data: Some(data),
    };
    Ok(Trained { model, curve: trained.curve, document })
}
