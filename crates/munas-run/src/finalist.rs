//! A finalist: a network of the front that is trained anew, several times and longer, so that its figures can be trusted.

use std::collections::BTreeMap;

use munas_cost::{BoardFigures, Resources};
use munas_ir::Graph;
use munas_search::{Bounds, Objective, ObjectiveValues};

use crate::driving::{Driving, DrivingError};
use crate::task::Task;
use crate::trial::{PrunedNetwork, TrialRecord};

/// One training of a finalist that has ended, as the journal has it.
#[derive(Clone, Debug, PartialEq)]
pub struct FinalistRecord {
    /// The trial whose network it is.
    pub trial: u64,
    /// Which of its trainings: 1, 2, …
    pub number: u32,
    /// Seed of the training.
    pub seed: u64,
    /// Epochs of the training.
    pub epochs: u32,
    /// The trial whose network it learned from besides the labels.
    pub teacher: Option<u64>,
    /// What the network takes.
    pub resources: Resources,
    /// What it takes on the board.
    pub on_board: BoardFigures,
    /// What pruning has left, if the training is done and the network was pruned.
    pub pruned: Option<PrunedNetwork>,
    /// Which of the errors drives the search, and here the choice.
    pub driving: Driving,
    /// How it ended.
    pub state: FinalistState,
    /// When it ended, in milliseconds of Unix time.
    pub finished_ms: u64,
}

/// How a training of a finalist ended.
#[derive(Clone, Debug, PartialEq)]
pub enum FinalistState {
    /// Trained.
    Done(FinalistOutcome),
    /// Without a result, for this reason.
    Failed(String),
}

impl FinalistState {
    /// The name in the journal and in JSON output.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Done(_) => "done",
            Self::Failed(_) => "failed",
        }
    }
}

/// The result of such a training. Errors are those by the metric that drives the search, in [0, 1].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FinalistOutcome {
    /// Validation error of the epoch that is kept.
    pub validation_error: f64,
    /// The same in int8, where it was measured.
    pub int8_error: Option<f64>,
    /// Test error of its weights.
    pub test_error: f64,
    /// The same in int8, where it was measured. No choice reads it.
    pub int8_test_error: Option<f64>,
    /// Standard error of the validation error that drives the search, where it was measured.
    pub validation_stderr: Option<f64>,
    /// Folds that the validation errors are the means of.
    pub folds: u32,
    /// The epoch that is kept, from 1.
    pub best_epoch: u32,
    /// Time that the training worked on its core, in seconds.
    pub train_seconds: f64,
}

impl FinalistRecord {
    /// The result, if there is one.
    pub const fn outcome(&self) -> Option<&FinalistOutcome> {
        match &self.state {
            FinalistState::Done(outcome) => Some(outcome),
            FinalistState::Failed(_) => None,
        }
    }

    /// The validation error that drives the search; `None` if there is no result, or it was not measured.
    pub fn error(&self) -> Option<f64> {
        let outcome = self.outcome()?;
        match self.driving.error {
            DrivingError::Float => Some(outcome.validation_error),
            DrivingError::Int8 => outcome.int8_error,
        }
    }

    /// The network that was trained: what pruning has left, else that of the trial's architecture.
    pub fn graph(&self, trial: &TrialRecord, task: &Task) -> Graph {
        match &self.pruned {
            Some(pruned) => pruned.graph.clone(),
            None => trial.candidate.architecture.lower(task.input, task.classes()),
        }
    }
}

/// A mean with the standard deviation of what it is the mean of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// The mean.
    pub mean: f64,
    /// The standard deviation of a single one; `None` of fewer than two.
    pub deviation: Option<f64>,
}

impl Spread {
    /// That of some values; `None` of none.
    pub fn of(values: &[f64]) -> Option<Self> {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        (n > 0.0).then(|| Self { mean, deviation: (n > 1.0).then(|| (squares / (n - 1.0)).sqrt()) })
    }
}

/// A network with its new trainings; at least one.
#[derive(Clone, Debug, PartialEq)]
pub struct Finalist {
    /// The trial whose network it is.
    pub trial: u64,
    /// The trainings that have ended, by number. All that have a result are equally long.
    pub trainings: Vec<FinalistRecord>,
}

impl Finalist {
    /// The network of a trial with those of these trainings that are its longest: shorter ones count no more once a longer one has a
    /// result.
    pub fn new(trial: u64, trainings: impl IntoIterator<Item = FinalistRecord>) -> Self {
        let mut trainings: Vec<FinalistRecord> =
            trainings.into_iter().filter(|record| record.trial == trial).collect();
        let longest =
            trainings.iter().filter(|record| record.outcome().is_some()).map(|record| record.epochs).max();
        trainings.retain(|record| longest.is_none_or(|epochs| record.epochs == epochs));
        trainings.sort_by_key(|record| record.number);
        Self { trial, trainings }
    }

    /// The trainings with a result.
    pub fn done(&self) -> impl Iterator<Item = (&FinalistRecord, &FinalistOutcome)> {
        self.trainings.iter().filter_map(|record| Some((record, record.outcome()?)))
    }

    /// Over the trainings with a result, of a figure of each.
    pub fn spread(&self, figure: impl Fn(&FinalistOutcome) -> Option<f64>) -> Option<Spread> {
        let values: Vec<f64> = self.done().filter_map(|(_, outcome)| figure(outcome)).collect();
        Spread::of(&values)
    }

    /// Over the trainings with a result, of the validation error that drives the search.
    pub fn error(&self) -> Option<Spread> {
        let errors: Vec<f64> = self.trainings.iter().filter_map(FinalistRecord::error).collect();
        Spread::of(&errors)
    }

    /// The training with the lowest validation error of those that drive the search; the first of equal ones. Its network is the one that
    /// is kept and exported.
    pub fn best(&self) -> Option<&FinalistRecord> {
        let measured = self.trainings.iter().filter_map(|record| Some((record, record.error()?)));
        measured.min_by(|a, b| a.1.total_cmp(&b.1)).map(|(record, _)| record)
    }

    /// Whether the best network meets all bounds, the mean error that of the error.
    pub fn in_bounds(&self, bounds: &Bounds) -> bool {
        self.best().is_some_and(|best| {
            let error = self.error().map(|spread| spread.mean);
            bounds.are_met(&ObjectiveValues::of_network(error, &best.resources, &best.on_board))
        })
    }
}

/// Trainings by their network, the best first: by mean validation error, those before all others that were trained as often as
/// finalists are to be.
pub fn ranked(records: Vec<FinalistRecord>, seeds: u32) -> Vec<Finalist> {
    let mut by_trial: BTreeMap<u64, Vec<FinalistRecord>> = BTreeMap::new();
    for record in records {
        by_trial.entry(record.trial).or_default().push(record);
    }
    let mut finalists: Vec<Finalist> =
        by_trial.into_iter().map(|(trial, trainings)| Finalist::new(trial, trainings)).collect();
    let most = finalists.iter().map(|finalist| finalist.done().count()).max().unwrap_or_default();
    let enough = most.min(seeds as usize);
    let place = |finalist: &Finalist| {
        let mean = finalist.error().map_or(f64::INFINITY, |spread| spread.mean);
        (finalist.done().count() < enough, mean, finalist.trial)
    };
    finalists.sort_by(|a, b| {
        let (a, b) = (place(a), place(b));
        a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)).then(a.2.cmp(&b.2))
    });
    finalists
}

/// The objectives that a bound of the user's is on, but the error.
pub(crate) fn bounded_resources(bounds: &Bounds) -> impl Iterator<Item = (Objective, f64)> {
    bounds.values.iter().filter(|(objective, _)| *objective != Objective::Error)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A training with this validation error, in floats and in int8.
    fn record(trial: u64, number: u32, error: Option<f64>) -> FinalistRecord {
        let outcome = |error| FinalistOutcome {
            validation_error: error,
            int8_error: Some(1.0 - error),
            test_error: 0.5,
            int8_test_error: None,
            validation_stderr: None,
            folds: 1,
            best_epoch: 1,
            train_seconds: 1.0,
        };
        let failed = || FinalistState::Failed("it diverged".to_owned());
        FinalistRecord {
            trial,
            number,
            seed: 1,
            epochs: 3,
            teacher: None,
            resources: Resources {
                peak_memory: 10,
                peak_memory_with_input: 20,
                peak_memory_of_model: None,
                model_size: 30,
                macs: 40,
                exact: true,
            },
            on_board: BoardFigures::default(),
            pruned: None,
            driving: Driving::default(),
            state: error.map_or_else(failed, |error| FinalistState::Done(outcome(error))),
            finished_ms: 0,
        }
    }

    #[test]
    fn the_spread_is_that_of_single_trainings() {
        let spread = Spread::of(&[0.1, 0.2, 0.3]).unwrap();
        assert!((spread.mean - 0.2).abs() < 1e-12 && (spread.deviation.unwrap() - 0.1).abs() < 1e-12);
        assert_eq!(Spread::of(&[0.4]), Some(Spread { mean: 0.4, deviation: None }));
        assert_eq!(Spread::of(&[]), None);
    }

    #[test]
    fn finalists_are_ranked_by_mean_error_once_trained_often_enough() {
        let trainings = vec![
            record(1, 1, Some(0.3)),
            record(1, 2, Some(0.2)),
            record(2, 2, Some(0.1)),
            record(2, 1, Some(0.3)),
            record(3, 1, Some(0.01)),
            record(4, 1, None),
        ];
        let order = |seeds| {
            let found = ranked(trainings.clone(), seeds);
            found.iter().map(|finalist| finalist.trial).collect::<Vec<_>>()
        };
        assert_eq!(order(2), [2, 1, 3, 4], "one training of trial 3 was lucky, perhaps");
        assert_eq!(order(5), [2, 1, 3, 4], "none is complete: those that were trained most are");
        assert_eq!(order(1), [3, 2, 1, 4]);
        let second = &ranked(trainings, 2)[0];
        let numbers: Vec<u32> = second.trainings.iter().map(|record| record.number).collect();
        assert_eq!((numbers, second.best().unwrap().number), (vec![1, 2], 2));
    }

    #[test]
    fn shorter_trainings_count_until_a_longer_one_has_a_result() {
        let longer = |number, error| FinalistRecord { epochs: 30, ..record(1, number, error) };
        let short = [
            record(1, 1, Some(0.1)),
            record(1, 2, Some(0.2)),
            record(2, 1, Some(0.4)),
            record(2, 2, Some(0.4)),
        ];
        let with = |more: &[FinalistRecord]| ranked([&short[..], more].concat(), 2);
        let best = |more: &[FinalistRecord]| with(more)[0].best().unwrap().number;
        assert_eq!(best(&[longer(3, None)]), 1, "one that failed takes the place of none");
        let begun = with(&[longer(3, Some(0.3))]);
        assert_eq!((begun[1].trial, begun[1].trainings.len()), (1, 1), "one training is less than two");
        assert_eq!(best(&[longer(3, Some(0.3)), longer(4, Some(0.25))]), 4);
    }

    #[test]
    fn what_drives_the_search_chooses_the_network() {
        let mut trainings = vec![record(1, 1, Some(0.3)), record(1, 2, Some(0.2)), record(1, 3, Some(0.2))];
        let best = |records: &[FinalistRecord]| ranked(records.to_vec(), 3)[0].best().unwrap().number;
        assert_eq!(best(&trainings), 2, "the first of equal ones");
        for record in &mut trainings {
            record.driving.error = DrivingError::Int8;
        }
        assert_eq!(best(&trainings), 1);
        let finalist = &ranked(trainings, 3)[0];
        assert!(finalist.in_bounds(&Bounds::soft([(Objective::Error, 0.8), (Objective::ModelSize, 30.0)])));
        assert!(!finalist.in_bounds(&Bounds::soft([(Objective::Error, 0.7)])), "the mean is what counts");
    }
}
