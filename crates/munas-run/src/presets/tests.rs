use munas_data::{FrontEnd, NormaliseMode};
use munas_search::algorithms::BayesVariant;
use munas_search::{AlgorithmKind, Bounds, Objective, Sampling};
use munas_space::Kind;
use munas_train::{NormStatistics, Optimizer, Schedule};

use super::*;
use crate::COMMON_OBJECTIVES;
use crate::experiment::{PruningMode, PruningSettings};

/// What is published of an experiment: a row of the table of presets in the documentation.
struct Row {
    name: &'static str,
    source: &'static str,
    epochs: u32,
    batch: usize,
    optimizer: Optimizer,
    learning_rate: f64,
    weight_decay: f64,
    schedule: Schedule,
    dropout: f64,
    augment: &'static [&'static str],
    /// Start, finish, smallest and largest sparsity of structured pruning.
    pruning: Option<(u32, u32, f64, f64)>,
    /// Error, peak memory, model size, MACs.
    bounds: (f64, u64, u64, u64),
    trials: u64,
}

const SGDW: Optimizer = Optimizer::Sgdw { momentum: 0.9 };

fn published() -> Vec<Row> {
    let base = Row {
        name: "",
        source: "",
        epochs: 0,
        batch: 128,
        optimizer: SGDW,
        learning_rate: 0.01,
        weight_decay: 1e-5,
        schedule: Schedule::Constant,
        dropout: 0.0,
        augment: &[],
        pruning: None,
        bounds: (0.0, 0, 0, 0),
        trials: 2000,
    };
    vec![
        Row {
            name: "mnist",
            source: "mnist",
            pruning: Some((3, 18, 0.05, 0.80)),
            epochs: 30,
            learning_rate: 0.005,
            weight_decay: 4e-5,
            augment: &["rotate:0.2:0.3", "shift:2"],
            bounds: (0.035, 2_500, 4_500, 30_000_000),
            ..base
        },
        Row {
            name: "fashion-mnist",
            source: "fashion-mnist",
            pruning: Some((3, 38, 0.05, 0.90)),
            epochs: 45,
            schedule: Schedule::Piecewise(vec![(25, 0.005), (35, 0.001)]),
            dropout: 0.15,
            augment: &["flip", "rotate:0.2:0.3", "shift:2"],
            bounds: (0.10, 64_000, 64_000, 30_000_000),
            ..base
        },
        Row {
            name: "cifar10",
            source: "cifar10",
            pruning: Some((90, 120, 0.10, 0.90)),
            epochs: 130,
            schedule: Schedule::Piecewise(vec![(90, 0.005), (105, 0.001)]),
            dropout: 0.15,
            augment: &["flip", "shift:4"],
            bounds: (0.10, 50_000, 50_000, 60_000_000),
            trials: 6000,
            ..base
        },
        Row {
            name: "cifar10-binary",
            source: "cifar10-binary",
            pruning: Some((30, 60, 0.10, 0.60)),
            epochs: 80,
            schedule: Schedule::Piecewise(vec![(35, 0.005), (65, 0.001)]),
            augment: &["flip", "shift:4"],
            bounds: (0.30, 3_000, 2_000, 1_000_000),
            ..base
        },
        Row {
            name: "chars74k",
            source: "chars74k",
            pruning: Some((20, 53, 0.10, 0.85)),
            epochs: 60,
            batch: 80,
            weight_decay: 1e-4,
            schedule: Schedule::Piecewise(vec![(35, 0.005)]),
            dropout: 0.15,
            augment: &["shift:10%"],
            bounds: (0.30, 10_000, 20_000, 1_000_000),
            ..base
        },
        Row {
            name: "chars74k-binary",
            source: "chars74k-binary",
            pruning: Some((20, 53, 0.10, 0.85)),
            epochs: 60,
            weight_decay: 4e-5,
            schedule: Schedule::Piecewise(vec![(42, 0.005)]),
            dropout: 0.15,
            augment: &["shift:10%"],
            bounds: (0.26, 1_500, 1_000, 1_000_000),
            ..base
        },
        Row {
            name: "speech-commands",
            source: "speech-commands",
            pruning: Some((20, 40, 0.10, 0.90)),
            epochs: 45,
            batch: 50,
            optimizer: Optimizer::AdamW,
            learning_rate: 5e-4,
            schedule: Schedule::Piecewise(vec![(20, 1e-4), (40, 2e-5)]),
            augment: &["background:0.8:0.1", "timeshift:10"],
            bounds: (0.085, 60_000, 40_000, 20_000_000),
            ..base
        },
        Row {
            name: "vww",
            source: "vww",
            epochs: 30,
            batch: 64,
            learning_rate: 0.001,
            weight_decay: 5e-5,
            schedule: Schedule::Constant,
            augment: &["flip", "shift:10%"],
            bounds: (0.10, 250_000, 250_000, 30_000_000),
            trials: 800,
            ..base
        },
        Row {
            name: "mlp-fashion",
            source: "fashion-mnist",
            epochs: 30,
            optimizer: Optimizer::Adam,
            learning_rate: 0.001,
            weight_decay: 0.0,
            schedule: Schedule::Plateau { factor: 0.5, patience: 4 },
            bounds: (0.18, 200, 30_000, 30_000),
            trials: 800,
            ..base
        },
    ]
}

fn experiment(name: &str) -> Experiment {
    Preset::find(name).unwrap().experiment(&[]).unwrap()
}

#[test]
fn presets_have_the_published_values() {
    for row in published() {
        let experiment = experiment(row.name);
        let (train, bounds, search) = (&experiment.train, &experiment.bounds, &experiment.search);
        let name = row.name;
        assert_eq!((experiment.name.as_str(), experiment.data.source.as_str()), (name, row.source), "{name}");
        assert_eq!((train.epochs, train.batch), (row.epochs, row.batch), "{name}");
        assert_eq!((train.optimizer, train.learning_rate), (row.optimizer, row.learning_rate), "{name}");
        assert_eq!((train.weight_decay, train.dropout), (row.weight_decay, row.dropout), "{name}");
        assert_eq!(train.schedule, row.schedule, "{name}");
        // Dense layers have no batch norms.
        let has_norms = experiment.space.kind() != Kind::Mlp;
        let moving = train.norm_statistics == NormStatistics::Moving;
        assert!(moving || !has_norms, "{name}: {:?}", train.norm_statistics);
        let augment: Vec<String> = train.augment.iter().map(ToString::to_string).collect();
        assert_eq!(augment, row.augment, "{name}");
        assert!(train.augment_until == 1.0 || row.augment.is_empty(), "{name}: {}", train.augment_until);
        let pruning = experiment.pruning.inspect(|pruning| assert_eq!(pruning.mode, PruningMode::Structured));
        let pruning = pruning.map(|one| (one.start, one.finish, one.min_sparsity, one.max_sparsity));
        assert_eq!(pruning, row.pruning, "{name}");
        let (error, peak_memory, model_size, macs) = row.bounds;
        let expected = [error, peak_memory as f64, model_size as f64, macs as f64].map(Some);
        assert_eq!(COMMON_OBJECTIVES.map(|objective| bounds.get(objective)), expected, "{name}");
        assert_eq!(search.algorithm, AlgorithmKind::Aging, "{name}");
        assert_eq!((search.population, search.sample), (100, 25), "{name}");
        assert_eq!(search.trials, row.trials, "{name}");
    }
}

#[test]
fn single_values_of_the_presets() {
    assert_eq!(experiment("cifar10").train.normalise, NormaliseMode::MeanStd);
    assert_eq!(experiment("chars74k").data.size, Some([48, 48]));
    assert_eq!(experiment("chars74k-binary").data.size, Some([32, 32]));
    let vww = experiment("vww");
    assert_eq!(
        (vww.data.size, vww.data.crop, vww.train.early_stop),
        (Some([192, 220]), Some(0.875), Some(15))
    );
    let audio = experiment("speech-commands").data.audio;
    let front_end = FrontEnd::new(&audio, 16_000).unwrap();
    assert_eq!(front_end.shape(), [98, 40, 1]);
    assert_eq!((audio.window_ms, audio.stride_ms, audio.band_at(16_000)), (30.0, 10.0, [20.0, 4000.0]));
    assert_eq!(experiment("mlp-fashion").train.kernel_l2, 1e-3);
    assert_eq!(experiment("mlp-fashion").space.kind().to_string(), "mlp");
}

#[test]
fn all_presets_run_in_this_version_and_read_back() {
    assert_eq!(PRESETS.len(), published().len() + 2);
    for preset in PRESETS {
        let experiment = experiment(preset.name);
        assert_eq!(experiment.name, preset.name);
        assert_eq!(experiment.pruning.is_some(), preset.prunes, "{}", preset.name);
        assert_eq!(Experiment::from_toml(&experiment.to_toml(), &[]), Ok(experiment), "{}", preset.name);
        let unpruned = Preset::resolve(&format!("{}-no-pruning", preset.name), &[]).unwrap();
        assert_eq!(unpruned.pruning, None);
        let bayesian = Preset::resolve(&format!("{}-bo", preset.name), &[]).unwrap();
        assert_eq!(bayesian.search.algorithm, AlgorithmKind::Bayes);
    }
}

#[test]
fn variants_differ_in_what_their_names_say_alone() {
    let mnist = experiment("mnist");
    let unpruned = Preset::resolve("mnist-no-pruning", &["train.epochs=5".to_owned()]).unwrap();
    assert_eq!(
        (unpruned.name.as_str(), unpruned.train.epochs, unpruned.pruning),
        ("mnist-no-pruning", 5, None)
    );
    assert_eq!(unpruned.bounds, mnist.bounds);

    let both = Preset::resolve("mnist-no-pruning-bo", &["search.trials=3".to_owned()]).unwrap();
    assert_eq!((both.pruning, both.search.trials), (None, 3));
    assert_eq!((both.search.algorithm, both.name.as_str()), (AlgorithmKind::Bayes, "mnist-no-pruning-bo"));
    assert_eq!((both.train, both.bounds), (mnist.train.clone(), mnist.bounds.clone()));

    let variants = [
        ("-bo", BayesVariant::Global),
        ("-bo-local", BayesVariant::Local),
        ("-bo-mf", BayesVariant::MultiFidelity),
    ];
    for (suffix, bayes_variant) in variants {
        let bayesian = Preset::resolve(&format!("mnist-no-pruning{suffix}"), &[]).unwrap();
        let found = (bayesian.search.algorithm, bayesian.search.trials, bayesian.search.bayes_variant);
        assert_eq!(found, (AlgorithmKind::Bayes, 800, bayes_variant), "{suffix}");
        assert_eq!(bayesian.pruning, None);
    }

    let unstructured = experiment("mnist-unstructured");
    let pruning = PruningSettings {
        mode: PruningMode::Unstructured,
        start: 3,
        finish: 18,
        min_sparsity: 0.2,
        max_sparsity: 0.98,
        fits_bounds: true,
    };
    assert_eq!((unstructured.pruning, &unstructured.train), (Some(pruning), &mnist.train));
    let expected = Bounds::soft([(Objective::Error, 0.025), (Objective::ModelSize, 1000.0)]);
    assert_eq!(unstructured.bounds, expected);
}

#[test]
fn tuned_presets_have_data_and_bounds_of_the_published_ones_and_nothing_else() {
    let (published, tuned) = (experiment("mnist"), Preset::resolve("mnist-tuned", &[]).unwrap());
    assert_eq!((tuned.name.as_str(), &tuned.data.source), ("mnist-tuned", &published.data.source));
    let hard = vec![Objective::Macs, Objective::ModelSize, Objective::PeakMemory];
    assert_eq!(tuned.bounds, Bounds { hard, ..published.bounds });
    assert_eq!((tuned.pruning, tuned.search.sampling), (None, Sampling::Target));
    assert_eq!(published.search.sampling, Sampling::Uniform);
    let dense = Preset::resolve("mlp-fashion-tuned", &[]).unwrap();
    assert_eq!(dense.space.kind(), Kind::Mlp);
}

#[test]
fn unknown_presets_are_refused_with_the_nearest_one() {
    let error = Preset::find("fashon-mnist").unwrap_err();
    assert_eq!(error.hint().as_deref(), Some("did you mean `fashion-mnist`?"));
    assert!(error.to_string().contains("cifar10-binary"), "{error}");
    assert_eq!(Preset::find("qqq").unwrap_err().hint(), None);
}
