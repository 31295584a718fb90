use std::ops::ControlFlow;

use munas_data::{Dataset, NormaliseMode, PartSizes, RawData, Samples, Split, SplitOptions, TestPart};
use munas_ir::{Graph, PoolKind};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::testing::{Conv, Net, patterns};
use crate::{
    EpochReport, Keep, Optimizer, Progress, Schedule, TrainError, TrainSettings, TrainedModel, Trainer,
    evaluate, never_stop, train,
};

/// Every kind of operator on 8×8×2 pixels.
pub(super) fn network(outputs: usize) -> Graph {
    let net = Net::new(8, 8, 2).conv(6, Conv::new(3, 3).batch_norm());
    let trunk = net.last;
    let net = net.depthwise(Conv::new(3, 3).batch_norm()).pool(PoolKind::Max, 2, 2);
    let branch = net.last;
    let net = net.add(&[trunk, branch]).pool(PoolKind::Avg, 2, 2);
    net.hidden(16).outputs(outputs)
}

pub(super) fn settings() -> TrainSettings {
    TrainSettings { epochs: 12, batch: 24, learning_rate: 0.03, ..TrainSettings::default() }
}

fn run(graph: &Graph, dataset: &Dataset, settings: &TrainSettings, seed: u64) -> TrainedModel {
    train(graph, dataset, settings, seed, &mut |_| ControlFlow::Continue(())).unwrap()
}

/// Losses of single steps over the same batch.
fn losses(settings: &TrainSettings, steps: usize) -> Vec<f64> {
    let (graph, dataset) = (network(4), patterns(4, 8, 8, 1));
    let mut trainer = Trainer::new(&graph, &dataset, settings, 3).unwrap();
    let positions: Vec<u32> = (0..settings.batch as u32).collect();
    (0..steps).map(|_| trainer.step(&positions).unwrap().loss).collect()
}

#[test]
fn every_optimizer_learns_by_heart() {
    for (optimizer, learning_rate) in
        [(Optimizer::Sgdw { momentum: 0.9 }, 0.03), (Optimizer::AdamW, 0.01), (Optimizer::Adam, 0.01)]
    {
        let settings = TrainSettings { optimizer, learning_rate, batch: 21, ..settings() };
        let losses = losses(&settings, 120);
        assert!(losses[0] > 0.7 && losses[119] < 0.03, "{optimizer:?}: {} … {}", losses[0], losses[119]);
    }
}

#[test]
fn what_is_learnt_holds_on_other_samples() {
    let (graph, dataset) = (network(4), patterns(4, 8, 8, 1));
    let model = run(&graph, &dataset, &settings(), 7);
    assert_eq!(model.curve.len(), 12);
    assert!(model.curve[0].train_loss > 2.0 * model.curve[11].train_loss);
    assert!(model.test_error < 0.2, "{}", model.test_error);

    let best = model.curve.iter().map(|report| report.validation_error).fold(1.0, f64::min);
    let first = model.curve.iter().find(|report| report.validation_error == best).unwrap();
    assert_eq!((model.best_epoch, model.validation_error), (first.epoch, best));
    let normalisation = dataset.normalisation(NormaliseMode::Unit);
    for batch in [7, 16, 1000] {
        let validation =
            evaluate(&graph, &model.weights, &dataset.validation, &normalisation, batch).unwrap();
        assert_eq!(validation.error, best);
        let expected = first.validation_loss;
        assert!((validation.loss - expected).abs() < 1e-5, "{} against {expected}", validation.loss);
        let test = evaluate(&graph, &model.weights, &dataset.test, &normalisation, batch).unwrap();
        assert_eq!(test.error, model.test_error);
    }
}

#[test]
fn the_last_epoch_is_kept_where_it_is_to_be() {
    let (graph, dataset) = (network(4), patterns(4, 8, 8, 1));
    // A rate at which the error jumps: the best epoch is not the last.
    let best = TrainSettings { learning_rate: 0.2, ..settings() };
    let last = TrainSettings { keep: Keep::Last, ..best.clone() };
    let (of_best, model) = (run(&graph, &dataset, &best, 7), run(&graph, &dataset, &last, 7));
    assert_eq!(of_best.curve, model.curve);
    assert!(of_best.best_epoch < 12, "{:?}", model.curve);
    assert_eq!((model.best_epoch, model.validation_error), (12, model.curve[11].validation_error));
    assert_ne!(of_best.weights, model.weights);
    assert_eq!((model.test_error, model.last_test_error), (of_best.last_test_error, model.test_error));
    let normalisation = dataset.normalisation(NormaliseMode::Unit);
    let test = evaluate(&graph, &model.weights, &dataset.test, &normalisation, 24).unwrap();
    assert_eq!((test.error, model.test_confusion.error()), (model.test_error, model.test_error));
    assert_eq!(model.validation_confusion.error(), model.validation_error);
    // Patience counts from the best epoch, and the training ends with the one that it ends in.
    let impatient = run(&graph, &dataset, &TrainSettings { early_stop: Some(2), ..last }, 7);
    let epochs = impatient.curve.len() as u32;
    let errors = impatient.curve.iter().map(|report| report.validation_error);
    let least = errors.clone().fold(1.0, f64::min);
    assert!(epochs < 12 && errors.clone().position(|error| error == least) == Some(epochs as usize - 3));
    assert_eq!(impatient.best_epoch, epochs);
}

#[test]
fn what_is_kept_is_judged_by_its_own_weights() {
    let (graph, dataset) = (network(4), patterns(4, 8, 8, 1));
    let settings = TrainSettings { keep: Keep::Last, ..settings() };
    let normalisation = dataset.normalisation(NormaliseMode::Unit);
    let begun = || {
        let mut trainer = Trainer::new(&graph, &dataset, &settings, 7).unwrap();
        trainer.epoch(&mut || ControlFlow::Continue(())).unwrap();
        trainer
    };
    let first = begun().weights();
    // Weights that change after the evaluation of an epoch, in both of the ways there are.
    let changes: [&dyn Fn(&mut Trainer<'_>); 3] = [
        &|_| {},
        &|trainer| {
            for _ in 0..40 {
                trainer.step(&[0, 1, 2, 3, 4, 5]).unwrap();
            }
        },
        &|trainer| {
            let untrained = Trainer::new(&graph, &dataset, &settings, 8).unwrap().weights();
            trainer.set_weights(&untrained);
        },
    ];
    let mut errors = Vec::new();
    for change in changes {
        let mut trainer = begun();
        change(&mut trainer);
        let model = trainer.finish(&mut || ControlFlow::Continue(())).unwrap();
        let found = evaluate(&graph, &model.weights, &dataset.validation, &normalisation, 24).unwrap();
        assert_eq!((model.validation_error, model.validation_confusion.error()), (found.error, found.error));
        errors.push((model.weights == first, found.error));
    }
    assert!(errors[0].0 && !errors[1].0 && !errors[2].0);
    assert!(errors[1..].iter().all(|(_, error)| *error != errors[0].1), "{errors:?}");
}

#[test]
fn two_classes_share_one_output() {
    let (graph, dataset) = (network(1), patterns(2, 8, 8, 1));
    assert!(run(&graph, &dataset, &settings(), 7).test_error < 0.15);
}

/// Nine samples of class 0 for each one of class 1, one pixel each, whose values overlap.
fn rare_class() -> Dataset {
    const PART: usize = 600;
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let labels: Vec<u32> = (0..3 * PART).map(|sample| u32::from(sample % 10 == 0)).collect();
    let value = |label: &u32| if *label == 0 { 60 } else { 110 } + rng.random_range(0..100_u8);
    let raw = RawData {
        name: "rare class".into(),
        input: [1, 1, 1],
        class_names: vec!["common".into(), "rare".into()],
        samples: Samples::U8(labels.iter().map(value).collect()),
        labels,
        parts: PartSizes { train: PART, validation: Some(PART), test: TestPart::Own(PART) },
        full_scale: 255.0,
        ..RawData::default()
    };
    raw.into_dataset(&SplitOptions { validation: 0.0, ..SplitOptions::default() }).unwrap()
}

#[test]
fn class_weights_lower_the_balanced_error_and_raise_the_plain_one() {
    let dataset = rare_class();
    for outputs in [1, 2] {
        let graph = Net::new(1, 1, 1).outputs(outputs);
        let errors = |class_weights| {
            let normalise = NormaliseMode::MeanStd;
            let settings =
                TrainSettings { epochs: 20, learning_rate: 0.1, class_weights, normalise, ..settings() };
            let confusion = run(&graph, &dataset, &settings, 7).test_confusion;
            (confusion.balanced_error(), confusion.error())
        };
        let (plain, weighted) = (errors(false), errors(true));
        assert!(weighted.0 < plain.0 - 0.03, "{outputs} outputs: {weighted:?} and {plain:?}");
        assert!(weighted.1 > plain.1, "{outputs} outputs: {weighted:?} and {plain:?}");
    }
}

#[test]
fn the_seed_decides_everything() {
    let (graph, dataset) = (network(4), patterns(4, 8, 8, 1));
    let augment = ["flip", "shift:1", "noise:0.05"].map(|spec| spec.parse().unwrap()).to_vec();
    let settings = TrainSettings { epochs: 3, dropout: 0.3, augment, ..settings() };
    let model = run(&graph, &dataset, &settings, 7);
    assert_eq!(model, run(&graph, &dataset, &settings, 7));
    assert_ne!(model.curve, run(&graph, &dataset, &settings, 8).curve);
}

#[test]
fn the_last_epochs_are_trained_on_samples_as_they_are() {
    let (graph, dataset) = (network(4), patterns(4, 8, 8, 1));
    let augment = ["shift:3", "mixup:0.5"].map(|spec| spec.parse().unwrap()).to_vec();
    let plain = TrainSettings { epochs: 4, learning_rate: 0.0, batch: 70, ..settings() };
    let fading = TrainSettings { augment, augment_until: 0.5, ..plain.clone() };
    // Nothing is learnt: a loss is that of the samples.
    let losses = |settings: &TrainSettings| -> Vec<f64> {
        run(&graph, &dataset, settings, 7).curve.iter().map(|report| report.train_loss).collect()
    };
    let (plain, faded) = (losses(&plain), losses(&fading));
    let close = |epoch: usize| (plain[epoch] - faded[epoch]).abs() < 1e-5;
    assert_eq!([0, 1, 2, 3].map(close), [false, false, true, true], "{plain:?} and {faded:?}");
    let always = losses(&TrainSettings { augment_until: 1.0, ..fading.clone() });
    assert_eq!((always[1], always[3] == faded[3]), (faded[1], false));
    // The share is one of the budget.
    let mut rung = Trainer::new(&graph, &dataset, &fading, 7).unwrap();
    rung.set_budget(2);
    let rung: Vec<f64> = (0..2).map(|_| rung.epoch(&mut never_stop).unwrap().train_loss).collect();
    assert!(rung[0] == faded[0] && (rung[1] - plain[1]).abs() < 1e-5, "{rung:?}");
}

#[test]
fn epochs_go_on_from_where_the_last_ended() {
    let (graph, dataset) = (network(4), patterns(4, 8, 8, 1));
    let settings = TrainSettings { epochs: 3, dropout: 0.3, ..settings() };
    let model = run(&graph, &dataset, &settings, 7);
    let mut trainer = Trainer::new(&graph, &dataset, &settings, 7).unwrap();
    let curve: Vec<EpochReport> = (0..3).map(|_| trainer.epoch(&mut never_stop).unwrap()).collect();
    assert_eq!(curve, model.curve);
    assert_eq!(trainer.finish(&mut never_stop).unwrap(), model);
}

#[test]
fn an_epoch_of_so_many_steps_goes_on_where_the_last_one_ended() {
    let (graph, dataset) = (network(4), patterns(4, 8, 8, 1));
    let whole = TrainSettings { epochs: 4, batch: 6, ..settings() };
    let pass = whole.steps_in_epoch(dataset.train.len()) as u32;
    assert!(pass > 3, "{pass} steps in a pass");
    let passes = TrainSettings { steps_per_epoch: Some(pass), ..whole.clone() };
    assert_eq!(run(&graph, &dataset, &passes, 7), run(&graph, &dataset, &whole, 7));
    // Twice as many epochs of half a pass, and a rate that does not change: the same steps.
    let halves = TrainSettings { epochs: 4, steps_per_epoch: Some(pass / 2), ..whole.clone() };
    let (mut one, mut two) = (Vec::new(), Vec::new());
    let mut trainer = Trainer::new(&graph, &dataset, &halves, 7).unwrap();
    for _ in 0..4 {
        one.push(trainer.epoch(&mut never_stop).unwrap());
    }
    let steps = u64::from(pass / 2 * 4);
    let in_one = TrainSettings { epochs: 1, steps_per_epoch: Some(steps as u32), ..whole };
    let mut trainer = Trainer::new(&graph, &dataset, &in_one, 7).unwrap();
    two.push(trainer.epoch(&mut never_stop).unwrap());
    assert_eq!(one[3].validation_error, two[0].validation_error);
    assert_eq!(one[3].validation_loss, two[0].validation_loss);
}

#[test]
fn settings_change_the_steps() {
    let plain = losses(&settings(), 4);
    let augmented = vec!["shift:2".parse().unwrap()];
    for changed in [
        TrainSettings { dropout: 0.5, ..settings() },
        TrainSettings { augment: augmented, ..settings() },
        TrainSettings { augment: vec!["mixup:0.2".parse().unwrap()], ..settings() },
        TrainSettings { label_smoothing: 0.1, ..settings() },
        TrainSettings { class_weights: true, ..settings() },
        TrainSettings { normalise: NormaliseMode::MeanStd, ..settings() },
    ] {
        assert_ne!(losses(&changed, 1)[0], plain[0], "{changed:?}");
    }
    for changed in [
        TrainSettings { weight_decay: 1e-2, ..settings() },
        TrainSettings { kernel_l2: 1e-2, ..settings() },
        TrainSettings { gradient_clip: Some(0.01), ..settings() },
        TrainSettings { warm_up: 2.0, ..settings() },
        TrainSettings { optimizer: Optimizer::AdamW, ..settings() },
    ] {
        let losses = losses(&changed, 4);
        assert_eq!(losses[0], plain[0], "{changed:?}");
        assert_ne!(losses[3], plain[3], "{changed:?}");
    }
}

/// The change of each parameter in one step without momentum.
fn first_step(settings: &TrainSettings) -> Vec<f32> {
    let (graph, dataset) = (network(4), patterns(4, 8, 8, 1));
    let mut trainer = Trainer::new(&graph, &dataset, settings, 3).unwrap();
    let before = trainer.state.parameters.trained.to_vec();
    trainer.step(&[0, 1, 2, 3, 4]).unwrap();
    trainer.state.parameters.trained.iter().zip(before).map(|(after, before)| after - before).collect()
}

#[test]
fn weight_decay_is_decoupled_and_the_penalty_is_not() {
    let (graph, dataset, settings_of_all) = (network(4), patterns(4, 8, 8, 1), settings());
    let trainer = Trainer::new(&graph, &dataset, &settings_of_all, 3).unwrap();
    let (before, layout) = (trainer.state.parameters.trained.to_vec(), &trainer.layout);
    let plain = first_step(&settings());
    let decayed = first_step(&TrainSettings { weight_decay: 0.1, ..settings() });
    let penalised = first_step(&TrainSettings { kernel_l2: 0.1, ..settings() });
    let mut is_kernel = vec![false; before.len()];
    for ranges in layout.layers() {
        is_kernel[ranges.affine.kernel.clone()].fill(true);
    }
    for index in 0..before.len() {
        let decay = plain[index] - 0.1 * before[index];
        assert!((decayed[index] - decay).abs() < 1e-6, "{} is not {decay}", decayed[index]);
        let pull = if is_kernel[index] { 0.03 * 2.0 * 0.1 * before[index] } else { 0.0 };
        let penalty = plain[index] - pull;
        assert!((penalised[index] - penalty).abs() < 1e-6, "{} is not {penalty}", penalised[index]);
    }
}

#[test]
fn long_gradients_are_cut_to_the_limit() {
    let length = |changes: &[f32]| changes.iter().map(|change| change * change).sum::<f32>().sqrt() / 0.03;
    let full = length(&first_step(&settings()));
    let half = f64::from(full) / 2.0;
    let clipped = length(&first_step(&TrainSettings { gradient_clip: Some(half), ..settings() }));
    assert!((f64::from(clipped) - half).abs() < 1e-3 * half, "{clipped} is not {half}");
    let untouched = TrainSettings { gradient_clip: Some(half * 4.0), ..settings() };
    assert_eq!(length(&first_step(&untouched)), full);
}

#[test]
fn divergence_is_noticed_at_once() {
    let (graph, dataset) = (network(4), patterns(4, 8, 8, 1));
    let settings = TrainSettings { learning_rate: 1e6, ..settings() };
    let result = train(&graph, &dataset, &settings, 7, &mut |_| ControlFlow::Continue(()));
    assert!(matches!(result, Err(TrainError::Diverged { epoch: 1, .. })), "{result:?}");
}

#[test]
fn the_observer_may_stop_and_patience_ends() {
    let (graph, dataset) = (network(4), patterns(4, 8, 8, 1));
    // Batches of an epoch: those of the training part and those of the validation part.
    let batches = |split: &Split| split.len().div_ceil(settings().batch) as u32;
    let per_epoch = batches(&dataset.train) + batches(&dataset.validation);
    let after_training = settings().epochs * per_epoch + 1;
    // Within an epoch, in its evaluation, at its end, and in the evaluations after the last one.
    for stop_at in [1, per_epoch, per_epoch + 1, per_epoch + 2, after_training] {
        let (mut seen, mut epochs) = (0, 0);
        let result = train(&graph, &dataset, &settings(), 7, &mut |progress| {
            match progress {
                Progress::Batch => seen += 1,
                Progress::Epoch(report) => epochs = report.epoch,
                Progress::Resting(_) => {}
            }
            if seen == stop_at { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        assert_eq!((result, seen), (Err(TrainError::Stopped { epochs }), stop_at));
    }
    let result = train(&graph, &dataset, &settings(), 7, &mut |progress| match progress {
        Progress::Epoch(EpochReport { epoch: 2, .. }) => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    });
    assert_eq!(result, Err(TrainError::Stopped { epochs: 2 }));

    let frozen = TrainSettings { learning_rate: 0.0, early_stop: Some(3), ..settings() };
    let model = run(&graph, &dataset, &frozen, 7);
    assert!(model.curve.len() < 12 && model.curve.len() as u32 == model.best_epoch + 3);
}

#[test]
fn an_evaluation_of_what_does_not_fit_is_refused() {
    let (graph, dataset) = (network(4), patterns(4, 8, 8, 1));
    let weights = Trainer::new(&graph, &dataset, &settings(), 0).unwrap().weights();
    let refused = |dataset: &Dataset, split: &Split, batch| {
        let normalisation = dataset.normalisation(NormaliseMode::Unit);
        evaluate(&graph, &weights, split, &normalisation, batch).unwrap_err()
    };
    let (narrow, more_classes) = (patterns(4, 8, 7, 1), patterns(5, 8, 8, 1));
    assert!(matches!(refused(&narrow, &narrow.test, 24), TrainError::InputShape { .. }));
    assert!(matches!(refused(&more_classes, &more_classes.test, 24), TrainError::Outputs { .. }));
    assert!(matches!(refused(&dataset, &dataset.test, 0), TrainError::Setting { key: "batch", .. }));
    let nothing = dataset.test.select(&[]);
    assert!(matches!(refused(&dataset, &nothing, 24), TrainError::EmptySplit { .. }));
}

#[test]
fn what_does_not_fit_is_refused() {
    let dataset = patterns(4, 8, 8, 1);
    let refused = |graph: &Graph, settings: &TrainSettings| Trainer::new(graph, &dataset, settings, 0).err();
    let other_input = Net::new(8, 7, 2).outputs(4);
    assert!(matches!(refused(&other_input, &settings()), Some(TrainError::InputShape { .. })));
    for outputs in [1, 3, 5] {
        assert!(matches!(refused(&network(outputs), &settings()), Some(TrainError::Outputs { .. })));
    }
    let wrong = [
        TrainSettings { epochs: 0, ..settings() },
        TrainSettings { batch: 0, ..settings() },
        TrainSettings { learning_rate: f64::NAN, ..settings() },
        TrainSettings { dropout: 1.0, ..settings() },
        TrainSettings { warm_up: 12.0, ..settings() },
        TrainSettings { augment_until: 1.1, ..settings() },
        TrainSettings { augment_until: f64::NAN, ..settings() },
        TrainSettings { schedule: Schedule::Piecewise(vec![(3, 0.1), (3, 0.2)]), ..settings() },
        TrainSettings { schedule: Schedule::OneCycle, warm_up: 1.0, ..settings() },
        TrainSettings { optimizer: Optimizer::Sgdw { momentum: 1.0 }, ..settings() },
        TrainSettings { gradient_clip: Some(0.0), ..settings() },
        TrainSettings { optimizer: Optimizer::Adam, weight_decay: 1e-5, ..settings() },
        TrainSettings { quantised_epochs: 12, ..settings() },
        TrainSettings { quantised_epochs: 2, early_stop: Some(3), ..settings() },
        TrainSettings { augment: vec!["mixup:0".parse().unwrap()], ..settings() },
        TrainSettings { augment: vec!["mixup:1".parse().unwrap(); 2], ..settings() },
    ];
    for settings in wrong {
        assert!(matches!(refused(&network(4), &settings), Some(TrainError::Setting { .. })), "{settings:?}");
    }
    assert!(refused(&network(4), &settings()).is_none());
}
