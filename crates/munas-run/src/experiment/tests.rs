use expect_test::{Expect, expect};

use std::num::NonZero;
use std::time::Duration;

use munas_data::{AudioSettings, Backdrop, GroupChoice, IndexColumn, Layout};
use munas_search::{AlgorithmKind, Feasibility, Objective, Sampling};
use munas_space::CnnBounds;
use munas_train::{Keep, NormStatistics, Optimizer, Schedule};

use super::*;
use crate::driving::DrivingError;
use crate::int8::Int8Settings;
use crate::judge::Metric;

mod bad_values;
mod board;
mod data;
mod keys_page;
mod round_trip;
mod train;

/// The example of the specification, with everything in it.
const FULL: &str = r#"
name = "fashion-mnist"
seed = 3

[data]
source = "fashion-mnist"
validation = 0.1
normalise = "mean-std"

[space]
kind = "cnn2d"
bounds = "munas-2020"

[train]
epochs = 45
batch = 128
optimizer = "sgdw"
learning_rate = 0.01
momentum = 0.9
weight_decay = 1e-5
schedule = [[25, 0.005], [35, 0.001]]
dropout = 0.15
augment = ["flip", "rotate:0.2:0.3", "shift:2"]
class_weights = false
label_smoothing = 0.0

[train.pruning]
mode = "structured"
start = 3
finish = 38
min_sparsity = 0.05
max_sparsity = 0.90

[train.distillation]
teacher = "path/to/model"

[bounds]
error = 0.10
peak_memory = "64KB"
model_size = "16KiB"
macs = "30M"
latency_ms = 50.0
hard = ["peak_memory"]

[search]
algorithm = "aging"
trials = 2000
time = "30m"
population = 100
sample = 25
workers = 0
error = "float"
feasibility = "skip"

[board]
name = "stm32f446re"
"#;

fn read(text: &str) -> Experiment {
    Experiment::from_toml(text, &[]).unwrap()
}

fn with_source(lines: &str) -> String {
    format!("data.source = \"glyphs\"\n{lines}")
}

/// The message and the hint of an experiment that cannot be read.
fn check_error(text: &str, overrides: &[&str], expected: &Expect) {
    let overrides: Vec<String> = overrides.iter().map(ToString::to_string).collect();
    let error = Experiment::from_toml(text, &overrides).unwrap_err();
    let hint = error.hint().map(|hint| format!("\nhint: {hint}")).unwrap_or_default();
    expected.assert_eq(&format!("{error}{hint}"));
}

#[test]
fn every_key_of_the_example_arrives() {
    let experiment = read(FULL);
    assert_eq!((experiment.name.as_str(), experiment.seed), ("fashion-mnist", 3));
    assert_eq!(experiment.data.source, "fashion-mnist");
    assert_eq!(experiment.space, Space::Cnn2d(CnnBounds::munas_2020()));
    let train = &experiment.train;
    assert_eq!((train.epochs, train.batch, train.learning_rate), (45, 128, 0.01));
    assert_eq!(train.optimizer, Optimizer::Sgdw { momentum: 0.9 });
    assert_eq!(train.schedule, Schedule::Piecewise(vec![(25, 0.005), (35, 0.001)]));
    assert_eq!(train.normalise, munas_data::NormaliseMode::MeanStd);
    assert_eq!(train.augment.len(), 3);
    let pruning = experiment.pruning.unwrap();
    assert_eq!((pruning.mode, pruning.start, pruning.finish), (PruningMode::Structured, 3, 38));
    let distillation = experiment.distillation.as_ref().unwrap();
    assert_eq!((distillation.alpha, distillation.temperature), (0.3, 1.0));
    let bounds = &experiment.bounds;
    let resources = [Objective::PeakMemory, Objective::ModelSize, Objective::Macs, Objective::Latency];
    let found = resources.map(|objective| bounds.get(objective));
    assert_eq!(found, [64_000.0, 16_384.0, 30_000_000.0, 50.0].map(Some));
    // The flash is the board's.
    assert_eq!(bounds.hard, [Objective::PeakMemory, Objective::Flash]);
    assert_eq!(experiment.search.time, Some(Duration::from_secs(1800)));
    assert_eq!(experiment.board.as_ref().map(|choice| &*choice.board.name), Some("stm32f446re"));
}

#[test]
fn the_resolved_text_writes_out_every_value() {
    expect![[r#"
        name = "experiment"
        seed = 0

        [data]
        source = "glyphs"
        validation = 0.1
        normalise = "unit"
        fit = true
        grey = "auto"
        orientation = true
        backdrop = "white"
        bits = 16
        skip_bad = false
        layout = "auto"
        compact_labels = true
        every_class = true
        groups = "auto"

        [data.csv]
        delimiter = "auto"
        header = "auto"
        index = "leave-out"
        ignore = []

        [data.audio]
        features = "mfcc"
        channel = "mix"
        clip_ms = 1000.0
        window_ms = 30.0
        stride_ms = 20.0
        mel_bins = 40
        coefficients = 10
        log_offset = 0.000001
        peak = true
        renditions = 4

        [space]
        kind = "mlp"

        [space.bounds]
        dense = [1, 7]
        units = [10, 256]
        widths = "uniform"

        [train]
        epochs = 30
        batch = 128
        optimizer = "sgdw"
        learning_rate = 0.01
        momentum = 0.9
        weight_decay = 0.00001
        schedule = "constant"
        warm_up = 0.0
        dropout = 0.0
        augment = []
        augment_until = 0.6
        class_weights = false
        label_smoothing = 0.0
        kernel_l2 = 0.0
        norm_statistics = "re-estimated"
        keep = "best"

        [int8]
        calibration = "percentile:99.99"
        samples = 512
        bias_correction = false

        [bounds]
        hard = []

        [memory]
        runtime = "layers"
        input = "external"

        [search]
        algorithm = "aging"
        trials = 2000
        time = "1h30m"
        population = 100
        sample = 25
        rungs = 4
        error_share = 0.5
        sample_cost = 10000
        bayes_variant = "global"
        workers = 0
        worker_memory = 370000000
        sampling = "target"
        error = "float"
        metric = "error"
        folds = "auto"
        feasibility = "skip"
        repeats = false
        max_draws = 1000000

        [final]
        share = 0.2
        networks = 8
        seeds = 5
        longer = 3.0
        longest = 10.0
        distillation = true
        quantised = 0.0
    "#]]
    .assert_eq(&read(&with_source("space.kind = 'mlp'\nsearch.time = '90m'")).to_toml());
}

#[test]
fn unknown_keys_are_refused_with_the_nearest_known_one() {
    check_error(
        &with_source("train.epoch = 3"),
        &[],
        &expect![[r#"
        unknown key `train.epoch`
        hint: did you mean `train.epochs`?"#]],
    );
    check_error(
        &with_source("search.learning_rate = 0.1"),
        &[],
        &expect![[r#"
        unknown key `search.learning_rate`
        hint: did you mean `train.learning_rate`?"#]],
    );
    check_error(
        &with_source("[serach]\ntrials = 3"),
        &[],
        &expect![[r#"
        unknown key `serach`
        hint: did you mean `search`?"#]],
    );
    check_error(
        &with_source("train.pruning.strat = 3"),
        &[],
        &expect![[r#"
        unknown key `train.pruning.strat`
        hint: did you mean `train.pruning.start`?"#]],
    );
    check_error(
        &with_source("[space.bounds]\nkernel = [3, 5]"),
        &[],
        &expect![[r#"
        unknown key `space.bounds.kernel`
        hint: did you mean `space.bounds.kernels`?"#]],
    );
    check_error(
        &with_source("[space]\nkind = 'mlp'\nbounds.filters = [1, 2]"),
        &[],
        &expect![[r#"
        unknown key `space.bounds.filters`
        hint: did you mean `space.bounds.units`?"#]],
    );
    check_error(&with_source("qqq = 3"), &[], &expect!["unknown key `qqq`"]);
}

#[test]
fn a_source_is_asked_for() {
    check_error(
        "name = 'x'",
        &[],
        &expect![[r#"
            `data.source` is missing
            hint: the name of a dataset, or images:DIR, audio:DIR, csv:FILE, npz:FILE, idx:DIR, packed:FILE"#]],
    );
    let error = Experiment::from_toml("data.source = 'mnits'", &[]).unwrap_err().to_string();
    assert!(error.starts_with("`data.source`: unknown data source `mnits`"), "{error}");
    assert!(error.ends_with("(did you mean `mnist`?)"), "{error}");
}

#[test]
fn syntax_errors_show_the_place() {
    check_error(
        "name = \"x\"\nseed = = 3",
        &[],
        &expect![[r#"
            not valid TOML: TOML parse error at line 2, column 8
              |
            2 | seed = = 3
              |        ^
            extra `=`, expected nothing"#]],
    );
}

#[test]
fn overrides_win_and_may_take_keys_away() {
    let overrides =
        ["train.epochs=7", "name=seven", "search.time=", "bounds.macs = 1M", "train.augment=[\"flip\"]"];
    let overrides = overrides.map(str::to_owned);
    let text = with_source("search.time = '30m'\nseed = 4\ntrain.epochs = 3");
    let experiment = Experiment::from_toml(&text, &overrides).unwrap();
    assert_eq!((experiment.train.epochs, experiment.seed, experiment.name.as_str()), (7, 4, "seven"));
    assert_eq!(experiment.search.time, None);
    assert_eq!(experiment.bounds.get(Objective::Macs), Some(1e6));
    assert_eq!(experiment.train.augment, [Augmentation::Flip]);
    let default = Experiment::from_toml(&text, &["train.epochs=".to_owned()]).unwrap();
    assert_eq!(default.train.epochs, 30);
}

#[test]
fn overrides_can_add_to_lists() {
    let text = with_source("bounds = { macs = 5, model_size = 7, peak_memory = 9, hard = ['macs'] }");
    let hard = |overrides: &[&str]| {
        let overrides: Vec<String> = overrides.iter().map(|text| (*text).to_owned()).collect();
        Experiment::from_toml(&text, &overrides).unwrap().bounds.hard
    };
    let all = [Objective::Macs, Objective::ModelSize, Objective::PeakMemory];
    assert_eq!(hard(&["bounds.hard+=model_size", "bounds.hard+=['macs', 'peak_memory']"]), all);
    assert_eq!(hard(&["bounds.hard=[]", "bounds.hard += macs"]), [Objective::Macs]);
    check_error(
        &text,
        &["bounds.macs+=3"],
        &expect![[r#"
            override `bounds.macs+=3`: `macs` is no list
            hint: for example --set train.epochs=20"#]],
    );
}

#[test]
fn bad_overrides_are_refused() {
    let check = |text: &str, expected: Expect| check_error(&with_source(""), &[text], &expected);
    check(
        "train.epochs",
        expect![[r#"
        override `train.epochs`: not of the form key=value
        hint: for example --set train.epochs=20"#]],
    );
    check(
        "=3",
        expect![[r#"
        override `=3`: the key is empty
        hint: for example --set train.epochs=20"#]],
    );
    check(
        "train..epochs=3",
        expect![[r#"
        override `train..epochs=3`: the key is empty
        hint: for example --set train.epochs=20"#]],
    );
    check(
        "data.source.x=3",
        expect![[r#"
        override `data.source.x=3`: `source` is no section
        hint: for example --set train.epochs=20"#]],
    );
    check(
        "train.epochz=3",
        expect![[r#"
        unknown key `train.epochz`
        hint: did you mean `train.epochs`?"#]],
    );
    check(
        "train.epochs=3\nseed=4",
        expect![[r#"`train.epochs`: invalid type: string "3\nseed=4", expected a whole number"#]],
    );
}

#[test]
fn relative_paths_become_absolute() {
    let here = std::env::current_dir().unwrap();
    let source = |source: &str| {
        let experiment = read(&format!(
            "train.distillation.teacher = 'big.safetensors'\ndata = {{ source = '{source}', dir = 'sets' }}"
        ));
        let absolute = experiment.with_absolute_paths().unwrap();
        assert_eq!(absolute.data.dir, Some(here.join("sets")));
        assert_eq!(absolute.distillation.unwrap().teacher, here.join("big.safetensors"));
        absolute.data.source
    };
    let under = |prefix: &str, path: &str| format!("{prefix}:{}", here.join(path).display());
    assert_eq!(source("mnist"), "mnist");
    assert_eq!(source("images:a/b"), under("images", "a/b"));
    assert_eq!(source("audio:a"), under("audio", "a"));
    assert_eq!(source("csv:a.csv#kind"), under("csv", "a.csv") + "#kind");
    assert_eq!(source("npz:/x/y.npz"), "npz:/x/y.npz");
}
