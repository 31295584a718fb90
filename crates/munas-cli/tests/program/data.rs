//! `munas data`, `munas presets` and `munas bench`.

use expect_test::expect;

use crate::support::Workspace;

#[test]
fn generated_datasets_are_always_there() {
    let workspace = Workspace::new();
    let list = workspace.json(&["data", "list", "--json"]);
    let entry =
        |name: &str| list.as_array().unwrap().iter().find(|entry| entry["name"] == name).unwrap().clone();
    assert_eq!(entry("glyphs")["available"], true);
    assert_eq!(entry("mnist")["available"], false);
    assert_eq!(entry("mnist")["fetchable"], true);
    let info = workspace.json(&["data", "info", "glyphs", "--json"]);
    assert_eq!((info["train"].as_u64(), info["test"].as_u64()), (Some(7_200), Some(2_000)));
    assert_eq!(info["classes"].as_array().unwrap().len(), 10);
}

#[test]
fn own_data_are_described() {
    let workspace = Workspace::new();
    let rows: String =
        (0..40).map(|row| format!("{},{},{}\n", row, row * 2, ["on", "off"][row % 2])).collect();
    let csv = workspace.write("own.csv", format!("a,b,label\n{rows}"));
    let text = workspace.ok(&["data", "info", &format!("csv:{csv}")]);
    let text: Vec<&str> = text.lines().filter(|line| !line.starts_with("fingerprint")).collect();
    expect![[r#"
        name          csv:own.csv
        input         1x1x2, f32
        in memory     320 B

        class  train  validation  test
        ──────────────────────────────
        off       14           2     4
        on        15           1     4
        all       29           3     8"#]]
    .assert_eq(&text.join("\n"));
}

#[test]
fn what_a_hint_advises_works_in_every_command_that_loads_data() {
    let workspace = Workspace::new();
    let rows: String =
        (0..40).map(|row| format!("{},{},{}\n", row, row * 2, ["on", "off"][row % 2])).collect();
    let csv = workspace.write("own.csv", format!("a,b,label\n1,two,on\n{rows}"));
    let source = format!("csv:{csv}");
    let arch = workspace.write("arch.json", r#"{"dense":[4]}"#);
    let commands = [
        vec!["data", "info", &source],
        vec!["train", "--space", "mlp", "--arch", arch, "--epochs", "1", "--data", &source],
        vec!["search", "--out", "run", "--set", "space.kind=mlp", "--set", "train.epochs=1", "--trials", "1"],
    ];
    for mut command in commands {
        if command[0] == "search" {
            command.extend(["--data", &source]);
        }
        let refused = workspace.run(&command);
        assert_eq!(refused.code, Some(2), "{command:?}");
        assert!(refused.stderr.contains("hint: `--skip-bad` leaves them out"), "{}", refused.stderr);
        command.push("--skip-bad");
        workspace.ok(&command);
    }
}

/// A bitmap of 2x2 pixels of one colour.
fn bitmap(blue: u8, green: u8, red: u8) -> Vec<u8> {
    let mut file = b"BM\x46\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\x02\0\0\0\x02\0\0\0\x01\0\x18\0".to_vec();
    file.extend([0; 24]);
    let row = [blue, green, red, blue, green, red, 0, 0];
    file.extend([row, row].concat());
    file
}

#[test]
fn what_is_odd_about_data_is_said_once_and_is_no_result() {
    let workspace = Workspace::new();
    for class in 0..2_u8 {
        std::fs::create_dir_all(workspace.path(&format!("photos/Training/{class}"))).unwrap();
        for take in 0..10_u8 {
            let grey = class * 100 + take;
            workspace.write(&format!("photos/Training/{class}/{take}.bmp"), bitmap(grey, grey, grey));
        }
    }
    workspace.write("photos/labels.txt", "dark, light");
    let said = |finished: &crate::support::Finished| -> Vec<String> {
        let warnings = finished.stderr.lines().filter(|line| line.starts_with("warning: "));
        warnings.map(str::to_owned).collect()
    };
    let search = ["search", "--set", "space.kind=mlp", "--set", "train.epochs=1", "--trials", "1"];
    let search = [&search[..], &["--out", "run", "--data", "images:photos"]].concat();
    for command in [vec!["data", "info", "images:photos"], search] {
        let finished = workspace.run(&command);
        assert_eq!(finished.code, Some(0), "{}", finished.stderr);
        assert_eq!(
            said(&finished),
            [
                "warning: photos: 1 file or folder is not used: labels.txt (a file beside the folders)",
                "warning: photos: all pictures are stored in colour and grey: one channel is kept",
            ],
        );
        assert!(finished.stderr.contains("hint: `--colour` keeps all three"));
        assert!(!finished.stdout.contains("not used"));
    }
    // What the data decided is written down, and a resumed run says nothing again.
    let file = std::fs::read_to_string(workspace.path("run/experiment.toml")).unwrap();
    assert!(file.contains("size = [") && file.contains("grey = true\n"), "{file}");
    let resumed = workspace.run(&["resume", "run", "--trials", "2"]);
    assert_eq!((resumed.code, said(&resumed).len()), (Some(0), 0), "{}", resumed.stderr);
    workspace.write("photos/Training/0/0.bmp", "damaged");
    let refused = workspace.run(&["resume", "run", "--trials", "3"]);
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains("hint: the run was made with images:"), "{}", refused.stderr);
    workspace.write("photos/Training/0/0.bmp", bitmap(0, 0, 0));
    let info = |more: &[&str]| workspace.json(&[&["data", "info", "images:photos", "--json"], more].concat());
    let plain = info(&[]);
    assert_eq!((plain["input"][2].as_u64(), plain["warnings"].as_array().unwrap().len()), (Some(1), 2));
    for colour in ["--colour", "--color"] {
        assert_eq!(info(&[colour])["input"][2], 3);
    }
    assert_eq!(info(&["--set", "data.size=[4,6]"])["input"], serde_json::json!([4, 6, 1]));
}

#[test]
fn every_preset_is_listed_with_its_file() {
    let workspace = Workspace::new();
    let presets = workspace.json(&["presets", "--json"]);
    for preset in presets.as_array().unwrap() {
        assert!(preset["toml"].as_str().unwrap().contains("[data]"), "{preset}");
        assert!(workspace.ok(&["presets"]).contains(preset["name"].as_str().unwrap()));
    }
}

#[test]
fn a_dataset_without_a_known_address_cannot_be_fetched() {
    let workspace = Workspace::new();
    let finished = workspace.run(&["data", "fetch", "uci-har", "--data-dir", "data"]);
    assert_eq!(finished.code, Some(2));
    assert!(finished.stderr.contains("uci-har"), "{}", finished.stderr);
    // Nothing listens on this port of the loopback device.
    let finished =
        workspace.run(&["data", "fetch", "mnist", "--data-dir", "data", "--from", "http://127.0.0.1:9/"]);
    assert_eq!(finished.code, Some(1));
}

#[test]
fn the_benchmark_measures_what_it_says() {
    let workspace = Workspace::new();
    let bench = workspace.json(&["bench", "--network", "A", "--json"]);
    let network = &bench["networks"][0];
    let number = |name: &str| network[name].as_f64().unwrap();
    let gflops = 6.0 * number("macs") * number("samples_per_second") / 1e9;
    assert!((gflops / number("gflops") - 1.0).abs() < 1e-9);
    assert!(number("samples_per_second") >= number("median_samples_per_second"));
    let share = gflops / bench["fma_peak_gflops"].as_f64().unwrap();
    assert!((share / number("share_of_peak") - 1.0).abs() < 1e-9);
}
