//! Whether the journal leads to its decisions: each is derived again from what was known when it was made.

use std::collections::BTreeMap;

use munas_search::{Candidate, Decision, History, Pending, Proposal, SearchError, Suggestion};

use crate::executor::error::ExecutionError;
use crate::executor::proposals::{Proposals, learn_all, training_seed};
use crate::store::run::RunReader;
use crate::trial::{DecisionRecord, PromotionRecord, TrialRecord};

/// The result of a replay.
#[derive(Clone, Debug, PartialEq)]
pub struct Replay {
    /// Decisions that were derived again and are as recorded: trials that began, and promotions.
    pub agreeing: u64,
    /// The first that is not; the replay ends with it.
    pub difference: Option<Difference>,
}

/// A decision that is not what the journal leads to.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// The trial.
    pub trial: u64,
    /// What differs, with both values.
    pub problem: String,
}

/// Derives every decision of a run again and compares it with the recorded one, up to the first difference.
///
/// # Errors
/// [`ExecutionError::Store`] if the journal cannot be read.
pub fn replay(reader: &RunReader) -> Result<Replay, ExecutionError> {
    let records = reader.trials()?;
    let results = reader.results()?;
    let proposals = Proposals::new(reader.experiment(), reader.task());
    let mut decided = Decided::default();
    let mut history = History::new(reader.task().input);
    let mut agreeing = 0;
    for taken in decisions(&records, &reader.promotions()?) {
        let (decision, trial) = (taken.decision(), taken.trial());
        let differs = |problem| Replay { agreeing, difference: Some(Difference { trial, problem }) };
        let known = usize::try_from(decision.history_length).unwrap_or(usize::MAX);
        // Decisions are made one after the other, so that each knows at least what the one before it knew.
        if known < history.len() || known > results.len() {
            return Ok(differs(format!("it knows {known} results, of {} in the journal", results.len())));
        }
        let new = &results[history.len()..known];
        learn_all(&mut history, &records, new);
        let difference = match decided.pending(&proposals, &records, decision) {
            Ok(pending) => {
                let known = (&history, pending.as_slice());
                let derived = proposals.decide(decision.number, known, true, &|| false);
                taken.compare(derived, reader.experiment().seed)
            }
            Err(problem) => Some(problem),
        };
        if let Some(problem) = difference {
            return Ok(differs(problem));
        }
        decided.note(&taken, &proposals);
        agreeing += 1;
    }
    Ok(Replay { agreeing, difference: None })
}

/// A decision as the journal has it.
enum Taken<'a> {
    Start(&'a TrialRecord),
    Promote(&'a PromotionRecord),
}

/// All decisions, in the order in which they were taken.
fn decisions<'a>(records: &'a [TrialRecord], promotions: &'a [PromotionRecord]) -> Vec<Taken<'a>> {
    let starts = records.iter().map(Taken::Start);
    let mut all: Vec<Taken<'_>> = starts.chain(promotions.iter().map(Taken::Promote)).collect();
    all.sort_by_key(|taken| taken.decision().number);
    all
}

impl Taken<'_> {
    fn decision(&self) -> &DecisionRecord {
        match self {
            Self::Start(record) => &record.proposal.decision,
            Self::Promote(promotion) => &promotion.decision,
        }
    }

    fn trial(&self) -> u64 {
        match self {
            Self::Start(record) => record.trial,
            Self::Promote(promotion) => promotion.trial,
        }
    }

    /// What differs between the decision and the one that was derived, if anything does.
    fn compare(
        &self,
        derived: Result<Option<Decision>, SearchError>,
        experiment_seed: u64,
    ) -> Option<String> {
        let what = |derived: &Decision| match derived {
            Decision::Promote(trial) => format!("trial {trial} is trained on"),
            Decision::Start(_) => "a new trial begins".to_owned(),
        };
        match (self, derived) {
            (_, Err(error)) => Some(format!("there is no decision: {error}")),
            (_, Ok(None)) => Some("there is no decision".to_owned()),
            (Self::Start(record), Ok(Some(Decision::Start(suggestion)))) => {
                compare(record, *suggestion, experiment_seed)
            }
            (Self::Promote(promotion), Ok(Some(Decision::Promote(trial)))) if trial == promotion.trial => {
                None
            }
            (Self::Start(_), Ok(Some(derived))) => {
                Some(format!("recorded: a new trial begins, derived: {}", what(&derived)))
            }
            (Self::Promote(PromotionRecord { trial, .. }), Ok(Some(derived))) => {
                Some(format!("recorded: trial {trial} is trained on, derived: {}", what(&derived)))
            }
        }
    }
}

/// What was decided so far.
#[derive(Default)]
struct Decided {
    /// The end of the rung that each trial was sent to, and whether it was by a promotion.
    ends: BTreeMap<u64, (u32, bool)>,
}

impl Decided {
    fn note(&mut self, taken: &Taken<'_>, proposals: &Proposals) {
        let (trial, end) = match taken {
            Taken::Start(record) => (record.trial, (proposals.first_end(record.candidate.epochs), false)),
            Taken::Promote(promotion) => (promotion.trial, (promotion.epochs, true)),
        };
        self.ends.insert(trial, end);
    }

    /// The candidates that were running when a decision was made, as they were then: not pruned yet, but for those that had rested.
    fn pending(
        &self,
        proposals: &Proposals,
        records: &[TrialRecord],
        decision: &DecisionRecord,
    ) -> Result<Vec<Pending>, String> {
        let running = |&trial: &u64| {
            let position = records.binary_search_by_key(&trial, |record| record.trial);
            let position =
                position.map_err(|_| format!("trial {trial}, pending then, is not in the journal"))?;
            let (epochs, was_promoted) = self.ends.get(&trial).copied().unwrap_or_default();
            let candidate = records[position].candidate.clone();
            if was_promoted {
                return Ok(Pending { trial, epochs, candidate });
            }
            let Candidate { architecture, epochs: whole, sparsity, .. } = candidate;
            let candidate = proposals.problem().candidate(Proposal { architecture, epochs: whole, sparsity });
            Ok(Pending { trial, epochs, candidate })
        };
        decision.pending.iter().map(running).collect()
    }
}

fn compare(record: &TrialRecord, suggestion: Suggestion, experiment_seed: u64) -> Option<String> {
    let Suggestion { candidate, refused } = suggestion;
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
