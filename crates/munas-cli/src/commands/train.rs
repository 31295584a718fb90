//! `munas train`: one architecture, trained as an experiment would.

use std::ops::ControlFlow;
use std::path::Path;

use indicatif::ProgressBar;
use munas_app::architecture::{parse_kind, read_architecture};
use munas_app::experiment::{self, Base, check_source, resolve};
use munas_app::single::{Trained, TrainedJson, train};
use munas_app::{PeakMemory, UserError, UserResult};
use munas_data::Dataset;
use munas_report::{curve_table, units};
use munas_run::{Draft, Metric, Terms};
use munas_train::EpochReport;

use crate::args::TrainArgs;
use crate::output::{Output, bar_style, message};
use crate::reading::load_to_train;

/// The data that are trained on when none are named.
const DEFAULT_DATA: &str = "data.source=glyphs";
const MODEL_FILE: &str = "model.safetensors";
const RESULT_FILE: &str = "result.json";

/// Trains and prints.
pub fn run(args: &TrainArgs, output: &mut Output) -> UserResult {
    let kind = parse_kind(&args.space)?;
    let architecture = read_architecture(kind, &args.arch)?;
    let draft = draft(args)?;
    // Before minutes go into training.
    args.out.as_deref().map(create).transpose()?;
    let dataset = load_to_train(&draft, output)?;
    let experiment = resolve(&draft, &dataset)?;
    let pruning = args.options.pruning.map(|pruning| pruning.over(experiment.train.epochs));
    let mut progress = EpochProgress::new(experiment.train.epochs);
    let trained = train(&architecture, (&experiment, &dataset), pruning, &mut |report| {
        progress.show(report);
        ControlFlow::Continue(())
    });
    progress.finish();
    let Trained { model, curve, mut document } = trained?;
    if let Some(dir) = &args.out {
        let path = dir.join(MODEL_FILE);
        model.save(&path)?;
        document.model = Some(path);
    }
    if let Some(dir) = &args.out {
        save_result(dir, &document)?;
    }
    if args.format.json {
        output.json(&document)?;
        return Ok(());
    }
    print(&dataset, &curve, (&document, experiment.terms()), output)
}

fn create(dir: &Path) -> UserResult {
    std::fs::create_dir_all(dir).map_err(|error| {
        UserError::failure(format_args!("cannot create the directory: {error}")).in_file(dir)
    })
}

/// The experiment whose data and training settings count; its search space does not.
fn draft(args: &TrainArgs) -> UserResult<Draft> {
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
        return Err(UserError::input("`train.pruning` is for a search").hint("use --pruning MODE:SHARE"));
    }
    Ok(draft)
}

fn save_result(dir: &Path, document: &TrainedJson) -> UserResult {
    let path = dir.join(RESULT_FILE);
    let failed = |error: std::io::Error| {
        UserError::failure(format_args!("cannot write the result: {error}")).in_file(&path)
    };
    let text = serde_json::to_string_pretty(document).map_err(|error| failed(error.into()))?;
    std::fs::write(&path, text + "\n").map_err(failed)
}

fn print(
    dataset: &Dataset,
    curve: &[EpochReport],
    (document, terms): (&TrainedJson, Terms),
    output: &mut Output,
) -> UserResult {
    let with_stderr = |of: Metric, error: f64| {
        units::percent_with(error, Some(document.val_stderr).filter(|_| of == terms.driving.metric))
    };
    output.text(curve_table(curve, Some(document.best_epoch)))?;
    let cost = &document.cost;
    let mut facts = vec![
        ("data", format!("{}, {} training samples", dataset.name, dataset.train.len())),
        (
            "val. error",
            format!("{} (epoch {})", with_stderr(Metric::Error, document.val_error), document.best_epoch),
        ),
        ("test error", units::percent_and_last(document.test_error, document.last_test_error)),
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
    document: &TrainedJson,
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
