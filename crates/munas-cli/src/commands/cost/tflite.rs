//! `munas cost MODEL.tflite`: the resources of a model from elsewhere.

use std::fs;
use std::path::Path;

use munas_cost::Timeline;
use munas_export::tflite::{Model, ModelCost, TensorIndex};
use munas_report::{Align, Table, units};
use serde::Serialize;

use crate::args::Format;
use crate::error::{CliError, CliResult};
use crate::output::{Output, STRONG};

/// The resources of a model, as printed.
#[derive(Debug, Serialize)]
struct ModelRecord {
    /// Bytes at the worst step of the best order, without the inputs; an Add may accumulate in place.
    peak_memory: u64,
    peak_memory_with_input: u64,
    /// Bytes of the parameters.
    model_size: u64,
    macs: u64,
    exact: bool,
    layers: Vec<OperatorRecord>,
    file_order: OrderRecord,
    /// The best order for the file's runtime, which does nothing in place.
    best_order: OrderRecord,
}

#[derive(Debug, Serialize)]
struct OrderRecord {
    peak_memory_with_input: u64,
}

#[derive(Debug, Serialize)]
struct OperatorRecord {
    kind: String,
    out: Vec<u64>,
    macs: u64,
    parameters: u64,
}

/// Prices the file and prints.
pub fn run(path: &Path, format: Format, output: &mut Output) -> CliResult {
    let bytes = fs::read(path)
        .map_err(|error| CliError::input(format_args!("cannot read: {error}")).in_file(path))?;
    let refused = |error| CliError::input(error).in_file(path);
    let model = Model::read(&bytes).map_err(refused)?;
    let cost = model.cost().map_err(refused)?;
    if format.json {
        output.json(&record(&cost))?;
        return Ok(());
    }
    print(&model, &cost, output)
}

fn record(cost: &ModelCost) -> ModelRecord {
    let layers = cost.operators.iter().map(|operator| OperatorRecord {
        kind: operator.name.clone(),
        out: operator.output_shape.clone(),
        macs: operator.macs,
        parameters: operator.parameters,
    });
    ModelRecord {
        peak_memory: cost.peak_memory,
        peak_memory_with_input: cost.peak_memory_with_input,
        model_size: cost.model_size,
        macs: cost.macs,
        exact: cost.exact,
        layers: layers.collect(),
        file_order: OrderRecord { peak_memory_with_input: cost.file_order.peak },
        best_order: OrderRecord { peak_memory_with_input: cost.best_order.peak },
    }
}

fn print(model: &Model<'_>, cost: &ModelCost, output: &mut Output) -> CliResult {
    let rows = [
        ("peak memory, order of the file", units::bytes(cost.file_order.peak), cost.file_order.peak),
        ("peak memory, best order", units::bytes(cost.best_order.peak), cost.best_order.peak),
        ("  with Adds in place", units::bytes(cost.peak_memory_with_input), cost.peak_memory_with_input),
        ("  and without the input", units::bytes(cost.peak_memory), cost.peak_memory),
        ("model size", units::bytes(cost.model_size), cost.model_size),
        ("MACs", units::count(cost.macs), cost.macs),
    ];
    for (name, text, exact) in rows {
        output.line(format_args!("{name:<32}{text:>9}  ({exact})"))?;
    }
    if !cost.exact {
        output.line("(the best order is a good one, not provably the best)")?;
    }
    output.line(format_args!("\n{STRONG}Operators{STRONG:#}"))?;
    output.text(operator_table(cost).render())?;
    output.line(format_args!(
        "\n{STRONG}Memory while each operator runs, in the order of the file{STRONG:#}"
    ))?;
    output.text(memory_table(model, cost, &cost.file_order).render())?;
    Ok(())
}

fn operator_table(cost: &ModelCost) -> Table {
    let right = |title| (title, Align::Right);
    let mut table = Table::new(&[
        right("#"),
        ("operator", Align::Left),
        right("output"),
        right("parameters"),
        right("MACs"),
    ]);
    for (index, operator) in cost.operators.iter().enumerate() {
        let dims: Vec<String> = operator.output_shape.iter().map(ToString::to_string).collect();
        table.row([
            (index + 1).to_string(),
            operator.name.clone(),
            dims.join("×"),
            operator.parameters.to_string(),
            operator.macs.to_string(),
        ]);
    }
    table
}

fn memory_table(model: &Model<'_>, cost: &ModelCost, timeline: &Timeline<TensorIndex>) -> Table {
    let mut table =
        Table::new(&[("operator", Align::Left), ("memory", Align::Right), ("alive", Align::Left)]);
    for step in &timeline.steps {
        let alive = step
            .live
            .iter()
            .map(|live| format!("{} {}", model.tensor(live.tensor).name, units::bytes(live.bytes)));
        let operator = step.op.index();
        table.row([
            format!("{} {}", operator + 1, cost.operators[operator].name),
            units::bytes(step.bytes),
            alive.collect::<Vec<_>>().join(" + "),
        ]);
    }
    table
}
