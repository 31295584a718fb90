//! The rows of the journal, and how they become domain values and back.
//!
//! Rows have the types of SQLite (64-bit signed integers, floats, text), one field per column. Whatever a damaged or
//! edited journal may hold is found here, in the conversion, and reported with the trial and the column.

use rusqlite::Row;

use munas_cost::Resources;
use munas_ir::{Graph, Shape};
use munas_search::{Candidate, Refusals};
use munas_space::Architecture;

use crate::trial::{Driving, Outcome, ProposalRecord, PrunedNetwork, TrialRecord, TrialState};

/// A row that is no trial: which column, and what is wrong with it.
#[derive(Debug)]
pub(super) struct RowError {
    pub trial: i64,
    pub column: &'static str,
    pub problem: String,
}

/// The columns of a proposal: what is known before training.
#[derive(Debug)]
pub(super) struct ProposalRow {
    pub id: i64,
    pub algorithm: String,
    pub space: String,
    pub architecture: String,
    pub canonical_key: String,
    pub epochs: i64,
    pub target_sparsity: Option<f64>,
    pub seed: i64,
    pub history_length: i64,
    pub pending: String,
    pub refused_hard: i64,
    pub refused_soft: i64,
    pub refused_duplicates: i64,
    pub refused_training: i64,
    pub peak_memory: i64,
    pub peak_memory_with_input: i64,
    pub model_size: i64,
    pub macs: i64,
    pub exact: bool,
    pub latency_ms: Option<f64>,
    pub started_ms: i64,
}

/// The columns of a result.
#[derive(Debug)]
pub(super) struct ResultRow {
    pub state: String,
    pub reason: Option<String>,
    pub arrival: Option<i64>,
    pub validation_error: Option<f64>,
    pub test_error: Option<f64>,
    pub last_test_error: Option<f64>,
    pub int8_error: Option<f64>,
    pub balanced_error: Option<f64>,
    pub balanced_test_error: Option<f64>,
    pub macro_f1_error: Option<f64>,
    pub macro_f1_test_error: Option<f64>,
    pub int8_balanced_error: Option<f64>,
    pub int8_macro_f1_error: Option<f64>,
    pub validation_stderr: Option<f64>,
    pub folds: Option<i64>,
    pub best_epoch: Option<i64>,
    pub sparsity: Option<f64>,
    pub graph: Option<String>,
    pub train_seconds: Option<f64>,
    pub finished_ms: Option<i64>,
    pub deaths: i64,
}

impl ProposalRow {
    pub fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get("id")?,
            algorithm: row.get("algorithm")?,
            space: row.get("space")?,
            architecture: row.get("architecture")?,
            canonical_key: row.get("canonical_key")?,
            epochs: row.get("epochs")?,
            target_sparsity: row.get("target_sparsity")?,
            seed: row.get("seed")?,
            history_length: row.get("history_length")?,
            pending: row.get("pending")?,
            refused_hard: row.get("refused_hard")?,
            refused_soft: row.get("refused_soft")?,
            refused_duplicates: row.get("refused_duplicates")?,
            refused_training: row.get("refused_training")?,
            peak_memory: row.get("peak_memory")?,
            peak_memory_with_input: row.get("peak_memory_with_input")?,
            model_size: row.get("model_size")?,
            macs: row.get("macs")?,
            exact: row.get("exact")?,
            latency_ms: row.get("latency_ms")?,
            started_ms: row.get("started_ms")?,
        })
    }
}

impl ResultRow {
    pub fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            state: row.get("state")?,
            reason: row.get("reason")?,
            arrival: row.get("arrival")?,
            validation_error: row.get("validation_error")?,
            test_error: row.get("test_error")?,
            last_test_error: row.get("last_test_error")?,
            int8_error: row.get("int8_error")?,
            balanced_error: row.get("balanced_error")?,
            balanced_test_error: row.get("balanced_test_error")?,
            macro_f1_error: row.get("macro_f1_error")?,
            macro_f1_test_error: row.get("macro_f1_test_error")?,
            int8_balanced_error: row.get("int8_balanced_error")?,
            int8_macro_f1_error: row.get("int8_macro_f1_error")?,
            validation_stderr: row.get("validation_stderr")?,
            folds: row.get("folds")?,
            best_epoch: row.get("best_epoch")?,
            sparsity: row.get("sparsity")?,
            graph: row.get("graph")?,
            train_seconds: row.get("train_seconds")?,
            finished_ms: row.get("finished_ms")?,
            deaths: row.get("deaths")?,
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
    let resources = &candidate.resources;
    ProposalRow {
        id: integer(record.trial),
        algorithm: proposal.algorithm.clone(),
        space: candidate.architecture.kind().to_string(),
        architecture: candidate.architecture.to_json_text(),
        canonical_key: canonical_key(&candidate.architecture, input),
        epochs: i64::from(candidate.epochs),
        target_sparsity: candidate.sparsity,
        seed: integer(record.seed),
        history_length: integer(proposal.history_length),
        pending: serde_json::to_string(&proposal.pending).expect("numbers have a JSON form"),
        refused_hard: integer(proposal.refused.hard),
        refused_soft: integer(proposal.refused.soft),
        refused_duplicates: integer(proposal.refused.duplicates),
        refused_training: integer(proposal.refused.training),
        peak_memory: integer(resources.peak_memory),
        peak_memory_with_input: integer(resources.peak_memory_with_input),
        model_size: integer(resources.model_size),
        macs: integer(resources.macs),
        exact: resources.exact,
        latency_ms: candidate.latency_ms,
        started_ms: integer(record.started_ms),
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
    }
}

/// The trial of a row.
pub(super) fn trial_record(
    proposal: ProposalRow,
    result: ResultRow,
    input: Shape,
    driving: Driving,
) -> Result<TrialRecord, RowError> {
    let column = Columns { trial: proposal.id };
    let kind = proposal.space.parse().map_err(|error| column.error("space", &error))?;
    let architecture = Architecture::from_json_text(kind, &proposal.architecture)
        .map_err(|error| column.error("architecture", &error))?;
    let key = canonical_key(&architecture, input);
    if key != proposal.canonical_key {
        let problem = format!("is {}, but that of the architecture is {key}", proposal.canonical_key);
        return Err(column.error("canonical_key", &problem));
    }
    let resources = Resources {
        peak_memory: column.unsigned("peak_memory", proposal.peak_memory)?,
        peak_memory_with_input: column.unsigned("peak_memory_with_input", proposal.peak_memory_with_input)?,
        model_size: column.unsigned("model_size", proposal.model_size)?,
        macs: column.unsigned("macs", proposal.macs)?,
        exact: proposal.exact,
    };
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
            latency_ms: proposal.latency_ms,
            epochs: column.unsigned("epochs", proposal.epochs)?,
            sparsity: proposal.target_sparsity,
        },
        proposal: ProposalRecord {
            algorithm: proposal.algorithm,
            history_length: column.unsigned("history_length", proposal.history_length)?,
            pending: serde_json::from_str(&proposal.pending)
                .map_err(|error| column.error("pending", &error))?,
            refused,
        },
        seed: column.unsigned("seed", proposal.seed)?,
        driving,
        pruned: column.pruned(&result)?,
        deaths: column.unsigned("deaths", result.deaths)?,
        state: column.state(result)?,
        arrival,
        started_ms: column.unsigned("started_ms", proposal.started_ms)?,
        finished_ms,
    })
}

/// Reads columns of one trial.
struct Columns {
    trial: i64,
}

impl Columns {
    fn error(&self, column: &'static str, problem: &impl ToString) -> RowError {
        RowError { trial: self.trial, column, problem: problem.to_string() }
    }

    fn unsigned<T: TryFrom<i64>>(&self, column: &'static str, value: i64) -> Result<T, RowError> {
        T::try_from(value).map_err(|_| self.error(column, &format!("is {value}, out of range")))
    }

    fn present<T>(&self, column: &'static str, value: Option<T>) -> Result<T, RowError> {
        value.ok_or_else(|| self.error(column, &"is empty"))
    }

    fn pruned(&self, row: &ResultRow) -> Result<Option<PrunedNetwork>, RowError> {
        let (Some(sparsity), Some(graph)) = (row.sparsity, &row.graph) else { return Ok(None) };
        let graph = Graph::from_json(graph).map_err(|error| self.error("graph", &error))?;
        Ok(Some(PrunedNetwork { sparsity, graph }))
    }

    fn state(&self, row: ResultRow) -> Result<TrialState, RowError> {
        match row.state.as_str() {
            "running" => Ok(TrialState::Running),
            "stopped" => Ok(TrialState::Stopped),
            "failed" => self.present("reason", row.reason).map(TrialState::Failed),
            "done" => Ok(TrialState::Done(Outcome {
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
            })),
            other => Err(self.error("state", &format!("is `{other}`"))),
        }
    }
}

/// A number of the run as SQLite holds it. Seeds are drawn from 63 bits; a count of MACs that is larger, which only a
/// network far beyond any device has, saturates.
pub(super) fn integer(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
