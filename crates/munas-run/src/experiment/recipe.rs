//! Values that follow the data where the user leaves them open.

use toml::{Table, Value};

use munas_data::{Dataset, ElementType, NormaliseMode};

/// A layer of an experiment with the keys whose best value depends on the data.
pub(super) fn of(dataset: &Dataset) -> Table {
    let data = Table::from_iter([("normalise".to_owned(), Value::String(normalise(dataset).to_string()))]);
    Table::from_iter([("data".to_owned(), Value::Table(data))])
}

/// Bytes are pictures of a known scale; features of tables and arrays of floats have a scale each, and the largest would
/// drown the others.
fn normalise(dataset: &Dataset) -> NormaliseMode {
    match dataset.element_type() {
        ElementType::F32 => NormaliseMode::MeanStd,
        ElementType::U8 | ElementType::I8 | ElementType::I16 => NormaliseMode::Unit,
    }
}
