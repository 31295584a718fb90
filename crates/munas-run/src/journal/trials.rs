//! Trials and epochs: writing and reading their rows.

use rusqlite::{Connection, Row, named_params, params};

use munas_train::EpochReport;

use super::rows::{self, ProposalRow, ResultRow, integer};
use super::{Journal, JournalError, JournalProblem, confusions};
use crate::evaluate::Confusions;
use crate::trial::TrialRecord;

impl Journal {
    /// Records a new trial.
    pub fn insert_trial(&mut self, record: &TrialRecord) -> Result<(), JournalError> {
        let row = rows::proposal_row(record, self.task.input);
        self.write_durably(|connection| insert(connection, &row))?;
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

    /// Records the state in which a trial ended.
    /// With the confusions of a network that is on the front.
    pub fn finish_trial(
        &mut self,
        record: &TrialRecord,
        confusions: Option<&Confusions>,
    ) -> Result<(), JournalError> {
        let (proposal, result) = (rows::proposal_row(record, self.task.input), rows::result_row(record));
        self.write_durably(|connection| {
            finish(connection, &proposal, &result)?;
            confusions.map_or(Ok(()), |confusions| confusions::insert(connection, proposal.id, confusions))
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
        let rows: Vec<(ProposalRow, ResultRow)> = self.sqlite(|connection| {
            let mut statement = connection.prepare_cached(sql)?;
            let rows =
                statement.query_map(params, |row| Ok((ProposalRow::read(row)?, ResultRow::read(row)?)))?;
            rows.collect()
        })?;
        let records = rows
            .into_iter()
            .map(|(proposal, result)| rows::trial_record(proposal, result, self.task.input, self.driving));
        records
            .collect::<Result<_, _>>()
            .map_err(|error| self.error(JournalProblem::Corrupted(error.to_string())))
    }
}

fn insert(connection: &Connection, row: &ProposalRow) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO trial (id, state, algorithm, space, architecture, canonical_key, epochs, target_sparsity, seed,
            history_length, pending, refused_hard, refused_soft, refused_duplicates, refused_training, peak_memory,
            peak_memory_with_input, model_size, macs, exact, latency_ms, started_ms)
         VALUES (:id, 'running', :algorithm, :space, :architecture, :canonical_key, :epochs, :target_sparsity, :seed,
            :history_length, :pending, :refused_hard, :refused_soft, :refused_duplicates, :refused_training, :peak_memory,
            :peak_memory_with_input, :model_size, :macs, :exact, :latency_ms, :started_ms)",
    )?;
    let values = named_params! {
        ":id": row.id,
        ":algorithm": row.algorithm,
        ":space": row.space,
        ":architecture": row.architecture,
        ":canonical_key": row.canonical_key,
        ":epochs": row.epochs,
        ":target_sparsity": row.target_sparsity,
        ":seed": row.seed,
        ":history_length": row.history_length,
        ":pending": row.pending,
        ":refused_hard": row.refused_hard,
        ":refused_soft": row.refused_soft,
        ":refused_duplicates": row.refused_duplicates,
        ":refused_training": row.refused_training,
        ":peak_memory": row.peak_memory,
        ":peak_memory_with_input": row.peak_memory_with_input,
        ":model_size": row.model_size,
        ":macs": row.macs,
        ":exact": row.exact,
        ":latency_ms": row.latency_ms,
        ":started_ms": row.started_ms,
    };
    statement.execute(values).map(drop)
}

fn finish(connection: &Connection, proposal: &ProposalRow, row: &ResultRow) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(
        "UPDATE trial SET state = :state, reason = :reason, arrival = :arrival, validation_error = :validation_error,
            test_error = :test_error, last_test_error = :last_test_error, int8_error = :int8_error,
            balanced_error = :balanced_error, balanced_test_error = :balanced_test_error, macro_f1_error = :macro_f1_error,
            macro_f1_test_error = :macro_f1_test_error, int8_balanced_error = :int8_balanced_error,
            int8_macro_f1_error = :int8_macro_f1_error, validation_stderr = :validation_stderr, folds = :folds, deaths = :deaths,
            best_epoch = :best_epoch, sparsity = :sparsity, graph = :graph, train_seconds = :train_seconds,
            finished_ms = :finished_ms, peak_memory = :peak_memory, peak_memory_with_input = :peak_memory_with_input,
            model_size = :model_size, macs = :macs, exact = :exact, latency_ms = :latency_ms
         WHERE id = :id",
    )?;
    let values = named_params! {
        ":id": proposal.id,
        ":state": row.state,
        ":reason": row.reason,
        ":arrival": row.arrival,
        ":validation_error": row.validation_error,
        ":test_error": row.test_error,
        ":last_test_error": row.last_test_error,
        ":int8_error": row.int8_error,
        ":balanced_error": row.balanced_error,
        ":balanced_test_error": row.balanced_test_error,
        ":macro_f1_error": row.macro_f1_error,
        ":macro_f1_test_error": row.macro_f1_test_error,
        ":int8_balanced_error": row.int8_balanced_error,
        ":int8_macro_f1_error": row.int8_macro_f1_error,
        ":validation_stderr": row.validation_stderr,
        ":folds": row.folds,
        ":deaths": row.deaths,
        ":best_epoch": row.best_epoch,
        ":sparsity": row.sparsity,
        ":graph": row.graph,
        ":train_seconds": row.train_seconds,
        ":finished_ms": row.finished_ms,
        ":peak_memory": proposal.peak_memory,
        ":peak_memory_with_input": proposal.peak_memory_with_input,
        ":model_size": proposal.model_size,
        ":macs": proposal.macs,
        ":exact": proposal.exact,
        ":latency_ms": proposal.latency_ms,
    };
    statement.execute(values).map(drop)
}
