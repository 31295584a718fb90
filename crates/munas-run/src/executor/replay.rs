//! Whether the journal leads to its proposals: each is derived again from what was known when it was made.

use munas_search::{Candidate, History, Pending, Proposal, Refusals, SearchError};

use crate::executor::error::ExecutionError;
use crate::executor::proposals::{Proposals, by_arrival, observed, training_seed};
use crate::store::run::RunReader;
use crate::trial::TrialRecord;

/// The result of a replay.
#[derive(Clone, Debug, PartialEq)]
pub struct Replay {
    /// Proposals that were derived again and are as recorded.
    pub agreeing: u64,
    /// The first that is not; the replay ends with it.
    pub difference: Option<Difference>,
}

/// A proposal that is not what the journal leads to.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// The trial.
    pub trial: u64,
    /// What differs, with both values.
    pub problem: String,
}

/// Derives every proposal of a run again and compares it with the recorded one, up to the first difference.
///
/// # Errors
/// [`ExecutionError::Store`] if the journal cannot be read.
pub fn replay(reader: &RunReader) -> Result<Replay, ExecutionError> {
    let records = reader.trials()?;
    let arrived = by_arrival(&records);
    let proposals = Proposals::new(reader.experiment(), reader.task());
    let mut history = History::new(reader.task().input);
    let mut agreeing = 0;
    for record in &records {
        let known = usize::try_from(record.proposal.history_length).unwrap_or(usize::MAX);
        // Proposals are made one after the other, so that each knows at least what the one before it knew.
        if known < history.len() || known > arrived.len() {
            let problem = format!("it knows {known} results, of {} in the journal", arrived.len());
            return Ok(Replay { agreeing, difference: Some(Difference { trial: record.trial, problem }) });
        }
        for known in &arrived[history.len()..known] {
            history.push(observed(known));
        }
        let difference = match pending(&proposals, &records, record) {
            Ok(pending) => {
                let suggestion = proposals.propose(record.trial, &history, &pending, &|| false);
                let derived = suggestion.map(|suggestion| (suggestion.candidate, suggestion.refused));
                compare(record, derived, reader.experiment().seed)
            }
            Err(problem) => Some(problem),
        };
        if let Some(problem) = difference {
            return Ok(Replay { agreeing, difference: Some(Difference { trial: record.trial, problem }) });
        }
        agreeing += 1;
    }
    Ok(Replay { agreeing, difference: None })
}

/// The candidates that were running when a trial was proposed, as they were then: not pruned yet.
fn pending(
    proposals: &Proposals,
    records: &[TrialRecord],
    record: &TrialRecord,
) -> Result<Vec<Pending>, String> {
    let running = |&trial: &u64| {
        let position = records.binary_search_by_key(&trial, |record| record.trial);
        let position = position.map_err(|_| format!("trial {trial}, pending then, is not in the journal"))?;
        let Candidate { architecture, epochs, sparsity, .. } = records[position].candidate.clone();
        let candidate = proposals.problem().candidate(Proposal { architecture, epochs, sparsity });
        Ok(Pending { trial, epochs, candidate })
    };
    record.proposal.pending.iter().map(running).collect()
}

fn compare(
    record: &TrialRecord,
    derived: Result<(Candidate, Refusals), SearchError>,
    experiment_seed: u64,
) -> Option<String> {
    let (candidate, refused) = match derived {
        Ok(derived) => derived,
        Err(error) => return Some(format!("there is no proposal: {error}")),
    };
    let recorded = &record.candidate;
    let differs = |what: &str, recorded: String, derived: String| {
        (recorded != derived).then(|| format!("{what}: recorded {recorded}, derived {derived}"))
    };
    let seed = training_seed(experiment_seed, record.trial);
    differs("architecture", recorded.architecture.to_json_text(), candidate.architecture.to_json_text())
        .or_else(|| differs("epochs", recorded.epochs.to_string(), candidate.epochs.to_string()))
        .or_else(|| {
            let sparsity = |candidate: &Candidate| format!("{:?}", candidate.sparsity);
            differs("target sparsity", sparsity(recorded), sparsity(&candidate))
        })
        .or_else(|| differs("seed", record.seed.to_string(), seed.to_string()))
        .or_else(|| {
            // Those of a pruned network were measured, not proposed.
            if record.pruned.is_some() {
                return None;
            }
            differs("resources", format!("{:?}", recorded.resources), format!("{:?}", candidate.resources))
        })
        .or_else(|| {
            differs("refused draws", format!("{:?}", record.proposal.refused), format!("{refused:?}"))
        })
}
