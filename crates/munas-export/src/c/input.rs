//! The C text of `munas_quantise_input`: from raw values to the elements of the input, equal to [`InputConversion`]
//! in every bit.
//!
//! Raw values that are integers are converted in integers ([`fixed_point`](super::fixed_point)), all others in floating
//! point, in steps that no compiler may fuse or widen. Neither needs `<math.h>`.

use std::fmt::Write;

use munas_cost::NetworkInput;
use munas_ir::{TensorId, TensorQuantisation};

use super::fixed_point::{FixedPoint, Line, fixed_point};
use super::{Model, text};
use crate::input::{InputConversion, RawType};

/// The formula of an element in words, as comments have it.
pub(super) const FORMULA: &str = "real / MUNAS_INPUT_SCALE, rounded to the nearest integer (halves to the even one), plus \
                                  MUNAS_INPUT_ZERO_POINT, limited to -128..127";

/// The declarations in `model.h`; without a conversion, what is to be done instead.
pub(super) fn declarations(model: &Model<'_>) -> String {
    let Some(conversion) = model.settings.conversion else {
        return format!(
            "/* An element of the input is {FORMULA},\n   where real is the value that the network was trained on. */\n"
        );
    };
    let list = |values: &[f32]| {
        let values: Vec<String> = values.iter().map(|&value| text::float(value)).collect();
        values.chunks(8).map(|line| line.join(", ")).collect::<Vec<_>>().join(", \\\n    ")
    };
    format!(
        "/* A raw value: what the sensor gives and the data set holds. */\n\
         typedef {} munas_raw;\n\
         /* The network was trained on real = raw * scale + offset, with these initialisers of a float array: one for each channel. */\n\
         #define MUNAS_RAW_SCALES \\\n    {{{}}}\n#define MUNAS_RAW_OFFSETS \\\n    {{{}}}\n\
         /* Makes the elements of an input of MUNAS_INPUT_SIZE raw values, equal to the host's to the bit:\n   \
         {FORMULA}.\n   \
         raw and input may be the same memory. */\n\
         void munas_quantise_input(const munas_raw *raw, int8_t *input);\n{rows}",
        conversion.raw.c_type(),
        list(&conversion.scale),
        list(&conversion.offset),
        rows = match model.settings.memory.input {
            NetworkInput::External | NetworkInput::Buffer => "",
            NetworkInput::Rows => {
                "/* The same with so many rows of MUNAS_INPUT_ROW_SIZE values. */\n\
                 void munas_quantise_rows(const munas_raw *raw, int8_t *input, unsigned int rows);\n"
            }
        },
    )
}

/// The function in `model.c`.
pub(super) fn function(model: &Model<'_>) -> String {
    let Some(conversion) = model.settings.conversion else { return String::new() };
    let input = model.network.quantisation().tensor(TensorId::INPUT);
    let by_rows = model.settings.memory.input == NetworkInput::Rows;
    match fixed_point(conversion, input) {
        Some(formula) => in_integers(&formula, by_rows),
        None => in_floating_point(conversion, input, by_rows),
    }
}

/// The loop over all elements, or over those of so many rows. Raw values are read before elements are written over them.
fn loop_of(body: &str, is_uniform: bool, by_rows: bool) -> String {
    let (start, step) = if is_uniform {
        ("", "")
    } else {
        (
            "    munas_size channel = 0;\n",
            "        channel = channel + 1 == MUNAS_INPUT_CHANNELS ? 0 : channel + 1;\n",
        )
    };
    let (signature, count, whole) = if by_rows {
        (
            "munas_quantise_rows(const munas_raw *raw, int8_t *input, unsigned int rows)",
            "rows * MUNAS_INPUT_ROW_SIZE",
            "\nvoid munas_quantise_input(const munas_raw *raw, int8_t *input) {\n    \
             munas_quantise_rows(raw, input, MUNAS_INPUT_HEIGHT);\n}\n",
        )
    } else {
        ("munas_quantise_input(const munas_raw *raw, int8_t *input)", "MUNAS_INPUT_SIZE", "")
    };
    format!(
        "void {signature} {{\n{start}    for (munas_size i = 0; i < {count}; i++) {{\n{body}{step}    }}\n}}\n{whole}"
    )
}

fn in_integers(formula: &FixedPoint, by_rows: bool) -> String {
    let FixedPoint { shift, is_wide, lines } = formula;
    let wide = if *is_wide { "int64_t" } else { "int32_t" };
    let (table, constants, [zero, factor, rest]) = match &lines[..] {
        [Line { zero, factor, rest }] => {
            (String::new(), String::new(), [zero, factor, rest].map(ToString::to_string))
        }
        lines => {
            let rows =
                lines.iter().map(|Line { zero, factor, rest }| format!("{{{zero}, {factor}, {rest}}}"));
            let table = format!(
                "/* For each channel: zero, factor, rest. */\n\
                 static const int32_t munas_input_lines[MUNAS_INPUT_CHANNELS][3] MUNAS_FLASH = {{\n{}}};\n\n",
                text::elements(rows)
            );
            let names = ["zero", "factor", "rest"];
            let read = names.iter().enumerate().map(|(column, name)| {
                format!(
                    "        const int32_t {name} = MUNAS_READ_32(&munas_input_lines[channel][{column}]);\n"
                )
            });
            (table, read.collect(), names.map(str::to_owned))
        }
    };
    let mut value = match &*zero {
        "0" => format!("({wide})raw[i]"),
        zero if *is_wide => format!("(int64_t)((int32_t)raw[i] - {})", negatable(zero)),
        zero => format!("((int32_t)raw[i] - {})", negatable(zero)),
    };
    if factor != "1" {
        value = format!("{value} * {factor}");
    }
    if rest != "0" {
        value = format!("{value} + {rest}");
    }
    if *shift > 0 {
        value = format!("({value}) >> {shift}");
    }
    let body = format!(
        "{constants}        const {wide} element = {value};\n        \
         input[i] = (int8_t)(element < -128 ? -128 : element > 127 ? 127 : element);\n"
    );
    format!("\n{table}{}", loop_of(&body, lines.len() == 1, by_rows))
}

/// A number as it may stand behind a minus.
fn negatable(number: &str) -> String {
    if number.starts_with('-') { format!("({number})") } else { number.to_owned() }
}

fn in_floating_point(conversion: &InputConversion, input: TensorQuantisation, by_rows: bool) -> String {
    let is_uniform = conversion.is_uniform();
    let mut text = "\n".to_owned();
    let mut constant = |name: &str, values: &[f32]| {
        if is_uniform {
            return text::float(values[0]);
        }
        let values = values.iter().map(|&value| text::float(value));
        writeln!(
            text,
            "static const float munas_input_{name}[MUNAS_INPUT_CHANNELS] MUNAS_FLASH = {{\n{}}};",
            text::elements(values)
        )
        .expect("a string takes every write");
        format!("MUNAS_READ_FLOAT(munas_input_{name} + channel)")
    };
    let (scale, offset) = (constant("scales", &conversion.scale), constant("offsets", &conversion.offset));
    let raw = if conversion.raw == RawType::F32 { "raw[i]" } else { "(float)raw[i]" };
    let mut body = format!("        volatile float value = {raw} * {scale};\n");
    if conversion.offset.iter().any(|&offset| offset != 0.0) {
        writeln!(body, "        value = value + {offset};").expect("a string takes every write");
    }
    body += "        value = value / MUNAS_INPUT_SCALE;\n        input[i] = munas_nearest_element(value);\n";
    let [low, high] = input.steps();
    format!(
        "{text}{}\n{}",
        include_str!("kernels/nearest.c")
            .replace("SMALLEST_STEP", &text::float(low))
            .replace("LARGEST_STEP", &text::float(high)),
        loop_of(&body, is_uniform, by_rows)
    )
}
