//! A training that stops at rungs and goes on is the training that never stopped.

use munas_data::Dataset;
use munas_ir::Graph;

use super::tests::{network, settings};
use crate::testing::{Net, patterns};
use crate::{
    Checkpoint, CheckpointError, EpochReport, Keep, NormStatistics, Optimizer, Progress, Pruning,
    PruningMode, Schedule, TrainError, TrainSettings, TrainedModel, Trainer, never_stop,
};

const SEED: u64 = 7;

/// Four epochs, stopping after each epoch of `stops`, with a new trainer from a checkpoint each time.
fn train_with_stops(
    graph: &Graph,
    dataset: &Dataset,
    settings: &TrainSettings,
    stops: &[u32],
) -> (Vec<EpochReport>, Checkpoint, TrainedModel) {
    let mut trainer = Trainer::new(graph, dataset, settings, SEED).unwrap();
    for epoch in 1..=4 {
        trainer.epoch(&mut never_stop).unwrap();
        if stops.contains(&epoch) {
            let checkpoint = trainer.checkpoint();
            trainer = Trainer::resume(graph, dataset, settings, SEED, &checkpoint).unwrap();
            assert_eq!(trainer.checkpoint(), checkpoint);
        }
    }
    (trainer.curve().to_vec(), trainer.checkpoint(), trainer.finish(&mut never_stop).unwrap())
}

#[track_caller]
pub(super) fn check_stops(settings: &TrainSettings) {
    let (graph, dataset) = (network(4), patterns(4, 8, 8, 1));
    let whole = train_with_stops(&graph, &dataset, settings, &[]);
    for stops in [&[1][..], &[2], &[3], &[4], &[1, 2, 3, 4]] {
        assert!(train_with_stops(&graph, &dataset, settings, stops) == whole, "{settings:?}, {stops:?}");
    }
}

fn short() -> TrainSettings {
    TrainSettings { epochs: 4, ..settings() }
}

#[test]
fn every_optimizer_goes_on_bit_for_bit() {
    for optimizer in [Optimizer::Sgdw { momentum: 0.9 }, Optimizer::AdamW, Optimizer::Adam] {
        let weight_decay = if optimizer == Optimizer::Adam { 0.0 } else { 1e-3 };
        check_stops(&TrainSettings { optimizer, weight_decay, ..short() });
    }
}

#[test]
fn random_draws_go_on_bit_for_bit() {
    let augment = ["flip", "shift:1", "rotate:0.2:0.3", "noise:0.05", "mixup:0.2"]
        .map(|spec| spec.parse().unwrap())
        .to_vec();
    check_stops(&TrainSettings { dropout: 0.3, ..short() });
    let fading = TrainSettings { augment, dropout: 0.3, label_smoothing: 0.1, ..short() };
    check_stops(&TrainSettings { augment_until: 0.5, ..fading.clone() });
    check_stops(&fading);
}

#[test]
fn quantised_epochs_go_on_bit_for_bit() {
    check_stops(&TrainSettings { quantised_epochs: 2, weight_decay: 1e-4, ..short() });
    let optimizer = Optimizer::AdamW;
    check_stops(&TrainSettings {
        quantised_epochs: 3,
        optimizer,
        dropout: 0.3,
        learning_rate: 0.01,
        ..short()
    });
}

#[test]
fn estimated_statistics_go_on_bit_for_bit() {
    let norm_statistics = NormStatistics::ReEstimated;
    check_stops(&TrainSettings { norm_statistics, optimizer: Optimizer::AdamW, dropout: 0.3, ..short() });
    check_stops(&TrainSettings { norm_statistics, quantised_epochs: 2, ..short() });
    for mode in [PruningMode::Structured, PruningMode::Unstructured] {
        let pruning = Some(Pruning { mode, sparsity: 0.4, start: 1, finish: 3 });
        check_stops(&TrainSettings { norm_statistics, pruning, ..short() });
    }
}

#[test]
fn the_last_epoch_is_kept_bit_for_bit_without_a_copy_of_the_best() {
    let plain = TrainSettings { keep: Keep::Last, ..short() };
    check_stops(&plain);
    check_stops(&TrainSettings { quantised_epochs: 2, ..plain.clone() });
    for mode in [PruningMode::Structured, PruningMode::Unstructured] {
        let pruning = Some(Pruning { mode, sparsity: 0.4, start: 1, finish: 3 });
        check_stops(&TrainSettings { pruning, ..plain.clone() });
    }
    let (graph, dataset) = (network(4), patterns(4, 8, 8, 1));
    let (_, checkpoint, _) = train_with_stops(&graph, &dataset, &plain, &[]);
    assert!(
        checkpoint.tensors.keys().all(|name| !name.starts_with("best")),
        "{:?}",
        checkpoint.tensors.keys()
    );
    // Another setting is another training.
    let resumed = Trainer::resume(&graph, &dataset, &short(), SEED, &checkpoint).err();
    let missing = CheckpointError::Entry { entry: "best".to_owned() };
    assert_eq!(resumed, Some(TrainError::Checkpoint(missing)));
    let bytes = |settings: &TrainSettings| settings.memory(&graph);
    let parameters = checkpoint.tensors["parameters"].len();
    assert_eq!(bytes(&short()) - bytes(&plain), (parameters * size_of::<f32>()) as u64);
}

#[test]
fn schedules_go_on_bit_for_bit() {
    // A learning rate at which the validation loss rises now and then.
    let plateau = Schedule::Plateau { factor: 0.5, patience: 1 };
    for schedule in [plateau, Schedule::Cosine, Schedule::Piecewise(vec![(1, 0.01), (3, 0.001)])] {
        check_stops(&TrainSettings { schedule, learning_rate: 0.1, warm_up: 0.5, ..short() });
    }
    check_stops(&TrainSettings { schedule: Schedule::OneCycle, gradient_clip: Some(1.0), ..short() });
}

#[test]
fn a_rung_is_a_whole_short_training_and_is_gone_on_from() {
    let (graph, dataset) = (network(4), patterns(4, 8, 8, 1));
    let settings = TrainSettings { epochs: 9, schedule: Schedule::Cosine, ..settings() };
    let mut rung = Trainer::new(&graph, &dataset, &settings, SEED).unwrap();
    rung.set_budget(3);
    let last = (0..3).map(|_| rung.epoch(&mut never_stop).unwrap()).last().unwrap();
    let as_settings = TrainSettings { epochs: 3, ..settings.clone() };
    let mut short = Trainer::new(&graph, &dataset, &as_settings, SEED).unwrap();
    assert_eq!((0..3).map(|_| short.epoch(&mut never_stop).unwrap()).last(), Some(last));
    assert!(last.learning_rate < 0.1 * settings.learning_rate);

    let mut higher = Trainer::resume(&graph, &dataset, &settings, SEED, &rung.checkpoint()).unwrap();
    higher.set_budget(9);
    let report = higher.epoch(&mut never_stop).unwrap();
    assert_eq!((report.epoch, higher.curve().len()), (4, 4));
    // A third to four ninths of the way down the cosine.
    assert!(report.learning_rate > 0.55 * settings.learning_rate);
    assert!(report.learning_rate < 0.75 * settings.learning_rate);
}

#[test]
fn a_training_that_rested_at_rungs_ends_as_one_that_did_not() {
    let (graph, dataset) = (network(4), patterns(4, 8, 8, 1));
    let settings = TrainSettings { epochs: 6, schedule: Schedule::OneCycle, warm_up: 0.0, ..settings() };
    let straight = Trainer::new(&graph, &dataset, &settings, SEED).unwrap();
    let straight = straight.run_in_rungs(&[1, 2, 6], &mut |_| never_stop()).unwrap();
    let mut rested = None;
    for rungs in [&[1][..], &[1, 2], &[1, 2, 6]] {
        let trainer = match &rested {
            None => Trainer::new(&graph, &dataset, &settings, SEED),
            Some(checkpoint) => Trainer::resume(&graph, &dataset, &settings, SEED, checkpoint),
        };
        let mut latest = None;
        let model = trainer.unwrap().run_in_rungs(rungs, &mut |progress| {
            if let Progress::Resting(checkpoint) = progress {
                latest = Some(checkpoint());
            }
            never_stop()
        });
        let model = model.unwrap();
        assert_eq!(model.curve.len() as u32, rungs[rungs.len() - 1]);
        if rungs.len() == 3 {
            let rates: Vec<f64> = model.curve.iter().map(|epoch| epoch.learning_rate).collect();
            assert!(rates[1] < rates[2] && rates[5] < rates[2], "each rung anneals: {rates:?}");
            assert_eq!(model, straight);
        }
        rested = latest;
    }
}

#[test]
fn a_checkpoint_of_another_training_is_refused() {
    let (graph, dataset, settings) = (network(4), patterns(4, 8, 8, 1), short());
    let mut trainer = Trainer::new(&graph, &dataset, &settings, SEED).unwrap();
    trainer.epoch(&mut never_stop).unwrap();
    let checkpoint = trainer.checkpoint();
    let refused =
        |graph: &Graph, settings: &TrainSettings, seed, checkpoint: &Checkpoint| match Trainer::resume(
            graph, &dataset, settings, seed, checkpoint,
        )
        .err()
        {
            Some(TrainError::Checkpoint(error)) => error,
            other => panic!("{other:?}"),
        };
    let other = Net::new(8, 8, 2).hidden(5).outputs(4);
    let found = refused(&other, &settings, SEED, &checkpoint);
    assert_eq!(found, CheckpointError::Other { what: "graph" });
    let found = refused(&graph, &settings, 8, &checkpoint);
    assert_eq!(found, CheckpointError::Other { what: "seed" });
    let adam = TrainSettings { optimizer: Optimizer::AdamW, ..settings.clone() };
    assert!(matches!(refused(&graph, &adam, SEED, &checkpoint), CheckpointError::Length { found: 0, .. }));

    for name in checkpoint.facts.keys() {
        for damage in [None, Some("x"), Some("")] {
            let mut damaged = checkpoint.clone();
            match damage {
                None => drop(damaged.facts.remove(name)),
                Some(text) => drop(damaged.facts.insert(name.clone(), text.into())),
            }
            let error = refused(&graph, &settings, SEED, &damaged);
            assert_eq!(error, CheckpointError::Entry { entry: name.clone() });
        }
    }
    for name in checkpoint.tensors.keys() {
        let mut damaged = checkpoint.clone();
        damaged.tensors.get_mut(name).unwrap().push(0.0);
        let error = refused(&graph, &settings, SEED, &damaged);
        assert!(matches!(error, CheckpointError::Length { ref tensor, .. } if tensor == name), "{error}");
        damaged.tensors.remove(name);
        let error = refused(&graph, &settings, SEED, &damaged);
        assert_eq!(error, CheckpointError::Entry { entry: name.clone() });
    }
    let mut newer = checkpoint.clone();
    newer.facts.insert("version".into(), "3".into());
    assert_eq!(refused(&graph, &settings, SEED, &newer), CheckpointError::Version { found: 3 });
    let record: serde_json::Value = serde_json::from_str(&checkpoint.facts["training"]).unwrap();
    for (name, value) in record.as_object().unwrap() {
        for damage in [None, Some("x".into()), Some(serde_json::Value::Null)] {
            let mut record = record.clone();
            match damage {
                None => drop(record.as_object_mut().unwrap().remove(name)),
                Some(other) => record[name] = other,
            }
            // A sparsity is there with pruning only, and none is as good as null.
            if name == "sparsity" && !record[name].is_string() {
                continue;
            }
            let mut damaged = checkpoint.clone();
            damaged.facts.insert("training".into(), record.to_string());
            let error = refused(&graph, &settings, SEED, &damaged);
            let is_graph = error == CheckpointError::Other { what: "graph" } && name == "graph";
            let is_entry = error == CheckpointError::Entry { entry: "training".into() };
            assert!(is_graph || is_entry, "{name}: {error} for {value}");
        }
    }
}
