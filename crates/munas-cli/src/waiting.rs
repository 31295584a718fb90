//! What there is to do while another program keeps a run's journal locked.

use std::ops::ControlFlow;
use std::time::Duration;

use crate::stop::Interruption;

/// How long another program may keep the journal locked before it is said.
const SILENT_WAIT: Duration = Duration::from_secs(5);

/// Waits while another program keeps the journal locked, until Ctrl-C.
pub fn waiting(interruption: Interruption, say: impl Fn(&str)) -> impl FnMut(Duration) -> ControlFlow<()> {
    let mut is_said = false;
    move |waited| {
        let is_long = waited >= SILENT_WAIT;
        if is_long && !is_said {
            say("another program keeps journal.db locked; munas waits for it");
        }
        is_said = is_long;
        if interruption.has_come() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}
