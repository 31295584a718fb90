//! What networks take, as JSON.

use std::fs;
use std::path::PathBuf;

use munas_app::architecture::{InputDims, check_classes, parse_architecture, parse_kind};
use munas_app::price::{CostRecord, ModelRecord};
use munas_app::{UserError, UserResult};
use munas_export::tflite::Model;
use munas_ir::Shape;
use pyo3::prelude::*;

use crate::errors::{json, told};

/// What a .tflite model takes.
#[pyfunction]
pub fn cost_of_model(py: Python<'_>, path: PathBuf) -> PyResult<String> {
    let priced = py.detach(|| -> UserResult<ModelRecord> {
        let refused = |error: &dyn std::fmt::Display| UserError::input(error).in_file(&path);
        let bytes = fs::read(&path).map_err(|error| refused(&format_args!("cannot read: {error}")))?;
        let model = Model::read(&bytes).map_err(|error| refused(&error))?;
        let cost = model.cost().map_err(|error| refused(&error))?;
        Ok(ModelRecord::of(&model, &cost))
    });
    json(py, &told(py, priced)?)
}

/// What an architecture of a kind takes, as a network of inputs of this shape and so many classes.
#[pyfunction]
pub fn cost_of_architecture(
    py: Python<'_>,
    kind: &str,
    architecture: &str,
    input: [usize; 3],
    classes: usize,
) -> PyResult<String> {
    let priced = (|| -> UserResult<CostRecord> {
        let kind = parse_kind(kind)?;
        let architecture = parse_architecture(kind, architecture)?;
        let InputDims { height, width, channels } = InputDims::new(input).map_err(UserError::input)?;
        let classes = check_classes(classes).map_err(UserError::input)?;
        Ok(CostRecord::of(&architecture.lower(Shape::new(height, width, channels), classes)))
    })();
    json(py, &told(py, priced)?)
}
