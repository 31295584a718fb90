//! `munas train`: one architecture, trained as an experiment would.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use indicatif::ProgressBar;
use munas_cost::{MemoryModel, peak_memory};
use munas_data::Dataset;
use munas_ir::{Graph, Shape};
use munas_report::{curve_table, units};
use munas_run::{
    DataFacts, Draft, Driving, DrivingError, Metric, SavedModel, Terms, ThreadClock, TrainedNetwork,
};
use munas_space::Architecture;
use munas_train::{EpochReport, Progress, TrainSettings, TrainedModel, train};
use serde::Serialize;

use super::cost::CostRecord;
use crate::architecture::{parse_kind, read_architecture};
use crate::args::TrainArgs;
use crate::error::{CliError, CliResult};
use crate::experiment::{self, Base, check_source, resolve};
use crate::memory::PeakMemory;
use crate::output::{Output, bar_style, message};
use crate::records::EpochJson;

/// The data that are trained on when none are named.
const DEFAULT_DATA: &str = "data.source=glyphs";
const MODEL_FILE: &str = "model.safetensors";
const RESULT_FILE: &str = "result.json";

#[derive(Debug, Serialize)]
struct TrainJson {
    data: String,
    fingerprint: String,
    seed: u64,
    epochs: u32,
    val_error: f64,
    test_error: f64,
    /// Test error after the last epoch, as muNAS reports it.
    last_test_error: f64,
    /// Validation error of the network in int8.
    int8_error: Option<f64>,
    int8_test_error: Option<f64>,
    /// What counts as the error (`search.metric`): error, balanced or macro-f1.
    metric: &'static str,
    /// Standard error of the validation error by that metric.
    val_stderr: f64,
    balanced_error: f64,
    balanced_test_error: f64,
    /// 1 - macro-F1.
    macro_f1_error: f64,
    macro_f1_test_error: f64,
    best_epoch: u32,
    seconds: f64,
    /// Share of the channels or weights within reach of pruning that are gone; null without pruning. Costs are those of what is left.
    sparsity: Option<f64>,
    #[serde(flatten)]
    cost: CostRecord,
    /// The peak memory that a search would bound (`memory.runtime`, `memory.input`).
    objective_peak_memory: u64,
    curve: Vec<EpochJson>,
    /// Where the model was saved.
    model: Option<PathBuf>,
}

/// Trains and prints.
pub fn run(args: &TrainArgs, output: &mut Output) -> CliResult {
    let kind = parse_kind(&args.space)?;
    let architecture = read_architecture(kind, &args.arch)?;
    let draft = draft(args)?;
    // Before minutes go into training.
    args.out.as_deref().map(create).transpose()?;
    let (experiment, dataset) = resolve(&draft, output)?;
    let [height, width, channels] = dataset.input;
    let graph = architecture.lower(Shape::new(height, width, channels), dataset.classes());
    let mut settings = experiment.train_settings(&dataset)?;
    settings.pruning = args.options.pruning.map(|pruning| pruning.over(settings.epochs));
    let (trained, seconds) = train_shown(&graph, &dataset, &settings, experiment.seed)?;
    let data = DataFacts::of(&dataset, settings.normalise);
    let proceed = || ControlFlow::Continue(());
    let trained =
        TrainedNetwork::quantised(trained, &dataset, &data.normalisation, &experiment.int8, proceed)
            .expect("nothing breaks it off");
    let model = args.out.as_deref().map(|dir| save(dir, &architecture, &trained, &data)).transpose()?;
    let driving = Driving { error: DrivingError::Float, metric: experiment.search.metric };
    let (validation, test) = (trained.validation(), trained.test());
    let int8_test_error = trained.test_error_in_int8();
    let int8_val_error = trained.validation_in_int8().error;
    let (cost, stderr) = (cost(&trained, &settings), trained.standard_error(driving));
    let metric = driving.metric;
    let trained = &trained.model;
    let document = TrainJson {
        data: dataset.name.clone(),
        fingerprint: dataset.fingerprint.clone(),
        seed: experiment.seed,
        epochs: experiment.train.epochs,
        val_error: trained.validation_error,
        test_error: trained.test_error,
        last_test_error: trained.last_test_error,
        int8_error: Some(int8_val_error),
        int8_test_error,
        metric: metric.name(),
        val_stderr: stderr,
        balanced_error: validation.balanced,
        balanced_test_error: test.balanced,
        macro_f1_error: validation.macro_f1,
        macro_f1_test_error: test.macro_f1,
        best_epoch: trained.best_epoch,
        seconds,
        sparsity: trained.sparsity,
        objective_peak_memory: peak_memory(&trained.graph, experiment.memory),
        cost,
        curve: trained.curve.iter().map(EpochJson::from).collect(),
        model,
    };
    if let Some(dir) = &args.out {
        save_result(dir, &document)?;
    }
    if args.format.json {
        output.json(&document)?;
        return Ok(());
    }
    print(&dataset, trained, (&document, experiment.terms()), output)
}

fn create(dir: &Path) -> CliResult {
    std::fs::create_dir_all(dir)
        .map_err(|error| CliError::failure(format_args!("cannot create the directory: {error}")).in_file(dir))
}

/// Trains and shows the epochs; gives the seconds that it took beside the network.
fn train_shown(
    graph: &Graph,
    dataset: &Dataset,
    settings: &TrainSettings,
    seed: u64,
) -> CliResult<(TrainedModel, f64)> {
    let clock = ThreadClock::start();
    let mut progress = EpochProgress::new(settings.epochs);
    let trained = train(graph, dataset, settings, seed, &mut |event| {
        if let Progress::Epoch(report) = event {
            progress.show(report);
        }
        ControlFlow::Continue(())
    });
    progress.finish();
    Ok((trained?, clock.elapsed().as_secs_f64()))
}

/// The experiment whose data and training settings count; its search space does not.
fn draft(args: &TrainArgs) -> CliResult<Draft> {
    check_source(args.data.as_deref())?;
    let mut overrides = Vec::new();
    let base = match &args.preset {
        // Its pruning is that of a search; here --pruning says how.
        Some(preset) => {
            overrides.push("train.pruning=".to_owned());
            Base::Preset(preset)
        }
        None => {
            overrides.push(DEFAULT_DATA.to_owned());
            Base::Defaults
        }
    };
    overrides.extend(args.overrides());
    let draft = experiment::draft(base, &overrides)?;
    if draft.preliminary()?.pruning.is_some() {
        // It has no sparsity for a single network, only a range to search in.
        return Err(CliError::input("`train.pruning` is for a search").hint("use --pruning MODE:SHARE"));
    }
    Ok(draft)
}

/// What the trained network costs.
fn cost(trained: &TrainedNetwork<'_>, settings: &TrainSettings) -> CostRecord {
    let resources = trained.resources(settings.pruning.map(|pruning| pruning.mode), MemoryModel::PUBLISHED);
    CostRecord { model_size: resources.model_size, ..CostRecord::of(&trained.model.graph) }
}

fn save(
    dir: &Path,
    architecture: &Architecture,
    trained: &TrainedNetwork<'_>,
    data: &DataFacts,
) -> CliResult<PathBuf> {
    let path = dir.join(MODEL_FILE);
    let model = SavedModel {
        // There is no run that it could be a trial of.
        trial: 0,
        architecture: architecture.clone(),
        graph: trained.model.graph.clone(),
        weights: trained.model.weights.clone(),
        int8: Some(trained.int8.clone()),
        data: Some(data.clone()),
    };
    model.save(&path)?;
    Ok(path)
}

fn save_result(dir: &Path, document: &TrainJson) -> CliResult {
    let path = dir.join(RESULT_FILE);
    let failed = |error: std::io::Error| {
        CliError::failure(format_args!("cannot write the result: {error}")).in_file(&path)
    };
    let text = serde_json::to_string_pretty(document).map_err(|error| failed(error.into()))?;
    std::fs::write(&path, text + "\n").map_err(failed)
}

fn print(
    dataset: &Dataset,
    trained: &TrainedModel,
    (document, terms): (&TrainJson, Terms),
    output: &mut Output,
) -> CliResult {
    let with_stderr = |of: Metric, error: f64| {
        units::percent_with(error, Some(document.val_stderr).filter(|_| of == terms.driving.metric))
    };
    output.text(curve_table(&trained.curve, Some(trained.best_epoch)))?;
    let cost = &document.cost;
    let mut facts = vec![
        ("data", format!("{}, {} training samples", dataset.name, dataset.train.len())),
        (
            "val. error",
            format!(
                "{} (epoch {})",
                with_stderr(Metric::Error, trained.validation_error),
                trained.best_epoch
            ),
        ),
        ("test error", units::percent_and_last(trained.test_error, trained.last_test_error)),
        (
            "in int8",
            format!(
                "{} (test {})",
                units::percent_or_dash(document.int8_error),
                units::percent_or_dash(document.int8_test_error)
            ),
        ),
    ];
    facts.extend(class_facts(document, with_stderr));
    facts.extend([
        ("±", format!("standard error of the {} of validation", terms.driving.metric.title())),
        ("sparsity", units::percent_or_dash(document.sparsity)),
    ]);
    let memory = PeakMemory {
        model: terms.memory,
        counted: document.objective_peak_memory,
        layers: [cost.peak_memory, cost.peak_memory_with_input],
        streamed: Some([cost.peak_memory_streamed, cost.peak_memory_streamed_with_input]),
    };
    facts.extend(memory.facts());
    facts.extend([
        ("model size", units::bytes(cost.model_size)),
        ("MACs", units::count(cost.macs)),
        ("trained in", units::duration(document.seconds)),
    ]);
    if let Some(model) = &document.model {
        facts.push(("model", model.display().to_string()));
    }
    output.line("")?;
    Ok(output.facts(facts)?)
}

/// The errors that count each class alike.
fn class_facts(
    document: &TrainJson,
    with_stderr: impl Fn(Metric, f64) -> String,
) -> [(&'static str, String); 2] {
    let balanced = with_stderr(Metric::Balanced, document.balanced_error);
    let macro_f1 = with_stderr(Metric::MacroF1, document.macro_f1_error);
    [
        (
            "balanced",
            format!(
                "{balanced} (test {}): each class counts alike",
                units::percent(document.balanced_test_error)
            ),
        ),
        (
            "macro-F1",
            format!("{macro_f1} (test {}): 1 less the mean F1", units::percent(document.macro_f1_test_error)),
        ),
    ]
}

/// The epochs as they are trained: a bar on a terminal, else a line each.
struct EpochProgress {
    bar: ProgressBar,
}

impl EpochProgress {
    fn new(epochs: u32) -> Self {
        let bar = ProgressBar::new(u64::from(epochs));
        bar.set_style(bar_style("epoch {pos}/{len} {bar:40} {elapsed}, {eta} left  {msg}"));
        Self { bar }
    }

    fn show(&mut self, report: &EpochReport) {
        let figures =
            format!("loss {:.4}, val. error {}", report.train_loss, units::percent(report.validation_error));
        if self.bar.is_hidden() {
            message(format_args!("epoch {}: {figures}", report.epoch));
        }
        self.bar.set_message(figures);
        self.bar.set_position(u64::from(report.epoch));
    }

    fn finish(self) {
        self.bar.finish_and_clear();
    }
}
