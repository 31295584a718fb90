//! Trials and epochs: writing and reading their rows.

use std::collections::BTreeMap;

use rusqlite::{Connection, Row, params};

use munas_search::Refusals;
use munas_train::EpochReport;

use super::columns::{assignments, placeholders};
use super::rows::{
    self, PromotionRow, ProposalRow, ResourceRow, ResultRow, RowError, RungRow, TrialRow, integer,
};
use super::{Journal, JournalError, JournalProblem, confusions};
use crate::trial::{Confusions, PromotionRecord, RungResult, TrialRecord};

impl Journal {
    /// Records a new trial.
    pub fn insert_trial(&mut self, record: &TrialRecord) -> Result<(), JournalError> {
        let proposal = rows::proposal_row(record, self.task.input);
        let resources = rows::resource_row(&record.candidate);
        self.write_durably(|connection| insert(connection, &proposal, &resources))?;
        let noted = self.progress.as_mut().map(|progress| progress.set(record.trial)).transpose();
        noted.map(drop).map_err(|error| self.error(JournalProblem::Io(error)))
    }

    /// Records that an interrupted trial is trained again, after so many processes have died under it.
    pub fn restart_trial(&mut self, record: &TrialRecord) -> Result<(), JournalError> {
        let TrialRecord { trial, started_ms, deaths, .. } = *record;
        self.write_durably(|transaction| {
            transaction.execute("DELETE FROM epoch WHERE trial = ?1", [integer(trial)])?;
            let sql = "UPDATE trial SET state = 'running', started_ms = ?2, finished_ms = NULL, deaths = ?3 WHERE id = ?1";
            transaction.execute(sql, params![integer(trial), integer(started_ms), integer(deaths)]).map(drop)
        })
    }

    /// Records that a resting trial is trained on.
    pub fn promote_trial(&mut self, promotion: &PromotionRecord) -> Result<(), JournalError> {
        let (row, id) = (rows::promotion_row(promotion), integer(promotion.trial));
        self.write_durably(|connection| {
            insert_row(connection, "promotion", PromotionRow::NAMES, &row.values())?;
            let sql = "UPDATE trial SET state = 'running', finished_ms = NULL WHERE id = ?1";
            connection.execute(sql, [id]).map(drop)
        })
    }

    /// Records the state that a trial has come to, and its latest result if it came to one.
    /// With the confusions of a network that is on the front.
    pub fn finish_trial(
        &mut self,
        record: &TrialRecord,
        latest: Option<&RungResult>,
        confusions: Option<&Confusions>,
    ) -> Result<(), JournalError> {
        let (resources, result) = (rows::resource_row(&record.candidate), rows::result_row(record));
        let id = integer(record.trial);
        let latest = latest.map(rows::rung_row);
        self.write_durably(|connection| {
            finish(connection, id, &resources, &result)?;
            if let Some(row) = &latest {
                insert_row(connection, "result", RungRow::NAMES, &row.values())?;
            }
            confusions.map_or(Ok(()), |confusions| confusions::insert(connection, id, confusions))
        })
    }

    /// Records one epoch of a trial.
    pub fn insert_epoch(&mut self, trial: u64, report: &EpochReport) -> Result<(), JournalError> {
        self.write(|connection| {
            let mut statement = connection
                .prepare_cached("INSERT OR REPLACE INTO epoch VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?;
            let row = params![
                integer(trial),
                i64::from(report.epoch),
                report.learning_rate,
                report.train_loss,
                report.train_error,
                report.validation_loss,
                report.validation_error,
            ];
            statement.execute(row)?;
            let alive = "UPDATE trial SET deaths = 0 WHERE id = ?1 AND deaths > 0";
            connection.prepare_cached(alive)?.execute([integer(trial)]).map(drop)
        })
    }

    /// All trials, by number.
    pub fn trials(&self) -> Result<Vec<TrialRecord>, JournalError> {
        self.select("SELECT * FROM trial ORDER BY id", [])
    }

    /// Trials that were trained in full, by number.
    pub fn whole_trials(&self) -> Result<Vec<TrialRecord>, JournalError> {
        self.select("SELECT * FROM trial WHERE trained_epochs >= epochs ORDER BY id", [])
    }

    /// How many trials there are in each state, by its name, and the draws that were refused before all of them.
    pub fn totals(&self) -> Result<(BTreeMap<String, u64>, Refusals), JournalError> {
        let sums = "SELECT state, count(*), sum(refused_hard), sum(refused_soft), sum(refused_duplicates), \
                    sum(refused_training) FROM trial GROUP BY state";
        let rows: Vec<(String, [i64; 5])> = self.sqlite(|connection| {
            let mut statement = connection.prepare_cached(sums)?;
            let read = |row: &Row<'_>| {
                Ok((row.get(0)?, [row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?]))
            };
            statement.query_map([], read)?.collect()
        })?;
        let (mut states, mut refused) = (BTreeMap::new(), Refusals::default());
        for (state, sums) in rows {
            // Columns that are written unsigned; a negative one can only be damage and is shown as 0.
            let [count, hard, soft, duplicates, training] =
                sums.map(|value| u64::try_from(value).unwrap_or(0));
            states.insert(state, count);
            refused.hard += hard;
            refused.soft += soft;
            refused.duplicates += duplicates;
            refused.training += training;
        }
        Ok((states, refused))
    }

    /// When the latest trials that have ended, or rest, began, and when they last came to a result, in milliseconds of Unix time: at most so
    /// many, of the session that began the latest of them.
    pub fn latest_spans(&self, count: usize) -> Result<Vec<(u64, u64)>, JournalError> {
        let latest = "SELECT started_ms, finished_ms FROM trial \
                      WHERE state NOT IN ('running', 'stopped') AND finished_ms IS NOT NULL AND started_ms >= ( \
                          SELECT coalesce(max(started_ms), 0) FROM session \
                          WHERE started_ms <= (SELECT started_ms FROM trial ORDER BY id DESC LIMIT 1)) \
                      ORDER BY id DESC LIMIT ?1";
        self.sqlite(|connection| {
            let mut statement = connection.prepare_cached(latest)?;
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            let spans =
                statement.query_map([count], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)))?;
            let unsigned = |time: i64| u64::try_from(time).unwrap_or(0);
            spans.map(|span| span.map(|(start, end)| (unsigned(start), unsigned(end)))).collect()
        })
    }

    /// Trials whose latest result came after this one, or that have none or run, by number.
    pub fn trials_since(&self, arrival: u64) -> Result<Vec<TrialRecord>, JournalError> {
        let Ok(arrival) = i64::try_from(arrival) else { return Ok(Vec::new()) };
        let changed = "SELECT * FROM trial WHERE arrival > ?1 OR arrival IS NULL OR state IN ('running', 'stopped') ORDER BY id";
        self.select(changed, [arrival])
    }

    /// All results, in the order of arrival.
    pub fn results(&self) -> Result<Vec<RungResult>, JournalError> {
        let rows = self.rows("SELECT * FROM result ORDER BY arrival", RungRow::read)?;
        self.converted(rows.iter().map(rows::rung_result))
    }

    /// All promotions, in the order of their decisions.
    pub fn promotions(&self) -> Result<Vec<PromotionRecord>, JournalError> {
        let rows = self.rows("SELECT * FROM promotion ORDER BY decision", PromotionRow::read)?;
        self.converted(rows.iter().map(rows::promotion_record))
    }

    fn rows<T>(&self, sql: &str, read: fn(&Row<'_>) -> rusqlite::Result<T>) -> Result<Vec<T>, JournalError> {
        self.sqlite(|connection| connection.prepare_cached(sql)?.query_map([], read)?.collect())
    }

    fn converted<T>(
        &self,
        records: impl Iterator<Item = Result<T, RowError>>,
    ) -> Result<Vec<T>, JournalError> {
        records
            .collect::<Result<_, _>>()
            .map_err(|error| self.error(JournalProblem::Corrupted(error.to_string())))
    }

    /// The number of the last trial; 0: there is none.
    pub fn last_trial(&self) -> Result<u64, JournalError> {
        let last: i64 = self.sqlite(|connection| {
            connection.query_row("SELECT coalesce(max(id), 0) FROM trial", [], |row| row.get(0))
        })?;
        Ok(u64::try_from(last).unwrap_or(0))
    }

    /// One trial.
    pub fn trial(&self, trial: u64) -> Result<Option<TrialRecord>, JournalError> {
        let Ok(id) = i64::try_from(trial) else { return Ok(None) };
        Ok(self.select("SELECT * FROM trial WHERE id = ?1", [id])?.pop())
    }

    /// The epochs of a trial, in order.
    pub fn curve(&self, trial: u64) -> Result<Vec<EpochReport>, JournalError> {
        let Ok(id) = i64::try_from(trial) else { return Ok(Vec::new()) };
        let loss = |column: &str, row: &Row<'_>| -> rusqlite::Result<f64> {
            row.get::<_, Option<f64>>(column).map(|loss| loss.unwrap_or(f64::NAN))
        };
        self.sqlite(|connection| {
            let mut statement =
                connection.prepare_cached("SELECT * FROM epoch WHERE trial = ?1 ORDER BY epoch")?;
            let reports = statement.query_map([id], |row| {
                Ok(EpochReport {
                    epoch: row.get("epoch")?,
                    learning_rate: row.get("learning_rate")?,
                    train_loss: loss("train_loss", row)?,
                    train_error: row.get("train_error")?,
                    validation_loss: loss("validation_loss", row)?,
                    validation_error: row.get("validation_error")?,
                })
            })?;
            reports.collect()
        })
    }

    fn select(&self, sql: &str, params: impl rusqlite::Params) -> Result<Vec<TrialRecord>, JournalError> {
        let rows: Vec<TrialRow> = self.sqlite(|connection| {
            let mut statement = connection.prepare_cached(sql)?;
            statement.query_map(params, TrialRow::read)?.collect()
        })?;
        self.converted(rows.into_iter().map(|row| rows::trial_record(row, self.task.input, self.terms)))
    }
}

fn insert(connection: &Connection, proposal: &ProposalRow, resources: &ResourceRow) -> rusqlite::Result<()> {
    let names: Vec<&str> = [ProposalRow::NAMES, ResourceRow::NAMES].concat();
    let sql = format!(
        "INSERT INTO trial (state, {}) VALUES ('running', {})",
        names.join(", "),
        placeholders(names.len())
    );
    let values = [proposal.values(), resources.values()].concat();
    connection.prepare_cached(&sql)?.execute(&values[..]).map(drop)
}

fn insert_row(
    connection: &Connection,
    table: &str,
    names: &[&str],
    values: &[&dyn rusqlite::ToSql],
) -> rusqlite::Result<()> {
    let sql = format!("INSERT INTO {table} ({}) VALUES ({})", names.join(", "), placeholders(names.len()));
    connection.prepare_cached(&sql)?.execute(values).map(drop)
}

fn finish(
    connection: &Connection,
    trial: i64,
    resources: &ResourceRow,
    result: &ResultRow,
) -> rusqlite::Result<()> {
    let names = ResourceRow::NAMES.iter().chain(ResultRow::NAMES);
    let mut values = [resources.values(), result.values()].concat();
    let sql = format!("UPDATE trial SET {} WHERE id = ?{}", assignments(names), values.len() + 1);
    values.push(&trial);
    connection.prepare_cached(&sql)?.execute(&values[..]).map(drop)
}
