//! From the front to firmware: `munas export`, `munas verify`, boards.

use expect_test::expect;
use serde_json::Value;

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
    assert!(workspace.ok(&["verify", "run", &trial]).contains("C on this machine"));
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
    let finished = workspace.run(&["verify", "run", "1", "--board", "mps2"]);
    assert_eq!(finished.code, Some(2));
    assert!(finished.stderr.contains("mps2-an386"), "{}", finished.stderr);
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
        assert!(trial["peak_memory"].as_u64() <= board["max_peak_memory"].as_u64());
    }
    let experiment = std::fs::read_to_string(workspace.path("run/experiment.toml")).unwrap();
    assert!(experiment.contains("name = \"stm32f446re\""), "{experiment}");
}
