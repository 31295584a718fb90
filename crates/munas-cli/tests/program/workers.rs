//! Searches whose trials are trained by processes of their own, and what becomes of those.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::{Running, Workspace};

/// Eight trials of about a second, each whole.
const LONGER: [&str; 8] = [
    "--set",
    "search.trials=8",
    "--set",
    "train.epochs=30",
    "--set",
    "data.subset=2000",
    "--set",
    "search.rungs=1",
];
/// How long something that must happen is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

fn in_processes<'a>(dir: &'a str, workers: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    // The last one counts.
    let backend = ["--backend", "processes", "--set", workers];
    Workspace::tiny_search(dir, &[&backend, more].concat())
}

/// The processes of workers that were started for this program's tests, as their command lines end.
fn workers_of(workspace: &Workspace) -> Vec<String> {
    let marker = workspace.path("tmp").display().to_string();
    let listed = Command::new("ps").args(["-eo", "pid=,args="]).output().unwrap();
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    let ours = listed.lines().filter(|line| line.contains(" worker --data") && line.contains(&marker));
    ours.filter_map(|line| line.split_whitespace().next().map(str::to_owned)).collect()
}

/// A search whose packed data are in the workspace, by which its workers are known.
fn started(workspace: &Workspace, args: &[&str]) -> Running {
    let folder = workspace.path("tmp");
    std::fs::create_dir_all(&folder).unwrap();
    let mut command = workspace.command(args);
    command.env("TMPDIR", folder);
    Running::start(command)
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !holds() {
        assert!(begin.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn processes_come_to_the_trials_of_threads() {
    let workspace = Workspace::new();
    workspace.ok(&Workspace::tiny_search("threads", &[]));
    workspace.ok(&in_processes("processes", "search.workers=1", &[]));
    let figures = |dir: &str| {
        let front = workspace.json(&["front", dir, "--json"]);
        let of = |trial: &serde_json::Value| {
            ["trial", "val_error", "int8_error", "test_error", "macs"].map(|key| trial[key].clone())
        };
        front.as_array().unwrap().iter().map(of).collect::<Vec<_>>()
    };
    assert_eq!(figures("threads"), figures("processes"));
    workspace.ok(&["replay", "processes"]);
    let shown = workspace.json(&["show", "processes", "1", "--json"]);
    let attempt = &shown["attempts"][0];
    assert_eq!((&attempt["given_up"], &attempt["refused"]), (&serde_json::Value::Null, &0.into()));
    assert!(attempt["ended_ms"].is_u64() && attempt["instruction_set"].is_string(), "{attempt}");
    assert!(workspace.ok(&["show", "processes", "1"]).contains("Attempts"));
    assert_eq!(workspace.json(&["show", "threads", "1", "--json"])["attempts"], serde_json::json!([]));
}

#[test]
fn a_worker_that_is_killed_costs_no_trial() {
    let workspace = Workspace::new();
    let mut search = started(&workspace, &in_processes("run", "search.workers=2", &LONGER));
    search.wait_for("trial ");
    let workers = workers_of(&workspace);
    assert_eq!(workers.len(), 2);
    assert!(Command::new("kill").args(["-9", &workers[0]]).status().unwrap().success());
    let finished = search.finish();
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    assert!(finished.stderr.contains("is lost: ended with signal: 9"), "{}", finished.stderr);
    let status = workspace.json(&["status", "run", "--json"]);
    assert_eq!((&status["done"], &status["failed"]), (&8.into(), &0.into()), "{status}");
    workspace.ok(&["replay", "run"]);
    let attempts = |trial: u32| {
        let shown = workspace.json(&["show", "run", &trial.to_string(), "--json"]);
        shown["attempts"].as_array().unwrap().clone()
    };
    let attempts: Vec<serde_json::Value> = (1..=8).flat_map(attempts).collect();
    assert!(attempts.iter().all(|attempt| attempt["ended_ms"].is_u64()), "{attempts:?}");
    // None, if it was killed between two of them.
    let given_up = attempts.iter().filter(|attempt| attempt["given_up"].is_string()).count();
    assert!(given_up <= 1, "{attempts:?}");
    assert_eq!(workers_of(&workspace), Vec::<String>::new());
}

#[test]
fn no_worker_outlives_its_coordinator_and_threads_go_on() {
    let workspace = Workspace::new();
    let mut search = started(&workspace, &in_processes("run", "search.workers=2", &LONGER));
    search.wait_for("trial ");
    assert_eq!(workers_of(&workspace).len(), 2);
    search.kill();
    wait_until("workers end with their coordinator", || workers_of(&workspace).is_empty());
    workspace.ok(&["resume", "run", "--backend", "threads"]);
    let status = workspace.json(&["status", "run", "--json"]);
    assert_eq!((&status["done"], &status["failed"]), (&8.into(), &0.into()), "{status}");
    workspace.ok(&["replay", "run"]);
}

#[test]
fn a_worker_says_what_it_cannot_do() {
    let workspace = Workspace::new();
    let finished = workspace.run(&["worker"]);
    assert_eq!((finished.code, finished.stdout.as_str()), (Some(0), ""), "nobody speaks to it");
    let hello = r#"{"type":"hello","protocol":7,"version":"9"}"#;
    for said in ["rubbish", hello] {
        let mut command = workspace.command(&["worker"]);
        let file = workspace.path("said");
        std::fs::write(&file, format!("{said}\n")).unwrap();
        command.stdin(std::fs::File::open(Path::new(&file)).unwrap());
        let output = command.output().unwrap();
        let answer = String::from_utf8(output.stdout).unwrap();
        // The end of what it hears ends it at once, perhaps before it has answered.
        assert!(answer.is_empty() || answer.contains("refused"), "{answer}");
    }
    let finished = workspace.run(&Workspace::tiny_search("run", &["--backend", "slurm"]));
    assert_eq!(finished.code, Some(2));
    assert!(finished.stderr.contains("threads, processes, ray"), "{}", finished.stderr);
}
