//! Whatever an experiment says, its resolved text says the same; whatever a text says, reading it does not panic.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use munas_cost::{NetworkInput, Runtime};
use munas_data::{
    Augmentation, Channel, CsvSettings, Delimiter, Extent, FeatureKind, Folds, GroupChoice, HeaderRow,
    IndexColumn, Layout, NormaliseMode,
};
use munas_search::ObjectiveValues;
use munas_search::algorithms::BayesVariant;
use munas_space::{MlpBounds, Range};

use super::*;

fn share() -> impl Strategy<Value = f64> {
    (1_u32..10_000).prop_map(|part| f64::from(part) / 10_000.0)
}

fn schedule() -> impl Strategy<Value = Schedule> {
    let piecewise = vec((1_u32..5, share()), 0..4).prop_map(|steps| {
        let epochs = steps.iter().scan(0, |epoch, (step, _)| {
            *epoch += step;
            Some(*epoch)
        });
        Schedule::Piecewise(epochs.zip(steps.iter().map(|step| step.1)).collect())
    });
    prop_oneof![
        Just(Schedule::Constant),
        Just(Schedule::Cosine),
        Just(Schedule::OneCycle),
        piecewise,
        (share(), 1_u32..9).prop_map(|(factor, patience)| Schedule::Plateau { factor, patience }),
    ]
}

fn augmentation() -> impl Strategy<Value = Augmentation> {
    prop_oneof![
        Just(Augmentation::Flip),
        (share(), share()).prop_map(|(probability, volume)| Augmentation::Background { probability, volume }),
        (0_usize..9).prop_map(|pixels| Augmentation::Shift { by: Extent::Pixels(pixels) }),
        (0_u8..=100)
            .prop_map(|percent| Augmentation::CutOut { size: Extent::Fraction(f64::from(percent) / 100.0) }),
        (share(), share()).prop_map(|(radians, probability)| Augmentation::Rotate { radians, probability }),
    ]
}

fn train_settings() -> impl Strategy<Value = TrainSettings> {
    let optimizer = prop_oneof![
        share().prop_map(|momentum| Optimizer::Sgdw { momentum }),
        Just(Optimizer::AdamW),
        Just(Optimizer::Adam)
    ];
    let rates = (share(), share(), share(), share(), option::of(share()));
    let lists =
        (schedule(), vec(augmentation(), 0..4), select(vec![NormaliseMode::Unit, NormaliseMode::MeanStd]));
    (optimizer, rates, lists, 1_u32..200, 1_usize..300, any::<bool>(), option::of(1_u32..9)).prop_map(
        |(optimizer, rates, lists, epochs, batch, class_weights, early_stop)| {
            let (learning_rate, weight_decay, dropout, label_smoothing, gradient_clip) = rates;
            let (schedule, augment, normalise) = lists;
            TrainSettings {
                epochs,
                steps_per_epoch: early_stop.map(|steps| steps * 7),
                batch,
                optimizer,
                weight_decay: if optimizer == Optimizer::Adam { 0.0 } else { weight_decay },
                learning_rate,
                warm_up: if schedule == Schedule::OneCycle { 0.0 } else { weight_decay },
                schedule,
                dropout,
                augment,
                augment_until: dropout,
                normalise,
                class_weights,
                label_smoothing,
                gradient_clip,
                kernel_l2: dropout,
                norm_statistics: if class_weights {
                    NormStatistics::Moving
                } else {
                    NormStatistics::ReEstimated
                },
                keep: if class_weights { Keep::Last } else { Keep::Best },
                early_stop,
                pruning: None,
                pruning_goal: None,
                distillation: None,
                quantised_epochs: if early_stop.is_none() { epochs / 2 } else { 0 },
            }
        },
    )
}

fn space() -> impl Strategy<Value = Space> {
    let range = |least: usize| (least..9, 0_usize..9).prop_map(|(min, more)| Range::new(min, min + more));
    let cnn = (range(1), range(1), subsequence(vec![1, 3, 5, 7, 11], 1..5), any::<bool>()).prop_map(
        |(blocks, filters, kernels, residual)| CnnBounds {
            blocks,
            filters,
            kernels,
            residual,
            ..CnnBounds::munas_2020()
        },
    );
    let mlp = (range(0), range(1))
        .prop_map(|(dense, units)| Space::Mlp(MlpBounds { dense, units, ..MlpBounds::wide() }));
    prop_oneof![cnn.clone().prop_map(Space::Cnn2d), cnn.prop_map(Space::Cnn1d), mlp]
}

fn bounds() -> impl Strategy<Value = Bounds> {
    let size = || option::of(1_u64..1_000_000_000);
    (option::of(share()), size(), size(), size(), any::<bool>()).prop_map(
        |(error, peak_memory, model_size, macs, hard)| {
            let hard = if hard && macs.is_some() { vec![Objective::Macs] } else { Vec::new() };
            let [peak_memory, model_size, macs] =
                [peak_memory, model_size, macs].map(|bound| bound.map(|bound| bound as f64));
            let values = ObjectiveValues::from_fn(|objective| match objective {
                Objective::Error => error,
                Objective::PeakMemory => peak_memory,
                Objective::ModelSize => model_size,
                Objective::Macs => macs,
                Objective::Latency | Objective::Energy | Objective::Flash => None,
            });
            Bounds { values, hard }
        },
    )
}

fn memory() -> impl Strategy<Value = MemoryModel> {
    let runtime = select(Runtime::ALL.to_vec());
    (runtime, select(NetworkInput::ALL.to_vec())).prop_map(|(runtime, input)| MemoryModel { runtime, input })
}

fn search() -> impl Strategy<Value = SearchSettings> {
    let names = (select(AlgorithmKind::ALL.to_vec()), any::<bool>(), any::<bool>(), any::<bool>());
    let numbers = (1_u64..99_999, 1_usize..500, 1_usize..50, 0_usize..64, 1_u64..9_999, 1_u64..9_999_999);
    (names, numbers, option::of(1_u64..999_999_999), option::of(share())).prop_map(
        |((algorithm, int8, off, repeats), numbers, milliseconds, target_error)| {
            let (trials, population, sample, workers, max_draws, worker_memory) = numbers;
            SearchSettings {
                algorithm,
                population,
                sample,
                bayes_variant: BayesVariant::ALL[sample % 3],
                error_share: sample as f64 / 64.0,
                sample_cost: sample as u64,
                rungs: NonZero::new(1 + sample as u32 % 6).unwrap(),
                trials,
                time: milliseconds.map(Duration::from_millis),
                target_error,
                workers,
                worker_memory,
                training_memory: repeats.then_some(worker_memory),
                max_training_cost: repeats.then_some(trials),
                sampling: if repeats { Sampling::Uniform } else { Sampling::Target },
                error: if int8 { DrivingError::Int8 } else { DrivingError::Float },
                metric: Metric::ALL[population % 3],
                folds: if off { Folds::Auto } else { Folds::Count(1 + sample) },
                feasibility: if off { Feasibility::Off } else { Feasibility::Skip },
                repeats,
                max_draws: NonZero::new(max_draws).unwrap(),
            }
        },
    )
}

fn finalists() -> impl Strategy<Value = FinalSettings> {
    let numbers = (0.0..1.0, 0.0..1.0, 0.01..1000.0, 0.01..1000.0, 1_usize..99, 1_u32..=1000);
    (numbers, any::<bool>()).prop_map(
        |((share, quantised, longer, longest, networks, seeds), distillation)| FinalSettings {
            share,
            networks,
            seeds,
            longer,
            longest,
            distillation,
            quantised,
        },
    )
}

fn data() -> impl Strategy<Value = DataSettings> {
    let numbers = (share(), option::of((1_usize..99, 1_usize..99)), option::of(1_usize..9_999));
    (
        select(vec!["glyphs", "images:a b/\"c\"", "csv:päth.csv"]),
        option::of("[a-z/ ]{1,9}"),
        numbers,
        any::<bool>(),
    )
        .prop_map(|(source, dir, (validation, size, subset), flag)| DataSettings {
            crop: subset.map(|_| validation),
            audio: AudioSettings {
                features: if flag { FeatureKind::Mfcc } else { FeatureKind::LogMel },
                rate: subset.map(|rate| rate as u32),
                clip_ms: 100.0 + validation,
                fft: size.map(|(points, _)| points),
                channel: if flag { Channel::Mix } else { Channel::Right },
                band: flag.then_some([validation, 1.0 + validation]),
                peak: flag,
                range: dir.is_some().then_some([-validation, validation]),
                ..AudioSettings::default()
            },
            source: source.to_owned(),
            dir: dir.map(PathBuf::from),
            validation,
            normalise: NormaliseMode::Unit,
            size: size.map(|(height, width)| [height, width]),
            fit: flag,
            grey: subset.is_some().then_some(flag),
            orientation: !flag,
            backdrop: [None, Some(Backdrop::White), Some(Backdrop::Black)][source.len() % 3],
            deep: flag,
            skip_bad: !flag,
            subset,
            memory: subset.map(|bytes| bytes as u64),
            layout: if flag { Layout::Nchw } else { Layout::Auto },
            arrays: subset.map(|_| vec!["a".to_owned(), "b \"c\"".to_owned()]),
            compact_labels: flag,
            every_class: !flag,
            groups: if flag { GroupChoice::Auto } else { GroupChoice::By("a \"b\"".to_owned()) },
            csv: CsvSettings {
                delimiter: subset.map(|_| if flag { Delimiter::Blanks } else { Delimiter::Character(b'\t') }),
                header: if flag { HeaderRow::No } else { HeaderRow::Auto },
                index: if flag { IndexColumn::Keep } else { IndexColumn::LeaveOut },
                ignore: vec!["a \"b\"".to_owned(); usize::from(flag)],
            },
        })
}

fn int8() -> impl Strategy<Value = Int8Settings> {
    let calibration = select(vec!["min-max", "moving-average:0.9", "percentile:99.9", "mse"]);
    (calibration, 1_usize..1000, any::<bool>()).prop_map(|(calibration, samples, bias_correction)| {
        Int8Settings { calibration: calibration.parse().unwrap(), samples, bias_correction }
    })
}

fn board() -> impl Strategy<Value = Option<BoardChoice>> {
    let board = select(boards::builtin().boards().to_vec());
    let rate = option::of(1e-6..1e6);
    let choice = |(board, rate)| BoardChoice { board, file: None, input: InputPlace::External, rate };
    option::of((board, rate).prop_map(choice))
}

fn experiment() -> impl Strategy<Value = Experiment> {
    let pruning = option::of((1_u32..4, any::<bool>())).prop_map(|pruning| {
        pruning.map(|(start, structured)| PruningSettings {
            mode: if structured { PruningMode::Structured } else { PruningMode::Unstructured },
            start,
            finish: start + 1,
            min_sparsity: 0.05,
            max_sparsity: 0.9,
            fits_bounds: structured,
        })
    });
    let distillation = option::of(("\\PC{1,9}", share())).prop_map(|distillation| {
        distillation.map(|(teacher, alpha)| DistillationSettings {
            teacher: PathBuf::from(teacher),
            alpha,
            temperature: 2.0,
        })
    });
    let parts = (data(), space(), train_settings(), int8(), bounds(), (memory(), search(), finalists()));
    ("\\PC{0,12}", 0..=i64::MAX as u64, parts, pruning, distillation, board()).prop_map(
        |(
            name,
            seed,
            (data, space, train, int8, bounds, (memory, search, finalists)),
            pruning,
            distillation,
            board,
        )| {
            Experiment {
                name,
                seed,
                data: DataSettings { normalise: train.normalise, ..data },
                space,
                pruning: pruning
                    .filter(|pruning| pruning.finish <= train.epochs && train.quantised_epochs == 0),
                train: train.clone(),
                distillation,
                int8,
                bounds,
                memory,
                // Where trials rest, patience ends none.
                search: SearchSettings {
                    rungs: if train.early_stop.is_some() { NonZero::<u32>::MIN } else { search.rungs },
                    ..search
                },
                finalists,
                board,
            }
        },
    )
}

proptest! {
    #[test]
    fn the_resolved_text_reads_back(experiment in experiment()) {
        let text = experiment.to_toml();
        let read = Experiment::from_toml(&text, &[]).unwrap();
        let has_board = experiment.board.is_some();
        // A board tightens the bounds once.
        let expected = if has_board { Experiment { bounds: read.bounds.clone(), ..experiment } } else { experiment };
        prop_assert_eq!(&read, &expected, "{}", text);
        prop_assert_eq!(Experiment::from_toml(&read.to_toml(), &[]), Ok(read), "{}", text);
    }

    #[test]
    fn no_text_panics(text in "\\PC{0,80}", override_text in "\\PC{0,30}") {
        let _ = Experiment::from_toml(&text, &[override_text]);
    }

    #[test]
    fn no_damage_to_a_file_panics(
        cut in 0_usize..FULL.len(),
        length in 0_usize..20,
        insert in "[\\[\\]{}=.,\"'0-9a-z_\n-]{0,6}",
    ) {
        // The example is ASCII: every byte is a boundary.
        let end = (cut + length).min(FULL.len());
        let _ = Experiment::from_toml(&format!("{}{insert}{}", &FULL[..cut], &FULL[end..]), &[]);
    }

    #[test]
    fn no_override_panics(
        key in select(vec!["seed", "train", "train.epochs", "train.schedule", "space", "space.bounds", "space.bounds.ops",
            "bounds.macs", "bounds.hard", "search.time", "data.size", "train.pruning", "train.augment"]),
        value in "[\\[\\]{}=.,\"'0-9a-zKM_:%-]{0,12}",
    ) {
        let _ = Experiment::from_toml(FULL, &[format!("{key}={value}")]);
    }
}
