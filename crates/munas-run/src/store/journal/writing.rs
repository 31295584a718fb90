//! How the journal is written: where it belongs, when other programs let it, and as durable as it has to be.

use std::fmt;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::place::Place;
use super::{BUSY_TIMEOUT, Journal, JournalError, JournalProblem};

/// How long SQLite itself waits for other programs; between two waits the hook is asked.
pub(super) const ATTEMPT: Duration = Duration::from_millis(500);

/// Asked again and again, on the thread that writes, while another program keeps the journal locked, with how long it has been; `Break` gives up.
pub(crate) type Hook = Box<dyn FnMut(Duration) -> ControlFlow<()> + Send>;

/// What to do while another program keeps the journal locked.
pub(super) struct Patience(Hook);

impl Patience {
    pub fn new(hook: Hook) -> Self {
        Self(hook)
    }
}

/// Gives up after a while.
impl Default for Patience {
    fn default() -> Self {
        Self(Box::new(
            |waited| {
                if waited < BUSY_TIMEOUT { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            },
        ))
    }
}

impl fmt::Debug for Patience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Patience")
    }
}

impl Journal {
    /// Makes changes in one transaction. A loss of power may undo it, with all those before it back to one that was made
    /// durable.
    pub(super) fn write<T>(
        &mut self,
        action: impl Fn(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, JournalError> {
        self.require_in_place()?;
        let begin = Instant::now();
        loop {
            let error = match transact(&self.connection, &action) {
                Ok(done) => return Ok(done),
                Err(error) => JournalError::from_sqlite(&self.path, error),
            };
            if !error.is_locked() || (self.patience.0)(begin.elapsed()).is_break() {
                return Err(error);
            }
        }
    }

    /// Makes changes in one transaction that is on the disk before this returns, with all those before it.
    pub(super) fn write_durably<T>(
        &mut self,
        action: impl Fn(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, JournalError> {
        self.set_synchronous("FULL")?;
        let written = self.write(action);
        self.set_synchronous("NORMAL")?;
        written
    }

    fn set_synchronous(&self, mode: &str) -> Result<(), JournalError> {
        self.sqlite(|connection| connection.pragma_update(None, "synchronous", mode))
    }

    fn require_in_place(&mut self) -> Result<(), JournalError> {
        let Some(displacement) = self.place.as_ref().and_then(Place::displacement) else { return Ok(()) };
        // Only once: what goes into the files from now on is of no use to anyone.
        let problem = self.place.take().map(|place| place.rescue(&self.connection, displacement));
        Err(self.error(JournalProblem::Displaced(problem.unwrap_or_default())))
    }
}

fn transact<T>(
    connection: &Connection,
    action: impl Fn(&Transaction<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    // Nobody can come between what the transaction reads and what it writes.
    let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
    let done = action(&transaction)?;
    transaction.commit()?;
    Ok(done)
}
