//! The C text of `munas_classify`: from the network's output to a class, as [`munas_quant::predicted_class`]; and the
//! names of the classes.

use super::{Model, text};

/// Bytes of a label that are written. Longer ones are cut: every label takes the room of the longest.
const LONGEST_LABEL: usize = 255;

/// The declarations in `model.h`.
pub(super) fn declarations(model: &Model<'_>) -> String {
    let labels = match labels(model).iter().map(|label| label.len()).max() {
        None => String::new(),
        Some(longest) => format!(
            "\n#ifndef MUNAS_NO_LABELS\n\
             /* Names of the classes in UTF-8, dropped by linkers where nothing uses them (-fdata-sections, --gc-sections); with\n   \
             MUNAS_NO_LABELS they are left out. On AVR they lie in flash: strcpy_P(text, munas_labels[found]). */\n\
             #define MUNAS_LABEL_SIZE {}\n\
             extern const char munas_labels[MUNAS_CLASSES][MUNAS_LABEL_SIZE];\n#endif\n",
            longest + 1
        ),
    };
    format!(
        "#define MUNAS_CLASSES {}\n\
         /* The class, from 0, that an output of munas_invoke stands for: {}. */\n\
         unsigned int munas_classify(const int8_t *output);\n{labels}",
        model.network.classes(),
        how(model).replace('`', ""),
    )
}

/// How an output is read, in words.
pub(super) fn how(model: &Model<'_>) -> &'static str {
    if model.outputs() == 1 {
        "1 if its only element, the logit of class 1, is above `MUNAS_OUTPUT_ZERO_POINT`, else 0"
    } else {
        "the index of the largest element, the first of equals"
    }
}

/// The function in `model.c`.
pub(super) fn function(model: &Model<'_>) -> &'static str {
    if model.outputs() == 1 {
        "\nunsigned int munas_classify(const int8_t *output) {\n    \
         return output[0] - MUNAS_OUTPUT_ZERO_POINT > 0 ? 1 : 0;\n}\n"
    } else {
        "\nunsigned int munas_classify(const int8_t *output) {\n    \
         unsigned int best = 0;\n    \
         for (unsigned int i = 1; i < MUNAS_OUTPUT_SIZE; i++) {\n        \
         if (output[i] > output[best]) {\n            best = i;\n        }\n    }\n    \
         return best;\n}\n"
    }
}

/// The labels in `model.c`, which are the user's text: nothing in them is renamed.
pub(super) fn label_table(model: &Model<'_>) -> String {
    let labels = labels(model);
    if labels.is_empty() {
        return String::new();
    }
    let rows: String = labels
        .iter()
        .enumerate()
        .map(|(class, label)| match label.is_ascii() {
            true => format!("    {},\n", text::string(label)),
            false => format!("    {}, /* {class}: {} */\n", text::string(label), text::comment(label)),
        })
        .collect();
    let name = model.settings.name;
    name.rename(
        "\n#ifndef MUNAS_NO_LABELS\nconst char munas_labels[MUNAS_CLASSES][MUNAS_LABEL_SIZE] MUNAS_FLASH = {\n",
    ) + &rows
        + "};\n#endif\n"
}

/// The labels, the long ones cut between two characters.
fn labels<'a>(model: &Model<'a>) -> Vec<&'a str> {
    let cut = |label: &'a String| {
        let end = (0..=LONGEST_LABEL.min(label.len())).rev().find(|&end| label.is_char_boundary(end));
        &label[..end.unwrap_or(0)]
    };
    model.settings.labels.iter().map(cut).collect()
}
