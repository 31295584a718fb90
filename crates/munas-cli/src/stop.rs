//! Ctrl-C. The first one asks the search, or the programs that a check runs, to end cleanly, the second ends the process at once; the journal survives
//! either. SIGTERM counts as Ctrl-C, and so does SIGHUP, but that a second one of them, which terminals like to send, is
//! as good as none.
//!
//! Signals that are ignored when the process begins stay ignored: SIGHUP under `nohup`, SIGINT in the background jobs of a
//! shell script.

use std::fs;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use munas_app::{UserError, UserResult};
use munas_export::helper::Interrupt;
use munas_run::StopFlag;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

/// Shells report a process that a signal ended with this and the signal's number.
const SIGNAL_STATUS: i32 = 128;

/// Whether, and by what, the process was asked to end.
#[derive(Clone, Debug, Default)]
pub struct Interruption {
    stop: Arc<AtomicBool>,
    signal: Arc<AtomicUsize>,
}

impl Interruption {
    /// Watches for signals from now on.
    ///
    /// # Errors
    /// If the system refuses the handlers.
    pub fn watch() -> UserResult<Self> {
        let interruption = Self::default();
        let ignored = ignored_signals();
        for (signal, is_final) in SIGNALS.iter().filter(|(signal, _)| !is_in(ignored, *signal)) {
            interruption
                .register(*signal, *is_final)
                .map_err(|error| UserError::failure(format_args!("cannot watch for Ctrl-C: {error}")))?;
        }
        Ok(interruption)
    }

    fn register(&self, signal: i32, is_final: bool) -> std::io::Result<()> {
        if is_final {
            // Looks at the flag before it is raised: only a second signal ends the process here.
            flag::register_conditional_shutdown(signal, SIGNAL_STATUS + signal, Arc::clone(&self.stop))?;
        }
        flag::register_usize(signal, Arc::clone(&self.signal), signal.unsigned_abs() as usize)?;
        flag::register(signal, Arc::clone(&self.stop)).map(drop)
    }

    /// The flag that the first signal raises.
    pub fn stop(&self) -> StopFlag {
        StopFlag::from(Arc::clone(&self.stop))
    }

    /// What ends compilers, emulators and Python at the first signal. They are in process groups of their own, which a
    /// terminal's Ctrl-C does not reach.
    pub fn of_helpers(&self) -> Interrupt {
        Interrupt::from(Arc::clone(&self.stop))
    }

    /// Whether a signal has come.
    pub fn has_come(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// The end of a command that was interrupted, with the exit status that shells expect.
    pub fn error(&self) -> UserError {
        let signal = self.signal.load(Ordering::Relaxed);
        UserError::interrupted(u8::try_from(SIGNAL_STATUS as usize + signal).unwrap_or(u8::MAX))
    }
}

/// The signals that end a search in order, and whether a second one ends the process.
#[cfg(unix)]
const SIGNALS: [(i32, bool); 3] = [(SIGINT, true), (SIGTERM, true), (signal_hook::consts::SIGHUP, false)];
#[cfg(not(unix))]
const SIGNALS: [(i32, bool); 2] = [(SIGINT, true), (SIGTERM, true)];

/// The set of ignored signals, in which bit n-1 stands for signal n; none where the system does not tell.
fn ignored_signals() -> u64 {
    of_proc().or_else(of_ps).unwrap_or(0)
}

/// As Linux tells it.
fn of_proc() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    mask(status.lines().find_map(|line| line.strip_prefix("SigIgn:"))?)
}

/// As `ps` tells it, on macOS and the BSDs too.
fn of_ps() -> Option<u64> {
    let process = std::process::id().to_string();
    let output = Command::new("ps").args(["-o", "ignored=", "-p", &process]).output().ok()?;
    mask(std::str::from_utf8(&output.stdout).ok()?)
}

fn mask(hexadecimal: &str) -> Option<u64> {
    u64::from_str_radix(hexadecimal.trim(), 16).ok()
}

fn is_in(mask: u64, signal: i32) -> bool {
    mask >> (signal - 1) & 1 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_are_hexadecimal_with_a_bit_per_signal() {
        let set = mask("\t0000000000001001\n").unwrap();
        assert!(is_in(set, 1) && is_in(set, 13) && !is_in(set, SIGINT) && !is_in(set, SIGTERM));
        assert_eq!(mask("none"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn both_ways_to_ask_agree() {
        let found = of_proc().unwrap();
        // Rust's runtime ignores it.
        assert!(is_in(found, signal_hook::consts::SIGPIPE));
        // Not every container has `ps`, and not every `ps` this column.
        if let Some(told) = of_ps() {
            assert_eq!(told, found);
        }
    }
}
