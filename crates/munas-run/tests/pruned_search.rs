//! Whole searches with pruning, on real trainings.

#![expect(clippy::unwrap_used, reason = "a test fails where something is missing")]

use std::path::Path;
use std::sync::Arc;

use munas_cost::{Runtime, resources, resources_under};
use munas_ir::fold_batch_norm;
use munas_run::{
    EndReason, Experiment, Limits, Run, RunReader, SavedModel, StopFlag, Task, TrainingEvaluator,
    TrialRecord, TrialState, execute, front, replay,
};
use munas_train::evaluate;
use tempfile::tempdir;

const TRIALS: u64 = 8;

fn experiment(mode: &str) -> Experiment {
    let text = r#"
        seed = 5
        data = { source = "glyphs", subset = 300 }
        space.bounds = { blocks = [1, 2], layers = [1, 2], filters = [2, 12], dense = [0, 1], units = [4, 24] }
        bounds = { error = 0.3, peak_memory = 1500, model_size = 1500, macs = "100k" }
        search = { population = 3, sample = 2, workers = 1 }

        [train]
        epochs = 4
        batch = 16
        learning_rate = 0.01
        pruning = { start = 1, finish = 3, min_sparsity = 0.3, max_sparsity = 0.8 }
    "#;
    Experiment::from_toml(text, &[format!("train.pruning.mode={mode}")]).unwrap()
}

/// Searches until so many trials are in the run.
fn search(dir: &Path, experiment: &Experiment, trials: u64) {
    let dataset = Arc::new(experiment.load_data().unwrap());
    let evaluator = TrainingEvaluator::new(experiment, Arc::clone(&dataset)).unwrap();
    let mut run = match Run::open(dir) {
        Ok(run) => run,
        Err(_) => Run::create(dir, experiment.clone(), &Task::of(&dataset)).unwrap(),
    };
    let limits = Limits { trials, ..Limits::of(experiment) };
    let summary = execute(&mut run, &evaluator, &limits, &StopFlag::default(), &mut |_| {}).unwrap();
    assert_eq!((summary.reason, summary.failed), (EndReason::Trials, 0));
}

fn trials(dir: &Path) -> Vec<TrialRecord> {
    let timeless = |mut record: TrialRecord| {
        (record.started_ms, record.finished_ms) = (0, None);
        if let Some(outcome) = &mut record.outcome {
            outcome.train_seconds = 0.0;
        }
        record
    };
    RunReader::open(dir).unwrap().trials().unwrap().into_iter().map(timeless).collect()
}

fn check(mode: &str, holds: impl Fn(&TrialRecord)) {
    let experiment = experiment(mode);
    let (whole, resumed) = (tempdir().unwrap(), tempdir().unwrap());
    search(whole.path(), &experiment, TRIALS);
    for trials in [2, 5, TRIALS] {
        search(resumed.path(), &experiment, trials);
    }
    let records = trials(whole.path());
    assert_eq!(records, trials(resumed.path()), "a resumed search has the same trials");
    let reader = RunReader::open(whole.path()).unwrap();
    let replay = replay(&reader).unwrap();
    assert_eq!((replay.agreeing, replay.difference), (TRIALS, None));

    for record in &records {
        let target = record.candidate.sparsity.unwrap();
        assert!((0.3..=0.8).contains(&target), "{target}");
        assert!(record.pruned.as_ref().unwrap().sparsity <= target + 0.1);
        assert!(record.outcome().unwrap().best_epoch >= 3);
        holds(record);
    }
    let dataset = experiment.load_data().unwrap();
    let normalisation = dataset.normalisation(experiment.train.normalise);
    for record in front(&reader).unwrap() {
        let model = SavedModel::load(&reader.model_path(record.trial).unwrap()).unwrap();
        assert_eq!(model.graph, record.graph(reader.task()));
        let test = evaluate(&model.graph, &model.weights, &dataset.test, &normalisation, 64).unwrap();
        assert_eq!(test.error, record.outcome().unwrap().test_error);
        let (_, folded) = fold_batch_norm(&model.graph, &model.weights);
        if mode == "unstructured" {
            assert_eq!(munas_cost::sparse_model_size(&folded), record.candidate.resources.model_size);
        }
    }
}

#[test]
fn structured_trials_cost_what_is_left_of_them() {
    check("structured", |record| {
        let left = &record.pruned.as_ref().unwrap().graph;
        assert_eq!(resources(left), record.candidate.resources);
        let dense = record.candidate.architecture.lower(left.input_shape(), 10);
        assert!(resources(left).model_size <= resources(&dense).model_size);
    });
}

#[test]
fn unstructured_trials_count_what_is_not_zero() {
    check("unstructured", |record| {
        let graph = &record.pruned.as_ref().unwrap().graph;
        assert_eq!(*graph, record.candidate.architecture.lower(graph.input_shape(), 10));
        assert_eq!(resources(graph).macs, record.candidate.resources.macs);
        assert!(record.candidate.resources.model_size < resources(graph).model_size);
    });
}

/// The trials of a short search under these hard bounds.
fn under_hard_bounds(
    mode: &str,
    bounds: &str,
    kind: &str,
    runtime: Runtime,
) -> (Experiment, Vec<TrialRecord>) {
    let overrides = [
        format!("memory.runtime={runtime}"),
        format!("train.pruning.mode={mode}"),
        format!("bounds={bounds}"),
        format!("space={kind}"),
        "train.pruning.min_sparsity=0.05".to_owned(),
        // Networks that are too large as they are drawn.
        "search.sampling=uniform".to_owned(),
    ];
    let text = experiment(mode).to_toml();
    let experiment = Experiment::from_toml(&text, &overrides).unwrap();
    let dataset = Arc::new(experiment.load_data().unwrap());
    let evaluator = TrainingEvaluator::new(&experiment, Arc::clone(&dataset)).unwrap();
    let dir = tempdir().unwrap();
    let mut run = Run::create(dir.path(), experiment.clone(), &Task::of(&dataset)).unwrap();
    let limits = Limits { trials: TRIALS, ..Limits::of(&experiment) };
    execute(&mut run, &evaluator, &limits, &StopFlag::default(), &mut |_| {}).unwrap();
    (experiment, trials(dir.path()))
}

#[test]
fn hard_bounds_are_never_crossed() {
    let all = "{peak_memory=600, model_size=500, macs=20000, hard=[\"peak_memory\",\"model_size\",\"macs\"]}";
    let size = "{model_size=450, hard=[\"model_size\"]}";
    let cnn =
        "{kind=\"cnn2d\", bounds={blocks=[1,2], layers=[1,2], filters=[2,12], dense=[0,1], units=[4,24]}}";
    let (wide, mlp) =
        ("{kind=\"cnn2d\", bounds=\"wide\"}", "{kind=\"mlp\", bounds={dense=[1,2], units=[8,32]}}");
    let small = "{model_size=3000, hard=[\"model_size\"]}";
    let (mut results, mut pruned_to_fit) = (0, 0);
    let in_rows = "{peak_memory=250, model_size=800, hard=[\"peak_memory\",\"model_size\"]}";
    for (mode, bounds, space, runtime) in [
        ("structured", all, cnn, Runtime::Layers),
        ("structured", in_rows, cnn, Runtime::Streamed),
        ("structured", size, wide, Runtime::Layers),
        ("structured", small, mlp, Runtime::Layers),
        ("unstructured", size, cnn, Runtime::Layers),
        ("unstructured", small, mlp, Runtime::Layers),
    ] {
        let (experiment, records) = under_hard_bounds(mode, bounds, space, runtime);
        for record in records {
            if let Some(pruned) = record.pruned.as_ref().filter(|_| mode == "structured") {
                let left = resources_under(&pruned.graph, experiment.memory);
                assert_eq!(left, record.candidate.resources);
            }
            match &record.state {
                TrialState::Done => {
                    let outcome = record.outcome().unwrap();
                    results += 1;
                    let values = record.candidate.objectives(Some(outcome.validation_error));
                    assert_eq!(experiment.bounds.broken_hard(&values), None, "{mode} {bounds} {space}");
                    let sparsity = record.pruned.as_ref().unwrap().sparsity;
                    assert!(sparsity <= 0.81, "{sparsity}");
                    pruned_to_fit += usize::from(sparsity > record.candidate.sparsity.unwrap() + 0.05);
                }
                TrialState::Failed(reason) => {
                    assert!(reason.starts_with("with 80 % pruned the network still has "), "{reason}");
                }
                other => panic!("{other:?}"),
            }
        }
    }
    assert!(results > 20 && pruned_to_fit > 3, "{results} results, {pruned_to_fit} of them pruned further");
}
