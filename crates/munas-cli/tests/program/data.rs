//! `munas data`, `munas presets` and `munas bench`.

use std::io::{Cursor, Write};

use expect_test::expect;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

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
        table         delimiter `,`, header in row 1
        label         column 3 (`label`)
        features      2: a, b

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

/// What a warning or an error advises is what helps, typed as it stands.
#[test]
fn advice_on_tables_and_arrays_works() {
    let workspace = Workspace::new();
    let rows = |delimiter: &str| -> String {
        (0..40)
            .map(|row| {
                [row.to_string(), format!("{}.5", row * 7 % 9), ["on", "off"][row % 2].to_owned()]
                    .join(delimiter)
            })
            .fold(String::new(), |text, row| text + &row + "\n")
    };
    let input = |arguments: &[&str]| {
        let told = workspace.json(&[&["data", "info", "--json"], arguments].concat());
        (told["input"].to_string(), told["warnings"].to_string())
    };
    let csv = workspace.write("index.csv", format!(",a,label\n{}", rows(",")));
    let source = format!("csv:{csv}");
    let (shape, warnings) = input(&[&source]);
    assert!(shape == "[1,1,1]" && warnings.contains("column 1 only numbers the rows"), "{shape} {warnings}");
    assert_eq!(input(&[&source, "--set", "data.csv.index=keep"]).0, "[1,1,2]");

    let csv = workspace.write("colons.csv", rows(":"));
    let source = format!("csv:{csv}");
    let refused = workspace.run(&["data", "info", &source]);
    assert!(refused.code == Some(2) && refused.stderr.contains("hint: `--delimiter`"), "{}", refused.stderr);
    assert_eq!(input(&[&source, "--delimiter", ":"]).0, "[1,1,1]");

    let stamped: String = rows(",").lines().map(|row| format!("10:00:{row}\n")).collect();
    let csv = workspace.write("stamped.csv", format!("time,a,label\n{stamped}"));
    let source = format!("csv:{csv}");
    let refused = workspace.run(&["data", "info", &source]);
    let advised = refused.stderr.split('\'').nth(1).unwrap_or_default();
    assert_eq!(advised, r#"data.csv.ignore=["time"]"#, "{}", refused.stderr);
    assert_eq!(input(&[&source, "--set", advised]).0, "[1,1,1]");

    let search = ["search", "--set", "space.kind=mlp", "--set", "train.epochs=1", "--trials", "1"];
    let searched = workspace.run(&[&search[..], &["--data", &source, "--set", advised]].concat());
    assert_eq!(searched.code, Some(0), "{}", searched.stderr);
    assert!(searched.stderr.contains("label column 3 (`label`)"), "{}", searched.stderr);
}

/// An npz archive of arrays of bytes.
fn archive(arrays: &[(&str, &str, &[u8])]) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, shape, data) in arrays {
        let header = format!("{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}\n");
        archive.start_file(format!("{name}.npy"), SimpleFileOptions::default()).unwrap();
        let length = (header.len() as u16).to_le_bytes();
        for part in [&b"\x93NUMPY\x01\0"[..], &length, header.as_bytes(), data] {
            archive.write_all(part).unwrap();
        }
    }
    archive.finish().unwrap().into_inner()
}

#[test]
fn arrays_are_described_and_their_names_and_axes_can_be_given() {
    let workspace = Workspace::new();
    let pixels: Vec<u8> = (0..30 * 64 * 4).map(|at| (at % 251) as u8).collect();
    let digits: Vec<u8> = (0..30).map(|row| row % 3).collect();
    let npz = workspace
        .write("odd.npz", archive(&[("pixels", "(30, 64, 4)", &pixels), ("digit", "(30,)", &digits)]));
    let source = format!("npz:{npz}");
    let refused = workspace.run(&["data", "info", &source]);
    assert_eq!(refused.code, Some(2));
    assert!(
        refused.stderr.contains("it holds digit (30 uint8), pixels (30x64x4 uint8)"),
        "{}",
        refused.stderr
    );
    let info = |more: &[&str]| {
        workspace.json(&[&["data", "info", &source, "--json", "--arrays", "pixels,digit"], more].concat())
    };
    let signal = info(&[]);
    assert_eq!(signal["input"].to_string(), "[64,1,4]");
    assert_eq!(signal["reading"]["layout"], "64x1x4, a signal (time x channels)");
    assert_eq!(info(&["--layout", "image"])["input"].to_string(), "[64,4,1]");
}

#[test]
fn data_without_training_samples_are_for_evaluation_only() {
    let workspace = Workspace::new();
    let digits: Vec<u8> = (0..30).map(|row| row % 3).collect();
    let arrays = [("x_test", "(30, 1)", &digits[..]), ("y_test", "(30,)", &digits[..])];
    let source = format!("npz:{}", workspace.write("test.npz", archive(&arrays)));
    workspace.ok(&["data", "info", &source]);
    let refused = workspace.run(&["search", "--data", &source, "--out", "run"]);
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains("has no training samples"), "{}", refused.stderr);
    assert!(!std::path::Path::new(&workspace.path("run")).exists());
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

/// What is trained on a packed file is what is trained on what was packed, bit by bit, wherever a dataset is asked for.
#[test]
fn packed_data_are_the_data_that_were_packed() {
    let workspace = Workspace::new();
    let subset = ["--set", "data.subset=300"];
    let line = workspace.ok(&[&["data", "pack", "glyphs", "-o", "glyphs.pack"], &subset[..]].concat());
    let original = workspace.json(&[&["data", "info", "glyphs", "--json"], &subset[..]].concat());
    let fingerprint = original["fingerprint"].as_str().unwrap();
    let bytes = std::fs::metadata(workspace.path("glyphs.pack")).unwrap().len();
    assert_eq!(line, format!("glyphs: 10000 samples, 2.62 MB, fingerprint {fingerprint}\n"));
    let source = "packed:glyphs.pack";
    assert_eq!(workspace.json(&["data", "info", source, "--json"]), original);
    // A packed file can be packed, and what it replaces may be what it was read from.
    let again = workspace.json(&["data", "pack", source, "--output", "glyphs.pack", "--json"]);
    let expected = serde_json::json!({
        "name": "glyphs", "path": "glyphs.pack", "samples": 10_000, "bytes": bytes, "fingerprint": fingerprint,
    });
    assert_eq!(again, expected);

    let arch = workspace.write("arch.json", r#"{"dense":[8]}"#);
    let train = |data: &[&str], out: &str| {
        let command = ["train", "--space", "mlp", "--arch", arch, "--epochs", "1", "--out", out, "--data"];
        workspace.ok(&[&command, data].concat());
        std::fs::read(workspace.path(out).join("model.safetensors")).unwrap()
    };
    assert!(train(&[&["glyphs"], &subset[..]].concat(), "one") == train(&[source], "other"));

    // A run goes on with either, and a search on a packed file with nothing else.
    workspace.ok(&Workspace::tiny_search("run", &["--trials", "1"]));
    workspace.ok(&["resume", "run", "--trials", "2", "--data", source]);
    workspace
        .ok(&Workspace::tiny_search("mapped", &["--trials", "1", "--set", "data.source=packed:glyphs.pack"]));
    let text = std::fs::read_to_string(workspace.path("mapped/experiment.toml")).unwrap();
    let absolute = format!("source = \"packed:{}\"", workspace.path("glyphs.pack").display());
    assert!(text.contains(&absolute), "{text}");
    workspace.ok(&["resume", "mapped", "--trials", "2"]);
    workspace.ok(&["replay", "mapped"]);

    let refused = workspace.run(&["search", "--data", source, "--set", "data.validation=0.2"]);
    expect![[r#"
        error: glyphs.pack: `data.validation=0.2` comes too late for packed data: their parts are fixed
        hint: leave it out, or pack with it: `munas data pack SPEC -o FILE --set data.validation=0.2`
    "#]]
    .assert_eq(&refused.stderr);
    assert_eq!(refused.code, Some(2));
    let unwritten = workspace.run(&["data", "pack", "glyphs", "-o", "no/such/place"]);
    assert_eq!(unwritten.code, Some(1), "{}", unwritten.stderr);
    assert!(unwritten.stderr.contains("cannot write"), "{}", unwritten.stderr);

    let mut file = std::fs::read(workspace.path("glyphs.pack")).unwrap();
    file[9_000] ^= 1;
    workspace.write("glyphs.pack", file);
    let damaged = workspace.run(&["data", "info", source]);
    assert_eq!(damaged.code, Some(2));
    assert!(
        damaged.stderr.contains("glyphs.pack: damaged: its content has the fingerprint"),
        "{}",
        damaged.stderr
    );
    let guessed = workspace.run(&["data", "info", "glyphs.pack"]);
    assert!(guessed.stderr.contains("hint: did you mean `packed:glyphs.pack`?"), "{}", guessed.stderr);
}
