use munas_cost::{InputCode, MemoryModel, NetworkInput, Runtime, boards};
use munas_data::{ElementType, NormaliseMode, PartSizes, RawData, Samples, SplitOptions, TestPart};
use munas_train::Keep;

use munas_space::Space;
use munas_train::{Optimizer, Schedule};

use super::*;

/// Forty samples of this shape in two classes.
fn dataset(input: [usize; 3], element: ElementType) -> Dataset {
    let values = 40 * input.iter().product::<usize>();
    let samples = match element {
        ElementType::F32 => Samples::F32((0..values).map(|value| value as f32).collect()),
        _ => Samples::U8((0..values).map(|value| value as u8).collect()),
    };
    let raw = RawData {
        name: "test".to_owned(),
        input,
        class_names: vec!["a".to_owned(), "b".to_owned()],
        full_scale: samples.element_type().full_scale(),
        samples,
        labels: (0..40).map(|sample| sample % 2).collect(),
        parts: PartSizes { train: 40, validation: None, test: TestPart::Draw { share: 0.2 } },
        ..RawData::default()
    };
    raw.into_dataset(&SplitOptions::default()).unwrap()
}

fn draft(overrides: &[&str]) -> Draft {
    let overrides: Vec<String> = overrides.iter().map(|text| (*text).to_owned()).collect();
    Draft::from_toml("[data]\nsource = \"glyphs\"\n", &overrides).unwrap()
}

#[test]
fn what_is_left_open_follows_the_data_and_what_is_given_stays() {
    let (floats, bytes) = (dataset([1, 1, 3], ElementType::F32), dataset([4, 4, 1], ElementType::U8));
    let normalise =
        |draft: &Draft, data: &Dataset| draft.resolve(data, &Machine::here(data)).unwrap().train.normalise;
    assert_eq!(normalise(&draft(&[]), &floats), NormaliseMode::MeanStd);
    assert_eq!(normalise(&draft(&[]), &bytes), NormaliseMode::Unit);
    assert_eq!(normalise(&draft(&["data.normalise=unit"]), &floats), NormaliseMode::Unit);
    assert_eq!(normalise(&draft(&["data.normalise=mean-std"]), &bytes), NormaliseMode::MeanStd);
}

#[test]
fn the_last_epoch_is_kept_where_the_learning_rate_ends_near_zero() {
    let data = dataset([4, 4, 1], ElementType::U8);
    let keep =
        |overrides: &[&str]| draft(overrides).resolve(&data, &Machine::here(&data)).unwrap().train.keep;
    assert_eq!(keep(&[]), Keep::Last);
    assert_eq!(keep(&["train.schedule=cosine"]), Keep::Last);
    assert_eq!(keep(&["train.schedule=constant"]), Keep::Best);
    assert_eq!(keep(&["train.schedule=[[2, 0.01]]"]), Keep::Best);
    assert_eq!(keep(&["train.early_stop=3"]), Keep::Best);
    assert_eq!(keep(&["train.keep=best"]), Keep::Best);
    assert_eq!(keep(&["train.schedule=constant", "train.keep=last"]), Keep::Last);
    let error = Draft::from_toml("data.source = \"glyphs\"\n", &["train.keep=first".into()])
        .and_then(|draft| draft.preliminary())
        .unwrap_err();
    assert_eq!(error.to_string(), "`train.keep`: unknown variant `first`, expected `best` or `last`");
}

#[test]
fn a_resolved_experiment_is_read_back_as_it_is() {
    let data = dataset([8, 8, 3], ElementType::F32);
    let resolved =
        draft(&["board.name=stm32f103c8", "bounds.macs=1000"]).resolve(&data, &Machine::here(&data)).unwrap();
    assert_eq!(Experiment::from_run_file(&resolved.to_toml()).unwrap(), resolved);
}

#[test]
fn the_flash_of_a_board_holds_the_conversion_and_the_names_too() {
    let bound = |element, overrides: &[&str]| {
        let data = dataset([8, 8, 3], element);
        let resolved = draft(overrides).resolve(&data, &Machine::here(&data));
        (resolved.unwrap().bounds.get(Objective::Flash).unwrap(), data)
    };
    let board = boards::find("stm32f103c8").unwrap();
    let usable = board.bounds().flash as f64;
    let (pixels, data) = bound(ElementType::U8, &["board.name=stm32f103c8"]);
    let names = data.class_names.iter().map(|name| name.len() + 1).max().unwrap() * data.classes();
    let InputCode { integers, floats } = board.core.code.input;
    assert_eq!(pixels, usable - integers - names as f64);
    let (numbers, _) = bound(ElementType::F32, &["board.name=stm32f103c8"]);
    assert_eq!(numbers, usable - floats - (3 * 8) as f64 - names as f64, "a scale and an offset per channel");
    let (lower, _) = bound(ElementType::F32, &["board.name=stm32f103c8", "bounds.flash=3000"]);
    assert_eq!(lower, 3_000.0, "a bound of the user's is one on the network");
}

#[test]
fn the_ram_of_a_board_holds_the_input_too() {
    let data = dataset([40, 40, 3], ElementType::U8);
    let bound = |overrides: &[&str]| {
        draft(overrides)
            .resolve(&data, &Machine::here(&data))
            .map(|resolved| resolved.bounds.get(Objective::PeakMemory))
    };
    // 20 KiB, of which three quarters are for the network; the input takes 4,800 bytes.
    let usable = 20.0 * 1024.0 * 0.75;
    let layers = ["board.name=stm32f103c8", "memory.runtime=layers"];
    assert_eq!(bound(&layers), Ok(Some(usable - 4_800.0)));
    assert_eq!(bound(&[layers[0], layers[1], "board.input=external"]), Ok(Some(usable)));
    // Peak memory has the input in it, or the rows of it that are kept.
    assert_eq!(bound(&[layers[0], layers[1], "memory.input=buffer"]), Ok(Some(usable)));
    assert_eq!(bound(&["board.name=stm32f103c8"]), Ok(Some(usable)));
    assert_eq!(bound(&["board.name=stm32f103c8", "memory.input=external"]), Ok(Some(usable - 4_800.0)));
    assert_eq!(bound(&["board.name=stm32f103c8", "bounds.peak_memory=9000"]), Ok(Some(9_000.0)));
    assert_eq!(bound(&["bounds.peak_memory=9000"]), Ok(Some(9_000.0)));
}

#[test]
fn an_input_that_no_ram_is_left_beside_is_refused() {
    let data = dataset([80, 80, 3], ElementType::U8);
    let resolve = |overrides: &[&str]| draft(overrides).resolve(&data, &Machine::here(&data));
    for input in ["external", "buffer"] {
        let input = format!("memory.input={input}");
        resolve(&["board.name=stm32f103c8", &input]).unwrap_err();
    }
    resolve(&["board.name=stm32f103c8"]).unwrap();
    let error = resolve(&["board.name=stm32f103c8", "memory.runtime=layers"]).unwrap_err().to_string();
    assert!(error.contains("15360 bytes of RAM, of which the network's input alone takes 19200"), "{error}");
}

#[test]
fn peak_memory_is_that_of_what_is_exported_for_a_board() {
    let data = dataset([8, 8, 1], ElementType::U8);
    let of = |draft: Draft| {
        let resolved = draft.resolve(&data, &Machine::here(&data)).unwrap();
        assert_eq!(Experiment::from_run_file(&resolved.to_toml()).unwrap(), resolved);
        resolved.memory
    };
    let model = |runtime, input| MemoryModel { runtime, input };
    let board = "board.name=stm32f103c8";
    for (overrides, expected) in [
        (&[][..], MemoryModel::PUBLISHED),
        (&[board], MemoryModel::STREAMED),
        (&[board, "board.input=external"], model(Runtime::Streamed, NetworkInput::External)),
        (&[board, "memory.runtime=layers"], MemoryModel::PUBLISHED),
        (&[board, "memory.input=buffer"], model(Runtime::Streamed, NetworkInput::Buffer)),
        (&["memory.runtime=streamed"], MemoryModel::STREAMED),
        (
            &["memory.runtime=streamed", "memory.input=external"],
            model(Runtime::Streamed, NetworkInput::External),
        ),
        (&["memory.input=buffer"], model(Runtime::Layers, NetworkInput::Buffer)),
    ] {
        assert_eq!(of(draft(overrides)), expected, "{overrides:?}");
    }
    let published = |overrides: &[&str]| {
        let overrides: Vec<String> = overrides.iter().map(|text| (*text).to_owned()).collect();
        of(Draft::published("data.source = \"glyphs\"", &overrides).unwrap())
    };
    assert_eq!(published(&[]), MemoryModel::PUBLISHED);
    assert_eq!(published(&[board]), MemoryModel::STREAMED);
    assert_eq!(published(&[board, "memory.runtime=layers"]), MemoryModel::PUBLISHED);
    // A run of a version before there was a choice, for a board too.
    let old = "data.source = 'glyphs'\nboard.name = 'stm32f103c8'";
    assert_eq!(Experiment::from_run_file(old).unwrap().memory, MemoryModel::PUBLISHED);
    let wrong = Draft::from_toml("data.source = \"glyphs\"", &["memory.runtime=rows".to_owned()]);
    assert_eq!(
        wrong.unwrap_err().to_string(),
        "`memory.runtime`: `rows` is not a runtime (layers, streamed)"
    );
}

#[test]
fn what_the_machine_can_train_is_written_down_unless_it_is_given_or_published() {
    let data = dataset([8, 8, 1], ElementType::U8);
    let machine = Machine { macs_per_training: Some(4096), ..Machine::here(&data) };
    let resolve = |draft: &Draft| draft.resolve(&data, &machine).unwrap().search.max_training_cost;
    let (open, given) = (draft(&[]), draft(&["search.max_training_cost=70k"]));
    assert!(open.leaves_training_cost_open() && !given.leaves_training_cost_open());
    assert_eq!((resolve(&open), resolve(&given)), (Some(4096), Some(70_000)));
    let published = Draft::published("data.source = \"glyphs\"", &[]).unwrap();
    assert!(!published.leaves_training_cost_open());
    assert_eq!(resolve(&published), None);
}

#[test]
fn the_kind_of_networks_follows_the_shape_of_the_samples() {
    let space = |input: [usize; 3], overrides: &[&str]| {
        let data = dataset(input, ElementType::F32);
        draft(overrides).resolve(&data, &Machine::here(&data)).unwrap().space
    };
    let named = |kind: &str, bounds: &str| Space::named(kind, bounds).unwrap();
    assert_eq!(space([1, 1, 5], &[]), named("mlp", "wide"));
    assert_eq!(space([64, 1, 3], &[]), named("cnn1d", "wide-1d"));
    assert_eq!(space([8, 8, 1], &[]), named("cnn2d", "wide"));
    assert_eq!(space([8, 8, 1], &["space.kind=mlp"]), named("mlp", "wide"));
    let given = ["space.kind=cnn1d", "space.bounds=munas-2020-1d"];
    assert_eq!(space([64, 1, 3], &given), named("cnn1d", "munas-2020-1d"));
}

#[test]
fn the_recipe_goes_with_what_is_given() {
    let data = dataset([8, 8, 1], ElementType::U8);
    let train = |overrides: &[&str]| draft(overrides).resolve(&data, &Machine::here(&data)).unwrap().train;
    let open = train(&[]);
    assert_eq!((open.batch, open.optimizer, &open.schedule), (16, Optimizer::AdamW, &Schedule::OneCycle));
    assert_eq!(open.epochs, 300, "few samples, many passes");
    assert_eq!(train(&["train.epochs=7"]).epochs, 7);
    let steps = 300.0 * data.train.len().div_ceil(16) as f64;
    assert!((open.weight_decay * steps - 0.1).abs() < 1e-9, "{} in {steps} steps", open.weight_decay);
    let sgd = train(&["train.optimizer=sgdw"]);
    assert_eq!((sgd.optimizer, sgd.learning_rate), (Optimizer::Sgdw { momentum: 0.9 }, 0.01));
    let pruned = "train.pruning={ mode = \"structured\", start = 3, finish = 18, min_sparsity = 0.1, max_sparsity = 0.8 }";
    assert_eq!(train(&[pruned]).epochs, 30, "pruning counts the epochs of the file");
}
