//! The same experiment gives the same trials; the journal leads to its proposals.

use std::fs;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use munas_search::AlgorithmKind;
use munas_search::algorithms::BayesVariant;
use munas_train::Progress;
use tempfile::tempdir;

use crate::executor::evaluator::{Assignment, Evaluated, EvaluationError, Evaluator};
use crate::executor::event::Event;
use crate::executor::execute;
use crate::executor::limits::{Limits, StopFlag};
use crate::executor::replay::replay;
use crate::executor::training::TrainingEvaluator;
use crate::experiment::Experiment;
use crate::store::checkpoints;
use crate::store::run::{Run, RunReader};
use crate::task::Task;
use crate::testing::{Synthetic, essence, experiment, search};

#[test]
fn one_worker_gives_the_same_trials_again() {
    let (first, second, other) = (tempdir().unwrap(), tempdir().unwrap(), tempdir().unwrap());
    let evaluator = Synthetic { failures: true, uneven: true, ..Synthetic::new() };
    search(first.path(), &experiment(&[]), &evaluator);
    search(second.path(), &experiment(&[]), &evaluator);
    search(other.path(), &experiment(&["seed=12"]), &evaluator);
    assert_eq!(essence(first.path()), essence(second.path()));
    assert_ne!(essence(first.path())[0].0.candidate, essence(other.path())[0].0.candidate);
}

#[test]
fn the_journal_of_several_workers_leads_to_its_proposals() {
    let each = AlgorithmKind::ALL.map(|algorithm| (algorithm, BayesVariant::default(), 2));
    let more = [
        (AlgorithmKind::Aging, BayesVariant::default(), 5),
        (AlgorithmKind::Bayes, BayesVariant::Local, 2),
        (AlgorithmKind::Bayes, BayesVariant::MultiFidelity, 2),
    ];
    for (algorithm, variant, workers) in each.into_iter().chain(more) {
        let dir = tempdir().unwrap();
        let evaluator = Synthetic { failures: true, uneven: true, ..Synthetic::new() };
        let settings = [
            "search.trials=40".to_owned(),
            format!("search.workers={workers}"),
            format!("search.algorithm={algorithm}"),
            format!("search.bayes_variant={variant}"),
        ];
        search(dir.path(), &experiment(&settings.each_ref().map(String::as_str)), &evaluator);
        let reader = RunReader::open(dir.path()).unwrap();
        let replay = replay(&reader).unwrap();
        let decisions = 40 + reader.promotions().unwrap().len() as u64;
        assert_eq!(
            (replay.agreeing, replay.difference),
            (decisions, None),
            "{algorithm} {variant}, {workers}"
        );
        let records = reader.trials().unwrap();
        assert!(records.iter().all(|record| record.proposal.decision.pending.len() < workers));
        assert!(
            records[2..].iter().any(|record| !record.proposal.decision.pending.is_empty()),
            "they work side by side"
        );
        let arrivals = reader.results().unwrap().into_iter().map(|result| result.arrival);
        assert!(arrivals.eq(1..=decisions));
        let brief = records.iter().any(|record| record.candidate.epochs < reader.experiment().train.epochs);
        assert_eq!(brief, variant == BayesVariant::MultiFidelity);
    }
}

#[test]
fn a_replay_finds_the_first_proposal_that_differs() {
    let dir = tempdir().unwrap();
    search(dir.path(), &experiment(&[]), &Synthetic::new());
    let change = |sql: &str| {
        rusqlite::Connection::open(dir.path().join("journal.db")).unwrap().execute_batch(sql).unwrap();
        let replay = replay(&RunReader::open(dir.path()).unwrap()).unwrap();
        replay.difference.map(|difference| (replay.agreeing, difference.trial, difference.problem))
    };
    let (agreeing, trial, problem) = change("UPDATE trial SET epochs = 4 WHERE id = 8").unwrap();
    assert_eq!((agreeing, trial, problem.as_str()), (7, 8, "epochs: recorded 4, derived 3"));
    let (_, trial, problem) = change("UPDATE trial SET seed = seed + 1, epochs = 3 WHERE id = 8").unwrap();
    assert!(trial == 8 && problem.starts_with("seed: "), "{problem}");
    assert_eq!(change("UPDATE trial SET seed = seed - 1 WHERE id = 8"), None);
    // Another result among the first five, the population from which the sixth trial on are bred.
    let (agreeing, trial, _) = change("UPDATE result SET error = 1.0 - error").unwrap();
    assert!(agreeing >= 5 && trial == agreeing + 1, "{agreeing} proposals did not depend on it");
}

/// Two epochs of training on a few glyphs for each of four networks.
fn tiny_training() -> Experiment {
    experiment(&["search.trials=4", "data.subset=200", "train.epochs=2", "train.batch=32"])
}

#[test]
fn real_trainings_are_the_same_to_the_bit_also_when_interrupted() {
    let (first, second) = (tempdir().unwrap(), tempdir().unwrap());
    let experiment = tiny_training();
    let dataset = Arc::new(experiment.load_data().unwrap());
    let evaluator = TrainingEvaluator::new(&experiment, dataset).unwrap();
    let limits = Limits::of(&experiment);
    let mut run = Run::create(first.path(), experiment.clone(), evaluator.task()).unwrap();
    execute(&mut run, &evaluator, &limits, &StopFlag::default(), &mut |_| {}).unwrap();

    let mut run = Run::create(second.path(), experiment, evaluator.task()).unwrap();
    let stop = StopFlag::default();
    execute(&mut run, &evaluator, &limits, &stop, &mut |event| {
        if matches!(event, Event::Epoch { trial: 2, .. }) {
            stop.request();
        }
    })
    .unwrap();
    assert!(RunReader::open(second.path()).unwrap().trials().unwrap().len() < 4);
    execute(&mut run, &evaluator, &limits, &StopFlag::default(), &mut |_| {}).unwrap();

    let trials = essence(first.path());
    assert_eq!(trials, essence(second.path()));
    assert!(!second.path().join("checkpoints").exists(), "short trainings leave none");
    assert!(
        trials.iter().all(|(record, curve)| record.outcome().is_some() && curve.len() == 2),
        "{trials:?}"
    );
}

/// Trains, and counts the batches that it takes.
struct Counting {
    evaluator: TrainingEvaluator,
    batches: AtomicU64,
}

impl Evaluator for Counting {
    fn task(&self) -> &Task {
        self.evaluator.task()
    }

    fn memory(&self, assignment: &Assignment) -> u64 {
        self.evaluator.memory(assignment)
    }

    fn evaluate(
        &self,
        assignment: &Assignment,
        observer: &mut dyn FnMut(Progress<'_>) -> ControlFlow<()>,
    ) -> Result<Evaluated, EvaluationError> {
        self.evaluator.evaluate(assignment, &mut |progress| {
            if matches!(progress, Progress::Batch) {
                self.batches.fetch_add(1, Ordering::Relaxed);
            }
            observer(progress)
        })
    }
}

#[test]
fn a_training_goes_on_from_its_checkpoint() {
    let (first, second) = (tempdir().unwrap(), tempdir().unwrap());
    let overrides = ["search.trials=3", "data.subset=200", "train.epochs=12", "train.batch=32"];
    let experiment = experiment(&overrides);
    let dataset = Arc::new(experiment.load_data().unwrap());
    let evaluator = TrainingEvaluator::new(&experiment, dataset).unwrap();
    let evaluator = Counting { evaluator, batches: AtomicU64::new(0) };
    let limits = Limits { checkpoint_every: Duration::ZERO, workers: 1, ..Limits::of(&experiment) };
    let search = |run: &mut Run, stop_at: Option<u64>| {
        let stop = StopFlag::default();
        let before = evaluator.batches.load(Ordering::Relaxed);
        let mut watch = |event: Event<'_>| {
            if matches!(event, Event::Epoch { trial, report } if Some(trial) == stop_at && report.epoch == 3)
            {
                stop.request();
            }
        };
        execute(run, &evaluator, &limits, &stop, &mut watch).unwrap();
        evaluator.batches.load(Ordering::Relaxed) - before
    };
    let mut run = Run::create(first.path(), experiment.clone(), evaluator.task()).unwrap();
    let batches = search(&mut run, None);

    let mut run = Run::create(second.path(), experiment, evaluator.task()).unwrap();
    search(&mut run, Some(2));
    let count = || fs::read_dir(second.path().join("checkpoints")).unwrap().count();
    assert_eq!(count(), 1, "that of the trial that was stopped");
    // As if it had taken an hour.
    let mut checkpoint = checkpoints::load(second.path(), 2).unwrap();
    checkpoint.facts.insert("seconds".to_owned(), "3600".to_owned());
    checkpoints::save(second.path(), 2, &checkpoint).unwrap();
    let rest = search(&mut run, None);
    assert!(rest < batches / 3 * 2, "{rest} batches of {batches} for less than two of three trials");
    assert_eq!(essence(first.path()), essence(second.path()));
    assert_eq!(count(), 0);
    let seconds =
        RunReader::open(second.path()).unwrap().trials().unwrap()[1].outcome().unwrap().train_seconds;
    assert!(seconds > 3600.0, "{seconds} s with the earlier session's");
}
