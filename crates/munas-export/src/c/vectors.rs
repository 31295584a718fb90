//! Test vectors: samples with the outputs and classes that the host executor computes for them.

use std::borrow::Cow;

use munas_ir::TensorId;
use munas_quant::Executor;

use super::{Model, TestSamples, text};
use crate::input::RawType;

/// The text of `model_vectors.h`.
pub(super) fn vectors(model: &Model<'_>) -> String {
    let inputs = inputs(model);
    let mut executor = Executor::new(model.network);
    let outputs: Vec<Vec<i8>> = inputs.iter().map(|sample| executor.run(sample).to_vec()).collect();
    let classes: Vec<usize> = outputs.iter().map(|output| model.network.predicted_class(output)).collect();
    let samples = inputs.len();
    let name = model.settings.name;
    let text = format!(
        "/* Inputs, and the outputs and classes that the network must have for them to the bit.\n   \
         MUNAS_VECTORS may name a section or an attribute for the tables. */\n\
         #ifndef MUNAS_MODEL_VECTORS_H\n#define MUNAS_MODEL_VECTORS_H\n\n#include \"model.h\"\n\n\
         #ifndef MUNAS_VECTORS\n#define MUNAS_VECTORS\n#endif\n\n\
         #define MUNAS_TEST_SAMPLES {samples}\n\n{raw}{inputs}\n{outputs}\n\
         static const uint16_t munas_test_classes[{rows}] MUNAS_VECTORS = {{\n{classes}}};\n\n#endif\n",
        raw = raw(model),
        inputs = table("int8_t munas_test_inputs", "MUNAS_INPUT_SIZE", &inputs),
        outputs = table("int8_t munas_test_outputs", "MUNAS_OUTPUT_SIZE", &outputs),
        rows = samples.max(1),
        classes = text::elements(if classes.is_empty() { vec![0] } else { classes }),
    );
    name.inherit(&["VECTORS"]) + &name.rename(&text)
}

/// The inputs in int8.
fn inputs<'a>(model: &Model<'a>) -> Cow<'a, [Vec<i8>]> {
    match (model.settings.samples, model.settings.conversion) {
        (TestSamples::Elements(samples), _) => Cow::Borrowed(samples),
        (TestSamples::Raw(samples), Some(conversion)) => {
            let input = model.network.quantisation().tensor(TensorId::INPUT);
            samples.iter().map(|sample| conversion.quantise(sample, input)).collect()
        }
        (TestSamples::Raw(_), None) => unreachable!("raw samples come with their conversion"),
    }
}

/// The raw values that the inputs are made of, where they are known.
fn raw(model: &Model<'_>) -> String {
    let (TestSamples::Raw(samples), Some(conversion)) = (model.settings.samples, model.settings.conversion)
    else {
        return "/* The inputs as the sensor gives them are not known. */\n#define MUNAS_TEST_RAW 0\n\n"
            .to_owned();
    };
    let number = |value: &f32| match conversion.raw {
        RawType::F32 => text::float(*value),
        _ => value.to_string(),
    };
    let rows: Vec<Vec<String>> = samples.iter().map(|sample| sample.iter().map(number).collect()).collect();
    format!(
        "/* The inputs as the sensor gives them are in munas_test_raw. */\n#define MUNAS_TEST_RAW 1\n\n{}\n",
        table("munas_raw munas_test_raw", "MUNAS_INPUT_SIZE", &rows)
    )
}

/// A table of one row per sample; without samples, a row of zeros, since C has no empty arrays.
fn table<T: std::fmt::Display>(name: &str, length: &str, rows: &[Vec<T>]) -> String {
    let mut body: String = rows.iter().map(|row| format!("  {{\n{}  }},\n", text::elements(row))).collect();
    if rows.is_empty() {
        body.push_str("  {0},\n");
    }
    let count = rows.len().max(1);
    format!("static const {name}[{count}][{length}] MUNAS_VECTORS = {{\n{body}}};\n")
}
