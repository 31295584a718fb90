//! The C text of the arena and of the functions that run the network: `munas_invoke`, and those that take its input row by row.

use munas_cost::{Execution, NetworkInput};
use munas_ir::{OpId, Shape, TensorId};

use super::Model;
use super::layer::Kernel;
use super::rows::{Intake, RowsPart, RowsText, Streamed};

/// The arena and the functions of the header.
pub(super) fn functions(model: &Model<'_>) -> String {
    let alignment =
        if model.plan.sums.iter().any(Option::is_some) { " __attribute__((aligned(4)))" } else { "" };
    let mut text = format!("\nstatic int8_t munas_arena[MUNAS_ARENA_SIZE]{alignment} MUNAS_ARENA;\n");
    let parts = parts(model);
    text += &counters(model, &parts);
    for part in &parts {
        text += &part.definition;
    }
    let output = model.place(model.network.graph().output());
    let store = format!(
        "    for (munas_size i = 0; i < MUNAS_OUTPUT_SIZE; i++) {{\n        output[i] = ({output})[i];\n    }}\n    return 0;\n}}\n"
    );
    if model.settings.memory.input == NetworkInput::Rows {
        return text + &by_rows(model, &parts, &store);
    }
    let mut prologue = String::new();
    if model.settings.memory.input == NetworkInput::Buffer {
        let input = model.place(TensorId::INPUT);
        text += &format!("\nint8_t *munas_input(void) {{\n    return {input};\n}}\n");
        prologue = format!(
            "    for (munas_size i = 0; input != {input} && i < MUNAS_INPUT_SIZE; i++) {{\n        \
             ({input})[i] = input[i];\n    }}\n"
        );
    }
    let calls: String = parts.iter().map(|part| part.calls.as_str()).collect();
    text + &format!(
        "\nint munas_invoke(const int8_t *input, int8_t *output) {{\n    \
         if (!input || !output) {{\n        return 1;\n    }}\n{prologue}{calls}{store}"
    )
}

/// The text of a part of the schedule.
struct PartText {
    /// What stands before the functions of the header.
    definition: String,
    /// The statements that run it.
    calls: String,
    rows: Option<RowsText>,
}

/// The parts in the order of execution; one, where the network runs layer by layer.
fn parts(model: &Model<'_>) -> Vec<PartText> {
    let layers = |ops: &[OpId]| PartText { definition: String::new(), calls: calls(model, ops), rows: None };
    let (Some(schedule), Some(streamed)) = (&model.plan.schedule, &model.streamed) else {
        return vec![layers(&model.plan.order)];
    };
    let mut tensor_in = TensorId::INPUT;
    let parts = schedule.parts.iter().enumerate().map(|(number, part)| {
        let text = match part.execution {
            Execution::Layers => layers(&part.ops),
            Execution::Rows => in_rows(model, streamed, number, tensor_in),
        };
        tensor_in = part.ops.iter().max().expect("a part has an operator").output();
        text
    });
    parts.collect()
}

fn in_rows(model: &Model<'_>, streamed: &Streamed, number: usize, tensor_in: TensorId) -> PartText {
    let rows = RowsPart::new(model, streamed, number, tensor_in).text();
    let argument = if model.plan.offsets[tensor_in.index()].is_none() { "input" } else { "" };
    let calls = format!(
        "    munas_clear_counts({counters}u);\n    while (munas_counts[0] < {count}u) {{\n        \
         munas_counts[0] = (munas_count)(munas_counts[0] + 1u);\n        munas_part_{number}({argument});\n    }}\n",
        counters = rows.counters,
        count = streamed.needed.count(tensor_in),
    );
    PartText { definition: rows.text.clone(), calls, rows: Some(rows) }
}

/// Static bytes besides the arena: the counters of rows, and that of the rows of the input.
pub(super) fn counter_bytes(model: &Model<'_>) -> usize {
    let counters =
        parts(model).iter().filter_map(|part| Some(part.rows.as_ref()?.counters)).max().unwrap_or(0);
    let each = model.streamed.as_ref().map_or(0, Streamed::counter_bytes);
    let of_input = if model.settings.memory.input == NetworkInput::Rows { size_of::<u32>() } else { 0 };
    counters * each + of_input
}

/// The counters of rows, which all parts share.
fn counters(model: &Model<'_>, parts: &[PartText]) -> String {
    let (Some(streamed), Some(counters)) =
        (&model.streamed, parts.iter().filter_map(|part| Some(part.rows.as_ref()?.counters)).max())
    else {
        return String::new();
    };
    let bits = 8 * streamed.counter_bytes();
    format!(
        "\n/* Of the part that runs, how many rows of each tensor there are, and how far its readers are. */\n\
         typedef uint{bits}_t munas_count;\nstatic munas_count munas_counts[{counters}];\n\n\
         static void munas_clear_counts(munas_size count) {{\n    \
         for (munas_size i = 0; i < count; i++) {{\n        munas_counts[i] = 0;\n    }}\n}}\n"
    )
}

/// The calls of operators that run one after the other, each in full.
fn calls(model: &Model<'_>, ops: &[OpId]) -> String {
    let graph = model.network.graph();
    let mut calls = String::new();
    for &op in ops {
        let inputs: Vec<String> = graph.node(op).inputs.iter().map(|&input| model.place(input)).collect();
        let inputs = inputs.join(", ");
        let output = model.place(op.output());
        let layer = model.layer(op);
        let op = op.index();
        calls += &match layer.kernel {
            Kernel::Add => format!("    munas_add_{op}({inputs}, {output});\n"),
            kernel => format!("    {}(&munas_layer_{op}, {inputs}, {output});\n", kernel.function()),
        };
        if let Some(largest) = layer.limit() {
            calls += &format!("    munas_limit({output}, {}u, {largest});\n", layer.output.elements());
        }
    }
    calls
}

/// The functions of a network whose input comes in rows.
fn by_rows(model: &Model<'_>, parts: &[PartText], store: &str) -> String {
    let (first, later) = parts.split_first().expect("a network has a part");
    let Shape { height, width, channels } = model.network.graph().input_shape();
    let row = width * channels;
    let (begin, take) = match first.rows.as_ref().and_then(|rows| Some((rows, rows.intake.as_ref()?))) {
        Some((rows, Intake { is_needed, place })) => {
            let begin = format!("    munas_clear_counts({}u);\n", rows.counters);
            let take = format!(
                "        if ({is_needed}) {{\n            munas_move({place}, rows, {row}u);\n            \
                 munas_counts[0] = (munas_count)(munas_counts[0] + 1u);\n            munas_part_0();\n        }}\n"
            );
            (begin, take)
        }
        None => {
            let input = model.place(TensorId::INPUT);
            let take = format!(
                "        for (munas_size i = 0; i < {row}u; i++) {{\n            \
                 ({input})[munas_rows_pushed * {row}u + i] = rows[i];\n        }}\n"
            );
            (String::new(), take)
        }
    };
    let own = if first.rows.is_some() { "" } else { &first.calls };
    let later: String = later.iter().map(|part| part.calls.as_str()).collect();
    format!(
        "\n/* Rows of the input since munas_begin. */\nstatic munas_size munas_rows_pushed;\n\n\
         void munas_begin(void) {{\n    munas_rows_pushed = 0;\n{begin}}}\n\n\
         int munas_push_rows(const int8_t *rows, unsigned int count) {{\n    \
         if (!rows || count > {height}u - munas_rows_pushed) {{\n        return 1;\n    }}\n    \
         for (; count > 0; count--) {{\n{take}        munas_rows_pushed++;\n        rows += {row};\n    }}\n    \
         return 0;\n}}\n\n\
         int munas_finish(int8_t *output) {{\n    \
         if (!output || munas_rows_pushed != {height}u) {{\n        return 1;\n    }}\n{own}{later}    munas_begin();\n{store}\n\
         int munas_invoke(const int8_t *input, int8_t *output) {{\n    \
         if (!input || !output) {{\n        return 1;\n    }}\n    munas_begin();\n    \
         (void)munas_push_rows(input, {height}u);\n    return munas_finish(output);\n}}\n"
    )
}
