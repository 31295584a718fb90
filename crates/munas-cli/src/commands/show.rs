//! `munas show`: one trial of a run.

use std::path::PathBuf;

use munas_app::exported::Exported;
use munas_app::interface::InterfaceJson;
use munas_app::price::{CostRecord, LayerRecord};
use munas_app::records::{AttemptJson, EpochJson, TrialJson};
use munas_app::{PeakMemory, UserResult};
use munas_cost::{Execution, NetworkInput};
use munas_report::{
    Network, RowsView, attempts_table, classes_table, curve_table, epochs_cell, finalist_errors,
    further_objectives, objective_cell, objective_title, outline, shown_input, units,
};
use munas_run::{
    Confusions, Driving, DrivingError, Finalist, Metric, Outcome, RunReader, TrialDetails, TrialRecord,
    TrialState, finalist, finalists, refined_path, trial,
};
use munas_train::Confusion;
use serde::Serialize;

use super::cost::print_rows;
use crate::args::ShowArgs;
use crate::output::{Output, STRONG};

#[derive(Debug, Serialize)]
struct ShowJson {
    #[serde(flatten)]
    trial: TrialJson,
    layers: Vec<LayerRecord>,
    /// The steps of the best operator order.
    memory: Vec<StepJson>,
    /// The parts of execution in rows, with the input as the search counts it, or row by row.
    schedule: Vec<PartJson>,
    curve: Vec<EpochJson>,
    /// What workers in other processes were given of it.
    attempts: Vec<AttemptJson>,
    /// For networks on the front: which classes are taken for which; null for others.
    confusion: Option<ConfusionJson>,
    /// Where the weights are, if they are kept.
    model: Option<PathBuf>,
    /// What its int8 form takes and gives, if it is kept.
    interface: Option<InterfaceJson>,
}

/// `[true class][predicted class]`, in the order of `classes`.
#[derive(Debug, Serialize)]
struct ConfusionJson {
    classes: Vec<String>,
    validation: Vec<Vec<u64>>,
    test: Vec<Vec<u64>>,
}

impl ConfusionJson {
    fn new(class_names: &[String], confusions: &Confusions) -> Self {
        let rows = |confusion: &Confusion| confusion.rows().map(<[u64]>::to_vec).collect();
        Self {
            classes: class_names.to_vec(),
            validation: rows(&confusions.validation),
            test: rows(&confusions.test),
        }
    }
}

/// The memory in use while one operator runs.
#[derive(Debug, Serialize)]
struct StepJson {
    /// Position of the operator in `layers`.
    layer: usize,
    bytes: u64,
    /// The tensors alive: 0 is the input, i + 1 what layer i produces.
    tensors: Vec<TensorJson>,
}

#[derive(Debug, Serialize)]
struct TensorJson {
    tensor: usize,
    bytes: u64,
}

/// Operators that run together.
#[derive(Debug, Serialize)]
struct PartJson {
    /// `rows`, or `layers`: one after the other in full.
    execution: &'static str,
    /// Positions in `layers`, in the order of execution.
    operators: Vec<usize>,
    /// At its worst.
    bytes: u64,
    /// In rows: the tensors that rows are kept of.
    rings: Vec<RingJson>,
    /// In rows: bytes of 32-bit sums.
    sums: u64,
}

#[derive(Debug, Serialize)]
struct RingJson {
    tensor: usize,
    rows: usize,
    bytes: u64,
}

/// Prints one trial.
pub fn run(args: &ShowArgs, output: &mut Output) -> UserResult {
    let reader = RunReader::open(&args.dir)?;
    let details = trial(&reader, args.trial)?;
    let finalists = finalists(&reader)?;
    let network = Network::new(details.record.graph(reader.task()));
    let interface = interface(&reader, args.trial, output);
    let input = shown_input(details.record.memory);
    if args.format.json {
        let document = ShowJson {
            trial: TrialJson::new(&details.record, &reader, &finalists),
            layers: CostRecord::of(network.graph()).layers,
            memory: memory(&network),
            schedule: schedule(&network.in_rows(input)),
            curve: details.curve.iter().map(EpochJson::from).collect(),
            attempts: details.attempts.iter().map(AttemptJson::from).collect(),
            confusion: details
                .confusions
                .as_ref()
                .map(|confusions| ConfusionJson::new(&reader.task().class_names, confusions)),
            model: reader.model_path(args.trial),
            interface,
        };
        output.json(&document)?;
        return Ok(());
    }
    print_head(&reader, &details, output)?;
    if let Some(finalist) = finalists.iter().find(|finalist| finalist.trial == args.trial) {
        output.facts(finalist_facts(&reader, finalist))?;
    }
    if let Some(interface) = interface {
        output.facts(interface.facts())?;
    }
    if let Some(confusions) = &details.confusions {
        output.line(format_args!("\n{STRONG}Classes{STRONG:#}"))?;
        output.text(classes_table(&reader.task().class_names, confusions))?;
    }
    output.line(format_args!("\n{STRONG}Layers{STRONG:#}"))?;
    output.text(network.layer_table())?;
    output.line(format_args!("\n{STRONG}Memory while each operator runs, in the best order{STRONG:#}"))?;
    output.text(network.memory_table())?;
    print_rows(&network, input, output)?;
    if !details.curve.is_empty() {
        output.line(format_args!("\n{STRONG}Training{STRONG:#}"))?;
        output
            .text(curve_table(&details.curve, details.record.outcome().map(|outcome| outcome.best_epoch)))?;
    }
    if !details.attempts.is_empty() {
        output.line(format_args!("\n{STRONG}Attempts{STRONG:#}"))?;
        output.text(attempts_table(&details.attempts))?;
    }
    Ok(())
}

/// What came of training the network anew.
fn finalist_facts(reader: &RunReader, finalist: &Finalist) -> Vec<(&'static str, String)> {
    let [validation, test] = finalist_errors(finalist);
    let epochs = finalist.trainings.first().map_or(0, |training| training.epochs);
    let trainings = finalist.done().count();
    let mut facts = vec![(
        "trained anew",
        format!(
            "{trainings} times for {epochs} epochs: val. {validation}, test in int8 {test} (± standard deviation over the seeds)"
        ),
    )];
    if let (Some(best), Some(path)) = (finalist.best(), refined_path(reader, finalist)) {
        facts.push(("exported", format!("training {}, {}", best.number, path.display())));
    }
    facts
}

/// What the int8 network takes and gives. Weights that cannot be read are told, and the rest of the trial is shown.
fn interface(reader: &RunReader, trial: u64, output: &mut Output) -> Option<InterfaceJson> {
    let is_refined = finalist(reader, trial).is_ok_and(|finalist| finalist.is_some());
    if reader.model_path(trial).is_none() && !is_refined {
        return None;
    }
    match Exported::load(reader, trial, false) {
        Ok(exported) => Some(InterfaceJson::of(&exported)),
        Err(error) => {
            output.error(&error);
            None
        }
    }
}

fn print_head(reader: &RunReader, details: &TrialDetails, output: &mut Output) -> UserResult {
    let record = &details.record;
    let resources = &record.candidate.resources;
    let state = match &record.state {
        TrialState::Failed(reason) => format!("failed: {reason}"),
        state => state.name().to_owned(),
    };
    let mut facts = vec![
        ("trial", format!("{} ({state})", record.trial)),
        ("network", outline(&record.candidate.architecture)),
    ];
    facts.extend(peak_memory(reader, record).facts());
    facts.push(("model size", units::bytes(resources.model_size)));
    facts.push(("MACs", units::count(resources.macs)));
    for objective in further_objectives(std::slice::from_ref(record)) {
        facts.push((objective_title(objective, record.terms()), objective_cell(record, objective)));
    }
    if let (Some(target), Some(pruned)) = (record.candidate.sparsity, &record.pruned) {
        let sparsity = format!("{} (target {})", units::percent(pruned.sparsity), units::percent(target));
        facts.push(("sparsity", sparsity));
    }
    if let Some(outcome) = record.outcome() {
        if !record.is_whole() {
            facts.push(("epochs", format!("{}: what is known of it so far", epochs_cell(record))));
        }
        facts.extend(outcome_facts(record, outcome));
        let inside = if record.in_bounds(&reader.experiment().bounds) { "yes" } else { "no" };
        facts.push(("in bounds", inside.to_owned()));
    }
    if let Some(model) = reader.model_path(record.trial) {
        facts.push(("weights", model.display().to_string()));
    }
    Ok(output.facts(facts)?)
}

fn peak_memory(reader: &RunReader, record: &TrialRecord) -> PeakMemory {
    let resources = &record.candidate.resources;
    let streamed = |input| record.peak_memory_streamed(reader.task(), input);
    PeakMemory {
        model: record.memory,
        counted: resources.bounded_peak(),
        layers: [resources.peak_memory, resources.peak_memory_with_input],
        streamed: streamed(NetworkInput::External).zip(streamed(NetworkInput::Rows)).map(Into::into),
    }
}

/// What the training of a trial came to.
fn outcome_facts(record: &TrialRecord, outcome: &Outcome) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    let metric = record.driving.metric;
    let driving = record.driving;
    let stderr = |error: DrivingError, of: Metric| {
        record.stderr().filter(|_| driving == Driving { error, metric: of })
    };
    let float = |of: Metric| stderr(DrivingError::Float, of);
    facts.push(("val. error", units::percent_with(outcome.validation_error, float(Metric::Error))));
    if let Some(error) = outcome.in_int8(metric) {
        let error = units::percent_with(error, stderr(DrivingError::Int8, metric));
        let of = if metric == Metric::Error { "" } else { metric.title() };
        facts.push(("in int8", format!("{error} ({})", [of, "validation"].join(" ").trim_start())));
    }
    facts.push(("test error", units::percent_and_last(outcome.test_error, outcome.last_test_error)));
    if let (Some(validation), Some(test)) = (outcome.balanced_error, outcome.balanced_test_error) {
        let validation = units::percent_with(validation, float(Metric::Balanced));
        let test = units::percent(test);
        facts
            .push(("balanced", format!("{validation} (validation), {test} (test): each class counts alike")));
    }
    if let (Some(validation), Some(test)) = (outcome.macro_f1_error, outcome.macro_f1_test_error) {
        let validation = units::percent_with(validation, float(Metric::MacroF1));
        facts.push((
            "macro-F1",
            format!("{validation} (validation), {} (test): 1 less the mean F1", units::percent(test)),
        ));
    }
    if outcome.folds > 1 {
        let folds =
            format!("{}: validation errors are the means over them; all else is of the first", outcome.folds);
        facts.push(("folds", folds));
    }
    if outcome.validation_stderr.is_some() {
        facts.push(("±", format!("standard error of the {}", driving.title())));
    }
    if metric != Metric::Error {
        facts.push(("search.metric", format!("{metric}: the {} drives the search", metric.title())));
    }
    facts.push(("trained in", units::duration(outcome.train_seconds)));
    facts
}

fn schedule(rows: &RowsView<'_>) -> Vec<PartJson> {
    let parts = rows.parts().map(|(part, memory)| PartJson {
        execution: match part.execution {
            Execution::Rows => "rows",
            Execution::Layers => "layers",
        },
        operators: part.ops.iter().map(|op| op.index()).collect(),
        bytes: memory.bytes,
        rings: memory
            .rings
            .iter()
            .map(|ring| RingJson { tensor: ring.tensor.index(), rows: ring.rows, bytes: ring.bytes })
            .collect(),
        sums: memory.sums,
    });
    parts.collect()
}

fn memory(network: &Network) -> Vec<StepJson> {
    let steps = network.timeline().steps.iter().map(|step| StepJson {
        layer: step.op.index(),
        bytes: step.bytes,
        tensors: step
            .live
            .iter()
            .map(|live| TensorJson { tensor: live.tensor.index(), bytes: live.bytes })
            .collect(),
    });
    steps.collect()
}
