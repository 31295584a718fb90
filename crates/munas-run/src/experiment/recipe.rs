//! Values that follow the data, and the machine, where the user leaves them open.

use toml::{Table, Value};

use munas_data::{Dataset, ElementType, NormaliseMode};

/// A layer of an experiment with the keys whose best value depends on the data, or on the bytes of memory for trainings.
pub(super) fn of(dataset: &Dataset, training_memory: u64) -> Table {
    let section = |key: &str, value: Value| Value::Table(Table::from_iter([(key.to_owned(), value)]));
    let bytes = i64::try_from(training_memory).unwrap_or(i64::MAX);
    Table::from_iter([
        ("data".to_owned(), section("normalise", Value::String(normalise(dataset).to_string()))),
        ("search".to_owned(), section("training_memory", Value::Integer(bytes))),
    ])
}

/// Bytes are pictures of a known scale; features of tables and arrays of floats have a scale each, and the largest would
/// drown the others.
fn normalise(dataset: &Dataset) -> NormaliseMode {
    match dataset.element_type() {
        // Sensors of 16 bits use some part of their range.
        ElementType::F32 | ElementType::U16 => NormaliseMode::MeanStd,
        ElementType::U8 | ElementType::I8 | ElementType::I16 => NormaliseMode::Unit,
    }
}
