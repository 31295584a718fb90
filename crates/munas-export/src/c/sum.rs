//! The C function of an Add: one loop over the elements, with the constants of every step written out. In rows it makes one row, number
//! `y` of its output, from a row of each input.
//!
//! All steps of an element are computed before it is written, since the output may lie in the place of any
//! input of its shape.

use std::fmt::Write;

use munas_ir::{OpId, Shape};
use munas_quant::{AddInput, AddLayer, AddStep, Multiplier};

use super::{Model, text};

/// The text of the function `munas_add_<op>`.
pub(super) fn function(model: &Model<'_>, op: OpId, layer: &AddLayer) -> String {
    let graph = model.network.graph();
    let output = graph.output_shape(op);
    let inputs: Vec<Shape> = graph.node(op).inputs.iter().map(|&input| graph.shape(input)).collect();
    let parameters: String =
        (0..inputs.len()).map(|index| format!("const int8_t *input_{index}, ")).collect();
    let is_row = model.layer(op).in_rows;
    let y = if is_row { "munas_size y, " } else { "" };
    let mut body = String::new();
    if inputs.iter().all(|&input| input == output) {
        let count = if is_row { output.width * output.channels } else { output.elements() };
        if is_row {
            body += "    (void)y;\n";
        }
        let reads: Vec<String> = (0..inputs.len()).map(|index| format!("input_{index}[i]")).collect();
        body += &format!("    for (munas_size i = 0; i < {count}u; i++) {{\n");
        body += &steps(&reads, layer, "        ");
        body += "        output[i] = (int8_t)sum;\n    }\n";
    } else {
        body += &padded(&inputs, output, layer, is_row);
    }
    format!("static void munas_add_{}({y}{parameters}int8_t *output) {{\n{body}}}\n", op.index())
}

/// The loops over positions, or over those of row `y`, where inputs that end before a position are read as their zero points.
fn padded(inputs: &[Shape], output: Shape, layer: &AddLayer, is_row: bool) -> String {
    let mut text = String::new();
    let mut line = |line: String| writeln!(text, "    {line}").expect("a string takes every write");
    for (index, _) in inputs.iter().enumerate().filter(|&(_, &input)| input != output) {
        let zero_point =
            if index == 0 { layer.steps[0].left } else { layer.steps[index - 1].right }.zero_point;
        line(format!("static const int8_t zero_{index} = {zero_point};"));
    }
    if is_row {
        line("{".to_owned());
    } else {
        line(format!("for (munas_size y = 0; y < {}u; y++) {{", output.height));
    }
    line(format!("    for (munas_size x = 0; x < {}u; x++) {{", output.width));
    for (index, &input) in inputs.iter().enumerate().filter(|&(_, &input)| input != output) {
        let Shape { height, width, channels } = input;
        line(format!("        const munas_size inside_{index} = y < {height}u && x < {width}u;"));
        line(format!("        const int8_t *element_{index} ="));
        let position = if is_row { "x".to_owned() } else { format!("(y * {width}u + x)") };
        line(format!(
            "            inside_{index} ? input_{index} + {position} * {channels}u : &zero_{index};"
        ));
    }
    line(format!("        for (munas_size c = 0; c < {}u; c++) {{", output.channels));
    let read = |(index, &input): (usize, &Shape)| {
        if input == output { format!("*input_{index}++") } else { format!("*element_{index}") }
    };
    let reads: Vec<String> = inputs.iter().enumerate().map(read).collect();
    text += &steps(&reads, layer, "                ");
    let mut line = |line: String| writeln!(text, "    {line}").expect("a string takes every write");
    for (index, _) in inputs.iter().enumerate().filter(|&(_, &input)| input != output) {
        line(format!("            element_{index} += inside_{index};"));
    }
    line("            *output++ = (int8_t)sum;".to_owned());
    line("        }".to_owned());
    line("    }".to_owned());
    line("}".to_owned());
    text
}

/// The statements that compute `sum` from what reads an element of each input.
fn steps(reads: &[String], layer: &AddLayer, indent: &str) -> String {
    let mut text = format!("{indent}int sum = {};\n", reads[0]);
    for (step, read) in layer.steps.iter().zip(&reads[1..]) {
        let AddStep { left, right, left_shift, output, output_zero_point, .. } = *step;
        text += &format!(
            "{indent}sum = munas_sum(munas_summand(sum, {left_shift}, {})\n{indent}    \
             + munas_summand({read}, {left_shift}, {}), {}, {output_zero_point});\n",
            input_constants(left),
            input_constants(right),
            multiplier_constants(output),
        );
    }
    text
}

fn input_constants(input: AddInput) -> String {
    format!("{}, {}", input.zero_point, multiplier_constants(input.multiplier))
}

/// The mantissa and the right shift.
fn multiplier_constants(multiplier: Multiplier) -> String {
    format!("{}, {}", text::int32(multiplier.mantissa), -multiplier.exponent)
}
