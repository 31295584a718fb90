//! How networks are judged: groups, standard errors, metrics.

use std::fmt::Write;

use serde_json::Value;

use crate::support::Workspace;

/// 400 rows of twenty subjects; one row in twelve is a fault.
fn table() -> String {
    let mut text = "subject,a,b,label\n".to_owned();
    for row in 0..400 {
        let fault = row * 7 % 12 == 0;
        let value = f64::from(row * 37 % 100) / 100.0 + if fault { 0.7 } else { 0.0 };
        writeln!(text, "s{},{value},{},{}", row / 20, row % 3, ["ok", "fault"][usize::from(fault)]).unwrap();
    }
    text
}

const SEARCH: [&str; 12] = [
    "search",
    "--data",
    "csv:own.csv",
    "--set",
    "space.kind=mlp",
    "--set",
    "train.epochs=2",
    "--trials",
    "3",
    "--workers",
    "1",
    "--out",
];

#[test]
fn rare_classes_and_subjects_are_judged_as_asked_for() {
    let workspace = Workspace::new();
    workspace.write("own.csv", table());
    let plain = workspace.run(&[&SEARCH[..], &["plain"]].concat());
    assert_eq!(plain.code, Some(0), "{}", plain.stderr);
    assert!(
        plain.stdout.contains("in int8 ± s.e.") && plain.stdout.contains("test error"),
        "{}",
        plain.stdout
    );
    for said in
        ["says which rows belong together (20 groups)", "classes are out of balance", "`--metric balanced`"]
    {
        assert!(plain.stderr.contains(said), "`{said}` is not in {}", plain.stderr);
    }
    let args = [&SEARCH[..], &["balanced", "--metric", "balanced", "--max-error", "40%"]].concat();
    let balanced = workspace.run(&args);
    assert_eq!(balanced.code, Some(0), "{}", balanced.stderr);
    assert!(balanced.stdout.contains("val. balanced error  in int8 ± s.e."), "{}", balanced.stdout);
    assert!(balanced.stderr.contains("balanced validation error in int8 ≤ 40"), "{}", balanced.stderr);
    assert!(!balanced.stderr.contains("out of balance"), "nothing is to be said: {}", balanced.stderr);
    let front = workspace.json(&["front", "balanced", "--json"]);
    let number =
        |member: &Value, name: &str| member[name].as_f64().unwrap_or_else(|| panic!("{name}: {member}"));
    for member in front.as_array().unwrap() {
        assert_eq!(member["metric"], "balanced");
        assert!(number(member, "val_stderr") > 0.0 && number(member, "macro_f1_error") >= 0.0);
    }
    let driving: Vec<f64> =
        front.as_array().unwrap().iter().map(|member| number(member, "objective_error")).collect();
    assert!(driving.is_sorted(), "{driving:?}");
    let in_bounds = |member: &Value| number(member, "objective_error") <= 0.4;
    assert!(
        front.as_array().unwrap().iter().all(|member| member["in_bounds"] == in_bounds(member)),
        "{front}"
    );
    let trial = front[0]["trial"].to_string();
    let shown = workspace.ok(&["show", "balanced", &trial]);
    for said in [
        "macro-F1",
        "standard error of the balanced error in int8",
        "balanced: the balanced error drives the search",
    ] {
        assert!(shown.contains(said), "`{said}` is not in {shown}");
    }
    workspace.ok(&["report", "balanced"]);
    let page = std::fs::read_to_string(workspace.path("balanced/report.html")).unwrap();
    assert!(
        page.contains("as fault</th>")
            && page.contains("val. balanced error")
            && page.contains("in int8 ± s.e.")
    );
}

#[test]
fn data_info_says_the_groups_of_each_part() {
    let workspace = Workspace::new();
    workspace.write("own.csv", table());
    let text = workspace.ok(&["data", "info", "csv:own.csv"]);
    assert!(text.contains("groups        column 1 (`subject`), 20 different: "), "{text}");
    let info = workspace.json(&["data", "info", "csv:own.csv", "--json"]);
    let part = |name: &str| info["groups_of_parts"][name].as_u64().unwrap();
    assert_eq!(part("train") + part("validation") + part("test"), 20);
    assert!(part("validation") >= 5);
    let none = workspace.json(&[
        "data",
        "info",
        "csv:own.csv#label",
        "--groups",
        "none",
        "--set",
        "data.csv.ignore=[\"subject\"]",
        "--json",
    ]);
    assert_eq!(none["groups"], 0);
    let wrong = workspace.run(&["data", "info", "csv:own.csv", "--groups", "person"]);
    assert_eq!(wrong.code, Some(2));
    assert!(
        wrong.stderr.contains("no column `person`") && wrong.stderr.contains("--groups none"),
        "{}",
        wrong.stderr
    );
}
