//! `munas train`.

use crate::support::Workspace;

const OPTIONS: &[&str] =
    &["--data", "glyphs", "--set", "data.subset=400", "--epochs", "3", "--learning-rate", "0.05"];

#[test]
fn a_network_is_trained_saved_and_reproducible() {
    let workspace = Workspace::new();
    let arch = workspace.write("arch.json", r#"{"dense":[24]}"#);
    let args = [&["train", "--space", "mlp", "--arch", arch, "--json", "--out", "model"], OPTIONS].concat();
    let mut first = workspace.json(&args);
    let curve = first["curve"].as_array().unwrap();
    assert_eq!(curve.len(), 3);
    assert_eq!((&first["val_error"], &first["best_epoch"]), (&curve[2]["val_error"], &3.into()));
    assert_eq!(first["test_error"], first["last_test_error"]);
    assert_eq!(first["model_size"], 24 * 256 + 24 + 240 + 10);
    assert!(workspace.path("model/model.safetensors").metadata().unwrap().len() > 4 * 6_418);
    let saved = std::fs::read_to_string(workspace.path("model/result.json")).unwrap();
    assert_eq!(serde_json::from_str::<serde_json::Value>(&saved).unwrap(), first);
    let mut second = workspace.json(&args);
    for result in [&mut first, &mut second] {
        result.as_object_mut().unwrap().remove("seconds");
    }
    assert_eq!(first, second);
}

#[test]
fn peak_memory_is_told_as_a_search_counts_it() {
    let workspace = Workspace::new();
    let arch = workspace.write(
        "arch.json",
        r#"{"blocks":[{"branch":false,"layers":[{"op":"conv","kernel":3,"filters":4,"stride":1,"pre_pool":false,
            "batch_norm":true,"relu":true}]}],"pool":{"kind":"avg","size":2},"dense":[]}"#,
    );
    let args = [&["train", "--space", "cnn2d", "--arch", arch], OPTIONS].concat();
    let told = |more: &[&str]| {
        let json = workspace.json(&[&args[..], more, &["--json"]].concat());
        json["objective_peak_memory"].as_u64().zip(json["peak_memory_streamed_with_input"].as_u64()).unwrap()
    };
    let (layers, _) = told(&[]);
    let (counted, streamed) = told(&["--runtime", "streamed"]);
    assert!(counted == streamed && counted < layers, "{counted}, {streamed}, {layers}");
    assert_eq!(told(&["--set", "board.name=nrf52840"]).0, counted);
    let text = workspace.ok(&[&args[..], &["--runtime", "streamed"]].concat());
    assert!(text.contains(", streamed, with input"), "{text}");
}

#[test]
fn the_best_epoch_is_kept_where_the_learning_rate_stays() {
    let workspace = Workspace::new();
    let arch = workspace.write("arch.json", r#"{"dense":[8]}"#);
    let options = [
        &["train", "--space", "mlp", "--arch", arch, "--json"][..],
        &["--data", "glyphs", "--set", "data.subset=400", "--epochs", "12", "--learning-rate", "0.3"],
        &["--schedule", "constant"],
    ]
    .concat();
    let trained = workspace.json(&options);
    let errors =
        trained["curve"].as_array().unwrap().iter().map(|epoch| epoch["val_error"].as_f64().unwrap());
    let best = errors.clone().fold(1.0, f64::min);
    let first = errors.clone().position(|error| error == best).unwrap() + 1;
    assert_eq!((&trained["val_error"], &trained["best_epoch"]), (&best.into(), &first.into()));
    let last = workspace.json(&[&options[..], &["--set", "train.keep=last"]].concat());
    assert_eq!((&last["curve"], &last["best_epoch"]), (&trained["curve"], &12.into()));
    assert_eq!(last["val_error"], trained["curve"][11]["val_error"]);
}

#[test]
fn the_curve_goes_to_standard_output_and_progress_to_standard_error() {
    let workspace = Workspace::new();
    let arch = workspace.write("arch.json", r#"{"dense":[8]}"#);
    let finished = workspace.run(&[&["train", "--space", "mlp", "--arch", arch], OPTIONS].concat());
    assert_eq!(finished.code, Some(0));
    assert_eq!(
        finished.stdout.lines().filter(|line| line.trim_start().starts_with(['1', '2', '3'])).count(),
        3
    );
    assert!(finished.stdout.contains("test error"));
    assert_eq!(finished.stderr.lines().filter(|line| line.starts_with("epoch ")).count(), 3);
}

#[test]
fn a_network_learns_from_a_saved_one_of_the_same_task() {
    let workspace = Workspace::new();
    let (wide, narrow) = (
        workspace.write("wide.json", r#"{"dense":[32]}"#),
        workspace.write("narrow.json", r#"{"dense":[8]}"#),
    );
    let train = |arch: &str, more: &[&str]| {
        [&["train", "--space", "mlp", "--arch", arch, "--json"], OPTIONS, more]
            .concat()
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
    };
    let json = |args: Vec<String>| workspace.json(&args.iter().map(String::as_str).collect::<Vec<_>>());
    json(train(wide, &["--out", "teacher"]));
    let teacher = ["--set", "train.distillation.teacher=teacher/model.safetensors"];
    let alone = json(train(narrow, &[]));
    let taught = json(train(narrow, &teacher));
    assert_ne!(alone["curve"], taught["curve"]);

    let missing = ["--set", "train.distillation.teacher=nowhere.safetensors"];
    let finished = workspace.run(&train(narrow, &missing).iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(finished.code, Some(2));
    assert!(finished.stderr.contains("nowhere.safetensors"), "{}", finished.stderr);
    workspace.write("broken.safetensors", "no tensors");
    let broken = ["--set", "train.distillation.teacher=broken.safetensors"];
    let finished = workspace.run(&Workspace::tiny_search("run", &broken));
    assert_eq!(finished.code, Some(2), "{}", finished.stderr);
    assert!(finished.stderr.contains("broken.safetensors") && !workspace.path("run").exists());
}

#[test]
fn divergence_is_a_failure_with_a_hint() {
    let workspace = Workspace::new();
    let arch = workspace.write("arch.json", r#"{"dense":[32,32]}"#);
    let finished = workspace.run(
        &[&["train", "--space", "mlp", "--arch", arch], OPTIONS, &["--set", "train.learning_rate=1e9"]]
            .concat(),
    );
    assert_eq!(finished.code, Some(1));
    assert!(
        finished.stderr.contains("diverged") && finished.stderr.contains("hint: "),
        "{}",
        finished.stderr
    );
}

#[test]
fn a_pruned_network_is_smaller() {
    let workspace = Workspace::new();
    let arch = workspace.write("arch.json", r#"{"dense":[24,20]}"#);
    let train = ["train", "--space", "mlp", "--arch", arch, "--json"];
    let pruned = |how: &str| workspace.json(&[&train, OPTIONS, &["--pruning", how]].concat());
    let structured = pruned("structured:0.5:1:2");
    assert_eq!(structured["sparsity"].as_f64(), Some(0.5));
    // The first layer reads the input and stays; ten of the second layer's units go.
    assert_eq!(structured["model_size"], 24 * 256 + 24 + 10 * 24 + 10 + 10 * 10 + 10);
    let unstructured = pruned("unstructured:0.5:1:2");
    assert_eq!(unstructured["model_size"], (24 * 256 + 20 * 24) / 2 + 24 + 20 + 10 * 20 + 10);
    let finished = workspace.run(&[&train, OPTIONS, &["--pruning", "structured:0.5:2:9"]].concat());
    assert_eq!(finished.code, Some(2), "{}", finished.stderr);
    assert!(finished.stderr.contains("pruning.finish"), "{}", finished.stderr);
}
