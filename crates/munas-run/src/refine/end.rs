//! How a session with finalists ended.

use std::time::Duration;

/// Why a session with finalists ended in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefineEnd {
    /// All of the plan is trained.
    Done,
    /// The time is up.
    Time,
    /// The stop flag was raised.
    Interrupted,
}

impl RefineEnd {
    /// The name in the journal and in JSON output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Done => "finalists",
            Self::Time => "time",
            Self::Interrupted => "interrupted",
        }
    }
}

/// What a session did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RefineSummary {
    /// Why it ended.
    pub reason: RefineEnd,
    /// Trainings that it brought to a result.
    pub done: u64,
    /// Trainings that failed in it.
    pub failed: u64,
    /// Trainings of the plan that are left.
    pub left: u64,
    /// Its wall time.
    pub elapsed: Duration,
}
