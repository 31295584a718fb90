//! `munas cost` on the fixtures and on single architectures.

use expect_test::expect;
use serde_json::{Value, json};

use crate::support::{TINY, Workspace, fixture};

const FIGURES: [&str; 4] = ["peak_memory", "peak_memory_with_input", "model_size", "macs"];

/// Kinds and shapes of the layers, as the fixtures have them.
fn layers(value: &Value) -> Vec<Value> {
    let layers = value["layers"].as_array().into_iter().flatten();
    layers.map(|layer| json!({"kind": layer["kind"], "out": layer["out"]})).collect()
}

#[test]
fn the_fixtures_are_met_exactly_and_in_order() {
    let workspace = Workspace::new();
    for (name, has_layers) in [("cnn2d.json", true), ("mlp.json", false)] {
        let path = fixture(name);
        let expected: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let expected = expected["cases"].as_array().unwrap();
        let printed = workspace.json(&["cost", "--cases", path.to_str().unwrap(), "--json"]);
        let printed = printed.as_array().unwrap();
        assert_eq!(printed.len(), expected.len());
        for (index, (printed, expected)) in printed.iter().zip(expected).enumerate() {
            for figure in FIGURES {
                assert_eq!(printed[figure], expected[figure], "{name} cases[{index}].{figure}");
            }
            assert_eq!(printed["exact"], true);
            if has_layers {
                assert_eq!(layers(printed), layers(expected), "{name} cases[{index}]");
            }
        }
    }
}

#[test]
fn one_architecture_as_json_and_as_text() {
    let workspace = Workspace::new();
    let arch = workspace.write("arch.json", r#"{"dense":[16]}"#);
    let args = ["cost", "--space", "mlp", "--arch", arch, "--input", "8x8x1", "--classes", "10"];
    let record = workspace.json(&[args.as_slice(), &["--json"]].concat());
    let expected = json!({
        "peak_memory": 26, "peak_memory_with_input": 80, "peak_memory_streamed": 26,
        "peak_memory_streamed_with_input": 80, "model_size": 1210, "macs": 1184, "exact": true,
        "layers": [
            {"kind": "Dense", "out": [16], "macs": 1024, "parameters": 1040},
            {"kind": "Dense", "out": [10], "macs": 160, "parameters": 170},
        ],
    });
    assert_eq!(record, expected);
    expect![[r#"
        peak memory                          26 B  (26)
        peak memory with input               80 B  (80)
        streamed peak memory                 26 B  (26)
        streamed peak memory with input      80 B  (80)
        model size                        1.21 KB  (1210)
        MACs                               1.18 K  (1184)

        Layers
        #  operator    reads  output  parameters  MACs
        ──────────────────────────────────────────────
        1  Dense relu  input      16        1040  1024
        2  Dense       t1         10         170   160

        Memory while each operator runs, in the best order
        step  operator  memory                                                 alive
        ────────────────────────────────────────────────────────────────────────────
           1  1 Dense     16 B  █████████████████████████                      t1 16 B
           2  2 Dense     26 B  ████████████████████████████████████████ peak  t1 16 B + t2 10 B

        Memory in rows (streamed), input: rows
        no part of it takes less in rows: every operator runs in full
    "#]]
    .assert_eq(&workspace.ok(&args));
}

/// The model of a run on a board: memory beside the board's, time, and what the file says of its input.
#[test]
fn a_model_is_priced_on_a_board() {
    let workspace = Workspace::new();
    workspace.ok(&Workspace::tiny_search("run", &[]));
    let trial = workspace.json(&["front", "run", "--json"])[0]["trial"].to_string();
    workspace.ok(&["export", "run", &trial, "--format", "tflite", "-o", "out"]);
    let cost = workspace.json(&["cost", "out/model.tflite", "--board", "nrf52840", "--json"]);
    assert!(cost["latency"]["milliseconds"].as_f64().unwrap() > 0.0, "{cost}");
    assert_eq!((&cost["latency_unknown"], &cost["unpriced"]), (&json!([]), &json!([])));
    let board = &cost["board"];
    assert_eq!(
        (&board["name"], &board["ram"], &board["flash"]),
        (&json!("nrf52840"), &json!(262_144), &json!(1_048_576))
    );
    assert_eq!((&board["fits_ram"], &board["fits_flash"]), (&json!(true), &json!(true)));
    assert_eq!(cost["interface"]["classes"][9], "9");
    let said = workspace.ok(&["cost", "out/model.tflite", "--board", "nrf52840"]);
    for part in
        ["flash, without code", "usable", ": fits\n", " ms (estimate: ", "raw × 0.003921569", "10: 0, 1, 2"]
    {
        assert!(said.contains(part), "{part}: {said}");
    }

    // A board of the user's, too small for it.
    let table = "[[board]]\nname = \"tiny\"\ncore = \"avr\"\nclock_mhz = 8\nram_kib = 1\nflash_kib = 1\n";
    workspace.write("boards.toml", table);
    let small = ["cost", "out/model.tflite", "--board", "tiny", "--board-file", "boards.toml"];
    let cost = workspace.json(&[&small[..], &["--json"]].concat());
    assert_eq!((&cost["board"]["fits_ram"], &cost["board"]["fits_flash"]), (&json!(true), &json!(false)));
    assert!(workspace.ok(&small).contains("does not fit"));
}

#[test]
fn a_board_that_is_not_known_comes_with_advice_that_works() {
    let workspace = Workspace::new();
    let arch = workspace.write("arch.json", r#"{"dense":[64,32]}"#);
    let command = |board| {
        workspace.run(&[
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
            board,
        ])
    };
    let finished = command("esp32");
    assert_eq!(finished.code, Some(2));
    assert!(
        finished.stderr.contains("Xtensa") && finished.stderr.contains("--board-file"),
        "{}",
        finished.stderr
    );
    assert!(!finished.stderr.contains("esp32-c3"), "{}", finished.stderr);
    assert!(command("stm32f446").stderr.contains("did you mean stm32f446re"));
    let finished = workspace.run(&[&["search", "--board", "esp32", "--out", "run"], TINY].concat());
    assert_eq!(finished.code, Some(2));
    assert!(
        finished.stderr.contains("Xtensa") && finished.stderr.contains("board.file"),
        "{}",
        finished.stderr
    );
}
