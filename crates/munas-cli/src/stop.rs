//! Ctrl-C. The first one asks the search, or the programs that a check runs, to end cleanly; the second ends the
//! process at once. The journal survives either. SIGTERM and SIGHUP count as Ctrl-C.

use munas_export::helper::Interrupt;
use munas_run::StopFlag;

use crate::error::{CliError, CliResult};

/// Exit status of a process that ended by Ctrl-C, as shells have it: 128 + SIGINT.
pub const INTERRUPTED: u8 = 130;

/// A flag that the first Ctrl-C raises.
///
/// # Errors
/// If the system refuses the handler.
pub fn on_interrupt() -> CliResult<StopFlag> {
    let flag = StopFlag::default();
    let (requested, request) = (flag.clone(), flag.clone());
    handle(move || requested.is_requested(), move || request.request())?;
    Ok(flag)
}

/// What ends compilers, emulators and Python at the first Ctrl-C. They are in process groups of their own, which a
/// terminal's Ctrl-C does not reach.
///
/// # Errors
/// If the system refuses the handler.
pub fn interrupt_of_helpers() -> CliResult<Interrupt> {
    let interrupt = Interrupt::default();
    let (raised, raise) = (interrupt.clone(), interrupt.clone());
    handle(move || raised.is_raised(), move || raise.raise())?;
    Ok(interrupt)
}

/// Calls `stop` at the first Ctrl-C, and ends the process at the next.
fn handle(is_stopping: impl Fn() -> bool + Send + 'static, stop: impl Fn() + Send + 'static) -> CliResult {
    let handler = move || {
        if is_stopping() {
            std::process::exit(INTERRUPTED.into());
        }
        stop();
    };
    ctrlc::set_handler(handler)
        .map_err(|error| CliError::failure(format_args!("cannot watch for Ctrl-C: {error}")))
}
