//! What users are told when something is wrong: what, where, and a hint; exit status 2 for input, 1 for failures.

use expect_test::{Expect, expect};

use crate::support::Workspace;

fn check(workspace: &Workspace, args: &[&str], code: i32, expected: &Expect) {
    let finished = workspace.run(args);
    assert_eq!(finished.code, Some(code), "{args:?}: {}", finished.stderr);
    assert_eq!(finished.stdout, "", "{args:?}");
    expected.assert_eq(&finished.error_in(workspace));
}

#[test]
fn experiment_files() {
    let workspace = Workspace::new();
    let unknown = workspace.write("unknown.toml", "[data]\nsource = \"glyphs\"\n[train]\nepoch = 3\n");
    check(
        &workspace,
        &["search", unknown],
        2,
        &expect![[r#"
        error: unknown key `train.epoch`
          in unknown.toml
        hint: did you mean `train.epochs`?
    "#]],
    );
    let good = workspace.write("good.toml", "[data]\nsource = \"glyphs\"\n");
    check(
        &workspace,
        &["search", good, "--set", "train.epoch=3"],
        2,
        &expect![[r#"
        error: unknown key `train.epoch`
        hint: did you mean `train.epochs`?
    "#]],
    );
    let broken = workspace.write("broken.toml", "[data\n");
    check(
        &workspace,
        &["search", broken],
        2,
        &expect![[r#"
        error: not valid TOML: TOML parse error at line 1, column 6
          |
        1 | [data
          |      ^
        unclosed table, expected `]`
          in broken.toml
    "#]],
    );
    let wrong =
        workspace.write("wrong.toml", "[data]\nsource = \"glyphs\"\n[bounds]\npeak_memory = \"lots\"\n");
    check(
        &workspace,
        &["search", wrong],
        2,
        &expect![[r#"
        error: `bounds.peak_memory`: `lots` is not a size in bytes, such as 64000, 64KB (64,000) or 64KiB (65,536)
          in wrong.toml
    "#]],
    );
    check(
        &workspace,
        &["search", "absent.toml"],
        2,
        &expect![[r#"
        error: absent.toml does not exist
    "#]],
    );
    let binary = workspace.write("binary.toml", [0xff, 0xfe, 0x00]);
    check(
        &workspace,
        &["search", binary],
        2,
        &expect![[r#"
        error: binary.toml is not text (UTF-8)
    "#]],
    );
}

#[test]
fn names() {
    let workspace = Workspace::new();
    check(
        &workspace,
        &["search", "--preset", "mnits"],
        2,
        &expect![[r#"
            error: unknown preset `mnits`; there are: quick-start, mnist, mnist-unstructured, fashion-mnist, cifar10, cifar10-binary, chars74k, chars74k-binary, speech-commands, vww, mlp-fashion
            hint: did you mean `mnist`?
        "#]],
    );
    check(
        &workspace,
        &["search", "--data", "minst"],
        2,
        &expect![[r#"
            error: unknown data source `minst`; there are: glyphs, glyphs28, mnist, mnist-binary, fashion-mnist, cifar10, cifar10-binary, chars74k, chars74k-binary, speech-commands, vww, uci-har, optdigits, fsdd-mfcc, arabic-mfcc, kws-eval, ic-eval, images:DIR, audio:DIR, csv:FILE, csv:FILE#LABEL, npz:FILE, idx:DIR
            hint: did you mean `mnist`?
        "#]],
    );
    check(
        &workspace,
        &["search", "--algorithm", "hyperband"],
        2,
        &expect![[r#"
        error: `search.algorithm`: `hyperband` is not a search algorithm (random, aging, bayes)
    "#]],
    );
    check(
        &workspace,
        &["search", "--board", "stm32f446"],
        2,
        &expect![[r#"
            error: `board.name`: there is no board `stm32f446` (did you mean stm32f446re or stm32l476rg?)
        "#]],
    );
    check(
        &workspace,
        &["search", "--set", "train.epochs"],
        2,
        &expect![[r#"
        error: override `train.epochs`: not of the form key=value
        hint: for example --set train.epochs=20
    "#]],
    );
}

#[test]
fn run_directories() {
    let workspace = Workspace::new();
    std::fs::create_dir(workspace.path("empty")).unwrap();
    for command in ["status", "front", "report", "replay", "resume"] {
        let finished = workspace.run(&[command, "empty"]);
        assert_eq!(finished.code, Some(2), "{command}");
        assert!(finished.stderr.contains("not a run"), "{command}: {}", finished.stderr);
    }
    check(
        &workspace,
        &["show", "empty", "1"],
        2,
        &expect![[r#"
        error: not a run: there is no experiment.toml
          in empty
        hint: a run is a directory that `munas search` made
    "#]],
    );
    check(
        &workspace,
        &["front", "absent"],
        2,
        &expect![[r#"
        error: not a run: there is no experiment.toml
          in absent
        hint: a run is a directory that `munas search` made
    "#]],
    );
}

#[test]
fn a_damaged_journal_is_named() {
    let workspace = Workspace::new();
    workspace.ok(&Workspace::tiny_search("run", &["--set", "search.trials=1"]));
    for suffix in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(workspace.path(&format!("run/journal.db{suffix}")));
    }
    workspace
        .write("run/journal.db", "no database at all, but long enough to be taken for one. ".repeat(100));
    check(
        &workspace,
        &["front", "run"],
        2,
        &expect![[r#"
        error: the journal is damaged: file is not a database
          in run/journal.db
    "#]],
    );
}

#[test]
fn directories_that_cannot_be_written() {
    let workspace = Workspace::new();
    workspace.write("file", "");
    let finished = workspace.run(&Workspace::tiny_search("file/run", &[]));
    assert_eq!(finished.code, Some(1));
    expect![[r#"
        error: cannot create file/run/models: Not a directory (os error 20)
    "#]]
    .assert_eq(&finished.error_in(&workspace));
}

#[test]
fn bounds_that_nothing_meets() {
    let workspace = Workspace::new();
    let bounds =
        ["--max-peak-memory", "5", "--set", "bounds.hard=[\"peak_memory\"]", "--set", "search.max_draws=200"];
    let finished = workspace.run(&Workspace::tiny_search("run", &bounds));
    assert_eq!(finished.code, Some(2));
    let error = finished.stderr.split("error: ").nth(1).unwrap();
    expect![[r#"
        no architecture within the bounds in 200 draws: the nearest has peak_memory 27, above the hard bound of 5 (smallest peak_memory seen: 27)
        hint: loosen the bound, or make it soft: leave it out of `bounds.hard`
    "#]].assert_eq(error);
}

#[test]
fn architectures_and_cases() {
    let workspace = Workspace::new();
    let cost = |space: &'static str, arch: &'static str| {
        ["cost", "--space", space, "--arch", arch, "--input", "8x8x1", "--classes", "10"]
    };
    let good = workspace.write("good.json", r#"{"dense":[16]}"#);
    check(
        &workspace,
        &cost("mpl", good),
        2,
        &expect![[r#"
        error: --space: there is no kind of search space `mpl`
        hint: the kinds are cnn2d, cnn1d and mlp
    "#]],
    );
    check(
        &workspace,
        &cost("mlp", "absent.json"),
        2,
        &expect![[r#"
        error: absent.json does not exist
    "#]],
    );
    let unknown = workspace.write("unknown.json", r#"{"dense":[16],"units":3}"#);
    check(
        &workspace,
        &cost("mlp", unknown),
        2,
        &expect![[r#"
        error: not an architecture of kind mlp: units: unknown field; expected dense
          in unknown.json
        hint: `munas cost --help` shows the form
    "#]],
    );
    let zero = workspace.write("zero.json", r#"{"dense":[0]}"#);
    check(
        &workspace,
        &cost("mlp", zero),
        2,
        &expect![[r#"
        error: not an architecture of kind mlp: dense[0]: 0 is not in 1 to 65536
          in zero.json
        hint: `munas cost --help` shows the form
    "#]],
    );
    let text = workspace.write("text.json", "dense: 16");
    check(
        &workspace,
        &cost("mlp", text),
        2,
        &expect![[r#"
        error: not an architecture of kind mlp: not JSON: expected value at line 1 column 1
          in text.json
        hint: `munas cost --help` shows the form
    "#]],
    );
    let cases = workspace.write(
        "cases.json",
        r#"{"space":"mlp","cases":[
            {"input":[8,8,1],"classes":10,"arch":{"dense":[16]}},
            {"input":[0,8,1],"classes":10,"arch":{"dense":[16]}}]}"#,
    );
    check(
        &workspace,
        &["cost", "--cases", cases],
        2,
        &expect![[r#"
        error: input: every dimension must be at least 1
          in cases.json, cases[1]
    "#]],
    );
    let form = workspace.write("form.json", r#"{"space":"mlp"}"#);
    check(
        &workspace,
        &["cost", "--cases", form],
        2,
        &expect![[r#"
        error: not a file of cases: missing field `cases` at line 1 column 15
          in form.json
        hint: the form is {"space":"cnn2d","cases":[{"input":[28,28,1],"classes":10,"arch":{…}},…]}
    "#]],
    );
    check(
        &workspace,
        &["cost", "model.tflite"],
        2,
        &expect![[r#"
            error: cannot read: No such file or directory (os error 2)
              in model.tflite
        "#]],
    );
    check(
        &workspace,
        &["cost"],
        2,
        &expect![[r#"
        error: nothing to price
        hint: give --space, --arch, --input and --classes, or --cases; `munas cost --help` has examples
    "#]],
    );
}

#[test]
fn own_data_with_faults() {
    let workspace = Workspace::new();
    let csv = workspace.write("bad.csv", "a,b,label\n1,2,x\n1,two,y\n");
    check(
        &workspace,
        &["data", "info", &format!("csv:{csv}")],
        2,
        &expect![[r#"
        error: bad.csv: 1 of 2 refused: row 3: column 2: `two` is not a finite number
        hint: `--skip-bad` leaves them out
    "#]],
    );
    check(
        &workspace,
        &["data", "info", "images:absent"],
        2,
        &expect![[r#"
        error: cannot read or write the data: No such file or directory (os error 2)
          in absent
    "#]],
    );
}
