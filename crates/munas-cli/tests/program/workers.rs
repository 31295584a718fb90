//! Searches whose trials are trained by processes of their own, and what becomes of those.

use std::io::Write;
use std::process::{Command, Stdio};
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

/// The processes of workers, with those that started them.
fn workers() -> Vec<(String, String)> {
    let listed = Command::new("ps").args(["-eo", "pid=,ppid=,args="]).output().unwrap();
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    let of = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let is_worker = words.len() == 4 && words[2].ends_with("munas") && words[3] == "worker";
        is_worker.then(|| (words[0].to_owned(), words[1].to_owned()))
    };
    listed.lines().filter_map(of).collect()
}

/// The workers of a search, which has two.
fn workers_of(search: &Running) -> Vec<String> {
    let parent = search.id().to_string();
    let own = workers().into_iter().filter(|(_, started_by)| *started_by == parent);
    let own: Vec<String> = own.map(|(worker, _)| worker).collect();
    assert_eq!(own.len(), 2, "{own:?}");
    own
}

/// Whether none of them is there any more.
fn are_gone(gone: &[String]) -> bool {
    workers().iter().all(|(worker, _)| !gone.contains(worker))
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
    let mut search = Running::start(workspace.command(&in_processes("run", "search.workers=2", &LONGER)));
    search.wait_for("trial ");
    let workers = workers_of(&search);
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
    assert!(are_gone(&workers), "no worker is left");
}

#[test]
fn no_worker_outlives_its_coordinator_and_threads_go_on() {
    let workspace = Workspace::new();
    let mut search = Running::start(workspace.command(&in_processes("run", "search.workers=2", &LONGER)));
    search.wait_for("trial ");
    let workers = workers_of(&search);
    search.kill();
    wait_until("workers end with their coordinator", || are_gone(&workers));
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
    let said = [
        ("rubbish", "not a message"),
        (r#"{"type":"hello","protocol":7,"version":"9"}"#, "the coordinator munas 9 with protocol 7"),
    ];
    for (said, problem) in said {
        let mut command = workspace.command(&["worker"]);
        let mut worker =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // It ends by itself, while somebody could still speak to it.
        let mut input = worker.stdin.take().unwrap();
        writeln!(input, "{said}").unwrap();
        let output = worker.wait_with_output().unwrap();
        let answer = String::from_utf8(output.stdout).unwrap();
        assert!(answer.contains(r#""type":"refused""#) && answer.contains(problem), "{answer}");
        assert_eq!(output.status.code(), Some(2), "{answer}");
        drop(input);
    }
}

#[test]
fn an_unknown_backend_is_refused() {
    let workspace = Workspace::new();
    let finished = workspace.run(&Workspace::tiny_search("run", &["--backend", "slurm"]));
    assert_eq!(finished.code, Some(2));
    assert!(finished.stderr.contains("threads, processes, ray"), "{}", finished.stderr);
    assert!(!workspace.path("run").exists());
}
