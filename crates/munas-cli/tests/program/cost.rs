//! `munas cost` on the fixtures and on single architectures.

use expect_test::expect;
use serde_json::{Value, json};

use crate::support::{Workspace, fixture};

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
        "peak_memory": 26, "peak_memory_with_input": 80, "model_size": 1210, "macs": 1184, "exact": true,
        "layers": [
            {"kind": "Dense", "out": [16], "macs": 1024, "parameters": 1040},
            {"kind": "Dense", "out": [10], "macs": 160, "parameters": 170},
        ],
    });
    assert_eq!(record, expected);
    expect![[r#"
        peak memory                  26 B  (26)
        peak memory with input       80 B  (80)
        model size                1.21 KB  (1210)
        MACs                       1.18 K  (1184)

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
    "#]]
    .assert_eq(&workspace.ok(&args));
}
