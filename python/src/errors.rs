//! Errors as exceptions, with the same text and hint as those of the command line.

use munas_app::{Fault, UserError};
use pyo3::exceptions::{PyKeyboardInterrupt, PyRuntimeError};
use pyo3::prelude::*;

/// The module of the package that has the classes of exceptions.
const MODULE: &str = "munas._errors";

/// The exception of an error: `InputError` for what the caller can put right, `MunasError` for other failures.
pub fn exception(py: Python<'_>, error: &UserError) -> PyErr {
    let class = match error.fault() {
        Fault::Interrupted(_) => return PyKeyboardInterrupt::new_err(()),
        Fault::Input => "InputError",
        Fault::Failure | Fault::OutputClosed => "MunasError",
    };
    let made = py.import(MODULE).and_then(|module| module.getattr(class)?.call1((error.to_string(),)));
    match made {
        Ok(exception) => PyErr::from_value(exception),
        Err(_) => PyRuntimeError::new_err(error.to_string()),
    }
}

/// A result whose error is told by an exception.
pub fn told<T>(py: Python<'_>, result: Result<T, impl Into<UserError>>) -> PyResult<T> {
    result.map_err(|error| exception(py, &error.into()))
}

/// A document as JSON.
pub fn json(py: Python<'_>, document: &impl serde::Serialize) -> PyResult<String> {
    told(py, serde_json::to_string(document).map_err(UserError::failure))
}
