//! The extension module `munas._munas`: what the Python package does in Rust. It is the package's own; people use `munas`.
//!
//! | module | holds |
//! |---|---|
//! | `attended` | work that Python waits for, with Ctrl-C and news of it |
//! | `follower` | what is told of a session |
//! | `errors` | errors as exceptions |
//! | `runs` | new runs, and sessions of them |
//! | `training` | one network, trained without a run |
//! | `reading` | what a run has come to, as JSON |
//! | `network` | a trained network: predictions, files |
//! | `price` | what networks take, as JSON |
//!
//! Arrays come and go as bytes, documents as JSON: the package makes numpy arrays and dictionaries of them.

mod attended;
mod errors;
mod follower;
mod network;
mod price;
mod reading;
mod runs;
mod training;

use pyo3::prelude::*;

/// The extension module.
#[pymodule]
mod _munas {
    #[pymodule_export]
    use super::network::{Network, arrangement};
    #[pymodule_export]
    use super::price::{cost_of_architecture, cost_of_model};
    #[pymodule_export]
    use super::reading::{class_names, experiment, front, input_shape, report, status, trial, trials};
    #[pymodule_export]
    use super::runs::{refine, resume, search};
    #[pymodule_export]
    use super::training::train;
}
