//! Searches and checks that are killed or interrupted. The number of kills is set by `MUNAS_KILLS`.

use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use munas_run::{RunReader, TrialRecord};

use crate::support::{Running, Workspace};

/// Kills without `MUNAS_KILLS`; enough to hit different places, few enough for every test run.
const DEFAULT_KILLS: u32 = 4;

/// Trials per kill: so many that a search is usually killed in the middle of things, and not at its end.
const TRIALS_PER_KILL: u32 = 3;

/// The trials of a run without what depends on the clock.
fn trials(dir: &Path) -> Vec<TrialRecord> {
    let mut trials = RunReader::open(dir).unwrap().trials().unwrap();
    for trial in &mut trials {
        trial.started_ms = 0;
        trial.finished_ms = None;
        if let Some(outcome) = &mut trial.outcome {
            outcome.train_seconds = 0.0;
        }
    }
    trials
}

/// Numbers below one that differ from call to call, the same in every test run.
fn fractions() -> impl Iterator<Item = f64> {
    // Multiples of the golden ratio, modulo one, are spread evenly.
    (1..).map(|index| f64::from(index) * 0.618_033_988_75 % 1.0)
}

#[test]
fn killed_at_any_instant_a_run_resumes_to_the_same_trials() {
    resumes_after_kills("search.rungs=1");
}

#[test]
fn killed_at_any_instant_a_run_in_rungs_resumes_to_the_same_promotions() {
    resumes_after_kills("search.rungs=3");
}

fn resumes_after_kills(rungs: &str) {
    let kills = std::env::var("MUNAS_KILLS").map_or(DEFAULT_KILLS, |count| count.parse().unwrap());
    let limit = format!("search.trials={}", kills * TRIALS_PER_KILL);
    let settings = ["--set", &limit, "--set", "train.epochs=4", "--set", "data.subset=2000", "--set", rungs];
    let workspace = Workspace::new();
    let timed = |args: &[&str]| {
        let begin = Instant::now();
        workspace.ok(args);
        begin.elapsed()
    };
    let whole = timed(&Workspace::tiny_search("whole", &settings));
    let start_up = timed(&["resume", "whole"]);
    let search = Workspace::tiny_search("killed", &settings);
    let longest = start_up + whole.saturating_sub(start_up) * 2 / kills;
    let mut killed = 0;
    for fraction in fractions().take(kills as usize) {
        // A process that is killed before the run is whole leaves nothing to resume: it is begun again.
        let begun = workspace.path("killed/journal.db").exists();
        let args: &[&str] = if begun { &["resume", "killed"] } else { &search };
        let mut process = Running::start(workspace.command(args));
        sleep(longest.mul_f64(fraction));
        if process.has_ended() {
            break;
        }
        process.kill();
        killed += 1;
    }
    let begun = workspace.path("killed/journal.db").exists();
    workspace.ok(if begun { &["resume", "killed"] } else { &search });
    let (expected, found) = (trials(&workspace.path("whole")), trials(&workspace.path("killed")));
    println!("{killed} kills of a search of {} trials that takes {whole:?}", found.len());
    assert_eq!(expected.len() as u32, kills * TRIALS_PER_KILL);
    assert_eq!(found, expected);
    let promotions = |name: &str| RunReader::open(&workspace.path(name)).unwrap().promotions().unwrap();
    assert_eq!(promotions("killed"), promotions("whole"));
    let decisions = expected.len() + promotions("whole").len();
    assert_eq!(workspace.json(&["replay", "killed", "--json"])["agreeing"], decisions);
}

#[test]
fn ctrl_c_ends_cleanly_and_the_run_goes_on_later() {
    let workspace = Workspace::new();
    let mut search =
        Running::start(workspace.command(&Workspace::tiny_search("run", &["--set", "search.trials=100000"])));
    search.wait_for("trial 2: ");
    search.interrupt();
    let finished = search.finish();
    assert_eq!(finished.code, Some(130), "{}", finished.stderr);
    assert!(!finished.stderr.lines().any(|line| line.starts_with("error")), "{}", finished.stderr);
    assert!(finished.stderr.contains("munas resume run"), "{}", finished.stderr);
    let status = workspace.json(&["status", "run", "--json"]);
    assert_eq!((status["end_reason"].as_str(), status["running"].as_u64()), (Some("interrupted"), Some(0)));
    let done = status["done"].as_u64().unwrap();
    assert!(done >= 2);
    workspace.ok(&["resume", "run", "--trials", &(done + 1).to_string()]);
    assert_eq!(workspace.json(&["status", "run", "--json"])["done"], done + 1);
}

/// An endless search of which two trials are done.
fn endless(workspace: &Workspace, ignored: Option<&str>) -> Running {
    let args = Workspace::tiny_search("run", &["--set", "search.trials=100000", "--json"]);
    let mut search = Running::start(match ignored {
        None => workspace.command(&args),
        Some(signal) => workspace.command_that_ignores(signal, &args),
    });
    search.wait_for("trial 2: ");
    search
}

/// Whether this process was started with SIGHUP (signal 1, the lowest bit) ignored; `false` where the system does not tell.
fn ignores_hangup() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
}

#[test]
fn other_signals_end_in_order_too_and_a_time_limit_is_no_interruption() {
    for (signal, status) in [("-TERM", 143), ("-HUP", 129)] {
        if signal == "-HUP" && ignores_hangup() {
            println!("skipped: SIGHUP is ignored in these tests, as under nohup, and so by what they start");
            continue;
        }
        let workspace = Workspace::new();
        let search = endless(&workspace, None);
        search.signal(signal);
        let finished = search.finish();
        assert_eq!(finished.code, Some(status), "{signal}: {}", finished.stderr);
        assert!(finished.stdout.contains("\"reason\": \"interrupted\""), "{}", finished.stdout);
    }
    let workspace = Workspace::new();
    // Without finalists: what trains them may be done before the time is up.
    let more = ["--set", "search.trials=100000", "--set", "final.share=0", "--time", "1s"];
    workspace.ok(&Workspace::tiny_search("run", &more));
    assert_eq!(workspace.json(&["status", "run", "--json"])["end_reason"], "time");
}

#[test]
fn signals_that_were_ignored_from_the_beginning_stay_ignored() {
    // As under nohup, and in the background jobs of a script.
    for signal in ["HUP", "INT"] {
        let workspace = Workspace::new();
        let mut search = endless(&workspace, Some(signal));
        search.signal(&format!("-{signal}"));
        search.wait_for("trial 12: ");
        search.signal("-TERM");
        assert_eq!(search.finish().code, Some(143));
    }
}

#[test]
fn a_second_ctrl_c_ends_at_once() {
    let workspace = Workspace::new();
    // A batch takes longer than two signals: only the second Ctrl-C can end it in time.
    let long = [
        "search",
        "--out",
        "run",
        "--data",
        "glyphs28",
        "--workers",
        "1",
        "--set",
        "train.batch=128",
        "--set",
        "search.sampling=uniform",
        "--set",
        "search.max_training_cost=1000000M",
        "--set",
        "space.bounds={blocks=[9,10],kernels=[7],filters=[100,128],pool_sizes=[2],dense=[1,2],units=[10,64],layers=[3,3]}",
    ];
    let mut search = Running::start(workspace.command(&long));
    search.wait_for("bounds");
    while workspace.json(&["status", "run", "--json"])["running"] != 1 {
        sleep(Duration::from_millis(20));
    }
    search.interrupt();
    search.wait_for("stopping 1 running trial");
    search.interrupt();
    assert_eq!(search.finish().code, Some(130));
    let status = workspace.json(&["status", "run", "--json"]);
    assert_eq!((status["active"].as_bool(), status["running"].as_u64()), (Some(false), Some(1)));
}

/// A compiler that leaves a file where compilers do, starts a program, says that it has, and never comes to an end.
#[cfg(unix)]
const COMPILER: &str = r#"#!/bin/sh
echo "int x;" > "$TMPDIR/cc12345.s"
sleep 600 &
echo $$ $! > "$STARTED.new"
mv "$STARTED.new" "$STARTED"
wait
"#;

/// Ctrl-C ends what `verify` runs, with all that was started by it, and leaves no file behind.
#[cfg(unix)]
#[test]
fn an_interrupted_check_leaves_nothing_behind() {
    use std::os::unix::fs::PermissionsExt;

    let workspace = Workspace::new();
    workspace.ok(&Workspace::tiny_search("run", &[]));
    let trial = workspace.json(&["front", "run", "--json"])[0]["trial"].to_string();
    for folder in ["bin", "tmp"] {
        std::fs::create_dir(workspace.path(folder)).unwrap();
    }
    workspace.write("bin/gcc", COMPILER);
    std::fs::set_permissions(workspace.path("bin/gcc"), PermissionsExt::from_mode(0o755)).unwrap();
    let (started, temporary) = (workspace.path("started"), workspace.path("tmp"));
    let path = format!("{}:{}", workspace.path("bin").display(), std::env::var("PATH").unwrap());
    let mut command = workspace.command(&["verify", "run", &trial]);
    command.env("PATH", path).env("STARTED", &started).env("TMPDIR", &temporary);
    let check = Running::start(command);
    while !started.exists() {
        sleep(Duration::from_millis(10));
    }
    assert_eq!(
        std::fs::read_dir(&temporary).unwrap().count(),
        1,
        "the check works in a directory of its own"
    );
    check.interrupt();
    let finished = check.finish();
    assert_eq!(finished.code, Some(130), "{}", finished.stderr);
    assert_eq!(finished.stderr, "");
    assert_eq!(std::fs::read_dir(&temporary).unwrap().count(), 0, "temporary files are left");
    for id in std::fs::read_to_string(&started).unwrap().split_whitespace() {
        let is_gone = || {
            let state = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
            state.is_empty() || state.contains(") Z ")
        };
        let begin = Instant::now();
        while !is_gone() {
            assert!(begin.elapsed() < Duration::from_secs(10), "process {id} lives on");
            sleep(Duration::from_millis(10));
        }
    }
}
