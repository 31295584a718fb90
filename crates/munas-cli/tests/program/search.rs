//! A search and what can be asked about it afterwards.

use serde_json::Value;

use crate::support::{Running, Workspace};

fn field<'a>(value: &'a Value, name: &str) -> &'a Value {
    value.get(name).unwrap_or_else(|| panic!("no `{name}` in {value}"))
}

#[test]
fn a_search_and_every_question_about_it() {
    let workspace = Workspace::new();
    let finished = workspace.run(&Workspace::tiny_search("run", &[]));
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    assert!(finished.stdout.contains("peak memory"), "the front is a result: {}", finished.stdout);
    assert!(
        !finished.stdout.contains('\u{1b}') && !finished.stderr.contains('\u{1b}'),
        "no colour off a terminal"
    );
    assert!(finished.stderr.contains("munas report run"), "{}", finished.stderr);
    assert_eq!(workspace.ok(&["front", "run"]), finished.stdout);

    let status = workspace.json(&["status", "run", "--json"]);
    assert_eq!((status["done"].as_u64(), status["active"].as_bool()), (Some(6), Some(false)));
    assert_eq!(status["end_reason"], "trials");

    let front = workspace.json(&["front", "run", "--json"]);
    let front = front.as_array().unwrap();
    assert!(!front.is_empty());
    for member in front {
        for name in ["val_error", "test_error", "int8_error", "peak_memory", "model_size", "macs"] {
            assert!(field(member, name).is_number(), "{name}");
        }
        assert!(field(member, "arch").is_object());
        check_trial(&workspace, member);
    }

    assert_eq!(workspace.json(&["replay", "run", "--json"])["agreeing"], 6);
    check_report(&workspace, front);
}

/// `munas show` agrees with the front and with `munas cost`.
fn check_trial(workspace: &Workspace, member: &Value) {
    let trial = member["trial"].to_string();
    let shown = workspace.json(&["show", "run", &trial, "--json"]);
    for (name, value) in member.as_object().unwrap() {
        assert_eq!(field(&shown, name), value);
    }
    assert_eq!(shown["curve"].as_array().unwrap().len(), 2);
    let steps = shown["memory"].as_array().unwrap();
    assert_eq!(steps.iter().filter_map(|step| step["bytes"].as_u64()).max(), member["peak_memory"].as_u64());
    assert!(shown["model"].as_str().is_some_and(|path| workspace.path(path).exists()));
    let arch = workspace.write("arch.json", member["arch"].to_string());
    let args = ["cost", "--space", "mlp", "--arch", arch, "--input", "16x16x1", "--classes", "10", "--json"];
    let cost = workspace.json(&args);
    for name in ["peak_memory", "peak_memory_with_input", "model_size", "macs", "exact", "layers"] {
        assert_eq!(field(&cost, name), field(&shown, name), "{name}");
    }
    assert!(workspace.ok(&["show", "run", &trial]).contains("Memory while each operator runs"));
}

fn check_report(workspace: &Workspace, front: &[Value]) {
    assert_eq!(workspace.ok(&["report", "run", "-o", "page.html"]).trim(), "page.html");
    let page = std::fs::read_to_string(workspace.path("page.html")).unwrap();
    for member in front {
        assert!(page.contains(&format!("id=\"trial-{}\"", member["trial"])));
    }
    for outside in ["http://", "https://", "<link", "<img", "@import"] {
        assert!(!page.contains(outside), "{outside}");
    }
}

/// For a board, or where one asks for it, peak memory is that of execution in rows: bounds, front, and what is shown of a trial.
#[test]
fn a_search_counts_memory_in_rows() {
    let workspace = Workspace::new();
    let space = "space={kind = \"cnn2d\", bounds = {blocks = [1, 2], layers = [1, 2], filters = [1, 8], dense = [0, 0]}}";
    let more = ["--runtime", "streamed", "--max-peak-memory", "400", "--set", space];
    let finished = workspace.run(&Workspace::tiny_search("run", &more));
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    assert!(
        finished.stderr.contains("streamed peak memory with input ≤ 400 B (hard)"),
        "{}",
        finished.stderr
    );
    assert!(finished.stdout.contains("streamed peak  model size"), "{}", finished.stdout);
    let front = workspace.json(&["front", "run", "--json"]);
    let figure = |trial: &Value, name: &str| trial[name].as_u64().unwrap();
    for trial in front.as_array().unwrap() {
        assert!(figure(trial, "objective_peak_memory") <= 400);
        assert_eq!(trial["objective_peak_memory"], trial["peak_memory_streamed_with_input"]);
        assert!(figure(trial, "peak_memory_streamed") <= figure(trial, "peak_memory"));
    }
    let number = front[0]["trial"].to_string();
    let shown = workspace.json(&["show", "run", &number, "--json"]);
    let parts = shown["schedule"].as_array().unwrap();
    assert!(
        parts.iter().any(|part| part["execution"] == "rows" && !part["rings"].as_array().unwrap().is_empty())
    );
    assert_eq!(
        parts.iter().map(|part| figure(part, "bytes")).max(),
        front[0]["objective_peak_memory"].as_u64()
    );
    let text = workspace.ok(&["show", "run", &number]);
    assert!(text.contains("B, streamed, with input ("), "{text}");
    assert!(text.contains("Memory in rows (streamed), input: rows"), "{text}");
    let cost = [
        "cost",
        "--space",
        "cnn2d",
        "--arch",
        "arch.json",
        "--input",
        "16x16x1",
        "--classes",
        "10",
        "--json",
    ];
    workspace.write("arch.json", front[0]["arch"].to_string());
    let cost = workspace.json(&cost);
    for name in ["peak_memory", "peak_memory_streamed", "peak_memory_streamed_with_input"] {
        assert_eq!(cost[name], front[0][name], "{name}");
    }
    let least = workspace.run(&["front", "run", "--max-peak-memory", "1"]);
    assert!(least.stderr.contains("has streamed peak memory with input ≤ 1 B"), "{}", least.stderr);
    assert!(workspace.json(&["status", "run", "--json"])["best"]["peak_memory_streamed"].is_u64());
    check_report(&workspace, front.as_array().unwrap());
    let dry = workspace.ok(&["search", "--board", "nrf52840", "--set", "data.subset=100", "--dry-run"]);
    assert!(dry.contains("streamed, input rows (memory.runtime, memory.input)"), "{dry}");
    let wrong = workspace.run(&["search", "--runtime", "rows"]);
    assert!(wrong.code == Some(2) && wrong.stderr.contains("(layers, streamed)"), "{}", wrong.stderr);
}

#[test]
fn a_search_as_json_is_one_document() {
    let workspace = Workspace::new();
    let session = workspace.json(&Workspace::tiny_search("run", &["--json"]));
    assert_eq!((session["reason"].as_str(), session["done"].as_u64()), (Some("trials"), Some(6)));
    assert_eq!(session["dir"], "run");
    assert_eq!(session["front"], workspace.json(&["front", "run", "--json"]));
}

#[test]
fn a_run_without_a_name_gets_one_and_is_never_overwritten() {
    let workspace = Workspace::new();
    let search = ["search", "--trials", "1", "--set", "train.epochs=1", "--set", "data.subset=100"];
    for expected in ["runs/quick-start-1", "runs/quick-start-2"] {
        let finished = workspace.run(&search);
        assert_eq!(finished.code, Some(0), "{}", finished.stderr);
        assert!(finished.stderr.contains(expected), "{}", finished.stderr);
    }
    let again = workspace.run(&Workspace::tiny_search("runs/quick-start-1", &[]));
    assert_eq!(again.code, Some(2));
    assert!(again.stderr.contains("hint: `munas resume runs/quick-start-1`"), "{}", again.stderr);
}

#[test]
fn a_search_whose_trials_all_failed_has_failed() {
    let workspace = Workspace::new();
    let diverging = ["--set", "train.learning_rate=1e9", "--set", "search.trials=2"];
    let finished = workspace.run(&Workspace::tiny_search("run", &diverging));
    assert_eq!(finished.code, Some(1));
    let said = "every trial failed, the first (trial 1) with: training diverged in epoch";
    let error = finished.stderr.split("\nerror: ").nth(1).unwrap();
    assert!(error.starts_with(said) && error.contains("\nhint: a smaller learning rate"), "{error}");
    assert!(workspace.ok(&["status", "run"]).contains(said));
    assert_eq!(workspace.json(&["status", "run", "--json"])["first_failure"]["trial"], 1);
    let front = workspace.run(&["front", "run"]);
    assert_eq!((front.code, &*front.stdout), (Some(0), ""));
    assert!(
        front.stderr.starts_with("no trial has a result: 2 failed, the first (trial 1) with: "),
        "{}",
        front.stderr
    );
    assert!(workspace.ok(&["show", "run", "1"]).contains("1 (failed: training diverged"));
    workspace.ok(&["report", "run"]);
    let page = std::fs::read_to_string(workspace.path("run/report.html")).unwrap();
    assert!(page.contains("No trial has a result: 2 failed, the first (trial 1) with: "));
    // Goes on, and is no better for it.
    let json = workspace.run(&["resume", "run", "--trials", "3", "--json"]);
    assert_eq!(json.code, Some(1));
    let document: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!((document["failed"].as_u64(), document["front"].as_array().map(Vec::len)), (Some(1), Some(0)));
}

#[test]
fn a_name_that_is_an_address_to_sqlite_is_a_name() {
    let workspace = Workspace::new();
    for name in ["file:tm", "file:tm?mode=memory", ":memory:", "a run #1 100%"] {
        workspace.ok(&Workspace::tiny_search(name, &["--set", "search.trials=1"]));
        assert!(workspace.path(name).join("journal.db").is_file(), "{name}");
        workspace.ok(&["resume", name, "--trials", "2"]);
        assert_eq!(workspace.json(&["status", name, "--json"])["done"], 2, "{name}");
    }
    assert!(!workspace.path("tm").exists());
}

#[test]
fn a_complete_run_is_extended_and_its_trials_stay() {
    let workspace = Workspace::new();
    workspace.ok(&Workspace::tiny_search("run", &["--set", "search.trials=3"]));
    let before = workspace.json(&["show", "run", "2", "--json"]);
    workspace.ok(&["resume", "run", "--trials", "5"]);
    assert_eq!(workspace.json(&["status", "run", "--json"])["done"], 5);
    assert_eq!(workspace.json(&["show", "run", "2", "--json"])["arch"], before["arch"]);
    let finished = workspace.run(&["resume", "run", "--trials", "5"]);
    assert_eq!(finished.code, Some(0));
    assert!(finished.stderr.contains("all 5 trials are done"), "{}", finished.stderr);
}

#[test]
fn data_that_have_moved_are_found_again_and_no_others_are_taken() {
    let workspace = Workspace::new();
    let rows = |class: fn(usize) -> usize| -> String {
        (0..200).map(|i| format!("{},{},{}\n", i % 7, i % 11, class(i))).collect()
    };
    workspace.write("own.csv", format!("a,b,label\n{}", rows(|i| i % 2)));
    workspace.write("other.csv", format!("a,b,label\n{}", rows(|i| i / 100)));
    let own_data = ["--set", "data.source=csv:own.csv", "--set", "data.subset=100"];
    workspace.ok(&Workspace::tiny_search("run", &own_data));
    std::fs::rename(workspace.path("own.csv"), workspace.path("moved.csv")).unwrap();
    let trial = workspace.json(&["front", "run", "--json"])[0]["trial"].to_string();
    let resume = ["resume", "run", "--trials", "7"];
    let verify = ["verify", "run", &trial, "--json"];
    for command in [&resume[..], &verify] {
        let lost = workspace.run(command);
        assert_eq!(lost.code, Some(2), "{}", lost.stderr);
        assert!(lost.stderr.contains("own.csv"), "{}", lost.stderr);
        let other = workspace.run(&[command, &["--data", "csv:other.csv"]].concat());
        assert_eq!(other.code, Some(2), "{}", other.stderr);
        assert!(other.stderr.contains("the data have changed"), "{}", other.stderr);
        workspace.ok(&[command, &["--data", "csv:moved.csv"]].concat());
    }
    let export = ["export", "run", &trial, "-o", "out", "--json"];
    assert_eq!(workspace.json(&export)["c"]["samples"], 0, "without data there are no test vectors");
    let with_vectors = workspace.json(&[&export[..], &["--data", "csv:moved.csv"]].concat());
    assert_eq!(with_vectors["c"]["samples"], 4);
}

#[test]
fn a_second_process_on_the_same_run_is_refused_and_readers_are_not() {
    let workspace = Workspace::new();
    let mut first =
        Running::start(workspace.command(&Workspace::tiny_search("run", &["--set", "search.trials=100000"])));
    first.wait_for("trial 1: ");
    let second = workspace.run(&["resume", "run"]);
    assert_eq!(second.code, Some(2));
    assert!(second.stderr.contains("another process is working on this run"), "{}", second.stderr);
    assert_eq!(workspace.json(&["status", "run", "--json"])["active"], true);
    workspace.ok(&["front", "run"]);
    first.kill();
    assert_eq!(workspace.json(&["status", "run", "--json"])["active"], false);
}

#[test]
fn a_dry_run_says_what_the_search_would_do_and_makes_no_run() {
    let workspace = Workspace::new();
    let settings = ["--set", "search.sampling=target", "--max-model-size", "20KB"];
    let args = Workspace::tiny_search("run", &[&settings[..], &["--dry-run"]].concat());
    let said = workspace.ok(&args);
    for part in ["glyphs: ", "mlp, ", "model size ≤ 20.0 KB (hard)", "2 epochs in batches of", "niche"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(said.contains("random networks, ") && said.contains("about 6 trials in "), "{said}");
    assert!(!workspace.path("run").exists(), "no run is made");

    let json = workspace.json(&[args, vec!["--json"]].concat());
    let draws = field(&json, "draws");
    assert_eq!(draws["drawn"], draws["within_hard_bounds"], "the sampler aims within hard bounds");
    assert!(draws["median_model_size"].as_u64().is_some_and(|size| size <= 20_000));
    assert_eq!((json["trials"].as_u64(), json["workers"].as_u64()), (Some(6), Some(1)));
    assert!(json["trial"]["seconds"].as_f64().is_some_and(|seconds| seconds > 0.0));
    assert_eq!(json["data"]["classes"].as_array().unwrap().len(), 10);

    // The experiment is that of the search, and can be searched.
    let text = json["experiment"].as_str().unwrap();
    workspace.ok(&Workspace::tiny_search("run", &[&settings[..], &["--trials", "1"]].concat()));
    let made = std::fs::read_to_string(workspace.path("run/experiment.toml")).unwrap();
    let without_trials =
        |text: &str| text.lines().filter(|line| !line.starts_with("trials")).collect::<String>();
    assert_eq!(without_trials(text), without_trials(&made));
    workspace.write("same.toml", text);
    workspace.ok(&["search", "same.toml", "--out", "again", "--trials", "1"]);

    let bad = workspace.run(&Workspace::tiny_search("run", &["--dry-run"]));
    assert_eq!(bad.code, Some(2), "a run that could not be made: {}", bad.stderr);
}

#[test]
fn a_front_within_limits() {
    let workspace = Workspace::new();
    workspace.ok(&Workspace::tiny_search("run", &[]));
    let front = workspace.json(&["front", "run", "--json"]);
    let front = front.as_array().unwrap();
    let sizes: Vec<u64> = front.iter().map(|member| member["model_size"].as_u64().unwrap()).collect();
    let (least, most) = (*sizes.iter().min().unwrap(), *sizes.iter().max().unwrap());
    assert!(least < most, "the front has networks of several sizes");

    let limit = |limits: &[&str]| workspace.json(&[&["front", "run", "--json"], limits].concat());
    let middle = (most - 1).to_string();
    let within = limit(&["--max-model-size", &middle]);
    let expected: Vec<&Value> =
        front.iter().filter(|member| member["model_size"].as_u64().unwrap() < most).collect();
    assert_eq!(within.as_array().unwrap().iter().collect::<Vec<_>>(), expected);
    let best = front[0]["val_error"].as_f64().unwrap();
    let accuracy = (1.0 - best - 1e-9).to_string();
    let accurate = limit(&["--at-least", &accuracy]);
    assert!(!accurate.as_array().unwrap().is_empty());
    assert!(accurate.as_array().unwrap().iter().all(|member| member["val_error"] == front[0]["val_error"]));

    let least = (least - 1).to_string();
    assert_eq!(limit(&["--max-model-size", &least]).as_array().unwrap().len(), 0);
    let none = workspace.run(&["front", "run", "--max-model-size", &least, "--at-least", "1%"]);
    assert_eq!((none.code, &*none.stdout), (Some(0), ""));
    let said = none.stderr;
    assert!(said.starts_with("no network of the front has model size ≤ "), "{said}");
    assert!(said.contains("the nearest is trial ") && !said.contains("validation error ≤"), "{said}");
    let apart = workspace.run(&["front", "run", "--max-latency", "5ms"]);
    assert_eq!(apart.code, Some(2));
    assert!(apart.stderr.contains("hint: `munas search --board NAME`"), "{}", apart.stderr);
}
