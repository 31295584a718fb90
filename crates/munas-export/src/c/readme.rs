//! The text of `README.md`: what was exported, for who has only the folder.

use munas_cost::NetworkInput;
use munas_ir::{Shape, TensorId};

use super::layer::{Layer, STACK_BYTES_PER_PATCH_WORD};
use super::{CName, Model, classes, input};
use crate::input::InputConversion;

/// Channels whose constants are listed.
const LISTED_CHANNELS: usize = 16;

/// The file's name; networks with names of their own may share a folder.
pub(super) fn file_name(name: &CName) -> String {
    if *name == CName::MODEL { "README.md".to_owned() } else { format!("README_{name}.md") }
}

/// The text.
pub(super) fn text(model: &Model<'_>) -> String {
    let network = model.network;
    let (graph, quantisation) = (network.graph(), network.quantisation());
    let (input, output) = (quantisation.tensor(TensorId::INPUT), quantisation.tensor(graph.output()));
    let Shape { height, width, channels } = graph.input_shape();
    let name = model.settings.name;
    let fields = [
        ("{title}", plain(model.settings.title)),
        ("{input_shape}", format!("{height} × {width} × {channels}")),
        ("{input_size}", graph.input_shape().elements().to_string()),
        ("{output_size}", model.outputs().to_string()),
        ("{raw_memory}", raw_memory(model)),
        ("{input_scale}", input.scale.to_string()),
        ("{input_zero_point}", input.zero_point.to_string()),
        ("{output_scale}", output.scale.to_string()),
        ("{output_zero_point}", output.zero_point.to_string()),
        ("{last_class}", (network.classes() - 1).to_string()),
        ("{how_classes}", name.rename(classes::how(model))),
        ("{tables}", model.layers.iter().map(Layer::table_bytes).sum::<usize>().to_string()),
        ("{runtime}", runtime(model).to_owned()),
        ("{counters}", counters(model)),
        ("{held}", held(model)),
        ("{by_rows}", name.rename(by_rows(model))),
        ("{arena}", model.plan.size.to_string()),
        ("{patch}", (model.patch_words() * STACK_BYTES_PER_PATCH_WORD).to_string()),
        ("{samples}", model.settings.samples.len().to_string()),
        ("{input}", name.rename(&about_input(model))),
        ("{call}", name.rename(call(model))),
        ("{labels}", labels(model)),
    ];
    let template = name.rename(include_str!("templates/README.md"));
    // Field by field from the front: what a field brings in is not looked at again.
    let mut text = String::new();
    let mut rest = &*template;
    while let Some((start, (field, value))) =
        fields.iter().filter_map(|entry| Some((rest.find(entry.0)?, entry))).min_by_key(|(start, _)| *start)
    {
        text.push_str(&rest[..start]);
        text.push_str(value);
        rest = &rest[start + field.len()..];
    }
    text + rest
}

/// How the network is executed.
const fn runtime(model: &Model<'_>) -> &'static str {
    match model.plan.schedule {
        None => "layer by layer",
        Some(_) => "in rows where that takes less",
    }
}

/// The row of the memory that counters of rows take.
fn counters(model: &Model<'_>) -> String {
    let bytes = super::invoke::counter_bytes(model);
    if bytes == 0 { String::new() } else { format!("| RAM: counters of rows, static | {bytes} |\n") }
}

/// What the caller holds of the input.
fn held(model: &Model<'_>) -> String {
    let Shape { width, channels, .. } = model.network.graph().input_shape();
    match model.settings.memory.input {
        NetworkInput::External => model.network.graph().input_shape().elements().to_string(),
        NetworkInput::Buffer => "none, it is in the arena".to_owned(),
        NetworkInput::Rows => format!("{}, a row,", width * channels),
    }
}

/// How rows are pushed.
const fn by_rows(model: &Model<'_>) -> &'static str {
    match model.settings.memory.input {
        NetworkInput::External | NetworkInput::Buffer => "",
        NetworkInput::Rows => {
            "\nOr row by row, as a sensor delivers them, with a buffer of one row:\n\n```c\nmunas_begin();\n\
             for (unsigned int y = 0; y < MUNAS_INPUT_HEIGHT; y++) {\n    \
             munas_push_rows(row, 1);           /* row: the next MUNAS_INPUT_ROW_SIZE elements */\n}\n\
             munas_finish(output);\n```\n"
        }
    }
}

/// The row of the memory that raw values take.
fn raw_memory(model: &Model<'_>) -> String {
    let size = model.network.graph().input_shape().elements();
    model.settings.conversion.map_or(String::new(), |conversion| {
        let bytes = size * conversion.raw.bytes();
        format!("| RAM: raw values, yours; the input may lie in the same memory | {bytes} |\n")
    })
}

/// The lines of the example that fill the input.
fn call(model: &Model<'_>) -> &'static str {
    match model.settings.conversion {
        Some(_) => "munas_quantise_input(raw, input);      /* raw: MUNAS_INPUT_SIZE values of the sensor */",
        None => "fill(input);                           /* by the formula below */",
    }
}

fn about_input(model: &Model<'_>) -> String {
    let formula = input::FORMULA.replace("MUNAS_INPUT_SCALE", "`MUNAS_INPUT_SCALE`");
    let formula = formula.replace("MUNAS_INPUT_ZERO_POINT", "`MUNAS_INPUT_ZERO_POINT`");
    let Some(conversion) = model.settings.conversion else {
        return format!("An element is {formula}, where real is the value that the network was trained on.");
    };
    format!(
        "A raw value, `munas_raw`, is what the data set holds: `{}`. `munas_quantise_input` does with it what the host did in\n\
         training and measuring, to the bit:\n\n    real = raw × scale + offset\n\n\
         in 32-bit floating point, with the constants of the channel; an element is {formula}.\n\n{}",
        conversion.raw.c_type(),
        constants(conversion)
    )
}

fn constants(conversion: &InputConversion) -> String {
    let shown = match (conversion.is_uniform(), conversion.channels()) {
        (true, _) => 1,
        (false, channels) => channels.min(LISTED_CHANNELS),
    };
    let rows = (0..shown).map(|channel| {
        let name = if conversion.is_uniform() { "all".to_owned() } else { channel.to_string() };
        format!("| {name} | {} | {} |\n", conversion.scale[channel], conversion.offset[channel])
    });
    let rows: String = rows.collect();
    let more = match conversion.channels() {
        channels if !conversion.is_uniform() && channels > shown => {
            format!(
                "\nand so on for {channels} channels: `MUNAS_RAW_SCALES` and `MUNAS_RAW_OFFSETS` in `model.h`.\n"
            )
        }
        _ => String::new(),
    };
    format!("| channel | scale | offset |\n|---|---|---|\n{}{}", rows.trim_end(), more.trim_end())
}

fn labels(model: &Model<'_>) -> String {
    if model.settings.labels.is_empty() {
        return String::new();
    }
    let rows = model.settings.labels.iter().enumerate();
    let rows: String = rows.map(|(class, label)| format!("| {class} | {} |\n", plain(label))).collect();
    let about = model.settings.name.rename("`munas_labels[found]` is the name of a class:");
    format!("{about}\n\n| class | name |\n|---|---|\n{rows}\n")
}

/// `text` on one line, with nothing that Markdown would take for a sign of its own.
fn plain(text: &str) -> String {
    let mut escaped = String::new();
    for character in text.chars() {
        match character {
            '<' => escaped.push_str("&lt;"),
            '&' => escaped.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '~' => escaped.extend(['\\', character]),
            character if character.is_control() => escaped.push(' '),
            character => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn markdown_of_a_name_is_escaped() {
        assert_eq!(plain("a|b_c\n<i>"), "a\\|b\\_c &lt;i>");
    }
}
