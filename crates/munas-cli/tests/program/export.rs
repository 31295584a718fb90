//! From the front to firmware: `munas export`, `munas verify`, boards.

use std::process::Command;

use expect_test::expect;
use serde_json::{Value, json};

use crate::support::Workspace;

#[test]
fn what_was_measured_is_exported_and_verified() {
    let workspace = Workspace::new();
    workspace.ok(&Workspace::tiny_search("run", &[]));
    let front = workspace.json(&["front", "run", "--json"]);
    let (trial, predicted) = (front[0]["trial"].to_string(), &front[0]["peak_memory"]);

    let exported = workspace.json(&["export", "run", &trial, "-o", "out", "--json"]);
    let names = ["model.tflite", "model.h", "model.c", "model_vectors.h", "model_test.c", "README.md"];
    let files: Vec<&str> = exported["files"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(names.iter().all(|name| files.contains(&&*format!("out/{name}"))), "{files:?}");
    assert!(files.iter().all(|file| workspace.path(file).exists()));
    assert_eq!((&exported["c"]["arena"], &exported["c"]["predicted"]), (predicted, predicted));
    let cost = workspace.json(&["cost", "out/model.tflite", "--json"]);
    assert_eq!((&cost["peak_memory"], &cost["macs"]), (predicted, &front[0]["macs"]));
    assert!(cost["file_order"]["peak_memory_with_input"].as_u64() >= cost["peak_memory_with_input"].as_u64());
    assert!(workspace.ok(&["cost", "out/model.tflite"]).contains("FULLY_CONNECTED"));

    let verified = workspace.json(&["verify", "run", &trial, "--samples", "5", "--json"]);
    assert_eq!((&verified["equal"], &verified["samples"]), (&Value::from(true), &Value::from(5)));
    for check in verified["checks"].as_array().unwrap() {
        if check["outcome"] == "skipped" {
            println!("skipped: {}", check["reason"]);
        } else {
            assert!(check["compared"].as_u64() >= Some(50) && check["different"] == 0, "{check}");
        }
    }
    // Without a number, many samples on this machine and few where they are slow.
    let verified = workspace.json(&["verify", "run", &trial, "--json"]);
    let all = verified["test_samples"].as_u64().unwrap();
    assert_eq!(verified["samples"].as_u64(), Some(all.min(1000)));
    for (check, samples) in
        verified["checks"].as_array().unwrap().iter().zip([all.min(1000), all.min(1000), 16])
    {
        let samples = if check["outcome"] == "skipped" { 0 } else { samples };
        assert_eq!(check["samples"].as_u64(), Some(samples), "{check}");
    }
    let said = workspace.ok(&["verify", "run", &trial, "--samples", "7"]);
    assert!(said.contains("C on this machine"), "{said}");
    assert!(said.contains(&format!(" % of 7 of the {all} test samples\n")), "{said}");
}

/// In rows, and with an input that comes in rows, the arena is the other figure of the trial; the program of the export pushes rows.
#[test]
fn a_network_is_exported_in_rows() {
    let workspace = Workspace::new();
    let space = "space={kind = \"cnn2d\", bounds = {blocks = [1, 2], layers = [1, 2], filters = [1, 8], dense = [0, 0]}}";
    workspace.ok(&Workspace::tiny_search("run", &["--set", space]));
    let front = workspace.json(&["front", "run", "--json"]);
    let trial = front[0]["trial"].to_string();
    let export = |more: &[&str]| {
        let args = [&["export", "run", &trial, "-o", "out", "--json"], more].concat();
        workspace.json(&args)["c"].clone()
    };
    for (more, runtime, input, figure) in [
        (&[][..], "layers", "external", "peak_memory"),
        (&["--runtime", "streamed"], "streamed", "rows", "peak_memory_streamed_with_input"),
        (&["--runtime", "streamed", "--input", "external"], "streamed", "external", "peak_memory_streamed"),
    ] {
        let exported = export(more);
        assert_eq!((&exported["runtime"], &exported["input"]), (&json!(runtime), &json!(input)));
        assert_eq!((&exported["arena"], &exported["predicted"]), (&front[0][figure], &front[0][figure]));
    }
    export(&["--runtime", "streamed"]);
    let header = std::fs::read_to_string(workspace.path("out/model.h")).unwrap();
    assert!(header.contains("Runtime: streamed") && header.contains("int munas_push_rows("), "{header}");
    let wrong = workspace.run(&["export", "run", &trial, "-o", "out", "--input", "ram"]);
    assert!(wrong.code == Some(2) && wrong.stderr.contains("(external, buffer, rows)"), "{}", wrong.stderr);
}

#[test]
fn the_normalisation_is_in_everything_that_is_exported() {
    let workspace = Workspace::new();
    workspace.ok(&Workspace::tiny_search("run", &["--set", "data.normalise=mean-std"]));
    let trial = workspace.json(&["front", "run", "--json"])[0]["trial"].to_string();
    let exported = workspace.json(&["export", "run", &trial, "-o", "out", "--samples", "6", "--json"]);
    let input = &exported["input"];
    assert_eq!((&input["raw"], &input["shape"]), (&json!("u8"), &json!([16, 16, 1])));
    let [scale, offset] = ["scale", "offset"].map(|name| input[name][0].as_f64().unwrap() as f32);
    assert!(scale > 1.0 / 255.0 && offset < 0.0, "{scale}, {offset}");
    assert_eq!(workspace.json(&["show", "run", &trial, "--json"])["interface"]["input"], *input);
    assert!(workspace.ok(&["show", "run", &trial]).contains(&format!("raw × {scale} - {}", -offset)));
    let header = std::fs::read_to_string(workspace.path("out/model.h")).unwrap();
    assert!(
        header.contains(&format!("{{{scale:e}f}}")) && header.contains(&format!("{{{offset:e}f}}")),
        "{header}"
    );

    // Every raw value, through the C source and through the formula that JSON and header give.
    workspace.write("pixels.c", PIXELS);
    let compiler = ["-std=c99", "-Iout", "pixels.c", "out/model.c", "-o", "pixels"];
    let Some(pixels) = compiled(&workspace, &compiler, "pixels") else { return };
    let quantisation = &input["quantisation"];
    let input_scale = quantisation["scale"].as_f64().unwrap() as f32;
    let zero_point = quantisation["zero_point"].as_f64().unwrap() as f32;
    for (raw, element) in pixels.lines().enumerate() {
        let real = raw as f32 * scale + offset;
        let expected = ((real / input_scale).round_ties_even() + zero_point).clamp(-128.0, 127.0);
        assert_eq!(element, expected.to_string(), "{raw}");
    }
    let compiler = ["-std=c99", "out/model_test.c", "out/model.c", "-o", "model_test"];
    let said = compiled(&workspace, &compiler, "model_test").unwrap();
    assert!(said.ends_with("6 samples, 0 differences\n"), "{said}");
}

/// Two classes whose names are all that C and Markdown dislike, sorted by class: one logit, both classes in the test
/// vectors.
#[test]
fn classes_have_their_names_in_everything_that_is_exported() {
    let workspace = Workspace::new();
    let names = ["a \"??/\" */", "größe|\\"];
    let rows: String = (0..200)
        .map(|row| {
            let class = row / 100;
            let quoted = names[class].replace('"', "\"\"");
            format!("{},{},\"{quoted}\"\n", class * 10 + row % 7, row % 5)
        })
        .collect();
    workspace.write("two.csv", rows);
    let data = ["--data", "csv:two.csv", "--set", "data.normalise=mean-std", "--set", "space.kind=mlp"];
    let length = ["--set", "train.epochs=8", "--trials", "3", "--workers", "1"];
    workspace.ok(&[&["search", "--out", "run"], &data[..], &length[..]].concat());
    let trial = workspace.json(&["front", "run", "--json"])[0]["trial"].to_string();
    let exported = workspace.json(&["export", "run", &trial, "-o", "out", "--samples", "8", "--json"]);
    assert_eq!((&exported["output"]["size"], &exported["output"]["classes"]), (&json!(1), &json!(names)));
    let tflite = std::fs::read(workspace.path("out/model.tflite")).unwrap();
    let has = |text: &str| tflite.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(has("TFLITE_METADATA") && has(&format!("{}\n{}\n", names[0], names[1])));
    let readme = std::fs::read_to_string(workspace.path("out/README.md")).unwrap();
    assert!(readme.contains("| 0 | a \"??/\" \\*/ |\n| 1 | größe\\|\\\\ |\n"), "{readme}");
    let compiler = ["-std=c99", "out/model_test.c", "out/model.c", "-o", "model_test"];
    let Some(said) = compiled(&workspace, &compiler, "model_test") else { return };
    for (class, name) in names.iter().enumerate() {
        assert!(said.contains(&format!(": class {class}, {name}\n")), "{said}");
    }
    assert!(said.ends_with("8 samples, 0 differences\n"), "{said}");
}

/// Prints the element of each of the 256 pixels that there are.
const PIXELS: &str = r#"
#include <stdio.h>
#include "model.h"

int main(void) {
    static munas_raw raw[MUNAS_INPUT_SIZE];
    static int8_t input[MUNAS_INPUT_SIZE];
    for (unsigned int i = 0; i < MUNAS_INPUT_SIZE; i++) {
        raw[i] = (munas_raw)i;
    }
    munas_quantise_input(raw, input);
    for (unsigned int i = 0; i < 256; i++) {
        printf("%d\n", input[i]);
    }
    return 0;
}
"#;

/// Compiles in the workspace and runs; `None` where there is no compiler.
fn compiled(workspace: &Workspace, arguments: &[&str], program: &str) -> Option<String> {
    let compiler = Command::new("cc").args(arguments).current_dir(workspace.path("")).output();
    let Ok(compiler) = compiler else {
        println!("skipped: no C compiler");
        return None;
    };
    assert!(compiler.status.success(), "{}", String::from_utf8_lossy(&compiler.stderr));
    let output = Command::new(workspace.path(program)).output().unwrap();
    assert!(output.status.success());
    Some(String::from_utf8(output.stdout).unwrap())
}

#[test]
fn an_export_has_the_name_that_it_is_given() {
    let workspace = Workspace::new();
    workspace.ok(&Workspace::tiny_search("run", &[]));
    let trial = workspace.json(&["front", "run", "--json"])[0]["trial"].to_string();
    let exported = workspace.json(&["export", "run", &trial, "--name", "digit", "-o", "out", "--json"]);
    let names = ["digit.tflite", "digit.h", "digit.c", "digit_vectors.h", "digit_test.c", "README_digit.md"]
        .map(|name| format!("out/{name}"));
    assert_eq!(exported["files"], json!(names));
    let said = workspace.ok(&["export", "run", &trial, "--name", "digit", "-o", "out"]);
    assert!(said.contains("out/digit_test.c out/digit.c && ./digit_test"), "{said}");
    // The default name beside it, in the same program.
    workspace.ok(&["export", "run", &trial, "-o", "out"]);
    let program = "#include \"digit.h\"\n#include \"model.h\"\n#include <stdio.h>\nint main(void) {\n\
        static int8_t input[DIGIT_INPUT_SIZE], a[DIGIT_OUTPUT_SIZE], b[MUNAS_OUTPUT_SIZE];\n\
        printf(\"%d\", digit_invoke(input, a) + munas_invoke(input, b) + (digit_classify(a) != munas_classify(b)));\n\
        return 0;\n}\n";
    workspace.write("two.c", program);
    let compiler = ["-std=c99", "-Iout", "two.c", "out/digit.c", "out/model.c", "-o", "two"];
    assert!(compiled(&workspace, &compiler, "two").is_none_or(|said| said == "0"));
    for name in ["2nd", "two words", "stdint", "a_test", ""] {
        let finished = workspace.run(&["export", "run", &trial, "--name", name, "-o", "out"]);
        assert_eq!(finished.code, Some(2), "{name}");
        assert!(finished.stderr.contains("--name"), "{name}: {}", finished.stderr);
    }
}

#[test]
fn a_verification_that_compares_nothing_is_no_success() {
    let workspace = Workspace::new();
    workspace.ok(&Workspace::tiny_search("run", &[]));
    let trial = workspace.json(&["front", "run", "--json"])[0]["trial"].to_string();
    let mut command = workspace.command(&["verify", "run", &trial, "--json"]);
    // No compiler and no Python.
    let output = command.env("PATH", "").env_remove("MUNAS_PYTHON").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("every check was skipped"));
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["equal"], false);
    let checks = document["checks"].as_array().unwrap();
    assert!(checks.iter().all(|check| check["outcome"] == "skipped" && check["reason"].is_string()));
}

#[test]
fn what_cannot_be_exported_says_why() {
    let workspace = Workspace::new();
    workspace.ok(&Workspace::tiny_search("run", &[]));
    let finished = workspace.run(&["export", "run", "99", "-o", "out"]);
    assert_eq!(finished.code, Some(2));
    expect![[r#"
        error: there is no trial 99
          in run
    "#]]
    .assert_eq(&finished.error_in(&workspace));
    let front = workspace.json(&["front", "run", "--json"]);
    let on_front = |trial: u64| front.as_array().unwrap().iter().any(|member| member["trial"] == trial);
    if let Some(trial) = (1..=6).find(|trial| !on_front(*trial)) {
        let finished = workspace.run(&["export", "run", &trial.to_string(), "-o", "out"]);
        assert_eq!(finished.code, Some(2));
        assert!(finished.stderr.contains("are not kept"), "{}", finished.stderr);
        assert!(finished.stderr.contains("hint: "), "{}", finished.stderr);
    }
    let text = workspace.write("text.tflite", "no model at all");
    let finished = workspace.run(&["cost", text]);
    assert_eq!(finished.code, Some(2));
    assert!(finished.stderr.contains("in text.tflite"), "{}", finished.stderr);
    // `--board` is what earlier versions called it.
    for flag in ["--target", "--board"] {
        let finished = workspace.run(&["verify", "run", "1", flag, "mps2"]);
        assert_eq!(finished.code, Some(2));
        assert!(finished.stderr.contains("no emulated board `mps2`"), "{}", finished.stderr);
        assert!(finished.stderr.contains("mps2-an386"), "{}", finished.stderr);
    }
    let finished = workspace.run(&["verify", "run", "1", "--target", "nucleo-f446re"]);
    assert_eq!(finished.code, Some(2));
    assert!(finished.stderr.contains("--target mps2-an386"), "{}", finished.stderr);
}

#[test]
fn boards_bound_a_search_and_time_a_network() {
    let workspace = Workspace::new();
    let boards = workspace.json(&["boards", "--json"]);
    let board = boards.as_array().unwrap().iter().find(|board| board["name"] == "stm32f446re").unwrap();
    assert!(workspace.ok(&["boards"]).contains("stm32f446re"));
    let arch = workspace.write("arch.json", r#"{"dense":[64,32]}"#);
    let cost = workspace.json(&[
        "cost",
        "--space",
        "mlp",
        "--arch",
        arch,
        "--input",
        "28x28x1",
        "--classes",
        "10",
        "--board",
        "nucleo-f446re",
        "--json",
    ]);
    let milliseconds = cost["latency"]["milliseconds"].as_f64().unwrap();
    assert!(milliseconds > 0.1 && milliseconds < 10.0, "{milliseconds} ms for 53,000 MACs at 180 MHz");

    let limits =
        ["--board", "stm32f446re", "--max-latency", "0.2ms", "--set", "bounds.hard=[\"latency_ms\"]"];
    workspace.ok(&Workspace::tiny_search("run", &limits));
    for trial in workspace.json(&["front", "run", "--json"]).as_array().unwrap() {
        assert!(trial["latency_ms"].as_f64().unwrap() <= 0.2, "{trial}");
        assert_eq!(trial["objective_peak_memory"], trial["peak_memory_streamed_with_input"]);
        assert!(trial["objective_peak_memory"].as_u64() <= board["max_peak_memory"].as_u64());
        assert!(trial["flash"].as_u64() <= board["max_flash"].as_u64());
        assert!(trial["flash"].as_u64() > trial["model_size"].as_u64());
        // 106 mW at that clock.
        let energy = trial["energy_mj"].as_f64().unwrap() / trial["latency_ms"].as_f64().unwrap();
        assert!((energy - 0.106).abs() < 1e-9, "{energy}");
    }
    let experiment = std::fs::read_to_string(workspace.path("run/experiment.toml")).unwrap();
    assert!(experiment.contains("name = \"stm32f446re\""), "{experiment}");
}

/// The nRF52840 draws 3.3 mA while it computes and 3.16 µA asleep, at 3 V: 9.9 µJ and 0.00948 µJ a millisecond.
#[test]
fn a_rate_bounds_the_latency_and_energy_has_the_sleep_in_it() {
    let workspace = Workspace::new();
    let arch = workspace.write("arch.json", r#"{"dense":[64,32]}"#);
    let cost = |more: &[&'static str]| {
        let network = ["cost", "--space", "mlp", "--arch", arch, "--input", "28x28x1", "--classes", "10"];
        [&network[..], more].concat()
    };
    let at_rate = workspace.json(&cost(&["--board", "nrf52840", "--rate", "120/min", "--json"]));
    let latency = &at_rate["latency"];
    let milliseconds = latency["milliseconds"].as_f64().unwrap();
    let expected = 9.9 * milliseconds + 0.00948 * (500.0 - milliseconds);
    let energy = latency["energy_microjoules"].as_f64().unwrap();
    assert!((energy - expected).abs() < 1e-9 * expected, "{energy} and {expected}");
    assert_eq!((&latency["rate"]["per_second"], &latency["rate"]["keeps_up"]), (&2.0.into(), &true.into()));
    let text = workspace.ok(&cost(&["--board", "nrf52840", "--rate", "2"]));
    assert!(text.contains("keeps up") && text.contains("published figures: nRF52840"), "{text}");
    assert!(workspace.ok(&cost(&["--board", "nrf52840", "--rate", "1e6"])).contains("does not keep up"));
    let typical = workspace.ok(&cost(&["--board", "stm32f446re", "--rate", "2"]));
    assert!(typical.contains("current asleep is not known"), "{typical}");
    assert!(typical.contains("time × power of the data sheet"), "{typical}");

    workspace.ok(&Workspace::tiny_search("run", &["--board", "nrf52840", "--rate", "2000"]));
    for trial in workspace.json(&["front", "run", "--json"]).as_array().unwrap() {
        let milliseconds = trial["latency_ms"].as_f64().unwrap();
        assert!(milliseconds <= 0.5, "{trial}");
        let expected = (9.9 * milliseconds + 0.00948 * (0.5 - milliseconds)) / 1e3;
        let energy = trial["energy_mj"].as_f64().unwrap();
        assert!((energy - expected).abs() < 1e-9 * expected, "{energy} and {expected}");
    }
    let experiment = std::fs::read_to_string(workspace.path("run/experiment.toml")).unwrap();
    assert!(experiment.contains("rate = 2000") && experiment.contains("latency_ms = 0.5"), "{experiment}");

    let without_board = workspace.run(&["search", "--rate", "2", "--trials", "1"]);
    assert_eq!(without_board.code, Some(2));
    assert!(without_board.stderr.contains("board.name"), "{}", without_board.stderr);
    let few = ["--trials", "1", "--set", "search.max_draws=200"];
    let too_fast = [&["search", "--board", "nrf52840", "--rate", "1e6"], &few[..]].concat();
    let too_fast = workspace.run(&too_fast);
    assert_eq!(too_fast.code, Some(2));
    assert!(too_fast.stderr.contains("nearest has latency_ms"), "{}", too_fast.stderr);
    assert!(too_fast.stderr.contains("--rate"), "{}", too_fast.stderr);
}

/// A flipped bit, or the file of another trial in its place: neither is exported nor found to be right.
#[test]
fn weights_that_are_not_those_of_the_trial_are_refused() {
    let workspace = Workspace::new();
    workspace.ok(&Workspace::tiny_search("run", &["--set", "search.trials=12"]));
    let front = workspace.json(&["front", "run", "--json"]);
    let trials: Vec<String> =
        front.as_array().unwrap().iter().map(|trial| trial["trial"].to_string()).collect();
    let [first, second, ..] = &trials[..] else { panic!("{trials:?}") };
    let path = |trial: &str| workspace.path(&format!("run/models/trial-{trial}.safetensors"));
    let original = std::fs::read(path(first)).unwrap();
    let refused = |problem: &str| {
        for command in [&["export", "run", first, "-o", "out"][..], &["verify", "run", first]] {
            let finished = workspace.run(command);
            assert_eq!(finished.code, Some(2), "{command:?}: {}", finished.stderr);
            assert!(finished.stderr.contains(problem), "{command:?}: {}", finished.stderr);
            assert!(finished.stderr.contains(&format!("trial-{first}.safetensors")), "{}", finished.stderr);
            assert!(finished.stderr.contains("hint: restore the file"), "{}", finished.stderr);
        }
        // The rest of the trial is shown all the same.
        let shown = workspace.run(&["show", "run", first]);
        assert_eq!(shown.code, Some(0));
        assert!(shown.stderr.contains(problem) && shown.stdout.contains("Layers"), "{}", shown.stderr);
    };
    let mut damaged = original.clone();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 0x10;
    std::fs::write(path(first), damaged).unwrap();
    refused("damaged");
    std::fs::copy(path(second), path(first)).unwrap();
    refused(&format!("the file is of trial {second}, not of trial {first}"));
    std::fs::write(path(first), original).unwrap();
    workspace.ok(&["export", "run", first, "-o", "out"]);
}
