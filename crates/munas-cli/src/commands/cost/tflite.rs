//! `munas cost MODEL.tflite`: the resources of a model from elsewhere.

use std::fs;
use std::path::Path;

use munas_app::interface::conversion_facts;
use munas_app::price::{ModelRecord, knows_all_macs};
use munas_app::{UserError, UserResult};
use munas_cost::Timeline;
use munas_cost::boards::Board;
use munas_export::tflite::{Interface, Model, ModelCost, TensorIndex, Unpriced, UnpricedPlace};
use munas_report::{Align, Table, units};
use serde::Serialize;

use super::latency::{BoardRecord, LatencyRecord};
use crate::args::Format;
use crate::output::{Output, STRONG};

/// The resources of a model, with what a board makes of them.
#[derive(Debug, Serialize)]
struct ModelOnBoard {
    #[serde(flatten)]
    model: ModelRecord,
    #[serde(flatten)]
    on_board: Option<OnBoard>,
}

/// The model on a board.
#[derive(Debug, Serialize)]
struct OnBoard {
    /// Null if no operator is one that munas has a kernel for.
    latency: Option<LatencyRecord>,
    /// The operators that are not in it.
    latency_unknown: Vec<usize>,
    board: BoardRecord,
}

/// Prices the file, on a board and at a rate if there are any, and prints.
pub fn run(
    path: &Path,
    board: Option<(&Board, Option<f64>)>,
    format: Format,
    output: &mut Output,
) -> UserResult {
    let bytes = fs::read(path)
        .map_err(|error| UserError::input(format_args!("cannot read: {error}")).in_file(path))?;
    let refused = |error| UserError::input(error).in_file(path);
    let model = Model::read(&bytes).map_err(refused)?;
    let cost = model.cost().map_err(refused)?;
    let on_board = board.map(|(board, rate)| on_board(&model, &cost, board, rate));
    if format.json {
        output.json(&ModelOnBoard { model: ModelRecord::of(&model, &cost), on_board })?;
        return Ok(());
    }
    print(&model, &cost, on_board.as_ref(), output)
}

/// The runtime of a file is the one that keeps its order and copies its input.
fn on_board(model: &Model<'_>, cost: &ModelCost, board: &Board, rate: Option<f64>) -> OnBoard {
    let latency = model.latency(cost, board);
    let is_known = !latency.estimate.operators.is_empty();
    OnBoard {
        latency: is_known.then(|| LatencyRecord::new(&latency.estimate, board, rate)),
        latency_unknown: latency.unknown,
        board: BoardRecord::of_parameters(board, cost.file_order.peak, cost.model_size),
    }
}

/// Columns of the names of figures.
const WIDTH: usize = 32;

fn print(model: &Model<'_>, cost: &ModelCost, on_board: Option<&OnBoard>, output: &mut Output) -> UserResult {
    let is_unsized = |unpriced: &Unpriced| matches!(unpriced.place, UnpricedPlace::Tensor(_));
    let memory_note = if cost.unpriced.iter().any(is_unsized) { ", at least" } else { "" };
    let macs_note = if knows_all_macs(cost) { "" } else { ", at least" };
    let memory = |name, bytes| (name, units::bytes(bytes), bytes, memory_note);
    let rows = [
        memory("peak memory, order of the file", cost.file_order.peak),
        memory("peak memory, best order", cost.best_order.peak),
        memory("  with Adds in place", cost.peak_memory_with_input),
        memory("  and without the input", cost.peak_memory),
    ];
    let streamed = cost.streamed.iter().flat_map(|streamed| {
        [
            memory("streamed peak memory with input", streamed.peak_memory_with_input),
            memory("  and without the input", streamed.peak_memory),
        ]
    });
    let sizes = [
        ("model size", units::bytes(cost.model_size), cost.model_size, ""),
        ("MACs", units::count(cost.macs), cost.macs, macs_note),
    ];
    let rows = rows.into_iter().chain(streamed).chain(sizes);
    for (name, text, exact, note) in rows {
        output.line(format_args!("{name:<WIDTH$}{text:>9}  ({exact}{note})"))?;
    }
    match &cost.streamed {
        Ok(streamed) => output.line(format_args!(
            "(streamed: {} of {} operators run in rows)",
            streamed.in_rows,
            cost.operators.len()
        ))?,
        Err(reason) => output.line(format_args!("(no figure in rows: {reason})"))?,
    }
    if !cost.exact && cost.unpriced.is_empty() {
        output.line("(the best order is a good one, not provably the best)")?;
    }
    if let Some(on_board) = on_board {
        print_on_board(cost, on_board, output)?;
    }
    print_interface(model, output)?;
    print_unpriced(&cost.unpriced, output)?;
    output.line(format_args!("\n{STRONG}Operators{STRONG:#}"))?;
    output.text(operator_table(cost).render())?;
    output.line(format_args!(
        "\n{STRONG}Memory while each operator runs, in the order of the file{STRONG:#}"
    ))?;
    output.text(memory_table(model, cost, &cost.file_order).render())?;
    Ok(())
}

fn print_on_board(cost: &ModelCost, on_board: &OnBoard, output: &mut Output) -> UserResult {
    let OnBoard { latency, latency_unknown, board } = on_board;
    board.print(WIDTH, output)?;
    let mut names: Vec<&str> =
        latency_unknown.iter().map(|operator| &*cost.operators[*operator].name).collect();
    names.sort_unstable();
    names.dedup();
    match latency {
        Some(latency) => {
            latency.print(WIDTH, names.is_empty(), output)?;
            output.line("(as the C kernels of `munas export` compute it; an interpreter takes longer)")?;
            if !names.is_empty() {
                output
                    .line(format_args!("(without {}, for which there is no estimate)", names.join(", ")))?;
            }
        }
        None => output.line(format_args!(
            "{:<WIDTH$}  unknown: no operator in int8 of a kind that munas exports",
            "latency"
        ))?,
    }
    Ok(())
}

/// What a file of munas says about its input and classes.
fn print_interface(model: &Model<'_>, output: &mut Output) -> UserResult {
    const MOST_NAMES: usize = 12;
    let Some(Interface { input, classes }) = model.interface() else { return Ok(()) };
    output.line("")?;
    output.facts(input.iter().flat_map(conversion_facts))?;
    if !classes.is_empty() {
        let more = if classes.len() > MOST_NAMES { ", …" } else { "" };
        let names: Vec<&str> = classes.iter().take(MOST_NAMES).map(String::as_str).collect();
        output.facts([("classes", format!("{}: {}{more}", classes.len(), names.join(", ")))])?;
    }
    Ok(())
}

/// What the figures lack, things of the same kind on one line.
fn print_unpriced(unpriced: &[Unpriced], output: &mut Output) -> UserResult {
    if unpriced.is_empty() {
        return Ok(());
    }
    output.line(format_args!("\n{STRONG}Not in the figures{STRONG:#}"))?;
    let mut told: Vec<(&Unpriced, usize)> = Vec::new();
    for item in unpriced {
        let is_alike = |other: &Unpriced| (&other.name, &other.reason) == (&item.name, &item.reason);
        match told.iter_mut().find(|(other, _)| is_alike(other)) {
            Some((_, count)) => *count += 1,
            None => told.push((item, 1)),
        }
    }
    for (Unpriced { place, name, reason }, count) in told {
        let what = match place {
            UnpricedPlace::Operator(index) => format!("operator {} {name}", index + 1),
            UnpricedPlace::Tensor(index) => format!("tensor {index} {name}"),
        };
        let more = if count > 1 { format!(" and {} more", count - 1) } else { String::new() };
        output.line(format_args!("{what}{more}: {reason}"))?;
    }
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
            operator.macs.map_or_else(|| "unknown".to_owned(), |macs| macs.to_string()),
        ]);
    }
    table
}

fn memory_table(model: &Model<'_>, cost: &ModelCost, timeline: &Timeline<TensorIndex>) -> Table {
    let mut table =
        Table::new(&[("operator", Align::Left), ("memory", Align::Right), ("alive", Align::Left)]);
    for step in &timeline.steps {
        let alive = step.live.iter().map(|live| {
            let bytes = units::bytes(live.bytes);
            match &*model.tensor(live.tensor).name {
                "" => format!("tensor {} {bytes}", live.tensor.index()),
                name => format!("{name} {bytes}"),
            }
        });
        let operator = step.op.index();
        table.row([
            format!("{} {}", operator + 1, cost.operators[operator].name),
            units::bytes(step.bytes),
            alive.collect::<Vec<_>>().join(" + "),
        ]);
    }
    table
}
