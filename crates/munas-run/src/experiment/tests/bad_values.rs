//! Values that make no sense, each refused with its key.

use expect_test::{Expect, expect};

use super::{check_error, with_source};

#[test]
fn bad_values_name_their_key() {
    let check = |lines: &str, expected: Expect| check_error(&with_source(lines), &[], &expected);
    check(
        "train.epochs = 'many'",
        expect![[r#"`train.epochs`: invalid type: string "many", expected a whole number"#]],
    );
    check(
        "train.epochs = -1",
        expect!["`train.epochs`: invalid value: integer `-1`, expected a whole number"],
    );
    check("train.epochs = 0", expect!["`train.epochs`: 0: must be at least 1 and at most 100,000"]);
    check(
        "space.bounds.kernels = ['x']",
        expect![[r#"`space.bounds`: invalid type: string "x", expected a whole number"#]],
    );
    check(
        "train.schedule = [[25, 0.1], [35, 'x']]",
        expect![[r#"`train.schedule[1][1]`: invalid type: string "x", expected a number"#]],
    );
    check(
        "train.schedule = 'step'",
        expect![
            "`train.schedule`: unknown schedule `step`; there are: constant, cosine, one-cycle, plateau:FACTOR:PATIENCE"
        ],
    );
    check(
        "train.augment = ['flip', 'flop']",
        expect![
            "`train.augment`: augmentation `flop`: not understood; there are: flip, shift:2, shift:10%, rotate:0.2:0.3, cutout:4, timeshift:2, background:0.8:0.1, noise:0.05, scale:0.1, amplitude:0.3, timemask:4, freqmask:2, mixup:0.2"
        ],
    );
    check(
        "train.augment = 'all'",
        expect![[r#"`train.augment`: `all` is not a list of augmentations, or "none""#]],
    );
    check(
        "train.optimizer = 'lion'",
        expect!["`train.optimizer`: unknown optimiser `lion`; there are: sgdw, adamw, adam"],
    );
    check("train.dropout = 1.5", expect!["`train.dropout`: 1.5: must be at least 0 and below 1"]);
    check(
        "bounds.peak_memory = '64 parsecs'",
        expect![
            "`bounds.peak_memory`: `64 parsecs` is not a size in bytes, such as 64000, 64KB (64,000) or 64KiB (65,536)"
        ],
    );
    check("bounds.macs = -3", expect!["`bounds.macs`: -3 is negative"]);
    check("bounds.macs = 0", expect!["`bounds.macs`: must be above 0"]);
    check("bounds.error = nan", expect!["`bounds.error`: must be above 0"]);
    check("bounds.hard = ['macs']", expect!["`bounds.hard`: lists macs, which has no bound"]);
    check(
        "bounds.hard = ['size']",
        expect![
            "`bounds.hard`: `size` is not an objective (error, peak_memory, model_size, macs, latency_ms, energy_mj, flash)"
        ],
    );
    check("bounds.latency_ms = 5.0", expect!["`bounds.latency_ms`: needs a board (section [board])"]);
    check(
        "data.normalise = 'whiten'",
        expect!["`data.normalise`: unknown normalisation `whiten`; there are: unit, mean-std"],
    );
    check("data.validation = 1.0", expect!["`data.validation`: must be above 0 and below 1"]);
    check("data.crop = 0.0", expect!["`data.crop`: must be above 0 and at most 1"]);
    check("data.audio.mel_bins = 0", expect!["`data.audio`: mel_bins must be from 1 to 1024"]);
    check(
        "data.audio.features = 'plp'",
        expect!["`data.audio.features`: unknown audio features `plp`; there are: mfcc, log-mel"],
    );
    check("data.size = [48]", expect!["`data.size`: invalid length 1, expected an array of length 2"]);
    check(
        "data.size = [4096, 4096]",
        expect!["`data.size`: must be at most 1048576 pixels: no microcontroller holds more"],
    );
    check("space.kind = 'rnn'", expect!["`space.kind`: rnn is not one of cnn2d, cnn1d, mlp"]);
    check(
        "space.bounds = 'munas-2021'",
        expect!["`space.bounds`: munas-2021 is not one of munas-2020, wide (of kind cnn2d)"],
    );
    check("space.bounds.kernels = []", expect!["`space.bounds.kernels`: empty"]);
    check("search.time = 30", expect!["`search.time`: invalid type: integer `30`, expected a string"]);
    check("search.time = '30'", expect!["`search.time`: `30` is not a duration, such as 45s, 30m or 1h30m"]);
    check(
        "search.algorithm = 'hyperband'",
        expect!["`search.algorithm`: `hyperband` is not a search algorithm (random, aging, bayes, niche)"],
    );
    check(
        "train.early_stop = 3\nsearch.algorithm = 'niche'",
        expect!["`train.early_stop`: niche ends trainings by itself; leave it out, or set search.rungs to 1"],
    );
    check("search.population = 0", expect!["`search.population`: must be at least 1 and at most 1000000"]);
    check(
        "search.max_draws = 0",
        expect!["`search.max_draws`: invalid value: integer `0`, expected a whole number above 0"],
    );
    check("train.pruning.mode = 'structured'", expect!["`train.pruning`: missing field `start`"]);
    check(
        "seed = 9223372036854775808",
        expect![[r#"
            not valid TOML: TOML parse error at line 2, column 8
              |
            2 | seed = 9223372036854775808
              |        ^^^^^^^^^^^^^^^^^^^
            u64 value was too large"#]],
    );
    check("train = 3", expect!["`train`: invalid type: integer `3`, expected a section"]);
}
