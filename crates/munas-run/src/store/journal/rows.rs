//! The rows of the journal, and how they become domain values and back.
//!
//! Rows have the types of SQLite (64-bit signed integers, floats, text), one field per column. Whatever a damaged or
//! edited journal may hold is found here, in the conversion, and reported with the trial and the column.

use rusqlite::Row;

use munas_cost::{BoardFigures, Resources};
use munas_ir::{Graph, Shape};
use munas_search::{Candidate, Refusals};
use munas_space::Architecture;

use super::columns::columns;
use crate::driving::Terms;
use crate::trial::{
    DecisionRecord, Outcome, PromotionRecord, ProposalRecord, PrunedNetwork, RungResult, TrialRecord,
    TrialState,
};

/// A row that is no trial: which column, and what is wrong with it.
#[derive(Debug)]
pub(super) struct RowError {
    pub trial: i64,
    pub column: &'static str,
    pub problem: String,
}

columns! {
    /// The columns of a proposal: what is known before training, but for its resources.
    ProposalRow {
        id: i64,
        algorithm: String,
        space: String,
        architecture: String,
        canonical_key: String,
        epochs: i64,
        target_sparsity: Option<f64>,
        seed: i64,
        history_length: i64,
        pending: String,
        refused_hard: i64,
        refused_soft: i64,
        refused_duplicates: i64,
        refused_training: i64,
        started_ms: i64,
        decision: i64,
    }
}

columns! {
    /// The columns of what a network takes: of the proposal, then of what pruning has left.
    ResourceRow {
        peak_memory: i64,
        peak_memory_with_input: i64,
        model_size: i64,
        macs: i64,
        exact: bool,
        latency_ms: Option<f64>,
        energy_mj: Option<f64>,
        flash: Option<i64>,
        peak_memory_of_model: Option<i64>,
    }
}

columns! {
    /// The columns of the best that is known of a trial, and of its state.
    ResultRow {
        state: String,
        reason: Option<String>,
        arrival: Option<i64>,
        validation_error: Option<f64>,
        test_error: Option<f64>,
        last_test_error: Option<f64>,
        int8_error: Option<f64>,
        balanced_error: Option<f64>,
        balanced_test_error: Option<f64>,
        macro_f1_error: Option<f64>,
        macro_f1_test_error: Option<f64>,
        int8_balanced_error: Option<f64>,
        int8_macro_f1_error: Option<f64>,
        validation_stderr: Option<f64>,
        folds: Option<i64>,
        best_epoch: Option<i64>,
        sparsity: Option<f64>,
        graph: Option<String>,
        train_seconds: Option<f64>,
        finished_ms: Option<i64>,
        deaths: i64,
        trained_epochs: Option<i64>,
    }
}

columns! {
    /// A row of the table `promotion`.
    PromotionRow {
        decision: i64,
        trial: i64,
        epochs: i64,
        history_length: i64,
        pending: String,
    }
}

columns! {
    /// A row of the table `result`.
    RungRow {
        arrival: i64,
        trial: i64,
        epochs: i64,
        error: Option<f64>,
        lost: bool,
    }
}

/// A row of the table `trial`.
#[derive(Debug)]
pub(super) struct TrialRow {
    pub proposal: ProposalRow,
    pub resources: ResourceRow,
    pub result: ResultRow,
}

impl TrialRow {
    pub fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            proposal: ProposalRow::read(row)?,
            resources: ResourceRow::read(row)?,
            result: ResultRow::read(row)?,
        })
    }
}

/// The hash by which duplicates are recognised in the journal: of the canonical architecture's JSON, 128 bits in hex.
pub(crate) fn canonical_key(architecture: &Architecture, input: Shape) -> String {
    let json = architecture.canonical(input).to_json_text();
    blake3::hash(json.as_bytes()).to_hex()[..32].to_owned()
}

/// The columns of a new trial.
pub(super) fn proposal_row(record: &TrialRecord, input: Shape) -> ProposalRow {
    let TrialRecord { candidate, proposal, .. } = record;
    ProposalRow {
        id: integer(record.trial),
        algorithm: proposal.algorithm.clone(),
        space: candidate.architecture.kind().to_string(),
        architecture: candidate.architecture.to_json_text(),
        canonical_key: canonical_key(&candidate.architecture, input),
        epochs: i64::from(candidate.epochs),
        target_sparsity: candidate.sparsity,
        seed: integer(record.seed),
        history_length: integer(proposal.decision.history_length),
        pending: pending_text(&proposal.decision.pending),
        refused_hard: integer(proposal.refused.hard),
        refused_soft: integer(proposal.refused.soft),
        refused_duplicates: integer(proposal.refused.duplicates),
        refused_training: integer(proposal.refused.training),
        started_ms: integer(record.started_ms),
        decision: integer(proposal.decision.number),
    }
}

/// The list of running trials as text.
pub(super) fn pending_text(trials: &[u64]) -> String {
    serde_json::to_string(trials).expect("numbers have a JSON form")
}

/// The columns of what a trial's network takes.
pub(super) fn resource_row(candidate: &Candidate) -> ResourceRow {
    resource_columns(&candidate.resources, &candidate.on_board)
}

/// The columns of what a network takes.
pub(super) fn resource_columns(resources: &Resources, on_board: &BoardFigures) -> ResourceRow {
    ResourceRow {
        peak_memory: integer(resources.peak_memory),
        peak_memory_with_input: integer(resources.peak_memory_with_input),
        model_size: integer(resources.model_size),
        macs: integer(resources.macs),
        exact: resources.exact,
        latency_ms: on_board.latency_ms,
        energy_mj: on_board.energy_mj,
        flash: on_board.flash.map(integer),
        peak_memory_of_model: resources.peak_memory_of_model.map(integer),
    }
}

/// The columns of a trial's state.
pub(super) fn result_row(record: &TrialRecord) -> ResultRow {
    let outcome = record.outcome();
    let reason = match &record.state {
        TrialState::Failed(reason) => Some(reason.clone()),
        _ => None,
    };
    ResultRow {
        state: record.state.name().to_owned(),
        reason,
        arrival: record.arrival.map(integer),
        validation_error: outcome.map(|outcome| outcome.validation_error),
        test_error: outcome.map(|outcome| outcome.test_error),
        last_test_error: outcome.map(|outcome| outcome.last_test_error),
        int8_error: outcome.and_then(|outcome| outcome.int8_error),
        balanced_error: outcome.and_then(|outcome| outcome.balanced_error),
        balanced_test_error: outcome.and_then(|outcome| outcome.balanced_test_error),
        macro_f1_error: outcome.and_then(|outcome| outcome.macro_f1_error),
        macro_f1_test_error: outcome.and_then(|outcome| outcome.macro_f1_test_error),
        int8_balanced_error: outcome.and_then(|outcome| outcome.int8_balanced_error),
        int8_macro_f1_error: outcome.and_then(|outcome| outcome.int8_macro_f1_error),
        validation_stderr: outcome.and_then(|outcome| outcome.validation_stderr),
        folds: outcome.map(|outcome| i64::from(outcome.folds)),
        best_epoch: outcome.map(|outcome| i64::from(outcome.best_epoch)),
        sparsity: record.pruned.as_ref().map(|pruned| pruned.sparsity),
        graph: record.pruned.as_ref().map(|pruned| pruned.graph.to_json()),
        train_seconds: outcome.map(|outcome| outcome.train_seconds),
        finished_ms: record.finished_ms.map(integer),
        deaths: integer(record.deaths),
        trained_epochs: outcome.map(|outcome| i64::from(outcome.epochs)),
    }
}

/// The trial of a row.
pub(super) fn trial_record(row: TrialRow, input: Shape, terms: Terms) -> Result<TrialRecord, RowError> {
    let TrialRow { proposal, resources, result } = row;
    let column = Columns { trial: proposal.id };
    let kind = proposal.space.parse().map_err(|error| column.error("space", &error))?;
    let architecture = Architecture::from_json_text(kind, &proposal.architecture)
        .map_err(|error| column.error("architecture", &error))?;
    let key = canonical_key(&architecture, input);
    if key != proposal.canonical_key {
        let problem = format!("is {}, but that of the architecture is {key}", proposal.canonical_key);
        return Err(column.error("canonical_key", &problem));
    }
    let (resources, on_board) = column.resources(&resources)?;
    let refused = Refusals {
        hard: column.unsigned("refused_hard", proposal.refused_hard)?,
        soft: column.unsigned("refused_soft", proposal.refused_soft)?,
        duplicates: column.unsigned("refused_duplicates", proposal.refused_duplicates)?,
        training: column.unsigned("refused_training", proposal.refused_training)?,
    };
    let arrival = result.arrival.map(|arrival| column.unsigned("arrival", arrival)).transpose()?;
    let finished_ms = result.finished_ms.map(|time| column.unsigned("finished_ms", time)).transpose()?;
    Ok(TrialRecord {
        trial: column.unsigned("id", proposal.id)?,
        candidate: Candidate {
            architecture,
            resources,
            on_board,
            epochs: column.unsigned("epochs", proposal.epochs)?,
            sparsity: proposal.target_sparsity,
        },
        proposal: ProposalRecord {
            algorithm: proposal.algorithm,
            decision: DecisionRecord {
                number: column.unsigned("decision", proposal.decision)?,
                history_length: column.unsigned("history_length", proposal.history_length)?,
                pending: column.pending(&proposal.pending)?,
            },
            refused,
        },
        seed: column.unsigned("seed", proposal.seed)?,
        driving: terms.driving,
        memory: terms.memory,
        pruned: column.pruned(&result)?,
        deaths: column.unsigned("deaths", result.deaths)?,
        state: column.state(&result)?,
        outcome: column.outcome(&result)?,
        arrival,
        started_ms: column.unsigned("started_ms", proposal.started_ms)?,
        finished_ms,
    })
}

/// Reads columns of one trial.
pub(super) struct Columns {
    pub trial: i64,
}

impl Columns {
    pub fn error(&self, column: &'static str, problem: &impl ToString) -> RowError {
        RowError { trial: self.trial, column, problem: problem.to_string() }
    }

    /// What a network takes, and what on the experiment's board.
    pub fn resources(&self, resources: &ResourceRow) -> Result<(Resources, BoardFigures), RowError> {
        let on_board = BoardFigures {
            latency_ms: resources.latency_ms,
            energy_mj: resources.energy_mj,
            flash: resources.flash.map(|bytes| self.unsigned("flash", bytes)).transpose()?,
        };
        let of_network = Resources {
            peak_memory: self.unsigned("peak_memory", resources.peak_memory)?,
            peak_memory_with_input: self
                .unsigned("peak_memory_with_input", resources.peak_memory_with_input)?,
            peak_memory_of_model: resources
                .peak_memory_of_model
                .map(|bytes| self.unsigned("peak_memory_of_model", bytes))
                .transpose()?,
            model_size: self.unsigned("model_size", resources.model_size)?,
            macs: self.unsigned("macs", resources.macs)?,
            exact: resources.exact,
        };
        Ok((of_network, on_board))
    }

    pub fn unsigned<T: TryFrom<i64>>(&self, column: &'static str, value: i64) -> Result<T, RowError> {
        T::try_from(value).map_err(|_| self.error(column, &format!("is {value}, out of range")))
    }

    pub fn present<T>(&self, column: &'static str, value: Option<T>) -> Result<T, RowError> {
        value.ok_or_else(|| self.error(column, &"is empty"))
    }

    fn pruned(&self, row: &ResultRow) -> Result<Option<PrunedNetwork>, RowError> {
        let (Some(sparsity), Some(graph)) = (row.sparsity, &row.graph) else { return Ok(None) };
        let graph = Graph::from_json(graph).map_err(|error| self.error("graph", &error))?;
        Ok(Some(PrunedNetwork { sparsity, graph }))
    }

    fn state(&self, row: &ResultRow) -> Result<TrialState, RowError> {
        match row.state.as_str() {
            "running" => Ok(TrialState::Running),
            "stopped" => Ok(TrialState::Stopped),
            "failed" => self.present("reason", row.reason.clone()).map(TrialState::Failed),
            "paused" => Ok(TrialState::Paused),
            "done" => Ok(TrialState::Done),
            other => Err(self.error("state", &format!("is `{other}`"))),
        }
    }

    fn outcome(&self, row: &ResultRow) -> Result<Option<Outcome>, RowError> {
        let Some(epochs) = row.trained_epochs else { return Ok(None) };
        Ok(Some(Outcome {
            epochs: self.unsigned("trained_epochs", epochs)?,
            validation_error: self.present("validation_error", row.validation_error)?,
            test_error: self.present("test_error", row.test_error)?,
            last_test_error: self.present("last_test_error", row.last_test_error)?,
            int8_error: row.int8_error,
            balanced_error: row.balanced_error,
            balanced_test_error: row.balanced_test_error,
            macro_f1_error: row.macro_f1_error,
            macro_f1_test_error: row.macro_f1_test_error,
            int8_balanced_error: row.int8_balanced_error,
            int8_macro_f1_error: row.int8_macro_f1_error,
            validation_stderr: row.validation_stderr,
            folds: row.folds.map_or(Ok(1), |folds| self.unsigned("folds", folds))?,
            best_epoch: self.unsigned("best_epoch", self.present("best_epoch", row.best_epoch)?)?,
            train_seconds: self.present("train_seconds", row.train_seconds)?,
        }))
    }

    fn pending(&self, text: &str) -> Result<Vec<u64>, RowError> {
        serde_json::from_str(text).map_err(|error| self.error("pending", &error))
    }
}

/// The promotion of a row of the table `promotion`.
pub(super) fn promotion_record(row: &PromotionRow) -> Result<PromotionRecord, RowError> {
    let column = Columns { trial: row.trial };
    Ok(PromotionRecord {
        decision: DecisionRecord {
            number: column.unsigned("decision", row.decision)?,
            history_length: column.unsigned("history_length", row.history_length)?,
            pending: column.pending(&row.pending)?,
        },
        trial: column.unsigned("trial", row.trial)?,
        epochs: column.unsigned("epochs", row.epochs)?,
    })
}

/// The columns of a promotion.
pub(super) fn promotion_row(record: &PromotionRecord) -> PromotionRow {
    let PromotionRecord { decision, trial, epochs } = record;
    PromotionRow {
        decision: integer(decision.number),
        trial: integer(*trial),
        epochs: i64::from(*epochs),
        history_length: integer(decision.history_length),
        pending: pending_text(&decision.pending),
    }
}

/// The result of a row of the table `result`.
pub(super) fn rung_result(row: &RungRow) -> Result<RungResult, RowError> {
    let column = Columns { trial: row.trial };
    Ok(RungResult {
        trial: column.unsigned("trial", row.trial)?,
        epochs: column.unsigned("epochs", row.epochs)?,
        arrival: column.unsigned("arrival", row.arrival)?,
        error: row.error,
        lost: row.lost,
    })
}

/// The columns of a result.
pub(super) fn rung_row(result: &RungResult) -> RungRow {
    let RungResult { trial, epochs, arrival, error, lost } = *result;
    RungRow { arrival: integer(arrival), trial: integer(trial), epochs: i64::from(epochs), error, lost }
}

/// A number of the run as SQLite holds it. Seeds are drawn from 63 bits; a count of MACs that is larger, which only a
/// network far beyond any device has, saturates.
pub(super) fn integer(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
