//! Finalists: the last part of a search, `munas refine`, and what other commands make of them.

use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{Running, Workspace};

/// Two networks, two trainings each.
const FEW: &[&str] = &["--set", "final.networks=2", "--set", "final.seeds=2"];

fn finalists(workspace: &Workspace, dir: &str) -> Vec<Value> {
    workspace.json(&["status", dir, "--json"])["finalists"].as_array().unwrap().clone()
}

/// All that does not depend on the clock or the place.
fn timeless(workspace: &Workspace, dir: &str) -> Vec<Value> {
    let mut found = finalists(workspace, dir);
    for finalist in &mut found {
        let fields = finalist.as_object_mut().unwrap();
        fields.remove("model");
        for training in fields["trainings"].as_array_mut().unwrap() {
            training.as_object_mut().unwrap().remove("train_seconds");
        }
    }
    found
}

#[test]
fn what_is_left_of_the_time_is_for_the_finalists() {
    let workspace = Workspace::new();
    // The trials are done long before the time is up.
    let search = Workspace::tiny_search("run", &[FEW, &["--time", "10m", "--json"]].concat());
    let found = workspace.json(&search);
    assert_eq!(
        (found["reason"].as_str(), found["finalists_reason"].as_str()),
        (Some("trials"), Some("finalists"))
    );
    let finalists = found["finalists"].as_array().unwrap();
    assert!((1..=2).contains(&finalists.len()));
    for finalist in finalists {
        assert_eq!(finalist["seeds"].as_u64(), Some(2));
        assert!(finalist["epochs"].as_u64().is_some_and(|epochs| (6..=20).contains(&epochs)), "{finalist}");
        assert!(finalist["int8_test_error"]["deviation"].is_number());
        assert!(finalist["model"].as_str().is_some_and(|path| workspace.path(path).exists()));
    }
    // No time, no finalists; but it is said how to have them.
    let finished = workspace.run(&Workspace::tiny_search("other", FEW));
    assert!(finished.stderr.contains("munas refine other") && !finished.stdout.contains("Finalists"));
    let none = Workspace::tiny_search("none", &["--time", "10m", "--set", "final.share=0", "--json"]);
    assert!(workspace.json(&none)["finalists"].as_array().unwrap().is_empty());
}

#[test]
fn finalists_are_shown_exported_and_checked() {
    let workspace = Workspace::new();
    workspace.ok(&Workspace::tiny_search("run", FEW));
    let finished = workspace.run(&["refine", "run"]);
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    assert!(finished.stdout.contains("± s.d.") && finished.stdout.contains("standard deviation"));
    assert!(workspace.ok(&["front", "run"]).ends_with(&finished.stdout), "{}", finished.stdout);
    let found = finalists(&workspace, "run");
    let best = found[0]["trial"].to_string();
    assert!(finished.stderr.contains(&format!("munas export run {best} -o")), "{}", finished.stderr);
    let shown = workspace.ok(&["show", "run", &best]);
    assert!(shown.contains("trained anew  2 times for 6 epochs"), "{shown}");
    assert_eq!(workspace.json(&["show", "run", &best, "--json"])["refined"], found[0]);
    workspace.ok(&["report", "run", "-o", "page.html"]);
    assert!(std::fs::read_to_string(workspace.path("page.html")).unwrap().contains("<h2>Finalists</h2>"));

    let export = |out: &str, more: &[&str]| {
        let args = [&["export", "run", &best, "-o", out, "--json"], more].concat();
        let refined = workspace.json(&args)["refined"].clone();
        (refined, std::fs::read(workspace.path(out).join("model.tflite")).unwrap())
    };
    let (refined, anew) = export("anew", &[]);
    assert_eq!(refined, found[0]["kept"]);
    let (of_search, searched) = export("searched", &["--as-searched"]);
    assert!(of_search.is_null() && anew != searched);
    let told = workspace.run(&["export", "run", &best, "-o", "anew"]).stderr;
    assert!(told.contains("was trained anew") && told.contains("--as-searched"), "{told}");
    let kept =
        found[0]["trainings"].as_array().unwrap().iter().find(|training| training["number"] == refined);
    // The network that is exported errs as often on the test part as the one that was measured.
    let checked = workspace.run(&["verify", "run", &best, "--samples", "2000", "--json"]);
    let checked: Value = serde_json::from_str(&checked.stdout).unwrap();
    assert_eq!(
        (&checked["refined"], checked["samples"].as_u64()),
        (&refined, checked["test_samples"].as_u64())
    );
    let (measured, host) = (kept.unwrap()["int8_test_error"].as_f64(), checked["host_error"].as_f64());
    assert!((measured.unwrap() - host.unwrap()).abs() < 1e-9, "{measured:?} {host:?}");
}

#[test]
fn what_was_trained_is_not_trained_again() {
    let workspace = Workspace::new();
    workspace.ok(&Workspace::tiny_search("run", FEW));
    workspace.ok(&["refine", "run"]);
    let before = timeless(&workspace, "run");
    let again = workspace.json(&["refine", "run", "--json"]);
    assert_eq!((again["done"].as_u64(), again["left"].as_u64()), (Some(0), Some(0)));
    assert_eq!(timeless(&workspace, "run"), before);
    let more = workspace.json(&["refine", "run", "--json", "--seeds", "3", "--trials", "2"]);
    assert!(more["done"].as_u64().is_some_and(|done| done == 1 || done == 3), "{more}");
    for (args, code, expected) in [
        (&["refine", "run", "--trials", "99"][..], 2, "there is no trial 99"),
        (&["refine", "run", "--seeds", "0"], 2, "--seeds"),
        (&["refine", "run", "--longer", "0"], 2, "0.01 to 1000 times as long"),
        (&["refine", "elsewhere"], 2, "elsewhere"),
    ] {
        let finished = workspace.run(args);
        assert_eq!(finished.code, Some(code), "{args:?}");
        assert!(finished.stderr.contains(expected), "{}", finished.stderr);
    }
}

#[test]
fn longer_trainings_take_the_place_of_shorter_ones() {
    let workspace = Workspace::new();
    workspace.ok(&Workspace::tiny_search("run", FEW));
    let asked = |words: &[&str]| workspace.json(&[&["refine", "run", "--json"], words].concat());
    let epochs = |found: &Value| -> Vec<Option<u64>> {
        let finalists = found["finalists"].as_array().unwrap().iter();
        finalists.map(|finalist| finalist["epochs"].as_u64()).collect()
    };
    let short = asked(&[]);
    assert!(epochs(&short).iter().all(|epochs| *epochs == Some(6)), "{short}");
    let long = asked(&["--longer", "5"]);
    assert_eq!(long["done"], short["done"]);
    assert!(epochs(&long).iter().all(|epochs| *epochs == Some(10)), "{long}");
    assert_eq!(asked(&[])["done"].as_u64(), Some(0), "they keep their length");
    // The time is enough for the longest, by default ten times as long as in the search.
    let filling = asked(&["--time", "10m"]);
    assert!(epochs(&filling).iter().all(|epochs| *epochs == Some(20)), "{filling}");
    let best = filling["finalists"][0]["trial"].to_string();
    workspace.ok(&["export", "run", &best, "-o", "firmware"]);
    workspace.ok(&["verify", "run", &best]);
}

#[test]
fn killed_or_interrupted_it_goes_on_to_the_same_finalists() {
    let workspace = Workspace::new();
    let settings = ["--set", "train.epochs=8", "--set", "data.subset=1000", "--set", "final.networks=3"];
    for dir in ["whole", "killed"] {
        workspace.ok(&Workspace::tiny_search(dir, &settings));
    }
    let begin = Instant::now();
    workspace.ok(&["refine", "whole"]);
    let whole = begin.elapsed();
    for share in [0.3, 0.5, 0.7] {
        let mut process = Running::start(workspace.command(&["refine", "killed"]));
        sleep(whole.mul_f64(share).max(Duration::from_millis(50)));
        process.kill();
    }
    let mut process = Running::start(workspace.command(&["refine", "killed", "--seeds", "40"]));
    process.wait_for("(1/");
    process.interrupt();
    let finished = process.finish();
    assert_eq!(finished.code, Some(130), "{}", finished.stderr);
    assert!(finished.stderr.contains("munas refine killed"), "{}", finished.stderr);
    workspace.ok(&["refine", "killed"]);
    let usual = |mut found: Vec<Value>| {
        for finalist in &mut found {
            // The interrupted session had come further than the fifth training in some of them.
            let trainings = finalist["trainings"].as_array().unwrap().iter();
            let first: Vec<Value> =
                trainings.filter(|training| training["number"].as_u64() <= Some(5)).cloned().collect();
            *finalist = serde_json::json!({ "trial": finalist["trial"], "trainings": first });
        }
        found.sort_by_key(|finalist| finalist["trial"].as_u64());
        found
    };
    assert_eq!(usual(timeless(&workspace, "killed")), usual(timeless(&workspace, "whole")));
}

/// The network that they learn from goes to the processes too.
#[test]
fn finalists_of_processes_are_those_of_threads() {
    let workspace = Workspace::new();
    let taught = ["--set", "final.distillation=true"];
    workspace.ok(&Workspace::tiny_search("threads", &[FEW, &taught].concat()));
    let copied =
        Command::new("cp").arg("-r").args(["threads", "processes"].map(|dir| workspace.path(dir))).status();
    assert!(copied.unwrap().success());
    workspace.ok(&["refine", "threads"]);
    let refined = workspace.run(&["refine", "processes", "--backend", "processes"]);
    assert_eq!(refined.code, Some(0), "{}", refined.stderr);
    assert!(refined.stderr.contains("has joined"), "{}", refined.stderr);
    let found = timeless(&workspace, "threads");
    assert!(found.iter().any(|finalist| finalist["teacher"].is_u64()), "{found:?}");
    assert_eq!(timeless(&workspace, "processes"), found);
}
