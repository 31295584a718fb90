//! The process's exit status.

use std::process::ExitCode;

use munas_app::{Fault, UserError};

/// The status that goes with an error.
pub fn exit_code(error: &UserError) -> ExitCode {
    match error.fault() {
        Fault::Input => ExitCode::from(2),
        Fault::Failure => ExitCode::FAILURE,
        Fault::OutputClosed => ExitCode::SUCCESS,
        Fault::Interrupted(status) => ExitCode::from(status),
    }
}
