//! What users are told when something is wrong: what, where, and a hint; exit status 2 for input, 1 for failures.

use expect_test::{Expect, expect};

use crate::support::{TINY, Workspace};

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
            error: unknown data source `minst`; there are: glyphs, glyphs28, mnist, mnist-binary, fashion-mnist, cifar10, cifar10-binary, chars74k, chars74k-binary, speech-commands, vww, uci-har, optdigits, fsdd-mfcc, arabic-mfcc, kws-eval, ic-eval, images:DIR, audio:DIR, csv:FILE, csv:FILE#LABEL, npz:FILE, idx:DIR, packed:FILE
            hint: did you mean `mnist`?
        "#]],
    );
    check(
        &workspace,
        &["search", "--algorithm", "hyperband"],
        2,
        &expect![[r#"
        error: `search.algorithm`: `hyperband` is not a search algorithm (random, aging, bayes, niche)
    "#]],
    );
    check(
        &workspace,
        &["search", "--board", "stm32f446"],
        2,
        &expect![[r#"
            error: `board.name`: there is no board `stm32f446` (did you mean stm32f446re or stm32g474re or stm32l476rg?)
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
fn an_experiment_that_is_not_that_of_the_run() {
    let workspace = Workspace::new();
    workspace.ok(&Workspace::tiny_search("run", &["--set", "search.trials=2"]));
    let file = workspace.path("run/experiment.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("trials = 2", "trials = 3").replace("seed = 0", "seed = 1")).unwrap();
    for command in ["status", "front", "report", "replay", "resume"] {
        check(
            &workspace,
            &[command, "run"],
            2,
            &expect![[r#"
                error: not what the run was made with: `seed`: recorded 0, found 1
                  in run/experiment.toml
                hint: put the recorded values back, or begin a new run with `munas search FILE`; in a run that has begun these may change: name, data.source, data.dir, board.file, search.trials, search.time, search.target_error, search.workers, search.worker_memory, search.max_draws, final.share, final.networks, final.seeds
            "#]],
        );
    }
    std::fs::write(&file, text.replace("trials = 2", "trials = 3")).unwrap();
    workspace.ok(&["resume", "run"]);
    assert_eq!(workspace.json(&["status", "run", "--json"])["done"], 3);
}

#[test]
fn a_lost_journal_is_a_failure_and_not_an_empty_run() {
    let workspace = Workspace::new();
    workspace.ok(&Workspace::tiny_search("run", &["--set", "search.trials=1"]));
    std::fs::copy(workspace.path("run/journal.db"), workspace.path("old.db")).unwrap();
    workspace.ok(&["resume", "run", "--trials", "3"]);
    std::fs::rename(workspace.path("old.db"), workspace.path("run/journal.db")).unwrap();
    for command in ["status", "front", "report", "replay", "resume"] {
        check(
            &workspace,
            &[command, "run"],
            1,
            &expect![[r#"
                error: the journal is not whole, or of another run: its last trial is 1, but trial 3 had begun, says progress
                  in run/journal.db
                hint: bring back journal.db together with its journal.db-wal; to go on with what this journal knows, move progress, models and checkpoints out of the run
            "#]],
        );
    }
    std::fs::remove_file(workspace.path("run/journal.db")).unwrap();
    check(
        &workspace,
        &["front", "run"],
        1,
        &expect![[r#"
            error: the run has lost its journal
              in run/journal.db
            hint: bring back journal.db, and journal.db-wal if there was one: all results are there
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
fn folders_that_are_in_use() {
    let workspace = Workspace::new();
    workspace.write("file", "");
    let hint = "hint: a run is made in a new or an empty folder: give --out another name, or leave it out";
    for out in ["file", "file/run"] {
        let finished = workspace.run(&Workspace::tiny_search(out, &[]));
        assert_eq!(finished.code, Some(2));
        assert_eq!(finished.stderr, format!("error: not a folder\n  in file\n{hint}\n"));
    }
    std::fs::create_dir(workspace.path("own")).unwrap();
    workspace.write("own/experiment.toml", "seed = 1 # mine\n");
    workspace.write("own/.trial-1.safetensors", "mine");
    // What is wrong with the folder is said before data are loaded, here from a place where there are none.
    let finished = workspace.run(&["search", "--out", "own", "--data", "csv:missing.csv"]);
    assert_eq!(finished.code, Some(2));
    let found = "the folder is in use: it has .trial-1.safetensors, experiment.toml";
    assert_eq!(finished.stderr, format!("error: {found}\n  in own\n{hint}\n"));
    assert_eq!(std::fs::read_to_string(workspace.path("own/experiment.toml")).unwrap(), "seed = 1 # mine\n");
    assert_eq!(std::fs::read_dir(workspace.path("own")).unwrap().count(), 2);
}

#[test]
fn a_search_that_fails_before_its_first_trial_leaves_no_run() {
    let workspace = Workspace::new();
    let bounds =
        ["--max-peak-memory", "5", "--set", "bounds.hard=[\"peak_memory\"]", "--set", "search.max_draws=200"];
    let finished = workspace.run(&Workspace::tiny_search("run", &bounds));
    assert_eq!(finished.code, Some(2));
    let error = finished.stderr.split("error: ").nth(1).unwrap();
    expect![[r#"
        no architecture within the bounds in 200 draws: the nearest has peak_memory 10, above the hard bound of 5 (smallest peak_memory seen: 10)
        hint: loosen the bound, or make it soft: leave it out of `bounds.hard`
    "#]].assert_eq(error);
    let unnamed = [&["search"], TINY, &bounds].concat();
    assert_eq!(workspace.run(&unnamed).code, Some(2));
    let missing = ["search", "--out", "run", "--data", "csv:missing.csv"];
    assert_eq!(workspace.run(&missing).code, Some(2));
    assert!(!workspace.path("run").exists() && !workspace.path("runs").exists());
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
        error: there is no kind of search space `mpl`
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
        error: bad.csv: 1 of 2 refused: row 3: column 2 (`b`): `two` is not a finite number
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

#[test]
fn names_from_files_are_shown_and_not_obeyed() {
    let workspace = Workspace::new();
    let evil = "\x1b[2J\x1b]0;gone\x07";
    let class = |row: usize| [format!("on{evil}"), "off".to_owned()][row % 2].clone();
    let rows: String = (0..200).map(|row| format!("{},{},{}\n", row % 7, row % 11, class(row))).collect();
    let name = format!("data{evil}.csv");
    workspace.write(&name, format!("a,b,label\n{rows}"));
    let spec = format!("csv:{name}");
    let run = format!("my run{evil}\nx");
    let escaped = r"\u{1b}[2J\u{1b}]0;gone\u{7}";
    let said = |args: &[&str], code: i32| -> String {
        let mut command = workspace.command(args);
        // As on a terminal: the program's own styles are written.
        let output = command.env("CLICOLOR_FORCE", "1").env("TERM", "xterm").output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        for (position, _) in text.match_indices('\x1b') {
            let own = ["\x1b[0m", "\x1b[1m", "\x1b[31m", "\x1b[32m", "\x1b[36m"];
            assert!(own.iter().any(|style| text[position..].starts_with(style)), "{args:?}: {text:?}");
        }
        assert!(!text.contains('\x07'), "{args:?}: {text:?}");
        text
    };
    let info = said(&["data", "info", &spec], 0);
    assert!(info.contains(&format!("name          csv:data{escaped}.csv\n")), "{info}");
    assert!(info.contains(&format!("on{escaped}")), "{info}");
    let search = Workspace::tiny_search(&run, &["--data", &spec, "--set", "search.trials=2"]);
    let text = said(&search, 0);
    assert!(text.contains(&format!("my run{escaped}\\nx\n")), "{text}");
    assert!(text.contains(r"munas report $'my run\x1b[2J\x1b]0;gone\x07\x0ax'"), "{text}");
    let trial = workspace.json(&["front", &run, "--json"])[0]["trial"].to_string();
    for args in [&["status", &run][..], &["front", &run], &["show", &run, &trial], &["report", &run]] {
        said(args, 0);
    }
    for args in [&["status", evil][..], &["search", evil], &["data", "info", &format!("csv:{evil}")], &[evil]]
    {
        said(args, 2);
    }
    // JSON is as ever: escaped by its own rules, and the same name after reading.
    assert_eq!(workspace.json(&["data", "info", &spec, "--json"])["name"], spec.as_str());
}

#[test]
fn commands_to_copy_are_quoted() {
    let workspace = Workspace::new();
    let run = "it's a run";
    let finished = workspace.run(&Workspace::tiny_search(run, &["--set", "search.trials=1"]));
    let next = finished.stderr.split("next\n").nth(1).unwrap();
    let resume =
        next.lines().find(|line| line.contains("resume")).unwrap().split("   ").next().unwrap().trim();
    let mut shell = std::process::Command::new("sh");
    let munas = env!("CARGO_BIN_EXE_munas");
    shell.args(["-c", &resume.replacen("munas", "\"$0\"", 1), munas]).current_dir(workspace.path(""));
    assert!(shell.output().unwrap().status.success(), "{resume}");
    assert_eq!(workspace.json(&["status", run, "--json"])["done"], 2);
}
