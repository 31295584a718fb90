//! Trainings of finalists.

use rusqlite::{Connection, Row};

use munas_ir::Graph;

use super::columns::{columns, placeholders};
use super::rows::{self, Columns, ResourceRow, integer};
use super::{Journal, JournalError, JournalProblem, meta};
use crate::driving::Driving;
use crate::finalist::{FinalistOutcome, FinalistRecord, FinalistState};
use crate::trial::PrunedNetwork;

columns! {
    /// The columns of a training, but for what its network takes.
    FinalistRow {
        trial: i64,
        number: i64,
        seed: i64,
        epochs: i64,
        teacher: Option<i64>,
        state: String,
        reason: Option<String>,
        validation_error: Option<f64>,
        int8_error: Option<f64>,
        test_error: Option<f64>,
        int8_test_error: Option<f64>,
        validation_stderr: Option<f64>,
        folds: Option<i64>,
        best_epoch: Option<i64>,
        sparsity: Option<f64>,
        graph: Option<String>,
        train_seconds: Option<f64>,
        finished_ms: i64,
    }
}

impl Journal {
    /// Records a training that has ended.
    pub fn insert_finalist(&mut self, record: &FinalistRecord) -> Result<(), JournalError> {
        let row = row_of(record);
        let resources = rows::resource_columns(&record.resources, &record.on_board);
        self.write_durably(|connection| insert(connection, &row, &resources))
    }

    /// Records how many epochs trainings of finalists have from now on.
    pub fn set_finalist_epochs(&mut self, epochs: u32) -> Result<(), JournalError> {
        self.write_durably(|connection| {
            meta::set_fact(connection, meta::FINALIST_EPOCHS, &epochs.to_string())
        })
    }

    /// How many epochs trainings of finalists had when some were last begun.
    pub fn finalist_epochs(&self) -> Result<Option<u32>, JournalError> {
        let fact = self.sqlite(|connection| meta::fact(connection, meta::FINALIST_EPOCHS))?;
        let unreadable = |_| JournalProblem::Corrupted(format!("table meta: {}", meta::FINALIST_EPOCHS));
        fact.map(|epochs| epochs.parse().map_err(|error| self.error(unreadable(error)))).transpose()
    }

    /// All trainings of finalists, by trial and number.
    pub fn finalists(&self) -> Result<Vec<FinalistRecord>, JournalError> {
        let rows: Vec<(FinalistRow, ResourceRow)> = self.sqlite(|connection| {
            let mut statement = connection.prepare_cached("SELECT * FROM finalist ORDER BY trial, number")?;
            let read = |row: &Row<'_>| Ok((FinalistRow::read(row)?, ResourceRow::read(row)?));
            statement.query_map([], read)?.collect()
        })?;
        let records = rows.into_iter().map(|(row, resources)| record_of(row, &resources, self.terms.driving));
        records.collect::<Result<_, _>>().map_err(|error: rows::RowError| {
            self.error(JournalProblem::Corrupted(format!("finalists: {error}")))
        })
    }
}

fn insert(connection: &Connection, row: &FinalistRow, resources: &ResourceRow) -> rusqlite::Result<()> {
    let names: Vec<&str> = [FinalistRow::NAMES, ResourceRow::NAMES].concat();
    let sql = format!(
        "INSERT OR REPLACE INTO finalist ({}) VALUES ({})",
        names.join(", "),
        placeholders(names.len())
    );
    let values = [row.values(), resources.values()].concat();
    connection.prepare_cached(&sql)?.execute(&values[..]).map(drop)
}

fn row_of(record: &FinalistRecord) -> FinalistRow {
    let outcome = record.outcome();
    let reason = match &record.state {
        FinalistState::Failed(reason) => Some(reason.clone()),
        FinalistState::Done(_) => None,
    };
    FinalistRow {
        trial: integer(record.trial),
        number: i64::from(record.number),
        seed: integer(record.seed),
        epochs: i64::from(record.epochs),
        teacher: record.teacher.map(integer),
        state: record.state.name().to_owned(),
        reason,
        validation_error: outcome.map(|outcome| outcome.validation_error),
        int8_error: outcome.and_then(|outcome| outcome.int8_error),
        test_error: outcome.map(|outcome| outcome.test_error),
        int8_test_error: outcome.and_then(|outcome| outcome.int8_test_error),
        validation_stderr: outcome.and_then(|outcome| outcome.validation_stderr),
        folds: outcome.map(|outcome| i64::from(outcome.folds)),
        best_epoch: outcome.map(|outcome| i64::from(outcome.best_epoch)),
        sparsity: record.pruned.as_ref().map(|pruned| pruned.sparsity),
        graph: record.pruned.as_ref().map(|pruned| pruned.graph.to_json()),
        train_seconds: outcome.map(|outcome| outcome.train_seconds),
        finished_ms: integer(record.finished_ms),
    }
}

fn record_of(
    row: FinalistRow,
    resources: &ResourceRow,
    driving: Driving,
) -> Result<FinalistRecord, rows::RowError> {
    let column = Columns { trial: row.trial };
    let (resources, on_board) = column.resources(resources)?;
    let pruned = match (row.sparsity, &row.graph) {
        (Some(sparsity), Some(graph)) => {
            let graph = Graph::from_json(graph).map_err(|error| column.error("graph", &error))?;
            Some(PrunedNetwork { sparsity, graph })
        }
        _ => None,
    };
    Ok(FinalistRecord {
        trial: column.unsigned("trial", row.trial)?,
        number: column.unsigned("number", row.number)?,
        seed: column.unsigned("seed", row.seed)?,
        epochs: column.unsigned("epochs", row.epochs)?,
        teacher: row.teacher.map(|trial| column.unsigned("teacher", trial)).transpose()?,
        resources,
        on_board,
        pruned,
        driving,
        finished_ms: column.unsigned("finished_ms", row.finished_ms)?,
        state: state(&column, row)?,
    })
}

fn state(column: &Columns, row: FinalistRow) -> Result<FinalistState, rows::RowError> {
    match row.state.as_str() {
        "failed" => column.present("reason", row.reason).map(FinalistState::Failed),
        "done" => Ok(FinalistState::Done(FinalistOutcome {
            validation_error: column.present("validation_error", row.validation_error)?,
            int8_error: row.int8_error,
            test_error: column.present("test_error", row.test_error)?,
            int8_test_error: row.int8_test_error,
            validation_stderr: row.validation_stderr,
            folds: column.unsigned("folds", column.present("folds", row.folds)?)?,
            best_epoch: column.unsigned("best_epoch", column.present("best_epoch", row.best_epoch)?)?,
            train_seconds: column.present("train_seconds", row.train_seconds)?,
        })),
        other => Err(column.error("state", &format!("is `{other}`"))),
    }
}
