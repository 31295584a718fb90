//! Ctrl-C. The first one asks the search to end cleanly, the second ends the process at once; the journal survives
//! either. SIGTERM and SIGHUP count as Ctrl-C.

use munas_run::StopFlag;

use crate::error::{CliError, CliResult};

/// Exit status of a process that ended by Ctrl-C, as shells have it: 128 + SIGINT.
const INTERRUPTED: i32 = 130;

/// A flag that the first Ctrl-C raises.
///
/// # Errors
/// If the system refuses the handler.
pub fn on_interrupt() -> CliResult<StopFlag> {
    let flag = StopFlag::default();
    let handler_flag = flag.clone();
    let handler = move || {
        if handler_flag.is_requested() {
            std::process::exit(INTERRUPTED);
        }
        handler_flag.request();
    };
    ctrlc::set_handler(handler)
        .map_err(|error| CliError::failure(format_args!("cannot watch for Ctrl-C: {error}")))?;
    Ok(flag)
}
