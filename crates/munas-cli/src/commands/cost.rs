//! `munas cost`: the exact resources of architectures.

mod latency;
mod tflite;

use std::path::Path;

use munas_app::architecture::{InputDims, check_classes, parse_kind, read_architecture};
use munas_app::price::CostRecord;
use munas_app::{UserError, UserResult, read_input};
use munas_cost::NetworkInput;
use munas_ir::{Graph, Shape};
use munas_report::{Align, Network, Table, units};
use munas_space::{Architecture, Kind};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::args::CostArgs;
use crate::output::{Output, STRONG};
use latency::{BoardRecord, LatencyRecord, find_board};

/// The resources of one architecture, with what a board makes of them.
#[derive(Debug, Serialize)]
struct CostOnBoard {
    #[serde(flatten)]
    cost: CostRecord,
    #[serde(skip_serializing_if = "Option::is_none")]
    latency: Option<LatencyRecord>,
    #[serde(skip_serializing_if = "Option::is_none")]
    board: Option<BoardRecord>,
}

/// A file of many architectures. Other fields, such as the expected figures of the fixtures, are not read.
#[derive(Debug, Deserialize)]
struct CasesFile {
    space: String,
    cases: Vec<Case>,
}

#[derive(Debug, Deserialize)]
struct Case {
    input: [usize; 3],
    classes: usize,
    arch: Value,
}

/// Prices what the arguments name.
pub fn run(args: &CostArgs, output: &mut Output) -> UserResult {
    let board = args.board.as_deref().map(|name| find_board(name, args.board_file.as_deref())).transpose()?;
    if let Some(model) = &args.model {
        return tflite::run(model, board.as_ref().map(|board| (board, args.rate)), args.format, output);
    }
    if let Some(path) = &args.cases {
        return print_cases(path, args, output);
    }
    let (Some(path), Some(space), Some(input), Some(classes)) =
        (&args.arch, &args.space, args.input, args.classes)
    else {
        return Err(UserError::input("nothing to price").hint(
            "give --space, --arch, --input and --classes, or --cases; `munas cost --help` has examples",
        ));
    };
    let architecture = read_architecture(parse_kind(space)?, path)?;
    let graph = architecture.lower(shape(input), classes);
    let latency =
        board.as_ref().map(|board| LatencyRecord::new(&munas_cost::latency(&graph, board), board, args.rate));
    let cost = CostRecord::of(&graph);
    let board = board.map(|board| {
        // What is exported for a board runs in rows.
        BoardRecord::of_network(
            &board,
            cost.peak_memory_streamed_with_input,
            munas_cost::flash(&graph, &board),
        )
    });
    if args.format.json {
        output.json(&CostOnBoard { cost, latency, board })?;
        return Ok(());
    }
    print_one(graph, &cost, latency.zip(board), output)
}

fn shape(dims: InputDims) -> Shape {
    Shape::new(dims.height, dims.width, dims.channels)
}

/// Columns of the names of figures.
const WIDTH: usize = 32;

fn print_one(
    graph: Graph,
    cost: &CostRecord,
    on_board: Option<(LatencyRecord, BoardRecord)>,
    output: &mut Output,
) -> UserResult {
    let rows = [
        ("peak memory", units::bytes(cost.peak_memory), cost.peak_memory),
        ("peak memory with input", units::bytes(cost.peak_memory_with_input), cost.peak_memory_with_input),
        ("streamed peak memory", units::bytes(cost.peak_memory_streamed), cost.peak_memory_streamed),
        (
            "streamed peak memory with input",
            units::bytes(cost.peak_memory_streamed_with_input),
            cost.peak_memory_streamed_with_input,
        ),
        ("model size", units::bytes(cost.model_size), cost.model_size),
        ("MACs", units::count(cost.macs), cost.macs),
    ];
    for (name, text, exact) in rows {
        output.line(format_args!("{name:<WIDTH$}{text:>9}  ({exact})"))?;
    }
    if let Some((latency, board)) = on_board {
        board.print(WIDTH, output)?;
        latency.print(WIDTH, true, output)?;
    }
    if !cost.exact {
        output.line("(the operator order is a good one, not provably the best)")?;
    }
    let network = Network::new(graph);
    output.line(format_args!("\n{STRONG}Layers{STRONG:#}"))?;
    output.text(network.layer_table())?;
    output.line(format_args!("\n{STRONG}Memory while each operator runs, in the best order{STRONG:#}"))?;
    output.text(network.memory_table())?;
    print_rows(&network, NetworkInput::Rows, output)
}

/// Prints how a network is executed in rows.
///
/// # Errors
/// If standard output cannot be written.
pub fn print_rows(network: &Network, input: NetworkInput, output: &mut Output) -> UserResult {
    let rows = network.in_rows(input);
    output.line(format_args!("\n{STRONG}Memory in rows (streamed), input: {input}{STRONG:#}"))?;
    if rows.is_any() {
        output.text(rows.table())?;
    } else {
        output.line("no part of it takes less in rows: every operator runs in full")?;
    }
    Ok(())
}

fn print_cases(path: &Path, args: &CostArgs, output: &mut Output) -> UserResult {
    let file: CasesFile = serde_json::from_str(&read_input(path)?).map_err(|error| {
        UserError::input(format_args!("not a file of cases: {error}"))
            .in_file(path)
            .hint(r#"the form is {"space":"cnn2d","cases":[{"input":[28,28,1],"classes":10,"arch":{…}},…]}"#)
    })?;
    let kind = parse_kind(args.space.as_deref().unwrap_or(&file.space))
        .map_err(|error| error.at(format_args!("in {}, `space`", path.display())))?;
    let graphs = file.cases.iter().enumerate().map(|(index, case)| {
        lower_case(kind, case).map_err(|problem| {
            UserError::input(problem).at(format_args!("in {}, cases[{index}]", path.display()))
        })
    });
    let graphs: Vec<Graph> = graphs.collect::<UserResult<_>>()?;
    let records: Vec<CostRecord> = graphs.iter().map(CostRecord::of).collect();
    if args.format.json {
        output.json(&records)?;
        return Ok(());
    }
    let columns =
        ["case", "peak memory", "with input", "streamed", "with input", "model size", "MACs", "layers"];
    let mut table = Table::new(&columns.map(|title| (title, Align::Right)));
    for (index, record) in records.iter().enumerate() {
        let figures = [
            record.peak_memory,
            record.peak_memory_with_input,
            record.peak_memory_streamed,
            record.peak_memory_streamed_with_input,
            record.model_size,
            record.macs,
            record.layers.len() as u64,
        ];
        table.row([index as u64].into_iter().chain(figures).map(|figure| figure.to_string()));
    }
    output.text(table.render())?;
    Ok(())
}

fn lower_case(kind: Kind, case: &Case) -> Result<Graph, String> {
    let input = InputDims::new(case.input).map_err(|problem| format!("input: {problem}"))?;
    let classes = check_classes(case.classes).map_err(|problem| format!("classes: {problem}"))?;
    let architecture = Architecture::from_json(kind, &case.arch).map_err(|error| format!("arch: {error}"))?;
    Ok(architecture.lower(shape(input), classes))
}
