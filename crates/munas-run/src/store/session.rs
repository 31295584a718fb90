//! Sessions: the processes that worked on a run.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rusqlite::Row;

/// One process' work on a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Session {
    /// Version of munas.
    pub version: String,
    /// Trials side by side.
    pub workers: u64,
    /// Number of trials at which it ends.
    pub trials_limit: u64,
    /// Wall time after which it ends.
    pub time_limit: Option<Duration>,
    /// When it began, in milliseconds of Unix time.
    pub started_ms: u64,
    /// When it ended in order; `None` while it runs, or when it was killed.
    pub ended_ms: Option<u64>,
    /// Why it ended.
    pub end_reason: Option<String>,
    /// Processes that the system had killed for want of memory when it began; `None` if it does not count them.
    pub memory_kills: Option<u64>,
}

impl Session {
    /// What is left of the time limit.
    pub fn time_left(&self) -> Option<Duration> {
        let elapsed = Duration::from_millis(now_ms().saturating_sub(self.started_ms));
        self.time_limit.map(|limit| limit.saturating_sub(elapsed))
    }

    /// Whether it may have been killed for want of memory, given how many processes the system has killed for that by
    /// now. A user's kill and a power failure say nothing against the trial that ran.
    pub(crate) fn may_have_lacked_memory(&self, memory_kills: Option<u64>) -> bool {
        let none_was_killed = self.memory_kills.zip(memory_kills).is_some_and(|(then, now)| now <= then);
        self.ended_ms.is_none() && !none_was_killed
    }

    /// The session of a row of the journal.
    pub(crate) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        // Columns that are written unsigned; a negative one can only be damage and is shown as 0.
        let unsigned = |value: i64| u64::try_from(value).unwrap_or(0);
        let seconds: Option<f64> = row.get("time_limit_s")?;
        Ok(Self {
            version: row.get("version")?,
            workers: unsigned(row.get("workers")?),
            trials_limit: unsigned(row.get("trials_limit")?),
            time_limit: seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()),
            started_ms: unsigned(row.get("started_ms")?),
            ended_ms: row.get::<_, Option<i64>>("ended_ms")?.map(unsigned),
            end_reason: row.get("end_reason")?,
            memory_kills: row.get::<_, Option<i64>>("memory_kills")?.map(unsigned),
        })
    }
}

/// Milliseconds of Unix time; 0 for a clock before 1970.
pub(crate) fn now_ms() -> u64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
}
