//! Test vectors: samples with the outputs that the host executor computes for them.

use munas_quant::Executor;

use super::{Model, text};

/// The text of `model_vectors.h`.
pub(super) fn vectors(model: &Model<'_>) -> String {
    let mut executor = Executor::new(model.network);
    let outputs: Vec<Vec<i8>> =
        model.settings.samples.iter().map(|sample| executor.run(sample).to_vec()).collect();
    let classes: Vec<usize> = outputs.iter().map(|output| model.network.predicted_class(output)).collect();
    let inputs = table("inputs", "MUNAS_INPUT_SIZE", model.settings.samples);
    let outputs = table("outputs", "MUNAS_OUTPUT_SIZE", &outputs);
    let samples = model.settings.samples.len();
    format!(
        "/* Inputs, and the outputs and classes that the network must have for them to the bit.\n   \
         MUNAS_VECTORS may name a section or an attribute for the tables. */\n\
         #ifndef MUNAS_MODEL_VECTORS_H\n#define MUNAS_MODEL_VECTORS_H\n\n#include \"model.h\"\n\n\
         #ifndef MUNAS_VECTORS\n#define MUNAS_VECTORS\n#endif\n\n\
         #define MUNAS_TEST_SAMPLES {samples}\n\n{inputs}\n{outputs}\n\
         static const uint16_t munas_test_classes[{rows}] MUNAS_VECTORS = {{\n{classes}}};\n\n#endif\n",
        rows = samples.max(1),
        classes = text::elements(if classes.is_empty() { vec![0] } else { classes }),
    )
}

/// A table of one row per sample; without samples, a row of zeros, since C has no empty arrays.
fn table(name: &str, length: &str, rows: &[Vec<i8>]) -> String {
    let mut body: String = rows.iter().map(|row| format!("  {{\n{}  }},\n", text::elements(row))).collect();
    if rows.is_empty() {
        body.push_str("  {0},\n");
    }
    let count = rows.len().max(1);
    format!("static const int8_t munas_test_{name}[{count}][{length}] MUNAS_VECTORS = {{\n{body}}};\n")
}
