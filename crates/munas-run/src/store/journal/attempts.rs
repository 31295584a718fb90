//! What workers in other processes were given to do.

use rusqlite::params;

use super::rows::integer;
use super::{Journal, JournalError};
use crate::trial::{AttemptRecord, WorkerInfo};

impl Journal {
    /// Records that a worker begins with a trial.
    pub fn begin_attempt(
        &mut self,
        (session, number): (i64, u64),
        trial: u64,
        worker: &WorkerInfo,
        began_ms: u64,
    ) -> Result<(), JournalError> {
        let WorkerInfo { node, process, version, instruction_set } = worker;
        self.write(|connection| {
            connection
                .prepare_cached(
                    "INSERT INTO attempt (session, number, trial, node, process, version, instruction_set, began_ms)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                )?
                .execute(params![
                    session,
                    integer(number),
                    integer(trial),
                    node,
                    process,
                    version,
                    instruction_set,
                    integer(began_ms),
                ])
        })?;
        Ok(())
    }

    /// Records that an attempt has ended, and why it was given up if it was.
    pub fn end_attempt(
        &mut self,
        (session, number): (i64, u64),
        given_up: Option<&str>,
        ended_ms: u64,
    ) -> Result<(), JournalError> {
        self.write(|connection| {
            connection
                .prepare_cached(
                    "UPDATE attempt SET ended_ms = ?3, given_up = ?4
                     WHERE session = ?1 AND number = ?2 AND ended_ms IS NULL",
                )?
                .execute(params![session, integer(number), integer(ended_ms), given_up])
        })?;
        Ok(())
    }

    /// Counts a result that came of an attempt that was given up.
    pub fn count_refused(&mut self, (session, number): (i64, u64)) -> Result<(), JournalError> {
        self.write(|connection| {
            let sql = "UPDATE attempt SET refused = refused + 1 WHERE session = ?1 AND number = ?2";
            connection.execute(sql, params![session, integer(number)])
        })?;
        Ok(())
    }

    /// The attempts at a trial, in order.
    pub fn attempts(&self, trial: u64) -> Result<Vec<AttemptRecord>, JournalError> {
        // Columns that are written unsigned; a negative one can only be damage and is shown as 0.
        let unsigned = |value: i64| u64::try_from(value).unwrap_or(0);
        self.sqlite(|connection| {
            let mut statement = connection
                .prepare_cached("SELECT * FROM attempt WHERE trial = ?1 ORDER BY session, number")?;
            let records = statement.query_map([integer(trial)], |row| {
                Ok(AttemptRecord {
                    session: unsigned(row.get("session")?),
                    number: unsigned(row.get("number")?),
                    worker: WorkerInfo {
                        node: row.get("node")?,
                        process: u32::try_from(row.get::<_, i64>("process")?).unwrap_or(0),
                        version: row.get("version")?,
                        instruction_set: row.get("instruction_set")?,
                    },
                    began_ms: unsigned(row.get("began_ms")?),
                    ended_ms: row.get::<_, Option<i64>>("ended_ms")?.map(unsigned),
                    given_up: row.get("given_up")?,
                    refused: unsigned(row.get("refused")?),
                })
            })?;
            records.collect()
        })
    }
}
