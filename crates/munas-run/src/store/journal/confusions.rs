//! Which classes the networks of the front take for which.

use rusqlite::{Connection, OptionalExtension, params};

use munas_train::Confusion;

use super::rows::integer;
use super::{Journal, JournalError, JournalProblem};
use crate::trial::Confusions;

const VALIDATION: &str = "validation";
const TEST: &str = "test";

/// Records both parts of a trial.
pub(super) fn insert(connection: &Connection, trial: i64, confusions: &Confusions) -> rusqlite::Result<()> {
    for (part, confusion) in [(VALIDATION, &confusions.validation), (TEST, &confusions.test)] {
        let rows: Vec<&[u64]> = confusion.rows().collect();
        let counts = serde_json::to_string(&rows).expect("numbers have a JSON form");
        let mut statement =
            connection.prepare_cached("INSERT OR REPLACE INTO confusion VALUES (?1, ?2, ?3)")?;
        statement.execute(params![trial, part, counts])?;
    }
    Ok(())
}

impl Journal {
    /// Drops those of trials that have left the front.
    pub fn drop_confusions(&mut self, trials: &[u64]) -> Result<(), JournalError> {
        if trials.is_empty() {
            return Ok(());
        }
        self.write(|connection| {
            let mut statement = connection.prepare_cached("DELETE FROM confusion WHERE trial = ?1")?;
            trials.iter().try_for_each(|&trial| statement.execute([integer(trial)]).map(drop))
        })
    }

    /// Those of a trial, where they are kept.
    pub fn confusions(&self, trial: u64) -> Result<Option<Confusions>, JournalError> {
        let part = |part: &str| -> Result<Option<Confusion>, JournalError> {
            let counts: Option<String> = self.sqlite(|connection| {
                let sql = "SELECT counts FROM confusion WHERE trial = ?1 AND part = ?2";
                connection.query_row(sql, params![integer(trial), part], |row| row.get(0)).optional()
            })?;
            let Some(counts) = counts else { return Ok(None) };
            let rows = serde_json::from_str::<Vec<Vec<u64>>>(&counts).ok();
            let confusion = rows.and_then(|rows| Confusion::from_rows(&rows));
            let damaged = || format!("confusion of trial {trial}: `counts` is no square of numbers");
            confusion.map(Some).ok_or_else(|| self.error(JournalProblem::Corrupted(damaged())))
        };
        Ok(part(VALIDATION)?.zip(part(TEST)?).map(|(validation, test)| Confusions { validation, test }))
    }
}
